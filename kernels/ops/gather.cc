// Ops that read elements at positions which a tensor gives: gather, index_select, index, embedding.
#include <memory>
#include <utility>
#include <vector>

#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/gather_kernel.h"
#include "kernels/index.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

using ir::InferCtx;
using ir::Type;

using KernelOr = StatusOr<std::unique_ptr<ir::Kernel>>;

constexpr ir::Tolerance kMovesBits = {.reason = "no arithmetic: elements of the operand"};
constexpr ir::Lowering kLibrary = {.kind = ir::Lowering::Kind::kExternal, .why = kReadsByIndex};

Status Return(InferCtx& ctx, ir::Dims dims) {
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(ctx.operand(0).dtype(), std::move(dims), {}, std::move(device)));
  return {};
}

int AxisOf(const ir::KernelCtx& ctx) {
  const int64_t dim = ctx.attrs.Int("dim");
  return static_cast<int>(dim < 0 ? dim + ctx.operands[0].rank() : dim);
}

constexpr ir::OperandSpec kOneIndex[] = {{.name = "x", .dtypes = ir::kRealDTypes},
                                         {.name = "i", .dtypes = ir::kIntegerDTypes}};
constexpr ir::AttrSpec kDim[] = {ir::AxisOf(ir::AttrSpec::Axis::kOfOperand,
                                            ir::IntAttr("dim", 0, "the axis that indices name"))};

// ---- gather -------------------------------------------------------------------------------------

Status InferGather(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Type& i = ctx.operand(1);
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), x.rank(), "dim"));
  GCOMP_RETURN_IF_ERROR(CheckIndexShape(ctx, x, i, axis));
  return Return(ctx, i.dims());
}

KernelOr PrepareGather(const ir::KernelCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(IndexedSpace space, SpaceAlong(ctx, ctx.operands[0], 1, AxisOf(ctx)));
  return MakeGather(ctx, space);
}

constinit const ir::OpDef kGather = {
    .name = "gather",
    .doc =
        "Picks along one axis, a place for each element: y[.., p, ..] = x[.., i[.., p, ..], ..], "
        "where only the position along dim is replaced.\n"
        "Shapes: x: [d...], i: [e...] of the same rank, e <= d along all axes but dim -> y: "
        "[e...].\n"
        "Corners: a negative index counts from the end; one outside of [-d, d) is the run-time "
        "error E401, found before anything is written. No element of i needs none of x.",
    .source = "PyTorch gather; NumPy take_along_axis",
    .operands = kOneIndex,
    .attrs = kDim,
    .tolerance = kMovesBits,
    .infer = InferGather,
    .prepare = PrepareGather,
    .lowering = kLibrary,
    .vjp = ir::NotYet(),
};

// ---- index_select -------------------------------------------------------------------------------

Status InferIndexSelect(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Type& i = ctx.operand(1);
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), x.rank(), "dim"));
  if (i.rank() != 1) {
    return ctx.Fail(Format("the indices must have rank 1, but are {}", ctx.Show(i)));
  }
  ir::Dims dims = x.dims();
  dims[static_cast<size_t>(axis)] = i.dims()[0];
  return Return(ctx, std::move(dims));
}

KernelOr PrepareIndexSelect(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  const auto axis = static_cast<size_t>(AxisOf(ctx));
  const int64_t bytes = ir::BytesOf(x.dtype);
  IndexedSpace space;
  space.element_bytes = bytes;
  space.sizes = ctx.results[0].sizes;
  for (int64_t stride : x.strides) space.strides.push_back(stride * bytes);
  space.strides[axis] = 0;
  std::vector<int64_t> along(space.sizes.size(), 0);
  along[axis] = ctx.operands[1].strides[0];
  space.axes.push_back({1, "i", Format("axis {} of `x`", axis), x.sizes[axis],
                        x.strides[axis] * bytes, std::move(along)});
  return MakeGather(ctx, space);
}

constinit const ir::OpDef kIndexSelect = {
    .name = "index_select",
    .doc =
        "Picks whole slices along one axis: y[.., p, ..] = x[.., i[p], ..].\n"
        "Shapes: x: [d...], i: [m] -> y: [d...] with m along dim.\n"
        "Corners: a negative index counts from the end; one outside of [-d, d) is the run-time "
        "error E401, found before anything is written. Indices may repeat.",
    .source = "PyTorch index_select; NumPy take",
    .operands = kOneIndex,
    .attrs = kDim,
    .tolerance = kMovesBits,
    .infer = InferIndexSelect,
    .prepare = PrepareIndexSelect,
    .lowering = kLibrary,
    .vjp = ir::NotYet(),
};

// ---- index --------------------------------------------------------------------------------------

constexpr size_t kIndices = 1;  // group of index, and of embedding

Status InferIndex(InferCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(ir::Dims dims, IndexedDims(ctx, ctx.operand(0), kIndices));
  return Return(ctx, std::move(dims));
}

KernelOr PrepareIndex(const ir::KernelCtx& ctx) {
  const size_t count = ctx.group_size(kIndices);
  return MakeGather(ctx,
                    SpaceOfPoints(ctx, ctx.operands[0], 1, count, BroadcastSizes(ctx, 1, count)));
}

constexpr ir::OperandSpec kIndexOperands[] = {
    {.name = "x", .dtypes = ir::kRealDTypes},
    {.name = "is", .kind = ir::OperandKind::kVariadic, .dtypes = ir::kIntegerDTypes}};

constinit const ir::OpDef kIndex = {
    .name = "index",
    .doc =
        "Picks at points that one index tensor per leading axis names: y[p, r] = "
        "x[is[0][p], is[1][p], .., r].\n"
        "Shapes: x: [d...], is: k tensors, 1 <= k <= rank of x, that broadcast together to "
        "[b...] -> y: [b..., d of the axes from k on].\n"
        "Corners: a negative index counts from the end; one outside of [-d, d) is the run-time "
        "error E401, found before anything is written, also where y has no elements.",
    .source = "NumPy integer array indexing of the leading axes",
    .operands = kIndexOperands,
    .tolerance = kMovesBits,
    .infer = InferIndex,
    .prepare = PrepareIndex,
    .lowering = kLibrary,
    .vjp = ir::NotYet(),
};

// ---- embedding ----------------------------------------------------------------------------------

Status InferEmbedding(InferCtx& ctx) {
  const Type& w = ctx.operand(0);
  if (w.rank() != 2) {
    return ctx.Fail(Format("w must have rank 2, [rows, width], but is {}", ctx.Show(w)));
  }
  ir::Dims dims = ctx.operand(1).dims();
  dims.push_back(w.dims()[1]);
  return Return(ctx, std::move(dims));
}

KernelOr PrepareEmbedding(const ir::KernelCtx& ctx) {
  return MakeGather(ctx, SpaceOfPoints(ctx, ctx.operands[0], kIndices, 1, ctx.operands[1].sizes));
}

constexpr ir::OperandSpec kEmbeddingOperands[] = {{.name = "w", .dtypes = ir::kRealDTypes},
                                                  {.name = "i", .dtypes = ir::kIntegerDTypes}};

constinit const ir::OpDef kEmbedding = {
    .name = "embedding",
    .doc =
        "Rows of a table: y[p, :] = w[i[p], :].\n"
        "Shapes: w: [n, d], i: [e...] -> y: [e..., d].\n"
        "Corners: a negative index counts from the end; one outside of [-n, n) is the run-time "
        "error E401, found before anything is written.",
    .source = "PyTorch embedding",
    .operands = kEmbeddingOperands,
    .tolerance = kMovesBits,
    .infer = InferEmbedding,
    .prepare = PrepareEmbedding,
    .lowering = kLibrary,
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(gather, &kGather, &kIndexSelect, &kIndex, &kEmbedding)

}  // namespace gcomp::kernels
