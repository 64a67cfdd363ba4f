#include "kernels/view_geometry.h"

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Interval;
using ir::Layout;
using ir::Type;

Interval Range(const InferCtx& ctx, const Expr& e) {
  return ir::RangeOf(e, ctx.function().Ranger());
}

bool AnyPoison(const Dims& dims) {
  return std::any_of(dims.begin(), dims.end(), [](const Expr& e) { return e.is_poison(); });
}

// A bound of a slice of n elements as an index in [0, n].
StatusOr<Expr> ClampBound(const InferCtx& ctx, const Expr& bound, const Expr& n,
                          std::string_view attr) {
  GCOMP_ASSIGN_OR_RETURN(Expr index, FromStart(ctx, bound, n, attr));
  return IsNegative(ctx, bound) ? TightMax(ctx, index, Expr(0)) : TightMin(ctx, index, n);
}

// The view of elements start, start + step, ... of axis d; its length is `length`.
void Cut(ViewShape& shape, size_t d, const Expr& start, const Expr& length, int64_t step) {
  shape.sizes[d] = length;
  if (!shape.geometry.has_value()) return;
  Expr& stride = shape.geometry->strides[d];
  shape.geometry->offset = Expr::Add(shape.geometry->offset, Expr::Mul(start, stride));
  // A dim of at most one element has the contiguous stride, whatever the step.
  if (step != 1) stride = Expr::Mul(stride, step);
}

void Erase(ViewShape& shape, size_t d) {
  const auto at = static_cast<std::ptrdiff_t>(d);
  shape.sizes.erase(shape.sizes.begin() + at);
  if (shape.geometry.has_value()) {
    shape.geometry->strides.erase(shape.geometry->strides.begin() + at);
  }
}

// The attribute `dim`.
StatusOr<size_t> DimOf(const InferCtx& ctx, const Type& x, std::string_view attr = "dim") {
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int(attr), x.rank(), attr));
  return static_cast<size_t>(axis);
}

}  // namespace

// ---- Parts of rules -----------------------------------------------------------------------------

StatusOr<ViewShape> ShapeOf(const InferCtx& ctx, const Type& x) {
  switch (x.layout().kind) {
    case Layout::Kind::kContiguous:
      return ViewShape{x.dims(), Geometry{x.Strides(), Expr(0)}};
    case Layout::Kind::kStrided:
      return ViewShape{x.dims(), Geometry{x.layout().strides, x.layout().offset}};
    case Layout::Kind::kUnknown:
      return ViewShape{x.dims(), std::nullopt};
    case Layout::Kind::kPacked:
      break;
  }
  return ctx.Fail(Format("needs strides, but the operand {} is packed", ctx.Show(x)));
}

Status Require(const InferCtx& ctx, Requirement requirement, ViewShape& shape) {
  const Expr excess = Expr::Sub(requirement.value, requirement.limit);
  if (excess.is_poison() || requirement.elements.is_poison()) {
    return ctx.Fail(Format("{} overflows 64 bits", requirement.what), ErrorId::E503);
  }
  if (requirement.elements.IsConst(0)) return {};
  const Interval range = Range(ctx, excess);
  if (range.high != Interval::kUnbounded && range.high <= 0) return {};
  if (range.low > 0 && Range(ctx, requirement.elements).low > 0) {
    return ctx.Fail(Format("{} is {}, the limit is {}", requirement.what,
                           ctx.Show(requirement.value), ctx.Show(requirement.limit)),
                    ErrorId::E508);
  }
  shape.requirements.push_back(std::move(requirement));
  return {};
}

Expr TightMin(const InferCtx& ctx, const Expr& a, const Expr& b) {
  const Interval d = Range(ctx, Expr::Sub(a, b));
  if (d.high != Interval::kUnbounded && d.high <= 0) return a;
  return d.low >= 0 ? b : Expr::Min(a, b);
}

Expr TightMax(const InferCtx& ctx, const Expr& a, const Expr& b) {
  const Interval d = Range(ctx, Expr::Sub(a, b));
  if (d.high != Interval::kUnbounded && d.high <= 0) return b;
  return d.low >= 0 ? a : Expr::Max(a, b);
}

bool IsNegative(const InferCtx& ctx, const Expr& e) {
  return Range(ctx, e).high < 0;
}

StatusOr<Expr> FromStart(const InferCtx& ctx, const Expr& index, const Expr& n,
                         std::string_view attr) {
  if (IsNegative(ctx, index)) return Expr::Add(n, index);
  if (Range(ctx, index).low >= 0) return index;
  return ctx.Fail(Format("{} = {} may be negative or not: give its symbols a range that decides it",
                         attr, ctx.Show(index)),
                  ErrorId::E503);
}

// ---- Rules --------------------------------------------------------------------------------------

StatusOr<ViewShape> SliceRule(const InferCtx& ctx, const Type& x) {
  GCOMP_ASSIGN_OR_RETURN(size_t d, DimOf(ctx, x));
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
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, ShapeOf(ctx, x));
  Cut(shape, d, start, length, step);
  return shape;
}

StatusOr<ViewShape> SelectRule(const InferCtx& ctx, const Type& x) {
  GCOMP_ASSIGN_OR_RETURN(size_t d, DimOf(ctx, x));
  const Expr& n = x.dims()[d];
  const Expr index = ctx.attrs().Size("index").value_or(Expr(0));
  GCOMP_ASSIGN_OR_RETURN(Expr start, FromStart(ctx, index, n, "index"));
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, ShapeOf(ctx, x));
  if (IsNegative(ctx, index)) {
    GCOMP_RETURN_IF_ERROR(
        Require(ctx, {Format("index from the end of axis {}", d), Expr::Sub(0, index), n}, shape));
  } else {
    GCOMP_RETURN_IF_ERROR(
        Require(ctx, {Format("index on axis {}", d), start, Expr::Sub(n, 1)}, shape));
  }
  Cut(shape, d, start, 1, 1);
  Erase(shape, d);
  return shape;
}

StatusOr<ViewShape> NarrowRule(const InferCtx& ctx, const Type& x) {
  GCOMP_ASSIGN_OR_RETURN(size_t d, DimOf(ctx, x));
  const Expr& n = x.dims()[d];
  const Expr written = ctx.attrs().Size("start").value_or(Expr(0));
  const Expr length = ctx.attrs().Size("length").value_or(Expr(0));
  GCOMP_ASSIGN_OR_RETURN(Expr start, FromStart(ctx, written, n, "start"));
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, ShapeOf(ctx, x));
  if (IsNegative(ctx, length)) {
    return ctx.Fail(Format("length = {} is negative", ctx.Show(length)), ErrorId::E508);
  }
  if (IsNegative(ctx, written)) {
    GCOMP_RETURN_IF_ERROR(Require(
        ctx, {Format("start from the end of axis {}", d), Expr::Sub(0, written), n}, shape));
  }
  GCOMP_RETURN_IF_ERROR(
      Require(ctx, {Format("start + length on axis {}", d), Expr::Add(start, length), n}, shape));
  Cut(shape, d, start, length, 1);
  return shape;
}

StatusOr<ViewShape> DiagonalRule(const InferCtx& ctx, const Type& x) {
  GCOMP_ASSIGN_OR_RETURN(size_t d1, DimOf(ctx, x, "dim1"));
  GCOMP_ASSIGN_OR_RETURN(size_t d2, DimOf(ctx, x, "dim2"));
  if (d1 == d2) {
    return ctx.Fail(Format("dim1 and dim2 both name axis {}", d1), ErrorId::E508);
  }
  const int64_t offset = ctx.attrs().Int("offset");
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, ShapeOf(ctx, x));
  // The first element lies `skip` further along the axis that the diagonal leaves last; past its
  // end the diagonal is empty.
  const size_t along = offset >= 0 ? d2 : d1;
  const Expr rows = x.dims()[d1];
  const Expr columns = x.dims()[d2];
  const Expr skip =
      TightMin(ctx, offset >= 0 ? Expr(offset) : Expr::Sub(0, offset), x.dims()[along]);
  const Expr length = offset >= 0 ? TightMin(ctx, rows, Expr::Sub(columns, skip))
                                  : TightMin(ctx, Expr::Sub(rows, skip), columns);
  std::optional<Expr> stride;
  if (shape.geometry.has_value()) {
    Geometry& geometry = *shape.geometry;
    stride = Expr::Add(geometry.strides[d1], geometry.strides[d2]);
    geometry.offset = Expr::Add(geometry.offset, Expr::Mul(skip, geometry.strides[along]));
  }
  Erase(shape, std::max(d1, d2));
  Erase(shape, std::min(d1, d2));
  shape.sizes.push_back(length);
  if (stride.has_value()) shape.geometry->strides.push_back(*stride);
  return shape;
}

StatusOr<ViewShape> UnfoldRule(const InferCtx& ctx, const Type& x) {
  GCOMP_ASSIGN_OR_RETURN(size_t d, DimOf(ctx, x));
  const int64_t step = ctx.attrs().Int("step");
  if (step < 1) return ctx.Fail(Format("step = {}, but must be at least 1", step), ErrorId::E508);
  const Expr size = ctx.attrs().Size("size").value_or(Expr(1));
  if (IsNegative(ctx, size)) {
    return ctx.Fail(Format("size = {} is negative", ctx.Show(size)), ErrorId::E508);
  }
  const Expr& n = x.dims()[d];
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, ShapeOf(ctx, x));
  GCOMP_RETURN_IF_ERROR(Require(ctx, {Format("size of a window on axis {}", d), size, n}, shape));
  const Expr windows = Expr::Add(Expr::FloorDiv(Expr::Sub(n, size), step), 1);
  shape.sizes.push_back(size);
  if (shape.geometry.has_value()) {
    shape.geometry->strides.push_back(Expr(shape.geometry->strides[d]));
  }
  Cut(shape, d, 0, windows, step);
  return shape;
}

StatusOr<ViewShape> AsStridedRule(const InferCtx& ctx, const Type& x) {
  if (!x.is_contiguous()) {
    return ctx.Fail(
        Format("strides count elements of x in row-major order, but x is {}: make it "
               "contiguous first",
               ctx.Show(x)));
  }
  const Dims sizes = ctx.attrs().Sizes("shape").value_or(Dims());
  const Dims strides = ctx.attrs().Sizes("strides").value_or(Dims());
  const Expr offset = ctx.attrs().Size("offset").value_or(Expr(0));
  if (sizes.size() != strides.size()) {
    return ctx.Fail(Format("shape has {} sizes, strides has {}", sizes.size(), strides.size()),
                    ErrorId::E508);
  }
  if (IsNegative(ctx, offset)) {
    return ctx.Fail(Format("offset = {} is negative", ctx.Show(offset)), ErrorId::E508);
  }
  Expr elements = 1;
  Expr last = offset;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (IsNegative(ctx, sizes[i]) || IsNegative(ctx, strides[i])) {
      return ctx.Fail(Format("size {} or stride {} of axis {} is negative", ctx.Show(sizes[i]),
                             ctx.Show(strides[i]), i),
                      ErrorId::E508);
    }
    elements = sizes[i].IsConst(0) ? Expr(0) : Expr::Mul(elements, sizes[i]);
    last = Expr::Add(last, Expr::Mul(Expr::Sub(sizes[i], 1), strides[i]));
  }
  ViewShape shape{sizes, Geometry{strides, offset}};
  GCOMP_RETURN_IF_ERROR(Require(ctx, {"offset", offset, x.NumElements()}, shape));
  GCOMP_RETURN_IF_ERROR(Require(
      ctx, {"index of the last element", last, Expr::Sub(x.NumElements(), 1), elements}, shape));
  return shape;
}

// ---- Use of rules -------------------------------------------------------------------------------

Status ReturnView(InferCtx& ctx, ViewShape shape) {
  const Type& x = ctx.operand(0);
  Layout layout;
  layout.kind = Layout::Kind::kUnknown;
  bool poison = AnyPoison(shape.sizes);
  if (shape.geometry.has_value()) {
    layout.kind = Layout::Kind::kStrided;
    layout.strides = std::move(shape.geometry->strides);
    layout.offset = shape.geometry->offset;
    poison = poison || layout.offset.is_poison() || AnyPoison(layout.strides);
  }
  if (poison) {
    return ctx.Fail(Format("sizes or strides of the view of {} overflow 64 bits", ctx.Show(x)),
                    ErrorId::E503);
  }
  ctx.Return(Type::Tensor(x.dtype(), std::move(shape.sizes), std::move(layout), x.device()));
  return {};
}

Status CheckRequirements(std::string_view op, const ViewShape& shape,
                         std::span<const int64_t> symbols) {
  for (const Requirement& requirement : shape.requirements) {
    const std::optional<int64_t> elements = requirement.elements.Evaluate(symbols);
    if (elements == 0) continue;
    const std::optional<int64_t> value = requirement.value.Evaluate(symbols);
    const std::optional<int64_t> limit = requirement.limit.Evaluate(symbols);
    if (!elements.has_value() || !value.has_value() || !limit.has_value()) {
      return Status(ErrorId::E503, Format("{}: {} overflows 64 bits", op, requirement.what));
    }
    if (*value > *limit) {
      return Status(ErrorId::E401,
                    Format("{}: {} is {}, the limit is {}", op, requirement.what, *value, *limit));
    }
  }
  return {};
}

StatusOr<ViewShape> ShapeAgain(ViewRule rule, const ir::Function& function, const ir::Op& op,
                               const Type& x) {
  static const ir::Module kNoModule;  // rules look at the function alone
  return rule(InferCtx(kNoModule, function, op), x);
}

std::optional<ir::ValueId> SameLayout(const ir::Function& function, const ir::Op& op) {
  const Type& x = function.value(op.operands[0]).type;
  const Type& y = function.value(op.results[0]).type;
  const bool known = x.is_contiguous() || x.layout().kind == Layout::Kind::kStrided;
  if (known && x == y) return op.operands[0];
  return std::nullopt;
}

}  // namespace gcomp::kernels
