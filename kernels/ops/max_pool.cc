// max_pool: the greatest element under a window that slides over 1, 2 or 3 spatial axes.
#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "ir/scalar.h"
#include "kernels/all_ops.h"
#include "kernels/cpu_target.h"
#include "kernels/window.h"

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

Status InferMaxPool(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const std::vector<int64_t> kernel = KernelSizes(ctx.attrs());
  const size_t axes = kernel.size();
  if (axes < 1 || axes > 3) {
    return ctx.Fail(Format("kernel lists {} sizes, needs 1, 2 or 3", axes), ErrorId::E508);
  }
  for (int64_t size : kernel) {
    if (size < 1 || size > std::numeric_limits<int32_t>::max()) {
      return ctx.Fail(Format("kernel has size {}, but must lie in [1, {}]", size,
                             std::numeric_limits<int32_t>::max()),
                      ErrorId::E508);
    }
  }
  if (x.dims().size() != axes + 2) {
    return ctx.Fail(Format("kernel has {} sizes, so x must have rank {}, found {}", axes, axes + 2,
                           ctx.Show(x)));
  }
  GCOMP_RETURN_IF_ERROR(CheckWindow(ctx, axes));
  const WindowAttrs window = WindowAttrs::Read(ctx.attrs(), axes, kernel);
  Dims dims = {x.dims()[0], x.dims()[1]};
  for (size_t i = 0; i < axes; ++i) {
    GCOMP_ASSIGN_OR_RETURN(Expr out, WindowOutputs(ctx, window, i, x.dims()[2 + i], kernel[i],
                                                   ctx.attrs().Bool("ceil_mode")));
    dims.push_back(out);
  }
  ctx.Return(Type::Tensor(x.dtype(), std::move(dims), {}, x.device()));
  return {};
}

// ---- Eager --------------------------------------------------------------------------------------

// A pool over three spatial axes (missing ones have size 1) of a strided x into row-major y.
struct Pool {
  int64_t n;
  int64_t c;
  std::array<WindowAxis, 3> axes;
  std::array<int64_t, 5> strides;  // of x: n, c and the three axes
  // WindowAxis::Inside of each tap along the width: divisions that no row should repeat.
  std::vector<WindowAxis::Range> inside;
};

// Least value: what the maximum of nothing is.
template <class Acc, class T>
constexpr Acc Identity() {
  if constexpr (std::is_floating_point_v<Acc>) {
    return -std::numeric_limits<Acc>::infinity();
  } else {
    return std::numeric_limits<T>::min();
  }
}

// Elements of memory as they are compared.
template <DType dtype, class T>
struct Native {
  using Element = T;
  using Acc = T;

  static Acc Load(T x) { return x; }

  static T Store(Acc x) { return x; }
};

struct Half {
  using Element = uint16_t;
  using Acc = float;

  static float Load(uint16_t x) { return ir::HalfToFloat(x); }

  static uint16_t Store(float x) { return ir::FloatToHalf(x); }
};

struct BFloat16 {
  using Element = uint16_t;
  using Acc = float;

  static float Load(uint16_t x) { return ir::BFloat16ToFloat(x); }

  static uint16_t Store(float x) { return ir::FloatToBFloat16(x); }
};

template <class F>
[[gnu::always_inline]] inline void MaxRow(const typename F::Element* x, int64_t step,
                                          typename F::Acc* best, int64_t n) {
  if (step == 1) {
    for (int64_t i = 0; i < n; ++i) best[i] = ir::Max(best[i], F::Load(x[i]));
  } else if (step == 2) {
    for (int64_t i = 0; i < n; ++i) best[i] = ir::Max(best[i], F::Load(x[2 * i]));
  } else {
    for (int64_t i = 0; i < n; ++i) best[i] = ir::Max(best[i], F::Load(x[i * step]));
  }
}

// One row of outputs; `x` is the plane's first element, (d, h) the output's place.
template <class F>
[[gnu::always_inline]] inline void PoolRow(const Pool& p, const typename F::Element* x, int64_t d,
                                           int64_t h, typename F::Acc* best) {
  const auto& [depth, height, width] = p.axes;
  std::fill(best, best + width.out, Identity<typename F::Acc, typename F::Element>());
  for (int64_t kd = 0; kd < depth.kernel; ++kd) {
    const int64_t z = d * depth.stride + depth.Origin(kd);
    if (z < 0 || z >= depth.in) continue;
    for (int64_t kh = 0; kh < height.kernel; ++kh) {
      const int64_t y = h * height.stride + height.Origin(kh);
      if (y < 0 || y >= height.in) continue;
      const typename F::Element* row = x + z * p.strides[2] + y * p.strides[3];
      for (int64_t kw = 0; kw < width.kernel; ++kw) {
        const WindowAxis::Range range = p.inside[static_cast<size_t>(kw)];
        if (range.begin == range.end) continue;
        const int64_t first = range.begin * width.stride + width.Origin(kw);
        MaxRow<F>(row + first * p.strides[4], width.stride * p.strides[4], best + range.begin,
                  range.end - range.begin);
      }
    }
  }
}

template <class F>
[[gnu::always_inline]] inline void RunPool(const Pool& p, const void* x, void* y, void* scratch) {
  using Element = typename F::Element;
  using Acc = typename F::Acc;
  Element* out = static_cast<Element*>(y);
  Acc* best = static_cast<Acc*>(scratch);
  const int64_t width = p.axes[2].out;
  for (int64_t n = 0; n < p.n; ++n) {
    for (int64_t c = 0; c < p.c; ++c) {
      const Element* plane = static_cast<const Element*>(x) + n * p.strides[0] + c * p.strides[1];
      for (int64_t d = 0; d < p.axes[0].out; ++d) {
        for (int64_t h = 0; h < p.axes[1].out; ++h) {
          PoolRow<F>(p, plane, d, h, best);
          for (int64_t i = 0; i < width; ++i) out[i] = F::Store(best[i]);
          out += width;
        }
      }
    }
  }
}

template <class F>
GCOMP_TARGET_V3 void RunPoolV3(const Pool& p, const void* x, void* y, void* scratch) {
  RunPool<F>(p, x, y, scratch);
}

template <class F>
GCOMP_TARGET_V4 void RunPoolV4(const Pool& p, const void* x, void* y, void* scratch) {
  RunPool<F>(p, x, y, scratch);
}

using PoolFn = void (*)(const Pool&, const void*, void*, void*);

template <class F>
PoolFn ForCpu(CpuLevel cpu) {
  return PerCpu<PoolFn>{RunPoolV3<F>, RunPoolV4<F>}.For(cpu);
}

PoolFn ChoosePool(DType dtype, CpuLevel cpu) {
  switch (dtype) {
    case DType::kF16:
      return ForCpu<Half>(cpu);
    case DType::kBF16:
      return ForCpu<BFloat16>(cpu);
    case DType::kF32:
      return ForCpu<Native<DType::kF32, float>>(cpu);
    case DType::kF64:
      return ForCpu<Native<DType::kF64, double>>(cpu);
    case DType::kI8:
      return ForCpu<Native<DType::kI8, int8_t>>(cpu);
    case DType::kI16:
      return ForCpu<Native<DType::kI16, int16_t>>(cpu);
    case DType::kI32:
      return ForCpu<Native<DType::kI32, int32_t>>(cpu);
    case DType::kI64:
      return ForCpu<Native<DType::kI64, int64_t>>(cpu);
    case DType::kU8:
      return ForCpu<Native<DType::kU8, uint8_t>>(cpu);
    case DType::kU16:
      return ForCpu<Native<DType::kU16, uint16_t>>(cpu);
    case DType::kU32:
      return ForCpu<Native<DType::kU32, uint32_t>>(cpu);
    case DType::kU64:
      return ForCpu<Native<DType::kU64, uint64_t>>(cpu);
    default:
      return nullptr;
  }
}

class MaxPoolKernel final : public ir::Kernel {
 public:
  MaxPoolKernel(Pool pool, PoolFn run) : pool_(std::move(pool)), run_(run) {}

  // One row of maxima; none is wider than 8 bytes.
  size_t scratch_bytes() const override { return static_cast<size_t>(pool_.axes[2].out) * 8; }

  Status Run(const ir::KernelArgs& args) const override {
    run_(pool_, args.operand(0), args.result(0), args.scratch);
    return {};
  }

 private:
  Pool pool_;
  PoolFn run_;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareMaxPool(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& y = ctx.results[0];
  const std::vector<int64_t> kernel = KernelSizes(ctx.attrs);
  const size_t axes = kernel.size();
  const WindowAttrs window = WindowAttrs::Read(ctx.attrs, axes, kernel);
  Pool pool = {x.sizes[0], x.sizes[1], {}, {x.strides[0], x.strides[1], 0, 0, 0}, {}};
  for (size_t i = 0; i < axes; ++i) {
    const size_t to = 3 - axes + i;
    pool.axes[to] = {x.sizes[2 + i],   y.sizes[2 + i],     kernel[i],
                     window.stride[i], window.dilation[i], window.pad_begin[i]};
    pool.strides[2 + to] = x.strides[2 + i];
  }
  for (int64_t k = 0; k < pool.axes[2].kernel; ++k) pool.inside.push_back(pool.axes[2].Inside(k));
  PoolFn run = ChoosePool(x.dtype, ctx.cpu);
  GCOMP_ENSURE(run != nullptr, "max_pool of a numeric dtype");
  return std::unique_ptr<ir::Kernel>(std::make_unique<MaxPoolKernel>(std::move(pool), run));
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

template <class T>
uint32_t AddMax(ir::ScalarGraph& graph) {
  ir::Sym<T> a(&graph, graph.Param(0, ir::NativeDType<T>()));
  ir::Sym<T> b(&graph, graph.Param(1, ir::NativeDType<T>()));
  return ir::Max(a, b).index();
}

uint32_t AddMaxOf(DType type, ir::ScalarGraph& graph) {
  switch (type) {
    case DType::kF64:
      return AddMax<double>(graph);
    case DType::kI32:
      return AddMax<int32_t>(graph);
    case DType::kU32:
      return AddMax<uint32_t>(graph);
    case DType::kI64:
      return AddMax<int64_t>(graph);
    case DType::kU64:
      return AddMax<uint64_t>(graph);
    default:
      return AddMax<float>(graph);
  }
}

// The load of x under the window. Taps outside x give the least value, so that they never win.
ir::Load WindowLoad(const ir::LowerCtx& ctx, const std::vector<int64_t>& kernel) {
  const ir::LowerCtx::Tensor& x = ctx.operands[0];
  const size_t axes = kernel.size();
  const WindowAttrs window = WindowAttrs::Read(ctx.attrs, axes, kernel);
  const bool ceil_mode = ctx.attrs.Bool("ceil_mode");
  ir::Load load = {.buffer = 0,
                   .offset = {0, Dims(2 + 2 * axes)},
                   .guards = {},
                   .otherwise = LeastAs(x.dtype, x.dtype)};
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

Status LowerMaxPool(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  const std::vector<int64_t> kernel = KernelSizes(ctx.attrs);
  const DType type = ir::ComputeTypeOf(y.dtype);
  ir::Stage stage;
  stage.kind = ir::Stage::Kind::kReduce;
  stage.axes = y.sizes;
  stage.reduce_axes.assign(kernel.begin(), kernel.end());
  stage.loads.push_back(WindowLoad(ctx, kernel));
  stage.body_result = stage.body.Param(0, type);
  stage.combine_result = AddMaxOf(type, stage.combine);
  stage.identity = LeastAs(y.dtype, type);
  stage.finish_result = stage.finish.Param(0, type);
  stage.store_buffer = ctx.result_buffer(0);
  stage.store = {0, y.strides};
  ctx.nest.stages.push_back(std::move(stage));
  return {};
}

constexpr ir::OperandSpec kPoolOperands[] = {{.name = "x", .dtypes = ir::kNumericDTypes}};
constexpr ir::AttrSpec kPoolAttrs[] = {
    {"kernel", ir::AttrKind::kIntList, "size of the window along each spatial axis",
     ir::AttrSpec::Default::kRequired},
    {"stride", ir::AttrKind::kIntList, "elements between outputs; absent = kernel"},
    {"padding", ir::AttrKind::kIntList,
     "[begin..., end...] per spatial axis, elements around x that never win; absent = none"},
    {"dilation", ir::AttrKind::kIntList, "elements between taps; absent = 1"},
    ir::BoolAttr("ceil_mode", false,
                 "round the number of outputs up, as long as the last window begins inside x or "
                 "the padding before it")};

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
    .operands = kPoolOperands,
    .attrs = kPoolAttrs,
    .tolerance = {.reason = "no arithmetic: the result is an element of x, in any order the same"},
    .infer = InferMaxPool,
    .prepare = PrepareMaxPool,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerMaxPool},
    .vjp = ir::NotYet("derivative rules come with differentiation"),
};

}  // namespace

GCOMP_DEFINE_OPS(max_pool, &kMaxPool)

}  // namespace gcomp::kernels
