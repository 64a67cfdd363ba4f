// Hyperbolic functions, their inverses, and the error function: sinh cosh tanh asinh acosh atanh
// erf.
#include "kernels/all_ops.h"
#include "kernels/math_error.h"
#include "kernels/math_hyperbolic.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

constexpr std::string_view kAnnexF = "kernels/math.h; special values: ISO C17 Annex F";
constexpr ir::Tolerance kTwoUlp{.ulp = 2, .reason = "the function's own bound (kernels/math.h)"};
constexpr double kTwoOverRootPi = 1.1283791670955125739;

GCOMP_UNARY_FN(Sinh, ir::kFloatDTypes, Sinh(x))
GCOMP_UNARY_FN(Cosh, ir::kFloatDTypes, Cosh(x))
GCOMP_UNARY_FN(Tanh, ir::kFloatDTypes, Tanh(x))
GCOMP_UNARY_FN(Asinh, ir::kFloatDTypes, Asinh(x))
GCOMP_UNARY_FN(Acosh, ir::kFloatDTypes, Acosh(x))
GCOMP_UNARY_FN(Atanh, ir::kFloatDTypes, Atanh(x))
GCOMP_UNARY_FN(Erf, ir::kFloatDTypes, Erf(x))

// 1 / sqrt(x^2 - 1) as two roots: the square would overflow.
void VjpOfAcosh(PointwiseVjp& v) {
  ir::Term root = v.Call("sqrt", {v.x() - 1.0}) * v.Call("sqrt", {v.x() + 1.0});
  v.Return(0, v.dy() / root);
}

constexpr ir::OpDef kSinh = Pointwise<SinhFn>({
    .name = "sinh",
    .doc = "Hyperbolic sine: y = sinh(x), of the shape of x. sinh(+-0) = +-0, sinh(+-inf) = +-inf.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * v.Call("cosh", {v.x()})); }>,
});

constexpr ir::OpDef kCosh = Pointwise<CoshFn>({
    .name = "cosh",
    .doc = "Hyperbolic cosine: y = cosh(x), of the shape of x. cosh(+-0) = 1, cosh(+-inf) = inf.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * v.Call("sinh", {v.x()})); }>,
});

constexpr ir::OpDef kTanh = Pointwise<TanhFn>({
    .name = "tanh",
    .doc =
        "Hyperbolic tangent: y = tanh(x), of the shape of x. tanh(+-0) = +-0, tanh(+-inf) = +-1.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * ((1.0 - v.y()) * (1.0 + v.y()))); }>,
});

constexpr ir::OpDef kAsinh = Pointwise<AsinhFn>({
    .name = "asinh",
    .doc = "Inverse hyperbolic sine: y = asinh(x), of the shape of x. asinh(+-0) = +-0, "
           "asinh(+-inf) = +-inf.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() / v.HypotOne(v.x())); }>,
});

constexpr ir::OpDef kAcosh = Pointwise<AcoshFn>({
    .name = "acosh",
    .doc = "Inverse hyperbolic cosine: y = acosh(x) >= 0, of the shape of x. acosh(1) = 0, "
           "acosh(inf) = inf; NaN below 1.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<VjpOfAcosh>,
});

constexpr ir::OpDef kAtanh = Pointwise<AtanhFn>({
    .name = "atanh",
    .doc = "Inverse hyperbolic tangent: y = atanh(x), of the shape of x. atanh(+-0) = +-0, "
           "atanh(+-1) = +-inf; NaN where |x| > 1.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() / ((1.0 - v.x()) * (1.0 + v.x()))); }>,
});

constexpr ir::OpDef kErf = Pointwise<ErfFn>({
    .name = "erf",
    .doc =
        "Error function: y = 2 / sqrt(pi) * integral of e^(-t^2) over t from 0 to x, of the shape "
        "of x. erf(+-0) = +-0, erf(+-inf) = +-1.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      v.Return(0, v.dy() * kTwoOverRootPi * v.Call("exp", {-(v.x() * v.x())}));
    }>,
});

}  // namespace

GCOMP_DEFINE_OPS(hyperbolic, &kSinh, &kCosh, &kTanh, &kAsinh, &kAcosh, &kAtanh, &kErf)

}  // namespace gcomp::kernels
