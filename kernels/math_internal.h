// What the elementary functions of kernels/math_*.h share: polynomials, bits of floats, and sums
// and products with their rounding errors (T. J. Dekker, "A floating-point technique for extending
// the available precision", 1971; D. E. Knuth, "The Art of Computer Programming", vol. 2, 4.2.2).
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ir/scalar.h"
#include "kernels/scalar_operators.h"

namespace gcomp::kernels::math_internal {

using ir::Fma;
using ir::NativeOf;
using ir::Select;

template <class S>
GCOMP_INLINE S HornerFrom(S /*x*/, S sum) {
  return sum;
}

template <class S, class T, class... Rest>
GCOMP_INLINE S HornerFrom(S x, S sum, T next, Rest... rest) {
  return HornerFrom(x, Fma(sum, x, static_cast<NativeOf<S>>(next)), rest...);
}

// The polynomial with the given coefficients, highest power first.
template <class S, class T, class... Rest>
GCOMP_INLINE S Horner(S x, T first, Rest... rest) {
  return HornerFrom(x, ir::Constant(x, first), rest...);
}

template <class S>
inline constexpr bool kIsF32 = std::is_same_v<NativeOf<S>, float>;

// The unsigned integer as wide as the float S, as a native type.
template <class S>
using BitsOf = std::conditional_t<kIsF32<S>, uint32_t, uint64_t>;

// Explicit bits of the significand, and the bias of the exponent.
template <class S>
inline constexpr int kMantissaBits = kIsF32<S> ? 23 : 52;
template <class S>
inline constexpr int kBias = kIsF32<S> ? 127 : 1023;

template <class S>
inline constexpr NativeOf<S> kInf = std::numeric_limits<NativeOf<S>>::infinity();
template <class S>
inline constexpr NativeOf<S> kNan = std::numeric_limits<NativeOf<S>>::quiet_NaN();

template <class S>
GCOMP_INLINE auto ToBits(S x) {
  return ir::Bitcast<BitsOf<S>>(x);
}

// The float with the given bits.
template <class S, class U>
GCOMP_INLINE S FromBits(U bits) {
  return ir::Bitcast<NativeOf<S>>(bits);
}

// An integer constant as wide as the float S.
template <class S>
GCOMP_INLINE auto BitsConstant(const S& like, BitsOf<S> value) {
  return ir::ConstantOf(like, value);
}

template <class S>
inline constexpr BitsOf<S> kSignBit = BitsOf<S>{1} << (8 * sizeof(BitsOf<S>) - 1);

// magnitude with the sign of `sign`; magnitude >= +0 or NaN.
template <class S>
GCOMP_INLINE S WithSign(S magnitude, S sign) {
  auto bit = ir::And(ToBits(sign), BitsConstant(sign, kSignBit<S>));
  return FromBits<S>(ir::Or(ToBits(magnitude), bit));
}

// x forced into [low, high]; NaN stays.
template <class S>
GCOMP_INLINE S Clamp(S x, std::type_identity_t<NativeOf<S>> low,
                     std::type_identity_t<NativeOf<S>> high) {
  S below = Select(ir::Constant(x, high) < x, ir::Constant(x, high), x);
  return Select(x < low, ir::Constant(x, low), below);
}

// 1.5 * 2^mantissa_bits: adding it to a small number rounds that to an integer, which then stands
// in the low bits of the sum.
template <class S>
inline constexpr NativeOf<S> kMagic = static_cast<NativeOf<S>>(kIsF32<S> ? 0x1.8p23 : 0x1.8p52);

// 2^(low bits of `biased` - bias): `biased` is kMagic + bias + n.
template <class S>
GCOMP_INLINE S PowerOfTwo(S biased) {
  return FromBits<S>(ir::Shl(ToBits(biased), BitsConstant(biased, kMantissaBits<S>)));
}

// A number as the sum hi + lo, |lo| <= ulp(hi) / 2 or little more.
template <class S>
struct Pair {
  S hi;
  S lo;
};

// a + b, exactly; requires that a is 0 or its exponent at least that of b.
template <class S>
GCOMP_INLINE Pair<S> FastTwoSum(S a, S b) {
  S sum = a + b;
  return {sum, (a - sum) + b};
}

// a + b, exactly.
template <class S>
GCOMP_INLINE Pair<S> TwoSum(S a, S b) {
  S sum = a + b;
  S part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

// a * b, exactly (where nothing underflows).
template <class S>
GCOMP_INLINE Pair<S> TwoProduct(S a, S b) {
  S product = a * b;
  return {product, Fma(a, b, -product)};
}

// a * b for a pair and a constant pair.
template <class S>
GCOMP_INLINE Pair<S> Times(Pair<S> a, NativeOf<S> hi, NativeOf<S> lo) {
  S product = a.hi * hi;
  return {product, Fma(a.lo, hi, Fma(a.hi, lo, Fma(a.hi, hi, -product)))};
}

}  // namespace gcomp::kernels::math_internal
