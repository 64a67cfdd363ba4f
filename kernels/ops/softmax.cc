// softmax and log_softmax along one axis, logsumexp over axes.
#include <limits>

#include "kernels/all_ops.h"
#include "kernels/math.h"
#include "kernels/pointwise.h"
#include "kernels/reduce.h"
#include "kernels/row_passes.h"
#include "kernels/row_strip.h"

namespace gcomp::kernels {
namespace {

// The arithmetic of one element, written once for eager loops and lowering. Requires x <= shift; or
// NaN, where one of them is or both are the same infinity.
struct ShiftedExp {
  template <class S>
  GCOMP_INLINE S operator()(S x, S shift) const {
    return ExpOfDifference(ir::Sub(x, shift));
  }
};

struct Reciprocal {
  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    return ir::Div(ir::Constant(x, 1), x);
  }
};

struct LogProbability {
  template <class S>
  GCOMP_INLINE S operator()(S x, S max, S log_sum) const {
    return ir::Sub(ir::Sub(x, max), log_sum);
  }
};

// The maximum, or 0 in place of -inf: then the exponentials are 0.
struct Shift {
  template <class S>
  GCOMP_INLINE S operator()(S max) const {
    S least = ir::Constant(max, -std::numeric_limits<ir::NativeOf<S>>::infinity());
    return ir::Select(ir::Eq(max, least), ir::Constant(max, 0), max);
  }
};

// inf of a shift of inf, whose sum is NaN.
struct LogSum {
  template <class S>
  GCOMP_INLINE S operator()(S sum, S shift) const {
    S most = ir::Constant(shift, std::numeric_limits<ir::NativeOf<S>>::infinity());
    return ir::Select(ir::Eq(shift, most), most, ir::Add(shift, Log(sum)));
  }
};

// The maximum of the numbers of a row; of zeros of both signs either. NaNs are left out: each makes
// the sum of exponentials NaN, and with it every result. Zeros of either sign give the same
// exponentials. (One instruction, where MaxFn takes five.)
struct MaxOfNumbers : MaxFn {
  template <class S>
  GCOMP_INLINE S operator()(S a, S b) const {
    return ir::Select(ir::Lt(a, b), b, a);
  }
};

// A sum of exponentials that are normal numbers: p times a power of two is exact, so one rounding
// is that of the sum.
struct SumOfExpFn : SumFn {
  using SumFn::operator();

  template <class T>
  GCOMP_INLINE T operator()(T sum, ExpParts<T> e) const {
    return math_internal::Fma(e.p, e.scale, sum);
  }
};

// True if the exponentials of a row less `shift` are all normal numbers, or NaN.
template <class T>
GCOMP_INLINE bool HasNormalExps(const NumberRange<T>& range, T shift) {
  return ir::Sub(range.least, shift) >= kLeastNormalExp<T>;
}

template <class T, class Pass>
GCOMP_INLINE T SumOfExp(const Row& row, const Pass& pass, const NumberRange<T>& range, T shift) {
  if (HasNormalExps(range, shift)) {
    return ReducePass<SumOfExpFn, T>(
        row, pass, [shift](T x, int64_t) __attribute__((always_inline)) {
          return PartsOfExpOfDifference(ir::Sub(x, shift));
        });
  }
  return ReducePass<SumFn, T>(
      row, pass, [shift](T x, int64_t) __attribute__((always_inline)) {
        return ShiftedExp{}(x, shift);
      });
}

// e = the exponentials of a row less its maximum. Returns their sum.
template <class T>
GCOMP_INLINE T StoreExps(const Row& row, const NumberRange<T>& range, T* e) {
  const RowPass<RowRead::kAgain, 0, 5> pass(row);
  const T max = range.greatest;
  if (HasNormalExps(range, max)) {
    return ReducePass<SumFn, T>(
        row, pass, [ e, max ](T x, int64_t i) __attribute__((always_inline)) {
          ExpParts<T> parts = PartsOfExpOfDifference(ir::Sub(x, max));
          return e[i] = ir::Mul(parts.p, parts.scale);
        });
  }
  return ReducePass<SumFn, T>(
      row, pass, [ e, max ](T x, int64_t i) __attribute__((always_inline)) {
        return e[i] = ShiftedExp{}(x, max);
      });
}

// NaN if any of a row is, else `otherwise`.
template <class T>
GCOMP_INLINE T WithNan(const Row& row, T otherwise) {
  T nans = ReducePass<SumFn, T>(
      row, RowPass<RowRead::kAgain, 0, 0>(row),
      [](T x, int64_t) __attribute__((always_inline)) { return x != x ? T{1} : T{0}; });
  return nans > 0 ? std::numeric_limits<T>::quiet_NaN() : otherwise;
}

// max[c] = the maximum of point c of a strip, sum[c] = its sum of exponentials: as of rows.
template <class T>
GCOMP_INLINE void MaxOfStrip(const Strip& strip, T* max) {
  for (int64_t c = 0; c < strip.width; ++c) max[c] = MaxFn::Identity<T>();
  ForRows<T>(
      strip, [&](const T* x, int64_t) __attribute__((always_inline)) {
        ForPoints(
            strip, [&](int64_t c)
                       __attribute__((always_inline)) { max[c] = MaxOfNumbers{}(max[c], x[c]); });
      });
}

template <class T>
GCOMP_INLINE void SumOfExpOfStrip(const Strip& strip, const T* shift, T* sum) {
  ReduceStrip<SumFn>(
      strip,
      [shift](T x, int64_t c) __attribute__((always_inline)) { return ShiftedExp{}(x, shift[c]); },
      sum);
}

struct SoftmaxLoop {
  template <class T>
  GCOMP_INLINE static void Run(const Row& row) {
    T* e = static_cast<T*>(row.y);
    const auto range = RangePass<T>(row, RowPass<RowRead::kFirst, 0, 0>(row));
    T scale = Reciprocal{}(StoreExps(row, range, e));
    MapPass<T>(
        row, RowPass<RowRead::kNot, 5, 8>(row),
        [ e, scale ](int64_t i, const T*)
            __attribute__((always_inline)) { return ir::Mul(e[i], scale); });
  }

  template <class T>
  GCOMP_INLINE static void RunStrip(const Strip& strip) {
    T* max = static_cast<T*>(strip.first);
    T* scale = static_cast<T*>(strip.second);
    MaxOfStrip(strip, max);
    SumOfExpOfStrip(strip, max, scale);
    for (int64_t c = 0; c < strip.width; ++c) scale[c] = Reciprocal{}(scale[c]);
    // The exponentials are computed again rather than stored: f16 and bf16 could not hold them.
    MapStrip<T>(
        strip, [ max, scale ](T x, int64_t, int64_t c) __attribute__((always_inline)) {
          return ir::Mul(ShiftedExp{}(x, max[c]), scale[c]);
        });
  }
};

struct LogSoftmaxLoop {
  template <class T>
  GCOMP_INLINE static void Run(const Row& row) {
    const auto range = RangePass<T>(row, RowPass<RowRead::kFirst, 0, 0>(row));
    const T max = range.greatest;
    T log_sum = Log(SumOfExp(row, RowPass<RowRead::kAgain, 0, 5>(row), range, max));
    MapPass<T>(
        row, RowPass<RowRead::kAgain, 5, 8>(row),
        [ max, log_sum ](int64_t, const T* x)
            __attribute__((always_inline)) { return LogProbability{}(*x, max, log_sum); });
  }

  template <class T>
  GCOMP_INLINE static void RunStrip(const Strip& strip) {
    T* max = static_cast<T*>(strip.first);
    T* log_sum = static_cast<T*>(strip.second);
    MaxOfStrip(strip, max);
    SumOfExpOfStrip(strip, max, log_sum);
    for (int64_t c = 0; c < strip.width; ++c) log_sum[c] = Log(log_sum[c]);
    MapStrip<T>(
        strip, [ max, log_sum ](T x, int64_t, int64_t c) __attribute__((always_inline)) {
          return LogProbability{}(x, max[c], log_sum[c]);
        });
  }
};

struct LogSumExpLoop {
  template <class T>
  GCOMP_INLINE static void Run(const Row& row) {
    const auto range = RangePass<T>(row, RowPass<RowRead::kFirst, 0, 0>(row));
    T shift = Shift{}(range.greatest);
    T sum = SumOfExp(row, RowPass<RowRead::kAgain, 0, 8>(row), range, shift);
    T y = LogSum{}(sum, shift);
    // A NaN beside inf.
    if (y > std::numeric_limits<T>::max()) y = WithNan(row, y);
    *static_cast<T*>(row.y) = y;
  }

  template <class T>
  GCOMP_INLINE static void RunStrip(const Strip& strip) {
    T* shift = static_cast<T*>(strip.first);
    T* y = static_cast<T*>(strip.second);
    MaxOfStrip(strip, shift);
    for (int64_t c = 0; c < strip.width; ++c) shift[c] = Shift{}(shift[c]);
    SumOfExpOfStrip(strip, shift, y);
    bool any_inf = false;
    for (int64_t c = 0; c < strip.width; ++c) {
      y[c] = LogSum{}(y[c], shift[c]);
      any_inf |= y[c] > std::numeric_limits<T>::max();
    }
    if (any_inf) {  // a NaN beside inf
      ForRows<T>(
          strip, [&](const T* x, int64_t) __attribute__((always_inline)) {
            for (int64_t c = 0; c < strip.width; ++c) y[c] = x[c] != x[c] ? x[c] : y[c];
          });
    }
    PutValues<T>(
        strip, [y](int64_t c) __attribute__((always_inline)) { return y[c]; });
  }
};

// The axis that `dim` names, in [0, rank).
int DimOf(const ir::AttrReader& attrs, int rank) {
  auto dim = static_cast<int>(attrs.Int("dim"));
  return dim < 0 ? dim + rank : dim;
}

Status InferAlongDim(ir::InferCtx& ctx) {
  const ir::Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(int dim, ctx.Axis(ctx.attrs().Int("dim"), x.rank(), "dim"));
  static_cast<void>(dim);
  ctx.Return(ir::Type::Tensor(x.dtype(), x.dims(), {}, x.device()));
  return Status();
}

template <class Loop>
StatusOr<std::unique_ptr<ir::Kernel>> PrepareAlongDim(const ir::KernelCtx& ctx) {
  return PrepareRows<Loop>(ctx, {.axes = {DimOf(ctx.attrs, ctx.operands[0].rank())}});
}

// Adds the stage of the maximum, by `Max`: MaxFn where a NaN must come through. Returns its
// temporary.
template <class Max, class T>
size_t AddMax(ir::LowerCtx& ctx, const RowLowering& rows) {
  ir::Stage max = rows.ReduceStage();
  max.loads = {rows.LoadX()};
  max.body_result = ParamOf<T>(max.body, 0).index();
  SetReduction<Max, T>(max);
  size_t temp = rows.StoreToTemp(max);
  ctx.nest.stages.push_back(std::move(max));
  return temp;
}

// The stage of the sum of exp(x - shift), without finish and store.
template <class T>
ir::Stage SumStage(const RowLowering& rows, size_t shift) {
  ir::Stage sum = rows.ReduceStage();
  sum.loads = {rows.LoadX(), rows.LoadTemp(shift)};
  sum.body_result = ShiftedExp{}(ParamOf<T>(sum.body, 0), ParamOf<T>(sum.body, 1)).index();
  SetReduction<SumFn, T>(sum);
  return sum;
}

struct LowerSoftmax {
  template <class T>
  static void Run(ir::LowerCtx& ctx) {
    RowLowering rows(ctx, {DimOf(ctx.attrs, ctx.operands[0].rank())}, ir::NativeDType<T>());
    size_t max = AddMax<MaxOfNumbers, T>(ctx, rows);
    ir::Stage sum = SumStage<T>(rows, max);
    sum.finish_result = Reciprocal{}(ParamOf<T>(sum.finish, 0)).index();
    size_t scale = rows.StoreToTemp(sum);
    ctx.nest.stages.push_back(std::move(sum));
    ir::Stage map = rows.MapStage();
    map.loads = {rows.LoadX(), rows.LoadTemp(max), rows.LoadTemp(scale)};
    ir::Sym<T> e = ShiftedExp{}(ParamOf<T>(map.body, 0), ParamOf<T>(map.body, 1));
    map.body_result = ir::Mul(e, ParamOf<T>(map.body, 2)).index();
    ctx.nest.stages.push_back(std::move(map));
  }
};

struct LowerLogSoftmax {
  template <class T>
  static void Run(ir::LowerCtx& ctx) {
    RowLowering rows(ctx, {DimOf(ctx.attrs, ctx.operands[0].rank())}, ir::NativeDType<T>());
    size_t max = AddMax<MaxOfNumbers, T>(ctx, rows);
    ir::Stage sum = SumStage<T>(rows, max);
    sum.finish_result = Log(ParamOf<T>(sum.finish, 0)).index();
    size_t log_sum = rows.StoreToTemp(sum);
    ctx.nest.stages.push_back(std::move(sum));
    ir::Stage map = rows.MapStage();
    map.loads = {rows.LoadX(), rows.LoadTemp(max), rows.LoadTemp(log_sum)};
    map.body_result =
        LogProbability{}(ParamOf<T>(map.body, 0), ParamOf<T>(map.body, 1), ParamOf<T>(map.body, 2))
            .index();
    ctx.nest.stages.push_back(std::move(map));
  }
};

struct LowerLogSumExp {
  template <class T>
  static void Run(ir::LowerCtx& ctx) {
    RowLowering rows(ctx, ReducedAxes(ctx.attrs, ctx.operands[0].rank()), ir::NativeDType<T>());
    size_t shift = AddMax<MaxFn, T>(ctx, rows);
    ir::Stage& max = ctx.nest.stages.back();
    max.finish_result = Shift{}(ParamOf<T>(max.finish, 0)).index();
    ir::Stage sum = SumStage<T>(rows, shift);
    sum.finish_loads = {rows.LoadTemp(shift)};
    sum.finish_result = LogSum{}(ParamOf<T>(sum.finish, 0), ParamOf<T>(sum.finish, 1)).index();
    rows.StoreToResult(sum, ctx.attrs.Bool("keep_dims"));
    ctx.nest.stages.push_back(std::move(sum));
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

StatusOr<std::unique_ptr<ir::Kernel>> PrepareLogSumExp(const ir::KernelCtx& ctx) {
  return PrepareRows<LogSumExpLoop>(ctx, {.axes = ReducedAxes(ctx.attrs, ctx.operands[0].rank()),
                                          .value_per_row = true,
                                          .keep_dims = ctx.attrs.Bool("keep_dims")});
}

constexpr ir::OperandSpec kOperands[] = {{.name = "x", .dtypes = ir::kFloatDTypes}};
constexpr ir::AttrSpec kAttrs[] = {ir::AxisOf(
    ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim", -1, "the axis that is normalized"))};

constexpr ir::OpDef kSoftmax{
    .name = "softmax",
    .doc =
        "Normalized exponential along one axis: m = max of x along dim; e = exp(x - m); s = sum "
        "of e along dim; y = e * (1 / s). y is of the shape of x. The sum is form 1 of "
        "docs/numerics.md whichever axis dim is; f16 and bf16 are computed in f32 and rounded "
        "once. A row of -inf, or one with inf or NaN in it, gives NaN.",
    .source =
        "J. Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs, "
        "1990",
    .operands = kOperands,
    .attrs = kAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "exp of 2 ulp, a rounded sum, reciprocal and "
                            "product; relative to 1"},
    .infer = &InferAlongDim,
    .prepare = &PrepareAlongDim<SoftmaxLoop>,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &Lower<LowerSoftmax>},
    .vjp = ir::NotYet(),
};

constexpr ir::OpDef kLogSoftmax{
    .name = "log_softmax",
    .doc =
        "Logarithm of softmax along one axis: m = max of x along dim; s = sum of exp(x - m) along "
        "dim; y = (x - m) - log(s). y is of the shape of x. The sum is form 1 of docs/numerics.md "
        "whichever axis dim is; f16 and bf16 are computed in f32 and rounded once. A row of -inf, "
        "or one with inf or NaN in it, gives NaN.",
    .source =
        "J. Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs, "
        "1990",
    .operands = kOperands,
    .attrs = kAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "exp and log of 2 ulp, a rounded sum and two "
                            "differences, which may "
                            "cancel; relative to the largest of 1, |x| and |m|"},
    .infer = &InferAlongDim,
    .prepare = &PrepareAlongDim<LogSoftmaxLoop>,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &Lower<LowerLogSoftmax>},
    .vjp = ir::NotYet(),
};

constexpr ir::OpDef kLogSumExp{
    .name = "logsumexp",
    .doc =
        "Logarithm of the sum of exponentials over axes: m = max of x over dims, 0 in place of "
        "-inf; s = sum of exp(x - m) over dims; y = m + log(s), inf where m is, without those "
        "axes (with keep_dims, they stay with size 1). x: [d0, ..., dn]. The sum is form 1 of "
        "docs/numerics.md whichever axes dims are; f16 and bf16 are computed in f32 and rounded "
        "once. -inf of no elements and of -inf alone; inf if any is inf and none NaN.",
    .source =
        "P. Blanchard, D. Higham, N. Higham, Accurately computing the log-sum-exp and softmax "
        "functions, 2021",
    .operands = kOperands,
    .attrs = kReduceAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "exp and log of 2 ulp and a rounded sum, which may cancel with m; "
                            "relative to the largest of 1 and |m|"},
    .infer = [](ir::InferCtx& ctx) { return InferReduce(ctx, true); },
    .prepare = &PrepareLogSumExp,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &Lower<LowerLogSumExp>},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(softmax, &kSoftmax, &kLogSoftmax, &kLogSumExp)

}  // namespace gcomp::kernels
