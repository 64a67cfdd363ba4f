// sinh, cosh, tanh and their inverses. See kernels/math.h.
//
// Method: odd polynomials where cancellation would cost digits, else exponentials of |x| and
// logarithms of sums kept as pairs.
#pragma once

#include "kernels/math_exp.h"
#include "kernels/math_internal.h"
#include "kernels/math_log.h"

namespace gcomp::kernels {

// (e^x - e^-x) / 2.
template <class S>
GCOMP_INLINE S Sinh(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  S a = ir::Abs(x);
  S t = a * a;
  S p = x;
  // (sinh(sqrt t) / sqrt t - 1) / t on [0, 1]: error 2.0e-10, 3.5e-19.
  if constexpr (kIsF32<S>) {
    p = Horner(t, 2.80633125e-6f, 1.98380956e-4f, 0.0083333397f, 0.166666666f);
  } else {
    p = Horner(t, 7.74627822481071496e-13, 1.60576768827394751e-10, 2.50521177239531979e-8,
               2.75573191912508859e-6, 1.98412698413244708e-4, 0.00833333333333329915,
               0.166666666666666667);
  }
  S half = ScaledExp(a, T{0.5});
  S big = half - T{0.25} / half;
  S small = Fma(a * t, p, a);
  return WithSign(Select(a < T{1}, small, big), x);
}

// (e^x + e^-x) / 2.
template <class S>
GCOMP_INLINE S Cosh(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  S half = ScaledExp(ir::Abs(x), T{0.5});
  return half + T{0.25} / half;
}

namespace math_internal {

// m / (m + 2) with m = e^(2a) - 1 = 2^n - 1 + 2^n (e^(2r) - 1); a >= 0 or NaN.
template <class S>
GCOMP_INLINE S TanhF32(S a) {
  constexpr float kC = kExpm1Scale<float>;
  constexpr float kStart = kMagic<S> + kBias<S>;
  S top = ir::Constant(a, 9.25f);  // above, the result is 1
  a = Select(top < a, top, a);
  S biased = Fma(a, 2 * 1.44269504f, kStart);
  S n = biased - kStart;
  // What ln2 loses is too little to count: n is small where tanh is not next to 1.
  S r = Fma(n, -0.693147182f / 2, a);
  S scale = PowerOfTwo(biased);
  S expm1 = Fma(r, 2 * kC, (r * r) * ExpTail(r, kC, 2));
  S m = Fma(scale, expm1, Fma(scale, kC, ir::Constant(a, -kC)));
  return m / (m + 2 * kC);
}

// An odd polynomial below 0.625, else 1 - 2 e / (1 + e) with e = e^(-2a); a >= 0 or NaN. (The form
// of f32 needs 2.3 ulp here, where 2^n - 1 and the rest cancel.)
template <class S>
GCOMP_INLINE S TanhF64(S a) {
  S e = ExpOfDifference(a * -2.0);
  S big = 1.0 - (e + e) / (1.0 + e);
  // (tanh(sqrt t) / sqrt t - 1) / t on [0, 0.626^2]: error 1.5e-19.
  S t = a * a;
  S p = Horner(t, -0.0000024316497630014688699, 0.0000121937389871305290393,
               -0.0000370651437884622898572, 0.0000960321057427836503636,
               -0.000238886237786378939315, 0.000589981060857245912162, -0.00145582828162658394993,
               0.00359212749545137842429, -0.0088632354990130717036, 0.021869488535103099827,
               -0.0539682539682353095287, 0.133333333333333203072, -0.333333333333333333182);
  return Select(a < 0.625, Fma(a * t, p, a), big);
}

}  // namespace math_internal

// Hyperbolic tangent. Error: below 2 ulp.
template <class S>
GCOMP_INLINE S Tanh(S x) {
  using namespace math_internal;
  S a = ir::Abs(x);
  if constexpr (kIsF32<S>) {
    return WithSign(TanhF32(a), x);
  } else {
    return WithSign(TanhF64(a), x);
  }
}

// The inverse of sinh: log(|x| + sqrt(x^2 + 1)), the sum as a pair.
template <class S>
GCOMP_INLINE S Asinh(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  S a = ir::Abs(x);
  Pair<S> square = TwoProduct(a, a);
  S p = x;
  // (asinh(sqrt t) / sqrt t - 1) / t on [0, 1/4]: error 9.3e-10, 5.9e-19.
  if constexpr (kIsF32<S>) {
    p = Horner(square.hi, 0.00993445135f, -0.0205256325f, 0.0301559514f, -0.044630004f,
               0.0749997285f, -0.166666666f);
  } else {
    p = Horner(square.hi, -0.0014980926997373353, 0.00413728729586639883, -0.00647392691763486039,
               0.00818212444665850168, -0.00972566060076647736, 0.0115474675662261109,
               -0.0139644824860153991, 0.0173527441006325806, -0.0223721583534482059,
               0.03038194442845777, -0.0446428571426765235, 0.074999999999999196,
               -0.166666666666666666);
  }
  S small = Fma(a * square.hi, p, a);
  Pair<S> sum = TwoSum(square.hi, ir::Constant(x, T{1}));
  S root = ir::Sqrt(sum.hi);
  S root_low = (Fma(-root, root, sum.hi) + (sum.lo + square.lo)) / (root + root);
  Pair<S> u = TwoSum(a, root);
  u.lo = u.lo + root_low;
  // Where x^2 + 1 = x^2 to all digits, and x^2 may overflow: log(2 |x|).
  auto huge = ir::Constant(x, T(kIsF32<S> ? 0x1p30 : 0x1p60)) < a;
  S zero = ir::Constant(x, T{0});
  u = {Select(huge, a, u.hi), Select(huge, zero, u.lo)};
  S big = LogOfPair(u, Select(huge, ir::Constant(x, T{1}), zero));
  S result = Select(a < T{0.5}, small, Select(a < kInf<S>, big, a));
  return WithSign(result, x);
}

// The inverse of cosh, for x >= 1 (else NaN): with t = x - 1, log(1 + t + sqrt(2 t + t^2)).
template <class S>
GCOMP_INLINE S Acosh(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  S t = x - T{1};
  Pair<S> square = TwoProduct(t, t);
  Pair<S> sum = TwoSum(t + t, square.hi);
  S root = ir::Sqrt(sum.hi);
  S root_low = (Fma(-root, root, sum.hi) + (sum.lo + square.lo)) / (root + root);
  Pair<S> w = TwoSum(t, root);
  Pair<S> u = TwoSum(ir::Constant(x, T{1}), w.hi);
  u.lo = u.lo + (w.lo + root_low);
  auto huge = ir::Constant(x, T(kIsF32<S> ? 0x1p30 : 0x1p60)) < x;
  S zero = ir::Constant(x, T{0});
  u = {Select(huge, x, u.hi), Select(huge, zero, u.lo)};
  S big = LogOfPair(u, Select(huge, ir::Constant(x, T{1}), zero));
  S finite = Select(x < kInf<S>, big, x);
  S edge = Select(x == T{1}, zero, ir::Constant(x, kNan<S>));
  return Select(ir::Constant(x, T{1}) < x, finite, edge);
}

// The inverse of tanh, inf at 1, NaN past it: log((1 + |x|) / (1 - |x|)) / 2, the quotient as a
// pair.
template <class S>
GCOMP_INLINE S Atanh(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  S a = ir::Abs(x);
  S t = a * a;
  S p = x;
  // (atanh(sqrt t) / sqrt t - 1) / t on [0, 1/4]: error 1.3e-9, 7.3e-18.
  if constexpr (kIsF32<S>) {
    p = Horner(t, 0.156350757f, 0.0408758265f, 0.0975296696f, 0.110507117f, 0.142882922f,
               0.199999592f, 0.333333334f);
  } else {
    p = Horner(t, 0.211151095068411468, -0.144770054510118967, 0.135761491098261851,
               0.0122194942465812549, 0.0544379266793783907, 0.051604446522550285,
               0.0589313825931870907, 0.0666588323265904692, 0.0769234610880506575,
               0.0909090787568851901, 0.111111111340580891, 0.142857142854888446,
               0.200000000000008701, 0.333333333333333328);
  }
  S small = Fma(a * t, p, a);
  S one = ir::Constant(x, T{1});
  Pair<S> top = FastTwoSum(one, a);
  S bottom = one - a;  // exact from 1/2 on
  S quotient = top.hi / bottom;
  S quotient_low = (Fma(-quotient, bottom, top.hi) + top.lo) / bottom;
  S big = LogOfPair(Pair<S>{quotient, quotient_low}, ir::Constant(x, T{0})) * T{0.5};
  S edge = Select(a == T{1}, ir::Constant(x, kInf<S>), ir::Constant(x, kNan<S>));
  S result = Select(a < T{0.5}, small, Select(a < T{1}, big, edge));
  return WithSign(result, x);
}

}  // namespace gcomp::kernels
