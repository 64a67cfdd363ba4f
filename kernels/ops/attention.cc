// scaled_dot_product_attention.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

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

// The sizes of all dims but the last two, of types that broadcast against each other.
StatusOr<Dims> BatchDims(const InferCtx& ctx, std::initializer_list<const Type*> types) {
  Dims dims;
  for (const Type* type : types) {
    const size_t rank = type->dims().size() - 2;
    if (rank > dims.size()) dims.insert(dims.begin(), rank - dims.size(), Expr(1));
    for (size_t i = 0; i < rank; ++i) {
      Expr& size = dims[dims.size() - rank + i];
      const Expr& own = type->dims()[i];
      if (own.IsConst(1) || ctx.SameSize(own, size)) continue;
      if (!size.IsConst(1)) {
        return ctx.Fail(
            Format("batch axis {} of {} does not broadcast to the {} of the operands "
                   "before it",
                   i, ctx.Show(*type), ctx.Show(size)));
      }
      size = own;
    }
  }
  return dims;
}

// A mask must broadcast to the scores [batch..., l, s].
Status CheckMask(const InferCtx& ctx, const Dims& batch) {
  const Type& q = ctx.group_type(0);
  const Type& k = ctx.group_type(1);
  const Type& mask = ctx.group_type(3);
  if (mask.dtype() != DType::kBool && mask.dtype() != q.dtype()) {
    return ctx.Fail(
        Format("mask must be bool or {}, found {}", ir::NameOf(q.dtype()), ctx.Show(mask)));
  }
  Dims scores = batch;
  scores.push_back(q.dims()[q.dims().size() - 2]);
  scores.push_back(k.dims()[k.dims().size() - 2]);
  bool fits = mask.dims().size() <= scores.size();
  for (size_t i = 0; fits && i < mask.dims().size(); ++i) {
    const Expr& size = mask.dims()[i];
    const Expr& wanted = scores[scores.size() - mask.dims().size() + i];
    fits = size.IsConst(1) || ctx.SameSize(size, wanted);
  }
  if (fits) return {};
  return ctx.Fail(Format("mask {} does not broadcast to the scores {} of q {} and k {}",
                         ctx.Show(mask), ctx.Show(Type::Tensor(q.dtype(), scores)), ctx.Show(q),
                         ctx.Show(k)));
}

Status InferAttention(InferCtx& ctx) {
  const Type& q = ctx.group_type(0);
  const Type& k = ctx.group_type(1);
  const Type& v = ctx.group_type(2);
  if (q.rank() < 2 || k.rank() < 2 || v.rank() < 2) {
    return ctx.Fail(Format("q, k and v must have rank 2 or more, found {}, {} and {}", ctx.Show(q),
                           ctx.Show(k), ctx.Show(v)));
  }
  if (q.dtype() != k.dtype() || q.dtype() != v.dtype()) {
    return ctx.Fail(Format("q, k and v must have one dtype, found {}, {} and {}", ctx.Show(q),
                           ctx.Show(k), ctx.Show(v)));
  }
  if (!ctx.SameSize(q.dims().back(), k.dims().back())) {
    return ctx.Fail(Format("rows of q {} and of k {} must have as many elements, found {} and {}",
                           ctx.Show(q), ctx.Show(k), ctx.Show(q.dims().back()),
                           ctx.Show(k.dims().back())));
  }
  const Expr& keys = k.dims()[k.dims().size() - 2];
  const Expr& values = v.dims()[v.dims().size() - 2];
  if (!ctx.SameSize(keys, values)) {
    return ctx.Fail(Format("k {} has {} rows, v {} has {}: they must be as many", ctx.Show(k),
                           ctx.Show(keys), ctx.Show(v), ctx.Show(values)));
  }
  GCOMP_ASSIGN_OR_RETURN(const Dims scores_batch, BatchDims(ctx, {&q, &k}));
  if (ctx.has_operand(3)) GCOMP_RETURN_IF_ERROR(CheckMask(ctx, scores_batch));
  GCOMP_ASSIGN_OR_RETURN(Dims dims, BatchDims(ctx, {&q, &k, &v}));
  dims.push_back(q.dims()[q.dims().size() - 2]);
  dims.push_back(v.dims().back());
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(q.dtype(), std::move(dims), {}, std::move(device)));
  return {};
}

// 1 / sqrt(e): in f64, rounded to the dtype of the scores, whether e is a number or a symbol.
Term DefaultScale(ir::DecomposeCtx& ctx, const Expr& e, Term scores) {
  if (e.is_const()) {
    return ctx.Literal(1 / std::sqrt(static_cast<double>(e.value())), scores);
  }
  const Term root = ctx.Call("sqrt", {ctx.SizeValue(e, DType::kF64)});
  return ctx.Cast(1.0 / root, scores.dtype());
}

// scores where `visible`, else -inf.
Term Hide(ir::DecomposeCtx& ctx, Term visible, Term scores) {
  return ctx.Select(visible, scores, ctx.Literal(-std::numeric_limits<double>::infinity(), scores));
}

void DecomposeAttention(ir::DecomposeCtx& ctx) {
  const Term q = ctx.Widened(ctx.operand(0));
  const Term k = ctx.Widened(ctx.operand(1));
  const Term v = ctx.Widened(ctx.operand(2));
  const Term mask = ctx.Widened(ctx.operand(3));
  std::vector<int64_t> order;
  for (int i = 0; i < k.rank(); ++i) order.push_back(i);
  if (order.size() >= 2) std::swap(order[order.size() - 1], order[order.size() - 2]);
  const Term k_columns = ctx.Call("transpose", {k}, {{"dims", ir::IntsAttr(order)}});
  Term scores = ctx.Call("matmul", {q, k_columns});
  if (!scores.present()) return;
  const Term scale = ctx.attrs().Has("scale") ? ctx.Literal(ctx.attrs().Float("scale"), scores)
                                              : DefaultScale(ctx, q.size(q.rank() - 1), scores);
  scores = scores * scale;
  if (mask.present()) {
    scores = mask.dtype() == DType::kBool ? Hide(ctx, mask, scores) : scores + mask;
  }
  if (ctx.attrs().Bool("causal")) {
    const Term row = ctx.Iota(DType::kI64, {q.size(q.rank() - 2), 1}, 0);
    const Term column = ctx.Iota(DType::kI64, {k.size(k.rank() - 2)}, 0);
    scores = Hide(ctx, ctx.Call("le", {column, row}), scores);
  }
  const Term weights = ctx.Call("softmax", {scores}, {{"dim", Expr(-1)}});
  ctx.Return(ctx.Call("matmul", {weights, v}));
}

constexpr ir::OperandSpec kOperands[] = {{.name = "q", .dtypes = ir::kFloatDTypes},
                                         {.name = "k", .dtypes = ir::kFloatDTypes},
                                         {.name = "v", .dtypes = ir::kFloatDTypes},
                                         {.name = "mask",
                                          .kind = ir::OperandKind::kOptional,
                                          .dtypes = ir::kFloatDTypes | ir::kBoolDType}};
constexpr ir::AttrSpec kAttrs[] = {
    ir::BoolAttr("causal", false, "row i sees the keys j <= i only"),
    {"scale", ir::AttrKind::kFloat, "factor of the scores; absent = 1 / sqrt(e)"}};

constinit const ir::OpDef kAttention = {
    .name = "scaled_dot_product_attention",
    .doc =
        "Attention: s = (q * k^T) * scale; s = s where the mask is true, else -inf (bool), or "
        "s + mask (float); causal: s[.., i, j] = -inf for j > i; y = softmax(s over the last "
        "axis) * v.\n"
        "Shapes: q: [.., l, e], k: [.., s, e], v: [.., s, ev], mask?: broadcasts to [.., l, s] -> "
        "y: [.., l, ev]; batch axes (..) broadcast.\n"
        "Corners: a row that sees no key is NaN; s = 0 gives zeros; e = 0 gives NaN unless scale "
        "is written. The scores are scaled after they are summed. f16 and bf16 are computed in f32 "
        "throughout and rounded once.",
    .source =
        "A. Vaswani et al., Attention Is All You Need, 2017; PyTorch "
        "scaled_dot_product_attention",
    .operands = kOperands,
    .attrs = kAttrs,
    .numeric = ir::NumericClass::kPinned,
    .tolerance = {.ulp = 4,
                  .rtol = 3e-5,
                  .reason = "two products as matmul gives them with a softmax between: errors of "
                            "the scores, about 1e-6 of the largest one, go into the exponent; "
                            "narrower results are rounded once more"},
    .infer = InferAttention,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeAttention},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(attention, &kAttention)

}  // namespace gcomp::kernels
