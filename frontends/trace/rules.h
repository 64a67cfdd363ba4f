// Rules: what an operator does with arguments of a type that is no tree.
//
// A struct of arrays is best a node of a tree (GCOMP_FIELDS): all operators take it then, and its
// arrays go through as they are. A type that must not be taken apart like that, say a number with
// its error bound, is E204 for an operator until it has a rule:
//
//   template <>
//   struct gcomp::OperatorRule<gcomp::op::Cond, Interval> {
//     template <class T, class E>
//     static Interval Apply(const Predicate& p, T&& then_fn, E&& else_fn, const Interval& x) {
//       return {cond(p, then_fn, else_fn, x.low), cond(p, then_fn, else_fn, x.high)};
//     }
//   };
//
// Apply gets the arguments of the call. It is called where any of the operands (of loops: xs or the
// carry) is of the type; the first operand that has a rule decides.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "frontends/trace/loops.h"
#include "frontends/trace/structure.h"

namespace gcomp {

// The operators.
namespace op {

struct Cond {};

struct Switch {};

struct Wrap {};

struct While {};

struct Map {};

struct Scan {};

struct AssociativeScan {};

}  // namespace op

// To be specialised, with a static function Apply.
template <class Op, class T>
struct OperatorRule {
  using NoRule = void;
};

namespace internal {

template <class Op, class T>
concept HasRule = !requires {
  typename OperatorRule<Op, std::decay_t<T>>::NoRule;
};

template <class Op, class... T>
concept AnyHasRule = (HasRule<Op, T> || ...);

template <class Op, class First, class... Rest>
struct RuleOf : RuleOf<Op, Rest...> {};

template <class Op, class First, class... Rest>
requires HasRule<Op, First>

struct RuleOf<Op, First, Rest...> : OperatorRule<Op, std::decay_t<First>> {
};

}  // namespace internal

template <class T, class E, class... A>
requires internal::AnyHasRule<op::Cond, A...>

auto cond(const Predicate& predicate, T&& then_fn, E&& else_fn, A&&... args) {
  return internal::RuleOf<op::Cond, A...>::Apply(predicate, std::forward<T>(then_fn),
                                                 std::forward<E>(else_fn), args...);
}

template <class F, class... A>
requires internal::AnyHasRule<op::Switch, A...>

auto switch_(const Array& index, const std::vector<F>& fns, A&&... args) {
  return internal::RuleOf<op::Switch, A...>::Apply(index, fns, args...);
}

template <internal::BodyFn F, class... A>

requires internal::AnyHasRule<op::Wrap, A...>

auto wrap(F&& fn, A&&... args) {
  return internal::RuleOf<op::Wrap, A...>::Apply(std::forward<F>(fn), args...);
}

template <class C, class Cond, class Body>

requires internal::HasRule<op::While, C> C while_loop(Cond&& condition, Body&& body, C carry,
                                                      const WhileOptions& options = {}) {
  return OperatorRule<op::While, C>::Apply(std::forward<Cond>(condition), std::forward<Body>(body),
                                           std::move(carry), options);
}

template <class F, class X, class... A>
requires internal::HasRule<op::Map, X>

auto map(F&& fn, X xs, A&&... args) {
  return OperatorRule<op::Map, X>::Apply(std::forward<F>(fn), std::move(xs), args...);
}

template <class F, class C, class X>
requires internal::AnyHasRule<op::Scan, C, X>

auto scan(F&& fn, C init, X xs, const ScanOptions& options = {}) {
  return internal::RuleOf<op::Scan, C, X>::Apply(std::forward<F>(fn), std::move(init),
                                                 std::move(xs), options);
}

template <class F, class X>

requires internal::HasRule<op::AssociativeScan, X> X
associative_scan(F&& fn, X xs, const AssociativeScanOptions& options = {}) {
  return OperatorRule<op::AssociativeScan, X>::Apply(std::forward<F>(fn), std::move(xs), options);
}

}  // namespace gcomp
