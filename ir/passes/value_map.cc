#include "ir/passes/value_map.h"

namespace gcomp::ir {

void ValueMap::Replace(ValueId from, ValueId to) {
  to = Resolve(to);
  if (from == to) return;
  if (from.index() >= to_.size()) to_.resize(from.index() + 1);
  to_[from.index()] = to;
  empty_ = false;
}

ValueId ValueMap::Resolve(ValueId value) {
  ValueId last = value;
  while (last.index() < to_.size() && to_[last.index()].valid()) last = to_[last.index()];
  while (value != last) {  // shortens the path for the next question
    ValueId next = to_[value.index()];
    to_[value.index()] = last;
    value = next;
  }
  return last;
}

void ValueMap::ApplyTo(std::vector<ValueId>& uses) {
  if (empty_) return;
  for (ValueId& use : uses) use = Resolve(use);
}

void ValueMap::ApplyTo(Function& function, Op& op) {
  if (empty_) return;
  ApplyTo(op.operands);
  for (ValueId result : op.results) {
    Annotations& facts = function.value(result).annotations;
    if (facts.alias.valid()) facts.alias = Resolve(facts.alias);
    if (facts.into.valid()) facts.into = Resolve(facts.into);
  }
}

}  // namespace gcomp::ir
