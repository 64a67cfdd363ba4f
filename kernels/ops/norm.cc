// layer_norm and rms_norm: normalization of rows along axes.
#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/moments.h"
#include "kernels/pointwise.h"
#include "kernels/reduce.h"
#include "kernels/row_moments.h"
#include "kernels/row_passes.h"
#include "kernels/row_strip.h"

namespace gcomp::kernels {
namespace {

// 1 / sqrt(sum / n + eps): what rows are multiplied by.
struct Scale {
  template <class S>
  GCOMP_INLINE S operator()(S sum, ir::Rebind<S, int64_t> n, double eps) const {
    S deviation = ir::Sqrt(ir::Add(Mean{}(sum, n), ir::Constant(sum, eps)));
    return ir::Div(ir::Constant(sum, 1), deviation);
  }
};

struct Normalize {
  template <class S>
  GCOMP_INLINE S operator()(S x, S mean, S scale) const {
    return ir::Mul(ir::Sub(x, mean), scale);
  }
};

// Puts value(element, c), times weight, plus bias.
template <class T, class Value>
GCOMP_INLINE void MapWithParameters(const Strip& strip, const Value& value) {
  const T* w = static_cast<const T*>(strip.weight);
  const T* b = static_cast<const T*>(strip.bias);
  MapStrip<T>(
      strip, [&](T x, int64_t k, int64_t c) __attribute__((always_inline)) {
        T y = value(x, c);
        if (w != nullptr) y = ir::Mul(y, w[k]);
        if (b != nullptr) y = ir::Add(y, b[k]);
        return y;
      });
}

// The last pass: y is value(x), times weight, plus bias.
template <class T, class Pass, class Value>
GCOMP_INLINE void MapWithParameters(const Row& row, const Pass& pass, const Value& value) {
  const T* w = static_cast<const T*>(row.weight);
  const T* b = static_cast<const T*>(row.bias);
  if (w != nullptr && b != nullptr) {
    MapPass<T>(
        row, pass, [&](int64_t i, const T* x) __attribute__((always_inline)) {
          return ir::Add(ir::Mul(value(*x), w[i]), b[i]);
        });
  } else if (w != nullptr) {
    MapPass<T>(
        row, pass, [&](int64_t i, const T* x) __attribute__((always_inline)) {
          return ir::Mul(value(*x), w[i]);
        });
  } else if (b != nullptr) {
    MapPass<T>(
        row, pass, [&](int64_t i, const T* x) __attribute__((always_inline)) {
          return ir::Add(value(*x), b[i]);
        });
  } else {
    MapPass<T>(
        row, pass, [&](int64_t, const T* x) __attribute__((always_inline)) { return value(*x); });
  }
}

struct LayerNormLoop {
  template <class T>
  GCOMP_INLINE static void Run(const Row& row) {
    T mean = MeanPass<T>(row, RowPass<RowRead::kFirst, 0, 2>(row));
    T squares = SquaresPass(row, RowPass<RowRead::kAgain, 2, 5>(row), mean);
    T scale = Scale{}(squares, row.n, row.eps);
    MapWithParameters<T>(
        row, RowPass<RowRead::kAgain, 5, 8>(row),
        [ mean, scale ](T x)
            __attribute__((always_inline)) { return Normalize{}(x, mean, scale); });
  }

  template <class T>
  GCOMP_INLINE static void RunStrip(const Strip& strip) {
    T* mean = static_cast<T*>(strip.first);
    T* scale = static_cast<T*>(strip.second);
    MomentsOfStrip(strip, mean, scale);
    for (int64_t c = 0; c < strip.width; ++c) scale[c] = Scale{}(scale[c], strip.n, strip.eps);
    MapWithParameters<T>(
        strip, [&](T x, int64_t c)
                   __attribute__((always_inline)) { return Normalize{}(x, mean[c], scale[c]); });
  }
};

struct RmsNormLoop {
  template <class T>
  GCOMP_INLINE static void Run(const Row& row) {
    T squares = ReducePass<SumFn, T>(
        row, RowPass<RowRead::kFirst, 0, 4>(row),
        [](T x, int64_t) __attribute__((always_inline)) { return ir::Mul(x, x); });
    T scale = Scale{}(squares, row.n, row.eps);
    MapWithParameters<T>(
        row, RowPass<RowRead::kAgain, 4, 8>(row), [scale](T x) __attribute__((always_inline)) {
          return ir::Mul(x, scale);
        });
  }

  template <class T>
  GCOMP_INLINE static void RunStrip(const Strip& strip) {
    T* scale = static_cast<T*>(strip.first);
    auto square = [](T x, int64_t) __attribute__((always_inline)) {
      return ir::Mul(x, x);
    };
    ReduceStrip<SumFn>(strip, square, scale);
    for (int64_t c = 0; c < strip.width; ++c) scale[c] = Scale{}(scale[c], strip.n, strip.eps);
    MapWithParameters<T>(
        strip, [&](T x, int64_t c) __attribute__((always_inline)) { return ir::Mul(x, scale[c]); });
  }
};

constexpr size_t kWeight = 1;  // groups of the schema
constexpr size_t kBias = 2;    // layer_norm

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

// The axes of rms_norm: the last one where `dims` is not written.
std::vector<int> RmsAxes(const ir::AttrReader& attrs, int rank) {
  if (attrs.Has("dims")) return ReducedAxes(attrs, rank);
  return rank == 0 ? std::vector<int>() : std::vector<int>{rank - 1};
}

Status InferOver(ir::InferCtx& ctx, const std::vector<int>& axes) {
  const ir::Type& x = ctx.operand(0);
  ir::Dims row;
  for (int axis : axes) row.push_back(x.dims()[static_cast<size_t>(axis)]);
  GCOMP_RETURN_IF_ERROR(CheckParameter(ctx, kWeight, "weight", row));
  if (ctx.op().def->operands.size() > kBias) {
    GCOMP_RETURN_IF_ERROR(CheckParameter(ctx, kBias, "bias", row));
  }
  double eps = ctx.attrs().Float("eps");
  if (!(eps >= 0)) {
    return ctx.Fail(Format("eps is {}; it must not be negative", eps), ErrorId::E508);
  }
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(ir::Type::Tensor(x.dtype(), x.dims(), {}, std::move(device)));
  return Status();
}

Status InferLayerNorm(ir::InferCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(std::vector<int> axes, ctx.Axes("dims", ctx.operand(0).rank()));
  return InferOver(ctx, axes);
}

Status InferRmsNorm(ir::InferCtx& ctx) {
  int rank = ctx.operand(0).rank();
  GCOMP_RETURN_IF_ERROR(ctx.Axes("dims", rank).status());
  return InferOver(ctx, RmsAxes(ctx.attrs(), rank));
}

// Index of the operand of an optional group, or -1.
int OperandOf(const ir::Op& op, size_t group) {
  return op.group_begin[group] < op.group_begin[group + 1] ? op.group_begin[group] : -1;
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareLayerNorm(const ir::KernelCtx& ctx) {
  return PrepareRows<LayerNormLoop>(ctx, {.axes = ReducedAxes(ctx.attrs, ctx.operands[0].rank()),
                                          .weight = OperandOf(ctx.op, kWeight),
                                          .bias = OperandOf(ctx.op, kBias),
                                          .eps = ctx.attrs.Float("eps")});
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareRmsNorm(const ir::KernelCtx& ctx) {
  return PrepareRows<RmsNormLoop>(ctx, {.axes = RmsAxes(ctx.attrs, ctx.operands[0].rank()),
                                        .weight = OperandOf(ctx.op, kWeight),
                                        .eps = ctx.attrs.Float("eps")});
}

// Completes the stage of a sum of squares: finish = 1 / sqrt(sum / n + eps). Returns its temporary.
template <class T>
size_t AddScale(ir::LowerCtx& ctx, const RowLowering& rows, ir::Stage stage) {
  SetReduction<SumFn, T>(stage);
  stage.finish_loads = {rows.LoadRowLength()};
  stage.finish_result = Scale{}(ParamOf<T>(stage.finish, 0), ParamOf<int64_t>(stage.finish, 1),
                                ctx.attrs.Float("eps"))
                            .index();
  size_t temp = rows.StoreToTemp(stage);
  ctx.nest.stages.push_back(std::move(stage));
  return temp;
}

// The parameter of a map stage that is element i of the row of an optional operand, multiplied or
// added to y.
template <class T>
ir::Sym<T> WithParameter(const RowLowering& rows, int operand, ir::Stage& map, ir::Sym<T> y,
                         ir::Sym<T> (*combine)(ir::Sym<T>, ir::Sym<T>)) {
  if (operand < 0) return y;
  map.loads.push_back(rows.LoadAlongRow(static_cast<size_t>(operand)));
  return combine(y, ParamOf<T>(map.body, map.loads.size() - 1));
}

struct LowerLayerNorm {
  template <class T>
  static void Run(ir::LowerCtx& ctx) {
    RowLowering rows(ctx, ReducedAxes(ctx.attrs, ctx.operands[0].rank()), ir::NativeDType<T>());
    ir::Stage mean = rows.ReduceStage();
    mean.loads = {rows.LoadX()};
    mean.body_result = ParamOf<T>(mean.body, 0).index();
    SetReduction<SumFn, T>(mean);
    mean.finish_loads = {rows.LoadRowLength()};
    mean.finish_result =
        Mean{}(ParamOf<T>(mean.finish, 0), ParamOf<int64_t>(mean.finish, 1)).index();
    size_t t0 = rows.StoreToTemp(mean);
    ctx.nest.stages.push_back(std::move(mean));

    ir::Stage squares = rows.ReduceStage();
    squares.loads = {rows.LoadX(), rows.LoadTemp(t0)};
    squares.body_result =
        SquaredDifference{}(ParamOf<T>(squares.body, 0), ParamOf<T>(squares.body, 1)).index();
    size_t t1 = AddScale<T>(ctx, rows, std::move(squares));

    ir::Stage map = rows.MapStage();
    map.loads = {rows.LoadX(), rows.LoadTemp(t0), rows.LoadTemp(t1)};
    ir::Sym<T> y =
        Normalize{}(ParamOf<T>(map.body, 0), ParamOf<T>(map.body, 1), ParamOf<T>(map.body, 2));
    y = WithParameter<T>(rows, OperandOf(ctx.op, kWeight), map, y, &ir::Mul<T>);
    y = WithParameter<T>(rows, OperandOf(ctx.op, kBias), map, y, &ir::Add<T>);
    map.body_result = y.index();
    ctx.nest.stages.push_back(std::move(map));
  }
};

struct LowerRmsNorm {
  template <class T>
  static void Run(ir::LowerCtx& ctx) {
    RowLowering rows(ctx, RmsAxes(ctx.attrs, ctx.operands[0].rank()), ir::NativeDType<T>());
    ir::Stage squares = rows.ReduceStage();
    squares.loads = {rows.LoadX()};
    ir::Sym<T> x = ParamOf<T>(squares.body, 0);
    squares.body_result = ir::Mul(x, x).index();
    size_t scale = AddScale<T>(ctx, rows, std::move(squares));
    ir::Stage map = rows.MapStage();
    map.loads = {rows.LoadX(), rows.LoadTemp(scale)};
    ir::Sym<T> y = ir::Mul(ParamOf<T>(map.body, 0), ParamOf<T>(map.body, 1));
    map.body_result =
        WithParameter<T>(rows, OperandOf(ctx.op, kWeight), map, y, &ir::Mul<T>).index();
    ctx.nest.stages.push_back(std::move(map));
  }
};

template <class Rule>
Status Lower(ir::LowerCtx& ctx) {
  if (ctx.operands[0].dtype == ir::DType::kF64) {
    Rule::template Run<double>(ctx);
  } else {
    Rule::template Run<float>(ctx);
  }
  return Status();
}

constexpr ir::OperandSpec kOperands[] = {
    {.name = "x", .dtypes = ir::kFloatDTypes},
    {.name = "weight", .kind = ir::OperandKind::kOptional, .dtypes = ir::kFloatDTypes},
    {.name = "bias", .kind = ir::OperandKind::kOptional, .dtypes = ir::kFloatDTypes},
};
constexpr ir::AttrSpec kEps = ir::FloatAttr("eps", 1e-5, "added under the root; not negative");
constexpr ir::AttrSpec kLayerNormAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, {.name = "dims",
                                                .kind = ir::AttrKind::kIntList,
                                                .doc = "axes to normalize over; absent = all"}),
    kEps,
};
constexpr ir::AttrSpec kRmsNormAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand,
               {.name = "dims",
                .kind = ir::AttrKind::kIntList,
                .doc = "axes to normalize over; absent = the last one"}),
    kEps,
};

constexpr ir::OpDef kLayerNorm{
    .name = "layer_norm",
    .doc =
        "Layer normalization: mean = (sum of x over dims) / n; var = (sum "
        "of (x - mean)^2 over "
        "dims) / n; r = 1 / sqrt(var + eps); y = (x - mean) * r * weight + "
        "bias, each operation "
        "rounded, in this order; an absent weight or bias is left out. n: "
        "elements over dims. x, "
        "y: [d0, ...]; weight, bias: the sizes of dims. Two passes; both "
        "sums are form 1 of "
        "docs/numerics.md whichever axes dims are; f16 and bf16 are "
        "computed in f32 and rounded "
        "once.",
    .source =
        "J. Ba, J. Kiros, G. Hinton, Layer Normalization, "
        "https://arxiv.org/abs/1607.06450",
    .operands = kOperands,
    .attrs = kLayerNormAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "rounded sums, x - mean cancels; relative to the "
                            "largest magnitude of "
                            "x / sqrt(var + eps) * weight and bias"},
    .infer = &InferLayerNorm,
    .prepare = &PrepareLayerNorm,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &Lower<LowerLayerNorm>},
    .vjp = ir::NotYet(),
};

constexpr ir::OpDef kRmsNorm{
    .name = "rms_norm",
    .doc =
        "Root mean square normalization: s = (sum of x * x over dims) / n; "
        "r = 1 / sqrt(s + eps); "
        "y = x * r * weight, each operation rounded, in this order; an "
        "absent weight is left out. "
        "n: elements over dims, which are the last axis where they are "
        "absent. x, y: [d0, ...]; "
        "weight: the sizes of dims. The sum is form 1 of docs/numerics.md "
        "whichever axes dims are; "
        "f16 and bf16 are computed in f32 and rounded once.",
    .source =
        "B. Zhang, R. Sennrich, Root Mean Square Layer Normalization, "
        "https://arxiv.org/abs/1910.07467",
    .operands = std::span(kOperands).first(2),
    .attrs = kRmsNormAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "a rounded sum, root, reciprocal and two products"},
    .infer = &InferRmsNorm,
    .prepare = &PrepareRmsNorm,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &Lower<LowerRmsNorm>},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(norm, &kLayerNorm, &kRmsNorm)

}  // namespace gcomp::kernels
