// Rounding to integers, and division with remainder. All are exact. See kernels/math.h.
#pragma once

#include "kernels/math_internal.h"

namespace gcomp::kernels {

// The greatest integer not above x.
template <class S>
GCOMP_INLINE S Floor(S x) {
  using T = ir::NativeOf<S>;
  S r = ir::RoundEven(x);
  S lower = ir::Select(x < r, r - T{1}, r);
  return math_internal::WithSign(ir::Abs(lower), x);
}

// The least integer not below x.
template <class S>
GCOMP_INLINE S Ceil(S x) {
  using T = ir::NativeOf<S>;
  S r = ir::RoundEven(x);
  S higher = ir::Select(r < x, r + T{1}, r);
  return math_internal::WithSign(ir::Abs(higher), x);
}

// x without its fraction.
template <class S>
GCOMP_INLINE S Trunc(S x) {
  using T = ir::NativeOf<S>;
  S a = ir::Abs(x);
  S r = ir::RoundEven(a);
  return math_internal::WithSign(ir::Select(a < r, r - T{1}, r), x);
}

template <class S>
inline constexpr bool kIsFloat = std::is_floating_point_v<ir::NativeOf<S>>;

// The remainder of a / b rounded toward zero; it has the sign of a. Integers: 0 if b is 0.
template <class S>
GCOMP_INLINE S Fmod(S a, S b) {
  if constexpr (kIsFloat<S>) {
    return ir::Fmod(a, b);
  } else {
    S zero = ir::Constant(a, 0);
    S r = ir::Sub(a, ir::Mul(ir::Div(a, b), b));
    return ir::Select(ir::Eq(b, zero), zero, r);
  }
}

// The remainder of a / b rounded down; it has the sign of b, also where it is 0 (Python's and
// NumPy's rule). Integers: 0 if b is 0.
template <class S>
GCOMP_INLINE S Rem(S a, S b) {
  S zero = ir::Constant(a, 0);
  S r = kernels::Fmod(a, b);  // not ir::Fmod, which integers do not have
  auto differ = ir::Ne(ir::Lt(r, zero), ir::Lt(b, zero));
  auto inexact = ir::Ne(r, zero);
  if constexpr (kIsFloat<S>) {
    S result = ir::Select(differ, r + b, r);
    return ir::Select(inexact, result, math_internal::WithSign(zero, b));
  } else {
    return ir::Select(ir::And(inexact, differ), ir::Add(r, b), r);
  }
}

// a / b rounded down. Floats: (a - fmod) / b, less 1 where Rem adds b, as NumPy defines it, with
// the sign of a / b where it is 0; a / b if b is 0. Integers: 0 if b is 0; the least integer / -1
// wraps.
template <class S>
GCOMP_INLINE S FloorDiv(S a, S b) {
  S zero = ir::Constant(a, 0);
  S r = kernels::Fmod(a, b);  // not ir::Fmod, which integers do not have
  auto adjust = ir::And(ir::Ne(r, zero), ir::Ne(ir::Lt(r, zero), ir::Lt(b, zero)));
  if constexpr (kIsFloat<S>) {
    using T = ir::NativeOf<S>;
    S quotient = (a - r) / b;
    quotient = ir::Select(adjust, quotient - T{1}, quotient);
    // The quotient is an integer but for its rounding: take the nearest, halves down.
    S floor = Floor(quotient);
    floor = ir::Select(ir::Constant(a, T{0.5}) < quotient - floor, floor + T{1}, floor);
    S signed_zero = math_internal::WithSign(zero, a / b);
    S result = ir::Select(quotient == T{0}, signed_zero, floor);
    return ir::Select(b == T{0}, a / b, result);
  } else {
    S quotient = ir::Div(a, b);
    S lower = ir::Sub(quotient, ir::Constant(a, 1));
    return ir::Select(adjust, lower, quotient);
  }
}

}  // namespace gcomp::kernels
