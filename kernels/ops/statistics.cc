// var and norm over axes.
#include <cmath>

#include "base/format.h"
#include "ir/decompose.h"
#include "kernels/all_ops.h"
#include "kernels/moments.h"
#include "kernels/pointwise.h"
#include "kernels/reduce.h"
#include "kernels/row_moments.h"
#include "kernels/row_passes.h"
#include "kernels/row_strip.h"

namespace gcomp::kernels {
namespace {

// ---- var
// ----------------------------------------------------------------------------------------

// sum / max(0, n - correction)
struct Variance {
  template <class S>
  GCOMP_INLINE S operator()(S sum, ir::Rebind<S, int64_t> n, int64_t correction) const {
    auto degrees = ir::Sub(n, ir::Constant(n, correction));
    return Mean{}(sum, ir::Max(ir::Constant(n, 0), degrees));
  }
};

struct VarLoop {
  template <class T>
  GCOMP_INLINE static void Run(const Row& row) {
    T mean = MeanPass<T>(row, RowPass<RowRead::kFirst, 0, 4>(row));
    T squares = SquaresPass(row, RowPass<RowRead::kAgain, 4, 8>(row), mean);
    *static_cast<T*>(row.y) = Variance{}(squares, row.n, row.correction);
  }

  template <class T>
  GCOMP_INLINE static void RunStrip(const Strip& strip) {
    T* sum = static_cast<T*>(strip.second);
    MomentsOfStrip(strip, static_cast<T*>(strip.first), sum);
    PutValues<T>(
        strip, [&](int64_t c) __attribute__((always_inline)) {
          return Variance{}(sum[c], strip.n, strip.correction);
        });
  }
};

Status InferVar(ir::InferCtx& ctx) {
  int64_t correction = ctx.attrs().Int("correction");
  if (correction < 0) {
    return ctx.Fail(Format("correction is {}; it must not be negative", correction), ErrorId::E508);
  }
  return InferReduce(ctx, true);
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareVar(const ir::KernelCtx& ctx) {
  return PrepareRows<VarLoop>(ctx, {.axes = ReducedAxes(ctx.attrs, ctx.operands[0].rank()),
                                    .correction = ctx.attrs.Int("correction"),
                                    .value_per_row = true,
                                    .keep_dims = ctx.attrs.Bool("keep_dims")});
}

template <class T>
void LowerVarTo(ir::LowerCtx& ctx) {
  RowLowering rows(ctx, ReducedAxes(ctx.attrs, ctx.operands[0].rank()), ir::NativeDType<T>());
  ir::Stage mean = rows.ReduceStage();
  mean.loads = {rows.LoadX()};
  mean.body_result = ParamOf<T>(mean.body, 0).index();
  SetReduction<SumFn, T>(mean);
  mean.finish_loads = {rows.LoadRowLength()};
  mean.finish_result = Mean{}(ParamOf<T>(mean.finish, 0), ParamOf<int64_t>(mean.finish, 1)).index();
  size_t temp = rows.StoreToTemp(mean);
  ctx.nest.stages.push_back(std::move(mean));

  ir::Stage squares = rows.ReduceStage();
  squares.loads = {rows.LoadX(), rows.LoadTemp(temp)};
  squares.body_result =
      SquaredDifference{}(ParamOf<T>(squares.body, 0), ParamOf<T>(squares.body, 1)).index();
  SetReduction<SumFn, T>(squares);
  squares.finish_loads = {rows.LoadRowLength()};
  squares.finish_result =
      Variance{}(ParamOf<T>(squares.finish, 0), ParamOf<int64_t>(squares.finish, 1),
                 ctx.attrs.Int("correction"))
          .index();
  rows.StoreToResult(squares, ctx.attrs.Bool("keep_dims"));
  ctx.nest.stages.push_back(std::move(squares));
}

Status LowerVar(ir::LowerCtx& ctx) {
  if (ctx.operands[0].dtype == ir::DType::kF64) {
    LowerVarTo<double>(ctx);
  } else {
    LowerVarTo<float>(ctx);
  }
  return Status();
}

constexpr ir::OperandSpec kOperands[] = {{.name = "x", .dtypes = ir::kFloatDTypes}};
constexpr ir::AttrSpec kDims = kReduceAttrs[0];
constexpr ir::AttrSpec kKeepDims = kReduceAttrs[1];
constexpr ir::AttrSpec kVarAttrs[] = {
    kDims, ir::IntAttr("correction", 1, "taken from the number of elements; not negative"),
    kKeepDims};

constexpr ir::OpDef kVar{
    .name = "var",
    .doc =
        "Variance over axes: mean = (sum of x over dims) / n; y = (sum of "
        "(x - mean)^2 over dims) "
        "/ max(0, n - correction), without those axes (with keep_dims, they "
        "stay with size 1). x: "
        "[d0, ..., dn]; n: elements over dims. Two passes; both sums are "
        "form 1 of "
        "docs/numerics.md whichever axes dims are; f16 and bf16 are "
        "computed in f32 and rounded "
        "once. Divisions by 0 are those of IEEE 754: NaN of no elements and "
        "of one element with "
        "correction 1.",
    .source =
        "T. Chan, G. Golub, R. LeVeque, Algorithms for Computing the "
        "Sample Variance: "
        "Analysis and Recommendations, 1983",
    .operands = kOperands,
    .attrs = kVarAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "rounded sums, x - mean cancels; relative to the greatest x^2"},
    .infer = &InferVar,
    .prepare = &PrepareVar,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &LowerVar},
    .vjp = ir::NotYet(),
};

// ---- norm
// ---------------------------------------------------------------------------------------

Status InferNorm(ir::InferCtx& ctx) {
  double p = ctx.attrs().Float("p");
  if (std::isnan(p)) return ctx.Fail("p is NaN; it must be a number or inf", ErrorId::E508);
  return InferReduce(ctx, !std::isinf(p));
}

void DecomposeNorm(ir::DecomposeCtx& ctx) {
  ir::Term x = ctx.Widened(ctx.operand(0));
  double p = ctx.attrs().Float("p");
  std::vector<int> axes = ReducedAxes(ctx.attrs(), x.rank());
  ir::AttrDict attrs = {{"dims", ir::IntsAttr(std::vector<int64_t>(axes.begin(), axes.end()))},
                        {"keep_dims", ctx.attrs().Bool("keep_dims")}};
  auto reduce = [&](std::string_view op, ir::Term of) { return ctx.Call(op, {of}, attrs); };
  if (p == 2) return ctx.Return(ctx.Call("sqrt", {reduce("reduce_sum", x * x)}));
  if (p == 0) {
    ir::Term counted = ctx.Cast(ctx.Call("ne", {x, ctx.Literal(0, x)}), x.dtype());
    return ctx.Return(reduce("reduce_sum", counted));
  }
  ir::Term magnitude = ctx.Call("abs", {x});
  if (p == 1) return ctx.Return(reduce("reduce_sum", magnitude));
  if (std::isinf(p)) return ctx.Return(reduce(p > 0 ? "reduce_max" : "reduce_min", magnitude));
  ir::Term power = ctx.Call("pow", {magnitude, ctx.Literal(p, x)});
  ctx.Return(ctx.Call("pow", {reduce("reduce_sum", power), ctx.Literal(1 / p, x)}));
}

constexpr ir::AttrSpec kNormAttrs[] = {
    ir::FloatAttr("p", 2, "the power; inf and -inf: greatest and least magnitude"), kDims,
    kKeepDims};

constexpr ir::OpDef kNorm{
    .name = "norm",
    .doc =
        "p-norm over axes, without those axes (with keep_dims, they stay with "
        "size 1): p = 2: "
        "sqrt(sum of x * x); p = 1: sum of |x|; p = inf, -inf: greatest, least "
        "|x|, an error "
        "(E504) of an empty axis; p = 0: the number of elements that are not "
        "0; else (sum of "
        "|x|^p)^(1/p). x: [d0, ..., dn]. f16 and bf16 are computed in f32 and "
        "rounded once. "
        "Squares may overflow where the norm would not. Stands for these ops.",
    .source = "G. Golub, C. Van Loan, Matrix Computations, 4th edition, 2.2",
    .operands = kOperands,
    .attrs = kNormAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "rounded powers and sums of magnitudes; relative to the result"},
    .infer = &InferNorm,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = &DecomposeNorm},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(statistics, &kVar, &kNorm)

}  // namespace gcomp::kernels
