// Rounding to integers and kinds of floats: floor ceil round trunc frac isnan isinf isfinite.
#include <limits>
#include <type_traits>

#include "kernels/all_ops.h"
#include "kernels/math_round.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

constexpr ir::Tolerance kExactInteger{.reason = "rounding to an integer is exact"};
constexpr ir::Tolerance kIsExact{.reason = "a comparison is exact"};
constexpr std::string_view kRounding =
    "IEEE 754-2019, 5.9 operations that round to an integral value";
constexpr std::string_view kClasses = "IEEE 754-2019, 5.7.2 general operations";

GCOMP_UNARY_FN(Floor, ir::kFloatDTypes, Floor(x))
GCOMP_UNARY_FN(Ceil, ir::kFloatDTypes, Ceil(x))
GCOMP_UNARY_FN(Round, ir::kFloatDTypes, ir::RoundEven(x))
GCOMP_UNARY_FN(Trunc, ir::kFloatDTypes, Trunc(x))
GCOMP_UNARY_FN(Frac, ir::kFloatDTypes, ir::Sub(x, Trunc(x)))
GCOMP_UNARY_FN(IsNan, ir::kRealDTypes, ir::Ne(x, x))

struct IsInfFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kRealDTypes;

  template <class S>
  GCOMP_INLINE ir::BoolOf<S> operator()(S x) const {
    if constexpr (std::is_floating_point_v<ir::NativeOf<S>>) {
      return ir::Eq(ir::Abs(x), ir::Constant(x, std::numeric_limits<double>::infinity()));
    } else {
      return ir::Ne(x, x);
    }
  }
};

struct IsFiniteFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kRealDTypes;

  template <class S>
  GCOMP_INLINE ir::BoolOf<S> operator()(S x) const {
    if constexpr (std::is_floating_point_v<ir::NativeOf<S>>) {
      return ir::Lt(ir::Abs(x), ir::Constant(x, std::numeric_limits<double>::infinity()));
    } else {
      return ir::Eq(x, x);
    }
  }
};

constexpr ir::Vjp kNoVjp = ir::NotDifferentiable("the result is bool");

constexpr ir::OpDef kFloor = Pointwise<FloorFn>({
    .name = "floor",
    .doc = "The greatest integer not above x, of the shape of x. Zeros, infinities and NaN stay; "
           "floor(x) = -1 in [-1, 0). Derivative: 0.",
    .source = kRounding,
    .tolerance = kExactInteger,
    .vjp = kZeroVjp,
});

constexpr ir::OpDef kCeil = Pointwise<CeilFn>({
    .name = "ceil",
    .doc = "The least integer not below x, of the shape of x. Zeros, infinities and NaN stay; "
           "ceil(x) = -0.0 in (-1, 0). Derivative: 0.",
    .source = kRounding,
    .tolerance = kExactInteger,
    .vjp = kZeroVjp,
});

constexpr ir::OpDef kRound = Pointwise<RoundFn>({
    .name = "round",
    .doc = "The integer nearest to x, halves to the even one; of the shape of x. Zeros, infinities "
           "and NaN stay; round(-0.5) = -0.0. Derivative: 0.",
    .source = kRounding,
    .tolerance = kExactInteger,
    .vjp = kZeroVjp,
});

constexpr ir::OpDef kTrunc = Pointwise<TruncFn>({
    .name = "trunc",
    .doc = "x without its fraction, of the shape of x. Zeros, infinities and NaN stay; trunc(-0.5) "
           "= -0.0. Derivative: 0.",
    .source = kRounding,
    .tolerance = kExactInteger,
    .vjp = kZeroVjp,
});

constexpr ir::OpDef kFrac = Pointwise<FracFn>({
    .name = "frac",
    .doc = "Fraction: y = x - trunc(x), exact, of the shape of x. frac(-1.5) = -0.5; 0.0 for "
           "integers of either sign and zeros; NaN for infinities. Derivative: 1.",
    .source = "the formula",
    .tolerance = {.reason = "the difference of a number and its integer part is exact"},
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy()); }>,
});

constexpr ir::OpDef kIsNan = Pointwise<IsNanFn, &InferPredicate>({
    .name = "isnan",
    .doc = "True where x is NaN, as bool of the shape of x. False for integers and bool.",
    .source = kClasses,
    .tolerance = kIsExact,
    .vjp = kNoVjp,
});

constexpr ir::OpDef kIsInf = Pointwise<IsInfFn, &InferPredicate>({
    .name = "isinf",
    .doc = "True where x is an infinity of either sign, as bool of the shape of x. False for "
           "integers and bool.",
    .source = kClasses,
    .tolerance = kIsExact,
    .vjp = kNoVjp,
});

constexpr ir::OpDef kIsFinite = Pointwise<IsFiniteFn, &InferPredicate>({
    .name = "isfinite",
    .doc = "True where x is neither infinite nor NaN, as bool of the shape of x. True for integers "
           "and bool.",
    .source = kClasses,
    .tolerance = kIsExact,
    .vjp = kNoVjp,
});

}  // namespace

GCOMP_DEFINE_OPS(rounding, &kFloor, &kCeil, &kRound, &kTrunc, &kFrac, &kIsNan, &kIsInf, &kIsFinite)

}  // namespace gcomp::kernels
