#include "ir/passes/dce.h"

#include <algorithm>
#include <vector>

#include "ir/passes/purity.h"

namespace gcomp::ir {
namespace {

class DeadCode {
 public:
  DeadCode(Purity& purity, Function& function)
      : purity_(purity), function_(function), used_(function.values.size()) {}

  bool Run() {
    std::vector<BlockId> todo = {function_.body};
    while (!todo.empty()) {
      BlockId block = todo.back();
      todo.pop_back();
      Sweep(block);
      for (OpId op : function_.block(block).ops) {
        const std::vector<BlockId>& regions = function_.op(op).regions;
        todo.insert(todo.end(), regions.begin(), regions.end());
      }
    }
    return changed_;
  }

 private:
  // Regions see nothing of the block around them, so each block is decided alone, last op first.
  void Sweep(BlockId id) {
    std::vector<OpId>& ops = function_.block(id).ops;
    Use(function_.block(id).yields);
    std::vector<OpId> kept;
    for (auto op = ops.rbegin(); op != ops.rend(); ++op) {
      if (IsDead(function_.op(*op))) continue;
      kept.push_back(*op);
      Use(function_.op(*op).operands);
      for (ValueId result : function_.op(*op).results) {
        ValueId alias = function_.value(result).annotations.alias;
        if (alias.valid()) used_[alias.index()] = true;
      }
    }
    if (kept.size() == ops.size()) return;
    std::reverse(kept.begin(), kept.end());
    ops = std::move(kept);
    changed_ = true;
  }

  bool IsDead(const Op& op) {
    return std::none_of(op.results.begin(), op.results.end(),
                        [&](ValueId result) { return used_[result.index()]; }) &&
           purity_.IsPure(function_, op);
  }

  void Use(const std::vector<ValueId>& values) {
    for (ValueId value : values) used_[value.index()] = true;
  }

  Purity& purity_;
  Function& function_;
  std::vector<bool> used_;
  bool changed_ = false;
};

}  // namespace

StatusOr<bool> EliminateDeadCode(Module& module, const PassContext& /*context*/) {
  Purity purity(module);
  bool changed = false;
  for (const std::unique_ptr<Function>& function : module.functions) {
    if (!DeadCode(purity, *function).Run()) continue;
    function->Compact();
    changed = true;
  }
  return changed;
}

}  // namespace gcomp::ir
