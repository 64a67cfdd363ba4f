// log, log1p, log2. See kernels/math.h.
//
// Method: x = 2^k m, sqrt(1/2) <= m < sqrt(2), f = m - 1 (exact); log(1 + f) = f + f^2 (f P(f) -
// 1/2) in f32, and in f64 = f - (f^2/2 - s (f^2/2 + s^2 P(s^2))) with s = f / (2 + f) (P. T. P.
// Tang, "Table-driven implementation of the logarithm function in IEEE floating-point arithmetic",
// 1990, has the series in s).
#pragma once

#include "kernels/math_internal.h"

namespace gcomp::kernels {

namespace math_internal {

// x = 2^k (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1). biased_k: k + bias, an integer.
template <class S>
struct Decomposed {
  S f;
  S k;
  ir::Rebind<S, BitsOf<S>> biased_k;
};

// Requires x positive, normal and finite; f and k mean nothing otherwise.
template <class S>
GCOMP_INLINE Decomposed<S> Decompose(S x) {
  using U = BitsOf<S>;
  using T = NativeOf<S>;
  constexpr U kSqrtHalf = kIsF32<S> ? U{0x3f3504f3} : static_cast<U>(0x3fe6a09e667f3bcd);
  constexpr U kOne = static_cast<U>(kBias<S>) << kMantissaBits<S>;
  auto shifted = ir::Add(ToBits(x), BitsConstant(x, kOne - kSqrtHalf));
  auto biased = ir::Shr(shifted, BitsConstant(x, kMantissaBits<S>));
  // An integer in the low bits of 2^mantissa_bits is added to it.
  constexpr T kPower = static_cast<T>(U{1} << kMantissaBits<S>);
  S k = FromBits<S>(ir::Or(biased, BitsConstant(x, std::bit_cast<U>(kPower)))) -
        (kPower + T(kBias<S>));
  auto mantissa = ir::And(shifted, BitsConstant(x, (U{1} << kMantissaBits<S>)-1));
  S m = FromBits<S>(ir::Add(mantissa, BitsConstant(x, kSqrtHalf)));
  return {m - T{1}, k, biased};
}

// log(1 + f) + low, for f as above: the part that is left after f, `low` a small addend.
template <class S>
GCOMP_INLINE S LogOfMantissa(S f, S low) {
  using T = NativeOf<S>;
  if constexpr (kIsF32<S>) {
    // (log(1 + f) - f + f^2/2) / f^3: error 2.9e-8.
    S p = Horner(f, 0.0697161147f, -0.114797338f, 0.116854199f, -0.124256873f, 0.142490576f,
                 -0.166678023f, 0.200007157f, -0.24999997f, 0.333333312f);
    return Fma(f * f, Fma(f, p, T{-0.5}), f + low);
  } else {
    // (2 atanh(s) / s - 2) / s^2 on s^2 <= 0.02944: error 3.1e-16.
    S half_square = f * T{0.5} * f;
    S s = f / (f + T{2});
    S z = s * s;
    S p = Horner(z, 0.146164496850434059, 0.153317216005560413, 0.181828891252617221,
                 0.222222111347950799, 0.285714286259754849, 0.399999999998995045,
                 0.666666666666666969);
    return f - (half_square - Fma(s, Fma(z, p, half_square), low));
  }
}

// k ln2 + log(1 + f) + low.
template <class S>
GCOMP_INLINE S LogFrom(S k, S f, S low) {
  using T = NativeOf<S>;
  constexpr T kLn2High = static_cast<T>(0.69314718055994530942);
  constexpr T kLn2Low = static_cast<T>(kIsF32<S> ? -1.90465421e-9 : 2.3190468138462995584e-17);
  return Fma(k, kLn2High, LogOfMantissa(f, Fma(k, kLn2Low, low)));
}

// log(u.hi + u.lo) + extra ln2, for normal finite u.hi > 0 not above 2^(bias / 2) unless u.lo
// counts for nothing.
template <class S>
GCOMP_INLINE S LogOfPair(Pair<S> u, S extra) {
  using T = NativeOf<S>;
  Decomposed<S> d = Decompose(u.hi);
  // 2^-k
  S scale = FromBits<S>(ir::Shl(ir::Sub(BitsConstant(u.hi, 2 * kBias<S>), d.biased_k),
                                BitsConstant(u.hi, kMantissaBits<S>)));
  S low = Select(u.hi < T(kIsF32<S> ? 0x1p64 : 0x1p512), u.lo * scale, T{0});
  Pair<S> f = FastTwoSum(d.f, low);
  // log(1 + f + lo) = log(1 + f) + lo / (1 + f), and 1 / (1 + f) = 1 - f nearly enough.
  return LogFrom(d.k + extra, f.hi, Fma(-f.hi, f.lo, f.lo));
}

// `result`, or what a logarithm gives at the ends: -inf where x is 0, NaN below, inf and NaN of
// themselves.
template <class S>
GCOMP_INLINE S WithLogEdges(S x, S result) {
  using T = NativeOf<S>;
  S edge = Select(x == T{0}, ir::Constant(x, -kInf<S>), ir::Constant(x, kNan<S>));
  S finite = Select(x < kInf<S>, result, x);
  return Select(ir::Constant(x, T{0}) < x, finite, edge);
}

// x = number 2^-power, number normal where x is positive and finite.
template <class S>
struct Scaled {
  S number;
  S power;
};

template <class S>
GCOMP_INLINE Scaled<S> ScaleDenormal(S x) {
  using T = NativeOf<S>;
  constexpr T kScale = static_cast<T>(kIsF32<S> ? 0x1p24 : 0x1p53);
  auto small = x < std::numeric_limits<T>::min();
  return {Select(small, x * kScale, x),
          Select(small, ir::Constant(x, T(kMantissaBits<S> + 1)), ir::Constant(x, T{0}))};
}

}  // namespace math_internal

// The natural logarithm.
template <class S>
GCOMP_INLINE S Log(S x) {
  using namespace math_internal;
  Scaled<S> scaled = ScaleDenormal(x);
  Decomposed<S> d = Decompose(scaled.number);
  return WithLogEdges(x, LogFrom(d.k - scaled.power, d.f, ir::Constant(x, NativeOf<S>{0})));
}

// log(1 + x). 1 + x is taken with its rounding error.
template <class S>
GCOMP_INLINE S Log1p(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  S one = ir::Constant(x, T{1});
  Pair<S> u = TwoSum(one, x);
  S result = WithLogEdges(u.hi, LogOfPair(u, ir::Constant(x, T{0})));
  return Select(x == T{0}, x, result);
}

// The logarithm to base 2; exact for powers of two.
template <class S>
GCOMP_INLINE S Log2(S x) {
  using namespace math_internal;
  using T = NativeOf<S>;
  Scaled<S> scaled = ScaleDenormal(x);
  Decomposed<S> d = Decompose(scaled.number);
  S y = LogOfMantissa(d.f, ir::Constant(x, T{0}));
  constexpr T kHigh = static_cast<T>(1.4426950408889634074);
  constexpr T kLow = static_cast<T>(kIsF32<S> ? 1.92596299e-8 : 2.0355273740931033e-17);
  return WithLogEdges(x, Fma(y, kHigh, Fma(y, kLow, d.k - scaled.power)));
}

}  // namespace gcomp::kernels
