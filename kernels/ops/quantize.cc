// quantize, dequantize: between floats and small integers on an affine scale.
#include <optional>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/decompose.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::DType;
using ir::DTypeSet;
using ir::Expr;
using ir::InferCtx;
using ir::Term;
using ir::Type;

constexpr DTypeSet kQuantizedDTypes =
    DTypeSet::Of(DType::kI8, DType::kI16, DType::kI32, DType::kU8, DType::kU16, DType::kU32);

// scale and zero_point are one number each, or one per index of axis `dim`.
Status CheckScales(const InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Type& scale = ctx.operand(1);
  const Type& zero_point = ctx.operand(2);
  if (!ctx.attrs().Has("dim")) {
    if (scale.rank() == 0 && zero_point.rank() == 0) return {};
    return ctx.Fail(Format("without dim, scale and zero_point must have rank 0, found {} and {}",
                           ctx.Show(scale), ctx.Show(zero_point)));
  }
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), x.rank(), "dim"));
  const Expr& size = x.dims()[static_cast<size_t>(axis)];
  for (const Type* type : {&scale, &zero_point}) {
    if (type->rank() != 1 || !ctx.SameSize(type->dims()[0], size)) {
      return ctx.Fail(
          Format("scale and zero_point must have shape [{}], the size of axis {} of "
                 "{}, found {} and {}",
                 ctx.Show(size), axis, ctx.Show(x), ctx.Show(scale), ctx.Show(zero_point)));
    }
  }
  return {};
}

Status InferQuantize(InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckScales(ctx));
  const Type* written = ctx.written(0);
  if (written == nullptr || !written->is_tensor()) {
    return ctx.Fail("needs a written result type that says the dtype");
  }
  if (!kQuantizedDTypes.Has(written->dtype())) {
    return ctx.Fail(
        Format("the result must be i8, i16, i32, u8, u16 or u32, found {}", ctx.Show(*written)));
  }
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(written->dtype(), ctx.operand(0).dims(), {}, std::move(device)));
  return {};
}

Status InferDequantize(InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckScales(ctx));
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(ctx.operand(1).dtype(), ctx.operand(0).dims(), {}, std::move(device)));
  return {};
}

// A value per index of axis `dim`, so that it broadcasts to x.
Term AlongDim(ir::DecomposeCtx& ctx, Term values, Term x) {
  if (!ctx.attrs().Has("dim") || !x.present()) return values;
  const int64_t dim = ctx.attrs().Int("dim");
  Dims sizes(x.sizes().size(), Expr(1));
  const size_t axis = static_cast<size_t>(dim < 0 ? dim + x.rank() : dim);
  sizes[axis] = x.sizes()[axis];
  return ctx.Reshape(values, sizes);
}

void DecomposeQuantize(ir::DecomposeCtx& ctx) {
  Term x = ctx.Widened(ctx.operand(0));
  Term scale = ctx.Widened(ctx.operand(1));
  if (x.dtype() == DType::kF64 || scale.dtype() == DType::kF64) {
    x = ctx.Cast(x, DType::kF64);
    scale = ctx.Cast(scale, DType::kF64);
  }
  const Term steps = ctx.Call("round", {x / AlongDim(ctx, scale, x)});
  // In f64 the sum is exact for steps and zero points below 2^52; past that the cast saturates.
  const Term zero = ctx.Cast(AlongDim(ctx, ctx.operand(2), x), DType::kF64);
  ctx.Return(ctx.Cast(steps, DType::kF64) + zero);
}

void DecomposeDequantize(ir::DecomposeCtx& ctx) {
  // Exact in f64, unless a zero point is past 2^52.
  const Term q = ctx.Cast(ctx.operand(0), DType::kF64);
  const Term scale = ctx.Widened(ctx.operand(1));
  const Term zero = ctx.Cast(AlongDim(ctx, ctx.operand(2), q), DType::kF64);
  ctx.Return(ctx.Cast(q - zero, scale.dtype()) * AlongDim(ctx, scale, q));
}

constexpr DTypeSet kZeroPointDTypes = kQuantizedDTypes | DTypeSet::Of(DType::kI64);
constexpr ir::OperandSpec kQuantizeOperands[] = {
    {.name = "x", .dtypes = ir::kFloatDTypes},
    {.name = "scale", .dtypes = ir::kFloatDTypes},
    {.name = "zero_point", .dtypes = kZeroPointDTypes}};
constexpr ir::OperandSpec kDequantizeOperands[] = {
    {.name = "x", .dtypes = kQuantizedDTypes},
    {.name = "scale", .dtypes = ir::kFloatDTypes},
    {.name = "zero_point", .dtypes = kZeroPointDTypes}};
constexpr ir::AttrSpec kAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand,
               {"dim", ir::AttrKind::kInt,
                "the axis along which scale and zero_point run; absent: they are one number"})};

constinit const ir::OpDef kQuantize = {
    .name = "quantize",
    .doc =
        "Floats to integers: y = round(x / scale) + zero_point, saturated to the written dtype; "
        "round is half to even.\n"
        "Shapes: x: [d_0, ...], scale: [] or [d_dim], zero_point: likewise -> y: [d_0, ...] of the "
        "written dtype: i8, i16, i32, u8, u16 or u32.\n"
        "Corners: NaN, also that of 0 / 0, gives 0; infinities give the least and greatest number. "
        "x / scale is computed in f32, or f64 if either is f64, and rounds once before it is "
        "rounded to an integer.",
    .source =
        "B. Jacob et al., Quantization and Training of Neural Networks for Efficient "
        "Integer-Arithmetic-Only Inference, 2018; ONNX QuantizeLinear",
    .operands = kQuantizeOperands,
    .attrs = kAttrs,
    .tolerance = {.reason = "integers, by operations that are rounded as the formula says"},
    .infer = InferQuantize,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeQuantize},
    .vjp = ir::NotDifferentiable("the result is integral"),
};

constinit const ir::OpDef kDequantize = {
    .name = "dequantize",
    .doc =
        "Integers to floats: y = (x - zero_point) * scale, in scale's dtype.\n"
        "Shapes: x: [d_0, ...], scale: [] or [d_dim], zero_point: likewise -> y: [d_0, ...].\n"
        "Corners: the difference is computed in f64, exactly for zero points below 2^52, and "
        "rounds "
        "to scale's dtype; f16 and bf16 are computed in f32 and rounded once.",
    .source =
        "B. Jacob et al., Quantization and Training of Neural Networks for Efficient "
        "Integer-Arithmetic-Only Inference, 2018; ONNX DequantizeLinear",
    .operands = kDequantizeOperands,
    .attrs = kAttrs,
    .tolerance = {.ulp = 2,
                  .reason = "differences past 2^24 (f32) and the product round once each, zero "
                            "points past 2^52 before"},
    .infer = InferDequantize,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeDequantize},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(quantize, &kQuantize, &kDequantize)

}  // namespace gcomp::kernels
