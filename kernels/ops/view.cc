// Views: transpose, slice, expand, squeeze, unsqueeze. No element moves: the result is another
// layout of the operand's storage. Strides and offset are counted from the start of the storage,
// so that a view of a view needs nothing of the views before it.
#include <algorithm>
#include <optional>
#include <vector>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/rewrite.h"
#include "kernels/all_ops.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Layout;
using ir::Type;

constexpr std::string_view kVjpReason = "derivative rules come with differentiation";
constexpr ir::Tolerance kMovesBits = {.reason = "no arithmetic: the result is the operand's bits"};
constexpr ir::Effects kViewEffects = {.reads = 0, .alias_of = {0, -1, -1, -1}};
constexpr ir::OperandSpec kOneOperand[] = {{.name = "x", .dtypes = ir::kRealDTypes}};

// Where the elements of a view lie; nullopt when the operand's own layout is not known.
struct Geometry {
  Dims strides;
  Expr offset;
};

StatusOr<std::optional<Geometry>> GeometryOf(const InferCtx& ctx, const Type& type) {
  switch (type.layout().kind) {
    case Layout::Kind::kContiguous:
      return std::optional<Geometry>({type.Strides(), Expr(0)});
    case Layout::Kind::kStrided:
      return std::optional<Geometry>({type.layout().strides, type.layout().offset});
    case Layout::Kind::kUnknown:
      return std::optional<Geometry>();
    case Layout::Kind::kPacked:
      break;
  }
  return ctx.Fail(Format("needs strides, but the operand {} is packed", ctx.Show(type)));
}

// Result 0 with `dims`, as a view of operand 0.
Status ReturnView(InferCtx& ctx, Dims dims, std::optional<Geometry> geometry) {
  const Type& x = ctx.operand(0);
  Layout layout;
  layout.kind = Layout::Kind::kUnknown;
  bool poison = std::any_of(dims.begin(), dims.end(), [](const Expr& e) { return e.is_poison(); });
  if (geometry.has_value()) {
    layout.kind = Layout::Kind::kStrided;
    layout.strides = std::move(geometry->strides);
    layout.offset = geometry->offset;
    poison = poison || layout.offset.is_poison() ||
             std::any_of(layout.strides.begin(), layout.strides.end(),
                         [](const Expr& e) { return e.is_poison(); });
  }
  if (poison) {
    return ctx.Fail(Format("sizes or strides of the view of {} overflow 64 bits", ctx.Show(x)),
                    ErrorId::E503);
  }
  ctx.Return(Type::Tensor(x.dtype(), std::move(dims), std::move(layout), x.device()));
  return {};
}

// Operand 0 where the view is the operand itself: equal sizes, known and equal layout.
std::optional<ir::ValueId> SameLayout(const ir::Function& function, const ir::Op& op) {
  const Type& x = function.value(op.operands[0]).type;
  const Type& y = function.value(op.results[0]).type;
  bool known = x.is_contiguous() || x.layout().kind == Layout::Kind::kStrided;
  if (known && x == y) return op.operands[0];
  return std::nullopt;
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
  GCOMP_ASSIGN_OR_RETURN(std::optional<Geometry> from, GeometryOf(ctx, x));
  Dims dims;
  std::optional<Geometry> to;
  if (from.has_value()) to = Geometry{{}, from->offset};
  for (int axis : order) {
    dims.push_back(x.dims()[static_cast<size_t>(axis)]);
    if (from.has_value()) to->strides.push_back(from->strides[static_cast<size_t>(axis)]);
  }
  return ReturnView(ctx, std::move(dims), std::move(to));
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
    .operands = kOneOperand,
    .attrs = kTransposeAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferTranspose,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(kVjpReason),
    .simplify = SameLayout,
    .canonicalize = CanonicalizeTranspose,
};

// ---- slice --------------------------------------------------------------------------------------

// min and max that drop a side which the ranges of the symbols rule out.
Expr TightMin(const InferCtx& ctx, const Expr& a, const Expr& b) {
  ir::Interval d = ir::RangeOf(Expr::Sub(a, b), ctx.function().Ranger());
  if (d.high != ir::Interval::kUnbounded && d.high <= 0) return a;
  return d.low >= 0 ? b : Expr::Min(a, b);
}

Expr TightMax(const InferCtx& ctx, const Expr& a, const Expr& b) {
  ir::Interval d = ir::RangeOf(Expr::Sub(a, b), ctx.function().Ranger());
  if (d.high != ir::Interval::kUnbounded && d.high <= 0) return b;
  return d.low >= 0 ? a : Expr::Max(a, b);
}

// A bound of a slice of n elements as an index in [0, n]: negative counts from the end.
StatusOr<Expr> ClampBound(const InferCtx& ctx, const Expr& bound, const Expr& n,
                          std::string_view attr) {
  ir::Interval range = ir::RangeOf(bound, ctx.function().Ranger());
  if (range.low >= 0) return TightMin(ctx, bound, n);
  if (range.high < 0) return TightMax(ctx, Expr::Add(n, bound), Expr(0));
  return ctx.Fail(Format("{} = {} may be negative or not: give its symbols a range that decides it",
                         attr, ctx.Show(bound)),
                  ErrorId::E503);
}

Status InferSlice(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), x.rank(), "dim"));
  const size_t d = static_cast<size_t>(axis);
  const int64_t step = ctx.attrs().Int("step");
  if (step < 1) return ctx.Fail(Format("step = {}, but must be at least 1", step), ErrorId::E508);
  const Expr& n = x.dims()[d];
  Expr start = 0;
  Expr end = n;
  if (auto written = ctx.attrs().Size("start")) {
    GCOMP_ASSIGN_OR_RETURN(start, ClampBound(ctx, *written, n, "start"));
  }
  if (auto written = ctx.attrs().Size("end")) {
    GCOMP_ASSIGN_OR_RETURN(end, ClampBound(ctx, *written, n, "end"));
  }
  Expr length = TightMax(ctx, Expr::Sub(end, start), Expr(0));
  // ceil(length / step) = floor((length - 1) / step) + 1: the addend can't overflow.
  if (step != 1) length = Expr::Add(Expr::FloorDiv(Expr::Sub(length, 1), step), 1);
  Dims dims = x.dims();
  dims[d] = length;
  GCOMP_ASSIGN_OR_RETURN(std::optional<Geometry> geometry, GeometryOf(ctx, x));
  if (geometry.has_value()) {
    Expr& stride = geometry->strides[d];
    geometry->offset = Expr::Add(geometry->offset, Expr::Mul(start, stride));
    // A dim of at most one element has the contiguous stride, whatever the step.
    if (step != 1) stride = Expr::Mul(stride, step);
  }
  return ReturnView(ctx, std::move(dims), std::move(geometry));
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
    .operands = kOneOperand,
    .attrs = kSliceAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferSlice,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(kVjpReason),
    .simplify = SameLayout,
};

// ---- expand -------------------------------------------------------------------------------------

Status InferExpand(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  Dims dims = ctx.attrs().Sizes("shape").value_or(Dims());
  if (dims.size() < x.dims().size()) {
    return ctx.Fail(Format("shape has rank {}, less than that of {}", dims.size(), ctx.Show(x)));
  }
  GCOMP_ASSIGN_OR_RETURN(std::optional<Geometry> from, GeometryOf(ctx, x));
  const size_t added = dims.size() - x.dims().size();
  std::optional<Geometry> to;
  if (from.has_value()) to = Geometry{Dims(added), from->offset};
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
    if (from.has_value()) {
      to->strides.push_back(stretched ? Expr(0) : from->strides[i - added]);
    }
  }
  return ReturnView(ctx, std::move(dims), std::move(to));
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
    .operands = kOneOperand,
    .attrs = kExpandAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferExpand,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(kVjpReason),
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
  GCOMP_ASSIGN_OR_RETURN(std::optional<Geometry> from, GeometryOf(ctx, x));
  Dims dims;
  std::optional<Geometry> to;
  if (from.has_value()) to = Geometry{{}, from->offset};
  for (size_t i = 0; i < drop.size(); ++i) {
    if (drop[i]) continue;
    dims.push_back(x.dims()[i]);
    if (from.has_value()) to->strides.push_back(from->strides[i]);
  }
  return ReturnView(ctx, std::move(dims), std::move(to));
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
    .operands = kOneOperand,
    .attrs = kSqueezeAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferSqueeze,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(kVjpReason),
    .simplify = SameLayout,
};

Status InferUnsqueeze(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), x.rank() + 1, "dim"));
  GCOMP_ASSIGN_OR_RETURN(std::optional<Geometry> geometry, GeometryOf(ctx, x));
  Dims dims = x.dims();
  dims.insert(dims.begin() + axis, Expr(1));
  // The stride of an axis of size 1 is normalized with the type.
  if (geometry.has_value()) {
    geometry->strides.insert(geometry->strides.begin() + axis, Expr(1));
  }
  return ReturnView(ctx, std::move(dims), std::move(geometry));
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
    .operands = kOneOperand,
    .attrs = kUnsqueezeAttrs,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferUnsqueeze,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(kVjpReason),
    .simplify = SameLayout,
};

}  // namespace

GCOMP_DEFINE_OPS(view, &kTranspose, &kSlice, &kExpand, &kSqueeze, &kUnsqueeze)

}  // namespace gcomp::kernels
