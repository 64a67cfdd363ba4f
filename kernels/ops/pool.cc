// max_pool, avg_pool: the greatest element, or the mean, under a window that slides over 1, 2 or 3
// spatial axes.
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "ir/scalar.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"
#include "kernels/reduce.h"
#include "kernels/window.h"
#include "kernels/window_pool.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::DType;
using ir::Expr;
using ir::InferCtx;
using ir::Scalar;
using ir::Type;

// ---- Types --------------------------------------------------------------------------------------

std::vector<int64_t> KernelSizes(const ir::AttrReader& attrs) {
  return attrs.Ints("kernel").value_or(std::vector<int64_t>());
}

Status CheckKernel(const InferCtx& ctx, const std::vector<int64_t>& kernel) {
  if (kernel.empty() || kernel.size() > 3) {
    return ctx.Fail(Format("kernel lists {} sizes, needs 1, 2 or 3", kernel.size()), ErrorId::E508);
  }
  int64_t taps = 1;
  for (int64_t size : kernel) {
    if (size < 1 || size > kMaxPoolTaps / taps) {
      return ctx.Fail(Format("kernel has size {}, but sizes must be at least 1 and their product "
                             "at most {}",
                             size, kMaxPoolTaps),
                      ErrorId::E508);
    }
    taps *= size;
  }
  const Type& x = ctx.operand(0);
  if (x.dims().size() != kernel.size() + 2) {
    return ctx.Fail(Format("kernel has {} sizes, so x must have rank {}, found {}", kernel.size(),
                           kernel.size() + 2, ctx.Show(x)));
  }
  return {};
}

Status InferPool(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const std::vector<int64_t> kernel = KernelSizes(ctx.attrs());
  GCOMP_RETURN_IF_ERROR(CheckKernel(ctx, kernel));
  const size_t axes = kernel.size();
  GCOMP_RETURN_IF_ERROR(CheckWindow(ctx, axes));
  const WindowAttrs window = WindowAttrs::Read(ctx.attrs(), axes, kernel);
  const bool ceil_mode = ctx.attrs().Bool("ceil_mode");  // false where the op does not have it
  Dims dims = {x.dims()[0], x.dims()[1]};
  for (size_t i = 0; i < axes; ++i) {
    GCOMP_ASSIGN_OR_RETURN(Expr out,
                           WindowOutputs(ctx, window, i, x.dims()[2 + i], kernel[i], ceil_mode));
    dims.push_back(out);
  }
  ctx.Return(Type::Tensor(x.dtype(), std::move(dims), {}, x.device()));
  return {};
}

// ---- Eager --------------------------------------------------------------------------------------

PoolProblem MakeProblem(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& y = ctx.results[0];
  const std::vector<int64_t> kernel = KernelSizes(ctx.attrs);
  const size_t axes = kernel.size();
  const WindowAttrs window = WindowAttrs::Read(ctx.attrs, axes, kernel);
  PoolProblem p;
  p.dtype = x.dtype;
  p.n = x.sizes[0];
  p.c = x.sizes[1];
  p.x_strides = {x.strides[0], x.strides[1], 0, 0, 0};
  for (size_t i = 0; i < axes; ++i) {
    const size_t to = 3 - axes + i;
    p.axes[to] = {x.sizes[2 + i],   y.sizes[2 + i],     kernel[i],
                  window.stride[i], window.dilation[i], window.pad_begin[i]};
    p.x_strides[2 + to] = x.strides[2 + i];
  }
  return p;
}

// ---- Loops --------------------------------------------------------------------------------------

// The least value of `dtype`, as a number of `type`.
Scalar LeastAs(DType dtype, DType type) {
  if (ir::IsFloat(dtype)) {
    return Scalar::FromDouble(type, -std::numeric_limits<double>::infinity()).value_or(Scalar());
  }
  if (!ir::IsSigned(dtype)) return Scalar::FromInt(type, 0).value_or(Scalar());
  const int64_t least = std::numeric_limits<int64_t>::min() >> (64 - ir::BitsOf(dtype));
  return Scalar::FromInt(type, least).value_or(Scalar());
}

// The load of x under the window; taps outside x give `otherwise`.
ir::Load WindowLoad(const ir::LowerCtx& ctx, const std::vector<int64_t>& kernel, Scalar otherwise) {
  const ir::LowerCtx::Tensor& x = ctx.operands[0];
  const size_t axes = kernel.size();
  const WindowAttrs window = WindowAttrs::Read(ctx.attrs, axes, kernel);
  const bool ceil_mode = ctx.attrs.Bool("ceil_mode");
  ir::Load load = {
      .buffer = 0, .offset = {0, Dims(2 + 2 * axes)}, .guards = {}, .otherwise = otherwise};
  load.offset.coefs[0] = x.strides[0];
  load.offset.coefs[1] = x.strides[1];
  for (size_t i = 0; i < axes; ++i) {
    const Expr& stride = x.strides[2 + i];
    load.offset.base = Expr::Sub(load.offset.base, Expr::Mul(window.pad_begin[i], stride));
    load.offset.coefs[2 + i] = Expr::Mul(window.stride[i], stride);
    load.offset.coefs[2 + axes + i] = Expr::Mul(window.dilation[i], stride);
    if (window.pad_begin[i] == 0 && window.pad_end[i] == 0 && !ceil_mode) continue;
    ir::Guard guard = {{-window.pad_begin[i], Dims(2 + 2 * axes)}, x.sizes[2 + i]};
    guard.index.coefs[2 + i] = window.stride[i];
    guard.index.coefs[2 + axes + i] = window.dilation[i];
    load.guards.push_back(std::move(guard));
  }
  return load;
}

// The stage that reduces what lies under each window by F; without identity and finish.
template <class F, class T>
ir::Stage WindowStage(const ir::LowerCtx& ctx, Scalar otherwise) {
  constexpr DType kType = ir::NativeDType<T>();
  const std::vector<int64_t> kernel = KernelSizes(ctx.attrs);
  ir::Stage stage;
  stage.kind = ir::Stage::Kind::kReduce;
  stage.order = ir::Stage::Order::kBlocks;
  stage.axes = ctx.results[0].sizes;
  stage.reduce_axes.assign(kernel.begin(), kernel.end());
  stage.loads.push_back(WindowLoad(ctx, kernel, otherwise));
  stage.body_result = stage.body.Param(0, kType);
  const ir::Sym<T> left(&stage.combine, stage.combine.Param(0, kType));
  const ir::Sym<T> right(&stage.combine, stage.combine.Param(1, kType));
  stage.combine_result = F{}(left, right).index();
  stage.store_buffer = ctx.result_buffer(0);
  stage.store = {0, ctx.results[0].strides};
  return stage;
}

Status LowerMaxPool(ir::LowerCtx& ctx) {
  const DType dtype = ctx.results[0].dtype;
  const DType type = ir::ComputeTypeOf(dtype);
  ir::Stage stage = WithComputeType(dtype, [&](auto like) {
    return WindowStage<MaxFn, NumericOf<decltype(like)>>(ctx, LeastAs(dtype, dtype));
  });
  stage.identity = LeastAs(dtype, type);
  stage.finish_result = stage.finish.Param(0, type);
  ctx.nest.stages.push_back(std::move(stage));
  return {};
}

// The number of taps of a window that lie inside of x, from the places of the window: two finish
// loads per axis, its first tap and the size of x.
ir::Sym<int64_t> TapsInside(const ir::LowerCtx& ctx, ir::Stage& stage) {
  const std::vector<int64_t> kernel = KernelSizes(ctx.attrs);
  const WindowAttrs window = WindowAttrs::Read(ctx.attrs, kernel.size(), kernel);
  const auto param = [&stage](ir::Affine index) {
    stage.finish_loads.push_back({.buffer = ir::Load::kIndex,
                                  .offset = std::move(index),
                                  .guards = {},
                                  .otherwise = {DType::kI64, 0}});
    return ir::Sym<int64_t>(&stage.finish,
                            stage.finish.Param(stage.finish_loads.size(), DType::kI64));
  };
  std::optional<ir::Sym<int64_t>> taps;
  for (size_t i = 0; i < kernel.size(); ++i) {
    ir::Affine first = {-window.pad_begin[i], Dims(stage.axes.size())};
    first.coefs[2 + i] = window.stride[i];
    const ir::Sym<int64_t> begin = param(std::move(first));
    const ir::Sym<int64_t> size = param({ctx.operands[0].sizes[2 + i], {}});
    const ir::Sym<int64_t> end = ir::Min(ir::Add(begin, ir::Constant(begin, kernel[i])), size);
    const ir::Sym<int64_t> zero = ir::Constant(begin, int64_t{0});
    const ir::Sym<int64_t> inside = ir::Max(ir::Sub(end, ir::Max(begin, zero)), zero);
    taps = taps.has_value() ? ir::Mul(*taps, inside) : inside;
  }
  return *taps;
}

template <class T>
void LowerMeanTo(ir::LowerCtx& ctx) {
  constexpr DType kType = ir::NativeDType<T>();
  const DType dtype = ctx.operands[0].dtype;
  ir::Stage stage = WindowStage<SumFn, T>(ctx, Scalar::FromDouble(dtype, -0.0).value_or(Scalar()));
  stage.identity = ir::ScalarOf(SumFn::Identity<T>());
  const ir::Sym<T> sum(&stage.finish, stage.finish.Param(0, kType));
  int64_t all = 1;
  for (int64_t size : KernelSizes(ctx.attrs)) all *= size;
  const ir::Sym<T> taps = ctx.attrs.Bool("count_include_pad")
                              ? ir::Constant(sum, static_cast<T>(all))
                              : ir::Convert<T>(TapsInside(ctx, stage));
  stage.finish_result = ir::Div(ir::Add(sum, ir::Constant(sum, T{0})), taps).index();
  ctx.nest.stages.push_back(std::move(stage));
}

Status LowerAvgPool(ir::LowerCtx& ctx) {
  if (ctx.operands[0].dtype == DType::kF64) {
    LowerMeanTo<double>(ctx);
  } else {
    LowerMeanTo<float>(ctx);
  }
  return {};
}

// ---- max_pool, avg_pool -------------------------------------------------------------------------

constexpr ir::OperandSpec kMaxOperands[] = {{.name = "x", .dtypes = ir::kNumericDTypes}};
constexpr ir::OperandSpec kMeanOperands[] = {{.name = "x", .dtypes = ir::kFloatDTypes}};
constexpr ir::AttrSpec kKernel = {"kernel", ir::AttrKind::kIntList,
                                  "size of the window along each spatial axis",
                                  ir::AttrSpec::Default::kRequired};
constexpr ir::AttrSpec kStride = {"stride", ir::AttrKind::kIntList,
                                  "elements between outputs; absent = kernel"};
constexpr ir::AttrSpec kMaxAttrs[] = {
    kKernel,
    kStride,
    {"padding", ir::AttrKind::kIntList,
     "[begin..., end...] per spatial axis, elements around x that never win; absent = none"},
    {"dilation", ir::AttrKind::kIntList, "elements between taps; absent = 1"},
    ir::BoolAttr("ceil_mode", false,
                 "round the number of outputs up, as long as the last window begins inside x or "
                 "the padding before it")};
constexpr ir::AttrSpec kMeanAttrs[] = {
    kKernel,
    kStride,
    {"padding", ir::AttrKind::kIntList,
     "[begin..., end...] per spatial axis, zeros around x; absent = none"},
    ir::BoolAttr("count_include_pad", true,
                 "divide by all taps of the window, else by those inside of x")};

constinit const ir::OpDef kMaxPool = {
    .name = "max_pool",
    .doc =
        "Greatest element under a sliding window: y[n, c, i...] = max over k of "
        "x[n, c, i * stride + k * dilation - begin ...], taps outside x left out.\n"
        "Shapes: x: [n, c, d...] with 1, 2 or 3 spatial axes -> y: [n, c, d'...], d' = "
        "floor((d + begin + end - dilation * (kernel - 1) - 1) / stride) + 1.\n"
        "Corners: NaN wins, -0.0 < +0.0; a window with no element of x gives -inf, or the "
        "least integer.",
    .source = "ONNX MaxPool; PyTorch max_pool2d",
    .operands = kMaxOperands,
    .attrs = kMaxAttrs,
    .tolerance = {.reason = "no arithmetic: the result is an element of x, in any order the same"},
    .infer = InferPool,
    .prepare = [](const ir::KernelCtx& ctx) { return PrepareMaxPool(MakeProblem(ctx), ctx.cpu); },
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerMaxPool},
    .vjp = ir::NotYet(),
};

constinit const ir::OpDef kAvgPool = {
    .name = "avg_pool",
    .doc =
        "Mean under a sliding window: y[n, c, i...] = (0.0 + sum over k of "
        "x[n, c, i * stride + k - begin ...]) / taps, taps outside x left out of the sum; taps is "
        "the number of all taps of a window, or of those inside x.\n"
        "Shapes: x: [n, c, d...] with 1, 2 or 3 spatial axes -> y: [n, c, d'...], d' = "
        "floor((d + begin + end - kernel) / stride) + 1.\n"
        "Corners: a window with no element of x gives 0.0, and NaN without count_include_pad. The "
        "sum is form 2 of docs/numerics.md over the window in row-major order: windows of up to "
        "64 taps are summed in sequence. f16 and bf16 are computed in f32 and rounded once.",
    .source = "ONNX AveragePool; PyTorch avg_pool2d",
    .operands = kMeanOperands,
    .attrs = kMeanAttrs,
    .tolerance = {.ulp = 1,
                  .rtol = 4e-6,
                  .reason = "up to 63 rounded additions in sequence, each of 2^-24 of the largest "
                            "partial sum, and one division"},
    .infer = InferPool,
    .prepare =
        [](const ir::KernelCtx& ctx) {
          return PrepareMeanPool(MakeProblem(ctx), ctx.attrs.Bool("count_include_pad"), ctx.cpu);
        },
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerAvgPool},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(pool, &kMaxPool, &kAvgPool)

}  // namespace gcomp::kernels
