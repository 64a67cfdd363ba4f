#include "runtime/hazard_check.h"

#include <cstdint>
#include <iterator>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "base/format.h"

namespace gcomp {
namespace {

class Checker {
 public:
  explicit Checker(const BlockCode& code)
      : code_(code),
        root_(code.specs.size()),
        offset_(code.specs.size(), kNotInArena),
        lives_(code.specs.size()),
        is_fixed_(code.specs.size()) {
    std::iota(root_.begin(), root_.end(), 0u);
    // In each list a view of a view comes behind it; fixed views are never made of others.
    for (const std::vector<PointerMove>* moves : {&code.fixed_moves, &code.moves}) {
      for (const PointerMove& move : *moves) root_[move.result] = root_[move.operand];
    }
    for (const BlockCode::ArenaSlot& slot : code.arena_slots) offset_[slot.slot] = slot.offset;
    for (const BlockCode::Life& life : code.lives) lives_[life.slot] = &life;
    for (const BlockCode::ConstantSlot& constant : code.constants) is_fixed_[constant.slot] = true;
    for (const BlockCode::GlobalSlot& global : code.globals) is_fixed_[global.slot] = true;
  }

  Status Run() {
    for (size_t i = 0; i < code_.instructions.size(); ++i) GCOMP_RETURN_IF_ERROR(Step(i));
    const size_t end = code_.instructions.size();
    for (const BlockCode::Yield& yield : code_.yields) {
      GCOMP_RETURN_IF_ERROR(IsLive(yield.slot, end));
      if (!yield.direct) GCOMP_RETURN_IF_ERROR(Read(yield.slot, end));
    }
    if (!code_.tail.has_value()) return {};
    for (uint32_t slot : code_.tail->operands) {
      GCOMP_RETURN_IF_ERROR(IsLive(slot, end));
      GCOMP_RETURN_IF_ERROR(Read(slot, end));
    }
    return {};
  }

 private:
  static constexpr int64_t kNotInArena = -1;
  static constexpr uint32_t kScratch = UINT32_MAX;

  Status Step(size_t i) {
    const Instruction& step = code_.instructions[i];
    // Results and scratch are written while operands are still read.
    for (uint32_t at = step.results; at < step.end; ++at) {
      const uint32_t slot = code_.slot_lists[at];
      if (root_[slot] == slot && offset_[slot] != kNotInArena)
        Write(slot, offset_[slot], Bytes(slot));
    }
    const auto scratch = static_cast<int64_t>(step.kernel->scratch_bytes());
    if (scratch > 0) Write(kScratch, step.scratch_offset, scratch);
    for (uint32_t slot : code_.OperandsOf(step)) GCOMP_RETURN_IF_ERROR(IsLive(slot, i));
    for (uint32_t at = step.operands; at < step.end; ++at) {
      GCOMP_RETURN_IF_ERROR(Read(code_.slot_lists[at], i));
    }
    return {};
  }

  // What is read must be among the live-ins of the boundary before.
  Status IsLive(uint32_t slot, size_t boundary) const {
    const uint32_t root = root_[slot];
    const BlockCode::Life* life = lives_[root];
    const bool is_live =
        life != nullptr ? life->from <= boundary && boundary <= life->until : is_fixed_[root];
    if (is_live) return {};
    return Status(
        ErrorId::E999,
        Format("step {} reads slot {}, which is not among the live-ins before it", boundary, slot));
  }

  int64_t Bytes(uint32_t slot) const { return code_.specs[slot].SpanBytes(); }

  void Write(uint32_t owner, int64_t begin, int64_t bytes) {
    if (bytes == 0) return;
    auto first = owners_.upper_bound(begin);
    if (first != owners_.begin() && std::prev(first)->second.first > begin)
      first = std::prev(first);
    auto last = first;
    while (last != owners_.end() && last->first < begin + bytes) ++last;
    owners_.erase(first, last);
    owners_.emplace(begin, std::make_pair(begin + bytes, owner));
  }

  Status Read(uint32_t slot, size_t step) const {
    const uint32_t root = root_[slot];
    if (offset_[root] == kNotInArena || Bytes(root) == 0) return {};
    auto owner = owners_.find(offset_[root]);
    if (owner != owners_.end() && owner->second.second == root) return {};
    return Status(ErrorId::E999,
                  Format("step {} reads slot {}, whose buffer at {} holds another value", step,
                         slot, offset_[root]));
  }

  const BlockCode& code_;
  std::vector<uint32_t> root_;                 // by slot
  std::vector<int64_t> offset_;                // by slot, in the arena
  std::vector<const BlockCode::Life*> lives_;  // by slot
  std::vector<bool> is_fixed_;                 // by slot: constants and globals
  // Begin of a range -> its end and whose value it holds.
  std::map<int64_t, std::pair<int64_t, uint32_t>> owners_;
};

}  // namespace

Status CheckHazards(const BlockCode& code) {
  return Checker(code).Run();
}

}  // namespace gcomp
