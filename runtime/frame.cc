#include "runtime/frame.h"

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "base/format.h"
#include "base/hash.h"
#include "ir/op_def.h"
#include "ir/text.h"
#include "runtime/guard.h"

namespace gcomp {
namespace {

// Sizes that take turns in one late block; what was made for others is made again.
constexpr size_t kMaxLateFrames = 16;

// The error of a step, with the line of its op or the names of its ops.
Status AtStep(Status status, const BlockCode& code, const Instruction& step) {
  const ir::Function& function = *code.function;
  const std::string where =
      step.op.valid() ? ir::PrintOpLine(function, function.op(step.op)) : NameOf(code, step);
  if (!where.empty()) status.AddNote(Format("in @{}: {}", function.name, where));
  return status;
}

Status CopyOf(const Status& status) {
  Status copy(status.id(), status.message());
  for (const std::string& note : status.notes()) copy.AddNote(note);
  return copy;
}

}  // namespace

// Gives one op access to the blocks it runs.
class Frame::Runner final : public ir::RegionRunner {
 public:
  Runner(Frame& frame, const Child* children) : frame_(frame), children_(children) {}

  Status RunRegion(size_t r, std::span<void* const> operands,
                   std::span<void* const> results) override {
    return RunChild(children_[r], operands, results, nullptr);
  }

  Status RunRegion(size_t r, std::span<void* const> operands, std::span<void* const> results,
                   ir::RegionResults& out) override {
    return RunChild(children_[r], operands, results, &out);
  }

  Status Poll() override { return frame_.MayStop() ? frame_.WhyStop() : Status(); }

  void Print(std::string_view text) override {
    if (frame_.environment_.log != nullptr) frame_.environment_.log->Write(LogLevel::kInfo, text);
  }

 private:
  Status RunChild(Child child, std::span<void* const> operands, std::span<void* const> results,
                  ir::RegionResults* out) {
    if (child.late) return frame_.RunLate(child.index, operands, results, out);
    return frame_.RunBlock(frame_.blocks_[child.index], operands, results, out);
  }

  Frame& frame_;
  const Child* children_;
};

// Takes what the op before a tail finds out.
class Frame::Definer final : public ir::DynamicResults {
 public:
  explicit Definer(BlockFrame& block)
      : block_(block),
        function_(*block.code->function),
        op_(function_.op(block.code->instructions.back().op)),
        defined_(op_.defines.size()) {}

  Status Define(size_t i, int64_t value) override {
    GCOMP_ENSURE(i < op_.defines.size(), "an op defines the symbols that it lists");
    const ir::SymId id = op_.defines[i];
    const ir::Symbol& symbol = function_.symbols[id.index()];
    block_.symbols[id.index()] = value;
    defined_[i] = true;
    std::optional<int64_t> low = symbol.low.Evaluate(block_.symbols);
    std::optional<int64_t> high =
        symbol.high.has_value() ? symbol.high->Evaluate(block_.symbols) : INT64_MAX;
    if (low && high && value >= *low && value <= *high && value % symbol.multiple == 0) return {};
    std::string range = Format("[{}, {}]", symbol.low.ToString(function_.Namer()),
                               symbol.high ? symbol.high->ToString(function_.Namer()) : "inf");
    if (symbol.multiple > 1) range += Format(" and be a multiple of {}", symbol.multiple);
    return Status(ErrorId::E401, Format("{} is {}, must lie in {}", symbol.name, value, range));
  }

  StatusOr<void*> Allocate(size_t i) override {
    GCOMP_ENSURE(i < op_.results.size(), "an op gives memory to its own results");
    GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec,
                           ir::BindType(function_.value(op_.results[i]).type, block_.symbols));
    Tensor& memory = block_.defined[i];
    if (!memory.defined() || memory.spec().SpanBytes() < spec.SpanBytes()) {
      GCOMP_ASSIGN_OR_RETURN(memory, Tensor::Empty(DType::kU8, {spec.SpanBytes()}));
    }
    const Instruction& instruction = block_.code->instructions.back();
    block_.slots[block_.code->slot_lists[instruction.results + i]] = memory.data();
    return memory.data();
  }

  // Symbols whose values are results: `item`, int carries.
  Status TakeInts() {
    for (size_t i = 0; i < op_.defines.size(); ++i) {
      for (size_t r = 0; r < op_.results.size() && !defined_[i]; ++r) {
        const ir::Type& type = function_.value(op_.results[r]).type;
        if (type.kind() != ir::Type::Kind::kInt ||
            type.value() != ir::Expr::Symbol(op_.defines[i])) {
          continue;
        }
        const Instruction& instruction = block_.code->instructions.back();
        const void* data = block_.slots[block_.code->slot_lists[instruction.results + r]];
        GCOMP_RETURN_IF_ERROR(Define(i, *static_cast<const int64_t*>(data)));
      }
      GCOMP_ENSURE(defined_[i], "an op tells the sizes that it defines");
    }
    return {};
  }

 private:
  BlockFrame& block_;
  const ir::Function& function_;
  const ir::Op& op_;
  std::vector<bool> defined_;
};

// ---- Making -------------------------------------------------------------------------------------

Frame::~Frame() = default;

StatusOr<std::unique_ptr<Frame>> Frame::Create(std::shared_ptr<const Specialization> code,
                                               const FrameEnvironment& environment) {
  std::unique_ptr<Frame> frame(new Frame());
  frame->code_ = std::move(code);
  frame->environment_ = environment;
  GCOMP_ASSIGN_OR_RETURN(frame->arena_, Tensor::Empty(DType::kU8, {frame->code_->arena_bytes()}));
  frame->late_.resize(frame->code_->late_blocks().size());
  frame->blocks_.resize(frame->code_->blocks().size());
  for (size_t b = 0; b < frame->blocks_.size(); ++b) {
    GCOMP_RETURN_IF_ERROR(frame->MakeBlock(*frame->code_->blocks()[b], frame->blocks_[b]));
  }
  return frame;
}

Status Frame::MakeBlock(const BlockCode& code, BlockFrame& block) {
  block.code = &code;
  block.slots.assign(code.specs.size(), nullptr);
  char* arena = static_cast<char*>(arena_.data()) + code.arena_offset;
  for (const BlockCode::ArenaSlot& slot : code.arena_slots) {
    block.slots[slot.slot] = arena + slot.offset;
  }
  // Nothing writes to a constant; slots are not const because the others are written.
  for (const BlockCode::ConstantSlot& slot : code.constants) {
    block.slots[slot.slot] = const_cast<void*>(slot.data);
  }
  for (const BlockCode::GlobalSlot& slot : code.globals) {
    GCOMP_ENSURE(slot.global < environment_.globals.size(), "each global has its memory");
    block.slots[slot.slot] = environment_.globals[slot.global];
  }
  for (const PointerMove& move : code.fixed_moves) {
    block.slots[move.result] = static_cast<char*>(block.slots[move.operand]) + move.byte_offset;
  }
  for (uint32_t i = 0; i < code.params.size(); ++i) {
    if (block.slots[code.params[i]] == nullptr) block.dynamic_params.push_back(i);
  }
  block.steps.reserve(code.instructions.size());
  for (const Instruction& instruction : code.instructions) {
    GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::KernelState> state, instruction.kernel->NewState());
    // Ops without regions share one runner.
    if (runners_.empty() || instruction.num_children > 0) {
      runners_.push_back(
          std::make_unique<Runner>(*this, code.child_lists.data() + instruction.children));
    }
    Runner& runner = instruction.num_children > 0 ? *runners_.back() : *runners_.front();
    const uint32_t* lists = code.slot_lists.data();
    block.steps.push_back(
        {instruction.kernel,
         {block.slots.data(), lists + instruction.operands, lists + instruction.results,
          arena + instruction.scratch_offset, state.get(), &runner}});
    if (state != nullptr) states_.push_back(std::move(state));
  }
  if (environment_.profile) block.counters.resize(block.steps.size());
  block.results.resize(code.results.size());
  if (!code.tail.has_value()) return {};
  block.defining.push_back(block.steps.back());
  block.steps.pop_back();
  block.defined.resize(code.function->op(code.instructions.back().op).results.size());
  block.symbols = code_->late_blocks()[code.tail->late]->symbols.values;
  block.tail_params.resize(code.tail->operands.size());
  return {};
}

// ---- Running ------------------------------------------------------------------------------------

Status Frame::Run(std::span<void* const> params, std::span<void* const> results,
                  ir::RegionResults* out) {
  return RunBlock(blocks_[0], params, results, out);
}

Status Frame::RunBlock(BlockFrame& block, std::span<void* const> params,
                       std::span<void* const> results, ir::RegionResults* out) {
  const BlockCode& code = *block.code;
  if (code.failure.has_value()) [[unlikely]]
    return CopyOf(*code.failure);
  void** slots = block.slots.data();
  for (uint32_t i : block.dynamic_params) slots[code.params[i]] = params[i];
  if (out != nullptr) GCOMP_RETURN_IF_ERROR(Place(block, results, out));
  for (size_t i = 0; i < code.yields.size(); ++i) {
    if (code.yields[i].direct) slots[code.yields[i].slot] = results[i];
  }
  for (const PointerMove& move : code.moves) {
    slots[move.result] = static_cast<char*>(slots[move.operand]) + move.byte_offset;
  }
  const bool watched = environment_.profile || environment_.check_effects;
  Status status = watched ? RunStepsWatched(block) : RunSteps(block);
  if (!status.ok()) [[unlikely]]
    return status;
  if (code.tail.has_value()) [[unlikely]] {
    GCOMP_RETURN_IF_ERROR(RunTail(block, results, out));
  } else {
    for (uint32_t i : code.copies) {
      code.yields[i].copy.Run(slots[code.yields[i].slot], results[i]);
    }
    if (environment_.aliases != nullptr) [[unlikely]]
      TellAliases(block);
  }
  ++block.runs;
  return {};
}

// Asks for memory for the results that have none yet, as far as their sizes are known here.
Status Frame::Place(BlockFrame& block, std::span<void* const>& results, ir::RegionResults* out) {
  for (size_t i = 0; i < results.size(); ++i) {
    block.results[i] = results[i];
    const ir::TensorSpec& spec = block.code->results[i];
    const bool alias = !block.code->yields.empty() && block.code->yields[i].alias;
    if (results[i] != nullptr || !ir::IsKnown(spec) || alias) continue;
    GCOMP_ASSIGN_OR_RETURN(block.results[i], out->Place(i, spec));
  }
  results = block.results;
  return {};
}

void Frame::TellAliases(const BlockFrame& block) {
  const BlockCode& code = *block.code;
  if (&block != &blocks_[0]) return;
  for (size_t i = 0; i < code.yields.size(); ++i) {
    if (!code.yields[i].alias) continue;
    const uint32_t slot = code.yields[i].slot;
    environment_.aliases->push_back({i, block.slots[slot], code.specs[slot]});
  }
}

Status Frame::WhyStop() const {
  const std::atomic<bool>* interrupt = environment_.interrupt;
  if (interrupt != nullptr && interrupt->load(std::memory_order_relaxed)) {
    return Status(ErrorId::E803, "the caller asked to stop");
  }
  const int64_t* deadline_ns = environment_.deadline_ns;
  if (deadline_ns == nullptr || *deadline_ns == 0 || NowNs() < *deadline_ns) return {};
  return Status(ErrorId::E803, "the deadline of the run has passed");
}

Status Frame::RunSteps(BlockFrame& block) {
  for (const Step& step : block.steps) {
    if (MayStop()) [[unlikely]]
      GCOMP_RETURN_IF_ERROR(WhyStop());
    Status status = step.kernel->Run(step.args);
    if (!status.ok()) [[unlikely]] {
      const auto index = static_cast<size_t>(&step - block.steps.data());
      return AtStep(std::move(status), *block.code, block.code->instructions[index]);
    }
  }
  return {};
}

Status Frame::RunStepsWatched(BlockFrame& block) {
  int64_t before = NowNs();
  for (size_t i = 0; i < block.steps.size(); ++i) {
    if (MayStop()) GCOMP_RETURN_IF_ERROR(WhyStop());
    const Step& step = block.steps[i];
    Status status =
        environment_.check_effects ? RunStepChecked(block, i) : step.kernel->Run(step.args);
    if (!status.ok()) {
      return AtStep(std::move(status), *block.code, block.code->instructions[i]);
    }
    if (!environment_.profile) continue;
    int64_t after = NowNs();
    ++block.counters[i].calls;
    block.counters[i].time_ns += static_cast<uint64_t>(after - before);
    before = after;
  }
  return {};
}

// Runs a step and fails if it wrote an operand that its record, and the memory that it shares with
// operands that it may write, leaves alone.
Status Frame::RunStepChecked(const BlockFrame& block, size_t index) {
  const Step& step = block.steps[index];
  const Instruction& instruction = block.code->instructions[index];
  if (!instruction.op.valid()) return step.kernel->Run(step.args);
  const ir::Op& op = block.code->function->op(instruction.op);
  // Ops with regions and callees: their own steps are checked.
  if (instruction.num_children > 0 || op.def->has_global) return step.kernel->Run(step.args);
  auto bytes_of = [&](uint32_t slot) {
    return std::string_view(static_cast<const char*>(block.slots[slot]),
                            static_cast<size_t>(block.code->specs[slot].SpanBytes()));
  };
  auto overlap = [](std::string_view a, std::string_view b) {
    return a.data() < b.data() + b.size() && b.data() < a.data() + a.size();
  };
  const uint32_t* operands = block.code->slot_lists.data() + instruction.operands;
  std::vector<std::pair<size_t, Hash128>> kept;
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const auto bytes = bytes_of(operands[i]);
    bool written = i < 64 && (op.def->effects.writes >> i & 1) != 0;
    for (size_t j = 0; j < op.operands.size() && j < 64; ++j) {
      written = written ||
                ((op.def->effects.writes >> j & 1) != 0 && overlap(bytes, bytes_of(operands[j])));
    }
    if (!written) kept.emplace_back(i, Hasher().Add(bytes).Digest());
  }
  GCOMP_RETURN_IF_ERROR(step.kernel->Run(step.args));
  for (const auto& [i, hash] : kept) {
    if (Hasher().Add(bytes_of(operands[i])).Digest() == hash) continue;
    return Status(ErrorId::E999,
                  Format("{} wrote operand {}, which its record does not say", op.def->name, i));
  }
  return {};
}

// ---- Sizes that the run tells -------------------------------------------------------------------

Status Frame::RunTail(BlockFrame& block, std::span<void* const> results, ir::RegionResults* out) {
  const BlockCode& code = *block.code;
  const Step& step = block.defining.front();
  const Instruction& instruction = code.instructions.back();
  const ir::Function& function = *code.function;
  const ir::Op& op = function.op(instruction.op);
  Definer definer(block);
  bool dynamic = false;
  for (size_t r = 0; r < op.results.size(); ++r) {
    dynamic = dynamic || !ir::IsKnown(code.specs[code.slot_lists[instruction.results + r]]);
  }
  Status status =
      dynamic ? step.kernel->RunDynamic(step.args, definer) : step.kernel->Run(step.args);
  if (status.ok()) status = definer.TakeInts();
  if (!status.ok()) return AtStep(std::move(status), code, instruction);
  if (environment_.profile) ++block.counters.back().calls;

  const LateBlock& late = *code_->late_blocks()[code.tail->late];
  std::vector<int64_t> key;
  SymbolValues symbols = late.symbols;
  for (ir::SymId id : late.binds) {
    symbols.values[id.index()] = block.symbols[id.index()];
    symbols.known[id.index()] = true;
    key.push_back(block.symbols[id.index()]);
  }
  GCOMP_ASSIGN_OR_RETURN(Frame * frame,
                         LateFrame(code.tail->late, std::move(key), std::move(symbols)));
  for (size_t i = 0; i < code.tail->operands.size(); ++i) {
    block.tail_params[i] = block.slots[code.tail->operands[i]];
  }
  if (out != nullptr && code.block == function.body) {
    for (size_t i = 0; i < function.defines.size(); ++i) {
      const auto& binds = late.binds;
      if (std::find(binds.begin(), binds.end(), function.defines[i]) == binds.end()) continue;
      GCOMP_RETURN_IF_ERROR(out->Define(i, block.symbols[function.defines[i].index()]));
    }
  }
  return frame->Run(block.tail_params, results, out);
}

Status Frame::RunLate(uint32_t index, std::span<void* const> params, std::span<void* const> results,
                      ir::RegionResults* out) {
  const LateBlock& late = *code_->late_blocks()[index];
  std::vector<int64_t> key;
  SymbolValues symbols = late.symbols;
  if (late.kind == LateBlock::Kind::kCallee) {
    std::vector<Argument> arguments;
    for (size_t i = 0; i < late.argument_specs.size(); ++i) {
      const void* constant = late.argument_constants[i];
      arguments.push_back({&late.argument_specs[i], constant != nullptr ? constant : params[i]});
    }
    const ir::Function& callee = *late.range.function;
    GCOMP_ASSIGN_OR_RETURN(key, BindSymbols(callee, arguments, late.explicit_sizes, ErrorId::E401));
    symbols.values = key;
    symbols.known.assign(callee.symbols.size(), false);
    for (size_t i = 0; i < callee.num_symbol_params; ++i) symbols.known[i] = true;
  } else {
    for (size_t i = 0; i < late.binds.size(); ++i) {
      const int64_t value = *static_cast<const int64_t*>(params[late.bind_params[i]]);
      symbols.values[late.binds[i].index()] = value;
      symbols.known[late.binds[i].index()] = true;
      key.push_back(value);
    }
  }
  GCOMP_ASSIGN_OR_RETURN(Frame * frame, LateFrame(index, std::move(key), std::move(symbols)));
  return frame->Run(params, results, out);
}

StatusOr<Frame*> Frame::LateFrame(uint32_t index, std::vector<int64_t> key, SymbolValues symbols) {
  auto& frames = late_[index].frames;
  for (auto it = frames.begin(); it != frames.end(); ++it) {
    if (it->first != key) continue;
    std::rotate(frames.begin(), it, it + 1);
    return frames.front().second.get();
  }
  const LateBlock& late = *code_->late_blocks()[index];
  GCOMP_ASSIGN_OR_RETURN(
      std::shared_ptr<const Specialization> code,
      Specialization::Create(code_->module(), late.range, std::move(symbols), code_->target()));
  FrameEnvironment environment = environment_;
  if (!late.range.entry) environment.aliases = nullptr;
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Frame> frame, Create(std::move(code), environment));
  if (frames.size() == kMaxLateFrames) {
    if (environment_.retire != nullptr) frames.back().second->ForEach(*environment_.retire);
    frames.pop_back();
  }
  frames.insert(frames.begin(), {std::move(key), std::move(frame)});
  return frames.front().second.get();
}

// ---- Questions ----------------------------------------------------------------------------------

int64_t Frame::arena_bytes() const {
  int64_t bytes = 0;
  ForEach([&](const Frame& frame) { bytes += frame.code_->arena_bytes(); });
  return bytes;
}

std::vector<StepCounter> Frame::Counters(size_t b) const {
  const BlockFrame& block = blocks_[b];
  if (environment_.profile) return block.counters;
  return std::vector<StepCounter>(block.code->instructions.size(), StepCounter{block.runs, 0});
}

void Frame::ForEach(const std::function<void(const Frame&)>& visit) const {
  visit(*this);
  for (const LateFrames& late : late_) {
    for (const auto& [key, frame] : late.frames) frame->ForEach(visit);
  }
}

}  // namespace gcomp
