// pow and 1 / sqrt. See kernels/math.h.
//
// Method of pow: |x| = 2^k m, sqrt(1/2) <= m < sqrt(2), log2(m) from s = (m - 1) / (m + 1); e = y
// log2|x|; 2^e. f32 goes through f64; f64 keeps s, log2|x| and e as pairs, with a relative error
// below 2^-63 (after F. de Dinechin, C. Lauter and J.-M. Muller, "Fast and correctly rounded
// logarithms in double-precision", 2007).
#pragma once

#include "kernels/math_exp.h"
#include "kernels/math_internal.h"
#include "kernels/math_log.h"

namespace gcomp::kernels {

namespace math_internal {

// The powers x^y of Annex F, given |x|^y.
template <class S>
GCOMP_INLINE S WithPowEdges(S x, S y, S power) {
  using T = NativeOf<S>;
  S half = y * T{0.5};
  auto whole = ir::RoundEven(y) == y;  // infinities are even
  auto odd = ir::And(whole, ir::RoundEven(half) != half);
  S sign = Select(odd, x, ir::Constant(x, T{0}));
  auto negative = ir::And(x < T{0}, ir::Constant(x, -kInf<S>) < x);
  S result =
      Select(ir::And(negative, ir::Not(whole)), ir::Constant(x, kNan<S>), WithSign(power, sign));
  return Select(ir::Or(x == T{1}, y == T{0}), ir::Constant(x, T{1}), result);
}

// log2(a) as a pair, for finite a > 0.
template <class S>
GCOMP_INLINE Pair<S> Log2OfF64(S a) {
  Scaled<S> scaled = ScaleDenormal(a);
  Decomposed<S> d = Decompose(scaled.number);
  // s = f / (2 + f) as a pair, its square and cube.
  Pair<S> bottom = FastTwoSum(ir::Constant(a, 2.0), d.f);
  S s = d.f / bottom.hi;
  S s_low = Fma(-s, bottom.lo, Fma(-s, bottom.hi, d.f)) / bottom.hi;
  Pair<S> z = TwoProduct(s, s);
  z.lo = Fma(s + s, s_low, z.lo);
  Pair<S> cube = TwoProduct(s, z.hi);
  cube.lo = cube.lo + Fma(s, z.lo, s_low * z.hi);
  // 2 s / ln2 + 2 s^3 / (3 ln2) + s^5 P(s^2): error of P 2.7e-18.
  S p = Horner(z.hi, 0.169127875823248922, 0.168885467174023889, 0.19238055945712836,
               0.221952788705961633, 0.262308191467021173, 0.320598897967159682,
               0.412198583111143861, 0.57707801635558536);
  Pair<S> first = Times(Pair<S>{s, s_low}, 2.885390081777926774, 4.07105474818620662e-17);
  Pair<S> third = Times(cube, 0.96179669392597555433, 5.05776166481259068e-17);
  Pair<S> sum = FastTwoSum(first.hi, third.hi);
  S low = sum.lo + (first.lo + Fma(cube.hi * z.hi, p, third.lo));
  Pair<S> result = FastTwoSum(d.k - scaled.power, sum.hi);
  return FastTwoSum(result.hi, result.lo + low);
}

// a^y for a >= 0, a pair of f64.
template <class S>
GCOMP_INLINE S PowOfF64(S a, S y) {
  Pair<S> l = Log2OfF64(a);
  l.hi = Select(a < kInf<S>, l.hi, a);
  l.hi = Select(a == 0.0, ir::Constant(a, -kInf<S>), l.hi);
  // e = y l. An infinite y leaves 1 alone.
  S product = Select(a == 1.0, ir::Constant(a, 0.0), y * l.hi);
  S e = Clamp(product, -1100.0, 1100.0);
  S e_low = Fma(y, l.lo, Fma(y, l.hi, -product));
  e_low = Select(ir::And(e == product, a != 1.0), e_low, 0.0);
  constexpr double kStart = kMagic<S> + 2 * kBias<S>;
  S biased = e + kStart;
  Pair<S> f = FastTwoSum(e - (biased - kStart), e_low);
  Pair<S> r = Times(f, 0.69314718055994528623, 2.31904681384629956e-17);
  S tail = Fma(r.hi, r.lo, r.lo);
  S p = (r.hi + Fma(r.hi * r.hi, ExpTail(r.hi), tail)) + 1.0;
  return ScaleByPowerOfTwo(p, biased);
}

// a^y for f32 a >= 0 and y, as f64 that is still to be rounded.
template <class D>
GCOMP_INLINE D PowOfF32(D a, D y) {
  Decomposed<D> d = Decompose(a);
  D s = d.f / (d.f + 2.0);
  // 2 atanh(s) / (s ln2) on s^2 <= 0.02944: error 5.1e-16.
  D p =
      Horner(s * s, 0.242916085398753495, 0.261444249352291476, 0.320616388132245484,
             0.412198402048275164, 0.577078017246328584, 0.961796693924334559, 2.88539008177792731);
  D l = Fma(s, p, d.k);
  l = Select(a < kInf<D>, l, a);
  l = Select(a == 0.0, ir::Constant(a, -kInf<D>), l);
  D product = Select(a == 1.0, ir::Constant(a, 0.0), y * l);
  D e = Clamp(product, -200.0, 200.0);
  D biased = e + (kMagic<D> + kBias<D>);
  D f = e - (biased - (kMagic<D> + kBias<D>));
  // 2^f on [-1/2, 1/2]: error 2.0e-9.
  D q = Horner(f, 1.54614446985691291e-4, 0.00134004281776158379, 0.00961805667852463808,
               0.0555032722667030206, 0.240226509222887581, 0.693147206702832596, 1.0);
  return q * PowerOfTwo(biased);
}

}  // namespace math_internal

// x^y; special values as in C Annex F: 1 where y is 0 or x is 1, even if the other is NaN.
template <class S>
GCOMP_INLINE S Pow(S x, S y) {
  using namespace math_internal;
  S a = ir::Abs(x);
  if constexpr (kIsF32<S>) {
    auto power = PowOfF32(ir::Convert<double>(a), ir::Convert<double>(y));
    return WithPowEdges(x, y, ir::Convert<float>(power));
  } else {
    // The edges see NaN of y or x in e, which keeps it.
    return WithPowEdges(x, y, PowOfF64(a, y));
  }
}

// 1 / sqrt(x), by the two operations.
template <class S>
GCOMP_INLINE S Rsqrt(S x) {
  return ir::Constant(x, ir::NativeOf<S>{1}) / ir::Sqrt(x);
}

}  // namespace gcomp::kernels
