#include "kernels/region.h"

#include <utility>

#include "base/format.h"
#include "ir/scalar_value.h"

namespace gcomp::kernels {

using ir::InferCtx;
using ir::Layout;
using ir::TensorSpec;
using ir::Type;

Status CheckRegionCount(const InferCtx& ctx, size_t count) {
  if (ctx.op().regions.size() == count) return {};
  return ctx.Fail(Format("takes {} region(s), found {}", count, ctx.op().regions.size()),
                  ErrorId::E505);
}

const ir::Block& RegionOf(const InferCtx& ctx, size_t r) {
  return ctx.function().block(ctx.op().regions[r]);
}

const Type& TypeOf(const InferCtx& ctx, ir::ValueId id) {
  return ctx.function().value(id).type;
}

std::vector<Type> OperandTypes(const InferCtx& ctx, size_t first) {
  std::vector<Type> types;
  for (size_t i = first; i < ctx.num_operands(); ++i) types.push_back(ctx.operand(i));
  return types;
}

Status CheckParams(const InferCtx& ctx, size_t r, std::span<const Type> passed) {
  const ir::Block& block = RegionOf(ctx, r);
  if (block.params.size() != passed.size()) {
    return ctx.Fail(Format("region {} has {} parameters, but {} values are passed", block.label,
                           block.params.size(), passed.size()),
                    ErrorId::E505);
  }
  for (size_t i = 0; i < passed.size(); ++i) {
    const Type& found = TypeOf(ctx, block.params[i]);
    if (passed[i].kind() == Type::Kind::kInt || found.kind() == Type::Kind::kInt) {
      return ctx.Fail(
          Format("parameter {} of region {} is {}: this build passes no int to a region", i,
                 block.label, ctx.Show(found)),
          ErrorId::E511);
    }
    if (found != passed[i]) {
      return ctx.Fail(Format("parameter {} of region {} is {}, but {} is passed", i, block.label,
                             ctx.Show(found), ctx.Show(passed[i])));
    }
  }
  return {};
}

Type WithoutOffset(const Type& type) {
  if (!type.is_tensor()) return type;
  Layout layout;
  if (type.layout().kind == Layout::Kind::kStrided) {
    layout = type.layout();
    layout.offset = 0;
  }
  return Type::Tensor(type.dtype(), type.dims(), std::move(layout), type.device());
}

Type RowMajor(const Type& type) {
  if (!type.is_tensor()) return type;
  return Type::Tensor(type.dtype(), type.dims(), {}, type.device());
}

StatusOr<ResultMove> ResultMove::Make(const TensorSpec& from, const TensorSpec& to,
                                      ScratchPlan& scratch) {
  GCOMP_ENSURE(from.dtype == to.dtype && from.sizes == to.sizes,
               "a region's result has the dtype and sizes of the op's");
  ResultMove move;
  if (from.strides != to.strides) {
    move.copy = StridedCopy::Make(to.sizes, from.strides, to.strides, ir::BytesOf(to.dtype));
    move.scratch_at = scratch.Take(from);
  }
  return move;
}

StatusOr<std::vector<ResultMove>> MakeMoves(std::span<const TensorSpec> from,
                                            std::span<const TensorSpec> to, ScratchPlan& scratch) {
  GCOMP_ENSURE(from.size() == to.size(), "a region has as many results as the op");
  std::vector<ResultMove> moves;
  for (size_t i = 0; i < to.size(); ++i) {
    GCOMP_ASSIGN_OR_RETURN(ResultMove move, ResultMove::Make(from[i], to[i], scratch));
    moves.push_back(std::move(move));
  }
  return moves;
}

bool IsNonzero(ir::DType dtype, const void* data) {
  const ir::Scalar value = ir::Scalar::Load(dtype, data);
  // Of a float, the sign bit does not count.
  const int unused = 64 - ir::BitsOf(dtype) + (ir::IsFloat(dtype) ? 1 : 0);
  return value.bits << unused != 0;
}

}  // namespace gcomp::kernels
