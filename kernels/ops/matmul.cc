// matmul: batched matrix product. bmm, addmm: the same for given ranks, and with a term added.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "base/format.h"
#include "ir/decompose.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/matmul_loops.h"
#include "kernels/pointwise.h"
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
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(a.dtype(), std::move(dims), {}, std::move(device)));
  return {};
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareMatmul(const ir::KernelCtx& ctx) {
#ifdef GCOMP_ONEDNN
  const onednn::MatmulOperands operands = {ctx.operands[0], ctx.operands[1], ctx.results[0]};
  if (onednn::TakesMatmul(operands)) {
    return onednn::PrepareMatmul(operands, ctx.constants.empty() ? nullptr : ctx.constants[1],
                                 ctx.cpu);
  }
#endif
  return PrepareMatmulLoops(MatmulProblem::Make(ctx.operands[0], ctx.operands[1], ctx.results[0]),
                            ctx.cpu);
}

constexpr ir::OperandSpec kMatmulOperands[] = {{.name = "a", .dtypes = ir::kNumericDTypes},
                                               {.name = "b", .dtypes = ir::kNumericDTypes}};

constexpr ir::Tolerance kTolerance = {
    .ulp = 1,
    .rtol = 1e-5,
    .reason =
        "sums of k rounded products in an order that the library chooses: about sqrt(k) "
        "roundings of 2^-24 relative to the largest magnitude summed (f32, k up to 16384); "
        "narrower results are rounded once more"};

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
    .tolerance = kTolerance,
    .infer = InferMatmul,
    .prepare = PrepareMatmul,
    .lowering = {.kind = ir::Lowering::Kind::kExternal,
                 .why = "pinned: one implementation (oneDNN, or gcomp's own loops) gives the bits "
                        "on all tiers"},
    .vjp = ir::NotYet(),
};

// ---- bmm ----------------------------------------------------------------------------------------

Status InferBmm(InferCtx& ctx) {
  const Type& a = ctx.operand(0);
  const Type& b = ctx.operand(1);
  if (a.rank() != 3 || b.rank() != 3) {
    return ctx.Fail(Format("operands must have rank 3, found {} and {}", ctx.Show(a), ctx.Show(b)));
  }
  if (!ctx.SameSize(a.dims()[0], b.dims()[0])) {
    return ctx.Fail(Format("a {} has {} matrices, b {} has {}: they must be as many", ctx.Show(a),
                           ctx.Show(a.dims()[0]), ctx.Show(b), ctx.Show(b.dims()[0])));
  }
  return InferMatmul(ctx);
}

void DecomposeBmm(ir::DecomposeCtx& ctx) {
  ctx.Return(ctx.Call("matmul", {ctx.operand(0), ctx.operand(1)}));
}

constinit const ir::OpDef kBmm = {
    .name = "bmm",
    .doc =
        "Matrix products of a batch: y[b] = a[b] * b[b], as matmul.\n"
        "Shapes: a: [b, m, k], b: [b, k, n] -> y: [b, m, n]; nothing broadcasts.\n"
        "Corners: as matmul.",
    .source = "PyTorch bmm",
    .operands = kMatmulOperands,
    .numeric = ir::NumericClass::kPinned,
    .tolerance = kTolerance,
    .infer = InferBmm,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeBmm},
    .vjp = ir::NotYet(),
};

// ---- addmm --------------------------------------------------------------------------------------

Status InferAddmm(InferCtx& ctx) {
  const Type& m = ctx.operand(0);
  const Type& a = ctx.operand(1);
  const Type& b = ctx.operand(2);
  if (a.rank() != 2 || b.rank() != 2) {
    return ctx.Fail(Format("a and b must have rank 2, found {} and {}", ctx.Show(a), ctx.Show(b)));
  }
  if (a.dtype() != b.dtype() || a.dtype() != m.dtype()) {
    return ctx.Fail(Format("operands must have one dtype, found {}, {} and {}", ctx.Show(m),
                           ctx.Show(a), ctx.Show(b)));
  }
  if (!ctx.SameSize(a.dims()[1], b.dims()[0])) {
    return ctx.Fail(Format("a {} has {} columns, b {} has {} rows: they must be equal", ctx.Show(a),
                           ctx.Show(a.dims()[1]), ctx.Show(b), ctx.Show(b.dims()[0])));
  }
  Dims dims = {a.dims()[0], b.dims()[1]};
  bool fits = m.rank() <= 2;
  for (size_t i = 0; fits && i < m.dims().size(); ++i) {
    const Expr& size = m.dims()[i];
    fits = size.IsConst(1) || ctx.SameSize(size, dims[2 - m.dims().size() + i]);
  }
  if (!fits) {
    return ctx.Fail(Format("m {} does not broadcast to [{}, {}], the product of {} and {}",
                           ctx.Show(m), ctx.Show(dims[0]), ctx.Show(dims[1]), ctx.Show(a),
                           ctx.Show(b)));
  }
  for (std::string_view name : {"beta", "alpha"}) {
    const double factor = ctx.attrs().Float(name);
    if (ir::IsFloat(a.dtype())) continue;
    if (!ir::Scalar::FromDouble(a.dtype(), factor).has_value()) {
      return ctx.Fail(Format("{} = {} is no value of {}", name, factor, ir::NameOf(a.dtype())),
                      ErrorId::E508);
    }
  }
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(a.dtype(), std::move(dims), {}, std::move(device)));
  return {};
}

void DecomposeAddmm(ir::DecomposeCtx& ctx) {
  const double beta = ctx.attrs().Float("beta");
  const double alpha = ctx.attrs().Float("alpha");
  ir::Term y = ctx.Call("matmul", {ctx.Widened(ctx.operand(1)), ctx.Widened(ctx.operand(2))});
  if (alpha != 1) y = y * alpha;
  ir::Term m = ctx.Widened(ctx.operand(0));
  if (beta != 0) y = (beta == 1 ? m : m * beta) + y;
  ctx.Return(y);
}

constexpr ir::OperandSpec kAddmmOperands[] = {{.name = "m", .dtypes = ir::kNumericDTypes},
                                              {.name = "a", .dtypes = ir::kNumericDTypes},
                                              {.name = "b", .dtypes = ir::kNumericDTypes}};
constexpr ir::AttrSpec kAddmmAttrs[] = {
    ir::FloatAttr("beta", 1, "factor of m; of integers: a value of their dtype"),
    ir::FloatAttr("alpha", 1, "factor of the product; likewise")};

constinit const ir::OpDef kAddmm = {
    .name = "addmm",
    .doc =
        "Matrix product with a term added: y = beta * m + alpha * (a * b).\n"
        "Shapes: m: broadcasts to [m, n], a: [m, k], b: [k, n] -> y: [m, n].\n"
        "Corners: beta = 0 does not read m, so a NaN in it does not count; the rest as matmul. f16 "
        "and bf16 are computed in f32 and rounded once; beta and alpha are rounded to the dtype in "
        "which the op computes.",
    .source = "BLAS gemm; PyTorch addmm",
    .operands = kAddmmOperands,
    .attrs = kAddmmAttrs,
    .numeric = ir::NumericClass::kPinned,
    .tolerance = {.ulp = 2,
                  .rtol = 2e-5,
                  .reason = "a product as matmul gives it, scaled, and a scaled term: three more "
                            "roundings; narrower results are rounded once more"},
    .infer = InferAddmm,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeAddmm},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(matmul, &kMatmul, &kBmm, &kAddmm)

}  // namespace gcomp::kernels
