// interpolate: images of another size, by the nearest element or by lines between elements.
#include <string>
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

// ---- Types --------------------------------------------------------------------------------------

Status CheckMode(const InferCtx& ctx, size_t axes) {
  const std::string mode = ctx.attrs().String("mode");
  const bool is_nearest = mode == "nearest";
  if (!is_nearest && mode != "linear" && mode != "bilinear" && mode != "trilinear") {
    return ctx.Fail(Format("mode = \"{}\", but must be \"nearest\", \"linear\", \"bilinear\" or "
                           "\"trilinear\"",
                           mode),
                    ErrorId::E508);
  }
  const size_t wanted = mode == "bilinear" ? 2 : mode == "trilinear" ? 3 : axes;
  if (wanted != axes) {
    return ctx.Fail(Format("mode \"{}\" is for {} spatial axes, x {} has {}", mode, wanted,
                           ctx.Show(ctx.operand(0)), axes),
                    ErrorId::E508);
  }
  if (is_nearest && ctx.attrs().Bool("align_corners")) {
    return ctx.Fail("align_corners has no meaning for mode \"nearest\"", ErrorId::E508);
  }
  if (!is_nearest && !ir::IsFloat(ctx.operand(0).dtype())) {
    return ctx.Fail(Format("mode \"{}\" needs floats, found {}", mode, ctx.Show(ctx.operand(0))));
  }
  return {};
}

Status InferInterpolate(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  if (x.rank() < 3 || x.rank() > 5) {
    return ctx.Fail(
        Format("x must have rank 3, 4 or 5, [n, c, spatial...], found {}", ctx.Show(x)));
  }
  const size_t axes = x.dims().size() - 2;
  const Dims size = ctx.attrs().Sizes("size").value_or(Dims());
  if (size.size() != axes) {
    return ctx.Fail(Format("size lists {} numbers, but x {} has {} spatial axes", size.size(),
                           ctx.Show(x), axes),
                    ErrorId::E508);
  }
  GCOMP_RETURN_IF_ERROR(CheckMode(ctx, axes));
  for (size_t i = 0; i < axes; ++i) {
    if (ir::RangeOf(size[i], ctx.function().Ranger()).high < 0) {
      return ctx.Fail(Format("size {} of spatial axis {} is negative", ctx.Show(size[i]), i),
                      ErrorId::E508);
    }
    if (x.dims()[2 + i].IsConst(0) && !size[i].IsConst(0)) {
      return ctx.Fail(
          Format("spatial axis {} of x {} is empty: nothing to interpolate", i, ctx.Show(x)));
    }
  }
  Dims dims = {x.dims()[0], x.dims()[1]};
  dims.insert(dims.end(), size.begin(), size.end());
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(x.dtype(), std::move(dims), {}, std::move(device)));
  return {};
}

// ---- Formula ------------------------------------------------------------------------------------

// One axis on its way from size `in` to size `out`. Places are fractions of integers, exact.
class AxisWriter {
 public:
  AxisWriter(ir::DecomposeCtx& ctx, int axis, const Expr& in, const Expr& out)
      : ctx_(ctx),
        axis_(axis),
        in_(ctx.SizeValue(in, DType::kI64)),
        out_(ctx.SizeValue(out, DType::kI64)),
        i_(ctx.Iota(DType::kI64, {out}, 0)) {}

  // The element at floor(i * in / out).
  Term Nearest(Term x) { return Pick(x, i_ * in_ / out_); }

  // Between the two elements around the place of i.
  Term Linear(Term x, bool align_corners) {
    // place = num / den: i * (in - 1) / (out - 1), or (i + 0.5) * in / out - 0.5.
    const Term num = align_corners ? i_ * (in_ - 1.0) : AtLeast((2.0 * i_ + 1.0) * in_ - out_, 0);
    const Term den = align_corners ? AtLeast(out_ - 1.0, 1) : 2.0 * out_;
    const Term low = num / den;
    const Term high = ctx_.Call("min", {low + 1.0, in_ - 1.0});
    const Term rest = ctx_.Cast(num - low * den, DType::kF64) / ctx_.Cast(den, DType::kF64);
    const Term a = Pick(x, low);
    const Term b = Pick(x, high);
    const Term weight = ctx_.Reshape(ctx_.Cast(rest, x.dtype()), Column(x));
    // A weight of 0 reads only a, whatever b is.
    const Term is_at_a = ctx_.Call("eq", {weight, ctx_.Literal(0, weight)});
    return ctx_.Select(is_at_a, a, a + weight * (b - a));
  }

 private:
  Term AtLeast(Term x, double least) { return ctx_.Call("max", {x, ctx_.Literal(least, x)}); }

  Term Pick(Term x, Term indices) {
    return ctx_.Call("index_select", {x, indices}, {{"dim", Expr(axis_)}});
  }

  // The sizes with which a value per i broadcasts to the result.
  Dims Column(Term x) const {
    Dims sizes(x.sizes().size() - static_cast<size_t>(axis_), Expr(1));
    if (i_.present()) sizes[0] = i_.size(0);
    return sizes;
  }

  ir::DecomposeCtx& ctx_;
  int axis_;
  Term in_;
  Term out_;
  Term i_;
};

void DecomposeInterpolate(ir::DecomposeCtx& ctx) {
  const bool is_nearest = ctx.attrs().String("mode") == "nearest";
  const bool align_corners = ctx.attrs().Bool("align_corners");
  const Dims size = ctx.attrs().Sizes("size").value_or(Dims());
  Term y = is_nearest ? ctx.operand(0) : ctx.Widened(ctx.operand(0));
  for (size_t i = 0; i < size.size() && y.present(); ++i) {
    const int axis = static_cast<int>(2 + i);
    if (y.size(axis) == size[i]) continue;  // each place is an element
    AxisWriter writer(ctx, axis, y.size(axis), size[i]);
    y = is_nearest ? writer.Nearest(y) : writer.Linear(y, align_corners);
  }
  if (y.present() && !y.type().is_contiguous()) y = ctx.Call("contiguous", {y});
  ctx.Return(y);
}

constexpr ir::OperandSpec kOperands[] = {{.name = "x", .dtypes = ir::kRealDTypes}};
constexpr ir::AttrSpec kAttrs[] = {
    {"size", ir::AttrKind::kSizeList, "size of the result along each spatial axis",
     ir::AttrSpec::Default::kRequired},
    ir::StringAttr("mode", "nearest",
                   "\"nearest\", or \"linear\" (also called \"bilinear\" for two axes and "
                   "\"trilinear\" for three)"),
    ir::BoolAttr("align_corners", false,
                 "linear: first and last elements keep their places, else half-pixel centers")};

constinit const ir::OpDef kInterpolate = {
    .name = "interpolate",
    .doc =
        "Another size for the spatial axes, one axis after the other. Along an axis from d to d' "
        "elements, nearest: y[i] = x[floor(i * d / d')]. Linear: p = max(0, (i + 0.5) * d / d' - "
        "0.5), or i * (d - 1) / (d' - 1) with align_corners (0 where d' = 1); a = x[floor(p)], "
        "b = x[min(floor(p) + 1, d - 1)], w = p - floor(p); y[i] = a + w * (b - a), and a where "
        "w = 0.\n"
        "Shapes: x: [n, c, d...] with 1, 2 or 3 spatial axes -> y: [n, c, d'...].\n"
        "Corners: floor(p) and w are computed from exact integers; an axis that keeps its size "
        "keeps its elements; an empty axis can't grow (E504, or E401 where it is empty at run "
        "time only); linear takes floats, f16 and bf16 in f32, rounded once.",
    .source =
        "PyTorch interpolate; ONNX Resize (asymmetric with floor, align_corners, "
        "half_pixel)",
    .operands = kOperands,
    .attrs = kAttrs,
    .tolerance = {.ulp = 2,
                  .rtol = 1e-6,
                  .reason = "per axis a rounded weight, difference, product and sum, relative to "
                            "the largest element"},
    .infer = InferInterpolate,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeInterpolate},
    .vjp = ir::NotYet(kNoVjpYet),
};

}  // namespace

GCOMP_DEFINE_OPS(interpolate, &kInterpolate)

}  // namespace gcomp::kernels
