// + - * / < and constants on Sym<float> and Sym<double>, so that a formula generic in its scalar
// type reads the same on numbers and on expressions. On native floats the operators are the
// primitives of ir/scalar.h already; for integers they are not (overflow), so symbols of integers
// have none.
#pragma once

#include <type_traits>

#include "ir/scalar.h"

namespace gcomp::ir {

// A float operand that may be a plain number: it becomes a constant of the other operand's graph.
template <NativeFloat T>
using Number = std::type_identity_t<T>;

#define GCOMP_SYM_OPERATOR(op, R, function) \
  template <NativeFloat T>                  \
  R operator op(Sym<T> a, Sym<T> b) {       \
    return function(a, b);                  \
  }                                         \
  template <NativeFloat T>                  \
  R operator op(Sym<T> a, Number<T> b) {    \
    return function(a, Constant(a, b));     \
  }                                         \
  template <NativeFloat T>                  \
  R operator op(Number<T> a, Sym<T> b) {    \
    return function(Constant(b, a), b);     \
  }
GCOMP_SYM_OPERATOR(+, Sym<T>, Add)
GCOMP_SYM_OPERATOR(-, Sym<T>, Sub)
GCOMP_SYM_OPERATOR(*, Sym<T>, Mul)
GCOMP_SYM_OPERATOR(/, Sym<T>, Div)
GCOMP_SYM_OPERATOR(<, Sym<bool>, Lt)
GCOMP_SYM_OPERATOR(<=, Sym<bool>, Le)
GCOMP_SYM_OPERATOR(==, Sym<bool>, Eq)
GCOMP_SYM_OPERATOR(!=, Sym<bool>, Ne)
#undef GCOMP_SYM_OPERATOR

template <NativeFloat T>
Sym<T> operator-(Sym<T> a) {
  return Neg(a);
}

template <NativeFloat T>
Sym<T> Fma(Sym<T> a, Number<T> b, Sym<T> c) {
  return Fma(a, Constant(a, b), c);
}

template <NativeFloat T>
Sym<T> Fma(Sym<T> a, Sym<T> b, Number<T> c) {
  return Fma(a, b, Constant(a, c));
}

template <NativeFloat T>
Sym<T> Fma(Sym<T> a, Number<T> b, Number<T> c) {
  return Fma(a, Constant(a, b), Constant(a, c));
}

template <NativeFloat T>
Sym<T> Select(Sym<bool> p, Sym<T> a, Number<T> b) {
  return Select(p, a, Constant(a, b));
}

template <NativeFloat T>
Sym<T> Select(Sym<bool> p, Number<T> a, Sym<T> b) {
  return Select(p, Constant(b, a), b);
}

}  // namespace gcomp::ir
