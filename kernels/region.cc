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

bool BindsSymbol(const Type& param) {
  return param.kind() == Type::Kind::kInt && param.value().kind() == ir::Expr::Kind::kSymbol;
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
    if (found != passed[i] && !(passed[i].kind() == Type::Kind::kInt && BindsSymbol(found))) {
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

StatusOr<size_t> SlicedAxis(const InferCtx& ctx, int64_t dim, const Type& x) {
  const bool sliceable =
      x.is_tensor() && x.rank() > 0 &&
      (x.layout().kind == Layout::Kind::kContiguous || x.layout().kind == Layout::Kind::kStrided);
  if (!sliceable) {
    return ctx.Fail(
        Format("xs are tensors of rank 1 or more with known strides, found {}", ctx.Show(x)),
        ErrorId::E224);
  }
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(dim, x.rank(), "dim"));
  return static_cast<size_t>(axis);
}

Type SliceOf(const Type& x, size_t axis) {
  ir::Dims dims = x.dims();
  Layout layout;
  layout.kind = Layout::Kind::kStrided;
  layout.strides = x.Strides();
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  layout.strides.erase(layout.strides.begin() + static_cast<std::ptrdiff_t>(axis));
  return Type::Tensor(x.dtype(), std::move(dims), std::move(layout), x.device());
}

StatusOr<Type> StackOf(const InferCtx& ctx, const ir::Expr& count, const Type& row) {
  if (!row.is_tensor()) {
    return ctx.Fail(Format("only tensors are stacked, the region yields {}", ctx.Show(row)),
                    ErrorId::E224);
  }
  ir::Dims dims = row.dims();
  dims.insert(dims.begin(), count);
  return Type::Tensor(row.dtype(), std::move(dims), {}, row.device());
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

Status CheckRowMajorResults(const ir::KernelCtx& ctx, size_t r) {
  for (const TensorSpec& made : ctx.regions[r].results) {
    if (!ir::IsKnown(made)) {
      return Status(ErrorId::E511,
                    Format("{}: its region yields a tensor whose sizes are known only "
                           "when it runs",
                           ctx.op.def->name));
    }
    GCOMP_ENSURE(made.IsContiguous(), "a region writes what is carried or stacked row-major");
  }
  return {};
}

StatusOr<Carry> Carry::Make(size_t operand, const TensorSpec& from, const TensorSpec& result,
                            ScratchPlan& scratch) {
  GCOMP_ENSURE(from.dtype == result.dtype && from.sizes == result.sizes && result.IsContiguous(),
               "a carry keeps its type, and is row-major");
  Carry carry;
  carry.operand = operand;
  carry.row_major = from.IsContiguous();
  carry.copy =
      StridedCopy::Make(result.sizes, from.strides, result.strides, ir::BytesOf(result.dtype));
  for (size_t& buffer : carry.buffers) buffer = scratch.Take(result);
  return carry;
}

void* Carry::Enter(const ir::KernelArgs& args, char* scratch) const {
  if (row_major) return args.slots[args.operand_slots[operand]];
  void* buffer = Buffer(1, scratch);
  Copy(args, buffer);
  return buffer;
}

bool IsNonzero(ir::DType dtype, const void* data) {
  const ir::Scalar value = ir::Scalar::Load(dtype, data);
  // Of a float, the sign bit does not count.
  const int unused = 64 - ir::BitsOf(dtype) + (ir::IsFloat(dtype) ? 1 : 0);
  return value.bits << unused != 0;
}

}  // namespace gcomp::kernels
