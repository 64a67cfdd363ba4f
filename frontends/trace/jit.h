// jit: a C++ function as a callable that traces itself once per kind of arguments and replays.
//
//   auto f = gcomp::jit([&](gcomp::Array x) { return gcomp::ops::softmax(x * scale); });
//   gcomp::StatusOr<gcomp::Array> y = f(x);   // traces, loads, runs
//   y = f(x2);                                // same types: runs
//
// A call looks for a graph whose guards hold: tree, dtypes, ranks and sizes of the arguments,
// static arguments, cells read, decisions on sizes. If none does, the function is traced again and
// the reason is counted (stats). A size that changed between two calls is traced as a symbol. The
// whole function becomes one graph; what can't be captured is an error of the call.
//
// Without full_graph the first call with arguments of a kind runs in pieces: the host code runs as
// it would without jit, its ops are recorded, and at a *break* (a host read of a value, a size from
// data, graph_break) what was recorded runs as one graph. If nothing broke, the next such call is
// traced as a whole; else all of them run in pieces, and pieces that are equal share a graph. So
// breaks need no guards, and all sizes are numbers. A `wrap` or `checkpoint` with a break inside
// runs op by op, one with a side effect is left out; other regions can't be cut (E105). See
// docs/tracing.md.
//
// Cost of a replay: comparing the leaves of the arguments, then Context::Run. Of a call in pieces:
// tracing (1 to 2 us per op), hashing, then Context::Run for each piece.
// Thread safety: one thread at a time.
#pragma once

#include <any>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "frontends/trace/trace.h"
#include "runtime/engine.h"

namespace gcomp {

struct JitOptions {
  enum class Dynamic : uint8_t {
    kOff,   // every new size is a new trace
    kAuto,  // a size that differs from that of the trace before becomes a symbol
    kAll,   // all sizes but 0 and 1 are symbols from the first trace on
  };

  std::shared_ptr<Engine> engine = {};  // null = the one that all such functions share
  Tier tier = Tier::kAuto;              // that runs the graphs
  std::vector<std::string> arg_names = {};
  bool full_graph = true;
  Dynamic dynamic = Dynamic::kAuto;
  size_t max_traces = 16;           // one more is E403; graphs of pieces do not count
  bool error_on_recompile = false;  // a second trace is E403
};

struct JitStats {
  size_t calls = 0;
  size_t captures = 0;                      // graphs made: of whole functions and of pieces
  size_t segments = 0;                      // pieces run
  size_t bodies_traced = 0;                 // bodies of functions, @main included
  std::vector<std::string> recompiles;      // why each trace after the first was needed
  std::map<std::string, size_t> fallbacks;  // how often by reason; without full_graph
};

namespace internal {

// True while a graph is being traced on this thread.
bool InTrace();

// One call of a function in pieces: from its making on, ops of this thread are recorded.
class PieceCall {
 public:
  virtual ~PieceCall() = default;
  // Runs the last piece; the leaves of `out` become concrete. Fails with the first error of the
  // call.
  virtual Status End(Flattener& out) = 0;
};

class Pieces;

class JitCore {
 public:
  explicit JitCore(JitOptions options);
  ~JitCore();
  JitCore(JitCore&&) noexcept;

  struct Entry;

  void CountCall() { ++stats_.calls; }

  struct Found {
    Entry* entry = nullptr;
    bool in_pieces = false;  // the function is to run in pieces
  };

  // The graph for these arguments; null = none, and then the options for a new trace. Fails with
  // E403.
  StatusOr<Found> Find(const Flattener& in, TraceOptions* next);
  StatusOr<Entry*> Add(Traced traced, std::any result);
  static const std::any& ResultOf(const Entry& entry);
  static const Traced& TracedOf(const Entry& entry);
  // Runs on the arguments; the leaves of `out` get the results.
  Status Run(Entry& entry, const Flattener& in, Flattener& out);

  // What to do after a trace that failed: nothing (the error stands), trace again without `wrap`,
  // or run in pieces, now and for such arguments from now on. Counts it.
  enum class Fallback : uint8_t { kNone, kDropWraps, kRunInPieces };
  Fallback After(const Status& failure, const Flattener& in, const TraceOptions& tried);

  StatusOr<std::unique_ptr<PieceCall>> BeginPieces(const Flattener& in);
  std::vector<const ir::Module*> piece_graphs() const;

  const JitStats& stats() const { return stats_; }

  const std::vector<std::string>& arg_names() const { return options_.arg_names; }

  // The graph of the newest trace; null before the first.
  const Traced* newest() const;

 private:
  std::string Mismatch(const Entry& entry, const Flattener& in, std::vector<DynamicDim>* changed);

  JitOptions options_;
  JitStats stats_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<DynamicDim> dynamic_;
  std::unique_ptr<Pieces> pieces_;
};

}  // namespace internal

template <class F>
class Jit {
 public:
  Jit(F fn, JitOptions options) : fn_(std::move(fn)), core_(std::move(options)) {}

  // fn(args...). In a trace it is just called. Fails as trace and as Context::Run do.
  template <class... A>
  auto operator()(A... args) {
    std::tuple<std::decay_t<A>...> held(std::move(args)...);
    using R = decltype(internal::ApplyTo(fn_, held));
    return Run<R>(held);
  }

  const JitStats& stats() const { return core_.stats(); }

  // The newest graph; null before the first call.
  const Traced* traced() const { return core_.newest(); }

  // The graphs of pieces that are kept, in the order in which they were made.
  std::vector<const ir::Module*> piece_graphs() const { return core_.piece_graphs(); }

 private:
  template <class R, class T>
  StatusOr<R> Run(T& args) {
    if (internal::InTrace()) return StatusOr<R>(internal::ApplyTo(fn_, args));
    core_.CountCall();
    internal::Flattener in = internal::FlattenArgs(args, core_.arg_names());
    TraceOptions next;
    GCOMP_ASSIGN_OR_RETURN(auto found, core_.Find(in, &next));
    if (found.in_pieces) return RunPieces<R>(in, args);
    internal::JitCore::Entry* entry = found.entry;
    if (entry == nullptr) {
      std::optional<R> result;
      StatusOr<Traced> traced = internal::TraceInto(fn_, args, next, true, &result);
      while (!traced.ok()) {
        const auto fallback = core_.After(traced.status(), in, next);
        if (fallback == internal::JitCore::Fallback::kNone) return std::move(traced).status();
        if (fallback == internal::JitCore::Fallback::kRunInPieces) return RunPieces<R>(in, args);
        next.drop_wraps = true;
        traced = internal::TraceInto(fn_, args, next, true, &result);
      }
      GCOMP_ASSIGN_OR_RETURN(entry, core_.Add(*std::move(traced), std::any(*std::move(result))));
    }
    const R* known = std::any_cast<R>(&internal::JitCore::ResultOf(*entry));
    GCOMP_ENSURE(known != nullptr, "equal arguments give results of one type");
    R result = *known;
    internal::Flattener out("");
    out.Visit(result);
    GCOMP_RETURN_IF_ERROR(core_.Run(*entry, in, out));
    return StatusOr<R>(std::move(result));
  }

  template <class R, class T>
  StatusOr<R> RunPieces(const internal::Flattener& in, T& args) {
    GCOMP_ASSIGN_OR_RETURN(auto call, core_.BeginPieces(in));
    R result = internal::ApplyTo(fn_, args);
    internal::Flattener out("");
    out.Visit(result);
    GCOMP_RETURN_IF_ERROR(call->End(out));
    return StatusOr<R>(std::move(result));
  }

  F fn_;
  internal::JitCore core_;
};

template <class F>
Jit<std::decay_t<F>> jit(F&& fn, JitOptions options = {}) {
  return Jit<std::decay_t<F>>(std::forward<F>(fn), std::move(options));
}

}  // namespace gcomp
