// matmul: batched matrix product.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/matmul_loops.h"
#ifdef GCOMP_ONEDNN
#include "kernels/onednn/matmul.h"
#endif

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Type;

Status InferMatmul(InferCtx& ctx) {
  const Type& a = ctx.operand(0);
  const Type& b = ctx.operand(1);
  if (a.rank() < 2 || b.rank() < 2) {
    return ctx.Fail(
        Format("operands must have rank 2 or more, found {} and {}", ctx.Show(a), ctx.Show(b)));
  }
  if (a.dtype() != b.dtype()) {
    return ctx.Fail(
        Format("operands must have one dtype, found {} and {}", ctx.Show(a), ctx.Show(b)));
  }
  const size_t ar = a.dims().size();
  const size_t br = b.dims().size();
  if (!ctx.SameSize(a.dims()[ar - 1], b.dims()[br - 2])) {
    return ctx.Fail(Format("a {} has {} columns, b {} has {} rows: they must be equal", ctx.Show(a),
                           ctx.Show(a.dims()[ar - 1]), ctx.Show(b), ctx.Show(b.dims()[br - 2])));
  }
  const size_t batch = std::max(ar, br) - 2;
  Dims dims(batch);
  for (size_t i = 0; i < batch; ++i) {
    // Batch dim i of the result, counted from the first; missing ones are 1.
    const Expr x = i + ar >= batch + 2 ? a.dims()[i + ar - batch - 2] : Expr(1);
    const Expr y = i + br >= batch + 2 ? b.dims()[i + br - batch - 2] : Expr(1);
    if (!ctx.SameSize(x, y) && !x.IsConst(1) && !y.IsConst(1)) {
      return ctx.Fail(Format("batch axis {} is {} in a {} and {} in b {}: only size 1 broadcasts",
                             i, ctx.Show(x), ctx.Show(a), ctx.Show(y), ctx.Show(b)));
    }
    dims[i] = x.IsConst(1) ? y : x;
  }
  dims.push_back(a.dims()[ar - 2]);
  dims.push_back(b.dims()[br - 1]);
  ctx.Return(Type::Tensor(a.dtype(), std::move(dims), {}, a.device()));
  return {};
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareMatmul(const ir::KernelCtx& ctx) {
  const MatmulProblem problem =
      MatmulProblem::Make(ctx.operands[0], ctx.operands[1], ctx.results[0]);
#ifdef GCOMP_ONEDNN
  if (onednn::TakesMatmul(problem)) {
    return onednn::PrepareMatmul(problem, ctx.constants.empty() ? nullptr : ctx.constants[1],
                                 ctx.cpu);
  }
#endif
  return PrepareMatmulLoops(problem, ctx.cpu);
}

constexpr ir::OperandSpec kMatmulOperands[] = {{.name = "a", .dtypes = ir::kNumericDTypes},
                                               {.name = "b", .dtypes = ir::kNumericDTypes}};

constinit const ir::OpDef kMatmul = {
    .name = "matmul",
    .doc =
        "Matrix product, batched: y[.., i, j] = sum over p of a[.., i, p] * b[.., p, j].\n"
        "Shapes: a: [.., m, k], b: [.., k, n] -> y: [.., m, n]; batch axes (..) broadcast.\n"
        "Corners: k = 0 gives zeros; integers wrap; f16 and bf16 are summed in f32 and rounded "
        "once; f32 goes through oneDNN, whose order of summation is its own.",
    .source = "NumPy matmul for rank 2 and more",
    .operands = kMatmulOperands,
    .numeric = ir::NumericClass::kPinned,
    .tolerance = {.ulp = 1,
                  .rtol = 1e-5,
                  .reason = "sums of k rounded products in an order that the library chooses: "
                            "about sqrt(k) roundings of 2^-24 relative to the largest magnitude "
                            "summed (f32, k up to 16384); narrower results are rounded once more"},
    .infer = InferMatmul,
    .prepare = PrepareMatmul,
    .lowering = {.kind = ir::Lowering::Kind::kExternal,
                 .why = "pinned: one implementation (oneDNN, or gcomp's own loops) gives the bits "
                        "on all tiers"},
    .vjp = ir::NotYet("derivative rules come with differentiation"),
};

}  // namespace

GCOMP_DEFINE_OPS(matmul, &kMatmul)

}  // namespace gcomp::kernels
