// exp, expm1 and sigmoid. See kernels/math.h.
//
// Method: x = n ln2 + r, |r| <= ln2 / 2, with ln2 split in two and fma (W. J. Cody and W. Waite,
// "Software Manual for the Elementary Functions", 1980); e^r by a polynomial; times 2^n in two
// steps, so that a denormal result rounds once more and no power of two overflows by itself.
#pragma once

#include "kernels/math_internal.h"

namespace gcomp::kernels {

namespace math_internal {

// x = n ln2 + r; biased = kMagic + 2 bias + n.
template <class S>
struct ReducedByLn2 {
  S biased;
  S n;
  S start;  // x - n ln2 with ln2 rounded, exactly
  S r;
};

// kMagic + 2 bias: what x / ln2 is added to.
template <class S>
inline constexpr NativeOf<S> kReduceStart = kMagic<S> + 2 * kBias<S>;

// x / ln2, rounded, in the low bits. Requires |x| < 2^11 (2^13), or NaN, to mean that.
template <class S>
GCOMP_INLINE S RoundedByLn2(S x) {
  return Fma(x, static_cast<NativeOf<S>>(1.4426950408889634074), kReduceStart<S>);
}

// The rounded ln2 less ln2.
template <class S>
inline constexpr NativeOf<S> kLn2Rest = static_cast<NativeOf<S>>(kIsF32<S>
                                                                     ? 1.90465421e-9
                                                                     : -2.3190468138462995584e-17);

template <class S>
GCOMP_INLINE ReducedByLn2<S> ReduceByLn2(S x, S biased) {
  S n = biased - kReduceStart<S>;
  S start = Fma(n, static_cast<NativeOf<S>>(-0.69314718055994530942), x);
  return {biased, n, start, Fma(n, kLn2Rest<S>, start)};
}

// scale (e^(step r) - 1 - step r) / r^2, for |step r| <= ln2 / 2. As it is: error 6.5e-8, 1.0e-16.
template <class S>
GCOMP_INLINE S ExpTail(S r, double scale = 1, double step = 1) {
  const double c = scale * step * step;
  const double step2 = step * step, step4 = step2 * step2, step8 = step4 * step4;
  if constexpr (kIsF32<S>) {
    return Horner(r, 0.00139261761f * c * step4, 0.00836317307f * c * step2 * step,
                  0.0416665547f * c * step2, 0.16666577f * c * step, 0.5f * c);
  } else {
    return Horner(r, 2.51003758325612337e-8 * c * step8 * step, 2.76200758799833666e-7 * c * step8,
                  2.75572684803100255e-6 * c * step4 * step2 * step,
                  2.48015213223686933e-5 * c * step4 * step2,
                  1.98412698630405453e-4 * c * step4 * step, 0.00138888889171967191 * c * step4,
                  0.00833333333333006445 * c * step2 * step, 0.0416666666666241619 * c * step2,
                  0.166666666666666675 * c * step, 0.500000000000000102 * c);
  }
}

// What numerator and denominator of a quotient of exponentials are both times: so that where the
// denominator is rounded, its significand is not next to 1, where an error weighs the most.
template <class T>
inline constexpr T kExpm1Scale = T{0.75};

// p 2^n for n >= -2 bias + 2 below 2 bias; biased = kMagic + 2 bias + n.
template <class S>
GCOMP_INLINE S ScaleByPowerOfTwo(S p, S biased) {
  // 2^n = 2^h 2^(n - h), h = n / 2 rounded down. Above its exponent field a shifted word holds
  // remains of kMagic, which the shift to the left drops.
  auto bits = ToBits(biased);
  auto half = ir::Shr(bits, BitsConstant(p, 1));
  auto width = BitsConstant(p, kMantissaBits<S>);
  S first = FromBits<S>(ir::Shl(half, width));
  S second = FromBits<S>(ir::Shl(ir::Sub(bits, half), width));
  return p * first * second;
}

// factor e^x from the reduced x.
template <class S>
GCOMP_INLINE S ExpOfReduced(ReducedByLn2<S> x, NativeOf<S> factor) {
  using T = NativeOf<S>;
  S p = Fma(Fma(ExpTail(x.r), x.r, T{1}), x.r, T{1});
  if (factor != 1) p = p * factor;
  return ScaleByPowerOfTwo(p, x.biased);
}

// factor e^x, for factor 1 or 1/2.
template <class S>
GCOMP_INLINE S ScaledExp(S x, NativeOf<S> factor) {
  using T = NativeOf<S>;
  using I = std::make_signed_t<BitsOf<S>>;
  // Below, the result is 0.
  constexpr T kLow = kIsF32<S> ? -105 : -746;
  S c = Select(x < kLow, ir::Constant(x, kLow), x);
  // Above, n stays where e^x overflows, also when it is halved, and r grows with x: e^r comes out
  // large and positive. The integers order as the positive floats whose bits they are.
  auto most = ir::ConstantOf(x, std::bit_cast<I>(kReduceStart<S> + (kBias<S> + 3)));
  S biased = FromBits<S>(ir::Min(ir::Bitcast<I>(RoundedByLn2(c)), most));
  return ExpOfReduced(ReduceByLn2(c, biased), factor);
}

}  // namespace math_internal

// e^x.
template <class S>
GCOMP_INLINE S Exp(S x) {
  return math_internal::ScaledExp(x, 1);
}

// e^x as p * scale: p about 1, scale a power of two.
template <class S>
struct ExpParts {
  S p;
  S scale;
};

// From here to 0, e^x is a normal number.
template <class T>
inline constexpr T kLeastNormalExp = static_cast<T>(math_internal::kIsF32<T> ? -87 : -708);

// ExpOfDifference(x) = p * scale 2^-kShift for x in [-105, 0] ([-746, 0] in f64) or NaN. Without a
// shift p * scale is exact from kLeastNormalExp on. An odd kShift is even with the bias, so that
// halves would round to even n; but for x so small no x / ln2 is one.
template <int kShift = 0, class S>
GCOMP_INLINE ExpParts<S> PartsOfExpOfDifference(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  constexpr T kStart = kMagic<S> + (kBias<S> + kShift);
  S biased = Fma(x, static_cast<T>(1.4426950408889634074), kStart);
  S n = biased - kStart;
  S r = Fma(n, static_cast<T>(-0.69314718055994530942), x);
  // The rest of ln2: in f32 it is 2.8e-9 |x| at most, while x was rounded by up to 6e-8 |x|.
  if constexpr (!kIsF32<S>) r = Fma(n, kLn2Rest<S>, r);
  return {Fma(Fma(ExpTail(r), r, T{1}), r, T{1}), PowerOfTwo(biased)};
}

// e^x for a difference x = a - b <= 0, or NaN, in fewer steps than Exp: n is at most 0, so 2^n is
// 2^(n + c) times the constant 2^-c, and the first product is never denormal. Error: that of Exp,
// in f32 and 2.8e-9 |x| of the result, less than what rounding x has cost; in f64 it has the bits
// of Exp. What it gives for x > 0 is nothing.
template <class S>
GCOMP_INLINE S ExpOfDifference(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  constexpr T kLow = kIsF32<S> ? -105 : -746;  // below, the result is 0
  constexpr int kShift = kIsF32<S> ? 65 : 513;
  constexpr T kBack = static_cast<T>(kIsF32<S> ? 0x1p-65 : 0x1p-513);
  ExpParts<S> e = PartsOfExpOfDifference<kShift>(Select(x < kLow, ir::Constant(x, kLow), x));
  return e.p * e.scale * kBack;
}

// e^x - 1, as 2^n - 1 + 2^n (e^r - 1); everything is halved so that 2^n does not overflow.
template <class S>
GCOMP_INLINE S Expm1(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  // The result is -1 below, inf above.
  S c = Clamp(x, T(kIsF32<S> ? -20 : -40), T(kIsF32<S> ? 89 : 710));
  ReducedByLn2<S> reduced = ReduceByLn2(c, RoundedByLn2(c));
  S r = reduced.r;
  // With what r lost by rounding.
  S lost = Fma(reduced.n, kLn2Rest<S>, reduced.start - r);
  S tail = Fma(r * r, ExpTail(r), lost);
  // The bits shifted out take with them what is left of 2 bias.
  S scale = PowerOfTwo(reduced.biased - T(kBias<S> + 1));
  S start = scale - T{0.5};
  S high = Fma(scale, r, start);
  S low = Fma(scale, r, start - high);
  S sum = high + Fma(scale, tail, low);
  S result = Select(scale == T{0.5}, r + tail, sum + sum);
  return Select(x == T{0}, x, result);
}

// 1 / (1 + e^-x), as c / (c + c e^-x) with a c for which the exponential does not overflow.
template <class S>
GCOMP_INLINE S Sigmoid(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  // c e^-x is never denormal and never overflows: below the first border sigmoid is 1, past the
  // second it is 0. Even with the bias: then the magic number rounds halves to even n.
  constexpr int kShift = kIsF32<S> ? 27 : 61;
  constexpr T kC = static_cast<T>(kIsF32<S> ? 0x1p-27f : 0x1p-61);
  constexpr T kStart = kMagic<S> + (kBias<S> - kShift);
  S minus =
      Clamp(-x, static_cast<T>(kIsF32<S> ? -68 : -660), static_cast<T>(kIsF32<S> ? 105 : 746));
  S biased = Fma(minus, static_cast<T>(1.4426950408889634074), kStart);
  S n = biased - kStart;
  S r = Fma(n, kLn2Rest<S>, Fma(n, static_cast<T>(-0.69314718055994530942), minus));
  // 2^n e^r = 2^n + 2^n (e^r - 1): e^r itself is never rounded. All is times kExpm1Scale.
  S scale = PowerOfTwo(biased);
  S expm1 = Fma(r, kExpm1Scale<T>, (r * r) * ExpTail(r, kExpm1Scale<T>));
  S start = Fma(scale, kExpm1Scale<T>, ir::Constant(x, kC * kExpm1Scale<T>));
  return ir::Constant(x, kC * kExpm1Scale<T>) / Fma(scale, expm1, start);
}

}  // namespace gcomp::kernels
