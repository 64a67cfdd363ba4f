// Structure: regions, branches and loops of a graph, written as C++ lambdas.
//
//   auto layer = gcomp::region("layer", [](Array x, const Params& p) { return ...; });
//   Array y = layer(layer(x, first), second);          // one function, two calls
//   Array z = gcomp::cond(mean > 0, [&] { return y * 2; }, [&] { return -y; });
//
// Bodies may use everything around them: values become operands of the op, in the order in which
// the body first uses them; arguments that a body does not use do not reach the graph. Arguments
// and results may be nested (tree.h). Outside of a trace the bodies simply run on data.
//
// Errors end the trace (trace.h); outside of a trace the results are failed arrays.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "frontends/trace/structure_calls.h"
#include "frontends/trace/trace.h"

namespace gcomp {

// ---- Reusable regions ---------------------------------------------------------------------------

struct RegionOptions {
  AliasPolicy alias = AliasPolicy::kReject;
  std::vector<std::string> arg_names = {};  // name the parameters of nested arguments: "d.x"
  // The body is a function of its arguments alone: a call with arguments of types that a call of
  // the trace had before does not run it again. Bodies that capture arrays, write in place or read
  // sizes that are open run at each call all the same.
  bool pure = false;
};

// A function of the graph: calls with equal bodies share it, whatever their weights are. Equal
// means structure, types, sizes as expressions, numbers that are baked in.
template <class F>
class Region {
 public:
  Region(std::string name, F fn, RegionOptions options)
      : name_(std::move(name)), fn_(std::move(fn)), options_(std::move(options)) {}

  template <class... A>
  auto operator()(A&&... args) const {
    internal::BodySpec spec{
        internal::BodySpec::Kind::kFunction, "invoke", name_, options_.alias, {}};
    using R = internal::ResultOf<std::invoke_result_t<const F&, A...>>;
    if constexpr (std::is_copy_constructible_v<R>) {
      if (options_.pure && internal::Tracer::Current() != nullptr) {
        internal::PureCall call(id_, internal::FlattenEach(options_.arg_names, args...));
        if (const std::any* known = call.known(); known != nullptr) {
          R result = *std::any_cast<R>(known);
          internal::Flattener out("");
          out.Visit(result);
          call.Emit(out);
          return result;
        }
        R result = internal::RunBody(spec, options_.arg_names, fn_, std::forward<A>(args)...);
        R kept = result;
        internal::Flattener out("");
        out.Visit(kept);
        for (Array* array : out.arrays) *array = Array();
        call.Keep(std::move(kept));
        return result;
      }
    }
    return internal::RunBody(spec, options_.arg_names, fn_, std::forward<A>(args)...);
  }

 private:
  uint64_t id_ = internal::NewRegionId();  // of all copies
  std::string name_;
  F fn_;
  RegionOptions options_;
};

namespace internal {

template <class F>
inline constexpr bool kIsRegion = false;
template <class F>
inline constexpr bool kIsRegion<Region<F>> = true;

}  // namespace internal

// Marked twice is marked once: a region of a region is that region.
template <class F>
auto region(std::string name, F&& fn, RegionOptions options = {}) {
  if constexpr (internal::kIsRegion<std::decay_t<F>>) {
    return std::forward<F>(fn);
  } else {
    return Region<std::decay_t<F>>(std::move(name), std::forward<F>(fn), std::move(options));
  }
}

// ---- Bodies that run once -----------------------------------------------------------------------

struct ArgNames {
  std::vector<std::string> names;
};

namespace internal {

template <class F>
concept BodyFn = !std::is_same_v<std::decay_t<F>, ArgNames>;

}  // namespace internal

template <internal::BodyFn F, class... A>
auto wrap(F&& fn, A&&... args) {
  return internal::RunBody({internal::BodySpec::Kind::kInline, "wrap", "body", {}, {}}, {}, fn,
                           std::forward<A>(args)...);
}

template <class F, class... A>
auto wrap(const ArgNames& names, F&& fn, A&&... args) {
  return internal::RunBody({internal::BodySpec::Kind::kInline, "wrap", "body", {}, {}}, names.names,
                           fn, std::forward<A>(args)...);
}

struct CheckpointOptions {
  std::string policy = "prefer";  // "must", "prefer" or "save"
  bool preserve_rng = true;
};

template <class F, class... A>
auto checkpoint(const CheckpointOptions& options, F&& fn, A&&... args) {
  ir::AttrDict attrs;
  attrs.emplace_back("policy", options.policy);
  attrs.emplace_back("preserve_rng", options.preserve_rng);
  return internal::RunBody(
      {internal::BodySpec::Kind::kInline, "checkpoint", "body", {}, std::move(attrs)}, {}, fn,
      std::forward<A>(args)...);
}

// What the compiler is told of a body: ints, floats, bools and strings (E232 for others).
using HintMap = std::map<std::string, ir::AttrValue>;

// E231 without hints, E233 for nested arguments.
template <class F, class... A>
auto hints(const HintMap& hints, F&& fn, A&&... args) {
  internal::Flattener leaves = internal::FlattenEach({}, args...);
  internal::BodySpec spec{internal::BodySpec::Kind::kInline, "hints", "body", {}, {}};
  Status status = internal::HintAttrs(hints, leaves, &spec.attrs);
  if (!status.ok()) {
    using R = internal::ResultOf<std::invoke_result_t<F, A...>>;
    return internal::FailedResult<R>(std::move(status));
  }
  return internal::RunBody(spec, {}, fn, std::forward<A>(args)...);
}

// A body that must be captured whole, with no effect on the host.
template <class F, class... A>
auto strict(F&& fn, A&&... args) {
  return internal::RunBody({internal::BodySpec::Kind::kInline, "strict", "body", {}, {}}, {}, fn,
                           std::forward<A>(args)...);
}

// ---- Branches -----------------------------------------------------------------------------------

// What `cond` decides by. A bool takes its branch at once, and the graph has no op for it.
class Predicate {
 public:
  Predicate(bool value) : array_(value) {}  // NOLINT(google-explicit-constructor)

  Predicate(const SymBool& value);  // NOLINT(google-explicit-constructor)

  Predicate(Array array) : array_(std::move(array)) {}  // NOLINT(google-explicit-constructor)

  const Array& array() const { return array_; }

 private:
  Array array_;
};

// then_fn(args...) if the predicate is not zero, else else_fn(args...). Both must return the same
// tree (E201); operands are tensors (E204); sizes that differ become symbols of the result.
template <class T, class E, class... A>
auto cond(const Predicate& predicate, T&& then_fn, E&& else_fn, A&&... args) {
  using R = internal::ResultOf<std::invoke_result_t<T, A&...>>;
  static_assert(std::is_same_v<R, internal::ResultOf<std::invoke_result_t<E, A&...>>>,
                "both branches return values of one type");
  if (Status status = internal::CheckTensorLeaves("cond", args...); !status.ok()) {
    return internal::FailedResult<R>(std::move(status));
  }
  StatusOr<std::optional<double>> known = internal::KnownValue("cond", predicate.array());
  if (!known.ok()) return internal::FailedResult<R>(std::move(known).status());
  if (known->has_value()) {
    return internal::RunInModes<R>("cond", [&] {
      return **known != 0 ? R(internal::Invoke(then_fn, args...))
                          : R(internal::Invoke(else_fn, args...));
    });
  }
  internal::BranchCall call("cond", predicate.array());
  call.Begin("then");
  R result = internal::Invoke(then_fn, args...);
  call.End(result);
  call.Begin("else");
  R other = internal::Invoke(else_fn, args...);
  call.End(other);
  call.Finish();
  return result;
}

// fns[index](args...); an index past the ends takes the nearest one.
template <class F, class... A>
auto switch_(const Array& index, const std::vector<F>& fns, A&&... args) {
  using R = internal::ResultOf<std::invoke_result_t<const F&, A&...>>;
  if (fns.empty()) {
    return internal::FailedResult<R>(Status(ErrorId::E505, "switch: has no cases"));
  }
  if (Status status = internal::CheckTensorLeaves("switch", args...); !status.ok()) {
    return internal::FailedResult<R>(std::move(status));
  }
  StatusOr<std::optional<double>> known = internal::KnownValue("switch", index);
  if (!known.ok()) return internal::FailedResult<R>(std::move(known).status());
  if (known->has_value()) {
    const double last = static_cast<double>(fns.size() - 1);
    const double at = std::min(std::max(**known, 0.0), last);
    return internal::RunInModes<R>(
        "switch", [&] { return R(internal::Invoke(fns[static_cast<size_t>(at)], args...)); });
  }
  internal::BranchCall call("switch", index);
  std::vector<R> results;
  results.reserve(fns.size());
  for (size_t i = 0; i < fns.size(); ++i) {
    call.Begin("case" + std::to_string(i));
    results.push_back(internal::Invoke(fns[i], args...));
    call.End(results.back());
  }
  call.Finish();
  return std::move(results[0]);
}

// ---- Values from data, checks -------------------------------------------------------------------

// The one element of an integer array as a size of the host.
SymInt item(const Array& x);

// The positions of the elements that are not zero: i64[u, rank], where u comes from data.
Array nonzero(const Array& x);

// Holds from here on; E401 at the run where it does not.
void check(const SymBool& condition, std::string message = {});

// The function can't be one graph: E105 of a trace; a function in pieces (jit.h) runs what was
// recorded so far and goes on with a new graph.
void graph_break(const std::string& reason);

// Shows the value to the host in each run: after the run of the graph, or of the piece, that has x.
// The graph is not changed by what `callback` does. In bodies of branches and loops it is E107, and
// in graphs that nobody but their caller runs (trace).
void observe(const Array& x, std::function<void(const Array&)> callback);

// op(args...) computed and returned in `dtype`; op is "matmul", "conv2d" or "mul".
Array out_dtype(std::string op, DType dtype, const Array& a, const Array& b);

// Any op by its name; operands by group of its record (docs/ops.md). E108 for calls.
std::vector<Array> call_op(std::string_view op, std::vector<std::vector<Array>> operands,
                           ir::AttrDict attrs = {}, std::vector<ir::Type> result_types = {});

}  // namespace gcomp
