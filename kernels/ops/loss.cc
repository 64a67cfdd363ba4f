// cross_entropy, mse_loss: how far predictions are from targets.
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/decompose.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::DType;
using ir::Expr;
using ir::InferCtx;
using ir::Term;
using ir::Type;

// The class index of targets that do not count.
constexpr int64_t kIgnored = -100;

constexpr ir::AttrSpec kReductionAttrs[] = {ir::StringAttr(
    "reduction", "mean", "\"mean\" or \"sum\" over all losses, or \"none\": one per target")};

// Returns losses of these sizes, reduced as `reduction` says.
Status ReturnReduced(InferCtx& ctx, Dims losses) {
  const std::string reduction = ctx.attrs().String("reduction");
  if (reduction != "mean" && reduction != "sum" && reduction != "none") {
    return ctx.Fail(
        Format("reduction = \"{}\", but must be \"mean\", \"sum\" or \"none\"", reduction),
        ErrorId::E508);
  }
  if (reduction != "none") losses.clear();
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(ctx.operand(0).dtype(), std::move(losses), {}, std::move(device)));
  return {};
}

// "none", "sum" and "mean" of losses that all count.
Term Reduced(ir::DecomposeCtx& ctx, Term losses) {
  const std::string reduction = ctx.attrs().String("reduction");
  if (reduction == "none") return losses;
  return ctx.Call(reduction == "sum" ? "reduce_sum" : "reduce_mean", {losses});
}

// ---- mse_loss -----------------------------------------------------------------------------------

Status InferMseLoss(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Type& t = ctx.operand(1);
  if (x.dtype() != t.dtype() || x.dims() != t.dims()) {
    return ctx.Fail(
        Format("x and t must have one dtype and shape, found {} and {}", ctx.Show(x), ctx.Show(t)));
  }
  return ReturnReduced(ctx, x.dims());
}

void DecomposeMseLoss(ir::DecomposeCtx& ctx) {
  const Term difference = ctx.Widened(ctx.operand(0)) - ctx.Widened(ctx.operand(1));
  ctx.Return(Reduced(ctx, difference * difference));
}

constexpr ir::OperandSpec kMseOperands[] = {{.name = "x", .dtypes = ir::kFloatDTypes},
                                            {.name = "t", .dtypes = ir::kFloatDTypes}};

constinit const ir::OpDef kMseLoss = {
    .name = "mse_loss",
    .doc =
        "Squared error: l = (x - t) * (x - t); y = the mean of l, its sum, or l itself.\n"
        "Shapes: x: [d_0, ...], t: [d_0, ...] -> y: [], or [d_0, ...] with reduction \"none\".\n"
        "Corners: the mean of no elements is NaN, their sum 0; sums are as reduce_sum's; f16 and "
        "bf16 are computed in f32 and rounded once.",
    .source = "PyTorch mse_loss",
    .operands = kMseOperands,
    .attrs = kReductionAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "a rounded difference, counted twice in its square, and a sum by a "
                            "tree: some 20 roundings relative to the largest square"},
    .infer = InferMseLoss,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeMseLoss},
    .vjp = ir::NotYet(),
};

// ---- cross_entropy ------------------------------------------------------------------------------

Status InferCrossEntropy(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Type& t = ctx.operand(1);
  if (x.rank() < 2) {
    return ctx.Fail(Format("x must have rank 2 or more, [n, c, ...], found {}", ctx.Show(x)));
  }
  Dims losses = x.dims();
  losses.erase(losses.begin() + 1);
  if (ir::IsFloat(t.dtype())) {
    if (t.dtype() != x.dtype() || t.dims() != x.dims()) {
      return ctx.Fail(Format("t of class probabilities must be {}, as x, found {}",
                             ctx.Show(Type::Tensor(x.dtype(), x.dims())), ctx.Show(t)));
    }
  } else if (t.dims() != losses) {
    return ctx.Fail(Format("t of class indices must be {} for x {}, found {}",
                           ctx.Show(Type::Tensor(t.dtype(), losses)), ctx.Show(x), ctx.Show(t)));
  }
  return ReturnReduced(ctx, std::move(losses));
}

// log_probabilities at the class of each target; [n, ...]. A negative index is no class, though
// gather counts it from the end: it goes where gather finds nothing.
Term AtClasses(ir::DecomposeCtx& ctx, Term log_probabilities, Term classes, const Dims& losses) {
  const Term count = ctx.SizeValue(log_probabilities.size(1), DType::kI64);
  const Term is_negative = ctx.Call("lt", {classes, ctx.Literal(0, classes)});
  classes = ctx.Select(is_negative, classes - count, classes);
  const Term picked =
      ctx.Call("gather", {log_probabilities, ctx.Unsqueeze(classes, 1)}, {{"dim", Expr(1)}});
  return ctx.Reshape(picked, losses);
}

void DecomposeCrossEntropy(ir::DecomposeCtx& ctx) {
  const Term x = ctx.Widened(ctx.operand(0));
  const Term t = ctx.operand(1);
  const Term log_probabilities = ctx.Call("log_softmax", {x}, {{"dim", Expr(1)}});
  if (ir::IsFloat(t.dtype())) {
    const int64_t classes[] = {1};
    return ctx.Return(
        Reduced(ctx, -ctx.ReduceSum(ctx.Widened(t) * log_probabilities, classes, false)));
  }
  Dims losses = x.sizes();
  losses.erase(losses.begin() + 1);
  if (!ir::IsSigned(t.dtype())) {
    return ctx.Return(
        Reduced(ctx, -AtClasses(ctx, log_probabilities, ctx.Cast(t, DType::kI64), losses)));
  }
  const Term index = ctx.Cast(t, DType::kI64);
  const Term counts = ctx.Call("ne", {index, ctx.Literal(static_cast<double>(kIgnored), index)});
  const Term classes = ctx.Select(counts, index, ctx.Literal(0, index));
  const Term loss = -AtClasses(ctx, log_probabilities, classes, losses);
  const Term counted = ctx.Select(counts, loss, ctx.Literal(0, loss));
  if (ctx.attrs().String("reduction") != "mean") return ctx.Return(Reduced(ctx, counted));
  const Term number = ctx.Call("reduce_sum", {ctx.Cast(counts, DType::kI64)});
  ctx.Return(ctx.Call("reduce_sum", {counted}) / ctx.Cast(number, x.dtype()));
}

constexpr ir::OperandSpec kCrossEntropyOperands[] = {{.name = "x", .dtypes = ir::kFloatDTypes},
                                                     {.name = "t", .dtypes = ir::kNumericDTypes}};

constinit const ir::OpDef kCrossEntropy = {
    .name = "cross_entropy",
    .doc =
        "Cross entropy of logits: p = log_softmax(x over axis 1); for class indices l[n, i...] = "
        "-p[n, t[n, i...], i...], for class probabilities l = -(sum over c of t * p); y = the mean "
        "of l, its sum, or l itself.\n"
        "Shapes: x: [n, c, d...], t: integers [n, d...] or floats [n, c, d...] -> y: [], or "
        "[n, d...] with reduction \"none\".\n"
        "Corners: an index of -100 is ignored: its loss is 0 and the mean does not count it; any "
        "other index outside of [0, c) is E401 when it runs; the mean of no counted targets is "
        "NaN; a probability of 0 of a class whose p is -inf gives NaN; f16 and bf16 are computed "
        "in f32 and rounded once.",
    .source = "PyTorch cross_entropy",
    .operands = kCrossEntropyOperands,
    .attrs = kReductionAttrs,
    .tolerance = {.ulp = 8,
                  .rtol = 2e-5,
                  .reason = "log_softmax, whose sum of exponentials of 2 ulp is rounded some 20 "
                            "times before its logarithm, and a sum over the losses"},
    .infer = InferCrossEntropy,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeCrossEntropy},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(loss, &kMseLoss, &kCrossEntropy)

}  // namespace gcomp::kernels
