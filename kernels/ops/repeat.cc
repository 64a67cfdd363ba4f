// Elements again, or in another order, as new values: tile, repeat, flip, roll.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/decompose.h"
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
using ir::Type;

constexpr ir::OperandSpec kOneOperand[] = {{.name = "x"}};

// ---- tile, repeat -------------------------------------------------------------------------------

// `repeats` and the sizes of x with ones in front, so that both have one entry per result axis.
struct Repeats {
  Dims counts;
  Dims sizes;
};

Repeats Aligned(const ir::AttrReader& attrs, const Type& x) {
  Repeats repeats{attrs.Sizes("repeats").value_or(Dims()), x.dims()};
  const size_t rank = std::max(repeats.counts.size(), repeats.sizes.size());
  repeats.counts.insert(repeats.counts.begin(), rank - repeats.counts.size(), Expr(1));
  repeats.sizes.insert(repeats.sizes.begin(), rank - repeats.sizes.size(), Expr(1));
  return repeats;
}

Status InferTile(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Repeats repeats = Aligned(ctx.attrs(), x);
  Dims dims;
  for (size_t i = 0; i < repeats.counts.size(); ++i) {
    if (IsNegative(ctx, repeats.counts[i])) {
      return ctx.Fail(Format("repeats has the negative count {}", ctx.Show(repeats.counts[i])),
                      ErrorId::E508);
    }
    dims.push_back(Expr::Mul(repeats.counts[i], repeats.sizes[i]));
    if (dims.back().is_poison()) {
      return ctx.Fail(Format("size {} * {} of axis {} overflows 64 bits",
                             ctx.Show(repeats.counts[i]), ctx.Show(repeats.sizes[i]), i),
                      ErrorId::E503);
    }
  }
  ctx.Return(Type::Tensor(x.dtype(), std::move(dims), {}, x.device()));
  return {};
}

Status InferRepeat(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const size_t counts = ctx.attrs().Sizes("repeats").value_or(Dims()).size();
  if (counts < x.dims().size()) {
    return ctx.Fail(Format("repeats has {} counts, less than the rank of {}", counts, ctx.Show(x)),
                    ErrorId::E508);
  }
  return InferTile(ctx);
}

// An axis of stride 0 before each axis that is repeated; then both are one.
void DecomposeTile(ir::DecomposeCtx& ctx) {
  ir::Term x = ctx.operand(0);
  const Repeats repeats = Aligned(ctx.attrs(), x.type());
  const size_t added = repeats.sizes.size() - x.sizes().size();
  Dims wide;
  for (size_t i = 0; i < repeats.counts.size(); ++i) {
    const bool new_axis = i < added;
    if (new_axis || !repeats.counts[i].IsConst(1)) {
      x = ctx.Unsqueeze(x, static_cast<int>(wide.size()));
      wide.push_back(repeats.counts[i]);
    }
    if (!new_axis) wide.push_back(repeats.sizes[i]);
  }
  x = ctx.Expand(x, wide);
  ctx.Return(ctx.Call("reshape", {x}, {{"shape", ir::SizesAttr(ctx.result_type().dims())}}));
}

constexpr ir::AttrSpec kRepeatAttrs[] = {{"repeats", ir::AttrKind::kSizeList,
                                          "how often, for each axis; lists align at the last axis",
                                          ir::AttrSpec::Default::kRequired}};

constinit const ir::OpDef kTile = {
    .name = "tile",
    .doc =
        "x repeated along each axis: y[i_0, ...] = x[i_0 mod d_0, ...].\n"
        "Shapes: x: [d_0, ...] -> y: [repeats[0] * d_0, ...]; a shorter repeats, or a shorter "
        "shape of x, gets ones in front.\n"
        "Corners: a count may be 0; rank 0 is allowed.",
    .source = "NumPy tile",
    .operands = kOneOperand,
    .attrs = kRepeatAttrs,
    .tolerance = kMovesBits,
    .infer = InferTile,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeTile},
    .vjp = ir::NotYet(),
};

constinit const ir::OpDef kRepeat = {
    .name = "repeat",
    .doc =
        "x repeated along each axis: y[i_0, ...] = x[i_0 mod d_0, ...].\n"
        "Shapes: x: [d_0, ...] -> y: [repeats[0] * d_0, ...]; x gets axes of size 1 in front.\n"
        "Corners: repeats has at least as many counts as x has axes, else E508 (tile allows it); "
        "a count may be 0.",
    .source = "PyTorch Tensor.repeat",
    .operands = kOneOperand,
    .attrs = kRepeatAttrs,
    .tolerance = kMovesBits,
    .infer = InferRepeat,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeTile},
    .vjp = ir::NotYet(),
};

// ---- flip ---------------------------------------------------------------------------------------

Status InferFlip(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  GCOMP_RETURN_IF_ERROR(ctx.Axes("dims", x.rank()).status());
  ctx.Return(Type::Tensor(x.dtype(), x.dims(), {}, x.device()));
  return {};
}

// True for the axes that turn, once infer has accepted them.
std::vector<bool> Flipped(const ir::AttrReader& attrs, size_t rank) {
  const auto dims = attrs.Ints("dims");
  std::vector<bool> flipped(rank, !dims.has_value());
  for (int64_t axis : dims.value_or(std::vector<int64_t>())) {
    flipped[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis)] = true;
  }
  return flipped;
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareFlip(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  if (x.NumElements() == 0) return MakePieceKernel({});
  const std::vector<bool> flipped = Flipped(ctx.attrs, x.sizes.size());
  std::vector<int64_t> strides = x.strides;
  int64_t last = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    if (!flipped[i]) continue;
    last += (x.sizes[i] - 1) * strides[i];
    strides[i] = -strides[i];
  }
  const int64_t bytes = ir::BytesOf(x.dtype);
  return MakePieceKernel(
      {{.source = 0,
        .copy = StridedCopy::Make(x.sizes, strides, ctx.results[0].strides, bytes),
        .source_byte = last * bytes}});
}

Status LowerFlip(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& x = ctx.operands[0];
  const std::vector<bool> flipped = Flipped(ctx.attrs, x.sizes.size());
  ir::Affine from{0, x.strides};
  for (size_t i = 0; i < flipped.size(); ++i) {
    if (!flipped[i]) continue;
    from.base = Expr::Add(from.base, Expr::Mul(Expr::Sub(x.sizes[i], 1), x.strides[i]));
    from.coefs[i] = Expr::Sub(0, x.strides[i]);
  }
  ctx.nest.stages.push_back(CopyStage(x.dtype, x.sizes, 0, std::move(from), ctx.result_buffer(0),
                                      {0, ctx.results[0].strides}));
  return {};
}

constexpr ir::AttrSpec kFlipAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand,
               {"dims", ir::AttrKind::kIntList, "the axes that turn; absent = all"})};

constinit const ir::OpDef kFlip = {
    .name = "flip",
    .doc =
        "The elements in reverse order along dims: y[.., i, ..] = x[.., n - 1 - i, ..].\n"
        "Shapes: x: [d_0, ...] -> y: [d_0, ...], a new value.\n"
        "Corners: an axis may be named once; rank 0 gives x.",
    .source = "NumPy flip",
    .operands = kOneOperand,
    .attrs = kFlipAttrs,
    .tolerance = kMovesBits,
    .infer = InferFlip,
    .prepare = PrepareFlip,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerFlip},
    .vjp = ir::NotYet(),
};

// ---- roll ---------------------------------------------------------------------------------------

Status InferRoll(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const size_t shifts = ctx.attrs().Ints("shifts").value_or(std::vector<int64_t>()).size();
  const auto dims = ctx.attrs().Ints("dims");
  if (shifts != (dims.has_value() ? dims->size() : 1)) {
    return ctx.Fail(dims.has_value()
                        ? Format("shifts has {} numbers, dims {} axes", shifts, dims->size())
                        : Format("shifts has {} numbers; without dims it takes one", shifts),
                    ErrorId::E508);
  }
  for (int64_t axis : dims.value_or(std::vector<int64_t>())) {
    GCOMP_RETURN_IF_ERROR(ctx.Axis(axis, x.rank(), "dims").status());
  }
  if (x.NumElements().is_poison()) {
    return ctx.Fail(Format("the number of elements of {} overflows 64 bits", ctx.Show(x)),
                    ErrorId::E503);
  }
  ctx.Return(Type::Tensor(x.dtype(), x.dims(), {}, x.device()));
  return {};
}

// Element i of n comes from i - shift mod n: the last shift mod n elements, then the others.
ir::Term RollAxis(ir::DecomposeCtx& ctx, ir::Term x, int64_t axis, int64_t shift) {
  const Expr n = x.size(static_cast<int>(axis));
  if (n.IsConst(0) || shift == 0) return x;
  const auto ranges = ctx.function().Ranger();
  const Expr length = ir::RangeOf(n, ranges).low >= 1 ? n : Expr::Max(n, 1);
  // -shift overflows for the least number; the shift mod n does not.
  const Expr first = shift == INT64_MIN
                         ? Expr::Mod(Expr::Sub(length, Expr::Mod(shift, length)), length)
                         : Expr::Mod(-shift, length);
  if (first.IsConst(0)) return x;
  const Expr dim = axis;
  const ir::Term tail =
      ctx.Call("narrow", {x}, {{"dim", dim}, {"start", first}, {"length", Expr::Sub(n, first)}});
  const ir::Term head =
      ctx.Call("narrow", {x}, {{"dim", dim}, {"start", Expr(0)}, {"length", first}});
  return ctx.Call("concat", {tail, head}, {{"dim", dim}});
}

void DecomposeRoll(ir::DecomposeCtx& ctx) {
  ir::Term x = ctx.operand(0);
  const std::vector<int64_t> shifts = *ctx.attrs().Ints("shifts");
  if (const auto dims = ctx.attrs().Ints("dims")) {
    for (size_t i = 0; i < dims->size() && x.present(); ++i) {
      const int64_t axis = (*dims)[i] < 0 ? (*dims)[i] + x.rank() : (*dims)[i];
      x = RollAxis(ctx, x, axis, shifts[i]);
    }
  } else {
    x = RollAxis(ctx, ctx.Reshape(x, {x.type().NumElements()}), 0, shifts[0]);
    x = ctx.Reshape(x, ctx.result_type().dims());
  }
  // Where nothing was moved, it is x in its own layout still.
  if (x.present() && !x.type().is_contiguous()) x = ctx.Call("contiguous", {x});
  ctx.Return(x);
}

constexpr ir::AttrSpec kRollAttrs[] = {
    {"shifts", ir::AttrKind::kIntList, "how far elements move to higher indices, for each axis",
     ir::AttrSpec::Default::kRequired},
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand,
               {"dims", ir::AttrKind::kIntList,
                "the axes, one for each shift; absent = x in row-major order as one axis"})};

constinit const ir::OpDef kRoll = {
    .name = "roll",
    .doc =
        "The elements moved along dims; what leaves at the end comes in at the start: "
        "y[.., i, ..] = x[.., (i - shift) mod n, ..].\n"
        "Shapes: x: [d_0, ...] -> y: [d_0, ...], a new value.\n"
        "Corners: shifts may be negative or past n; an axis that is named twice moves twice.",
    .source = "NumPy roll",
    .operands = kOneOperand,
    .attrs = kRollAttrs,
    .tolerance = kMovesBits,
    .infer = InferRoll,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeRoll},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(repeat, &kTile, &kRepeat, &kFlip, &kRoll)

}  // namespace gcomp::kernels
