// conv2d: 2-D convolution over images, as neural networks have it (cross-correlation).
#include <algorithm>
#include <memory>
#include <utility>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/conv_loops.h"
#include "kernels/window.h"
#ifdef GCOMP_ONEDNN
#include "kernels/onednn/conv.h"
#endif

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Type;

// Dtypes, ranks and channels of the operands.
Status CheckOperands(const InferCtx& ctx, int64_t groups) {
  const Type& x = ctx.group_type(0);
  const Type& w = ctx.group_type(1);
  if (x.rank() != 4 || w.rank() != 4 || x.dtype() != w.dtype()) {
    return ctx.Fail(Format("x and w must have rank 4 and one dtype, found {} and {}", ctx.Show(x),
                           ctx.Show(w)));
  }
  if (groups < 1) {
    return ctx.Fail(Format("groups = {}, but must be at least 1", groups), ErrorId::E508);
  }
  const Expr& o = w.dims()[0];
  const Expr channels = Expr::Mul(w.dims()[1], groups);
  if (!ctx.SameSize(channels, x.dims()[1])) {
    return ctx.Fail(Format("x has {} channels, w takes {} in each of {} groups",
                           ctx.Show(x.dims()[1]), ctx.Show(w.dims()[1]), groups));
  }
  if (!Expr::Mod(o, groups).IsConst(0)) {
    return ctx.Fail(
        Format("the {} output channels do not divide into {} groups", ctx.Show(o), groups));
  }
  for (size_t i = 2; i < 4; ++i) {
    if (w.dims()[i].is_const() && w.dims()[i].value() < 1) {
      return ctx.Fail(Format("w {} has an empty window", ctx.Show(w)));
    }
  }
  if (!ctx.has_operand(2)) return {};
  const Type& bias = ctx.group_type(2);
  if (bias.dtype() != x.dtype() || bias.rank() != 1 || !ctx.SameSize(bias.dims()[0], o)) {
    return ctx.Fail(Format("bias must be {}[{}], found {}", ir::NameOf(x.dtype()), ctx.Show(o),
                           ctx.Show(bias)));
  }
  return {};
}

Status InferConv2d(InferCtx& ctx) {
  const int64_t groups = ctx.attrs().Int("groups");
  GCOMP_RETURN_IF_ERROR(CheckOperands(ctx, groups));
  GCOMP_RETURN_IF_ERROR(CheckWindow(ctx, 2));
  const Type& x = ctx.group_type(0);
  const Type& w = ctx.group_type(1);
  const WindowAttrs window = WindowAttrs::Read(ctx.attrs(), 2, {1, 1});
  Dims dims = {x.dims()[0], w.dims()[0]};
  for (size_t i = 0; i < 2; ++i) {
    GCOMP_ASSIGN_OR_RETURN(Expr out,
                           WindowOutputs(ctx, window, i, x.dims()[2 + i], w.dims()[2 + i], false));
    dims.push_back(out);
  }
  ctx.Return(Type::Tensor(x.dtype(), std::move(dims), {}, x.device()));
  return {};
}

ConvProblem MakeProblem(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& w = ctx.operands[1];
  const ir::TensorSpec& y = ctx.results[0];
  const WindowAttrs attrs = WindowAttrs::Read(ctx.attrs, 2, {1, 1});
  ConvProblem p;
  p.dtype = x.dtype;
  p.n = x.sizes[0];
  p.c = x.sizes[1];
  p.o = w.sizes[0];
  p.groups = ctx.attrs.Int("groups");
  auto axis = [&](size_t i) {
    return WindowAxis{x.sizes[2 + i],  y.sizes[2 + i],    w.sizes[2 + i],
                      attrs.stride[i], attrs.dilation[i], attrs.pad_begin[i]};
  };
  p.h = axis(0);
  p.w = axis(1);
  p.pad_end = {attrs.pad_end[0], attrs.pad_end[1]};
  std::copy_n(x.strides.begin(), 4, p.x_strides.begin());
  std::copy_n(w.strides.begin(), 4, p.w_strides.begin());
  p.has_bias = ctx.group_size(2) != 0;
  if (p.has_bias) p.bias_stride = ctx.operands[2].strides[0];
  return p;
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareConv2d(const ir::KernelCtx& ctx) {
  const ConvProblem problem = MakeProblem(ctx);
#ifdef GCOMP_ONEDNN
  if (onednn::TakesConv(problem)) {
    return onednn::PrepareConv(problem, ctx.constants.empty() ? nullptr : ctx.constants[1],
                               ctx.cpu);
  }
#endif
  return PrepareConvLoops(problem, ctx.cpu);
}

constexpr ir::OperandSpec kConvOperands[] = {
    {.name = "x", .dtypes = ir::kNumericDTypes},
    {.name = "w", .dtypes = ir::kNumericDTypes},
    {.name = "bias", .kind = ir::OperandKind::kOptional, .dtypes = ir::kNumericDTypes}};
constexpr ir::AttrSpec kConvAttrs[] = {
    {"stride", ir::AttrKind::kIntList, "[h, w], elements between outputs; absent = [1, 1]"},
    {"padding", ir::AttrKind::kIntList,
     "[begin_h, begin_w, end_h, end_w], zeros around x; absent = none"},
    {"dilation", ir::AttrKind::kIntList, "[h, w], elements between taps; absent = [1, 1]"},
    ir::IntAttr("groups", 1, "channels are split into this many groups that do not mix")};

constinit const ir::OpDef kConv2d = {
    .name = "conv2d",
    .doc =
        "Cross-correlation: y[n, o, i, j] = bias[o] + sum over (c, p, q) of x[n, g + c, "
        "i * stride_h + p * dilation_h - begin_h, j * stride_w + q * dilation_w - begin_w] * "
        "w[o, c, p, q], where g is the first channel of o's group; x is 0 outside.\n"
        "Shapes: x: [n, c, h, w], w: [o, c / groups, kh, kw], bias?: [o] -> y: [n, o, h', w'], "
        "h' = floor((h + begin_h + end_h - dilation_h * (kh - 1) - 1) / stride_h) + 1, w' "
        "likewise.\n"
        "Corners: n, c or o may be 0 (c = 0 gives the bias); integers wrap; f16 and bf16 are "
        "summed in f32 and rounded once; f32 goes through oneDNN in blocked or channels-last "
        "form, whose order of summation is its own.",
    .source = "ONNX Conv; PyTorch conv2d",
    .operands = kConvOperands,
    .attrs = kConvAttrs,
    .numeric = ir::NumericClass::kPinned,
    .tolerance = {.ulp = 1,
                  .rtol = 1e-5,
                  .reason = "sums of c * kh * kw / groups rounded products in an order that the "
                            "library chooses: about the square root of that many roundings of "
                            "2^-24 relative to the largest magnitude summed (f32); narrower "
                            "results are rounded once more"},
    .infer = InferConv2d,
    .prepare = PrepareConv2d,
    .lowering = {.kind = ir::Lowering::Kind::kExternal,
                 .why = "pinned: one implementation (oneDNN, or gcomp's own loops) gives the bits "
                        "on all tiers"},
    .vjp = ir::NotYet("derivative rules come with differentiation"),
};

}  // namespace

GCOMP_DEFINE_OPS(conv2d, &kConv2d)

}  // namespace gcomp::kernels
