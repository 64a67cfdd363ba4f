// What the ops with regions share: checks of the regions' types, and the way of a region's results
// into the op's.
//
// A region writes its results as its own types have them (strides). Where the op's result lies
// otherwise, the region writes into scratch and the kernel copies; most often nothing is copied.
#pragma once

#include <cstddef>
#include <cstdint>
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

// True for the type of a region's parameter that gives the int passed a symbol, `int<u>`. A symbol
// that is known outside already is no new one: the verifier sees to that.
bool BindsSymbol(const ir::Type& param);

// Fails unless region r takes exactly the types that are passed, or `int<u>` for an int: E505 for
// another number of parameters, E504 for another type.
Status CheckParams(const ir::InferCtx& ctx, size_t r, std::span<const ir::Type> passed);

// A tensor type with the same strides in storage of its own (offset 0; row-major if they are
// unknown); other types as they are.
ir::Type WithoutOffset(const ir::Type& type);

// A tensor type in row-major order; other types as they are.
ir::Type RowMajor(const ir::Type& type);

// The axis of x that attribute `dim` names, negative from the end. E224 unless x is a tensor of
// rank 1 or more whose strides are known; E508 out of range.
StatusOr<size_t> SlicedAxis(const ir::InferCtx& ctx, int64_t dim, const ir::Type& x);

// x at one place of `axis`: without it, the other strides as they are. Requires SlicedAxis.
ir::Type SliceOf(const ir::Type& x, size_t axis);

// `count` times `row`, row-major: [count, row's dims]. E224 unless it is a tensor.
StatusOr<ir::Type> StackOf(const ir::InferCtx& ctx, const ir::Expr& count, const ir::Type& row);

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

// E511 unless all sizes of what the region makes are known before the run, E999 unless it is
// row-major: what a loop around a region can write where it belongs.
Status CheckRowMajorResults(const ir::KernelCtx& ctx, size_t r);

// A value that each iteration of a loop reads and the next one gets anew, row-major. Two buffers in
// scratch are read and written in turn; the first iteration reads the operand itself where that is
// row-major.
struct Carry {
  size_t operand = 0;          // index in Op::operands
  bool row_major = true;       // the operand is
  StridedCopy copy;            // from the operand to row-major
  size_t buffers[2] = {0, 0};  // in scratch

  // Fails with E999 unless operand and result have equal dtypes and sizes and the result is
  // row-major.
  static StatusOr<Carry> Make(size_t operand, const ir::TensorSpec& from,
                              const ir::TensorSpec& result, ScratchPlan& scratch);

  // Where iteration 0 reads. May fill the buffer that iteration 1 writes.
  void* Enter(const ir::KernelArgs& args, char* scratch) const;

  // Where iteration `trip` writes.
  void* Buffer(int64_t trip, char* scratch) const { return scratch + buffers[trip % 2]; }

  // The operand as the result of a loop without iterations.
  void Copy(const ir::KernelArgs& args, void* result) const {
    copy.Run(args.operand(operand), result);
  }
};

// True if the element at `data` is not zero; NaN is not zero, -0.0 is.
bool IsNonzero(ir::DType dtype, const void* data);

}  // namespace gcomp::kernels
