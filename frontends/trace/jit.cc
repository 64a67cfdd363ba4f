#include "frontends/trace/jit.h"

#include <algorithm>
#include <optional>

#include "base/format.h"
#include "frontends/trace/pieces.h"
#include "frontends/trace/tracer.h"

namespace gcomp::internal {

using ir::Expr;
using ir::Type;

bool InTrace() {
  return Tracer::Current() != nullptr;
}

struct JitCore::Entry {
  Traced traced;
  std::any result;
  std::unique_ptr<Context> context;
  std::vector<int64_t> symbols;  // of the last match
};

JitCore::JitCore(JitOptions options)
    : options_(std::move(options)), pieces_(std::make_unique<Pieces>(options_.tier)) {}

JitCore::~JitCore() = default;
JitCore::JitCore(JitCore&&) noexcept = default;

const std::any& JitCore::ResultOf(const Entry& entry) {
  return entry.result;
}

const Traced& JitCore::TracedOf(const Entry& entry) {
  return entry.traced;
}

const Traced* JitCore::newest() const {
  return entries_.empty() ? nullptr : &entries_.back()->traced;
}

namespace {

// Binds the symbols of one entry to the sizes of the arguments.
class Binder {
 public:
  explicit Binder(const ir::Function& main)
      : main_(main), values_(main.symbols.size()), bound_(main.symbols.size()) {}

  // What does not fit, or nothing.
  std::string Bind(const std::string& what, const Expr& formal, int64_t actual) {
    if (formal.is_const()) {
      return formal.value() == actual ? std::string()
                                      : Format("{}: {}, now {}", what, formal.value(), actual);
    }
    if (formal.kind() != Expr::Kind::kSymbol) return Format("{} is no symbol", what);
    const size_t i = formal.symbol().index();
    const ir::Symbol& symbol = main_.symbols[i];
    if (bound_[i] && values_[i] != actual) {
      return Format("{}: {} = {}, now {}", what, symbol.name, values_[i], actual);
    }
    bound_[i] = true;
    values_[i] = actual;
    const bool low = !symbol.low.is_const() || actual >= symbol.low.value();
    const bool high =
        !symbol.high.has_value() || !symbol.high->is_const() || actual <= symbol.high->value();
    if (low && high && actual % symbol.multiple == 0) return {};
    return Format("{}: {} is outside of the range of {}", what, actual, symbol.name);
  }

  const std::vector<int64_t>& values() const { return values_; }

 private:
  const ir::Function& main_;
  std::vector<int64_t> values_;
  std::vector<bool> bound_;
};

}  // namespace

// What keeps the entry from serving these arguments; empty = nothing. `changed`: sizes that differ
// from those of the entry.
std::string JitCore::Mismatch(const Entry& entry, const Flattener& in,
                              std::vector<DynamicDim>* changed) {
  const Traced& traced = entry.traced;
  if (std::string difference = traced.in.Difference(in.tree); !difference.empty()) {
    return difference;
  }
  Binder binder(traced.main());
  std::string reason;
  size_t input = 0;
  for (size_t i = 0; i < in.arrays.size(); ++i) {
    if (in.arrays[i]->absent()) continue;
    const Type& formal = traced.input_types[input++];
    const Type actual = in.arrays[i]->type();
    const std::string& path = in.array_paths[i];
    if (formal.dtype() != actual.dtype() || formal.rank() != actual.rank()) {
      return Format("{}: {} of rank {}, now {} of rank {}", path, NameOf(formal.dtype()),
                    formal.rank(), NameOf(actual.dtype()), actual.rank());
    }
    for (int d = 0; d < formal.rank(); ++d) {
      const Expr& size = formal.dims()[static_cast<size_t>(d)];
      const int64_t now = actual.dims()[static_cast<size_t>(d)].value();
      std::string differs = binder.Bind(Format("{}, dim {}", path, d), size, now);
      if (differs.empty()) continue;
      if (size.is_const()) changed->push_back({.leaf = path, .dim = d});
      if (reason.empty()) reason = std::move(differs);
    }
  }
  for (size_t i : traced.size_inputs) {
    const Type& formal = traced.input_types[input++];
    std::string differs = binder.Bind("a size", formal.value(), in.sizes[i]->expr().value());
    if (reason.empty()) reason = std::move(differs);
  }
  for (size_t i = 0; i < traced.captured.size() && reason.empty(); ++i) {
    const ir::Function& main = traced.main();
    const Type& formal = main.value(main.params()[input++]).type;
    for (size_t d = 0; d < formal.dims().size() && reason.empty(); ++d) {
      if (formal.dims()[d].is_const()) continue;
      reason = binder.Bind(Format("captured tensor {}", traced.captured_names[i]), formal.dims()[d],
                           traced.captured[i].sizes()[d]);
    }
  }
  if (!reason.empty()) return reason;
  for (size_t i = 0; i < traced.size_guards.size(); ++i) {
    std::optional<int64_t> holds = traced.size_guards[i].Evaluate(binder.values());
    if (!holds.has_value() || *holds == 0) return Format("{} does not hold", traced.guards[i]);
  }
  for (const auto& guard : traced.cell_guards) {
    if (std::string differs = guard(); !differs.empty()) return differs;
  }
  return {};
}

StatusOr<JitCore::Found> JitCore::Find(const Flattener& in, TraceOptions* next) {
  GCOMP_RETURN_IF_ERROR(
      Status(in.status.ok() ? Status() : Status(in.status.id(), in.status.message())));
  for (Array* array : in.arrays) {
    if (!array->absent()) GCOMP_RETURN_IF_ERROR(array->tensor().status());
  }
  std::string reason;
  std::vector<DynamicDim> changed;
  for (size_t i = entries_.size(); i-- > 0;) {
    std::vector<DynamicDim> differ;
    std::string why = Mismatch(*entries_[i], in, &differ);
    if (why.empty()) return Found{.entry = entries_[i].get()};
    if (!reason.empty()) continue;
    reason = std::move(why);
    changed = std::move(differ);
  }
  if (!options_.full_graph) {
    const Pieces::Kind* kind = pieces_->Find(in);
    if (kind == nullptr || kind->broken) return Found{.in_pieces = true};
    next->drop_wraps = kind->drops_wraps;
  }
  if (!entries_.empty()) {
    stats_.recompiles.push_back(reason);
    if (options_.error_on_recompile || entries_.size() >= options_.max_traces) {
      return Status(
          ErrorId::E403,
          Format("the function was traced {} times, {}: {}", entries_.size(),
                 options_.error_on_recompile ? "and may not be traced again" : "which is the limit",
                 reason));
    }
  }
  if (options_.dynamic == JitOptions::Dynamic::kAuto) {
    dynamic_.insert(dynamic_.end(), changed.begin(), changed.end());
  }
  next->engine = options_.engine;
  next->arg_names = options_.arg_names;
  next->dynamic = dynamic_;
  next->all_dynamic = options_.dynamic == JitOptions::Dynamic::kAll;
  return Found{};
}

JitCore::Fallback JitCore::After(const Status& failure, const Flattener& in,
                                 const TraceOptions& tried) {
  if (options_.full_graph) return Fallback::kNone;
  if (failure.id() == ErrorId::E107 && !tried.drop_wraps) {
    ++stats_.fallbacks["unsafe side effect"];
    return Fallback::kDropWraps;
  }
  if (!Pieces::CanCut(failure)) return Fallback::kNone;
  ++stats_.fallbacks[failure.id() == ErrorId::E105 ? "graph break" : "host decision on data"];
  pieces_->Find(in)->broken = true;
  return Fallback::kRunInPieces;
}

StatusOr<std::unique_ptr<PieceCall>> JitCore::BeginPieces(const Flattener& in) {
  std::shared_ptr<Engine> engine = options_.engine;
  if (engine == nullptr) {
    GCOMP_ASSIGN_OR_RETURN(engine, DefaultEngine());
  }
  return pieces_->Begin(in, std::move(engine), options_.error_on_recompile, stats_);
}

std::vector<const ir::Module*> JitCore::piece_graphs() const {
  return pieces_->graphs();
}

StatusOr<JitCore::Entry*> JitCore::Add(Traced traced, std::any result) {
  ++stats_.captures;
  stats_.bodies_traced += traced.bodies_traced;
  std::shared_ptr<Engine> engine = options_.engine;
  if (engine == nullptr) {
    GCOMP_ASSIGN_OR_RETURN(engine, DefaultEngine());
  }
  GCOMP_ASSIGN_OR_RETURN(
      std::shared_ptr<Session> session,
      Session::Load(engine, CopyOf(traced.module), nullptr, {.tier = options_.tier}));
  auto entry = std::make_unique<Entry>();
  GCOMP_ASSIGN_OR_RETURN(entry->context, Context::Create(session, "main"));
  entry->traced = std::move(traced);
  entry->result = std::move(result);
  entries_.push_back(std::move(entry));
  return entries_.back().get();
}

Status JitCore::Run(Entry& entry, const Flattener& in, Flattener& out) {
  const Traced& traced = entry.traced;
  std::vector<Tensor> inputs;
  for (const Array* array : in.arrays) {
    if (array->absent()) continue;
    GCOMP_ASSIGN_OR_RETURN(Tensor tensor, array->tensor());
    inputs.push_back(std::move(tensor));
  }
  for (size_t i : traced.size_inputs) {
    const int64_t value = in.sizes[i]->expr().value();
    GCOMP_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Copy(DType::kI64, {}, &value));
    inputs.push_back(std::move(tensor));
  }
  for (size_t i = 0; i < traced.captured.size(); ++i) {
    inputs.push_back(traced.fetch[i] != nullptr ? traced.fetch[i]() : traced.captured[i]);
  }
  std::vector<Tensor> outputs;
  GCOMP_RETURN_IF_ERROR(entry.context->Run(inputs, outputs));
  std::vector<Array> results(outputs.begin(), outputs.end());
  size_t next = 0;
  for (Array* array : out.arrays) {
    if (!array->absent()) *array = results[next++];
  }
  // Sizes that the function returned, by those of inputs and results.
  if (!out.sizes.empty()) {
    Binder binder(traced.main());
    auto bind = [&](const Type& type, const Tensor& tensor) {
      for (size_t d = 0; d < type.dims().size(); ++d) {
        (void)binder.Bind("a size", type.dims()[d], tensor.sizes()[d]);
      }
    };
    for (size_t i = 0; i < traced.input_types.size(); ++i) bind(traced.input_types[i], inputs[i]);
    const std::vector<ir::Result>& types = traced.main().results;
    for (size_t i = 0; i < types.size() && i < outputs.size(); ++i) bind(types[i].type, outputs[i]);
    for (size_t i = 0; i < out.sizes.size(); ++i) {
      *out.sizes[i] = SymInt(traced.size_results[i].Evaluate(binder.values()).value_or(0));
    }
  }
  for (const CellCommit& commit : traced.commits) {
    commit.commit(std::span(results).subspan(commit.first, commit.count));
  }
  return {};
}

}  // namespace gcomp::internal
