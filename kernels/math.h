// Elementary functions for `exact` ops, generic in the scalar type, by primitives alone: exp, tanh,
// sigmoid, erf. The eager loops, the slow evaluator and every generated kernel run this one text,
// so they agree bit for bit; there is no libm behind it.
//
// Accuracy: at most 2 units in the last place, over all inputs, f32 and f64 (measured by
// tests/unit/kernels_math_test.cc against long double). Special values as in C Annex F: exp(-inf) =
// 0, tanh and erf of +-0 and +-inf are +-0 and +-1, NaN gives NaN; overflow is inf, and results
// below the normal range are denormals, not 0. f16 and bf16 go through f32.
//
// No branches: every path is computed and selected, so that loops vectorize.
//
// Method: exp reduces x = n ln2 + r, |r| <= ln2 / 2, with ln2 split in two (Cody and Waite,
// "Software Manual for the Elementary Functions", 1980) and fma, evaluates a polynomial in r, and
// scales by 2^n in two steps so that denormal results round once (the rounding error of r is
// carried along). The polynomials in decimal are our own: Chebyshev interpolation in 60 digits
// (mpmath.chebyfit) on the interval named beside each, with the error that it reports; those
// written as fractions are Taylor's.
#pragma once

#include <cstdint>
#include <type_traits>

#include "ir/scalar.h"

namespace gcomp::kernels {

namespace math_internal {

template <class S>
GCOMP_INLINE S HornerFrom(S /*x*/, S sum) {
  return sum;
}

template <class S, class T, class... Rest>
GCOMP_INLINE S HornerFrom(S x, S sum, T next, Rest... rest) {
  return HornerFrom(x, ir::Fma(sum, x, ir::Constant(x, next)), rest...);
}

// The polynomial with the given coefficients, highest power first.
template <class S, class T, class... Rest>
GCOMP_INLINE S Horner(S x, T first, Rest... rest) {
  return HornerFrom(x, ir::Constant(x, first), rest...);
}

template <class S>
inline constexpr bool kIsF32 = std::is_same_v<ir::NativeOf<S>, float>;

// The signed integer as wide as the float S.
template <class S>
using IntOf = ir::Rebind<S, std::conditional_t<kIsF32<S>, int32_t, int64_t>>;

// magnitude with the sign of `sign`; magnitude >= 0 or NaN.
template <class S>
GCOMP_INLINE S WithSign(S magnitude, S sign) {
  using I = ir::NativeOf<IntOf<S>>;
  auto bit = ir::And(ir::Bitcast<I>(sign), ir::ConstantOf(sign, std::numeric_limits<I>::min()));
  return ir::Bitcast<ir::NativeOf<S>>(ir::Or(ir::Bitcast<I>(magnitude), bit));
}

// x forced into [low, high]; NaN stays.
template <class S, class T>
GCOMP_INLINE S Clamp(S x, T low, T high) {
  S l = ir::Constant(x, low);
  S h = ir::Constant(x, high);
  S above = ir::Select(ir::Lt(x, l), l, x);
  return ir::Select(ir::Lt(h, above), h, above);
}

// 2^n, where magic_plus_n = 1.5 * 2^mantissa_bits + n holds the integer n in its low bits, and
// magic_minus_bias is the pattern of 1.5 * 2^mantissa_bits less the bias of exponents.
template <class S, class I>
GCOMP_INLINE S PowerOfTwo(S magic_plus_n, I magic_minus_bias, I mantissa_bits) {
  auto n = ir::Sub(ir::Bitcast<I>(magic_plus_n), ir::ConstantOf(magic_plus_n, magic_minus_bias));
  return ir::Bitcast<ir::NativeOf<S>>(ir::Shl(n, ir::ConstantOf(magic_plus_n, mantissa_bits)));
}

}  // namespace math_internal

// e^x. Error: below 1 ulp.
template <class S>
GCOMP_INLINE S Exp(S x) {
  using math_internal::Horner;
  using math_internal::PowerOfTwo;
  if constexpr (math_internal::kIsF32<S>) {
    // Past these, the result is 0 or inf all the same.
    S c = math_internal::Clamp(x, -105.0f, 89.0f);
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
    S magic = ir::Constant(x, 12582912.0f);
    S t = ir::Fma(c, ir::Constant(x, 1.44269504f), magic);
    S n = ir::Sub(t, magic);
    S exact = ir::Fma(n, ir::Constant(x, -0.693147182f), c);
    S r = ir::Fma(n, ir::Constant(x, 1.90465421e-9f), exact);
    S rest = ir::Fma(n, ir::Constant(x, 1.90465421e-9f), ir::Sub(exact, r));
    // (e^r - 1 - r) / r^2 on [-ln2/2, ln2/2], error 6.5e-8.
    S p = Horner(r, 0.00139261835877134945f, 0.00836317905272257737f, 0.0416665546172045742f,
                 0.166665769896987757f, 0.5f);
    // 1 + r + r^2 p, with what 1 + r loses carried along.
    S one = ir::Constant(x, 1.0f);
    S high = ir::Add(one, r);
    S low = ir::Add(ir::Sub(r, ir::Sub(high, one)), rest);
    p = ir::Add(high, ir::Fma(ir::Mul(r, r), p, low));
    // 2^n = 2^h * 2^(n - h), h = n / 2 rounded.
    S th = ir::Fma(n, ir::Constant(x, 0.5f), magic);
    S tl = ir::Add(ir::Sub(n, ir::Sub(th, magic)), magic);
    constexpr int32_t kMagicMinusBias = 0x4b400000 - 127;
    S scaled = ir::Mul(p, PowerOfTwo(th, kMagicMinusBias, int32_t{23}));
    return ir::Mul(scaled, PowerOfTwo(tl, kMagicMinusBias, int32_t{23}));
  } else {
    S c = math_internal::Clamp(x, -746.0, 710.0);
    S magic = ir::Constant(x, 6755399441055744.0);  // 1.5 * 2^52
    S t = ir::Fma(c, ir::Constant(x, 1.4426950408889634074), magic);
    S n = ir::Sub(t, magic);
    S exact = ir::Fma(n, ir::Constant(x, -0.69314718055994530942), c);
    S r = ir::Fma(n, ir::Constant(x, -2.3190468138462995584e-17), exact);
    S rest = ir::Fma(n, ir::Constant(x, -2.3190468138462995584e-17), ir::Sub(exact, r));
    // Taylor to r^13: the next term is 4e-18 at ln2/2.
    S p = Horner(r, 1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880,
                 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5);
    // 1 + r + r^2 p, with what 1 + r loses carried along.
    S one = ir::Constant(x, 1.0);
    S high = ir::Add(one, r);
    S low = ir::Add(ir::Sub(r, ir::Sub(high, one)), rest);
    p = ir::Add(high, ir::Fma(ir::Mul(r, r), p, low));
    S th = ir::Fma(n, ir::Constant(x, 0.5), magic);
    S tl = ir::Add(ir::Sub(n, ir::Sub(th, magic)), magic);
    constexpr int64_t kMagicMinusBias = 0x4338000000000000 - 1023;
    S scaled = ir::Mul(p, PowerOfTwo(th, kMagicMinusBias, int64_t{52}));
    return ir::Mul(scaled, PowerOfTwo(tl, kMagicMinusBias, int64_t{52}));
  }
}

// Hyperbolic tangent: an odd polynomial below 0.625, else 1 - 2 / (e^(2|x|) + 1). Error: below 2
// ulp.
template <class S>
GCOMP_INLINE S Tanh(S x) {
  using T = ir::NativeOf<S>;
  S a = ir::Abs(x);
  S t = ir::Mul(a, a);
  S one = ir::Constant(x, T{1});
  S big = ir::Sub(one, ir::Div(ir::Constant(x, T{2}), ir::Add(Exp(ir::Add(a, a)), one)));
  S p = ir::Constant(x, T{0});
  // (tanh(sqrt t) / sqrt t - 1) / t on [0, 0.626^2]: error 1.6e-9, 1.5e-19.
  if constexpr (math_internal::kIsF32<S>) {
    p = math_internal::Horner(t, 0.00228962618631162251f, -0.00834118892542917396f,
                              0.0217680754958552910f, -0.0539591558022319023f,
                              0.133333031179909529f, -0.333333331692415801f);
  } else {
    p = math_internal::Horner(
        t, -0.0000024316497630014688699, 0.0000121937389871305290393, -0.0000370651437884622898572,
        0.0000960321057427836503636, -0.000238886237786378939315, 0.000589981060857245912162,
        -0.00145582828162658394993, 0.00359212749545137842429, -0.0088632354990130717036,
        0.021869488535103099827, -0.0539682539682353095287, 0.133333333333333203072,
        -0.333333333333333333182);
  }
  S small = ir::Fma(ir::Mul(a, t), p, a);
  return math_internal::WithSign(ir::Select(ir::Lt(a, ir::Constant(x, T{0.625})), small, big), x);
}

// 1 / (1 + e^-x), as e^x / (1 + e^x) for x < 0: keeps small results. Error: below 2 ulp.
template <class S>
GCOMP_INLINE S Sigmoid(S x) {
  using T = ir::NativeOf<S>;
  S one = ir::Constant(x, T{1});
  S e = Exp(ir::Neg(ir::Abs(x)));
  S top = ir::Select(ir::Lt(x, ir::Constant(x, T{0})), e, one);
  S d = ir::Add(one, e);
  S lost = ir::Sub(e, ir::Sub(d, one));
  S inverse = ir::Div(one, d);
  S q = ir::Mul(top, inverse);
  // One Newton step: q + (top - q (d + lost)) / d.
  S minus_q = ir::Neg(q);
  S residual = ir::Fma(minus_q, lost, ir::Fma(minus_q, d, top));
  return ir::Fma(residual, inverse, q);
}

// The error function 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x: an odd polynomial below 1,
// else 1 - e^q(|x|) with q the logarithm of erfc. Error: below 2 ulp.
template <class S>
GCOMP_INLINE S Erf(S x) {
  using T = ir::NativeOf<S>;
  using math_internal::Horner;
  S a = ir::Abs(x);
  S t = ir::Mul(a, a);
  S p = ir::Constant(x, T{0});
  S q = ir::Constant(x, T{0});
  if constexpr (math_internal::kIsF32<S>) {
    // erf(sqrt t) / sqrt t - 1 on [0, 1.001], error 1.2e-9.
    p = Horner(t, 0.0000787258276223484561f, -0.000801595618970626455f, 0.00518899422421701595f,
               -0.0268541683355871042f, 0.112835938005972237f, -0.376126265976830510f,
               0.128379165840061867f);
    // log erfc on [1, 4], error 1.7e-8; erf rounds to 1 above.
    S b = ir::Select(ir::Lt(ir::Constant(x, 4.0f), a), ir::Constant(x, 4.0f), a);
    q = Horner(b, 0.00000163715141459364356f, -0.0000460580426891897792f, 0.000596805625660779706f,
               -0.00475959629326626465f, 0.0264211360056638967f, -0.110080082948820247f,
               -0.631826051559163014f, -1.13023343484199403f, 0.000320138049677698837f);
  } else {
    // The same on [0, 1.001], error 2.2e-21.
    p = Horner(t, -4.22901170898919761033e-12, 8.70783494894994939234e-11,
               -1.21642256548178638337e-9, 1.47923474994139079107e-8, -1.63646366048021706425e-7,
               0.0000016462045054724142774, -0.0000149256475490758866276,
               0.000120553329022883811581, -0.000854832702192177352853, 0.00522397762542311664178,
               -0.0268661706451298258151, 0.112837916709551201717, -0.376126389031837523775,
               0.128379167095512573894);
    // log erfc about 1.75 on [1, 2.5], error 4.2e-17, and about 4.25 on [2.5, 6], error 2e-14 where
    // erfc is below 4.1e-4; erf rounds to 1 above.
    S b = ir::Select(ir::Lt(ir::Constant(x, 6.0), a), ir::Constant(x, 6.0), a);
    S u = ir::Sub(b, ir::Constant(x, 1.75));
    S v = ir::Sub(b, ir::Constant(x, 4.25));
    S near = Horner(u, -3.39604109807197871e-10, 4.92078132659054698e-10, 2.85465236165622726e-9,
                    -2.33098492186518047e-8, 1.13111705267767919e-7, -4.01816975153937024e-7,
                    8.90858891412201366e-7, 8.27489756372102475e-7, -0.0000237414629197117458,
                    0.000174523068805368116, -0.000964098649019436229, 0.00462493049857739777,
                    -0.0205388403816389593, -0.909940166496728529, -3.95961090081341541,
                    -4.3178635254332227);
    S far = Horner(v, 2.78862879137653141e-13, -9.98162820840364582e-13, -2.84750132105650159e-12,
                   4.79792160205698498e-11, -4.67859965284530279e-10, 4.04213490847317338e-9,
                   -3.15472473372594709e-8, 2.30210191067567956e-7, -1.60672989279560229e-6,
                   0.0000108792413464155979, -0.000072379835769029133, 0.000480528760429556817,
                   -0.00326374427918750292, -0.976084576397464871, -8.72377571552193431,
                   -20.107769901469693);
    q = ir::Select(ir::Lt(b, ir::Constant(x, 2.5)), near, far);
  }
  S one = ir::Constant(x, T{1});
  S small = ir::Fma(a, p, a);
  S big = ir::Sub(one, Exp(q));
  return math_internal::WithSign(ir::Select(ir::Lt(a, one), small, big), x);
}

}  // namespace gcomp::kernels
