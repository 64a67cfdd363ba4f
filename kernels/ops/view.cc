// Views that only order, add or drop axes: transpose, expand, squeeze, unsqueeze. No element moves:
// the result is another layout of the operand's storage (kernels/view_geometry.h).
#include <algorithm>
#include <optional>
#include <vector>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/rewrite.h"
#include "kernels/all_ops.h"
#include "kernels/view_geometry.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Type;

// The operand without its axes, and with one of them more.
ViewShape WithoutAxes(const ViewShape& from) {
  ViewShape to;
  if (from.geometry.has_value()) to.geometry = Geometry{{}, from.geometry->offset};
  return to;
}

void KeepAxis(const ViewShape& from, size_t axis, ViewShape& to) {
  to.sizes.push_back(from.sizes[axis]);
  if (from.geometry.has_value()) to.geometry->strides.push_back(from.geometry->strides[axis]);
}

// ---- transpose ----------------------------------------------------------------------------------

Status InferTranspose(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const int rank = x.rank();
  std::vector<int> order(static_cast<size_t>(rank));
  if (auto dims = ctx.attrs().Ints("dims")) {
    if (dims->size() != order.size()) {
      return ctx.Fail(
          Format("dims lists {} axes, but {} has rank {}", dims->size(), ctx.Show(x), rank),
          ErrorId::E508);
    }
    std::vector<bool> seen(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      GCOMP_ASSIGN_OR_RETURN(order[i], ctx.Axis((*dims)[i], rank, "dims"));
      if (seen[static_cast<size_t>(order[i])]) {
        return ctx.Fail(Format("dims lists axis {} twice", order[i]), ErrorId::E508);
      }
      seen[static_cast<size_t>(order[i])] = true;
    }
  } else {
    for (int i = 0; i < rank; ++i) order[static_cast<size_t>(i)] = rank - 1 - i;
  }
  GCOMP_ASSIGN_OR_RETURN(ViewShape from, ShapeOf(ctx, x));
  ViewShape to = WithoutAxes(from);
  for (int axis : order) KeepAxis(from, static_cast<size_t>(axis), to);
  return ReturnView(ctx, std::move(to));
}

// The axis of x for each axis of the result, once infer has accepted it.
std::vector<int64_t> AxisOrder(const ir::Op& op, int rank) {
  std::vector<int64_t> order;
  if (auto dims = ir::AttrReader(*op.def, op).Ints("dims")) {
    for (int64_t axis : *dims) order.push_back(axis < 0 ? axis + rank : axis);
  } else {
    for (int i = rank - 1; i >= 0; --i) order.push_back(i);
  }
  return order;
}

// transpose(transpose(x)) is one transpose of x; a reversal of all axes is written without dims.
Status CanonicalizeTranspose(ir::RewriteCtx& ctx) {
  const int rank = ctx.operand_type(0).rank();
  std::vector<int64_t> order = AxisOrder(ctx.op(), rank);
  const ir::Op* inner = ctx.Producer(0);
  if (inner != nullptr && inner->def == ctx.op().def) {
    const std::vector<int64_t> inner_order = AxisOrder(*inner, rank);
    for (int64_t& axis : order) axis = inner_order[static_cast<size_t>(axis)];
    ctx.SetOperand(0, inner->operands[0]);
  }
  if (std::is_sorted(order.rbegin(), order.rend())) return ctx.SetAttr("dims", {});
  ir::AttrList dims;
  for (int64_t axis : order) dims.emplace_back(Expr(axis));
  return ctx.SetAttr("dims", std::move(dims));
}

constexpr ir::AttrSpec kTransposeAttrs[] = {ir::AxisOf(
    ir::AttrSpec::Axis::kOfOperand,
    {"dims", ir::AttrKind::kIntList,
     "axis of x for each axis of the result, a permutation; absent = all axes reversed"})};

constinit const ir::OpDef kTranspose = {
    .name = "transpose",
    .doc =
        "Permutes the axes: y[i_0, ..., i_r-1] = x with index i_j on axis dims[j].\n"
        "Shapes: x: [d_0, ..., d_r-1] -> y: [d_dims[0], ..., d_dims[r-1]], a view of x.\n"
        "Corners: rank 0 and 1 give x itself; negative axes count from the end.",
    .source = "NumPy transpose",
    .operands = kViewOperands,
    .attrs = kTransposeAttrs,
    .in_place_form = true,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferTranspose,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
    .simplify = SameLayout,
    .canonicalize = CanonicalizeTranspose,
};

// ---- expand -------------------------------------------------------------------------------------

Status InferExpand(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  Dims dims = ctx.attrs().Sizes("shape").value_or(Dims());
  if (dims.size() < x.dims().size()) {
    return ctx.Fail(Format("shape has rank {}, less than that of {}", dims.size(), ctx.Show(x)));
  }
  GCOMP_ASSIGN_OR_RETURN(ViewShape from, ShapeOf(ctx, x));
  const size_t added = dims.size() - x.dims().size();
  ViewShape to = WithoutAxes(from);
  if (to.geometry.has_value()) to.geometry->strides.assign(added, Expr(0));
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i >= added && dims[i].IsConst(-1)) dims[i] = x.dims()[i - added];
    if (ir::RangeOf(dims[i], ctx.function().Ranger()).high < 0) {
      return ctx.Fail(Format("size {} of axis {} is negative", ctx.Show(dims[i]), i),
                      ErrorId::E508);
    }
    if (i < added) continue;
    const Expr& n = x.dims()[i - added];
    const bool stretched = !ctx.SameSize(n, dims[i]);
    if (stretched && !n.IsConst(1)) {
      return ctx.Fail(Format("axis {} has size {}, asked is {}: only size 1 stretches", i,
                             ctx.Show(n), ctx.Show(dims[i])));
    }
    if (to.geometry.has_value()) {
      to.geometry->strides.push_back(stretched ? Expr(0) : from.geometry->strides[i - added]);
    }
  }
  to.sizes = std::move(dims);
  return ReturnView(ctx, std::move(to));
}

constexpr ir::AttrSpec kExpandAttrs[] = {
    {"shape", ir::AttrKind::kSizeList,
     "sizes of the result; -1 keeps the size of an axis of x; axes align at the last one",
     ir::AttrSpec::Default::kRequired}};

constinit const ir::OpDef kExpand = {
    .name = "expand",
    .doc =
        "Repeats x along axes of size 1 and along new leading axes, without copying: these get "
        "stride 0.\n"
        "Shapes: x: [d_1, ..., d_r] -> y: shape, whose last r sizes equal d_i or replace d_i = "
        "1; a view of x.\n"
        "Corners: a size may be 0; a symbolic size never counts as 1.",
    .source = "NumPy broadcast_to",
    .operands = kViewOperands,
    .attrs = kExpandAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferExpand,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
    .simplify = SameLayout,
};

// ---- squeeze, unsqueeze -------------------------------------------------------------------------

Status InferSqueeze(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  std::vector<bool> drop(x.dims().size());
  if (ctx.attrs().Has("dims")) {
    GCOMP_ASSIGN_OR_RETURN(std::vector<int> axes, ctx.Axes("dims", x.rank()));
    for (int axis : axes) {
      const Expr& n = x.dims()[static_cast<size_t>(axis)];
      if (!n.IsConst(1)) {
        return ctx.Fail(Format("axis {} of {} has size {}, not 1", axis, ctx.Show(x), ctx.Show(n)));
      }
      drop[static_cast<size_t>(axis)] = true;
    }
  } else {
    for (size_t i = 0; i < drop.size(); ++i) drop[i] = x.dims()[i].IsConst(1);
  }
  GCOMP_ASSIGN_OR_RETURN(ViewShape from, ShapeOf(ctx, x));
  ViewShape to = WithoutAxes(from);
  for (size_t i = 0; i < drop.size(); ++i) {
    if (!drop[i]) KeepAxis(from, i, to);
  }
  return ReturnView(ctx, std::move(to));
}

constexpr ir::AttrSpec kSqueezeAttrs[] = {ir::AxisOf(
    ir::AttrSpec::Axis::kOfOperand,
    {"dims", ir::AttrKind::kIntList, "axes to drop, each of size 1; absent = all of size 1"})};

constinit const ir::OpDef kSqueeze = {
    .name = "squeeze",
    .doc =
        "Drops axes of size 1.\n"
        "Shapes: x: [..., 1, ...] -> y: x's sizes without the axes in dims, a view of x.\n"
        "Corners: a listed axis of another size, or of a symbolic one, is an error (unlike "
        "PyTorch, which keeps it).",
    .source = "NumPy squeeze",
    .operands = kViewOperands,
    .attrs = kSqueezeAttrs,
    .in_place_form = true,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferSqueeze,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
    .simplify = SameLayout,
};

Status InferUnsqueeze(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), x.rank() + 1, "dim"));
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, ShapeOf(ctx, x));
  shape.sizes.insert(shape.sizes.begin() + axis, Expr(1));
  // The stride of an axis of size 1 is normalized with the type.
  if (shape.geometry.has_value()) {
    shape.geometry->strides.insert(shape.geometry->strides.begin() + axis, Expr(1));
  }
  return ReturnView(ctx, std::move(shape));
}

constexpr ir::AttrSpec kUnsqueezeAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfResult,
               ir::IntAttr("dim", 0, "where the new axis stands in the result, in [-r - 1, r]"))};

constinit const ir::OpDef kUnsqueeze = {
    .name = "unsqueeze",
    .doc =
        "Inserts an axis of size 1 at dim.\n"
        "Shapes: x: [d_0, ..., d_r-1] -> y: [..., d_dim-1, 1, d_dim, ...], a view of x.\n"
        "Corners: dim counts axes of the result; negative from its end.",
    .source = "NumPy expand_dims",
    .operands = kViewOperands,
    .attrs = kUnsqueezeAttrs,
    .in_place_form = true,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferUnsqueeze,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
    .simplify = SameLayout,
};

}  // namespace

GCOMP_DEFINE_OPS(view, &kTranspose, &kExpand, &kSqueeze, &kUnsqueeze)

}  // namespace gcomp::kernels
