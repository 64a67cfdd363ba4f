// Schedule: how a fused kernel is run, as data. It changes speed, never bits.
//
// What a call of the machine code does is a range of work items, so that threads can share them:
//   no row        one axis: an item is an element; else a run along the innermost axis
//   row by lanes  an item is a row
//   row by blocks an item is `interleave` vectors of neighboring columns
#pragma once

#include <cstdint>
#include <vector>

#include "base/cpu.h"
#include "jit/fused_kernel.h"

namespace gcomp::codegen {

struct Schedule {
  int lanes = 16;  // elements of a vector, whatever their type
  // Vectors that are computed side by side: a long chain waits for each result otherwise. Measured
  // on 20 ops with tanh and exp: 8 vectors take 0.46 of the time of one.
  int interleave = 1;
  // Sizes and strides (but 0 and 1) are arguments of the code.
  bool sizes_as_arguments = false;
  // By node: what a loop over a row keeps in scratch for a later loop over the same row, since
  // computing it again costs more than memory.
  std::vector<bool> kept;
  // By level: the loop over the row first computes and keeps what its reductions combine. Without,
  // the code of a value stands once per register of the 128 lanes: too much for long chains.
  std::vector<bool> apart;

  bool operator==(const Schedule&) const = default;
};

// Elements of a chunk and lanes of its sums, elements of a block: docs/numerics.md.
inline constexpr int64_t kChunk = 4096;
inline constexpr int64_t kChunkLanes = 128;
inline constexpr int64_t kBlock = 64;

// lanes: 4, 8 or 16.
Schedule MakeSchedule(const FusedKernel& kernel, CpuLevel cpu, int lanes);

// Scratch of one call: where its parts begin, in bytes.
struct ScratchLayout {
  std::vector<int64_t> partials;  // by reduction: values of chunks or blocks
  std::vector<int64_t> kept;      // by node: its row, where it is kept
  int64_t bytes = 0;
};

ScratchLayout LayOutScratch(const FusedKernel& kernel, const Schedule& schedule);

// Number of work items, and the multiple at which threads may split them.
struct WorkItems {
  int64_t count = 1;
  int64_t multiple = 1;
  int64_t elements_per_item = 1;
};

WorkItems CountWork(const FusedKernel& kernel, const Schedule& schedule);

}  // namespace gcomp::codegen
