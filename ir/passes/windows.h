// Windows: the ops of a function's body as a sequence for FindRepeats, for outlining: which are
// alike, which may be moved into another function, how they use each other's results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ir/module.h"
#include "ir/passes/purity.h"

namespace gcomp::ir {

// Where values of the body's block are made and used, and which ops may stand in a window. What it
// tells stays that of the ops as they were, also while calls take over their results.
//
// Cost: linear in the function. Thread safety: may be read from any thread.
class Body {
 public:
  Body(const Module& module, const Function& function, Purity& purity);

  const std::vector<OpId>& ops() const { return ops_; }

  // By position: equal for ops that do the same with operands of equal types (OpClasses); that of
  // an op which must stay where it is is like no other.
  std::span<const uint32_t> classes() const { return classes_; }

  // By position, and one more: how many values made before it are used from it on.
  std::span<const uint32_t> cuts() const { return cuts_; }

  // True if the value is made by one of the ops in [start, end).
  bool IsMadeIn(ValueId id, size_t start, size_t end) const {
    return made_at_[id.index()] >= start && made_at_[id.index()] < end;
  }

  // Requires a value that an op of the body makes.
  size_t PositionOf(ValueId id) const { return made_at_[id.index()]; }

  // True if an op at or after `end`, or the terminator, uses the value.
  bool IsUsedFrom(size_t end, ValueId id) const { return last_use_[id.index()] >= end; }

 private:
  void FindClasses(const Module& module, Purity& purity);
  void FindCuts();

  const Function& function_;
  std::vector<OpId> ops_;
  std::vector<uint32_t> made_at_;   // by value: the position of its op
  std::vector<uint32_t> last_use_;  // by value; the number of ops for the terminator
  std::vector<uint32_t> classes_;
  std::vector<uint32_t> cuts_;
};

// Divides windows of equal ops by how these use each other's results and what comes from outside,
// numbered by first use. Thread safety: one thread.
class Wiring {
 public:
  Wiring(const Function& function, const Body& body)
      : function_(function), body_(body), seen_(function.values.size()) {}

  // Windows that have a result which no call returns are in no group.
  std::vector<std::vector<size_t>> Divide(size_t length, std::span<const size_t> starts);

 private:
  struct Seen {
    size_t window = 0;
    uint32_t number = 0;
  };

  bool Describe(size_t start, size_t end, std::vector<uint32_t>& wiring);

  const Function& function_;
  const Body& body_;
  std::vector<Seen> seen_;  // by value: its number among those from outside
  size_t window_ = 0;
};

}  // namespace gcomp::ir
