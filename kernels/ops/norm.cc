// layer_norm: normalization by mean and variance along axes.
#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"
#include "kernels/reduce.h"
#include "kernels/rows.h"

namespace gcomp::kernels {
namespace {

// The arithmetic of layer_norm, written once for eager loops and lowering.
struct Mean {
  template <class S>
  GCOMP_INLINE S operator()(S sum, int64_t n) const {
    return ir::Div(sum, ir::Constant(sum, n));
  }
};

struct SquaredDifference {
  template <class S>
  GCOMP_INLINE S operator()(S x, S mean) const {
    S d = ir::Sub(x, mean);
    return ir::Mul(d, d);
  }
};

struct Deviation {
  template <class S>
  GCOMP_INLINE S operator()(S sum, int64_t n, double eps) const {
    S variance = ir::Div(sum, ir::Constant(sum, n));
    return ir::Sqrt(ir::Add(variance, ir::Constant(sum, eps)));
  }
};

struct Normalize {
  template <class S>
  GCOMP_INLINE S operator()(S x, S mean, S deviation) const {
    return ir::Div(ir::Sub(x, mean), deviation);
  }
};

template <class T>
GCOMP_INLINE void LayerNormBody(const Row& row) {
  const T* x = static_cast<const T*>(row.x);
  T* y = static_cast<T*>(row.y);
  T* partials = static_cast<T*>(row.partials);
  T mean =
      Mean{}(ReduceRow<SumFn>(
                 row.n, [x](int64_t i) __attribute__((always_inline)) { return x[i]; }, partials),
             row.n);
  auto square = [ x, mean ](int64_t i) __attribute__((always_inline)) {
    return SquaredDifference{}(x[i], mean);
  };
  T deviation = Deviation{}(ReduceRow<SumFn>(row.n, square, partials), row.n, row.eps);
  const T* w = static_cast<const T*>(row.weight);
  const T* b = static_cast<const T*>(row.bias);
  if (w != nullptr && b != nullptr) {
    GCOMP_INDEPENDENT
    for (int64_t i = 0; i < row.n; ++i) {
      y[i] = ir::Add(ir::Mul(Normalize{}(x[i], mean, deviation), w[i]), b[i]);
    }
    return;
  }
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < row.n; ++i) y[i] = Normalize{}(x[i], mean, deviation);
  if (w != nullptr) {
    GCOMP_INDEPENDENT
    for (int64_t i = 0; i < row.n; ++i) y[i] = ir::Mul(y[i], w[i]);
  }
  if (b != nullptr) {
    GCOMP_INDEPENDENT
    for (int64_t i = 0; i < row.n; ++i) y[i] = ir::Add(y[i], b[i]);
  }
}

template <class T>
GCOMP_TARGET_V3 void LayerNormV3(const Row& row) {
  LayerNormBody<T>(row);
}

template <class T>
GCOMP_TARGET_V4 void LayerNormV4(const Row& row) {
  LayerNormBody<T>(row);
}

constexpr size_t kWeight = 1;  // groups of the schema
constexpr size_t kBias = 2;

Status CheckParameter(const ir::InferCtx& ctx, size_t group, std::string_view name,
                      const ir::Dims& row) {
  if (!ctx.has_operand(group)) return Status();
  const ir::Type& type = ctx.group_type(group);
  if (type.dtype() != ctx.operand(0).dtype()) {
    return ctx.Fail(Format("{} has dtype {} and x has {}; they must be equal (use cast)", name,
                           NameOf(type.dtype()), NameOf(ctx.operand(0).dtype())));
  }
  bool same = type.dims().size() == row.size();
  for (size_t d = 0; same && d < row.size(); ++d) same = ctx.SameSize(type.dims()[d], row[d]);
  if (same) return Status();
  return ctx.Fail(Format("{} is {}; its shape must be that of the normalized axes, {}", name,
                         ctx.Show(type), ctx.Show(ir::Type::Tensor(type.dtype(), row))));
}

Status Infer(ir::InferCtx& ctx) {
  const ir::Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(std::vector<int> axes, ctx.Axes("dims", x.rank()));
  ir::Dims row;
  for (int axis : axes) row.push_back(x.dims()[static_cast<size_t>(axis)]);
  GCOMP_RETURN_IF_ERROR(CheckParameter(ctx, kWeight, "weight", row));
  GCOMP_RETURN_IF_ERROR(CheckParameter(ctx, kBias, "bias", row));
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(ir::Type::Tensor(x.dtype(), x.dims(), {}, std::move(device)));
  return Status();
}

// Index of the operand of an optional group, or -1.
int OperandOf(const ir::Op& op, size_t group) {
  return op.group_begin[group] < op.group_begin[group + 1] ? op.group_begin[group] : -1;
}

StatusOr<std::unique_ptr<ir::Kernel>> Prepare(const ir::KernelCtx& ctx) {
  bool f64 = ctx.operands[0].dtype == ir::DType::kF64;
  PerCpu<RowLoop> loop = f64 ? PerCpu<RowLoop>{&LayerNormV3<double>, &LayerNormV4<double>}
                             : PerCpu<RowLoop>{&LayerNormV3<float>, &LayerNormV4<float>};
  return MakeRowKernel(ctx, loop.For(ctx.cpu),
                       {.axes = ReducedAxes(ctx.attrs, ctx.operands[0].rank()),
                        .weight = OperandOf(ctx.op, kWeight),
                        .bias = OperandOf(ctx.op, kBias),
                        .eps = ctx.attrs.Float("eps")});
}

template <class T>
Status LowerTo(ir::LowerCtx& ctx) {
  constexpr ir::DType kType = ir::NativeDType<T>();
  RowLowering rows(ctx, ReducedAxes(ctx.attrs, ctx.operands[0].rank()), kType);
  GCOMP_ASSIGN_OR_RETURN(int64_t n, rows.RowLength());
  auto param = [](ir::ScalarGraph& graph, size_t i) {
    return ir::Sym<T>(&graph, graph.Param(i, kType));
  };

  ir::Stage mean = rows.ReduceStage();
  mean.loads = {rows.LoadX()};
  mean.body_result = param(mean.body, 0).index();
  SetReduction<SumFn, T>(mean);
  mean.finish_result = Mean{}(param(mean.finish, 0), n).index();
  size_t t0 = rows.StoreToTemp(mean);
  ctx.nest.stages.push_back(std::move(mean));

  ir::Stage deviation = rows.ReduceStage();
  deviation.loads = {rows.LoadX(), rows.LoadTemp(t0)};
  deviation.body_result =
      SquaredDifference{}(param(deviation.body, 0), param(deviation.body, 1)).index();
  SetReduction<SumFn, T>(deviation);
  deviation.finish_result =
      Deviation{}(param(deviation.finish, 0), n, ctx.attrs.Float("eps")).index();
  size_t t1 = rows.StoreToTemp(deviation);
  ctx.nest.stages.push_back(std::move(deviation));

  ir::Stage map = rows.MapStage();
  map.loads = {rows.LoadX(), rows.LoadTemp(t0), rows.LoadTemp(t1)};
  ir::Sym<T> y = Normalize{}(param(map.body, 0), param(map.body, 1), param(map.body, 2));
  if (int weight = OperandOf(ctx.op, kWeight); weight >= 0) {
    map.loads.push_back(rows.LoadAlongRow(static_cast<size_t>(weight)));
    y = ir::Mul(y, param(map.body, map.loads.size() - 1));
  }
  if (int bias = OperandOf(ctx.op, kBias); bias >= 0) {
    map.loads.push_back(rows.LoadAlongRow(static_cast<size_t>(bias)));
    y = ir::Add(y, param(map.body, map.loads.size() - 1));
  }
  map.body_result = y.index();
  ctx.nest.stages.push_back(std::move(map));
  return Status();
}

Status Lower(ir::LowerCtx& ctx) {
  return ctx.operands[0].dtype == ir::DType::kF64 ? LowerTo<double>(ctx) : LowerTo<float>(ctx);
}

constexpr ir::OperandSpec kOperands[] = {
    {.name = "x", .dtypes = ir::kFloatDTypes},
    {.name = "weight", .kind = ir::OperandKind::kOptional, .dtypes = ir::kFloatDTypes},
    {.name = "bias", .kind = ir::OperandKind::kOptional, .dtypes = ir::kFloatDTypes},
};
constexpr ir::AttrSpec kAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, {.name = "dims",
                                                .kind = ir::AttrKind::kIntList,
                                                .doc = "axes to normalize over; absent = all"}),
    ir::FloatAttr("eps", 1e-5, "added to the variance"),
};

constexpr ir::OpDef kLayerNorm{
    .name = "layer_norm",
    .doc =
        "Layer normalization: mean = (sum of x over dims) / n; var = (sum of (x - mean)^2 over "
        "dims) / n; y = (x - mean) / sqrt(var + eps) * weight + bias, each operation rounded, in "
        "this order; an absent weight or bias is left out. n: elements over dims. x, y: [d0, ...]; "
        "weight, bias: the sizes of dims. Two passes; both sums are form 1 of docs/numerics.md "
        "whichever axes dims are; f16 and bf16 are computed in f32 and rounded once.",
    .source = "J. Ba, J. Kiros, G. Hinton, Layer Normalization, https://arxiv.org/abs/1607.06450",
    .operands = kOperands,
    .attrs = kAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "rounded sums, x - mean cancels; relative to the largest magnitude of "
                            "x / sqrt(var + eps) * weight and bias"},
    .infer = &Infer,
    .prepare = &Prepare,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &Lower},
    .vjp = ir::NotYet(kNoVjpYet),
};

}  // namespace

GCOMP_DEFINE_OPS(norm, &kLayerNorm)

}  // namespace gcomp::kernels
