#include <algorithm>
#include <utility>

#include "base/format.h"
#include "base/fp_environment.h"
#include "base/guarded.h"
#include "ir/passes/decompose.h"
#include "ir/passes/dedupe.h"
#include "ir/verify.h"
#include "runtime/engine.h"
#include "runtime/engine_impl.h"
#include "runtime/memory_plan.h"
#include "runtime/session_impl.h"

namespace gcomp {
namespace {

using ir::Function;
using ir::Type;

std::string ShowWeight(const Weight& weight) {
  std::string text = std::string(ir::NameOf(weight.dtype)) + "[";
  for (size_t i = 0; i < weight.sizes.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(weight.sizes[i]);
  }
  return text + "]";
}

bool Fits(const Type& type, const Weight& weight) {
  if (!type.is_tensor() || type.dtype() != weight.dtype) return false;
  if (!type.is_contiguous() || type.dims().size() != weight.sizes.size()) return false;
  for (size_t d = 0; d < weight.sizes.size(); ++d) {
    if (!type.dims()[d].IsConst(weight.sizes[d])) return false;
  }
  return true;
}

// Binds the weights of all entry points; collects what is wrong with any of them.
class WeightBinder {
 public:
  explicit WeightBinder(Session::Impl& session) : session_(session) {}

  Status Bind(EntryPoint& entry) {
    const Function& function = entry.function();
    BoundWeights bound;
    for (ir::ValueId id : function.params()) {
      const ir::Value& param = function.value(id);
      const void* data = nullptr;
      if (param.annotations.weight) {
        GCOMP_ASSIGN_OR_RETURN(data, DataOf(function, param));
      }
      bound.push_back(data);
    }
    entry.SetWeights(std::move(bound));
    return {};
  }

  Status Result() const {
    if (problems_.empty()) return {};
    std::string text = Format("{} of {} weights do not fit the graph", problems_.size(), asked_);
    for (const std::string& problem : problems_) text += "\n  " + problem;
    return Status(ErrorId::E603, text);
  }

 private:
  StatusOr<const void*> DataOf(const Function& function, const ir::Value& param) {
    alignas(kBufferAlignment) static constexpr char kNothing[8] = {};  // of any dtype
    ++asked_;
    const std::string& name = *param.annotations.weight;
    std::string want = Format("@{} %{}: weight(\"{}\") of type {}", function.name, param.name, name,
                              param.type.ToString(function.Namer()));
    if (session_.weights == nullptr) {
      problems_.push_back(want + ": no weights were given");
      return kNothing;
    }
    const Weight* weight = session_.weights->Find(name);
    if (weight == nullptr) {
      problems_.push_back(want + ": not in " + session_.weights->description());
      return kNothing;
    }
    if (!Fits(param.type, *weight)) {
      problems_.push_back(want + ": the file has " + ShowWeight(*weight));
      return kNothing;
    }
    if (weight->data == nullptr) return kNothing;  // an empty tensor
    auto alignment = static_cast<uintptr_t>(std::min<int64_t>(ir::BytesOf(weight->dtype), 8));
    if (reinterpret_cast<uintptr_t>(weight->data) % alignment == 0) return weight->data;
    GCOMP_ASSIGN_OR_RETURN(Tensor copy, Tensor::Copy(weight->dtype, weight->sizes, weight->data));
    session_.realigned.push_back(copy);
    return copy.data();
  }

  Session::Impl& session_;
  std::vector<std::string> problems_;
  size_t asked_ = 0;
};

bool IsValue(const Type& type) {
  return type.kind() != Type::Kind::kToken && type.kind() != Type::Kind::kNone;
}

// What an exported function may ask for and this build does not do.
Status CheckRunnable(const Function& function) {
  auto refuse = [&function](const std::string& what, const std::string& name) {
    return Status(ErrorId::E511,
                  Format("@{}: {} on %{} is not run by this build", function.name, what, name));
  };
  for (ir::ValueId id : function.params()) {
    const ir::Value& param = function.value(id);
    if (!IsValue(param.type)) {
      return refuse("a value of type " + param.type.ToString(function.Namer()), param.name);
    }
  }
  return {};
}

SessionTargets MakeTargets(Engine& engine, const SessionOptions& options) {
  SessionTargets targets;
  targets.interp.cpu = engine.cpu();
  targets.tier = targets.interp;
  if (options.tier != Tier::kCompiled) return targets;
  targets.tier.compiler = engine.impl().compiler();
  targets.tier.code_sink = options.code_sink;
  targets.tier.tell = [&engine](Reason reason, std::string subject, std::string detail) {
    const LogLevel level = reason == Reason::kCompileFailed ? LogLevel::kWarning : LogLevel::kInfo;
    engine.Tell(level, reason, std::move(subject), std::move(detail));
  };
  return targets;
}

}  // namespace

void EntryPoint::SetWeights(BoundWeights weights) {
  bound_ = std::move(weights);
  weights_ = bound_;
  for (uint32_t i = 0; i < bound_.size(); ++i) {
    const bool mut = function_.value(function_.params()[i]).annotations.mut;
    writes_ = writes_ || mut;
    if (bound_[i] == nullptr) {
      inputs_.push_back(i);
    } else if (mut) {
      buffers_.push_back(i);
      weights_[i] = nullptr;
    }
  }
  for (uint32_t i = 0; i < function_.results.size(); ++i) {
    if (!function_.results[i].annotations.into.valid()) outputs_.push_back(i);
  }
}

std::shared_ptr<const Specialization> EntryPoint::FindRecent(const std::vector<int64_t>& symbols,
                                                             bool params_overlap,
                                                             const Target& target) {
  for (auto it = recent_.begin(); it != recent_.end(); ++it) {
    if ((*it)->symbols() != symbols || (*it)->params_overlap() != params_overlap ||
        &(*it)->target() != &target) {
      continue;
    }
    recent_.splice(recent_.begin(), recent_, it);
    return recent_.front();
  }
  return nullptr;
}

StatusOr<std::shared_ptr<const Specialization>> EntryPoint::Specialize(
    const std::vector<int64_t>& symbols, bool params_overlap, bool interp) {
  const Target& target = interp ? targets_.interp : targets_.tier;
  {
    std::lock_guard lock(mutex_);
    if (auto known = FindRecent(symbols, params_overlap, target)) return known;
  }
  GCOMP_ASSIGN_OR_RETURN(
      std::shared_ptr<const Specialization> made,
      Specialization::Create(module_, function_, weights_, symbols, params_overlap, target));
  bool evicted = false;
  {
    std::lock_guard lock(mutex_);
    // Another caller may have made the same one meanwhile: all use the first.
    if (auto known = FindRecent(symbols, params_overlap, target)) return known;
    recent_.push_front(made);
    evicted = recent_.size() > max_specializations_;
    if (evicted) recent_.pop_back();
  }
  // Without the lock: the embedder's log sink may do anything.
  std::string sizes;
  for (size_t i = 0; i < function_.num_symbol_params; ++i) {
    sizes += Format("{}{} = {}", i == 0 ? "" : ", ", function_.symbols[i].name, symbols[i]);
  }
  engine_.Tell(LogLevel::kInfo, Reason::kSpecialized, "@" + function_.name, std::move(sizes));
  if (evicted) {
    engine_.Tell(LogLevel::kInfo, Reason::kSpecializationEvicted, "@" + function_.name,
                 Format("more than {} sizes are in use", max_specializations_));
  }
  return made;
}

StatusOr<EntryPoint*> Session::Impl::Find(std::string_view function) {
  for (const auto& entry : entries) {
    if (entry->function().name == function) return entry.get();
  }
  std::string exported;
  for (const auto& entry : entries) exported += " @" + entry->function().name;
  return Status(ErrorId::E703, Format("no function @{} is exported; exported are:{}", function,
                                      exported.empty() ? " none" : exported));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Session::~Session() = default;

StatusOr<std::shared_ptr<Session>> Session::Load(std::shared_ptr<Engine> engine, ir::Module module,
                                                 std::shared_ptr<const WeightStore> weights,
                                                 const SessionOptions& options) {
  return Guarded([&] {
    return LoadUnguarded(std::move(engine), std::move(module), std::move(weights), options);
  });
}

StatusOr<std::shared_ptr<Session>> Session::LoadUnguarded(
    std::shared_ptr<Engine> engine, ir::Module module, std::shared_ptr<const WeightStore> weights,
    const SessionOptions& options) {
  FpEnvironment environment;  // formulas of ops have constants that are computed here
  if (engine == nullptr) return Status(ErrorId::E701, "a session needs an engine");
  ir::Diagnostics diagnostics("@" + module.name);
  ir::Verify(module, diagnostics);
  GCOMP_RETURN_IF_ERROR(diagnostics.ToStatus());
  // Equal functions become one, so that each is prepared once for all its callers.
  for (auto pass : {&ir::DedupeFunctions, &ir::DecomposeOps}) {
    StatusOr<bool> changed = pass(module, {engine->ops(), engine->cpu()});
    if (!changed.ok()) return std::move(changed).status();
  }
  auto impl = std::make_unique<Impl>();
  impl->engine = std::move(engine);
  impl->module = std::move(module);
  impl->weights = std::move(weights);
  impl->targets = MakeTargets(*impl->engine, options);
  WeightBinder binder(*impl);
  for (const auto& function : impl->module.functions) {
    if (!function->exported) continue;
    GCOMP_RETURN_IF_ERROR(CheckRunnable(*function));
    impl->entries.push_back(std::make_unique<EntryPoint>(
        *impl->engine, impl->module, *function, impl->targets, options.max_specializations));
    GCOMP_RETURN_IF_ERROR(binder.Bind(*impl->entries.back()));
  }
  GCOMP_RETURN_IF_ERROR(binder.Result());
  impl->engine->Tell(
      LogLevel::kInfo, Reason::kModuleLoaded, "@" + impl->module.name,
      Format("{} functions, {} exported", impl->module.functions.size(), impl->entries.size()));
  return std::shared_ptr<Session>(new Session(std::move(impl)));
}

const ir::Module& Session::module() const {
  return impl_->module;
}

Engine& Session::engine() const {
  return *impl_->engine;
}

std::vector<std::string> Session::functions() const {
  std::vector<std::string> names;
  for (const auto& entry : impl_->entries) names.push_back(entry->function().name);
  return names;
}

StatusOr<std::vector<PortInfo>> Session::inputs(std::string_view function) const {
  GCOMP_ASSIGN_OR_RETURN(EntryPoint * entry, impl_->Find(function));
  const Function& f = entry->function();
  std::vector<PortInfo> ports;
  for (uint32_t i : entry->inputs()) {
    const ir::Value& param = f.value(f.params()[i]);
    ports.push_back({param.name, param.type.ToString(f.Namer()), param.type});
  }
  return ports;
}

StatusOr<std::vector<PortInfo>> Session::outputs(std::string_view function) const {
  GCOMP_ASSIGN_OR_RETURN(EntryPoint * entry, impl_->Find(function));
  const Function& f = entry->function();
  std::vector<PortInfo> ports;
  const std::vector<ir::ValueId>& returned = f.block(f.body).yields;
  for (uint32_t i : entry->outputs()) {
    const Type& type = f.results[i].type;
    ports.push_back({f.value(returned[i]).name, type.ToString(f.Namer()), type});
  }
  return ports;
}

}  // namespace gcomp
