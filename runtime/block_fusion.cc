#include "runtime/block_fusion.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/storage_roots.h"

namespace gcomp {
namespace {

using ir::Op;

// What ops run whose ops are not looked at here: it may do anything that ops may.
bool RunsOthers(const Op& op) {
  return op.def->has_callee || !op.regions.empty();
}

// Why an op is not part of a loop nest that computes several; empty = it may be.
std::string WhyAlone(const FusionInput& input, const OpDraft& draft) {
  const Op& op = input.function.op(draft.op);
  const ir::Effects& effects = op.def->effects;
  if (RunsOthers(op)) return "it runs other ops";
  if (effects.write != ir::WriteKind::kNone) return "it writes in place";
  if (effects.ordered != ir::OrderedKind::kNone) return "it has an effect that keeps its place";
  if (effects.checks) return "it may stop the run";
  if (effects.data_dependent || !op.defines.empty()) return "it defines a size";
  if (draft.operands.size() != op.operands.size()) return "it reads what only the run tells";
  const ir::Lowering& lowering = op.def->lowering;
  if (lowering.loops == nullptr) {
    return lowering.why.empty() ? "it has no loops" : Format("no loops: {}", lowering.why);
  }
  for (const std::vector<uint32_t>* slots : {&draft.operands, &draft.results}) {
    for (uint32_t slot : *slots) {
      if (!input.slots[slot].known) return "its sizes are known when it runs";
      if (input.specs[slot].NumElements() == 0) return "it has a tensor without elements";
      if (input.slots[slot].written_storage != SlotFacts::kNeverWritten) {
        return "its memory is written in place by an op";
      }
    }
  }
  return "";
}

// Finds for each op, in turn, the earlier ones that must run before it for what they do besides
// making its operands.
class Order {
 public:
  explicit Order(const FusionInput& input) : input_(input) {}

  std::vector<uint32_t> Add(uint32_t index) {
    const OpDraft& draft = input_.ops[index];
    const Op& op = input_.function.op(draft.op);
    const bool runs_others = RunsOthers(op);
    after_.clear();
    After(barrier_);
    AddMemory(index, draft, op);
    if (runs_others || op.def->effects.checks ||
        op.def->effects.ordered != ir::OrderedKind::kNone ||
        op.def->effects.write == ir::WriteKind::kGlobal) {
      After(ordered_);
      ordered_ = index;
    }
    // What comes behind a check relies on it.
    if (runs_others || op.def->effects.checks) barrier_ = index;
    std::sort(after_.begin(), after_.end());
    after_.erase(std::unique(after_.begin(), after_.end()), after_.end());
    return after_;
  }

 private:
  struct Uses {
    std::optional<uint32_t> write;
    std::vector<uint32_t> reads;  // since then
  };

  void After(std::optional<uint32_t> op) {
    if (op) after_.push_back(*op);
  }

  void AddMemory(uint32_t index, const OpDraft& draft, const Op& op) {
    // Which of its operands a region writes, the op does not tell.
    const bool all = RunsOthers(op);
    uint64_t written = ir::WrittenOperands(input_.module, op);
    if (op.def->effects.write != ir::WriteKind::kNone) written |= op.def->effects.writes;
    std::vector<uint32_t> reads;
    std::vector<uint32_t> writes;
    for (size_t i = 0; i < draft.operands.size(); ++i) {
      const uint32_t storage = input_.slots[draft.operands[i]].written_storage;
      if (storage == SlotFacts::kNeverWritten) continue;
      const bool writes_it = all || (i < 64 && (written >> i & 1) != 0);
      (writes_it ? writes : reads).push_back(storage);
    }
    for (uint32_t storage : reads) After(uses_[storage].write);
    for (uint32_t storage : writes) {
      Uses& uses = uses_[storage];
      After(uses.write);
      after_.insert(after_.end(), uses.reads.begin(), uses.reads.end());
    }
    for (uint32_t storage : reads) uses_[storage].reads.push_back(index);
    for (uint32_t storage : writes) uses_[storage] = {index, {}};
    // Its own memory, that later ops write: they come behind it as behind a reader.
    for (uint32_t slot : draft.results) {
      const uint32_t storage = input_.slots[slot].written_storage;
      if (storage == SlotFacts::kNeverWritten) continue;
      if (std::find(writes.begin(), writes.end(), storage) != writes.end()) continue;
      After(uses_[storage].write);
      uses_[storage].reads.push_back(index);
    }
    // An op is not before itself.
    std::erase(after_, index);
  }

  const FusionInput& input_;
  std::map<uint32_t, Uses> uses_;  // by written storage
  std::optional<uint32_t> ordered_;
  std::optional<uint32_t> barrier_;
  std::vector<uint32_t> after_;
};

}  // namespace

void DropDead(const ir::Function& function, std::span<const SlotFacts> slots,
              std::vector<OpDraft>& ops) {
  std::vector<bool> read(slots.size());  // by storage
  std::vector<bool> dead(ops.size());
  for (size_t i = ops.size(); i-- > 0;) {
    const Op& op = function.op(ops[i].op);
    const bool may_go =
        op.def->effects.pure() && op.def->lowering.loops != nullptr && op.defines.empty();
    dead[i] = may_go && std::none_of(ops[i].results.begin(), ops[i].results.end(), [&](uint32_t r) {
                return slots[r].escapes || read[slots[r].storage];
              });
    if (dead[i]) continue;
    for (uint32_t slot : ops[i].operands) read[slots[slot].storage] = true;
  }
  size_t next = 0;
  std::erase_if(ops, [&](const OpDraft&) { return dead[next++]; });
}

codegen::FusionGraph MakeFusionGraph(const FusionInput& input) {
  codegen::FusionGraph graph;
  graph.symbols.assign(input.symbols.begin(), input.symbols.end());
  graph.tensors.reserve(input.slots.size());
  for (size_t i = 0; i < input.slots.size(); ++i) {
    const SlotFacts& slot = input.slots[i];
    graph.tensors.push_back({input.specs[i], slot.storage, slot.byte_offset, slot.escapes});
  }
  for (const OpDraft& draft : input.ops) {
    const Op& op = input.function.op(draft.op);
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const ir::Value& value = input.function.value(op.operands[i]);
      if (value.kind != ir::Value::Kind::kLiteral) continue;
      graph.tensors[draft.operands[i]].literal = value.literal;
    }
  }
  Order order(input);
  graph.ops.reserve(input.ops.size());
  for (uint32_t i = 0; i < input.ops.size(); ++i) {
    const OpDraft& draft = input.ops[i];
    graph.ops.push_back({.function = &input.function,
                         .op = &input.function.op(draft.op),
                         .operands = draft.operands,
                         .results = draft.results,
                         .after = order.Add(i),
                         .alone = WhyAlone(input, draft)});
  }
  return graph;
}

}  // namespace gcomp
