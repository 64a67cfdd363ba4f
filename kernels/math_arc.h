// asin, acos, atan, atan2. See kernels/math.h.
//
// Method: odd polynomials on |x| <= 1/2; asin and acos of larger x by asin(x) = pi/2 - 2
// asin(sqrt((1 - x) / 2)); atan of larger x by the addition theorem about pi/4 and pi/2 (Cody and
// Waite, 1980).
#pragma once

#include "kernels/math_internal.h"

namespace gcomp::kernels {

namespace math_internal {

// pi as the sum of two numbers.
template <class S>
inline constexpr NativeOf<S> kPi = static_cast<NativeOf<S>>(3.14159265358979323846);
template <class S>
inline constexpr NativeOf<S> kPiLow = static_cast<NativeOf<S>>(kIsF32<S> ? -8.74227765734758577e-8
                                                                         : 1.22464679914735321e-16);

// (asin(s) / s - 1) / s^2 with t = s^2 <= 1/4: error 4.2e-9, 1.5e-17.
template <class S>
GCOMP_INLINE S AsinTail(S t) {
  if constexpr (kIsF32<S>) {
    return Horner(t, 0.0337007263f, 0.0171437168f, 0.0311017278f, 0.0445993192f, 0.0750009476f,
                  0.166666663f);
  } else {
    return Horner(t, 0.0287784426125930386, -0.0148814093928180634, 0.0174193579648848551,
                  0.00545087818772055068, 0.0103243182887441119, 0.0114789526902573868,
                  0.0139712353011245391, 0.0173523912659092279, 0.0223721730020055974,
                  0.0303819441370852143, 0.0446428571463733809, 0.0749999999999842426,
                  0.166666666666666678);
  }
}

// (atan(s) / s - 1) / s^2 with t = s^2 <= 1/4: error 4.3e-9, 3.8e-18.
template <class S>
GCOMP_INLINE S AtanTail(S t) {
  if constexpr (kIsF32<S>) {
    return Horner(t, 0.0422474998f, -0.0823497628f, 0.11006777f, -0.142797929f, 0.19999875f,
                  -0.333333329f);
  } else {
    return Horner(t, -0.00921106350462792681, 0.0249996895075213673, -0.0380622479499668682,
                  0.0462787008641865389, -0.0524006415441106831, 0.0587957310779968402,
                  -0.0666643514414313693, 0.076922946774826341, -0.0909090861886538885,
                  0.111111111008817609, -0.1428571428559874, 0.199999999999994857,
                  -0.33333333333333333);
  }
}

// The angle in [0, pi] of the point (x, y), y >= 0; x < 0 where `negative`, b = |x|. Not both
// infinite, not both 0.
template <class S>
GCOMP_INLINE S AngleOf(S y, S b, ir::BoolOf<S> negative) {
  using T = NativeOf<S>;
  // atan(y / b) as 0, pi/4 or pi/2 and the atan of a quotient within 1/2; y - b is exact there.
  auto low = y + y < b;
  auto high = b + b <= y;
  S top = Select(low, y, Select(high, -b, y - b));
  S bottom = Select(low, b, Select(high, y, y + b));
  S s = top / bottom;
  S quarters = Select(low, ir::Constant(y, T{0}),
                      Select(high, ir::Constant(y, T{2}), ir::Constant(y, T{1})));
  // pi - angle where x < 0.
  quarters = Select(negative, T{4} - quarters, quarters);
  s = Select(negative, -s, s);
  S t = s * s;
  S tail = Fma(s * t, AtanTail(t), quarters * (kPiLow<S> / 4));
  S base = quarters * (kPi<S> / 4);
  // 3 pi / 4 rounds; the others are exact.
  S lost = Fma(quarters, kPi<S> / 4, -base);
  S high_part = base + s;
  return high_part + (((base - high_part) + s) + (tail + lost));
}

}  // namespace math_internal

// The angle in [-pi/2, pi/2] whose sine is x; NaN outside [-1, 1].
template <class S>
GCOMP_INLINE S Asin(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  S a = ir::Abs(x);
  auto small = a < T{0.5};
  S t = Select(small, a * a, Fma(a, T{-0.5}, T{0.5}));
  S s = Select(small, a, ir::Sqrt(t));
  S p = AsinTail(t);
  S direct = Fma(s * t, p, s);
  S tail = Fma(s * t, p, ir::Constant(x, -kPiLow<S> / 4));
  Pair<S> high = FastTwoSum(ir::Constant(x, kPi<S> / 2), s * T{-2});
  S reflected = high.hi + Fma(ir::Constant(x, T{-2}), tail, high.lo);
  return WithSign(Select(small, direct, reflected), x);
}

// The angle in [0, pi] whose cosine is x; NaN outside [-1, 1].
template <class S>
GCOMP_INLINE S Acos(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  S a = ir::Abs(x);
  auto small = a < T{0.5};
  auto positive = ir::Constant(x, T{0}) < x;
  S t = Select(small, a * a, Fma(a, T{-0.5}, T{0.5}));
  S s = Select(small, x, ir::Sqrt(t));
  // pi/2 - asin(x); 2 asin(s) for x >= 1/2; pi - 2 asin(s) for x <= -1/2.
  S base = Select(small, ir::Constant(x, kPi<S> / 2),
                  Select(positive, ir::Constant(x, T{0}), ir::Constant(x, kPi<S>)));
  S base_low = Select(ir::And(positive, ir::Not(small)), ir::Constant(x, T{0}),
                      ir::Constant(x, kPiLow<S> / 2));
  S factor = Select(small, ir::Constant(x, T{-1}),
                    Select(positive, ir::Constant(x, T{2}), ir::Constant(x, T{-2})));
  return Fma(factor, s + Fma(s * t, AsinTail(t), -base_low), base);
}

// The angle in [-pi/2, pi/2] whose tangent is x.
template <class S>
GCOMP_INLINE S Atan(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  S one = ir::Constant(x, T{1});
  S angle = AngleOf(ir::Abs(x), one, ir::ConstantOf(x, false));
  return WithSign(angle, x);
}

// The angle in [-pi, pi] of the point (x, y); axes, zeros and infinities as in C Annex F.
template <class S>
GCOMP_INLINE S Atan2(S y, S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  S a = ir::Abs(y);
  S b = ir::Abs(x);
  // Both 0: the axis is that of x, as for 0 and 1. Both infinite: as for 1 and 1.
  S larger = Select(a < b, b, a);
  S smaller = Select(a < b, a, b);
  auto infinities = smaller == kInf<S>;
  b = Select(larger == T{0}, ir::Constant(x, T{1}), b);
  b = Select(infinities, ir::Constant(x, T{1}), b);
  a = Select(infinities, ir::Constant(x, T{1}), a);
  // a + b must not overflow; what a smaller one loses by it counts for nothing.
  constexpr T kLarge = static_cast<T>(kIsF32<S> ? 0x1p126 : 0x1p1022);
  S scale = Select(larger < kLarge, ir::Constant(x, T{1}), ir::Constant(x, T{0.25}));
  auto negative = WithSign(ir::Constant(x, T{1}), x) < T{0};
  S angle = WithSign(AngleOf(a * scale, b * scale, negative), y);
  return Select(y == y, Select(x == x, angle, x), y);
}

}  // namespace gcomp::kernels
