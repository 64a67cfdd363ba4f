// Views with strides of their own: view, diagonal, unfold, as_strided. No element moves
// (kernels/view_geometry.h).
#include <algorithm>
#include <string>
#include <utility>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/rewrite.h"
#include "kernels/all_ops.h"
#include "kernels/reshape_sizes.h"
#include "kernels/view_geometry.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Type;

// ---- view ---------------------------------------------------------------------------------------

// The strides with which elements that lie as `from` does have the sizes `sizes`; nullopt if there
// are none. Neighboring axes that lie evenly are one run of elements; each run must be the product
// of some of the new sizes.
std::optional<Dims> StridesUnder(const Dims& sizes, const ViewShape& from) {
  const Dims& strides = from.geometry->strides;
  Dims found = ir::ContiguousStrides(sizes);
  size_t next = sizes.size();  // the new axes from here on have their strides
  Expr run = 1;
  std::optional<Expr> step;  // of the run's elements
  for (size_t i = from.sizes.size(); i-- > 0;) {
    if (from.sizes[i].IsConst(1)) continue;
    if (!step.has_value()) step = strides[i];
    run = Expr::Mul(run, from.sizes[i]);
    size_t outer = i;
    while (outer > 0 && from.sizes[outer - 1].IsConst(1)) --outer;
    if (outer > 0 && strides[outer - 1] == Expr::Mul(run, *step)) continue;
    Expr covered = 1;
    while (next > 0 && covered != run) {
      --next;
      found[next] = Expr::Mul(covered, *step);
      covered = Expr::Mul(covered, sizes[next]);
    }
    if (covered != run) return std::nullopt;
    run = 1;
    step.reset();
  }
  // What is left has one element.
  return std::all_of(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(next),
                     [](const Expr& size) { return size.IsConst(1); })
             ? std::optional(std::move(found))
             : std::nullopt;
}

StatusOr<ViewShape> ViewRuleOf(const InferCtx& ctx, const Type& x) {
  GCOMP_ASSIGN_OR_RETURN(Dims sizes, ReshapeSizes(ctx, x));
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, ShapeOf(ctx, x));
  std::string text;
  for (const Expr& size : sizes) text += (text.empty() ? "" : ", ") + ctx.Show(size);
  if (!shape.geometry.has_value()) {
    return ctx.Fail(
        Format("the strides of {} are not known, so that it can't be seen as [{}] "
               "without a copy: reshape copies where it must",
               ctx.Show(x), text));
  }
  std::optional<Dims> strides =
      x.NumElements().IsConst(0) ? ir::ContiguousStrides(sizes) : StridesUnder(sizes, shape);
  if (!strides.has_value()) {
    return ctx.Fail(
        Format("the strides of {} do not allow to see it as [{}] without a copy: "
               "reshape copies where it must",
               ctx.Show(x), text));
  }
  shape.sizes = std::move(sizes);
  shape.geometry->strides = *std::move(strides);
  return shape;
}

// view(view(x)) of a row-major x is one view of x, to the sizes of the result.
Status CanonicalizeView(ir::RewriteCtx& ctx) {
  const ir::Op* inner = ctx.Producer(0);
  if (inner == nullptr || inner->def != ctx.op().def) return {};
  const ir::ValueId x = inner->operands[0];
  if (!ctx.function().value(x).type.is_contiguous()) return {};
  ctx.SetOperand(0, x);
  ir::AttrList shape;
  for (const Expr& size : ctx.result_type(0).dims()) shape.emplace_back(size);
  return ctx.SetAttr("shape", std::move(shape));
}

constexpr ir::AttrSpec kViewAttrs[] = {
    {"shape", ir::AttrKind::kSizeList,
     "sizes of the result; one may be -1: what the others leave of x's elements",
     ir::AttrSpec::Default::kRequired}};

constinit const ir::OpDef kView = {
    .name = "view",
    .doc =
        "The elements of x in row-major order under other sizes, without a copy: y.flat[i] = "
        "x.flat[i].\n"
        "Shapes: x: [d_0, ...] -> y: shape, with as many elements, a view of x.\n"
        "Corners: an error (E504) where no strides give those sizes, or x's are not known; "
        "reshape copies then. -1 beside a size 0 is an error.",
    .source = "PyTorch Tensor.view",
    .operands = kViewOperands,
    .attrs = kViewAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferView<ViewRuleOf>,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
    .simplify = SameLayout,
    .canonicalize = CanonicalizeView,
};

// ---- diagonal -----------------------------------------------------------------------------------

constexpr ir::AttrSpec kDiagonalAttrs[] = {
    ir::IntAttr("offset", 0, "0: the main diagonal; k > 0: k above it; k < 0: -k below it"),
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim1", 0, "the axis of rows")),
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim2", 1, "the axis of columns"))};

constinit const ir::OpDef kDiagonal = {
    .name = "diagonal",
    .doc =
        "The elements at row i and column i + offset of axes dim1 and dim2, along a new last axis: "
        "y[.., i] = x[.., i - min(offset, 0), .., i + max(offset, 0), ..].\n"
        "Shapes: x: [.., n, .., m, ..] -> y: [..., k], k = max(0, min(n, m - offset)) for offset "
        ">= 0, max(0, min(n + offset, m)) else; a view of x.\n"
        "Corners: a diagonal outside of the matrix is empty; dim1 and dim2 may come in any order.",
    .source = "NumPy diagonal",
    .operands = kViewOperands,
    .attrs = kDiagonalAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferView<DiagonalRule>,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
};

// ---- unfold -------------------------------------------------------------------------------------

constexpr ir::AttrSpec kUnfoldAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand,
               ir::IntAttr("dim", 0, "the axis along which windows lie")),
    {.name = "size",
     .kind = ir::AttrKind::kSize,
     .doc = "elements of a window",
     .default_kind = ir::AttrSpec::Default::kInt,
     .default_int = 1},
    ir::IntAttr("step", 1, "distance of the windows' first elements, at least 1")};

constinit const ir::OpDef kUnfold = {
    .name = "unfold",
    .doc =
        "All windows of size elements along axis dim, step apart: y[.., w, .., j] = "
        "x[.., w * step + j, ..].\n"
        "Shapes: x: [.., n, ..] -> y: [.., (n - size) / step + 1, .., size], a view of x.\n"
        "Corners: windows may overlap; what is left at the end is not seen; size > n is an error: "
        "E508, or E401 where the sizes that a run brings do not allow it.",
    .source = "PyTorch Tensor.unfold",
    .operands = kViewOperands,
    .attrs = kUnfoldAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferView<UnfoldRule>,
    .check = CheckView<UnfoldRule>,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
};

// ---- as_strided ---------------------------------------------------------------------------------

// as_strided(as_strided(x)) counts x's elements where the inner one is row-major from x's start.
Status CanonicalizeAsStrided(ir::RewriteCtx& ctx) {
  const ir::Op* inner = ctx.Producer(0);
  if (inner != nullptr && inner->def == ctx.op().def) ctx.SetOperand(0, inner->operands[0]);
  return {};
}

constexpr ir::AttrSpec kAsStridedAttrs[] = {
    {"shape", ir::AttrKind::kSizeList, "sizes of the result", ir::AttrSpec::Default::kRequired},
    {"strides", ir::AttrKind::kSizeList, "its strides, in elements of x, at least 0",
     ir::AttrSpec::Default::kRequired},
    {.name = "offset",
     .kind = ir::AttrKind::kSize,
     .doc = "the element of x where it begins",
     .default_kind = ir::AttrSpec::Default::kInt}};

constinit const ir::OpDef kAsStrided = {
    .name = "as_strided",
    .doc =
        "x's elements at any strides: y[i_0, i_1, ...] = x.flat[offset + i_0 * strides[0] + "
        "i_1 * strides[1] + ...].\n"
        "Shapes: x: [d_0, ...], row-major -> y: shape, a view of x.\n"
        "Corners: elements may lie on each other. Reaching past the last element of x is an "
        "error: E508, or E401 where the sizes that a run brings do not allow it; an empty y "
        "reaches none.",
    .source = "PyTorch Tensor.as_strided, of a contiguous tensor",
    .operands = kViewOperands,
    .attrs = kAsStridedAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferView<AsStridedRule>,
    .check = CheckView<AsStridedRule>,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
    .simplify = SameLayout,
    .canonicalize = CanonicalizeAsStrided,
};

}  // namespace

GCOMP_DEFINE_OPS(strided_view, &kView, &kDiagonal, &kUnfold, &kAsStrided)

}  // namespace gcomp::kernels
