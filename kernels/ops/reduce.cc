// Reductions: reduce_sum reduce_prod reduce_max reduce_min reduce_mean reduce_any reduce_all.
#include "kernels/reduce.h"

#include "kernels/all_ops.h"
#include "kernels/moments.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

constexpr std::string_view kOrder = "docs/numerics.md, The order of a reduction";

constexpr ir::OpDef kReduceSum = Reduction<SumFn>({
    .name = "reduce_sum",
    .doc = "Sum over axes: y[...] = sum of x over `dims`, without those axes "
           "(with keep_dims, they "
           "stay with size 1). x: [d0, ..., dn]. Added in the fixed order of "
           "docs/numerics.md; f16 "
           "and bf16 in f32, rounded once; integers wrap in their own width. "
           "The sum of no elements "
           "is 0.",
    .source = kOrder,
    .tolerance = {.ulp = 1,
                  .rtol = 1e-5,
                  .reason = "each addition rounds; relative to the sum of magnitudes"},
    .vjp = ir::NotYet(),
});

constexpr ir::OpDef kReduceProd = Reduction<ProdFn>({
    .name = "reduce_prod",
    .doc = "Product over axes: y[...] = product of x over `dims`, without "
           "those axes (with keep_dims, "
           "they stay with size 1). x: [d0, ..., dn]. Multiplied in the fixed "
           "order of "
           "docs/numerics.md; f16 and bf16 in f32, rounded once; integers wrap "
           "in their own width. "
           "The product of no elements is 1.",
    .source = kOrder,
    .tolerance = {.ulp = 1,
                  .rtol = 1e-5,
                  .reason = "each of the n multiplications rounds: n units in the last place"},
    .vjp = ir::NotYet(),
});

constexpr ir::OpDef kReduceMax = Reduction<MaxFn>({
    .name = "reduce_max",
    .doc = "Greatest value over axes: y[...] = max of x over `dims`, without "
           "those axes (with "
           "keep_dims, they stay with size 1). x: [d0, ..., dn]. NaN if any is "
           "NaN; -0.0 is less "
           "than 0.0. Reducing an empty axis is an error (E504).",
    .source = kOrder,
    .tolerance = {.reason = "one of the values is copied"},
    .vjp = ir::NotYet(),
});

constexpr ir::OpDef kReduceMin = Reduction<MinFn>({
    .name = "reduce_min",
    .doc = "Least value over axes: y[...] = min of x over `dims`, without "
           "those axes (with "
           "keep_dims, they stay with size 1). x: [d0, ..., dn]. NaN if any is "
           "NaN; -0.0 is less "
           "than 0.0. Reducing an empty axis is an error (E504).",
    .source = kOrder,
    .tolerance = {.reason = "one of the values is copied"},
    .vjp = ir::NotYet(),
});

// ---- reduce_mean
// --------------------------------------------------------------------------------

// Calls f(T{}) with the compute type of a float dtype.
template <class F>
auto WithFloatType(ir::DType dtype, F f) {
  return dtype == ir::DType::kF64 ? f(double{}) : f(float{});
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareMean(const ir::KernelCtx& ctx) {
  return WithFloatType(ctx.operands[0].dtype, [&](auto like) {
    using T = decltype(like);
    ReduceLoops loops = ReduceLoopsOf<SumFn, T>(ctx.cpu);
    loops.empty = ir::ScalarOf(MeanFn::Empty<T>()).bits;
    loops.finish = [](void* values, int64_t count, int64_t n) {
      auto* v = static_cast<T*>(values);
      for (int64_t i = 0; i < count; ++i) v[i] = Mean{}(v[i], n);
    };
    return MakeReduceKernel(ctx, loops);
  });
}

Status LowerMean(ir::LowerCtx& ctx) {
  return WithFloatType(ctx.operands[0].dtype, [&](auto like) {
    using T = decltype(like);
    ir::Stage stage = ReduceStage(ctx);
    stage.body_result = stage.body.Param(0, ir::NativeDType<T>());
    SetReduction<MeanFn, T>(stage);
    stage.finish_loads = {LoadCount(stage.reduce_axes)};
    ir::Sym<T> sum(&stage.finish, stage.finish_result);
    ir::Sym<int64_t> n(&stage.finish, stage.finish.Param(1, ir::DType::kI64));
    stage.finish_result = Mean{}(sum, n).index();
    ctx.nest.stages.push_back(std::move(stage));
    return Status();
  });
}

constexpr ir::OperandSpec kFloatOperands[] = {{.name = "x", .dtypes = ir::kFloatDTypes}};

constexpr ir::OpDef kReduceMean{
    .name = "reduce_mean",
    .doc =
        "Mean over axes: y[...] = (sum of x over `dims`) / n, without those "
        "axes (with keep_dims, "
        "they stay with size 1). x: [d0, ..., dn]; n: elements over dims, "
        "rounded to the compute "
        "type. The sum is that of reduce_sum, then there is one division; "
        "f16 and bf16 are "
        "computed in f32 and rounded once. The mean of no elements is NaN. "
        "Integers are no "
        "operands: cast them first.",
    .source = kOrder,
    .operands = kFloatOperands,
    .attrs = kReduceAttrs,
    .tolerance = {.ulp = 1,
                  .rtol = 1e-5,
                  .reason = "each addition rounds; relative to the sum of magnitudes / n"},
    .infer = [](ir::InferCtx& ctx) { return InferReduce(ctx, true); },
    .prepare = &PrepareMean,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &LowerMean},
    .vjp = ir::NotYet(),
};

// ---- reduce_any, reduce_all
// ---------------------------------------------------------------------

// Truth values stand in unsigned integers as wide as the elements, so that loops keep one width.
template <class T>
using TruthOf = std::conditional_t<sizeof(T) == 8, uint64_t,
                                   std::conditional_t<sizeof(T) == 4, uint32_t, uint8_t>>;

struct TruthAt {
  template <class T>
  using Type = TruthOf<T>;

  template <class T>
  GCOMP_INLINE TruthOf<T> operator()(T x) const {
    return static_cast<TruthOf<T>>(x != T{0} ? 1 : 0);
  }
};

// In place and in order: the bytes that are written were read before.
template <class Truths>
void NarrowTruths(void* values, int64_t count, int64_t /*n*/) {
  const auto* from = static_cast<const Truths*>(values);
  auto* to = static_cast<uint8_t*>(values);
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<uint8_t>(from[i]);
}

template <class F>
StatusOr<std::unique_ptr<ir::Kernel>> PrepareTruth(const ir::KernelCtx& ctx) {
  return WithComputeType(ctx.operands[0].dtype, [&](auto like) {
    using T = WrappingOf<TileOf<decltype(like)>>;
    ReduceLoops loops = ReduceLoopsOf<F, T, TruthAt>(ctx.cpu);
    loops.finish = &NarrowTruths<TruthOf<T>>;
    return MakeReduceKernel(ctx, loops);
  });
}

template <class F>
Status LowerTruth(ir::LowerCtx& ctx) {
  return WithComputeType(ctx.operands[0].dtype, [&](auto like) {
    using T = decltype(like);
    ir::Stage stage = ReduceStage(ctx);
    ir::Sym<T> x(&stage.body, stage.body.Param(0, ir::NativeDType<T>()));
    stage.body_result = ir::Convert<bool>(x).index();
    SetReduction<F, bool>(stage);
    ctx.nest.stages.push_back(std::move(stage));
    return Status();
  });
}

constexpr ir::OperandSpec kRealOperands[] = {{.name = "x", .dtypes = ir::kRealDTypes}};

template <class F>
constexpr ir::OpDef TruthReduction(std::string_view name, std::string_view doc) {
  return {
      .name = name,
      .doc = doc,
      .source = kOrder,
      .operands = kRealOperands,
      .attrs = kReduceAttrs,
      .tolerance = {.reason = "truth values: nothing rounds"},
      .infer = [](ir::InferCtx& ctx) { return InferReduce(ctx, true, ir::DType::kBool); },
      .prepare = &PrepareTruth<F>,
      .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &LowerTruth<F>},
      .vjp = ir::NotDifferentiable("the result is bool"),
  };
}

constexpr ir::OpDef kReduceAny =
    TruthReduction<AnyFn>("reduce_any",
                          "True where any element over `dims` is not 0, without those "
                          "axes (with keep_dims, they stay "
                          "with size 1). x: [d0, ..., dn] of any dtype; y: bool. NaN "
                          "is not 0, -0.0 is. False of no "
                          "elements.");

constexpr ir::OpDef kReduceAll =
    TruthReduction<AllFn>("reduce_all",
                          "True where no element over `dims` is 0, without those axes "
                          "(with keep_dims, they stay with "
                          "size 1). x: [d0, ..., dn] of any dtype; y: bool. NaN is not "
                          "0, -0.0 is. True of no elements.");

}  // namespace

GCOMP_DEFINE_OPS(reduce, &kReduceSum, &kReduceProd, &kReduceMax, &kReduceMin, &kReduceMean,
                 &kReduceAny, &kReduceAll)

}  // namespace gcomp::kernels
