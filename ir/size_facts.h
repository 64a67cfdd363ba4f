// SizeFacts: what `sym.check` has told about sizes, for type inference.
//
// An equality of a symbol with an expression lets the symbol be replaced by it; two sizes are equal
// if they are the same expression after all replacements. Other predicates are kept out: they
// narrow no type.
//
// Cost: Same is linear in the sizes and in the number of facts. Thread safety: one thread.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "ir/expr.h"

namespace gcomp::ir {

struct Op;

class SizeFacts {
 public:
  // Learns from a predicate that holds from here on: `a == b`, also inside `and`.
  void Add(const Expr& predicate);

  bool empty() const { return equal_.empty(); }

  // True if a and b are equal wherever the facts hold.
  bool Same(const Expr& a, const Expr& b) const;

  // What is learned inside a region is forgotten at its end.
  size_t mark() const { return equal_.size(); }

  void Forget(size_t mark) { equal_.resize(mark); }

 private:
  // `e` with every symbol that a fact replaces replaced.
  Expr Canonical(const Expr& e) const;

  std::vector<std::pair<SymId, Expr>> equal_;  // the symbol is this, in terms of the others
};

// Adds what holds after `op`: the predicate of a `sym.check`.
void LearnSizes(const Op& op, SizeFacts& facts);

}  // namespace gcomp::ir
