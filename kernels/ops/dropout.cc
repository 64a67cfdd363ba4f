// dropout: zeros at random places, so that the expected value stays.
#include "base/format.h"
#include "ir/decompose.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using ir::InferCtx;
using ir::Term;
using ir::Type;

constexpr size_t kKey = 1;  // group

bool Drops(const ir::AttrReader& attrs) {
  return attrs.Bool("training") && attrs.Float("p") != 0;
}

Status InferDropout(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const double p = ctx.attrs().Float("p");
  if (!(p >= 0 && p <= 1)) {
    return ctx.Fail(Format("p is {}, but must lie in [0, 1]", p), ErrorId::E508);
  }
  if (ctx.has_operand(kKey)) {
    const Type& key = ctx.group_type(kKey);
    if (key.kind() != Type::Kind::kRng) {
      return ctx.Fail(Format("key must be an rng, as rng.key makes it, but is {}", ctx.Show(key)));
    }
  } else if (Drops(ctx.attrs())) {
    return ctx.Fail("needs a key: training is true and p is not 0");
  }
  ctx.Return(Type::Tensor(x.dtype(), x.dims(), {}, x.device()));
  return {};
}

void DecomposeDropout(ir::DecomposeCtx& ctx) {
  Term x = ctx.operand(0);
  if (!Drops(ctx.attrs())) {
    ctx.Return(ctx.Call("contiguous", {x}));
    return;
  }
  const double p = ctx.attrs().Float("p");
  Term u = ctx.CallGroups("rng.uniform", {{ctx.operand(kKey)}},
                          {{"shape", ir::SizesAttr(x.sizes())}, {"dtype", DType::kF32}});
  Term keep = ctx.Call("ge", {u, ctx.Literal(p, u)});
  Term scaled = ctx.Widened(x) / (1.0 - p);
  ctx.Return(ctx.Select(keep, scaled, ctx.Literal(0.0, scaled)));
}

constexpr ir::OperandSpec kOperands[] = {
    {.name = "x", .dtypes = ir::kFloatDTypes},
    {.name = "key", .kind = ir::OperandKind::kOptional, .tensor_only = false}};
constexpr ir::AttrSpec kAttrs[] = {
    ir::FloatAttr("p", 0.5, "the probability that an element becomes 0, in [0, 1]"),
    ir::BoolAttr("training", true, "false: the result is x")};

constinit const ir::OpDef kDropout = {
    .name = "dropout",
    .doc =
        "Each element becomes 0 with probability p, the others are scaled so that the expected "
        "value stays: y = x / (1 - p) where u >= p, else 0, with u = rng.uniform(key) in f32 of "
        "the shape of x.\n"
        "Shapes: x: [d...], key: rng -> y: [d...].\n"
        "Corners: training = false or p = 0 gives x and needs no key; otherwise a missing key "
        "is E504. p = 1 gives zeros. A dropped NaN or inf is 0. f16 and bf16 are divided in f32 "
        "and rounded once.",
    .source = "Srivastava et al., Dropout (2014), scaled in training",
    .operands = kOperands,
    .attrs = kAttrs,
    .tolerance = {.ulp = 1, .reason = "1 - p is rounded, and the quotient"},
    .infer = InferDropout,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeDropout},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(dropout, &kDropout)

}  // namespace gcomp::kernels
