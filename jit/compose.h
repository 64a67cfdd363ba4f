// Composer: the loop nests of several ops as one FusedKernel, or the reason why not.
//
// The kernel's axes are those of one stage, the root: a reduction if there is one, else the stored
// stage with the most points. Every other stage gets a map that gives each of its own axes as an
// affine function of the kernel's axes:
//   - upwards: where a stage loads what another one stores, the offset of the load is taken apart
//   by
//     the strides of the store (so transposes, slices, broadcasts and splits of axes fold);
//   - downwards: a stage whose result is stored matches its axes by what it loads of the group.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "ir/loops.h"
#include "jit/fuse.h"

namespace gcomp::codegen {

struct Composed {
  std::optional<FusedKernel> kernel;
  std::string why;  // there is none
};

// `nests[i]`: the loops of graph.ops[i], null where it has none. `ops`: ascending. `stored`: by
// tensor, whether the memory of that storage must be written.
Composed Compose(const FusionGraph& graph, std::span<const ir::LoopNest* const> nests,
                 std::span<const uint32_t> ops, const std::vector<bool>& stored,
                 size_t max_buffers);

}  // namespace gcomp::codegen
