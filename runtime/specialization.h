// Specialization: a function bound to concrete sizes, ready for the interpreter.
//
// All that depends on sizes alone is decided here, once: the spec of every value, a slot for every
// value, which buffers share memory, one prepared kernel per op, which results are written straight
// into the caller's memory. A run then only moves pointers and calls kernels.
//
// A function's regions and the functions it invokes are blocks of the same specialization. A callee
// that is invoked at the same sizes from several places is one block. Memory: each block has a
// fixed range in the frame's arena, past the ranges of all blocks that can be running when it runs.
//
// Ownership: immutable after Create and shared by frames; borrows the module and the weights, which
// the session keeps. Thread safety: may be read from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/cpu.h"
#include "base/status.h"
#include "ir/kernel.h"
#include "ir/module.h"
#include "kernels/strided_copy.h"
#include "runtime/tensor.h"

namespace gcomp {

// An op that runs a kernel.
struct Instruction {
  const ir::Kernel* kernel;
  uint32_t operands;           // begin of its operand slots in BlockCode::slot_lists
  uint32_t results;            // begin of its result slots there
  int64_t scratch_offset = 0;  // in the block's arena range; bytes
  uint32_t children = 0;       // begin of its blocks in BlockCode::child_lists
  uint32_t num_children = 0;
  ir::OpId op;
};

// slots[result] = slots[operand] + byte_offset: what a view is at run time.
struct PointerMove {
  uint32_t result;
  uint32_t operand;
  int64_t byte_offset;
};

struct BlockCode {
  const ir::Function* function = nullptr;
  ir::BlockId block;
  std::vector<ir::TensorSpec> specs;  // by slot
  std::vector<uint32_t> params;       // their slots

  struct Yield {
    uint32_t slot;
    // The op that makes the value writes it at the destination; else it is copied there at the end.
    bool direct;
    ir::TensorSpec destination;
    kernels::StridedCopy copy;  // to the destination, unless direct
  };

  std::vector<Yield> yields;

  struct ArenaSlot {
    uint32_t slot;
    int64_t offset;
  };

  std::vector<ArenaSlot> arena_slots;

  struct ConstantSlot {
    uint32_t slot;
    const void* data;
  };

  std::vector<ConstantSlot> constants;
  std::vector<PointerMove> fixed_moves;  // of buffers and constants: done once per frame
  std::vector<PointerMove> moves;        // of parameters and destinations: done at each entry
  std::vector<Instruction> instructions;
  std::vector<uint32_t> slot_lists;
  std::vector<uint32_t> child_lists;  // indices of blocks
  int64_t arena_bytes = 0;
  int64_t arena_offset = 0;
};

// Where the data of a function's weight parameters are, by parameter; null for the others.
using BoundWeights = std::vector<const void*>;

class Specialization {
 public:
  // `weights` belongs to `function`. Fails with E503 (a size is negative or not known), E511 (a
  // form that the interpreter can't run yet), E801, and with what kernels say when prepared.
  static StatusOr<std::shared_ptr<const Specialization>> Create(const ir::Module& module,
                                                                const ir::Function& function,
                                                                const BoundWeights& weights,
                                                                std::vector<int64_t> symbols,
                                                                CpuLevel cpu);

  const std::vector<int64_t>& symbols() const { return symbols_; }

  // Block 0 is the function's body.
  const std::vector<std::unique_ptr<BlockCode>>& blocks() const { return blocks_; }

  const BlockCode& root() const { return *blocks_[0]; }

  int64_t arena_bytes() const { return arena_bytes_; }

 private:
  friend class Specializer;
  Specialization() = default;

  std::vector<int64_t> symbols_;
  std::vector<std::unique_ptr<BlockCode>> blocks_;
  std::vector<std::unique_ptr<ir::Kernel>> kernels_;
  std::vector<Tensor> constants_;
  int64_t arena_bytes_ = 0;
};

// Copies the elements of a tensor into another of the same sizes and dtype; both strided. Plans the
// copy anew at each call: for paths that are not hot.
void CopyElements(const ir::TensorSpec& from, const void* source, const ir::TensorSpec& to,
                  void* destination);

}  // namespace gcomp
