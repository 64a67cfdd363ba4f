// What the ops with regions share: checks of the regions' types, and the way of a region's results
// into the op's.
//
// A region writes its results as its own types have them (strides). Where the op's result lies
// otherwise, the region writes into scratch and the kernel copies; most often nothing is copied.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/status.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "kernels/scratch_plan.h"
#include "kernels/strided_copy.h"

namespace gcomp::kernels {

inline constexpr ir::Tolerance kBodysOwn = {
    .reason = "no arithmetic of its own: the ops of the body have their bounds"};

// ---- Types --------------------------------------------------------------------------------------

// Fails with E505 unless the op has `count` regions.
Status CheckRegionCount(const ir::InferCtx& ctx, size_t count);

// Region r. Requires r < the number of regions.
const ir::Block& RegionOf(const ir::InferCtx& ctx, size_t r);

const ir::Type& TypeOf(const ir::InferCtx& ctx, ir::ValueId id);

// The types of operands first, first + 1, ...
std::vector<ir::Type> OperandTypes(const ir::InferCtx& ctx, size_t first);

// Fails unless region r takes exactly the types that are passed: E505 for another number of
// parameters, E504 for another type, E511 for an int.
Status CheckParams(const ir::InferCtx& ctx, size_t r, std::span<const ir::Type> passed);

// A tensor type with the same strides in storage of its own (offset 0; row-major if they are
// unknown); other types as they are.
ir::Type WithoutOffset(const ir::Type& type);

// A tensor type in row-major order; other types as they are.
ir::Type RowMajor(const ir::Type& type);

// ---- Memory -------------------------------------------------------------------------------------

// Takes a tensor from where it was written to where it is wanted, if these are not the same.
struct ResultMove {
  std::optional<StridedCopy> copy;  // nullopt: written in place
  size_t scratch_at = 0;            // where it is written if `copy`

  // Fails with E999 unless both have equal dtypes and sizes.
  static StatusOr<ResultMove> Make(const ir::TensorSpec& from, const ir::TensorSpec& to,
                                   ScratchPlan& scratch);

  void* Target(char* scratch, void* result) const {
    return copy.has_value() ? scratch + scratch_at : result;
  }

  void Finish(const char* scratch, void* result) const {
    if (copy.has_value()) copy->Run(scratch + scratch_at, result);
  }
};

// One move for each result of a region.
StatusOr<std::vector<ResultMove>> MakeMoves(std::span<const ir::TensorSpec> from,
                                            std::span<const ir::TensorSpec> to,
                                            ScratchPlan& scratch);

// True if the element at `data` is not zero; NaN is not zero, -0.0 is.
bool IsNonzero(ir::DType dtype, const void* data);

}  // namespace gcomp::kernels
