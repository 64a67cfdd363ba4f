// conv1d, conv2d, conv3d, conv_transpose: convolutions as neural networks have them
// (cross-correlation), and what undoes their shapes.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/conv_loops.h"
#include "kernels/pointwise.h"
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

// ---- Types --------------------------------------------------------------------------------------

// Ranks, dtypes and windows of x and w; that groups divide `divided`, which `what` names.
Status CheckForms(const InferCtx& ctx, size_t spatial, const Expr& divided, std::string_view what) {
  const Type& x = ctx.group_type(0);
  const Type& w = ctx.group_type(1);
  const int64_t groups = ctx.attrs().Int("groups");
  if (x.dtype() != w.dtype()) {
    return ctx.Fail(
        Format("x and w must have one dtype, found {} and {}", ctx.Show(x), ctx.Show(w)));
  }
  if (groups < 1) {
    return ctx.Fail(Format("groups = {}, but must be at least 1", groups), ErrorId::E508);
  }
  if (!Expr::Mod(divided, groups).IsConst(0)) {
    return ctx.Fail(
        Format("the {} {} do not divide into {} groups", ctx.Show(divided), what, groups));
  }
  for (size_t i = 2; i < 2 + spatial; ++i) {
    if (w.dims()[i].is_const() && w.dims()[i].value() < 1) {
      return ctx.Fail(Format("w {} has an empty window", ctx.Show(w)));
    }
  }
  return {};
}

Status CheckBias(const InferCtx& ctx, const Expr& channels) {
  if (!ctx.has_operand(2)) return {};
  const Type& bias = ctx.group_type(2);
  const Type& x = ctx.group_type(0);
  if (bias.dtype() != x.dtype() || bias.rank() != 1 || !ctx.SameSize(bias.dims()[0], channels)) {
    return ctx.Fail(Format("bias must be {}[{}], found {}", ir::NameOf(x.dtype()),
                           ctx.Show(channels), ctx.Show(bias)));
  }
  return {};
}

template <size_t kSpatial>
Status InferConv(InferCtx& ctx) {
  const Type& x = ctx.group_type(0);
  const Type& w = ctx.group_type(1);
  if (x.dims().size() != 2 + kSpatial || w.dims().size() != 2 + kSpatial) {
    return ctx.Fail(Format("x and w must have rank {}, found {} and {}", 2 + kSpatial, ctx.Show(x),
                           ctx.Show(w)));
  }
  const Expr& o = w.dims()[0];
  GCOMP_RETURN_IF_ERROR(CheckForms(ctx, kSpatial, o, "output channels"));
  const int64_t groups = ctx.attrs().Int("groups");
  if (!ctx.SameSize(Expr::Mul(w.dims()[1], groups), x.dims()[1])) {
    return ctx.Fail(Format("x {} has {} channels, w {} takes {} in each of {} groups", ctx.Show(x),
                           ctx.Show(x.dims()[1]), ctx.Show(w), ctx.Show(w.dims()[1]), groups));
  }
  GCOMP_RETURN_IF_ERROR(CheckBias(ctx, o));
  GCOMP_RETURN_IF_ERROR(CheckWindow(ctx, kSpatial));
  const auto window = WindowAttrs::Read(ctx.attrs(), kSpatial, std::vector<int64_t>(kSpatial, 1));
  Dims dims = {x.dims()[0], o};
  for (size_t i = 0; i < kSpatial; ++i) {
    GCOMP_ASSIGN_OR_RETURN(Expr out,
                           WindowOutputs(ctx, window, i, x.dims()[2 + i], w.dims()[2 + i], false));
    dims.push_back(out);
  }
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(x.dtype(), std::move(dims), {}, std::move(device)));
  return {};
}

// The size of spatial axis i of a transposed convolution.
StatusOr<Expr> TransposedSize(const InferCtx& ctx, const WindowAttrs& window, size_t i,
                              int64_t output_padding) {
  const Type& x = ctx.group_type(0);
  const Type& w = ctx.group_type(1);
  const int64_t limit = std::max(window.stride[i], window.dilation[i]);
  if (output_padding < 0 || output_padding >= limit) {
    return ctx.Fail(
        Format("output_padding has {} for spatial axis {}, but must lie in [0, {}): less than its "
               "stride {} or dilation {}",
               output_padding, i, limit, window.stride[i], window.dilation[i]),
        ErrorId::E508);
  }
  const Expr steps = Expr::Mul(Expr::Sub(x.dims()[2 + i], 1), window.stride[i]);
  const Expr reach = Expr::Mul(Expr::Sub(w.dims()[2 + i], 1), window.dilation[i]);
  const Expr cropped = Expr::Add(window.pad_begin[i], window.pad_end[i]);
  const Expr size =
      Expr::Sub(Expr::Add(Expr::Add(steps, reach), Expr(1 + output_padding)), cropped);
  if (size.is_poison()) {
    return ctx.Fail(Format("the size of spatial axis {} overflows 64 bits", i), ErrorId::E503);
  }
  const ir::Interval range = ir::RangeOf(size, ctx.function().Ranger());
  if (range.high != ir::Interval::kUnbounded && range.high < 0) {
    return ctx.Fail(
        Format("padding takes {} elements from spatial axis {} of x {} through w {}, "
               "more than there are",
               ctx.Show(cropped), i, ctx.Show(x), ctx.Show(w)));
  }
  return size;
}

Status InferConvTranspose(InferCtx& ctx) {
  const Type& x = ctx.group_type(0);
  const Type& w = ctx.group_type(1);
  if (x.rank() < 3 || x.rank() > 5 || w.rank() != x.rank()) {
    return ctx.Fail(Format("x and w must have one rank of 3, 4 or 5, found {} and {}", ctx.Show(x),
                           ctx.Show(w)));
  }
  const size_t spatial = x.dims().size() - 2;
  if (!ctx.SameSize(w.dims()[0], x.dims()[1])) {
    return ctx.Fail(Format("x {} has {} channels, w {} takes {}", ctx.Show(x),
                           ctx.Show(x.dims()[1]), ctx.Show(w), ctx.Show(w.dims()[0])));
  }
  GCOMP_RETURN_IF_ERROR(CheckForms(ctx, spatial, x.dims()[1], "input channels"));
  const Expr channels = Expr::Mul(w.dims()[1], ctx.attrs().Int("groups"));
  GCOMP_RETURN_IF_ERROR(CheckBias(ctx, channels));
  GCOMP_RETURN_IF_ERROR(CheckWindow(ctx, spatial));
  const auto window = WindowAttrs::Read(ctx.attrs(), spatial, std::vector<int64_t>(spatial, 1));
  const std::vector<int64_t> output_padding =
      ctx.attrs().Ints("output_padding").value_or(std::vector<int64_t>(spatial, 0));
  if (output_padding.size() != spatial) {
    return ctx.Fail(
        Format("output_padding lists {} numbers, needs {}", output_padding.size(), spatial),
        ErrorId::E508);
  }
  Dims dims = {x.dims()[0], channels};
  for (size_t i = 0; i < spatial; ++i) {
    GCOMP_ASSIGN_OR_RETURN(Expr size, TransposedSize(ctx, window, i, output_padding[i]));
    dims.push_back(size);
  }
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(x.dtype(), std::move(dims), {}, std::move(device)));
  return {};
}

// ---- Kernels ------------------------------------------------------------------------------------

ConvProblem MakeProblem(const ir::KernelCtx& ctx, bool transposed) {
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& w = ctx.operands[1];
  const ir::TensorSpec& y = ctx.results[0];
  ConvProblem p;
  p.dtype = x.dtype;
  p.transposed = transposed;
  p.n = x.sizes[0];
  p.c = x.sizes[1];
  p.o = y.sizes[1];
  p.groups = ctx.attrs.Int("groups");
  p.spatial = x.sizes.size() - 2;
  p.x_strides = {x.strides[0], x.strides[1], 0, 0, 0};
  p.w_strides = {w.strides[0], w.strides[1], 0, 0, 0};
  if (transposed) std::swap(p.w_strides[0], p.w_strides[1]);
  const auto attrs = WindowAttrs::Read(ctx.attrs, p.spatial, std::vector<int64_t>(p.spatial, 1));
  const ir::TensorSpec& covered = transposed ? y : x;
  const ir::TensorSpec& windows = transposed ? x : y;
  for (size_t i = 0; i < p.spatial; ++i) {
    const size_t to = 3 - p.spatial + i;
    p.axes[to] = {covered.sizes[2 + i], windows.sizes[2 + i], w.sizes[2 + i],
                  attrs.stride[i],      attrs.dilation[i],    attrs.pad_begin[i]};
    p.pad_end[to] = attrs.pad_end[i];
    p.x_strides[2 + to] = x.strides[2 + i];
    p.w_strides[2 + to] = w.strides[2 + i];
  }
  if (transposed) {
    // Elements that output_padding adds are as ones that less padding would leave.
    if (auto added = ctx.attrs.Ints("output_padding")) {
      for (size_t i = 0; i < p.spatial; ++i) p.pad_end[3 - p.spatial + i] -= (*added)[i];
    }
  }
  p.has_bias = ctx.group_size(2) != 0;
  if (p.has_bias) p.bias_stride = ctx.operands[2].strides[0];
  return p;
}

template <bool kTransposed>
StatusOr<std::unique_ptr<ir::Kernel>> PrepareConv(const ir::KernelCtx& ctx) {
  const ConvProblem problem = MakeProblem(ctx, kTransposed);
#ifdef GCOMP_ONEDNN
  if (onednn::TakesConv(problem)) {
    return onednn::PrepareConv(problem, ctx.constants.empty() ? nullptr : ctx.constants[1],
                               ctx.cpu);
  }
#endif
  return PrepareConvLoops(problem, ctx.cpu);
}

// ---- Records ------------------------------------------------------------------------------------

constexpr ir::OperandSpec kOperands[] = {
    {.name = "x", .dtypes = ir::kNumericDTypes},
    {.name = "w", .dtypes = ir::kNumericDTypes},
    {.name = "bias", .kind = ir::OperandKind::kOptional, .dtypes = ir::kNumericDTypes}};
constexpr ir::AttrSpec kStride = {"stride", ir::AttrKind::kIntList,
                                  "elements of x between outputs, per spatial axis; absent = 1"};
constexpr ir::AttrSpec kDilation = {"dilation", ir::AttrKind::kIntList,
                                    "elements between taps, per spatial axis; absent = 1"};
constexpr ir::AttrSpec kGroups =
    ir::IntAttr("groups", 1, "channels are split into this many groups that do not mix");
constexpr ir::AttrSpec kAttrs[] = {
    kStride,
    {"padding", ir::AttrKind::kIntList,
     "[begin..., end...] per spatial axis, zeros around x; absent = none"},
    kDilation,
    kGroups};
constexpr ir::AttrSpec kTransposeAttrs[] = {
    {"stride", ir::AttrKind::kIntList,
     "elements of y between those of x, per spatial axis; absent = 1"},
    {"padding", ir::AttrKind::kIntList,
     "[begin..., end...] per spatial axis, elements of y that are cut off; absent = none"},
    {"output_padding", ir::AttrKind::kIntList,
     "elements that y has more at the end of each spatial axis; absent = none"},
    kDilation,
    kGroups};

constexpr ir::Tolerance kTolerance = {
    .ulp = 1,
    .rtol = 1e-5,
    .reason =
        "sums of one rounded product per channel of a group and place of the kernel, in an "
        "order that the library chooses: about the square root of that many roundings of "
        "2^-24 relative to the largest magnitude summed (f32); narrower results are rounded "
        "once more"};
constexpr ir::Lowering kExternal = {
    .kind = ir::Lowering::Kind::kExternal,
    .why = "pinned: one implementation (oneDNN, or gcomp's own loops) gives the bits on all tiers"};

template <size_t kSpatial>
constexpr ir::OpDef Conv(std::string_view name, std::string_view doc, std::string_view source) {
  return {.name = name,
          .doc = doc,
          .source = source,
          .operands = kOperands,
          .attrs = kAttrs,
          .numeric = ir::NumericClass::kPinned,
          .tolerance = kTolerance,
          .infer = InferConv<kSpatial>,
          .prepare = PrepareConv<false>,
          .lowering = kExternal,
          .vjp = ir::NotYet()};
}

constinit const ir::OpDef kConv1d = Conv<1>(
    "conv1d",
    "Cross-correlation along one axis: y[n, o, i] = bias[o] + sum over (c, p) of x[n, g + c, "
    "i * stride + p * dilation - begin] * w[o, c, p], where g is the first channel of o's group; "
    "x is 0 outside.\n"
    "Shapes: x: [n, c, l], w: [o, c / groups, k], bias?: [o] -> y: [n, o, l'], "
    "l' = floor((l + begin + end - dilation * (k - 1) - 1) / stride) + 1.\n"
    "Corners: as conv2d.",
    "ONNX Conv; PyTorch conv1d");

constinit const ir::OpDef kConv2d =
    Conv<2>("conv2d",
            "Cross-correlation: y[n, o, i, j] = bias[o] + sum over (c, p, q) of x[n, g + c, "
            "i * stride_h + p * dilation_h - begin_h, j * stride_w + q * dilation_w - begin_w] * "
            "w[o, c, p, q], where g is the first channel of o's group; x is 0 outside.\n"
            "Shapes: x: [n, c, h, w], w: [o, c / groups, kh, kw], bias?: [o] -> y: [n, o, h', w'], "
            "h' = floor((h + begin_h + end_h - dilation_h * (kh - 1) - 1) / stride_h) + 1, w' "
            "likewise.\n"
            "Corners: n, c or o may be 0 (c = 0 gives the bias); integers wrap; f16 and bf16 are "
            "summed in f32 and rounded once; f32 goes through oneDNN in blocked or channels-last "
            "form, whose order of summation is its own.",
            "ONNX Conv; PyTorch conv2d");

constinit const ir::OpDef kConv3d = Conv<3>(
    "conv3d",
    "Cross-correlation along three axes: y[n, o, i...] = bias[o] + sum over (c, p...) of "
    "x[n, g + c, i * stride + p * dilation - begin ...] * w[o, c, p...], where g is the first "
    "channel of o's group; x is 0 outside.\n"
    "Shapes: x: [n, c, d, h, w], w: [o, c / groups, kd, kh, kw], bias?: [o] -> "
    "y: [n, o, d', h', w'], d' = floor((d + begin + end - dilation * (kd - 1) - 1) / stride) + 1, "
    "h' and w' likewise.\n"
    "Corners: as conv2d.",
    "ONNX Conv; PyTorch conv3d");

constinit const ir::OpDef kConvTranspose = {
    .name = "conv_transpose",
    .doc =
        "Transposed convolution over 1, 2 or 3 spatial axes: each element of x spreads over y "
        "through the kernel. y[n, o, j...] = bias[o] + sum of x[n, c, i...] * w[c, o - g, p...] "
        "over the channels c of o's group, whose first output is g, and all i, p with "
        "i * stride + p * dilation - begin = j.\n"
        "Shapes: x: [n, c, d...], w: [c, o / groups, k...], bias?: [o] -> y: [n, o, d'...], "
        "d' = (d - 1) * stride + dilation * (k - 1) + 1 - begin - end + output_padding.\n"
        "Corners: as conv2d; elements of y that no element of x reaches are the bias; "
        "output_padding is less than stride or dilation.",
    .source =
        "V. Dumoulin and F. Visin, A guide to convolution arithmetic for deep learning, "
        "2016; ONNX ConvTranspose; PyTorch conv_transpose2d",
    .operands = kOperands,
    .attrs = kTransposeAttrs,
    .numeric = ir::NumericClass::kPinned,
    .tolerance = kTolerance,
    .infer = InferConvTranspose,
    .prepare = PrepareConv<true>,
    .lowering = kExternal,
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(conv, &kConv1d, &kConv2d, &kConv3d, &kConvTranspose)

}  // namespace gcomp::kernels
