// Loops of a graph, written as C++ lambdas: while_loop, map, scan, associative_scan.
//
//   auto [n, y] = gcomp::while_loop(
//       [](auto& c) { return std::get<0>(c) < 10; },
//       [&](auto& c) { return std::tuple(std::get<0>(c) + 1, std::get<1>(c) * w); },
//       std::tuple(Array(0), x));
//
// Bodies use values around them as they are (they become `extra` operands); carries and slices are
// what the body gets. A SymInt in the carry of while_loop or scan is another number in each turn:
// the body gets a symbol, which must not be negative (E401) and may be a size. In a trace each body
// is run once; outside of one the loop runs on data.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "frontends/trace/structure.h"

namespace gcomp {

struct WhileOptions {
  std::optional<int64_t> max_trip = {};  // more iterations are E401
};

// While condition(carry), an Array or a SymBool: carry = body(carry). The carry keeps its tree,
// dtypes and the sizes of its arrays (E211).
template <class C, class Cond, class Body>
C while_loop(Cond&& condition, Body&& body, C carry, const WhileOptions& options = {}) {
  if (internal::Tracer::Current() == nullptr) {
    return internal::RunInModes<C>("while", [&]() -> C {
      for (int64_t trip = 0;; ++trip) {
        Array go = Predicate(condition(carry)).array();
        StatusOr<std::optional<double>> known = internal::KnownValue("while", go);
        if (!known.ok()) return internal::FailedResult<C>(std::move(known).status());
        if (**known == 0) return carry;
        if (options.max_trip.has_value() && trip == *options.max_trip) {
          return internal::FailedResult<C>(
              Status(ErrorId::E401, "while: the condition still holds after max_trip iterations"));
        }
        carry = body(carry);
      }
    });
  }
  ir::AttrDict attrs;
  if (options.max_trip.has_value()) attrs.emplace_back("max_trip", ir::Expr(*options.max_trip));
  internal::LoopCall call("while", std::move(attrs));
  internal::Flattener start("c");
  start.Visit(carry);
  std::vector<Array> carries = call.CarryGroup(start);

  call.Begin("cond");
  C tested = carry;
  internal::Flattener tested_flat("c");
  tested_flat.Visit(tested);
  call.CarryParams(tested_flat);
  Array go = Predicate(condition(tested)).array();
  call.EndWith({&go});

  call.Begin("do");
  C inside = carry;
  internal::Flattener inside_flat("c");
  inside_flat.Visit(inside);
  call.CarryParams(inside_flat);
  C next = body(inside);
  internal::Flattener next_flat("c");
  next_flat.Visit(next);
  Status same = internal::CheckCarry("while", ErrorId::E211, start, next_flat);
  if (!same.ok()) call.Fail(std::move(same));
  std::vector<Array*> results = call.Carried(next_flat);
  call.EndWith(results);
  call.Finish({std::move(carries)}, std::move(results));
  call.TakeInts(next_flat);
  return next;
}

// fn(slice of xs along axis 0, args...) for each slice; results are stacked along a new axis 0.
// E221 for different lengths, E222 for none.
template <class F, class X, class... A>
auto map(F&& fn, X xs, A&&... args) {
  using R = internal::ResultOf<std::invoke_result_t<F&, X&, A&...>>;
  internal::Flattener flat("x");
  flat.Visit(xs);
  if (internal::Tracer::Current() != nullptr) {
    internal::LoopCall call("map", {});
    std::vector<Array> group = call.Group(flat);
    call.Begin("body");
    call.SliceParams(flat, 0);
    R result = internal::Invoke(fn, xs, args...);
    internal::Flattener out("");
    out.Visit(result);
    std::vector<Array*> results = out.arrays;
    call.End(out);
    call.Finish({std::move(group)}, std::move(results));
    return result;
  }
  return internal::RunInModes<R>("map", [&]() -> R {
    StatusOr<int64_t> length = internal::CommonLength("map", flat, 0);
    if (!length.ok()) return internal::FailedResult<R>(std::move(length).status());
    if (*length == 0) return internal::FailedResult<R>(Status(ErrorId::E222, "map: length 0"));
    std::optional<R> result;
    std::vector<std::vector<Array>> columns;
    for (int64_t i = 0; i < *length; ++i) {
      X slice = xs;
      internal::Flattener slices("x");
      slices.Visit(slice);
      internal::TakeSlices(slices, 0, i);
      result.emplace(internal::Invoke(fn, slice, args...));
      internal::Flattener out("");
      out.Visit(*result);
      columns.resize(out.arrays.size());
      for (size_t k = 0; k < columns.size(); ++k) columns[k].push_back(*out.arrays[k]);
    }
    internal::Flattener out("");
    out.Visit(*result);
    for (size_t k = 0; k < columns.size(); ++k) {
      *out.arrays[k] = internal::JoinSlices(std::move(columns[k]), 0);
    }
    return *result;
  });
}

struct ScanOptions {
  int64_t dim = 0;  // of xs
  bool reverse = false;
};

// (carry, y[k]) = fn(carry, slice k of xs along dim); returns the last carry and the ys, stacked
// along a new axis 0. The carry keeps its tree, dtypes and the sizes of its arrays (E223). `fn`
// returns a pair.
template <class F, class C, class X>
auto scan(F&& fn, C init, X xs, const ScanOptions& options = {}) {
  using Step = std::decay_t<std::invoke_result_t<F&, C&, X&>>;
  using Y = std::tuple_element_t<1, Step>;
  using R = std::pair<C, Y>;
  internal::Flattener carry("c");
  carry.Visit(init);
  internal::Flattener flat("x");
  flat.Visit(xs);
  if (flat.arrays.empty()) return R{init, Y{}};
  if (internal::Tracer::Current() != nullptr) {
    ir::AttrDict attrs;
    attrs.emplace_back("dim", ir::Expr(options.dim));
    attrs.emplace_back("reverse", options.reverse);
    internal::LoopCall call("scan", std::move(attrs));
    std::vector<Array> carries = call.CarryGroup(carry);
    std::vector<Array> group = call.Group(flat);
    call.Begin("body");
    C inside = init;
    internal::Flattener inside_flat("c");
    inside_flat.Visit(inside);
    call.CarryParams(inside_flat);
    call.SliceParams(flat, options.dim);
    Step step = fn(inside, xs);
    R result{std::get<0>(step), std::get<1>(step)};
    internal::Flattener next("c");
    next.Visit(result.first);
    Status same = internal::CheckCarry("scan", ErrorId::E223, carry, next);
    if (!same.ok()) call.Fail(std::move(same));
    internal::Flattener ys("");
    ys.Visit(result.second);
    std::vector<Array*> results = call.Carried(next);
    results.insert(results.end(), ys.arrays.begin(), ys.arrays.end());
    call.EndWith(results);
    call.Finish({std::move(carries), std::move(group)}, std::move(results));
    call.TakeInts(next);
    return result;
  }
  return internal::RunInModes<R>("scan", [&]() -> R {
    StatusOr<int64_t> length = internal::CommonLength("scan", flat, options.dim);
    if (!length.ok()) return internal::FailedResult<R>(std::move(length).status());
    R result{init, Y{}};
    std::vector<std::vector<Array>> columns;
    for (int64_t i = 0; i < *length; ++i) {
      X slice = xs;
      internal::Flattener slices("x");
      slices.Visit(slice);
      internal::TakeSlices(slices, options.dim, options.reverse ? *length - 1 - i : i);
      Step step = fn(result.first, slice);
      result = R{std::get<0>(step), std::get<1>(step)};
      internal::Flattener ys("");
      ys.Visit(result.second);
      columns.resize(ys.arrays.size());
      for (size_t k = 0; k < columns.size(); ++k) {
        auto at = options.reverse ? columns[k].begin() : columns[k].end();
        columns[k].insert(at, *ys.arrays[k]);
      }
    }
    internal::Flattener ys("");
    ys.Visit(result.second);
    for (size_t k = 0; k < columns.size(); ++k) {
      *ys.arrays[k] = internal::JoinSlices(std::move(columns[k]), 0);
    }
    return result;
  });
}

struct AssociativeScanOptions {
  int64_t dim = 0;
  bool reverse = false;
  // false: `fn` combines single elements (it is the same for each); true: whole slices.
  bool slices = false;
};

// y[0] = x[0], y[k] = fn(y[k - 1], x[k]) along dim. fn must be associative and use its arguments
// alone (E225).
template <class F, class X>
X associative_scan(F&& fn, X xs, const AssociativeScanOptions& options = {}) {
  internal::Flattener flat("x");
  flat.Visit(xs);
  if (internal::Tracer::Current() != nullptr) {
    ir::AttrDict attrs;
    attrs.emplace_back("dim", ir::Expr(options.dim));
    attrs.emplace_back("reverse", options.reverse);
    attrs.emplace_back("mode", std::string(options.slices ? "slice" : "pointwise"));
    internal::LoopCall call("assoc_scan", std::move(attrs));
    std::vector<Array> group = call.Group(flat);
    call.Begin("combine");
    X left = xs;
    X right = xs;
    internal::Flattener l("l");
    l.Visit(left);
    internal::Flattener r("r");
    r.Visit(right);
    for (internal::Flattener* side : {&l, &r}) {
      options.slices ? call.CombineParams(*side, options.dim) : call.ElementParams(*side);
    }
    X result = fn(left, right);
    internal::Flattener out("");
    out.Visit(result);
    Status same = internal::CheckCarry("assoc_scan", ErrorId::E225, flat, out);
    if (!same.ok()) call.Fail(std::move(same));
    std::vector<Array*> results = out.arrays;
    call.End(out);
    call.Finish({std::move(group)}, std::move(results), false);
    return result;
  }
  return internal::RunInModes<X>("assoc_scan", [&]() -> X {
    StatusOr<int64_t> length = internal::CommonLength("assoc_scan", flat, options.dim);
    if (!length.ok()) return internal::FailedResult<X>(std::move(length).status());
    std::optional<X> last;
    std::vector<std::vector<Array>> columns(flat.arrays.size());
    for (int64_t i = 0; i < *length; ++i) {
      X slice = xs;
      internal::Flattener slices("x");
      slices.Visit(slice);
      internal::TakeSlices(slices, options.dim, options.reverse ? *length - 1 - i : i);
      last = last.has_value() ? fn(*last, slice) : slice;
      internal::Flattener out("");
      out.Visit(*last);
      for (size_t k = 0; k < columns.size() && k < out.arrays.size(); ++k) {
        auto at = options.reverse ? columns[k].begin() : columns[k].end();
        columns[k].insert(at, *out.arrays[k]);
      }
    }
    for (size_t k = 0; k < columns.size() && *length > 0; ++k) {
      *flat.arrays[k] = internal::JoinSlices(std::move(columns[k]), options.dim);
    }
    return xs;
  });
}

}  // namespace gcomp
