// linear: a fully connected layer.
#include <utility>

#include "base/format.h"
#include "ir/decompose.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Term;
using ir::Type;

Status InferLinear(ir::InferCtx& ctx) {
  const Type& x = ctx.group_type(0);
  const Type& w = ctx.group_type(1);
  if (x.rank() < 1 || w.rank() != 2) {
    return ctx.Fail(Format("x must have rank 1 or more and w rank 2, found {} and {}", ctx.Show(x),
                           ctx.Show(w)));
  }
  if (x.dtype() != w.dtype()) {
    return ctx.Fail(
        Format("x and w must have one dtype, found {} and {}", ctx.Show(x), ctx.Show(w)));
  }
  if (!ctx.SameSize(x.dims().back(), w.dims()[1])) {
    return ctx.Fail(
        Format("rows of x {} have {} elements, rows of w {} have {}: they must be "
               "equal",
               ctx.Show(x), ctx.Show(x.dims().back()), ctx.Show(w), ctx.Show(w.dims()[1])));
  }
  if (ctx.has_operand(2)) {
    const Type& bias = ctx.group_type(2);
    if (bias.dtype() != x.dtype() || bias.rank() != 1 ||
        !ctx.SameSize(bias.dims()[0], w.dims()[0])) {
      return ctx.Fail(Format("bias must be {}[{}] for w {}, found {}", ir::NameOf(x.dtype()),
                             ctx.Show(w.dims()[0]), ctx.Show(w), ctx.Show(bias)));
    }
  }
  Dims dims = x.dims();
  dims.back() = w.dims()[0];
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(x.dtype(), std::move(dims), {}, std::move(device)));
  return {};
}

// w keeps its place in memory: its transpose is a view, which a product with constant weights packs
// once, when it is prepared.
void DecomposeLinear(ir::DecomposeCtx& ctx) {
  const bool has_bias = ctx.operand(2).present();
  // Without a bias the product is the op: it rounds once by itself.
  auto widened = [&](Term t) { return has_bias ? ctx.Widened(t) : t; };
  Term x = widened(ctx.operand(0));
  const Term w = ctx.Transpose(widened(ctx.operand(1)), {1, 0});
  const bool is_row = x.rank() == 1;
  if (is_row) x = ctx.Unsqueeze(x, 0);
  Term y = ctx.Call("matmul", {x, w});
  if (is_row) y = ctx.Reshape(y, ctx.result_type().dims());
  ctx.Return(has_bias ? y + ctx.Widened(ctx.operand(2)) : y);
}

constexpr ir::OperandSpec kOperands[] = {
    {.name = "x", .dtypes = ir::kNumericDTypes},
    {.name = "w", .dtypes = ir::kNumericDTypes},
    {.name = "bias", .kind = ir::OperandKind::kOptional, .dtypes = ir::kNumericDTypes}};

constinit const ir::OpDef kLinear = {
    .name = "linear",
    .doc =
        "Fully connected layer: y[.., j] = bias[j] + sum over p of x[.., p] * w[j, p].\n"
        "Shapes: x: [.., k], w: [n, k], bias?: [n] -> y: [.., n].\n"
        "Corners: k = 0 gives the bias, or zeros; integers wrap; f16 and bf16 are computed in f32 "
        "and rounded once.",
    .source = "PyTorch linear",
    .operands = kOperands,
    .numeric = ir::NumericClass::kPinned,
    .tolerance = {.ulp = 1,
                  .rtol = 1e-5,
                  .reason = "a product as matmul gives it, and one rounded sum; narrower results "
                            "are rounded once more"},
    .infer = InferLinear,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeLinear},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(linear, &kLinear)

}  // namespace gcomp::kernels
