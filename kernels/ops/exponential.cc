// Exponentials and logarithms: exp expm1 log log1p log2.
#include "kernels/all_ops.h"
#include "kernels/math_exp.h"
#include "kernels/math_log.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

constexpr std::string_view kAnnexF = "kernels/math.h; special values: ISO C17 Annex F";
constexpr ir::Tolerance kTwoUlp{.ulp = 2, .reason = "the function's own bound (kernels/math.h)"};
constexpr double kLn2 = 0.69314718055994530942;

GCOMP_UNARY_FN(Exp, ir::kFloatDTypes, Exp(x))
GCOMP_UNARY_FN(Expm1, ir::kFloatDTypes, Expm1(x))
GCOMP_UNARY_FN(Log, ir::kFloatDTypes, Log(x))
GCOMP_UNARY_FN(Log1p, ir::kFloatDTypes, Log1p(x))
GCOMP_UNARY_FN(Log2, ir::kFloatDTypes, Log2(x))

constexpr ir::OpDef kExp = Pointwise<ExpFn>({
    .name = "exp",
    .doc = "Exponential: y = e^x, of the shape of x. exp(-inf) = 0, exp(inf) = inf; small results "
           "are denormals.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * v.y()); }>,
});

// Not dy (y + 1): that cancels where e^x is small.
constexpr ir::OpDef kExpm1 = Pointwise<Expm1Fn>({
    .name = "expm1",
    .doc = "Exponential less one: y = e^x - 1, accurate near 0; of the shape of x. expm1(+-0) = "
           "+-0, expm1(-inf) = -1, expm1(inf) = inf.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * v.Call("exp", {v.x()})); }>,
});

constexpr ir::OpDef kLog = Pointwise<LogFn>({
    .name = "log",
    .doc = "Natural logarithm: y = ln(x), of the shape of x. NaN below zero; log(+-0) = -inf, "
           "log(1) = 0, log(inf) = inf.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() / v.x()); }>,
});

constexpr ir::OpDef kLog1p = Pointwise<Log1pFn>({
    .name = "log1p",
    .doc = "Natural logarithm of 1 + x, accurate near 0; of the shape of x. NaN below -1; "
           "log1p(+-0) = +-0, log1p(-1) = -inf, log1p(inf) = inf.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() / (1.0 + v.x())); }>,
});

constexpr ir::OpDef kLog2 = Pointwise<Log2Fn>({
    .name = "log2",
    .doc = "Logarithm of base 2: y = log2(x), of the shape of x; exact for powers of two. NaN "
           "below zero; log2(+-0) = -inf, log2(1) = 0, log2(inf) = inf.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * (1.0 / kLn2) / v.x()); }>,
});

}  // namespace

GCOMP_DEFINE_OPS(exponential, &kExp, &kExpm1, &kLog, &kLog1p, &kLog2)

}  // namespace gcomp::kernels
