// interpolate: images of another size, by the nearest element or by lines between elements.
#include <memory>
#include <string>
#include <utility>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"
#include "kernels/resample.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
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

// ---- Eager --------------------------------------------------------------------------------------

StatusOr<std::unique_ptr<ir::Kernel>> PrepareInterpolate(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& y = ctx.results[0];
  ResampleProblem p;
  p.dtype = x.dtype;
  p.n = x.sizes[0];
  p.c = x.sizes[1];
  p.x_strides = {x.strides[0], x.strides[1], 0, 0, 0};
  const size_t axes = x.sizes.size() - 2;
  for (size_t i = 0; i < axes; ++i) {
    const size_t to = 3 - axes + i;
    p.in[to] = x.sizes[2 + i];
    p.out[to] = y.sizes[2 + i];
    p.x_strides[2 + to] = x.strides[2 + i];
  }
  if (ctx.attrs.String("mode") == "nearest") return PrepareNearest(p, ctx.cpu);
  return PrepareLinear(p, ctx.attrs.Bool("align_corners"), ctx.cpu);
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
    .prepare = PrepareInterpolate,
    .lowering = {.kind = ir::Lowering::Kind::kExternal,
                 .why = "reads at places floor(i * d / d'), which no affine offset gives"},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(interpolate, &kInterpolate)

}  // namespace gcomp::kernels
