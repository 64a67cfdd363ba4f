// sin, cos, tan. See kernels/math.h.
//
// Range reduction holds for every x (M. H. Payne and R. N. Hanek, "Radian reduction for
// trigonometric functions", 1983): x times those bits of 2/pi that matter, which the exponent of x
// chooses; higher bits of 2/pi give whole turns.
//   - f32 goes through f64: x * C is exact in two doubles, C one of five windows on 1/pi or 2/pi.
//   - f64: five of 23 chunks of 53 bits, chosen by a barrel shifter of selects; the products and
//     their errors are exact, whole turns are dropped from each, and the rest is summed in pairs.
#pragma once

#include "kernels/math_internal.h"

namespace gcomp::kernels {

namespace math_internal {

// Turns by pi or pi/2: a number of them and a rest.
template <class S>
struct Turns {
  S count;  // kMagic + an integer
  S rest;   // within 0.63
};

// x / pi + shift modulo 2 if kHalf, else 2 x / pi + shift modulo 4, for f32 x >= 0 as a double.
// Windows for x >= 2^b, b = 26, 52, 78, 104, in two doubles: 1/pi modulo 2^(24 - b), or 2/pi modulo
// 2^(25 - b). What is left out gives multiples of 2 or 4, as x is a multiple of 2^(b - 23).
template <bool kHalf, class D>
GCOMP_INLINE Turns<D> TurnsF32(D x, double shift) {
  constexpr double kUnit = kHalf ? 0.5 : 1;
  D high = ir::Constant(x, 0x1.45f306dc9c883p-1 * kUnit);
  D low = ir::Constant(x, -0x1.6b01ec5417056p-55 * kUnit);
  auto window = [&](double from, double h, double l) {
    auto below = x < from;
    high = Select(below, high, ir::Constant(x, h * kUnit));
    low = Select(below, low, ir::Constant(x, l * kUnit));
  };
  window(0x1p26, 0x1.17cc1b727220bp-3, -0x1.ac07b1505c159p-57);
  window(0x1p52, 0x1.c9c882a53f84fp-29, -0x1.4170565911f92p-83);
  window(0x1p78, 0x1.4a7f09d5f47d5p-54, -0x1.6447e493ad4cep-109);
  window(0x1p104, 0x1.57d1f534ddc0ep-80, -0x1.275a99b0ef1bfp-134);
  // Below 2^51, and exact with its error. What the error and x * low add is below 2^-2.
  Pair<D> product = TwoProduct(x, high);
  D count = (product.hi + shift) + kMagic<D>;
  D rest = (product.hi - (count - kMagic<D>)) + shift;
  return {count, rest + Fma(x, low, product.lo)};
}

// sin(pi rest) with the sign that an odd count gives.
template <class D>
GCOMP_INLINE D SinOfHalfTurns(Turns<D> turns) {
  D t = turns.rest * turns.rest;
  // sin(pi f) / f, f^2 <= 0.395: error 8.2e-10.
  D s = turns.rest * Horner(t, -0.0068366856255650275, 0.0819113810092500437, -0.599216754531295793,
                            2.55015962930799135, -5.1677126309220841, 3.14159265277187468);
  auto sign = ir::Shl(ToBits(turns.count), BitsConstant(s, 63));
  return FromBits<D>(ir::Xor(ToBits(s), sign));
}

// An angle: a number of quarter turns and a rest as a pair.
template <class S>
struct Quadrant {
  S count;       // kMagic + an integer
  Pair<S> rest;  // in quarter turns, or in radians: within 0.5 quarter turns or little more
};

// 2/pi = the sum of kTwoOverPi[j] 2^(-53 (j + 1)): its first 1219 bits.
inline constexpr double kTwoOverPi[23] = {
    5734161139222658.0, 5814151408469972.0, 7440259586542284.0, 5563773718881558.0,
    2066796102992750.0, 2563573915284664.0, 55291115753100.0,   5098427330010289.0,
    1465545334474430.0, 5835026907506289.0, 6776677510095004.0, 7069188010357663.0,
    2595984518904818.0, 2831001892290551.0, 4552804911380620.0, 3195225570766134.0,
    4461702110328553.0, 8190251822055336.0, 6397593724909042.0, 8751785341853560.0,
    5811081437509311.0, 3456741467624832.0, 7180050975382879.0};

// a less the multiple of 4 next to or below it; |a| <= 2^53, or 0 <= a < 2^54.
template <class S>
GCOMP_INLINE S ModuloFour(S a, double magic) {
  return a - ((a + magic) - magic);
}

// Chunks q .. q + 4 of 2/pi, where q <= 18 stands in the low bits of `index`.
template <class S, class U>
GCOMP_INLINE void SelectChunks(S like, U index, S (&chunk)[5]) {
  auto bit = [&](uint64_t value) {
    return ir::Ne(ir::And(index, BitsConstant(like, value)), BitsConstant(like, 0));
  };
  auto number = [&](int j) { return ir::Constant(like, j < 23 ? kTwoOverPi[j] : 0.0); };
  auto b16 = bit(16);
  auto b8 = bit(8);
  auto b4 = bit(4);
  auto b2 = bit(2);
  auto b1 = bit(1);
  auto stage16 = [&](int j) {
    return j + 16 < 23 ? Select(b16, number(j + 16), number(j)) : number(j);
  };
  auto stage8 = [&](int j) { return Select(b8, stage16(j + 8), stage16(j)); };
  S s8[12] = {stage8(0), stage8(1), stage8(2), stage8(3), stage8(4),  stage8(5),
              stage8(6), stage8(7), stage8(8), stage8(9), stage8(10), stage8(11)};
  auto stage4 = [&](int j) { return Select(b4, s8[j + 4], s8[j]); };
  S s4[8] = {stage4(0), stage4(1), stage4(2), stage4(3),
             stage4(4), stage4(5), stage4(6), stage4(7)};
  auto stage2 = [&](int j) { return Select(b2, s4[j + 2], s4[j]); };
  S s2[6] = {stage2(0), stage2(1), stage2(2), stage2(3), stage2(4), stage2(5)};
  for (int j = 0; j < 5; ++j) chunk[j] = Select(b1, s2[j + 1], s2[j]);
}

// x * 2/pi modulo 4, rest in quarter turns, for finite f64 x >= 0 that is not tiny.
template <class S>
GCOMP_INLINE Quadrant<S> ReduceToQuadrant(S x) {
  // q: the first chunk whose product with x is not a multiple of 4: (e - 106) / 53 rounded up, with
  // e the exponent of x; (e - 80) / 53 rounded to nearest is the same.
  auto exponent = ir::Shr(ToBits(x), BitsConstant(x, 52));
  S e = FromBits<S>(ir::Or(exponent, BitsConstant(x, 0x4330000000000000))) -
        (4503599627370496.0 + 1023 + 80);
  e = Select(e < 0.0, ir::Constant(x, 0.0), e);
  S biased = Fma(e, 1.0 / 53, kMagic<S>);
  S q = biased - kMagic<S>;
  S chunk[5] = {x, x, x, x, x};
  SelectChunks(x, ToBits(biased), chunk);
  // x 2^(-53 (q + 1))
  S scale = PowerOfTwo(Fma(q, -53.0, ir::Constant(x, kMagic<S> + kBias<S>)));
  S scaled = x * scale * 0x1p-53;
  Pair<S> p0 = TwoProduct(scaled, chunk[0]);
  Pair<S> p1 = TwoProduct(scaled * 0x1p-53, chunk[1]);
  Pair<S> p2 = TwoProduct(scaled * 0x1p-106, chunk[2]);
  Pair<S> p3 = TwoProduct(scaled * 0x1p-159, chunk[3]);
  S p4 = scaled * 0x1p-212 * chunk[4];
  // From 2^54 on p0.hi is a multiple of 4; p0.lo <= 2^53, p1.hi < 2^54; the others are below 2.
  S a = ModuloFour(Select(p0.hi < 0x1p54, p0.hi, 0.0), 0x1p54);
  Pair<S> sum = TwoSum(a, ModuloFour(p0.lo, 0x1.8p54));
  S low = sum.lo;
  sum = TwoSum(sum.hi, ModuloFour(p1.hi, 0x1p54));
  low = low + sum.lo;
  sum = TwoSum(sum.hi, p1.lo);
  low = low + sum.lo;
  sum = TwoSum(sum.hi, p2.hi);
  low = low + sum.lo;
  S count = sum.hi + kMagic<S>;
  S rest = sum.hi - (count - kMagic<S>);
  // Where `rest` cancels to 0, `low` and the next terms are the result; they sum exactly then.
  Pair<S> next = TwoSum(p2.lo, p3.hi);
  Pair<S> total = TwoSum(rest, low + next.hi);
  return {count, {total.hi, total.lo + (next.lo + (p3.lo + p4))}};
}

// sin and cos of an angle within pi/4, as pairs.
template <class S>
struct SinCos {
  Pair<S> sin;
  Pair<S> cos;
};

template <class S>
GCOMP_INLINE SinCos<S> SinCosF64(Pair<S> r) {
  S z = r.hi * r.hi;
  // (sin(r) / r - 1) / r^2 and (cos(r) - 1 + r^2/2) / r^4, r^2 <= 0.63: errors 2.3e-17, 1.4e-18.
  S p = Horner(z, 1.59151383739763298e-10, -2.50510898885000519e-8, 2.75573158990874515e-6,
               -1.98412698363621132e-4, 0.0083333333333306836, -0.166666666666666643);
  S q = Horner(z, -1.1380761312687716e-11, 2.08761200207017857e-9, -2.75573171444446126e-7,
               2.48015872985176696e-5, -0.00138888888888872315, 0.0416666666666666652);
  S half = z * 0.5;
  S one = ir::Constant(z, 1.0);
  Pair<S> s = FastTwoSum(r.hi, Fma(r.hi * z, p, Fma(-half, r.lo, r.lo)));
  Pair<S> c = FastTwoSum(one, -half);
  S tail = Fma(z * z, q, -(r.hi * r.lo)) - Fma(r.hi, r.hi, -z) * 0.5;
  return {s, FastTwoSum(c.hi, c.lo + tail)};
}

// x >= 0 modulo whole turns, rest in radians.
template <class S>
GCOMP_INLINE Quadrant<S> ReduceF64(S x) {
  Quadrant<S> quadrant = ReduceToQuadrant(x);
  Pair<S> angle = Times(quadrant.rest, 1.570796326794896558, 6.12323399573676604e-17);
  auto small = x < 0.78539816339744831;
  return {Select(small, ir::Constant(x, kMagic<S>), quadrant.count),
          {Select(small, x, angle.hi), Select(small, 0.0, angle.lo)}};
}

// Whether bit `index` of a count of turns is set.
template <class S>
GCOMP_INLINE auto BitOfCount(S count, int index) {
  return ir::Ne(ir::And(ToBits(count), BitsConstant(count, BitsOf<S>{1} << index)),
                BitsConstant(count, 0));
}

// The sine of `count` quarter turns and the angle; a cosine is that of one quarter more.
template <class S>
GCOMP_INLINE S SinOfQuadrant(const Quadrant<S>& quadrant) {
  SinCos<S> v = SinCosF64(quadrant.rest);
  S value = Select(BitOfCount(quadrant.count, 0), v.cos.hi + v.cos.lo, v.sin.hi + v.sin.lo);
  auto sign = ir::And(ir::Shl(ToBits(quadrant.count), BitsConstant(value, 62)),
                      BitsConstant(value, kSignBit<S>));
  return FromBits<S>(ir::Xor(ToBits(value), sign));
}

template <class S>
GCOMP_INLINE S WithSignFlipped(S value, S sign) {
  return FromBits<S>(
      ir::Xor(ToBits(value), ir::And(ToBits(sign), BitsConstant(sign, kSignBit<S>))));
}

}  // namespace math_internal

// The sine of x radians.
template <class S>
GCOMP_INLINE S Sin(S x) {
  using namespace math_internal;
  S a = ir::Abs(x);
  if constexpr (kIsF32<S>) {
    auto s = SinOfHalfTurns(TurnsF32<true>(ir::Convert<double>(a), 0.0));
    return WithSignFlipped(ir::Convert<float>(s), x);
  } else {
    return WithSignFlipped(SinOfQuadrant(ReduceF64(a)), x);
  }
}

// The cosine of x radians.
template <class S>
GCOMP_INLINE S Cos(S x) {
  using namespace math_internal;
  S a = ir::Abs(x);
  if constexpr (kIsF32<S>) {
    return ir::Convert<float>(SinOfHalfTurns(TurnsF32<true>(ir::Convert<double>(a), 0.5)));
  } else {
    Quadrant<S> quadrant = ReduceF64(a);
    quadrant.count = quadrant.count + 1.0;
    return SinOfQuadrant(quadrant);
  }
}

// The tangent of x radians: sin / cos, or -cos / sin in odd quadrants.
template <class S>
GCOMP_INLINE S Tan(S x) {
  using namespace math_internal;
  S a = ir::Abs(x);
  if constexpr (kIsF32<S>) {
    auto turns = TurnsF32<false>(ir::Convert<double>(a), 0.0);
    auto t = turns.rest * turns.rest;
    // sin(pi f / 2) / f and cos(pi f / 2), f^2 <= 0.395: errors 1.0e-13, 8.6e-13.
    auto s = turns.rest * Horner(t, -3.5319747890951201e-6, 1.60411553816594062e-4,
                                 -0.00468174807447646075, 0.0796926256854537497,
                                 -0.64596409748726845, 1.57079632679479251);
    auto c = Horner(t, -2.46493746039297659e-5, 9.19015481473790356e-4, -0.0208634307025296355,
                    0.253669503270211983, -1.23370054997944347, 0.999999999999140246);
    auto odd = BitOfCount(turns.count, 0);
    auto tan = Select(odd, -c, s) / Select(odd, s, c);
    return WithSignFlipped(ir::Convert<float>(tan), x);
  } else {
    Quadrant<S> quadrant = ReduceF64(a);
    SinCos<S> v = SinCosF64(quadrant.rest);
    auto odd = BitOfCount(quadrant.count, 0);
    Pair<S> top = {Select(odd, -v.cos.hi, v.sin.hi), Select(odd, -v.cos.lo, v.sin.lo)};
    Pair<S> bottom = {Select(odd, v.sin.hi, v.cos.hi), Select(odd, v.sin.lo, v.cos.lo)};
    S inverse = ir::Constant(x, 1.0) / bottom.hi;
    S tan = top.hi * inverse;
    S residual = Fma(-tan, bottom.hi, top.hi) + Fma(-tan, bottom.lo, top.lo);
    return WithSignFlipped(Fma(residual, inverse, tan), x);
  }
}

}  // namespace gcomp::kernels
