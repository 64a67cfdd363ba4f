#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>

#include "base/format.h"
#include "base/fp_environment.h"
#include "base/guarded.h"
#include "ir/op_def.h"
#include "ir/storage_roots.h"
#include "runtime/context_impl.h"
#include "runtime/describe.h"
#include "runtime/describe_plan.h"
#include "runtime/guard.h"

namespace gcomp {
namespace {

// Frames kept per context for sizes that take turns; each owns its buffers.
constexpr size_t kMaxFrames = 4;

// The name of the value that a step makes first; empty if it makes none.
std::string FirstResult(const BlockCode& code, const Instruction& instruction) {
  const ir::Function& function = *code.function;
  const bool fused = instruction.fused != Instruction::kNotFused;
  const ir::Op& op = function.op(fused ? code.fused[instruction.fused].ops.back() : instruction.op);
  return op.results.empty() ? "" : function.value(op.results[0]).name;
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
      const Instruction& instruction = code.instructions[i];
      std::string name = NameOf(code, instruction);
      if (name.empty()) continue;  // a copy of the runtime's own
      profile.push_back({std::move(name), where, FirstResult(code, instruction), counters[i].calls,
                         counters[i].time_ns});
    }
  }
}

// Adds to the counters of the same op, if it is there.
void MergeProfile(OpProfile op, std::vector<OpProfile>& profile) {
  auto same = std::find_if(profile.begin(), profile.end(), [&op](const OpProfile& other) {
    return other.name == op.name && other.function == op.function && other.result == op.result;
  });
  if (same == profile.end()) {
    profile.push_back(std::move(op));
  } else {
    same->calls += op.calls;
    same->time_ns += op.time_ns;
  }
}

// Host integers are sizes by value, so that shapes alone don't tell the specialization.
bool HasHostIntegers(const ir::Function& function) {
  return std::any_of(function.params().begin(), function.params().end(), [&](ir::ValueId id) {
    return function.value(id).type.kind() == ir::Type::Kind::kInt;
  });
}

}  // namespace

// Adds the counters of a frame that goes to those of the frames that are gone, op by op.
void Context::Impl::Retire(const Frame& frame) {
  std::vector<OpProfile> counters;
  AppendProfile(frame, counters);
  for (OpProfile& op : counters) MergeProfile(std::move(op), retired);
}

bool Context::Impl::FrameFits(const Frame& frame, std::span<const Tensor> inputs) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ir::TensorSpec& spec = InputSpec(frame, i);
    if (inputs[i].dtype() != spec.dtype || inputs[i].sizes() != spec.sizes) return false;
  }
  return true;
}

StatusOr<std::vector<int64_t>> Context::Impl::Symbols(std::span<const Tensor> inputs) const {
  std::vector<ir::TensorSpec> weight_specs;
  weight_specs.reserve(function().params().size());
  std::vector<Argument> arguments;
  for (size_t i = 0, input = 0; i < function().params().size(); ++i) {
    if (entry->bound()[i] == nullptr) {
      arguments.push_back({&inputs[input].spec(), inputs[input].data()});
      ++input;
      continue;
    }
    GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec,
                           ir::BindType(function().value(function().params()[i]).type, {}));
    weight_specs.push_back(std::move(spec));
    arguments.push_back({&weight_specs.back(), entry->bound()[i]});
  }
  return BindSymbols(function(), arguments, {}, ErrorId::E702);
}

StatusOr<Frame*> Context::Impl::FrameFor(std::span<const Tensor> inputs) {
  bool overlap = false;
  GCOMP_RETURN_IF_ERROR(CheckInputs(inputs, overlap));
  for (auto it = frames.begin(); it != frames.end() && !host_integers; ++it) {
    if ((*it)->code().params_overlap() != overlap || !FrameFits(**it, inputs)) continue;
    std::rotate(frames.begin(), it, it + 1);
    return frames[0].get();
  }
  GCOMP_ASSIGN_OR_RETURN(std::vector<int64_t> symbols, Symbols(inputs));
  for (auto it = frames.begin(); it != frames.end(); ++it) {
    if ((*it)->code().symbols() != symbols || (*it)->code().params_overlap() != overlap) continue;
    std::rotate(frames.begin(), it, it + 1);
    return frames[0].get();
  }
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const Specialization> code,
                         entry->Specialize(symbols, overlap, options.check_effects));
  if (frames.size() == kMaxFrames) {
    frames.back()->ForEach(retire);
    frames.pop_back();
  }
  FrameEnvironment environment;
  environment.interrupt = &interrupt;
  environment.deadline_ns = &deadline_ns;
  environment.log = &session->engine().log();
  environment.globals = state.globals();
  environment.aliases = &aliases;
  environment.retire = &retire;
  environment.profile = options.profile;
  environment.check_effects = options.check_effects;
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Frame> frame, Frame::Create(std::move(code), environment));
  frames.insert(frames.begin(), std::move(frame));
  return frames[0].get();
}

Context::Context(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Context::~Context() = default;

StatusOr<std::unique_ptr<Context>> Context::Create(std::shared_ptr<Session> session,
                                                   std::string_view function,
                                                   const ContextOptions& options) {
  if (session == nullptr) return Status(ErrorId::E701, "a context needs a session");
  return Guarded([&]() -> StatusOr<std::unique_ptr<Context>> {
    auto impl = std::make_unique<Impl>();
    impl->session = std::move(session);
    impl->options = options;
    GCOMP_RETURN_IF_ERROR(impl->Init(function));
    return std::unique_ptr<Context>(new Context(std::move(impl)));
  });
}

Status Context::Impl::Init(std::string_view name) {
  GCOMP_ASSIGN_OR_RETURN(entry, session->impl().Find(name));
  host_integers = HasHostIntegers(function());
  params.resize(function().params().size(), nullptr);
  results.resize(function().results.size(), nullptr);
  for (const ir::Result& result : function().results) {
    const std::vector<ir::ValueId>& all = function().params();
    const auto param = std::find(all.begin(), all.end(), result.annotations.into);
    into.push_back(param == all.end() ? kNoParam : static_cast<size_t>(param - all.begin()));
  }
  retire = [this](const Frame& frame) { Retire(frame); };
  GCOMP_RETURN_IF_ERROR(state.Init(session->impl().module, *entry));
  for (size_t i = 0; i < entry->buffers().size(); ++i) {
    params[entry->buffers()[i]] = state.buffers()[i].data();
  }
  return {};
}

Status Context::Run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs,
                    const RunOptions& options) {
  return Guarded([&] { return impl_->Run(inputs, outputs, options); });
}

// What a run that failed may have changed.
void Context::Impl::NoteWrites(Status& status) const {
  std::string names;
  const ir::StorageRoots roots(session->impl().module, function());
  for (ir::ValueId param : function().params()) {
    if (roots.written(param)) names += (names.empty() ? "%" : ", %") + function().value(param).name;
  }
  if (!names.empty()) status.AddNote("the run may have changed " + names);
  const std::vector<std::string>& effects = function().effects;
  if (std::find(effects.begin(), effects.end(), "state") != effects.end()) {
    status.AddNote("the run may have changed globals");
  }
}

Status Context::Impl::Run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs,
                          const RunOptions& run_options) {
  // Before anything is computed: preparing a function runs its constants.
  FpEnvironment environment;
  copies.clear();
  aliases.clear();
  GCOMP_ASSIGN_OR_RETURN(Frame * frame, FrameFor(inputs));
  GCOMP_RETURN_IF_ERROR(PrepareInputs(*frame, inputs));
  GCOMP_RETURN_IF_ERROR(PrepareOutputs(*frame, inputs, outputs));
  for (size_t i = 0; i < results.size(); ++i) {
    if (into[i] != kNoParam) results[i] = params[into[i]];
  }
  LateOutputs late(*this, inputs, outputs);
  const bool known = frame->code().late_blocks().empty();
  deadline_ns = run_options.deadline.has_value()
                    ? std::chrono::duration_cast<std::chrono::nanoseconds>(
                          run_options.deadline->time_since_epoch())
                          .count()
                    : 0;
  Status status = frame->Run(params, results, known ? nullptr : &late);
  if (status.ok()) status = Finish(*frame, inputs, outputs);
  copies.clear();
  if (!status.ok()) [[unlikely]] {
    NoteWrites(status);
    const bool past_deadline = !interrupt.load();
    // A deadline leaves a Cancel that came meanwhile to the next run.
    if (status.id() == ErrorId::E803 && !past_deadline) interrupt.store(false);
    session->engine().Tell(LogLevel::kInfo, Reason::kRunFailed, "@" + function().name,
                           status.ToString());
  }
  return status;
}

StatusOr<Tensor> Context::Buffer(std::string_view parameter) const {
  const ir::Function& function = impl_->function();
  const std::vector<uint32_t>& buffers = impl_->entry->buffers();
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (function.value(function.params()[buffers[i]]).name == parameter) {
      return impl_->state.buffers()[i];
    }
  }
  return Status(ErrorId::E703, Format("@{} has no buffer %{}", function.name, parameter));
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
  for (const auto& root : impl_->frames) {
    root->ForEach([&](const Frame& frame) {
      // Late frames repeat the ops of their block for other sizes.
      std::vector<OpProfile> counters;
      AppendProfile(frame, counters);
      const bool late = &frame != root.get();
      for (OpProfile& op : counters) {
        if (late) {
          MergeProfile(std::move(op), profile);
        } else {
          profile.push_back(std::move(op));
        }
      }
    });
  }
  return profile;
}

Status Context::Prepare(std::span<const Tensor> inputs) {
  return Guarded([&]() -> Status {
    FpEnvironment environment;
    return impl_->FrameFor(inputs).status();
  });
}

std::string Context::Describe() const {
  return impl_->frames.empty() ? std::string() : gcomp::Describe(*impl_->frames[0]);
}

std::string Context::DescribePlan() const {
  return impl_->frames.empty() ? std::string() : gcomp::DescribePlan(*impl_->frames[0]);
}

}  // namespace gcomp
