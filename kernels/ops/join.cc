// Joining tensors along an axis, and taking one apart: concat, stack, split.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/decompose.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/copy_pieces.h"
#include "kernels/view_geometry.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Type;

// ---- concat -------------------------------------------------------------------------------------

Status InferConcat(InferCtx& ctx) {
  if (ctx.num_operands() == 0) return ctx.Fail("needs at least one operand");
  const Type& first = ctx.operand(0);
  if (first.rank() == 0) return ctx.Fail("operands of rank 0 have no axis to concatenate along");
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), first.rank(), "dim"));
  const size_t d = static_cast<size_t>(axis);
  Dims dims = first.dims();
  for (size_t i = 1; i < ctx.num_operands(); ++i) {
    const Type& x = ctx.operand(i);
    bool fits = x.dtype() == first.dtype() && x.rank() == first.rank();
    for (size_t j = 0; fits && j < dims.size(); ++j) {
      fits = j == d || ctx.SameSize(x.dims()[j], dims[j]);
    }
    if (!fits) {
      return ctx.Fail(
          Format("operand {} is {}, operand 0 {}: dtype, rank and sizes must agree but "
                 "for axis {}",
                 i, ctx.Show(x), ctx.Show(first), axis));
    }
    dims[d] = Expr::Add(dims[d], x.dims()[d]);
  }
  if (dims[d].is_poison()) {
    return ctx.Fail(Format("the size of axis {} overflows 64 bits", axis), ErrorId::E503);
  }
  ctx.Return(Type::Tensor(first.dtype(), std::move(dims), {}, first.device()));
  return {};
}

// The axis, once infer has accepted it.
size_t ConcatAxis(const ir::AttrReader& attrs, size_t rank) {
  int64_t dim = attrs.Int("dim");
  return static_cast<size_t>(dim < 0 ? dim + static_cast<int64_t>(rank) : dim);
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareConcat(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& y = ctx.results[0];
  const size_t axis = ConcatAxis(ctx.attrs, y.sizes.size());
  const int64_t bytes = ir::BytesOf(y.dtype);
  std::vector<PieceKernel::Piece> pieces;
  int64_t at = 0;
  for (size_t i = 0; i < ctx.operands.size(); ++i) {
    const ir::TensorSpec& x = ctx.operands[i];
    // What is empty writes nothing, at offsets that may not be there.
    if (x.NumElements() != 0) {
      pieces.push_back({.source = i,
                        .copy = StridedCopy::Make(x.sizes, x.strides, y.strides, bytes),
                        .target_byte = at * y.strides[axis] * bytes});
    }
    at += x.sizes[axis];
  }
  GCOMP_ENSURE(at == y.sizes[axis], "the operands fill the result");
  return MakePieceKernel(std::move(pieces));
}

// One stage, so that an element's reader can ask for it alone: every part is read at its own
// position, guarded, and the position along the axis says which of them counts.
Status LowerConcat(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  const size_t axis = ConcatAxis(ctx.attrs, y.sizes.size());
  const size_t parts = ctx.operands.size();
  const ir::DType type = ir::ComputeTypeOf(y.dtype);
  ir::Stage stage;
  stage.axes = y.sizes;
  stage.store_buffer = ctx.result_buffer(0);
  stage.store = {0, y.strides};
  Dims along(y.sizes.size(), Expr(0));
  along[axis] = 1;
  std::vector<ir::Load> behind;  // positions behind the end of each part but the last: < 0 in it
  Expr at = 0;
  for (size_t i = 0; i < parts; ++i) {
    const ir::LowerCtx::Tensor& x = ctx.operands[i];
    const Expr back = Expr::Sub(0, at);
    ir::Load load{.buffer = i,
                  .offset = {Expr::Mul(back, x.strides[axis]), x.strides},
                  .guards = {},
                  .otherwise = {y.dtype, 0}};
    if (parts > 1) load.guards.push_back({{back, along}, x.sizes[axis]});
    stage.loads.push_back(std::move(load));
    at = Expr::Add(at, x.sizes[axis]);
    if (i + 1 == parts) break;
    behind.push_back({.buffer = ir::Load::kIndex,
                      .offset = {Expr::Sub(0, at), along},
                      .guards = {},
                      .otherwise = {ir::DType::kI64, 0}});
  }
  stage.loads.insert(stage.loads.end(), behind.begin(), behind.end());
  ir::ScalarGraph& body = stage.body;
  uint32_t value = body.Param(parts - 1, type);
  for (size_t i = parts - 1; i-- > 0;) {
    const uint32_t position = body.Param(parts + i, ir::DType::kI64);
    const uint32_t zero = body.Const({ir::DType::kI64, 0});
    const uint32_t in_part = body.Add({ir::Prim::kLt, ir::DType::kBool, {position, zero, 0}});
    value = body.Add({ir::Prim::kSelect, type, {in_part, body.Param(i, type), value}});
  }
  stage.body_result = value;
  ctx.nest.stages.push_back(std::move(stage));
  return {};
}

// One row-major operand is the result.
std::optional<ir::ValueId> ConcatOfOne(const ir::Function& function, const ir::Op& op) {
  if (op.operands.size() != 1) return std::nullopt;
  const Type& x = function.value(op.operands[0]).type;
  if (!x.is_contiguous() || x != function.value(op.results[0]).type) return std::nullopt;
  return op.operands[0];
}

constexpr ir::OperandSpec kConcatOperands[] = {{.name = "xs", .kind = ir::OperandKind::kVariadic}};
constexpr ir::AttrSpec kConcatAttrs[] = {ir::AxisOf(
    ir::AttrSpec::Axis::kOfOperand,
    ir::IntAttr("dim", 0, "the axis along which the operands stand one after the other"))};

constinit const ir::OpDef kConcat = {
    .name = "concat",
    .doc =
        "The operands one after the other along axis dim.\n"
        "Shapes: xs: [.., n_i, ..] -> y: [.., sum of n_i, ..]; all other sizes equal.\n"
        "Corners: n_i may be 0; at least one operand, of rank 1 or more.",
    .source = "NumPy concatenate",
    .operands = kConcatOperands,
    .attrs = kConcatAttrs,
    .tolerance = kMovesBits,
    .infer = InferConcat,
    .prepare = PrepareConcat,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerConcat},
    .vjp = ir::NotYet(),
    .simplify = ConcatOfOne,
};

// ---- stack --------------------------------------------------------------------------------------

Status InferStack(InferCtx& ctx) {
  if (ctx.num_operands() == 0) return ctx.Fail("needs at least one operand");
  const Type& first = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), first.rank() + 1, "dim"));
  for (size_t i = 1; i < ctx.num_operands(); ++i) {
    const Type& x = ctx.operand(i);
    bool same = x.dtype() == first.dtype() && x.rank() == first.rank();
    for (size_t d = 0; same && d < first.dims().size(); ++d) {
      same = ctx.SameSize(x.dims()[d], first.dims()[d]);
    }
    if (same) continue;
    return ctx.Fail(Format("operand {} is {}, operand 0 {}: dtype and sizes must agree", i,
                           ctx.Show(x), ctx.Show(first)));
  }
  Dims dims = first.dims();
  dims.insert(dims.begin() + axis, Expr(static_cast<int64_t>(ctx.num_operands())));
  ctx.Return(Type::Tensor(first.dtype(), std::move(dims), {}, first.device()));
  return {};
}

// Each operand with a new axis, one after the other along it.
void DecomposeStack(ir::DecomposeCtx& ctx) {
  std::vector<ir::Term> parts = ctx.operands(0);
  int64_t axis = ctx.attrs().Int("dim");
  if (axis < 0) axis += ctx.result_type().rank();
  for (ir::Term& part : parts) part = ctx.Unsqueeze(part, static_cast<int>(axis));
  ctx.Return(ctx.Call("concat", parts, {{"dim", Expr(axis)}}));
}

constexpr ir::AttrSpec kStackAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfResult,
               ir::IntAttr("dim", 0, "where the new axis stands in the result, in [-r - 1, r]"))};

constinit const ir::OpDef kStack = {
    .name = "stack",
    .doc =
        "The operands one after the other along a new axis dim: y[.., i, ..] = xs_i[..].\n"
        "Shapes: xs: k of [d_0, ..., d_r-1] -> y: [.., d_dim-1, k, d_dim, ..].\n"
        "Corners: at least one operand; all of the same sizes; rank 0 is allowed.",
    .source = "NumPy stack",
    .operands = kConcatOperands,
    .attrs = kStackAttrs,
    .tolerance = kMovesBits,
    .infer = InferStack,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeStack},
    .vjp = ir::NotYet(),
};

// ---- split --------------------------------------------------------------------------------------

Status InferSplit(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), x.rank(), "dim"));
  const size_t d = static_cast<size_t>(axis);
  const Dims sizes = ctx.attrs().Sizes("sizes").value_or(Dims());
  if (sizes.empty()) return ctx.Fail("sizes must list at least one size", ErrorId::E508);
  Expr at = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (IsNegative(ctx, sizes[i])) {
      return ctx.Fail(Format("size {} of part {} is negative", ctx.Show(sizes[i]), i),
                      ErrorId::E508);
    }
    GCOMP_RETURN_IF_ERROR(
        FromStart(ctx, at, x.dims()[d], Format("the start of part {}", i)).status());
    at = Expr::Add(at, sizes[i]);
    Dims dims = x.dims();
    dims[d] = sizes[i];
    ctx.Return(Type::Tensor(x.dtype(), std::move(dims), {}, x.device()));
  }
  if (at.is_poison()) return ctx.Fail("the sum of sizes overflows 64 bits", ErrorId::E503);
  if (!ctx.SameSize(at, x.dims()[d])) {
    return ctx.Fail(Format("the sum of sizes is {}, axis {} of {} has size {}", ctx.Show(at), axis,
                           ctx.Show(x), ctx.Show(x.dims()[d])));
  }
  return {};
}

void DecomposeSplit(ir::DecomposeCtx& ctx) {
  const ir::Term x = ctx.operand(0);
  const Expr dim = ctx.attrs().Int("dim");
  Expr at = 0;
  for (const Expr& size : ctx.attrs().Sizes("sizes").value_or(Dims())) {
    const ir::Term part = ctx.Call("narrow", {x}, {{"dim", dim}, {"start", at}, {"length", size}});
    ctx.Return(ctx.Call("contiguous", {part}));
    at = Expr::Add(at, size);
  }
}

constexpr ir::OperandSpec kSplitOperands[] = {{.name = "x"}};
constexpr ir::AttrSpec kSplitAttrs[] = {
    {"sizes", ir::AttrKind::kSizeList, "sizes of the parts along dim; their sum is that of x",
     ir::AttrSpec::Default::kRequired},
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim", 0, "the axis that is cut"))};

constinit const ir::OpDef kSplit = {
    .name = "split",
    .doc =
        "x cut along axis dim: y_i[.., j, ..] = x[.., sizes[0] + ... + sizes[i - 1] + j, ..].\n"
        "Shapes: x: [.., n, ..] -> as many as sizes, y_i: [.., sizes[i], ..]; new values.\n"
        "Corners: sizes may be 0; their sum must be n, for sure.",
    .source = "PyTorch split_with_sizes, as values",
    .operands = kSplitOperands,
    .attrs = kSplitAttrs,
    .num_results = -1,
    .tolerance = kMovesBits,
    .infer = InferSplit,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeSplit},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(join, &kConcat, &kStack, &kSplit)

}  // namespace gcomp::kernels
