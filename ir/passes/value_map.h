// ValueMap: values of a function that stand for others from now on, applied use by use, so that a
// pass replaces any number of values in one walk.
#pragma once

#include <vector>

#include "ir/module.h"

namespace gcomp::ir {

// Cost: one word per value of the function; O(1) amortised per question.
// Thread safety: one thread.
class ValueMap {
 public:
  explicit ValueMap(const Function& function) : to_(function.values.size()) {}

  // Uses of `from` mean `to` (itself possibly replaced). Both are values of one block.
  void Replace(ValueId from, ValueId to);

  ValueId Resolve(ValueId value);

  bool empty() const { return empty_; }

  void ApplyTo(std::vector<ValueId>& uses);

  // Operands, and the aliasing facts of the results.
  void ApplyTo(Function& function, Op& op);

 private:
  std::vector<ValueId> to_;  // invalid = itself
  bool empty_ = true;
};

}  // namespace gcomp::ir
