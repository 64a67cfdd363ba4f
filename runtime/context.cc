#include <algorithm>
#include <atomic>
#include <utility>

#include "base/format.h"
#include "base/fp_environment.h"
#include "base/guarded.h"
#include "ir/op_def.h"
#include "runtime/describe.h"
#include "runtime/engine.h"
#include "runtime/frame.h"
#include "runtime/guard.h"
#include "runtime/session_impl.h"

namespace gcomp {
namespace {

// Frames kept per context for sizes that take turns; each owns its buffers.
constexpr size_t kMaxFrames = 4;

bool Overlap(const Tensor& a, const Tensor& b) {
  if (a.NumElements() == 0 || b.NumElements() == 0) return false;
  auto begin_a = reinterpret_cast<uintptr_t>(a.data());
  auto begin_b = reinterpret_cast<uintptr_t>(b.data());
  return begin_a < begin_b + static_cast<uintptr_t>(b.spec().SpanBytes()) &&
         begin_b < begin_a + static_cast<uintptr_t>(a.spec().SpanBytes());
}

// The counters of a frame, with the names of the ops they belong to.
void AppendProfile(const Frame& frame, std::vector<OpProfile>& profile) {
  const auto& blocks = frame.code().blocks();
  for (size_t b = 0; b < blocks.size(); ++b) {
    const BlockCode& code = *blocks[b];
    const ir::Function& function = *code.function;
    const std::string& label = function.block(code.block).label;
    std::string where = label.empty() ? function.name : function.name + "/" + label;
    std::vector<StepCounter> counters = frame.Counters(b);
    for (size_t i = 0; i < counters.size(); ++i) {
      const ir::Op& op = function.op(code.instructions[i].op);
      std::string result = op.results.empty() ? "" : function.value(op.results[0]).name;
      profile.push_back({std::string(op.def->name), where, std::move(result), counters[i].calls,
                         counters[i].time_ns});
    }
  }
}

}  // namespace

struct Context::Impl {
  std::shared_ptr<Session> session;
  EntryPoint* entry = nullptr;
  bool host_integers = false;  // a parameter is int<e>: sizes depend on values
  ContextOptions options;
  std::atomic<bool> interrupt{false};
  std::vector<std::unique_ptr<Frame>> frames;  // the one in use first
  std::vector<OpProfile> retired;              // counters of frames that are gone
  std::vector<Tensor> copies;                  // inputs that were copied for this run
  std::vector<void*> params;                   // by parameter of the function
  std::vector<void*> results;

  // The spec that input i must have in the frame.
  const ir::TensorSpec& InputSpec(const Frame& frame, size_t i) const {
    const BlockCode& root = frame.code().root();
    return root.specs[root.params[entry->inputs()[i]]];
  }

  Status Run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs);
  bool FrameFits(const Frame& frame, std::span<const Tensor> inputs) const;
  void Retire(const Frame& frame);
  StatusOr<Frame*> FrameFor(std::span<const Tensor> inputs);
  Status PrepareOutputs(const Frame& frame, std::span<const Tensor> inputs,
                        std::vector<Tensor>& outputs);
  Status PrepareInputs(const Frame& frame, std::span<const Tensor> inputs);
};

// Host integers are sizes by value, so that shapes alone don't tell the specialization.
bool HasHostIntegers(const ir::Function& function) {
  return std::any_of(function.params().begin(), function.params().end(), [&](ir::ValueId id) {
    return function.value(id).type.kind() == ir::Type::Kind::kInt;
  });
}

// Adds the counters of a frame that goes to those of the frames that are gone, op by op.
void Context::Impl::Retire(const Frame& frame) {
  std::vector<OpProfile> counters;
  AppendProfile(frame, counters);
  for (OpProfile& op : counters) {
    auto same = std::find_if(retired.begin(), retired.end(), [&op](const OpProfile& other) {
      return other.name == op.name && other.function == op.function && other.result == op.result;
    });
    if (same == retired.end()) {
      retired.push_back(std::move(op));
    } else {
      same->calls += op.calls;
      same->time_ns += op.time_ns;
    }
  }
}

bool Context::Impl::FrameFits(const Frame& frame, std::span<const Tensor> inputs) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ir::TensorSpec& spec = InputSpec(frame, i);
    if (inputs[i].dtype() != spec.dtype || inputs[i].sizes() != spec.sizes) return false;
  }
  return true;
}

StatusOr<Frame*> Context::Impl::FrameFor(std::span<const Tensor> inputs) {
  const ir::Function& function = entry->function();
  if (inputs.size() != entry->inputs().size()) {
    return Status(ErrorId::E702, Format("@{} takes {} inputs, got {}", function.name,
                                        entry->inputs().size(), inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) {
      return Status(ErrorId::E702, Format("@{}: input {} is not a tensor", function.name, i));
    }
  }
  for (auto it = frames.begin(); it != frames.end() && !host_integers; ++it) {
    if (!FrameFits(**it, inputs)) continue;
    std::rotate(frames.begin(), it, it + 1);
    return frames[0].get();
  }

  std::vector<ir::TensorSpec> weight_specs;
  weight_specs.reserve(function.params().size());
  std::vector<Argument> arguments;
  for (size_t i = 0, input = 0; i < function.params().size(); ++i) {
    if (entry->weights()[i] == nullptr) {
      arguments.push_back({&inputs[input].spec(), inputs[input].data()});
      ++input;
      continue;
    }
    GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec,
                           ir::BindType(function.value(function.params()[i]).type, {}));
    weight_specs.push_back(std::move(spec));
    arguments.push_back({&weight_specs.back(), entry->weights()[i]});
  }
  GCOMP_ASSIGN_OR_RETURN(std::vector<int64_t> symbols,
                         BindSymbols(function, arguments, {}, ErrorId::E702));
  for (auto it = frames.begin(); it != frames.end(); ++it) {
    if ((*it)->code().symbols() != symbols) continue;
    std::rotate(frames.begin(), it, it + 1);
    return frames[0].get();
  }
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const Specialization> code, entry->Specialize(symbols));
  if (frames.size() == kMaxFrames) {
    Retire(*frames.back());
    frames.pop_back();
  }
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Frame> frame,
                         Frame::Create(std::move(code), &interrupt, options.profile));
  frames.insert(frames.begin(), std::move(frame));
  return frames[0].get();
}

Status Context::Impl::PrepareInputs(const Frame& frame, std::span<const Tensor> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ir::TensorSpec& spec = InputSpec(frame, i);
    void* data = inputs[i].data();
    if (!inputs[i].spec().SameLayout(spec)) {
      GCOMP_ASSIGN_OR_RETURN(Tensor bytes, Tensor::Empty(DType::kU8, {spec.SpanBytes()}));
      CopyElements(inputs[i].spec(), data, spec, bytes.data());
      data = bytes.data();
      copies.push_back(std::move(bytes));
      session->engine().Tell(LogLevel::kInfo, Reason::kInputCopied, "@" + entry->function().name,
                             Format("input {}: its strides are not those of the parameter", i));
    }
    params[entry->inputs()[i]] = data;
  }
  return {};
}

Status Context::Impl::PrepareOutputs(const Frame& frame, std::span<const Tensor> inputs,
                                     std::vector<Tensor>& outputs) {
  const std::vector<BlockCode::Yield>& yields = frame.code().root().yields;
  const std::string& name = entry->function().name;
  if (outputs.empty()) outputs.resize(yields.size());
  if (outputs.size() != yields.size()) {
    return Status(ErrorId::E702, Format("@{} has {} results, {} outputs were given", name,
                                        yields.size(), outputs.size()));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].defined()) continue;
    const ir::TensorSpec& spec = yields[i].destination;
    if (!outputs[i].spec().SameLayout(spec)) {
      return Status(ErrorId::E702, Format("@{}: output {} is {}, must be row-major {}", name, i,
                                          outputs[i].TypeString(), spec.ToString()));
    }
    for (const Tensor& input : inputs) {
      if (Overlap(input, outputs[i])) {
        return Status(ErrorId::E702, Format("@{}: output {} overlaps an input", name, i));
      }
    }
    for (size_t j = 0; j < i; ++j) {
      if (outputs[j].defined() && Overlap(outputs[j], outputs[i])) {
        return Status(ErrorId::E702, Format("@{}: outputs {} and {} overlap", name, j, i));
      }
    }
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ir::TensorSpec& spec = yields[i].destination;
    if (!outputs[i].defined()) {
      GCOMP_ASSIGN_OR_RETURN(outputs[i], Tensor::Empty(spec.dtype, spec.sizes));
    }
    outputs[i].storage()->BumpVersion();
    results[i] = outputs[i].data();
  }
  return {};
}

Context::Context(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Context::~Context() = default;

StatusOr<std::unique_ptr<Context>> Context::Create(std::shared_ptr<Session> session,
                                                   std::string_view function,
                                                   const ContextOptions& options) {
  if (session == nullptr) return Status(ErrorId::E701, "a context needs a session");
  return Guarded([&]() -> StatusOr<std::unique_ptr<Context>> {
    auto impl = std::make_unique<Impl>();
    GCOMP_ASSIGN_OR_RETURN(impl->entry, session->impl().Find(function));
    impl->session = std::move(session);
    impl->options = options;
    impl->host_integers = HasHostIntegers(impl->entry->function());
    impl->params.resize(impl->entry->function().params().size(), nullptr);
    impl->results.resize(impl->entry->function().results.size(), nullptr);
    return std::unique_ptr<Context>(new Context(std::move(impl)));
  });
}

Status Context::Run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  return Guarded([&] { return impl_->Run(inputs, outputs); });
}

Status Context::Impl::Run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  // Before anything is computed: preparing a function runs its constants.
  FpEnvironment environment;
  copies.clear();
  GCOMP_ASSIGN_OR_RETURN(Frame * frame, FrameFor(inputs));
  GCOMP_RETURN_IF_ERROR(PrepareOutputs(*frame, inputs, outputs));
  GCOMP_RETURN_IF_ERROR(PrepareInputs(*frame, inputs));
  Status status = frame->Run(params, results);
  copies.clear();
  if (!status.ok()) [[unlikely]] {
    if (status.id() == ErrorId::E803) interrupt.store(false);
    session->engine().Tell(LogLevel::kInfo, Reason::kRunFailed, "@" + entry->function().name,
                           status.ToString());
  }
  return status;
}

void Context::Cancel() {
  impl_->interrupt.store(true);
}

int64_t Context::buffer_bytes() const {
  int64_t bytes = 0;
  for (const auto& frame : impl_->frames) bytes += frame->arena_bytes();
  return bytes;
}

std::vector<OpProfile> Context::Profile() const {
  std::vector<OpProfile> profile = impl_->retired;
  for (const auto& frame : impl_->frames) AppendProfile(*frame, profile);
  return profile;
}

std::string Context::Describe() const {
  return impl_->frames.empty() ? std::string() : gcomp::Describe(impl_->frames[0]->code());
}

}  // namespace gcomp
