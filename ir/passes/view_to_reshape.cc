#include "ir/passes/view_to_reshape.h"

#include <vector>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/passes/blocks.h"
#include "ir/passes/purity.h"

namespace gcomp::ir {
namespace {

// By value: whether the storage of what a block yields is seen through it.
std::vector<bool> SharedWithYields(const Function& function) {
  std::vector<bool> shared(function.values.size());
  for (BlockId id : LiveBlocks(function)) {
    const Block& block = function.block(id);
    for (ValueId value : block.yields) shared[value.index()] = true;
    for (auto op = block.ops.rbegin(); op != block.ops.rend(); ++op) {
      for (ValueId result : function.op(*op).results) {
        const ValueId of = function.value(result).annotations.alias;
        if (of.valid() && shared[result.index()]) shared[of.index()] = true;
      }
    }
  }
  return shared;
}

bool MakeReshapes(Function& function, const OpDef& view, const OpDef& reshape) {
  const std::vector<bool> shared = SharedWithYields(function);
  bool changed = false;
  for (BlockId block : LiveBlocks(function)) {
    for (OpId id : function.block(block).ops) {
      Op& op = function.op(id);
      if (op.def != &view || op.results.size() != 1) continue;
      Value& result = function.value(op.results[0]);
      if (shared[op.results[0].index()] || !result.type.is_contiguous()) continue;
      op.def = &reshape;  // of the same operands and attributes
      result.annotations.alias = {};
      changed = true;
    }
  }
  return changed;
}

}  // namespace

StatusOr<bool> ViewToReshape(Module& module, const PassContext& context) {
  const OpDef* view = context.ops.Find("view");
  const OpDef* reshape = context.ops.Find("reshape");
  GCOMP_ENSURE(view != nullptr && reshape != nullptr, "view and reshape are ops");
  bool changed = false;
  for (const std::unique_ptr<Function>& function : module.functions) {
    if (WritesInPlace(module, *function)) continue;
    changed |= MakeReshapes(*function, *view, *reshape);
  }
  return changed;
}

}  // namespace gcomp::ir
