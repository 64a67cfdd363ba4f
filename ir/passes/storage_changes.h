// StorageChanges: which values may share storage with others without anybody seeing it.
//
// Values share storage freely as long as nobody writes it and no handle to it changes. Beside what
// StorageRoots tells of writes to elements, this knows of ops that change the sizes, strides or
// storage of their operand in place (`transpose_`, `set_`): a value that stands for another would
// change with it.
//
// Cost: one pass over the function. Thread safety: may be read from any thread.
#pragma once

#include <vector>

#include "ir/module.h"
#include "ir/storage_roots.h"

namespace gcomp::ir {

class StorageChanges {
 public:
  StorageChanges(const Module& module, const Function& function);

  // The value whose storage `id` lies in.
  ValueId root(ValueId id) const { return roots_.root(id); }

  // True if something is changed of what lies in the storage of `id`.
  bool changes(ValueId id) const { return roots_.written(id) || handle_changes_[root(id).index()]; }

 private:
  StorageRoots roots_;
  std::vector<bool> handle_changes_;  // by root
};

// True if the op changes more than the elements of an operand.
bool ChangesHandle(const Op& op);

}  // namespace gcomp::ir
