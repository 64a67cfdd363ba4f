// Purity: which ops may be removed when unused and merged when equal, regions and callees included.
#pragma once

#include <unordered_map>
#include <vector>

#include "ir/module.h"

namespace gcomp::ir {

// Answers for one module that does not change its effects in between (removing or merging pure ops
// does not). A loop that might not end counts as pure: that it ends is what its author promises.
// Thread safety: one thread (answers for functions are kept).
class Purity {
 public:
  explicit Purity(const Module& module) : module_(module) {}

  // True if the op's record is pure, and so are all ops in its regions and its callee. An op that
  // defines size symbols is never pure here: types of other values may speak of them.
  bool IsPure(const Function& function, const Op& op);

  // True if no op of the function, at any depth, has an effect and its header declares none.
  bool IsPure(const Function& function);

 private:
  void Solve(const Function& root);
  std::vector<const Function*> CalleesOf(const Function& function) const;

  const Module& module_;
  // False while a function is being looked at, so that recursion (which does not verify) ends.
  std::unordered_map<const Function*, bool> functions_;
};

// True if some op of the function, or a callee, writes into an operand's storage. Values of such a
// function can't stand for each other just because they were equal once.
bool WritesInPlace(const Module& module, const Function& function);

}  // namespace gcomp::ir
