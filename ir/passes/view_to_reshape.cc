#include "ir/passes/view_to_reshape.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/passes/blocks.h"
#include "ir/passes/purity.h"

namespace gcomp::ir {
namespace {

// The operand in whose storage result `r` lies; invalid if it is fresh.
ValueId LiesIn(const Op& op, size_t r) {
  const auto& alias_of = op.def->effects.alias_of;
  if (r >= std::size(alias_of) || alias_of[r] < 0) return {};
  const auto operand = static_cast<size_t>(alias_of[r]);
  return operand < op.operands.size() ? op.operands[operand] : ValueId();
}

// By value: whether the storage of what a block yields is seen through it. (What is written as its
// `alias` may be any value of that storage.)
std::vector<bool> SharedWithYields(const Function& function) {
  std::vector<bool> shared(function.values.size());
  std::vector<BlockId> blocks = LiveBlocks(function);
  // Inner blocks first: they yield what outer ones make.
  std::reverse(blocks.begin(), blocks.end());
  for (BlockId id : blocks) {
    const Block& block = function.block(id);
    for (ValueId value : block.yields) shared[value.index()] = true;
    for (auto op = block.ops.rbegin(); op != block.ops.rend(); ++op) {
      const Op& maker = function.op(*op);
      for (size_t r = 0; r < maker.results.size(); ++r) {
        const ValueId of = LiesIn(maker, r);
        if (of.valid() && shared[maker.results[r].index()]) shared[of.index()] = true;
      }
    }
  }
  return shared;
}

// An annotation may name a value above one that is storage of its own now.
void NameDirectOperands(Function& function) {
  for (BlockId block : LiveBlocks(function)) {
    for (OpId id : function.block(block).ops) {
      const Op& op = function.op(id);
      for (size_t r = 0; r < op.results.size(); ++r) {
        const ValueId of = LiesIn(op, r);
        ValueId& alias = function.value(op.results[r]).annotations.alias;
        if (of.valid() && alias.valid()) alias = of;
      }
    }
  }
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
    if (!MakeReshapes(*function, *view, *reshape)) continue;
    NameDirectOperands(*function);
    changed = true;
  }
  return changed;
}

}  // namespace gcomp::ir
