#include "runtime/frame.h"

#include <chrono>

#include "base/format.h"
#include "ir/text.h"

namespace gcomp {
namespace {

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Status Cancelled() {
  return Status(ErrorId::E803, "the caller asked to stop");
}

// The error of a step, with the op it came from.
Status AtStep(Status status, const BlockCode& code, size_t step) {
  const ir::Op& op = code.function->op(code.instructions[step].op);
  status.AddNote(Format("in @{}: {}", code.function->name, ir::PrintOpLine(*code.function, op)));
  return status;
}

}  // namespace

// Gives one op access to the blocks it runs.
class Frame::Runner final : public ir::RegionRunner {
 public:
  Runner(Frame& frame, const uint32_t* children) : frame_(frame), children_(children) {}

  Status RunRegion(size_t r, std::span<void* const> operands,
                   std::span<void* const> results) override {
    return frame_.RunBlock(frame_.blocks_[children_[r]], operands, results);
  }

  Status Poll() override {
    return frame_.interrupt_ != nullptr && frame_.interrupt_->load(std::memory_order_relaxed)
               ? Cancelled()
               : Status();
  }

 private:
  Frame& frame_;
  const uint32_t* children_;
};

Frame::~Frame() = default;

StatusOr<std::unique_ptr<Frame>> Frame::Create(std::shared_ptr<const Specialization> code,
                                               const std::atomic<bool>* interrupt, bool profile) {
  std::unique_ptr<Frame> frame(new Frame());
  frame->code_ = std::move(code);
  frame->interrupt_ = interrupt;
  frame->profile_ = profile;
  GCOMP_ASSIGN_OR_RETURN(frame->arena_, Tensor::Empty(DType::kU8, {frame->arena_bytes()}));
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
  if (profile_) block.counters.resize(block.steps.size());
  return {};
}

Status Frame::Run(std::span<void* const> params, std::span<void* const> results) {
  return RunBlock(blocks_[0], params, results);
}

Status Frame::RunBlock(BlockFrame& block, std::span<void* const> params,
                       std::span<void* const> results) {
  const BlockCode& code = *block.code;
  void** slots = block.slots.data();
  for (uint32_t i : block.dynamic_params) slots[code.params[i]] = params[i];
  for (size_t i = 0; i < code.yields.size(); ++i) {
    if (code.yields[i].direct) slots[code.yields[i].slot] = results[i];
  }
  for (const PointerMove& move : code.moves) {
    slots[move.result] = static_cast<char*>(slots[move.operand]) + move.byte_offset;
  }
  Status status = profile_ ? RunStepsTimed(block) : RunSteps(block);
  if (!status.ok()) [[unlikely]]
    return status;
  for (size_t i = 0; i < code.yields.size(); ++i) {
    const BlockCode::Yield& yield = code.yields[i];
    if (yield.direct) continue;
    yield.copy.Run(slots[yield.slot], results[i]);
  }
  ++block.runs;
  return {};
}

Status Frame::RunSteps(BlockFrame& block) {
  const std::atomic<bool>* interrupt = interrupt_;
  for (const Step& step : block.steps) {
    if (interrupt != nullptr && interrupt->load(std::memory_order_relaxed)) [[unlikely]] {
      return Cancelled();
    }
    Status status = step.kernel->Run(step.args);
    if (!status.ok()) [[unlikely]] {
      return AtStep(std::move(status), *block.code,
                    static_cast<size_t>(&step - block.steps.data()));
    }
  }
  return {};
}

Status Frame::RunStepsTimed(BlockFrame& block) {
  int64_t before = NowNs();
  for (size_t i = 0; i < block.steps.size(); ++i) {
    if (interrupt_ != nullptr && interrupt_->load(std::memory_order_relaxed)) return Cancelled();
    const Step& step = block.steps[i];
    Status status = step.kernel->Run(step.args);
    if (!status.ok()) return AtStep(std::move(status), *block.code, i);
    int64_t after = NowNs();
    ++block.counters[i].calls;
    block.counters[i].time_ns += static_cast<uint64_t>(after - before);
    before = after;
  }
  return {};
}

std::vector<StepCounter> Frame::Counters(size_t b) const {
  const BlockFrame& block = blocks_[b];
  if (profile_) return block.counters;
  return std::vector<StepCounter>(block.steps.size(), StepCounter{block.runs, 0});
}

}  // namespace gcomp
