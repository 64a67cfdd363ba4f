// Views of a part of one axis: slice, narrow, select_index. No element moves
// (kernels/view_geometry.h).
#include <algorithm>

#include "ir/op_def.h"
#include "ir/rewrite.h"
#include "kernels/all_ops.h"
#include "kernels/view_geometry.h"

namespace gcomp::kernels {
namespace {

using ir::Expr;

// ---- slice --------------------------------------------------------------------------------------

// The numbers of a slice of n elements, clamped; nullopt where one of them is symbolic.
struct Bounds {
  int64_t axis;
  int64_t start;
  int64_t step;
  int64_t length;
};

std::optional<Bounds> NumbersOf(const ir::Function& function, const ir::Op& op) {
  const ir::Type& x = function.value(op.operands[0]).type;
  const ir::AttrReader attrs(*op.def, op);
  Bounds bounds{attrs.Int("dim"), 0, attrs.Int("step"), 0};
  if (bounds.axis < 0) bounds.axis += x.rank();
  const Expr& size = x.dims()[static_cast<size_t>(bounds.axis)];
  const Expr start = attrs.Size("start").value_or(Expr(0));
  const Expr end = attrs.Size("end").value_or(size);
  if (!size.is_const() || !start.is_const() || !end.is_const()) return std::nullopt;
  const int64_t n = size.value();
  auto clamp = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + n : i, 0, n); };
  bounds.start = clamp(start.value());
  const int64_t rest = std::max<int64_t>(clamp(end.value()) - bounds.start, 0);
  bounds.length = rest == 0 ? 0 : (rest - 1) / bounds.step + 1;
  return bounds;
}

// slice(slice(x)) along one axis, with bounds that are numbers, is one slice of x.
Status CanonicalizeSlice(ir::RewriteCtx& ctx) {
  const ir::Op* inner = ctx.Producer(0);
  if (inner == nullptr || inner->def != ctx.op().def) return {};
  const std::optional<Bounds> first = NumbersOf(ctx.function(), *inner);
  const std::optional<Bounds> then = NumbersOf(ctx.function(), ctx.op());
  if (!first.has_value() || !then.has_value() || first->axis != then->axis) return {};
  // An empty slice keeps the offset that its own bounds give it.
  if (then->length == 0) return {};
  int64_t step = 0;
  if (__builtin_mul_overflow(first->step, then->step, &step)) return {};
  const int64_t start = first->start + then->start * first->step;
  const int64_t end = start + (then->length - 1) * step + 1;
  ctx.SetOperand(0, inner->operands[0]);
  GCOMP_RETURN_IF_ERROR(ctx.SetAttr("start", Expr(start)));
  GCOMP_RETURN_IF_ERROR(ctx.SetAttr("end", Expr(end)));
  return ctx.SetAttr("step", Expr(step));
}

constexpr ir::AttrSpec kSliceAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim", 0, "the axis that is cut")),
    {.name = "start",
     .kind = ir::AttrKind::kSize,
     .doc = "first index; negative counts from the end; clamped to [0, n]",
     .default_kind = ir::AttrSpec::Default::kInt},
    {.name = "end",
     .kind = ir::AttrKind::kSize,
     .doc = "one past the last index; negative counts from the end; clamped to [0, n]; absent = n"},
    ir::IntAttr("step", 1, "distance of the elements taken, at least 1")};

constinit const ir::OpDef kSlice = {
    .name = "slice",
    .doc =
        "Every step-th element of axis dim from start to before end: y[.., i, ..] = "
        "x[.., start + i * step, ..].\n"
        "Shapes: x: [.., n, ..] -> y: [.., ceil(max(end - start, 0) / step), ..], a view of x.\n"
        "Corners: bounds are clamped to [0, n]; end <= start gives an empty tensor.",
    .source = "NumPy basic slicing with step > 0",
    .operands = kViewOperands,
    .attrs = kSliceAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferView<SliceRule>,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
    .simplify = SameLayout,
    .canonicalize = CanonicalizeSlice,
};

// ---- narrow -------------------------------------------------------------------------------------

constexpr ir::AttrSpec kNarrowAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim", 0, "the axis that is cut")),
    {.name = "start",
     .kind = ir::AttrKind::kSize,
     .doc = "first index; negative counts from the end",
     .default_kind = ir::AttrSpec::Default::kInt},
    {.name = "length",
     .kind = ir::AttrKind::kSize,
     .doc = "number of elements, which must be there",
     .default_kind = ir::AttrSpec::Default::kInt}};

constinit const ir::OpDef kNarrow = {
    .name = "narrow",
    .doc =
        "The length elements of axis dim from start on: y[.., i, ..] = x[.., start + i, ..].\n"
        "Shapes: x: [.., n, ..] -> y: [.., length, ..], a view of x.\n"
        "Corners: start + length <= n is asked for, not clamped as by slice: E508 where it can't "
        "hold, E401 where the sizes that a run brings do not allow it.",
    .source = "PyTorch Tensor.narrow",
    .operands = kViewOperands,
    .attrs = kNarrowAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferView<NarrowRule>,
    .check = CheckView<NarrowRule>,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
    .simplify = SameLayout,
};

// ---- select_index -------------------------------------------------------------------------------

constexpr ir::AttrSpec kSelectAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim", 0, "the axis that goes")),
    {.name = "index",
     .kind = ir::AttrKind::kSize,
     .doc = "the index on it; negative counts from the end",
     .default_kind = ir::AttrSpec::Default::kInt}};

constinit const ir::OpDef kSelectIndex = {
    .name = "select_index",
    .doc =
        "One index of axis dim: y[..] = x[.., index, ..].\n"
        "Shapes: x: [.., n, ..] -> y: x's sizes without axis dim, a view of x.\n"
        "Corners: an index outside of [-n, n) is an error: E508 where it can't be inside, E401 "
        "where the sizes that a run brings do not allow it.",
    .source = "PyTorch Tensor.select",
    .operands = kViewOperands,
    .attrs = kSelectAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferView<SelectRule>,
    .check = CheckView<SelectRule>,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(slice, &kSlice, &kNarrow, &kSelectIndex)

}  // namespace gcomp::kernels
