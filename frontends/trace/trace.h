// trace: runs a C++ function once on traced arrays and gives the graph of what it did.
//
//   gcomp::StatusOr<gcomp::Traced> traced = gcomp::trace(
//       [&](gcomp::Array x) { return gcomp::ops::relu(gcomp::ops::matmul(x, w) + b); },
//       std::tuple(gcomp::Array::OfType(gcomp::DType::kF32, {8, 16})),
//       {.arg_names = {"x"}, .dynamic = {{.leaf = "x", .dim = 0, .name = "batch"}}});
//
// Host code just runs: loops unroll, branches on numbers are taken, closures see what they hold.
// Tensors that the function uses and does not get as arguments become inputs behind the arguments
// (or weights), one for each storage and geometry. Sizes are numbers unless `dynamic` names them.
// State that changes between calls is read through Cell and List (cell.h).
//
// Cost: 1 to 2 us per op. Thread safety: traces of different threads are independent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "frontends/trace/array.h"
#include "frontends/trace/tree.h"
#include "ir/module.h"
#include "runtime/engine.h"

namespace gcomp {

// A size that stays open: a symbol of the graph, in [low, high] and a multiple of `multiple`.
// A range of the caller's own may hold 0 and 1; without one, an example size of 0 or 1 is taken as
// that number.
struct DynamicDim {
  std::string leaf;  // path of the argument: "x", "d.y.1"
  int dim = 0;
  std::string name = {};  // empty = s0, s1, ...; dims of one name are one symbol
  std::optional<int64_t> low = {};
  std::optional<int64_t> high = {};
  int64_t multiple = 1;
};

struct TraceOptions {
  std::shared_ptr<Engine> engine = {};  // null = one that all such traces share
  std::string module_name = "main";
  std::vector<std::string> arg_names = {};  // roots of the paths of leaves; else x0, x1, ...
  std::vector<DynamicDim> dynamic = {};
  // Every size that is not 0 or 1 in the example; equal sizes are one symbol. SymInt arguments too.
  bool all_dynamic = false;
  // Captured tensors are `weight("w")` parameters instead of inputs.
  bool captures_as_weights = false;
  // Traces twice and fails with E705 where the graphs differ: finds functions that depend on state
  // which they change themselves.
  bool verify_pure = false;
  // `wrap` and `checkpoint` leave no op: their bodies are traced in place.
  bool drop_wraps = false;
};

namespace internal {

// A cell that the function wrote: gives it the value of a run.
struct CellCommit {
  size_t first;  // among the results of @main
  size_t count;
  std::function<void(std::span<const Array>)> commit;
};

}  // namespace internal

struct Traced {
  ir::Module module;  // @main is exported; its inputs: tensors, then sizes of `in`, then captured
  Tree in;
  Tree out;
  std::vector<Tensor> captured;  // the inputs behind those of the arguments
  std::vector<std::string> captured_names;
  // What must hold for other arguments, beside types and static leaves: "s0 > 4".
  std::vector<std::string> guards;

  const ir::Function& main() const { return *module.Find("main"); }

  // For jit.
  std::vector<ir::Expr> size_guards;
  std::vector<ir::Expr> size_results;  // of the SymInt leaves of `out`
  std::vector<std::function<std::string()>> cell_guards;
  std::vector<std::function<Tensor()>> fetch;
  std::vector<internal::CellCommit> commits;
  std::vector<ir::Type> input_types;  // of the arguments: tensors, then sizes
  std::vector<size_t> size_inputs;    // which SymInt leaves of `in` are inputs
  size_t bodies_traced = 0;
};

namespace internal {

class Tracer;

// One trace, from the flat arguments to the flat results.
class TraceRun {
 public:
  // `cells`: writes to cells become results that `commits` gives back; else they are E107.
  TraceRun(const TraceOptions& options, bool cells);
  ~TraceRun();

  // Makes the arrays and sizes of `in` inputs of the graph.
  Status Begin(Flattener& in);
  StatusOr<Traced> End(Flattener& out);

 private:
  ir::Type InputType(const Array& array, const std::string& path);
  std::optional<ir::Expr> SizeSymbol(const std::string& path, int dim, int64_t size);
  ir::Expr Symbol(const std::string& name, const DynamicDim& dim, int64_t size);
  StatusOr<Traced> RenumberSizes(const std::vector<ir::SymId>& kept, Traced* traced);
  void CommitCells(std::vector<Array>* results, Traced* traced);

  const TraceOptions& options_;
  bool cells_;
  Status status_;
  std::unique_ptr<Tracer> tracer_;
  Tree in_;
  std::vector<ir::Type> input_types_;
  std::vector<size_t> size_inputs_;
  std::vector<std::pair<std::string, ir::Expr>> symbols_;  // by name, or by "= size"
};

template <class T>
using ResultOf = std::conditional_t<std::is_void_v<T>, std::monostate, std::decay_t<T>>;

// fn(args...), with std::monostate for void.
template <class F, class... A>
auto Invoke(F&& fn, A&&... args) -> ResultOf<std::invoke_result_t<F, A...>> {
  if constexpr (std::is_void_v<std::invoke_result_t<F, A...>>) {
    fn(std::forward<A>(args)...);
    return {};
  } else {
    return fn(std::forward<A>(args)...);
  }
}

// The leaves of some arguments.
template <class... A>
Flattener FlattenEach(const std::vector<std::string>& names, A&... args) {
  Flattener flat("");
  size_t index = 0;
  (flat.Arg(names, index++, args), ...);
  return flat;
}

template <class... A>
Flattener FlattenArgs(std::tuple<A...>& args, const std::vector<std::string>& names) {
  return std::apply([&](A&... each) { return FlattenEach(names, each...); }, args);
}

Status SameGraph(const ir::Module& a, const ir::Module& b);

template <class F, class... A>
auto ApplyTo(F& fn, std::tuple<A...>& args) {
  return std::apply([&](A&... leaves) { return Invoke(fn, leaves...); }, args);
}

// Traces and leaves the result, with traced arrays in it, in `result`.
template <class F, class... A, class R>
StatusOr<Traced> TraceInto(F& fn, std::tuple<A...> args, const TraceOptions& options, bool cells,
                           std::optional<R>* result) {
  TraceRun run(options, cells);
  Flattener in = FlattenArgs(args, options.arg_names);
  GCOMP_RETURN_IF_ERROR(run.Begin(in));
  result->emplace(ApplyTo(fn, args));
  Flattener out("");
  out.Visit(**result);
  return run.End(out);
}

}  // namespace internal

// Traces fn(args...). Fails with the first error of an op or region (its message says where in the
// graph), E204 for an argument that no graph can hold, E107 for a write to a cell.
template <class F, class... A>
StatusOr<Traced> trace(F&& fn, std::tuple<A...> args, const TraceOptions& options = {}) {
  using R = decltype(internal::ApplyTo(fn, args));
  std::optional<R> result;
  StatusOr<Traced> traced = internal::TraceInto(fn, args, options, false, &result);
  if (!traced.ok() || !options.verify_pure) return traced;
  GCOMP_ASSIGN_OR_RETURN(Traced again, internal::TraceInto(fn, args, options, false, &result));
  GCOMP_RETURN_IF_ERROR(internal::SameGraph(traced->module, again.module));
  return traced;
}

}  // namespace gcomp
