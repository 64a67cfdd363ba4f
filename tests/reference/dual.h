// Dual: a number with its derivative along one direction, for checks of derivative rules.
//
// Each function below states the derivative beside the value; tests/reference/reference.h lists the
// conventions where there is none.
#pragma once

#include <cmath>

namespace gcomp::reference {

struct Dual {
  long double value = 0;
  long double derivative = 0;

  Dual() = default;

  Dual(long double v, long double d = 0)  // NOLINT(google-explicit-constructor)
      : value(v), derivative(d) {}

  friend Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.derivative + b.derivative}; }

  friend Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.derivative - b.derivative}; }

  friend Dual operator-(Dual a) { return {-a.value, -a.derivative}; }

  friend Dual operator*(Dual a, Dual b) {
    return {a.value * b.value, Moved(b.value, a.derivative) + Moved(a.value, b.derivative)};
  }

  friend Dual operator/(Dual a, Dual b) {
    const long double y = a.value / b.value;
    return {y, Moved(1 / b.value, a.derivative) + Moved(-y / b.value, b.derivative)};
  }

  // slope * derivative; nothing where nothing moves, whatever the slope: 0 * inf is no derivative.
  static long double Moved(long double slope, long double derivative) {
    return derivative == 0 ? 0 : slope * derivative;
  }
};

// The functions on long double, under the same names.
using std::abs, std::exp, std::expm1, std::log, std::log1p, std::log2, std::sqrt;
using std::floor, std::ceil, std::trunc, std::nearbyint;
using std::fmod, std::pow, std::atan2, std::fma;
using std::sin, std::cos, std::tan, std::asin, std::acos, std::atan;
using std::sinh, std::cosh, std::tanh, std::asinh, std::acosh, std::atanh, std::erf, std::erfc;

inline long double ValueOf(long double x) {
  return x;
}

inline long double ValueOf(Dual x) {
  return x.value;
}

// f(x) with derivative `slope` there.
inline Dual Chain(long double value, long double slope, Dual x) {
  return {value, Dual::Moved(slope, x.derivative)};
}

inline Dual abs(Dual x) {
  return Chain(std::fabs(x.value), x.value > 0 ? 1 : x.value < 0 ? -1 : 0, x);
}

inline Dual exp(Dual x) {
  return Chain(std::exp(x.value), std::exp(x.value), x);
}

inline Dual expm1(Dual x) {
  return Chain(std::expm1(x.value), std::exp(x.value), x);
}

inline Dual log(Dual x) {
  return Chain(std::log(x.value), 1 / x.value, x);
}

inline Dual log1p(Dual x) {
  return Chain(std::log1p(x.value), 1 / (1 + x.value), x);
}

inline Dual log2(Dual x) {
  return Chain(std::log2(x.value), 1 / (x.value * std::log(2.0L)), x);
}

inline Dual sqrt(Dual x) {
  return Chain(std::sqrt(x.value), 1 / (2 * std::sqrt(x.value)), x);
}

inline Dual sin(Dual x) {
  return Chain(std::sin(x.value), std::cos(x.value), x);
}

inline Dual cos(Dual x) {
  return Chain(std::cos(x.value), -std::sin(x.value), x);
}

inline Dual tan(Dual x) {
  const long double y = std::tan(x.value);
  return Chain(y, 1 + y * y, x);
}

inline Dual asin(Dual x) {
  return Chain(std::asin(x.value), 1 / std::sqrt((1 - x.value) * (1 + x.value)), x);
}

inline Dual acos(Dual x) {
  return Chain(std::acos(x.value), -1 / std::sqrt((1 - x.value) * (1 + x.value)), x);
}

inline Dual atan(Dual x) {
  return Chain(std::atan(x.value), 1 / (1 + x.value * x.value), x);
}

inline Dual sinh(Dual x) {
  return Chain(std::sinh(x.value), std::cosh(x.value), x);
}

inline Dual cosh(Dual x) {
  return Chain(std::cosh(x.value), std::sinh(x.value), x);
}

inline Dual tanh(Dual x) {
  const long double c = std::cosh(x.value);
  return Chain(std::tanh(x.value), 1 / c / c, x);
}

inline Dual asinh(Dual x) {
  return Chain(std::asinh(x.value), 1 / std::hypot(1.0L, x.value), x);
}

inline Dual acosh(Dual x) {
  return Chain(std::acosh(x.value), 1 / std::sqrt((x.value - 1) * (x.value + 1)), x);
}

inline Dual atanh(Dual x) {
  return Chain(std::atanh(x.value), 1 / ((1 - x.value) * (1 + x.value)), x);
}

inline Dual erf(Dual x) {
  const long double two_over_root_pi = 2 / std::sqrt(std::acos(-1.0L));
  return Chain(std::erf(x.value), two_over_root_pi * std::exp(-x.value * x.value), x);
}

inline Dual erfc(Dual x) {
  return {std::erfc(x.value), -erf(x).derivative};
}

// Steps: flat wherever they have a derivative.
inline Dual floor(Dual x) {
  return {std::floor(x.value), 0};
}

inline Dual ceil(Dual x) {
  return {std::ceil(x.value), 0};
}

inline Dual trunc(Dual x) {
  return {std::trunc(x.value), 0};
}

inline Dual nearbyint(Dual x) {
  return {std::nearbyint(x.value), 0};
}

inline Dual fmod(Dual a, Dual b) {
  const Dual by_b = Chain(0, -std::trunc(a.value / b.value), b);
  return {std::fmod(a.value, b.value), a.derivative + by_b.derivative};
}

inline Dual pow(Dual a, Dual b) {
  const long double y = std::pow(a.value, b.value);
  const long double by_a = b.value == 0 ? 0 : b.value * std::pow(a.value, b.value - 1);
  const long double by_b = a.value == 0 && b.value >= 0 ? 0 : y * std::log(a.value);
  return {y, Chain(y, by_a, a).derivative + Chain(y, by_b, b).derivative};
}

inline Dual atan2(Dual a, Dual b) {
  const long double square = a.value * a.value + b.value * b.value;
  const Dual by_a = Chain(0, b.value / square, a);
  const Dual by_b = Chain(0, -a.value / square, b);
  return {std::atan2(a.value, b.value), by_a.derivative + by_b.derivative};
}

inline Dual fma(Dual a, Dual b, Dual c) {
  return {std::fma(a.value, b.value, c.value), (a * b + c).derivative};
}

}  // namespace gcomp::reference
