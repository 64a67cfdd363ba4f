// IndexMap: where in a stage's own loops a kernel's loops stand.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "jit/fused_kernel.h"
#include "jit/stage_info.h"

namespace gcomp::codegen {

// By axis of a stage: its position as a function of the kernel's axes.
using IndexMap = std::vector<Offset>;

// The sizes of a kernel's axes, parallel ones first, then that of its row if it has one.
using AxisSizes = std::vector<int64_t>;

inline constexpr uint32_t kNoAxis = UINT32_MAX;

// The position along one axis alone, of `rank` axes.
Offset AxisAlone(size_t axis, size_t rank);

// The kernel's axis that an index is, without scale or shift; kNoAxis if it is another function.
uint32_t LoneAxis(const Offset& index);

// `offset` of a stage's axes as one of the kernel's, of which there are `rank`.
Offset Substitute(const Offset& offset, const IndexMap& map, size_t rank);

// The maker's axes such that its store lies at `offset` (of the kernel's axes), where `bounds`
// hold.
Maybe<IndexMap> TakeApart(const Offset& offset, const StageInfo& maker,
                          const std::vector<Bound>& bounds, const AxisSizes& sizes);

}  // namespace gcomp::codegen
