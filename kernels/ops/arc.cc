// Inverse trigonometric functions: asin acos atan atan2.
#include "kernels/all_ops.h"
#include "kernels/math_arc.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

constexpr std::string_view kAnnexF = "kernels/math.h; special values: ISO C17 Annex F";
constexpr ir::Tolerance kTwoUlp{.ulp = 2, .reason = "the function's own bound (kernels/math.h)"};

GCOMP_UNARY_FN(Asin, ir::kFloatDTypes, Asin(x))
GCOMP_UNARY_FN(Acos, ir::kFloatDTypes, Acos(x))
GCOMP_UNARY_FN(Atan, ir::kFloatDTypes, Atan(x))
GCOMP_BINARY_FN(Atan2, ir::kFloatDTypes, Atan2(a, b))

// 1 / sqrt(1 - x^2), without the cancellation of 1 - x * x.
ir::Term ArcSlope(PointwiseVjp& v) {
  return 1.0 / v.Call("sqrt", {(1.0 - v.x()) * (1.0 + v.x())});
}

// To a: b / (a^2 + b^2), to b: -a / (a^2 + b^2), divided by the greater of the two before anything
// is squared.
void VjpOfAtan2(PointwiseVjp& v) {
  ir::Term a = v.x(0);
  ir::Term b = v.x(1);
  ir::Term flat = v.Call("ge", {v.Call("abs", {b}), v.Call("abs", {a})});
  ir::Term great = v.Select(flat, b, a);
  ir::Term ratio = v.Select(flat, a, b) / great;
  ir::Term norm = great * (1.0 + ratio * ratio);
  ir::Term one = v.Literal(1.0, ratio);
  v.Return(0, v.dy() * (v.Select(flat, one, ratio) / norm));
  v.Return(1, -(v.dy() * (v.Select(flat, ratio, one) / norm)));
}

constexpr ir::OpDef kAsin = Pointwise<AsinFn>({
    .name = "asin",
    .doc = "Arcsine in radians: y = asin(x) in [-pi/2, pi/2], of the shape of x. asin(+-0) = +-0; "
           "NaN where |x| > 1.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * ArcSlope(v)); }>,
});

constexpr ir::OpDef kAcos = Pointwise<AcosFn>({
    .name = "acos",
    .doc = "Arccosine in radians: y = acos(x) in [0, pi], of the shape of x. acos(1) = 0; NaN "
           "where |x| > 1.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, -(v.dy() * ArcSlope(v))); }>,
});

constexpr ir::OpDef kAtan = Pointwise<AtanFn>({
    .name = "atan",
    .doc = "Arctangent in radians: y = atan(x) in [-pi/2, pi/2], of the shape of x. atan(+-0) = "
           "+-0, atan(+-inf) = +-pi/2.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() / (1.0 + v.x() * v.x())); }>,
});

constexpr ir::OpDef kAtan2 = Pointwise<Atan2Fn>({
    .name = "atan2",
    .doc = "Angle of the point (b, a) in radians: y = atan2(a, b) in [-pi, pi], the arctangent of "
           "a / b in the quadrant of the signs of both. Shapes broadcast as in NumPy; dtypes are "
           "equal. Zeros and infinities as in C Annex F. Derivative: NaN at the origin, where "
           "there is none.",
    .source = "kernels/math.h; special values: ISO C17 Annex F, F.10.1.4",
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<VjpOfAtan2>,
});

}  // namespace

GCOMP_DEFINE_OPS(arc, &kAsin, &kAcos, &kAtan, &kAtan2)

}  // namespace gcomp::kernels
