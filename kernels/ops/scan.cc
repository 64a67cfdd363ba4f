// Scans: cumsum cumprod.
#include "kernels/scan.h"

#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

int DimOf(const ir::AttrReader& attrs, int rank) {
  auto dim = static_cast<int>(attrs.Int("dim"));
  return dim < 0 ? dim + rank : dim;
}

Status Infer(ir::InferCtx& ctx) {
  const ir::Type& x = ctx.operand(0);
  GCOMP_RETURN_IF_ERROR(ctx.Axis(ctx.attrs().Int("dim"), x.rank(), "dim").status());
  ctx.Return(ir::Type::Tensor(x.dtype(), x.dims(), {}, x.device()));
  return Status();
}

template <class F>
StatusOr<std::unique_ptr<ir::Kernel>> Prepare(const ir::KernelCtx& ctx) {
  return WithComputeType(ctx.operands[0].dtype, [&](auto like) {
    using T = WrappingOf<NumericOf<decltype(like)>>;
    return MakeScanKernel(ctx, ScanLoopsOf<F, T>(ctx.cpu),
                          DimOf(ctx.attrs, ctx.operands[0].rank()));
  });
}

template <class F>
Status Lower(ir::LowerCtx& ctx) {
  return WithComputeType(ctx.operands[0].dtype, [&](auto like) {
    using T = NumericOf<decltype(like)>;
    ir::Stage stage = ScanStage(ctx, DimOf(ctx.attrs, ctx.operands[0].rank()));
    stage.body_result = stage.body.Param(0, ir::NativeDType<T>());
    SetReduction<F, T>(stage);
    ctx.nest.stages.push_back(std::move(stage));
    return Status();
  });
}

constexpr ir::AttrSpec kAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim", 0, "the axis to go along"))};

template <class F>
constexpr ir::OpDef Scan(std::string_view name, std::string_view doc, std::string_view reason) {
  return {
      .name = name,
      .doc = doc,
      .source =
          "W. Hillis, G. Steele, Data Parallel Algorithms, 1986; the "
          "order is that of "
          "docs/numerics.md",
      .operands = kReduceOperands,
      .attrs = kAttrs,
      .tolerance = {.ulp = 1, .rtol = 1e-5, .reason = reason},
      .infer = &Infer,
      .prepare = &Prepare<F>,
      .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &Lower<F>},
      .vjp = ir::NotYet(),
  };
}

constexpr ir::OpDef kCumSum =
    Scan<SumFn>("cumsum",
                "Running sum along an axis: y[..., k, ...] = sum of x[..., 0 "
                "to k, ...]. y is of the shape and "
                "dtype of x: [d0, ..., dn]. Added in the fixed order of "
                "docs/numerics.md; f16 and bf16 in f32, "
                "each result rounded once; integers wrap in their own width. "
                "NaN and inf reach all later "
                "elements.",
                "each addition rounds; relative to the sum of magnitudes");

constexpr ir::OpDef kCumProd =
    Scan<ProdFn>("cumprod",
                 "Running product along an axis: y[..., k, ...] = product of x[..., 0 to k, "
                 "...]. y is of the "
                 "shape and dtype of x: [d0, ..., dn]. Multiplied in the fixed order of "
                 "docs/numerics.md; f16 "
                 "and bf16 in f32, each result rounded once; integers wrap in their own "
                 "width. Partial products "
                 "of up to 16 neighbors may overflow or underflow where a product in "
                 "sequence would not.",
                 "each of the k multiplications rounds: k units in the last place");

}  // namespace

GCOMP_DEFINE_OPS(scan, &kCumSum, &kCumProd)

}  // namespace gcomp::kernels
