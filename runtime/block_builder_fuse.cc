// BlockBuilder: the ops of a block in the order and the kernels of the compiled tier.
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "ir/op_def.h"
#include "jit/compiler.h"
#include "jit/fuse.h"
#include "runtime/block_builder.h"

namespace gcomp {

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
    std::vector<CompiledUnit> compiled = CompileUnits(fusion.units, drafts);
    for (size_t i = 0; i < fusion.units.size(); ++i) {
      if (compiled[i].kernel != nullptr) {
        PlaceFused(fusion.units[i], std::move(compiled[i]));
      } else {
        for (uint32_t op : fusion.units[i].ops) AddInstruction(std::move(drafts[op]));
      }
    }
  }
  if (last) AddInstruction(*std::move(last));
  return {};
}

// Kernels for the units that are fused, compiled together; by unit, null where that fails.
std::vector<BlockBuilder::CompiledUnit> BlockBuilder::CompileUnits(
    std::span<const codegen::FusionUnit> units, std::span<const OpDraft> drafts) {
  const Target& target = parent_.target();
  CompileCounts& counts = parent_.compiled_;
  std::vector<CompiledUnit> compiled(units.size());
  std::vector<codegen::CompileRequest> requests;
  std::vector<size_t> asked_by;  // unit of each request
  for (size_t i = 0; i < units.size(); ++i) {
    for (uint32_t op : units[i].ops) compiled[i].ops.push_back(drafts[op].op);
    if (!units[i].kernel) continue;
    requests.push_back({.fused = &*units[i].kernel,
                        .name = function_.name + ": " + NamesOf(function_, compiled[i].ops),
                        .dump = target.code_sink ? &compiled[i].text : nullptr});
    asked_by.push_back(i);
  }
  if (requests.empty()) return compiled;
  const int64_t begin = NowNs();
  std::vector<StatusOr<std::unique_ptr<ir::Kernel>>> kernels =
      target.compiler->CompileAll(requests);
  counts.time_ns += NowNs() - begin;
  for (size_t i = 0; i < kernels.size(); ++i) {
    if (kernels[i].ok()) {
      compiled[asked_by[i]].kernel = *std::move(kernels[i]);
    } else if (counts.failed++ == 0) {
      counts.first_failure = kernels[i].status().ToString();
    }
  }
  return compiled;
}

// Makes one instruction of the ops of a unit.
void BlockBuilder::PlaceFused(const codegen::FusionUnit& unit, CompiledUnit compiled) {
  const codegen::FusedKernel& fused = *unit.kernel;
  const Target& target = parent_.target();
  CompileCounts& counts = parent_.compiled_;
  ++counts.kernels;
  counts.ops += static_cast<int64_t>(unit.ops.size());
  if (target.code_sink) {
    target.code_sink({function_.name, NamesOf(function_, compiled.ops),
                      std::move(compiled.text.llvm), std::move(compiled.text.assembly)});
  }
  OpDraft draft;
  draft.kernel = std::move(compiled.kernel);
  for (const codegen::Buffer& buffer : fused.buffers) {
    (buffer.written ? draft.results : draft.operands).push_back(buffer.tensor);
  }
  AddInstruction(std::move(draft));
  FusedOps ops;
  ops.ops = std::move(compiled.ops);
  ops.operations = fused.PrimsPerElement() * fused.Points() * (fused.has_row ? fused.row : 1);
  code_.instructions.back().fused = static_cast<uint32_t>(code_.fused.size());
  code_.fused.push_back(std::move(ops));
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
