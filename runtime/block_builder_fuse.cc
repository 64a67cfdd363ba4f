// BlockBuilder: the ops of a block in the order and the kernels of the compiled tier.
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "ir/op_def.h"
#include "jit/compiler.h"
#include "jit/fuse.h"
#include "runtime/block_builder.h"

namespace gcomp {
namespace {

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// What fusion must know of each slot; `read_behind` are read by who runs behind the drafts.
std::vector<SlotFacts> BlockBuilder::FactsOfSlots(std::span<const ir::ValueId> read_behind,
                                                  std::span<const uint32_t> read_by_last) const {
  std::vector<SlotFacts> facts(code_.specs.size());
  for (const PointerMove& move : all_moves_) {
    facts[move.result].byte_offset = facts[move.operand].byte_offset + move.byte_offset;
  }
  for (uint32_t slot = 0; slot < facts.size(); ++slot) {
    const uint32_t root = Root(slot);
    facts[slot].storage = root;
    facts[slot].known = ir::IsKnown(code_.specs[slot]);
    const ir::ValueId value = value_of_[root];
    if (!value.valid() || !Written(value)) continue;
    facts[slot].written_storage = static_cast<uint32_t>(facts_.roots.root(value).index());
  }
  auto escape = [&](uint32_t slot) {
    facts[slot].escapes = true;
    facts[facts[slot].storage].escapes = true;
  };
  for (ir::ValueId id : read_behind) {
    if (auto slot = slot_of_.find(id); slot != slot_of_.end()) escape(slot->second);
  }
  for (uint32_t slot : read_by_last) escape(slot);
  return facts;
}

// Makes instructions of the drafts. `keep_last`: the last one stays behind all others.
Status BlockBuilder::PlaceDrafts(std::span<const ir::ValueId> read_behind, bool keep_last) {
  if (drafts_.empty()) return {};
  std::vector<OpDraft> drafts = std::exchange(drafts_, {});
  std::optional<OpDraft> last;
  if (keep_last) {
    last = std::move(drafts.back());
    drafts.pop_back();
  }
  if (range_.params_overlap && facts_.roots.any_written()) {
    // Any of them may be what an op writes.
    for (OpDraft& draft : drafts) AddInstruction(std::move(draft));
  } else {
    const std::vector<SlotFacts> slots =
        FactsOfSlots(read_behind, last ? last->operands : std::vector<uint32_t>());
    DropDead(function_, slots, drafts);
    codegen::Fusion fusion = codegen::Fuse(
        MakeFusionGraph({parent_.module_, function_, code_.specs, slots, drafts, symbols_.values}),
        parent_.target().compiler->fusion());
    for (const codegen::FusionCut& cut : fusion.cuts) {
      code_.cuts.push_back({drafts[cut.producer].op, drafts[cut.consumer].op, cut.why});
    }
    for (const codegen::FusionUnit& unit : fusion.units) {
      if (!unit.kernel || !PlaceFused(unit, drafts)) {
        for (uint32_t op : unit.ops) AddInstruction(std::move(drafts[op]));
      }
    }
  }
  if (last) AddInstruction(*std::move(last));
  return {};
}

// Compiles the ops of a unit into one instruction; false if that fails.
bool BlockBuilder::PlaceFused(const codegen::FusionUnit& unit, std::span<const OpDraft> drafts) {
  const codegen::FusedKernel& fused = *unit.kernel;
  FusedOps ops;
  for (uint32_t op : unit.ops) ops.ops.push_back(drafts[op].op);
  ops.operations = fused.PrimsPerElement() * fused.Points() * (fused.has_row ? fused.row : 1);
  const Target& target = parent_.target();
  codegen::CodeDump text;
  const int64_t begin = NowNs();
  StatusOr<std::unique_ptr<ir::Kernel>> kernel =
      target.compiler->Compile(fused, target.code_sink ? &text : nullptr);
  CompileCounts& counts = parent_.compiled_;
  counts.time_ns += NowNs() - begin;
  if (!kernel.ok()) {
    if (counts.failed++ == 0) counts.first_failure = kernel.status().ToString();
    return false;
  }
  ++counts.kernels;
  counts.ops += static_cast<int64_t>(unit.ops.size());
  if (target.code_sink) {
    target.code_sink({function_.name, NamesOf(function_, ops.ops), std::move(text.llvm),
                      std::move(text.assembly)});
  }
  OpDraft draft;
  draft.kernel = *std::move(kernel);
  for (const codegen::Buffer& buffer : fused.buffers) {
    (buffer.written ? draft.results : draft.operands).push_back(buffer.tensor);
  }
  AddInstruction(std::move(draft));
  code_.instructions.back().fused = static_cast<uint32_t>(code_.fused.size());
  code_.fused.push_back(std::move(ops));
  return true;
}

// Drops the moves of pointers that nobody reads: of views that only fused kernels know.
void BlockBuilder::DropUnreadMoves() {
  std::vector<bool> read(code_.specs.size());
  for (uint32_t slot : code_.slot_lists) read[slot] = true;
  for (const BlockCode::Yield& yield : code_.yields) read[yield.slot] = true;
  if (code_.tail.has_value()) {
    for (uint32_t slot : code_.tail->operands) read[slot] = true;
  }
  // A view of a view comes behind it.
  for (size_t i = all_moves_.size(); i-- > 0;) {
    if (read[all_moves_[i].result]) read[all_moves_[i].operand] = true;
  }
  std::erase_if(all_moves_, [&](const PointerMove& move) { return !read[move.result]; });
}

}  // namespace gcomp
