#include "ir/passes/storage_changes.h"

#include "ir/op_def.h"
#include "ir/passes/blocks.h"

namespace gcomp::ir {

bool ChangesHandle(const Op& op) {
  const WriteKind write = op.def->effects.write;
  return write == WriteKind::kMetadata || write == WriteKind::kSwap || write == WriteKind::kResize;
}

StorageChanges::StorageChanges(const Module& module, const Function& function)
    : roots_(module, function), handle_changes_(function.values.size()) {
  for (BlockId block : LiveBlocks(function)) {
    for (OpId id : function.block(block).ops) {
      const Op& op = function.op(id);
      if (!ChangesHandle(op)) continue;
      // A swap changes what both operands mean to each other.
      for (ValueId operand : op.operands) handle_changes_[root(operand).index()] = true;
    }
  }
}

}  // namespace gcomp::ir
