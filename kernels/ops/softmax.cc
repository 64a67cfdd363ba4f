// softmax along one axis.
#include "kernels/all_ops.h"
#include "kernels/math.h"
#include "kernels/pointwise.h"
#include "kernels/reduce.h"
#include "kernels/rows.h"

namespace gcomp::kernels {
namespace {

// The arithmetic of one element, in two steps.
struct ShiftedExp {
  template <class S>
  GCOMP_INLINE S operator()(S x, S max) const {
    return Exp(ir::Sub(x, max));
  }
};

template <class T>
GCOMP_INLINE void SoftmaxBody(const Row& row) {
  const T* x = static_cast<const T*>(row.x);
  T* y = static_cast<T*>(row.y);
  T* partials = static_cast<T*>(row.partials);
  T max = ReduceRow<MaxFn>(
      row.n, [x](int64_t i) __attribute__((always_inline)) { return x[i]; }, partials);
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < row.n; ++i) y[i] = ShiftedExp{}(x[i], max);
  T sum = ReduceRow<SumFn>(
      row.n, [y](int64_t i) __attribute__((always_inline)) { return y[i]; }, partials);
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < row.n; ++i) y[i] = ir::Div(y[i], sum);
}

template <class T>
GCOMP_TARGET_V3 void SoftmaxV3(const Row& row) {
  SoftmaxBody<T>(row);
}

template <class T>
GCOMP_TARGET_V4 void SoftmaxV4(const Row& row) {
  SoftmaxBody<T>(row);
}

// The axis that `dim` names, in [0, rank).
int DimOf(const ir::AttrReader& attrs, int rank) {
  auto dim = static_cast<int>(attrs.Int("dim"));
  return dim < 0 ? dim + rank : dim;
}

Status Infer(ir::InferCtx& ctx) {
  const ir::Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(int dim, ctx.Axis(ctx.attrs().Int("dim"), x.rank(), "dim"));
  static_cast<void>(dim);
  ctx.Return(ir::Type::Tensor(x.dtype(), x.dims(), {}, x.device()));
  return Status();
}

StatusOr<std::unique_ptr<ir::Kernel>> Prepare(const ir::KernelCtx& ctx) {
  bool f64 = ctx.operands[0].dtype == ir::DType::kF64;
  PerCpu<RowLoop> loop = f64 ? PerCpu<RowLoop>{&SoftmaxV3<double>, &SoftmaxV4<double>}
                             : PerCpu<RowLoop>{&SoftmaxV3<float>, &SoftmaxV4<float>};
  return MakeRowKernel(ctx, loop.For(ctx.cpu),
                       {.axes = {DimOf(ctx.attrs, ctx.operands[0].rank())}});
}

template <class T>
void LowerTo(ir::LowerCtx& ctx) {
  constexpr ir::DType kType = ir::NativeDType<T>();
  RowLowering rows(ctx, {DimOf(ctx.attrs, ctx.operands[0].rank())}, kType);
  ir::Stage max = rows.ReduceStage();
  max.loads = {rows.LoadX()};
  max.body_result = max.body.Param(0, kType);
  SetReduction<MaxFn, T>(max);
  size_t t0 = rows.StoreToTemp(max);
  ctx.nest.stages.push_back(std::move(max));

  auto shifted_exp = [](ir::ScalarGraph& body) {
    return ShiftedExp{}(ir::Sym<T>(&body, body.Param(0, kType)),
                        ir::Sym<T>(&body, body.Param(1, kType)));
  };
  ir::Stage sum = rows.ReduceStage();
  sum.loads = {rows.LoadX(), rows.LoadTemp(t0)};
  sum.body_result = shifted_exp(sum.body).index();
  SetReduction<SumFn, T>(sum);
  size_t t1 = rows.StoreToTemp(sum);
  ctx.nest.stages.push_back(std::move(sum));

  ir::Stage divide = rows.MapStage();
  divide.loads = {rows.LoadX(), rows.LoadTemp(t0), rows.LoadTemp(t1)};
  ir::Sym<T> e = shifted_exp(divide.body);
  divide.body_result = ir::Div(e, ir::Sym<T>(&divide.body, divide.body.Param(2, kType))).index();
  ctx.nest.stages.push_back(std::move(divide));
}

Status Lower(ir::LowerCtx& ctx) {
  if (ctx.operands[0].dtype == ir::DType::kF64) {
    LowerTo<double>(ctx);
  } else {
    LowerTo<float>(ctx);
  }
  return Status();
}

constexpr ir::OperandSpec kOperands[] = {{.name = "x", .dtypes = ir::kFloatDTypes}};
constexpr ir::AttrSpec kAttrs[] = {ir::AxisOf(
    ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim", -1, "the axis whose elements sum to 1"))};

constexpr ir::OpDef kSoftmax{
    .name = "softmax",
    .doc =
        "Normalized exponential along one axis: m = max of x along dim; e = exp(x - m); "
        "s = sum of e along dim; y = e / s. y is of the shape of x. The sum is form 1 of "
        "docs/numerics.md whichever axis dim is; f16 and bf16 are computed in f32 and rounded "
        "once. A row of -inf, or one with inf or NaN in it, gives NaN.",
    .source =
        "J. Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs, "
        "1990",
    .operands = kOperands,
    .attrs = kAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "exp of 2 ulp, a rounded sum and a rounded quotient; relative to 1"},
    .infer = &Infer,
    .prepare = &Prepare,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &Lower},
    .vjp = ir::NotYet(kNoVjpYet),
};

}  // namespace

GCOMP_DEFINE_OPS(softmax, &kSoftmax)

}  // namespace gcomp::kernels
