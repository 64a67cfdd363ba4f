// Every pointwise op on floats, written once: on long double it is the op's value, on Dual its
// derivative too. The conventions where there is no derivative stand in reference.h.
#pragma once

#include <cmath>
#include <limits>
#include <span>
#include <string_view>

#include "tests/reference/call.h"
#include "tests/reference/dual.h"

namespace gcomp::reference {

template <class T>
using ScalarFunction = T (*)(std::span<const T> x, const Attributes& attrs);

struct ScalarEntry {
  std::string_view name;
  size_t operands;  // absent optional operands are given as numbers that change nothing
  ScalarFunction<Number> value;
  ScalarFunction<Dual> dual;
};

// x without its derivative.
inline Number Constant(Number x) {
  return x;
}

inline Dual Constant(Dual x) {
  return x.value;
}

// a where it is chosen, b where that is, half of both at ties. NaN wins, -0 < +0.
inline Number Choose(bool, Number chosen, Number, Number) {
  return chosen;
}

inline Dual Choose(bool tie, Number chosen, Dual a, Dual b) {
  if (tie) return {chosen, (a.derivative + b.derivative) / 2};
  return {chosen, std::isnan(chosen) ? chosen : chosen == a.value ? a.derivative : b.derivative};
}

template <class T>
T Max(T a, T b) {
  return Choose(ValueOf(a) == ValueOf(b), Maximum(ValueOf(a), ValueOf(b)), a, b);
}

template <class T>
T Min(T a, T b) {
  return Choose(ValueOf(a) == ValueOf(b), Minimum(ValueOf(a), ValueOf(b)), a, b);
}

// min(max(x, low), high), where only what is past a bound is the bound's: x keeps its derivative at
// the bounds.
inline Number Clamp(Number x, Number low, Number high) {
  return Minimum(Maximum(x, low), high);
}

inline Dual Clamp(Dual x, Dual low, Dual high) {
  const Dual y = x.value >= low.value ? x : low;
  return {Clamp(x.value, low.value, high.value),
          y.value <= high.value ? y.derivative : high.derivative};
}

template <class T>
T Sigmoid(T x) {
  if (ValueOf(x) >= 0) return T(1) / (T(1) + exp(-x));
  const T e = exp(x);
  return e / (T(1) + e);
}

template <class T>
T Softplus(T x, Number beta, Number threshold) {
  if (ValueOf(x) * beta > threshold) return x;
  return log1p(exp(x * T(beta))) / T(beta);
}

// clamp(x / 6 + 0.5, 0, 1), flat at its corners.
template <class T>
T HardSigmoid(T x) {
  if (ValueOf(x) <= -3) return 0;
  if (ValueOf(x) >= 3) return 1;
  return (x + T(3)) / T(6);
}

// alpha * (e^x - 1) up to zero.
template <class T>
T Elu(T x, Number alpha) {
  return ValueOf(x) > 0 ? x : T(alpha) * expm1(x);
}

// x times a factor that vanishes faster than x grows: -0 at -inf, the limit.
template <class T>
T Damped(T x, T factor) {
  return std::isinf(ValueOf(x)) && ValueOf(x) < 0 ? T(-0.0L) : x * factor;
}

template <class T>
T Gelu(T x, bool by_tanh) {
  const Number pi = std::acos(Number(-1));
  if (!by_tanh) return Damped(x, T(0.5L) * erfc(-x / T(std::sqrt(Number(2)))));
  // 1 + tanh(z) = 2 sigmoid(2 z), which does not cancel.
  const T inner = T(std::sqrt(2 / pi)) * (x + T(0.044715L) * x * x * x);
  return Damped(x, Sigmoid(T(2) * inner));
}

template <class T>
T Remainder(T a, T b) {
  T r = fmod(a, b);
  if (ValueOf(r) == 0) return Constant(T(std::copysign(Number(0), ValueOf(b)))) + (r - Constant(r));
  return (ValueOf(r) < 0) != (ValueOf(b) < 0) ? r + b : r;
}

// floor of the true quotient, by the remainder, which is exact; at infinities as NumPy: a tiny
// negative quotient gives -1, an infinite a NaN.
template <class T>
T FloorDiv(T a, T b) {
  const Number x = ValueOf(a);
  const Number y = ValueOf(b);
  if (y == 0) return T(x / y);
  const Number r = fmod(x, y);
  const Number down = r != 0 && (r < 0) != (y < 0) ? 1 : 0;
  const Number q = nearbyint((x - r) / y) - down;
  return T(q == 0 ? std::copysign(Number(0), x / y) : q);
}

constexpr Number kSeluScale = 1.0507009873554804934193349852946L;
constexpr Number kSeluAlpha = 1.6732632423543772848170429916717L;

template <class F>
constexpr ScalarEntry Scalar(std::string_view name, size_t operands, F f) {
  return {name, operands, f, f};
}

// Makes of an expression in T (the number type), x (the operands) and a (the attributes) a function
// of both.
#define GCOMP_SCALAR(name, n, expression)                                       \
  Scalar(name, n, []<class T>(std::span<const T> x, const Attributes& a) -> T { \
    (void)a;                                                                    \
    return expression;                                                          \
  })

inline std::span<const ScalarEntry> ScalarFunctions() {
  static constexpr ScalarEntry kTable[] = {
      GCOMP_SCALAR("abs", 1, abs(x[0])),
      GCOMP_SCALAR("neg", 1, -x[0]),
      GCOMP_SCALAR(
          "sign", 1,
          T(std::isnan(ValueOf(x[0])) ? ValueOf(x[0])
                                      : Number((ValueOf(x[0]) > 0) - (ValueOf(x[0]) < 0)))),
      GCOMP_SCALAR("exp", 1, exp(x[0])),
      GCOMP_SCALAR("expm1", 1, expm1(x[0])),
      GCOMP_SCALAR("log", 1, log(x[0])),
      GCOMP_SCALAR("log1p", 1, log1p(x[0])),
      GCOMP_SCALAR("log2", 1, log2(x[0])),
      GCOMP_SCALAR("sqrt", 1, sqrt(x[0])),
      GCOMP_SCALAR("rsqrt", 1, T(1) / sqrt(x[0])),
      GCOMP_SCALAR("reciprocal", 1, T(1) / x[0]),
      GCOMP_SCALAR("sin", 1, sin(x[0])),
      GCOMP_SCALAR("cos", 1, cos(x[0])),
      GCOMP_SCALAR("tan", 1, tan(x[0])),
      GCOMP_SCALAR("asin", 1, asin(x[0])),
      GCOMP_SCALAR("acos", 1, acos(x[0])),
      GCOMP_SCALAR("atan", 1, atan(x[0])),
      GCOMP_SCALAR("sinh", 1, sinh(x[0])),
      GCOMP_SCALAR("cosh", 1, cosh(x[0])),
      GCOMP_SCALAR("tanh", 1, tanh(x[0])),
      GCOMP_SCALAR("asinh", 1, asinh(x[0])),
      GCOMP_SCALAR("acosh", 1, acosh(x[0])),
      GCOMP_SCALAR("atanh", 1, atanh(x[0])),
      GCOMP_SCALAR("erf", 1, erf(x[0])),
      GCOMP_SCALAR("sigmoid", 1, Sigmoid(x[0])),
      GCOMP_SCALAR("relu", 1,
                   ValueOf(x[0]) < 0   ? T(0)
                   : ValueOf(x[0]) > 0 ? x[0]
                                       : Constant(x[0])),
      GCOMP_SCALAR("leaky_relu", 1, ValueOf(x[0]) > 0 ? x[0] : x[0] * T(a.Float("slope", 0.01))),
      GCOMP_SCALAR("elu", 1, Elu(x[0], a.Float("alpha", 1))),
      GCOMP_SCALAR("selu", 1, T(kSeluScale) * Elu(x[0], kSeluAlpha)),
      GCOMP_SCALAR("gelu", 1, Gelu(x[0], a.String("approx", "none") == "tanh")),
      GCOMP_SCALAR("silu", 1, Damped(x[0], Sigmoid(x[0]))),
      GCOMP_SCALAR("softplus", 1, Softplus(x[0], a.Float("beta", 1), a.Float("threshold", 20))),
      GCOMP_SCALAR("hard_sigmoid", 1, HardSigmoid(x[0])),
      GCOMP_SCALAR("hard_swish", 1, Damped(x[0], HardSigmoid(x[0]))),
      GCOMP_SCALAR("mish", 1,
                   Damped(x[0], tanh(Softplus(x[0], 1, std::numeric_limits<Number>::infinity())))),
      GCOMP_SCALAR("floor", 1, floor(x[0])),
      GCOMP_SCALAR("ceil", 1, ceil(x[0])),
      GCOMP_SCALAR("round", 1, nearbyint(x[0])),
      GCOMP_SCALAR("trunc", 1, trunc(x[0])),
      GCOMP_SCALAR("frac", 1, x[0] - trunc(x[0])),
      GCOMP_SCALAR("isnan", 1, T(std::isnan(ValueOf(x[0])))),
      GCOMP_SCALAR("isinf", 1, T(std::isinf(ValueOf(x[0])))),
      GCOMP_SCALAR("isfinite", 1, T(std::isfinite(ValueOf(x[0])))),
      GCOMP_SCALAR("add", 2, x[0] + x[1]),
      GCOMP_SCALAR("sub", 2, x[0] - x[1]),
      GCOMP_SCALAR("mul", 2, x[0] * x[1]),
      GCOMP_SCALAR("div", 2, x[0] / x[1]),
      GCOMP_SCALAR("floor_div", 2, FloorDiv(x[0], x[1])),
      GCOMP_SCALAR("rem", 2, Remainder(x[0], x[1])),
      GCOMP_SCALAR("fmod", 2, fmod(x[0], x[1])),
      GCOMP_SCALAR("pow", 2, pow(x[0], x[1])),
      GCOMP_SCALAR("atan2", 2, atan2(x[0], x[1])),
      GCOMP_SCALAR("min", 2, Min(x[0], x[1])),
      GCOMP_SCALAR("max", 2, Max(x[0], x[1])),
      GCOMP_SCALAR("eq", 2, T(ValueOf(x[0]) == ValueOf(x[1]))),
      GCOMP_SCALAR("ne", 2, T(ValueOf(x[0]) != ValueOf(x[1]))),
      GCOMP_SCALAR("lt", 2, T(ValueOf(x[0]) < ValueOf(x[1]))),
      GCOMP_SCALAR("le", 2, T(ValueOf(x[0]) <= ValueOf(x[1]))),
      GCOMP_SCALAR("gt", 2, T(ValueOf(x[0]) > ValueOf(x[1]))),
      GCOMP_SCALAR("ge", 2, T(ValueOf(x[0]) >= ValueOf(x[1]))),
      GCOMP_SCALAR("clamp", 3, Clamp(x[0], x[1], x[2])),
      GCOMP_SCALAR("select", 3, ValueOf(x[0]) != 0 ? x[1] : x[2]),
      GCOMP_SCALAR("lerp", 3, x[0] + x[2] * (x[1] - x[0])),
      GCOMP_SCALAR("fma", 3, fma(x[0], x[1], x[2])),
  };
  return kTable;
}

#undef GCOMP_SCALAR

}  // namespace gcomp::reference
