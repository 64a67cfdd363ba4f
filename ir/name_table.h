// NameTable: names of one scope to 32-bit ids, by open addressing over views of the text.
//
// A scope of a text is small and short-lived, and a parse looks up a name per operand, so the table
// allocates one array and keeps it when it is cleared.
//
// Cost: O(1) per call on average. Thread safety: one thread. The names outlive the table.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace gcomp::ir {

class NameTable {
 public:
  // Adds `name`, or returns the id that it already has.
  std::optional<uint32_t> Insert(std::string_view name, uint32_t id) {
    if (2 * (count_ + 1) > slots_.size()) Grow();
    Slot& slot = slots_[IndexOf(name)];
    if (slot.name.data() != nullptr) return slot.id;
    slot = {name, id};
    ++count_;
    return std::nullopt;
  }

  std::optional<uint32_t> Find(std::string_view name) const {
    if (count_ == 0) return std::nullopt;
    const Slot& slot = slots_[IndexOf(name)];
    if (slot.name.data() == nullptr) return std::nullopt;
    return slot.id;
  }

  void Clear() {
    if (count_ == 0) return;
    count_ = 0;
    // A table that one large scope has grown is not cleared again and again for small ones.
    if (slots_.size() > kKeptSlots) {
      slots_ = {};
    } else {
      slots_.assign(slots_.size(), Slot());
    }
  }

  // Calls `visit` with each name.
  template <class Visit>
  void ForEachName(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.name.data() != nullptr) visit(slot.name);
    }
  }

 private:
  struct Slot {
    std::string_view name;  // data() == nullptr: free
    uint32_t id = 0;
  };

  // The slot of `name`, or the free one where it goes. Requires a free slot.
  size_t IndexOf(std::string_view name) const {
    const size_t mask = slots_.size() - 1;
    size_t i = std::hash<std::string_view>()(name) & mask;
    while (slots_[i].name.data() != nullptr && slots_[i].name != name) i = (i + 1) & mask;
    return i;
  }

  static constexpr size_t kKeptSlots = 64;

  void Grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.name.data() != nullptr) slots_[IndexOf(slot.name)] = slot;
    }
  }

  std::vector<Slot> slots_;  // a power of two, at most half full
  size_t count_ = 0;
};

}  // namespace gcomp::ir
