#include "runtime/describe_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "runtime/describe.h"

namespace gcomp {
namespace {

// Operations of a scalar expression: constants and parameters are none.
int64_t OperationsOf(const ir::ScalarGraph& graph) {
  return std::count_if(graph.nodes().begin(), graph.nodes().end(),
                       [](const ir::ScalarGraph::Node& node) {
                         return node.prim != ir::Prim::kConst && node.prim != ir::Prim::kParam;
                       });
}

// nullopt = a size is not known.
std::optional<int64_t> Product(const std::vector<ir::Expr>& sizes) {
  int64_t product = 1;
  for (const ir::Expr& size : sizes) {
    const std::optional<int64_t> value = size.Evaluate({});
    if (!value) return std::nullopt;
    product *= *value;
  }
  return product;
}

std::optional<int64_t> OperationsOf(const ir::Stage& stage) {
  const std::optional<int64_t> points = Product(stage.axes);
  const std::optional<int64_t> row = Product(stage.reduce_axes);
  if (!points || !row) return std::nullopt;
  const int64_t body = OperationsOf(stage.body);
  if (stage.kind == ir::Stage::Kind::kMap) return *points * body;
  const int64_t combined = *points * *row;
  const int64_t finished = stage.kind == ir::Stage::Kind::kScan ? combined : *points;
  return combined * (body + OperationsOf(stage.combine)) + finished * OperationsOf(stage.finish);
}

class PlanText {
 public:
  PlanText(const BlockCode& code, std::string sizes)
      : code_(code), function_(*code.function), sizes_(std::move(sizes)) {
    for (const BlockCode::ArenaSlot& slot : code.arena_slots) buffers_[slot.slot] = &slot;
    for (size_t i = 0; i < code.yields.size(); ++i) {
      if (code.yields[i].direct) outputs_[code.yields[i].slot] = i;
    }
  }

  std::string ToString() const {
    const std::string& label = function_.block(code_.block).label;
    std::string text = Format("plan of @{}{}{}: {} steps, {} bytes of buffers, at most {} in use\n",
                              function_.name, label.empty() ? "" : "/" + label, sizes_,
                              code_.instructions.size(), code_.arena_bytes, MostInUse());
    for (size_t i = 0; i < code_.instructions.size(); ++i) {
      const Instruction& step = code_.instructions[i];
      const std::string name = NameOf(code_, step);
      const std::optional<int64_t> operations = Operations(step);
      const std::vector<uint32_t> live_in = code_.LiveIn(i);
      text += Format(
          "  step {:<3} {:<16} reads {} B, writes {} B, {}{}; live before it: {} ({} B)\n", i,
          name.empty() ? "copy" : name, Bytes(code_.OperandsOf(step)), Bytes(code_.ResultsOf(step)),
          operations ? Format("{} operations", *operations) : "-", Places(step), live_in.size(),
          Bytes(live_in));
    }
    text += Cuts();
    if (code_.tail.has_value()) text += "  the rest follows when its sizes are known\n";
    return text;
  }

 private:
  // The most bytes of buffers and scratch that are in use during one step.
  int64_t MostInUse() const {
    std::vector<int64_t> change(code_.instructions.size() + 1);  // of bytes in use, by step
    for (const BlockCode::ArenaSlot& slot : code_.arena_slots) {
      const int64_t bytes = code_.specs[slot.slot].SpanBytes();
      change[slot.first] += bytes;
      if (slot.last + 1 < change.size()) change[slot.last + 1] -= bytes;
    }
    int64_t most = 0;
    int64_t in_use = 0;
    for (size_t i = 0; i < code_.instructions.size(); ++i) {
      in_use += change[i];
      const auto scratch = static_cast<int64_t>(code_.instructions[i].kernel->scratch_bytes());
      most = std::max(most, in_use + scratch);
    }
    return most;
  }

  // By reason, in the order of the text.
  std::string Cuts() const {
    std::vector<std::pair<std::string, std::string>> reasons;
    for (const FusionNote& cut : code_.cuts) {
      auto same = std::find_if(reasons.begin(), reasons.end(),
                               [&](const auto& reason) { return reason.first == cut.why; });
      if (same == reasons.end()) same = reasons.insert(reasons.end(), {cut.why, ""});
      same->second += Format("    {}, {}\n", Label(cut.producer), Label(cut.consumer));
    }
    std::string text;
    for (const auto& [why, pairs] : reasons) text += Format("  not fused: {}\n{}", why, pairs);
    return text;
  }

  // Each slot once; of a view its own elements.
  int64_t Bytes(std::span<const uint32_t> slots) const {
    int64_t bytes = 0;
    for (uint32_t slot : std::set<uint32_t>(slots.begin(), slots.end())) {
      const ir::TensorSpec& spec = code_.specs[slot];
      if (!ir::IsKnown(spec)) continue;
      bytes += std::min(spec.SpanBytes(), spec.NumElements() * ir::BytesOf(spec.dtype));
    }
    return bytes;
  }

  // nullopt = not known.
  std::optional<int64_t> Operations(const Instruction& step) const {
    if (step.fused != Instruction::kNotFused) return code_.fused[step.fused].operations;
    if (!step.op.valid()) return 0;
    const ir::Op& op = function_.op(step.op);
    if (op.def->lowering.loops == nullptr) return std::nullopt;
    StatusOr<ir::LoopNest> nest =
        ir::LowerOp(function_, op, Specs(code_.OperandsOf(step), op.operands.size()),
                    Specs(code_.ResultsOf(step), op.results.size()));
    if (!nest.ok()) return std::nullopt;
    int64_t operations = 0;
    for (const ir::Stage& stage : nest->stages) {
      const std::optional<int64_t> of_stage = OperationsOf(stage);
      if (!of_stage) return std::nullopt;
      operations += *of_stage;
    }
    return operations;
  }

  std::vector<ir::TensorSpec> Specs(std::span<const uint32_t> slots, size_t count) const {
    std::vector<ir::TensorSpec> specs;
    for (uint32_t slot : slots.first(std::min(count, slots.size()))) {
      specs.push_back(code_.specs[slot]);
    }
    return specs;
  }

  std::string NameOfSlot(uint32_t slot) const {
    const ir::ValueId value = code_.values[slot];
    return value.valid() ? "%" + function_.value(value).name : "a copy";
  }

  std::string Places(const Instruction& step) const {
    std::string text;
    for (uint32_t slot : code_.ResultsOf(step)) {
      text += "; " + NameOfSlot(slot);
      if (auto buffer = buffers_.find(slot); buffer != buffers_.end()) {
        text += Format(" at {} ({} B)", buffer->second->offset, code_.specs[slot].SpanBytes());
        text += buffer->second->last < code_.instructions.size()
                    ? Format(" until {}", buffer->second->last)
                    : " until the end";
      } else if (auto output = outputs_.find(slot); output != outputs_.end()) {
        text += Format(" to output {}", output->second);
      } else {
        text += " in its operand";
      }
    }
    return text;
  }

  // "%h = exp"
  std::string Label(ir::OpId id) const {
    const ir::Op& op = function_.op(id);
    const std::string result =
        op.results.empty() ? "" : "%" + function_.value(op.results[0]).name + " = ";
    return result + std::string(op.def->name);
  }

  const BlockCode& code_;
  const ir::Function& function_;
  std::string sizes_;
  std::map<uint32_t, const BlockCode::ArenaSlot*> buffers_;
  std::map<uint32_t, size_t> outputs_;
};

}  // namespace

std::string DescribePlan(const Specialization& code) {
  std::string text;
  for (const auto& block : code.blocks()) {
    text += PlanText(*block, SizesOf(code, *block)).ToString();
  }
  return text;
}

std::string DescribePlan(const Frame& frame) {
  std::string text;
  frame.ForEach([&](const Frame& part) { text += DescribePlan(part.code()); });
  return text;
}

}  // namespace gcomp
