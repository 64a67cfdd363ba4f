// Values that are one operand with a part replaced: slice_scatter, select_scatter,
// diagonal_scatter, as_strided_scatter. The part is what the view of that name would show of a
// row-major tensor (kernels/view_geometry.h).
#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "base/format.h"
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
using ir::Type;

Type RowMajor(const Type& x) {
  return Type::Tensor(x.dtype(), x.dims(), {}, x.device());
}

template <ViewRule rule>
Status InferScatter(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Type& s = ctx.operand(1);
  // Strides count elements of x as it lies; the other rules go by index.
  GCOMP_ASSIGN_OR_RETURN(ViewShape part, rule(ctx, rule == AsStridedRule ? x : RowMajor(x)));
  if (s.dtype() != x.dtype() || s.dims() != part.sizes) {
    return ctx.Fail(Format("s is {}, but the part of x to replace is {}", ctx.Show(s),
                           ctx.Show(Type::Tensor(x.dtype(), part.sizes))));
  }
  ctx.Return(RowMajor(x));
  return {};
}

// The part of the result, symbolically.
template <ViewRule rule>
StatusOr<ViewShape> PartOf(const ir::Function& function, const ir::Op& op) {
  GCOMP_ASSIGN_OR_RETURN(ViewShape part,
                         ShapeAgain(rule, function, op, function.value(op.results[0]).type));
  GCOMP_ENSURE(part.geometry.has_value(), "a row-major tensor has known strides");
  return part;
}

// E401 unless each stride, from the least on, is past all that the lesser ones reach: so that no
// element is written twice.
Status CheckDistinct(std::string_view op, const ir::TensorSpec& part) {
  if (part.NumElements() == 0) return {};
  std::vector<size_t> order(part.sizes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return part.strides[a] < part.strides[b]; });
  int64_t reach = 0;  // of the axes so far
  for (size_t axis : order) {
    if (part.sizes[axis] == 1) continue;
    if (part.strides[axis] <= reach) {
      return Status(ErrorId::E401,
                    Format("{}: elements of the part overlap: axis {} has stride {}, those with "
                           "lesser strides reach {} elements far",
                           op, axis, part.strides[axis], reach));
    }
    reach += (part.sizes[axis] - 1) * part.strides[axis];
  }
  return {};
}

template <ViewRule rule>
StatusOr<std::unique_ptr<ir::Kernel>> PrepareScatter(const ir::KernelCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, PartOf<rule>(ctx.function, ctx.op));
  GCOMP_RETURN_IF_ERROR(CheckRequirements(ctx.op.def->name, shape, ctx.symbols));
  ir::Layout layout;
  layout.kind = ir::Layout::Kind::kStrided;
  layout.strides = shape.geometry->strides;
  layout.offset = shape.geometry->offset;
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& s = ctx.operands[1];
  const ir::TensorSpec& y = ctx.results[0];
  GCOMP_ASSIGN_OR_RETURN(
      ir::TensorSpec part,
      ir::BindType(Type::Tensor(y.dtype, std::move(shape.sizes), std::move(layout)), ctx.symbols));
  GCOMP_ENSURE(part.sizes == s.sizes, "s has the sizes of the part");
  GCOMP_RETURN_IF_ERROR(CheckDistinct(ctx.op.def->name, part));
  const int64_t bytes = ir::BytesOf(y.dtype);
  return MakePieceKernel(
      {{.source = 0, .copy = StridedCopy::Make(y.sizes, x.strides, y.strides, bytes)},
       {.source = 1,
        .copy = StridedCopy::Make(s.sizes, s.strides, part.strides, bytes),
        .target_byte = s.NumElements() == 0 ? 0 : part.offset * bytes}});
}

template <ViewRule rule>
Status LowerScatter(ir::LowerCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(ViewShape part, PartOf<rule>(ctx.function, ctx.op));
  const ir::LowerCtx::Tensor& x = ctx.operands[0];
  const ir::LowerCtx::Tensor& s = ctx.operands[1];
  const size_t y = ctx.result_buffer(0);
  ctx.nest.stages.push_back(
      CopyStage(x.dtype, x.sizes, 0, {0, x.strides}, y, {0, ctx.results[0].strides}));
  ctx.nest.stages.push_back(CopyStage(s.dtype, s.sizes, 1, {0, s.strides}, y,
                                      {part.geometry->offset, part.geometry->strides}));
  return {};
}

constexpr ir::OperandSpec kOperands[] = {{.name = "x"}, {.name = "s"}};
constexpr ir::AttrSpec kSize0 = {
    .name = "", .kind = ir::AttrKind::kSize, .default_kind = ir::AttrSpec::Default::kInt};

constexpr ir::AttrSpec SizeAttr(std::string_view name, std::string_view doc) {
  ir::AttrSpec spec = kSize0;
  spec.name = name;
  spec.doc = doc;
  return spec;
}

// ---- The records --------------------------------------------------------------------------------

constexpr ir::AttrSpec kSliceAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim", 0, "the axis that is cut")),
    SizeAttr("start", "first index; negative counts from the end; clamped to [0, n]"),
    {.name = "end",
     .kind = ir::AttrKind::kSize,
     .doc = "one past the last index; negative counts from the end; clamped to [0, n]; absent = n"},
    ir::IntAttr("step", 1, "distance of the elements replaced, at least 1")};

constinit const ir::OpDef kSliceScatter = {
    .name = "slice_scatter",
    .doc =
        "x with s in the place of slice(x, dim, start, end, step).\n"
        "Shapes: x: [.., n, ..], s: sizes of that slice -> y: x's sizes, row-major, a new value.\n"
        "Corners: bounds are clamped as by slice; an empty slice gives x.",
    .source = "PyTorch slice_scatter",
    .operands = kOperands,
    .attrs = kSliceAttrs,
    .tolerance = kMovesBits,
    .infer = InferScatter<SliceRule>,
    .prepare = PrepareScatter<SliceRule>,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerScatter<SliceRule>},
    .vjp = ir::NotYet(),
};

constexpr ir::AttrSpec kSelectAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim", 0, "the axis of the index")),
    SizeAttr("index", "the index on it; negative counts from the end")};

constinit const ir::OpDef kSelectScatter = {
    .name = "select_scatter",
    .doc =
        "x with s in the place of select_index(x, dim, index).\n"
        "Shapes: x: [.., n, ..], s: x's sizes without axis dim -> y: x's sizes, row-major, a new "
        "value.\n"
        "Corners: an index outside of [-n, n) is an error: E508, or E401 where the sizes that a "
        "run brings do not allow it.",
    .source = "PyTorch select_scatter",
    .operands = kOperands,
    .attrs = kSelectAttrs,
    .tolerance = kMovesBits,
    .infer = InferScatter<SelectRule>,
    .prepare = PrepareScatter<SelectRule>,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerScatter<SelectRule>},
    .vjp = ir::NotYet(),
};

constexpr ir::AttrSpec kDiagonalAttrs[] = {
    ir::IntAttr("offset", 0, "0: the main diagonal; k > 0: k above it; k < 0: -k below it"),
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim1", 0, "the axis of rows")),
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim2", 1, "the axis of columns"))};

constinit const ir::OpDef kDiagonalScatter = {
    .name = "diagonal_scatter",
    .doc =
        "x with s in the place of diagonal(x, offset, dim1, dim2).\n"
        "Shapes: x: [.., n, .., m, ..], s: [..., k], sizes of that diagonal -> y: x's sizes, "
        "row-major, a new value.\n"
        "Corners: a diagonal outside of the matrix is empty and gives x.",
    .source = "PyTorch diagonal_scatter",
    .operands = kOperands,
    .attrs = kDiagonalAttrs,
    .tolerance = kMovesBits,
    .infer = InferScatter<DiagonalRule>,
    .prepare = PrepareScatter<DiagonalRule>,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerScatter<DiagonalRule>},
    .vjp = ir::NotYet(),
};

constexpr ir::AttrSpec kAsStridedAttrs[] = {
    {"shape", ir::AttrKind::kSizeList, "sizes of the part", ir::AttrSpec::Default::kRequired},
    {"strides", ir::AttrKind::kSizeList, "its strides, in elements of x, at least 0",
     ir::AttrSpec::Default::kRequired},
    SizeAttr("offset", "the element of x where it begins")};

constinit const ir::OpDef kAsStridedScatter = {
    .name = "as_strided_scatter",
    .doc =
        "x with s in the place of as_strided(x, shape, strides, offset).\n"
        "Shapes: x: [d_0, ...], row-major, s: shape -> y: x's sizes, row-major, a new value.\n"
        "Corners: strides count elements of x; an x that is not row-major is an error. Reaching "
        "past "
        "the last element of x is an error (E508, E401), and so are strides that do not keep the "
        "elements of the part apart (E401, when sizes are bound).",
    .source = "PyTorch as_strided_scatter",
    .operands = kOperands,
    .attrs = kAsStridedAttrs,
    .tolerance = kMovesBits,
    .infer = InferScatter<AsStridedRule>,
    .prepare = PrepareScatter<AsStridedRule>,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerScatter<AsStridedRule>},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(scatter_view, &kSliceScatter, &kSelectScatter, &kDiagonalScatter,
                 &kAsStridedScatter)

}  // namespace gcomp::kernels
