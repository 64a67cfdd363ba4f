// Trigonometric functions: sin cos tan.
#include "kernels/all_ops.h"
#include "kernels/math_trig.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

constexpr std::string_view kAnnexF = "kernels/math.h; special values: ISO C17 Annex F";
constexpr ir::Tolerance kTwoUlp{.ulp = 2, .reason = "the function's own bound (kernels/math.h)"};

GCOMP_UNARY_FN(Sin, ir::kFloatDTypes, Sin(x))
GCOMP_UNARY_FN(Cos, ir::kFloatDTypes, Cos(x))
GCOMP_UNARY_FN(Tan, ir::kFloatDTypes, Tan(x))

constexpr ir::OpDef kSin = Pointwise<SinFn>({
    .name = "sin",
    .doc = "Sine: y = sin(x), x in radians, of the shape of x. sin(+-0) = +-0; NaN for infinities.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * v.Call("cos", {v.x()})); }>,
});

constexpr ir::OpDef kCos = Pointwise<CosFn>({
    .name = "cos",
    .doc = "Cosine: y = cos(x), x in radians, of the shape of x. cos(+-0) = 1; NaN for infinities.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * -v.Call("sin", {v.x()})); }>,
});

constexpr ir::OpDef kTan = Pointwise<TanFn>({
    .name = "tan",
    .doc = "Tangent: y = tan(x), x in radians, of the shape of x. tan(+-0) = +-0; NaN for "
           "infinities.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * (1.0 + v.y() * v.y())); }>,
});

}  // namespace

GCOMP_DEFINE_OPS(trigonometric, &kSin, &kCos, &kTan)

}  // namespace gcomp::kernels
