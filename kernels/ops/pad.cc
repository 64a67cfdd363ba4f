// pad: elements around a tensor, by a value or by the tensor's own elements.
//
// The result is written piece by piece: x in the middle, then, axis by axis, the borders before
// and after it, over all that earlier axes have padded. So the borders of a later axis repeat those
// of the earlier ones, and a corner needs no rule of its own.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/copy_pieces.h"
#include "kernels/view_geometry.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Scalar;
using ir::Type;

enum class Mode : uint8_t { kConstant, kReflect, kReplicate, kCircular };

std::optional<Mode> ModeOf(const ir::AttrReader& attrs) {
  const std::string mode = attrs.String("mode");
  if (mode == "constant") return Mode::kConstant;
  if (mode == "reflect") return Mode::kReflect;
  if (mode == "replicate") return Mode::kReplicate;
  if (mode == "circular") return Mode::kCircular;
  return std::nullopt;
}

// The value as an element; nullopt if the dtype does not have it.
std::optional<Scalar> ValueOf(const ir::AttrReader& attrs, ir::DType dtype) {
  const double value = attrs.Float("value");
  if (dtype == ir::DType::kBool) {
    if (value != 0 && value != 1) return std::nullopt;
    return Scalar::FromBool(value != 0);
  }
  std::optional<Scalar> scalar = Scalar::FromDouble(dtype, value);
  if (scalar.has_value() && std::isfinite(value) && std::isinf(scalar->ToDouble())) {
    return std::nullopt;
  }
  return scalar;
}

// The counts of attribute `name`, zeros where it is not written.
Dims CountsOf(const ir::AttrReader& attrs, std::string_view name, size_t rank) {
  return attrs.Sizes(name).value_or(Dims(rank, Expr(0)));
}

// ---- Sizes --------------------------------------------------------------------------------------

// Counts `counts` (attribute `name`) of a mode that takes elements of x ask for enough of them.
Status RequireElements(const InferCtx& ctx, Mode mode, std::string_view name, const Dims& counts,
                       const Dims& sizes, ViewShape& shape) {
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i].IsConst(0)) continue;
    if (IsNegative(ctx, counts[i])) {
      return ctx.Fail(
          Format("{}[{}] = {}: only mode \"constant\" crops", name, i, ctx.Show(counts[i])),
          ErrorId::E508);
    }
    GCOMP_RETURN_IF_ERROR(Require(
        ctx, {Format("number of elements cropped by {}[{}]", name, i), Expr::Sub(0, counts[i]), 0},
        shape));
    Requirement enough{Format("{}[{}]", name, i), counts[i], sizes[i]};
    if (mode == Mode::kReflect) enough.limit = Expr::Sub(sizes[i], 1);
    if (mode == Mode::kReplicate) {  // any number of copies of one element
      enough.what = Format("number of elements that {}[{}] needs", name, i);
      enough.value = TightMin(ctx, counts[i], 1);
    }
    GCOMP_RETURN_IF_ERROR(Require(ctx, std::move(enough), shape));
  }
  return {};
}

// The result's sizes, and what the bound sizes must fulfil.
StatusOr<ViewShape> PaddedShape(const InferCtx& ctx, const Type& x) {
  const std::optional<Mode> mode = ModeOf(ctx.attrs());
  if (!mode.has_value()) {
    return ctx.Fail(Format("mode = \"{}\" is none of \"constant\", \"reflect\", \"replicate\", "
                           "\"circular\"",
                           ctx.attrs().String("mode")),
                    ErrorId::E508);
  }
  ViewShape shape{x.dims(), std::nullopt};
  for (std::string_view name : {"low", "high"}) {
    const Dims counts = CountsOf(ctx.attrs(), name, x.dims().size());
    if (counts.size() != x.dims().size()) {
      return ctx.Fail(Format("{} has {} counts, but {} has rank {}", name, counts.size(),
                             ctx.Show(x), x.rank()),
                      ErrorId::E508);
    }
    if (*mode != Mode::kConstant) {
      GCOMP_RETURN_IF_ERROR(RequireElements(ctx, *mode, name, counts, x.dims(), shape));
    }
    for (size_t i = 0; i < counts.size(); ++i) {
      shape.sizes[i] = Expr::Add(shape.sizes[i], counts[i]);
    }
  }
  for (size_t i = 0; i < shape.sizes.size(); ++i) {
    if (shape.sizes[i].is_poison()) {
      return ctx.Fail(Format("the size of axis {} overflows 64 bits", i), ErrorId::E503);
    }
    if (IsNegative(ctx, shape.sizes[i])) {
      return ctx.Fail(
          Format("more is cropped from axis {} than its {} elements", i, ctx.Show(x.dims()[i])),
          ErrorId::E508);
    }
  }
  return shape;
}

Status InferPad(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, PaddedShape(ctx, x));
  if (!ValueOf(ctx.attrs(), x.dtype()).has_value()) {
    return ctx.Fail(Format("value = {} is not a value of {}", ctx.attrs().Float("value"),
                           ir::NameOf(x.dtype())),
                    ErrorId::E508);
  }
  ctx.Return(Type::Tensor(x.dtype(), std::move(shape.sizes), {}, x.device()));
  return {};
}

// ---- Pieces -------------------------------------------------------------------------------------

// The elements `axes` of the result at `to` are those at `from` of `source`.
struct Piece {
  size_t source;  // an operand, or PieceKernel::kResult, kValue
  Dims axes;
  ir::Affine from;
  ir::Affine to;
};

// One axis of the result: x's elements [first, first + kept) stand at [begin, begin + kept) of it.
struct PaddedAxis {
  Expr size;  // of the result
  Expr begin;
  Expr kept;
  Expr first;
};

PaddedAxis AxisOf(Mode mode, const Expr& n, const Expr& low, const Expr& high) {
  const Expr size = Expr::Add(Expr::Add(n, low), high);
  if (mode != Mode::kConstant) return {size, low, n, 0};
  auto clamp = [&](const Expr& e) { return Expr::Max(Expr::Min(e, size), 0); };
  const Expr begin = clamp(low);
  const Expr end = clamp(Expr::Add(low, n));
  return {size, begin, Expr::Sub(end, begin), Expr::Sub(begin, low)};
}

// Element i of a border before or after axis `a` is result element first + step * i.
struct Mirror {
  Expr first;
  int64_t step;
};

Mirror MirrorOf(Mode mode, const PaddedAxis& a, bool before) {
  const Expr end = Expr::Add(a.begin, a.kept);
  switch (mode) {
    case Mode::kReflect:
      return {before ? Expr::Mul(a.begin, 2) : Expr::Sub(end, 2), -1};
    case Mode::kReplicate:
      return {before ? a.begin : Expr::Sub(end, 1), 0};
    default:
      return {before ? a.kept : a.begin, 1};  // circular: `kept` elements further on, or back
  }
}

// The pieces of the result, in the order in which they are written.
std::vector<Piece> PiecesOf(Mode mode, const std::vector<PaddedAxis>& axes, const Dims& x_strides,
                            const Dims& y_strides) {
  Piece middle{0, {}, {0, x_strides}, {0, y_strides}};
  for (size_t i = 0; i < axes.size(); ++i) {
    middle.axes.push_back(axes[i].kept);
    middle.from.base = Expr::Add(middle.from.base, Expr::Mul(axes[i].first, x_strides[i]));
    middle.to.base = Expr::Add(middle.to.base, Expr::Mul(axes[i].begin, y_strides[i]));
  }
  // Where x begins in the result; from axis to axis the outer ones begin at 0.
  Expr base = middle.to.base;
  Dims region = middle.axes;
  std::vector<Piece> pieces = {std::move(middle)};
  for (size_t d = 0; d < axes.size(); ++d) {
    const PaddedAxis& a = axes[d];
    base = Expr::Sub(base, Expr::Mul(a.begin, y_strides[d]));
    const Expr end = Expr::Add(a.begin, a.kept);
    for (bool before : {true, false}) {
      Piece piece{PieceKernel::Piece::kValue, region, {0, Dims(axes.size(), Expr(0))}, {}};
      piece.axes[d] = before ? a.begin : Expr::Sub(a.size, end);
      if (piece.axes[d].IsConst(0)) continue;
      const Expr at = before ? Expr(0) : end;
      piece.to = {Expr::Add(base, Expr::Mul(at, y_strides[d])), y_strides};
      if (mode != Mode::kConstant) {
        const Mirror mirror = MirrorOf(mode, a, before);
        piece.source = PieceKernel::Piece::kResult;
        piece.from = {Expr::Add(base, Expr::Mul(mirror.first, y_strides[d])), y_strides};
        piece.from.coefs[d] = Expr::Mul(mirror.step, y_strides[d]);
      }
      pieces.push_back(std::move(piece));
    }
    region[d] = a.size;
  }
  return pieces;
}

// The axes of the result for an x of these sizes; `bind` gives the numbers of the counts.
template <class Bind>
std::vector<PaddedAxis> AxesOf(const ir::AttrReader& attrs, Mode mode, const Dims& sizes,
                               const Bind& bind) {
  const Dims low = CountsOf(attrs, "low", sizes.size());
  const Dims high = CountsOf(attrs, "high", sizes.size());
  std::vector<PaddedAxis> axes;
  for (size_t i = 0; i < sizes.size(); ++i) {
    axes.push_back(AxisOf(mode, sizes[i], bind(low[i]), bind(high[i])));
  }
  return axes;
}

std::vector<int64_t> NumbersOf(const Dims& dims) {
  std::vector<int64_t> numbers;
  for (const Expr& e : dims) numbers.push_back(e.value());
  return numbers;
}

bool AllConst(const Dims& dims) {
  return std::all_of(dims.begin(), dims.end(), [](const Expr& e) { return e.is_const(); });
}

StatusOr<std::unique_ptr<ir::Kernel>> PreparePad(const ir::KernelCtx& ctx) {
  const Type& type = ctx.function.value(ctx.op.operands[0]).type;
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, ShapeAgain(PaddedShape, ctx.function, ctx.op, type));
  GCOMP_RETURN_IF_ERROR(CheckRequirements(ctx.op.def->name, shape, ctx.symbols));
  const std::optional<Mode> mode = ModeOf(ctx.attrs);
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& y = ctx.results[0];
  const std::optional<Scalar> value = ValueOf(ctx.attrs, y.dtype);
  GCOMP_ENSURE(mode.has_value() && value.has_value(), "mode and value are known");
  if (y.NumElements() == 0) return MakePieceKernel({});
  auto bind = [&](const Expr& e) {
    const std::optional<int64_t> number = e.Evaluate(ctx.symbols);
    return number.has_value() ? Expr(*number) : Expr::Poison();
  };
  const std::vector<PaddedAxis> axes =
      AxesOf(ctx.attrs, *mode, Dims(x.sizes.begin(), x.sizes.end()), bind);
  const int64_t bytes = ir::BytesOf(y.dtype);
  std::vector<PieceKernel::Piece> pieces;
  for (const Piece& piece : PiecesOf(*mode, axes, Dims(x.strides.begin(), x.strides.end()),
                                     Dims(y.strides.begin(), y.strides.end()))) {
    GCOMP_ENSURE(AllConst(piece.axes) && piece.from.base.is_const() && piece.to.base.is_const(),
                 "sizes are bound");
    const std::vector<int64_t> sizes = NumbersOf(piece.axes);
    if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) continue;
    pieces.push_back({.source = piece.source,
                      .copy = StridedCopy::Make(sizes, NumbersOf(piece.from.coefs),
                                                NumbersOf(piece.to.coefs), bytes),
                      .source_byte = piece.from.base.value() * bytes,
                      .target_byte = piece.to.base.value() * bytes});
  }
  return MakePieceKernel(std::move(pieces), *value);
}

Status LowerPad(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& x = ctx.operands[0];
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  const std::optional<Mode> mode = ModeOf(ctx.attrs);
  const std::optional<Scalar> value = ValueOf(ctx.attrs, y.dtype);
  GCOMP_ENSURE(mode.has_value() && value.has_value(), "mode and value are known");
  if (*mode == Mode::kConstant) {
    const Dims low = CountsOf(ctx.attrs, "low", x.sizes.size());
    const Dims high = CountsOf(ctx.attrs, "high", x.sizes.size());
    ir::Stage stage =
        CopyStage(x.dtype, y.sizes, 0, {0, x.strides}, ctx.result_buffer(0), {0, y.strides});
    ir::Load& load = stage.loads[0];
    load.otherwise = *value;
    for (size_t i = 0; i < low.size(); ++i) {
      if (low[i].IsConst(0) && high[i].IsConst(0)) continue;
      load.offset.base = Expr::Sub(load.offset.base, Expr::Mul(low[i], x.strides[i]));
      Dims along(low.size(), Expr(0));
      along[i] = 1;
      load.guards.push_back({{Expr::Sub(0, low[i]), std::move(along)}, x.sizes[i]});
    }
    ctx.nest.stages.push_back(std::move(stage));
    return {};
  }
  const std::vector<PaddedAxis> axes =
      AxesOf(ctx.attrs, *mode, x.sizes, [](const Expr& e) { return e; });
  for (Piece& piece : PiecesOf(*mode, axes, x.strides, y.strides)) {
    const size_t source =
        piece.source == PieceKernel::Piece::kResult ? ctx.result_buffer(0) : piece.source;
    ctx.nest.stages.push_back(CopyStage(x.dtype, std::move(piece.axes), source,
                                        std::move(piece.from), ctx.result_buffer(0),
                                        std::move(piece.to)));
  }
  return {};
}

// ---- The record ---------------------------------------------------------------------------------

constexpr ir::OperandSpec kPadOperands[] = {{.name = "x"}};
constexpr ir::AttrSpec kPadAttrs[] = {
    {"low", ir::AttrKind::kSizeList, "elements put before each axis; absent = none"},
    {"high", ir::AttrKind::kSizeList, "elements put after each axis; absent = none"},
    ir::StringAttr("mode", "constant",
                   "what is put there: \"constant\" (value), \"reflect\" (mirrored at the first "
                   "and last element), \"replicate\" (the first and last element), \"circular\" "
                   "(from the other end)"),
    ir::FloatAttr("value", 0.0, "the element of mode \"constant\", of x's dtype")};

constinit const ir::OpDef kPad = {
    .name = "pad",
    .doc =
        "x with elements around it: y[.., i, ..] = x[.., i - low, ..] where 0 <= i - low < n. "
        "Elsewhere, with j = i - low: value; or x at -j, then 2 (n - 1) - j (reflect); at 0, n - 1 "
        "(replicate); at j mod n (circular).\n"
        "Shapes: x: [d_0, ...] -> y: [low[0] + d_0 + high[0], ...].\n"
        "Corners: negative counts crop, in mode constant alone. reflect takes at most n - 1, "
        "circular at most n, replicate needs n >= 1 where it puts any: E508, or E401 where the "
        "sizes that a run brings do not allow it.",
    .source = "NumPy pad; PyTorch pad for the limits",
    .operands = kPadOperands,
    .attrs = kPadAttrs,
    .tolerance = kMovesBits,
    .infer = InferPad,
    .prepare = PreparePad,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerPad},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(pad, &kPad)

}  // namespace gcomp::kernels
