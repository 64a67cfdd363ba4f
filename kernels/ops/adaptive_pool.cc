// adaptive_avg_pool: means of windows that share the spatial axes out evenly.
#include <utility>
#include <vector>

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

Status InferAdaptiveAvgPool(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const std::vector<int64_t> size = ctx.attrs().Ints("size").value_or(std::vector<int64_t>());
  if (x.rank() < 3 || x.rank() > 5) {
    return ctx.Fail(
        Format("x must have rank 3, 4 or 5, [n, c, spatial...], found {}", ctx.Show(x)));
  }
  if (size.size() + 2 != x.dims().size()) {
    return ctx.Fail(Format("size lists {} numbers, but x {} has {} spatial axes", size.size(),
                           ctx.Show(x), x.rank() - 2),
                    ErrorId::E508);
  }
  Dims dims = {x.dims()[0], x.dims()[1]};
  for (int64_t n : size) {
    if (n < 1) return ctx.Fail(Format("size has {}, but must be at least 1", n), ErrorId::E508);
    dims.emplace_back(n);
  }
  ctx.Return(Type::Tensor(x.dtype(), std::move(dims), {}, x.device()));
  return {};
}

// The windows of one spatial axis: window i of n over `in` elements covers floor(i * in / n) to
// before ceil((i + 1) * in / n).
struct AxisWindows {
  Expr in;
  int64_t number;

  // All windows have as many taps, for sure.
  bool is_even() const { return Expr::Mod(in, number).IsConst(0); }

  // At most this many taps.
  Expr MostTaps() const {
    if (is_even()) return Expr::FloorDiv(in, number);
    return Expr::Add(Expr::FloorDiv(Expr::Add(in, number - 1), number), 1);
  }
};

// x with axis `axis` as two axes [windows, taps]. Where windows differ, taps past the end of one
// are 0, and `counts` becomes the number of taps of each, i64[windows, 1].
Term Split(ir::DecomposeCtx& ctx, const AxisWindows& windows, Term x, int axis, Term* counts) {
  if (!x.present()) return x;
  Dims sizes = x.sizes();
  sizes[static_cast<size_t>(axis)] = windows.number;
  sizes.insert(sizes.begin() + axis + 1, windows.MostTaps());
  if (windows.is_even()) return ctx.Reshape(x, sizes);
  const Term in = ctx.SizeValue(windows.in, DType::kI64);
  const Term i = ctx.Iota(DType::kI64, {windows.number, 1}, 0);
  const double n = static_cast<double>(windows.number);
  const Term first = i * in / n;
  const Term end = ((i + 1.0) * in + (n - 1)) / n;
  const Term at = first + ctx.Iota(DType::kI64, {windows.MostTaps()}, 0);
  const Term is_inside = ctx.Call("lt", {at, end});
  const Term index = ctx.Reshape(ctx.Select(is_inside, at, first),
                                 {Expr::Mul(windows.number, windows.MostTaps())});
  const Term taps = ctx.Reshape(ctx.Call("index_select", {x, index}, {{"dim", Expr(axis)}}), sizes);
  Dims mask(sizes.size() - static_cast<size_t>(axis), Expr(1));
  mask[0] = windows.number;
  mask[1] = windows.MostTaps();
  *counts = end - first;
  return ctx.Select(ctx.Reshape(is_inside, mask), taps, ctx.Literal(0, taps));
}

void DecomposeAdaptiveAvgPool(ir::DecomposeCtx& ctx) {
  Term x = ctx.Widened(ctx.operand(0));
  if (!x.present()) return;
  const Dims spatial(x.sizes().begin() + 2, x.sizes().end());
  const std::vector<int64_t> size = ctx.attrs().Ints("size").value_or(std::vector<int64_t>());
  std::vector<int64_t> tap_axes;
  Expr same = 1;  // taps along the axes whose windows have as many
  Term counts;    // taps along the others, broadcasting to the result
  for (size_t i = 0; i < size.size(); ++i) {
    const AxisWindows windows = {spatial[i], size[i]};
    const int axis = static_cast<int>(2 + 2 * i);  // each axis before has become two
    Term own;
    x = Split(ctx, windows, x, axis, &own);
    tap_axes.push_back(axis + 1);
    if (windows.is_even()) {
      same = Expr::Mul(same, windows.MostTaps());
      continue;
    }
    Dims column(size.size() - i, Expr(1));
    column[0] = size[i];
    own = ctx.Reshape(own, column);
    counts = counts.present() ? counts * own : own;
  }
  const Term sum = ctx.ReduceSum(x, tap_axes, false);
  if (!sum.present()) return;
  if (!counts.present()) return ctx.Return(sum / ctx.SizeValue(same, sum.dtype()));
  ctx.Return(sum / ctx.Cast(counts * ctx.SizeValue(same, DType::kI64), sum.dtype()));
}

constexpr ir::OperandSpec kOperands[] = {{.name = "x", .dtypes = ir::kFloatDTypes}};
constexpr ir::AttrSpec kAttrs[] = {{"size", ir::AttrKind::kIntList,
                                    "size of the result along each spatial axis",
                                    ir::AttrSpec::Default::kRequired}};

constinit const ir::OpDef kAdaptiveAvgPool = {
    .name = "adaptive_avg_pool",
    .doc =
        "Means of windows that share each spatial axis out evenly: along an axis from d to d' "
        "elements, window i covers floor(i * d / d') to before ceil((i + 1) * d / d'); y = (sum "
        "over the window) / (its number of elements).\n"
        "Shapes: x: [n, c, d...] with 1, 2 or 3 spatial axes -> y: [n, c, d'...].\n"
        "Corners: d' may exceed d (windows overlap); an empty axis gives NaN, or E401 where its "
        "size is not known to be a multiple of d'; the sum is as reduce_sum's over the taps of all "
        "axes; f16 and bf16 are computed in f32 and rounded once.",
    .source = "PyTorch adaptive_avg_pool2d; ONNX GlobalAveragePool for size 1",
    .operands = kOperands,
    .attrs = kAttrs,
    .tolerance = {.ulp = 1,
                  .rtol = 4e-6,
                  .reason = "a sum by a tree over blocks of at most 64 rounded additions, and one "
                            "division"},
    .infer = InferAdaptiveAvgPool,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeAdaptiveAvgPool},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(adaptive_pool, &kAdaptiveAvgPool)

}  // namespace gcomp::kernels
