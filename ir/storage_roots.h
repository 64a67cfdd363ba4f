// StorageRoots: which values of a function share storage, and whose storage is written in place.
//
// Views and in-place results lie in the storage of an operand (Effects::alias_of); everything else
// has storage of its own. The root of a value is the parameter, result or literal whose storage it
// is. Values with distinct roots never overlap, but for parameters, whose callers may pass what
// they like.
//
// Cost: one pass over the function. Thread safety: may be read from any thread.
#pragma once

#include <vector>

#include "ir/module.h"

namespace gcomp::ir {

class StorageRoots {
 public:
  // Callees are looked up in `module`: an operand of a `mut` parameter is written.
  StorageRoots(const Module& module, const Function& function);

  ValueId root(ValueId id) const { return roots_[id.index()]; }

  // True if some op, in regions and callees too, writes the elements of what `id` lies in.
  bool written(ValueId id) const { return written_[root(id).index()]; }

  // True if anything is written in place.
  bool any_written() const { return any_written_; }

 private:
  void Visit(const Module& module, const Function& function, BlockId block);
  void Write(ValueId id);

  std::vector<ValueId> roots_;  // by value
  std::vector<bool> written_;   // by root
  bool any_written_ = false;
};

// Bit i: the op writes the elements of operand i, by its record or by its callee's `mut`; what its
// regions write is not counted.
uint64_t WrittenOperands(const Module& module, const Op& op);

}  // namespace gcomp::ir
