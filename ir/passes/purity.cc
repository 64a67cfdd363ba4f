#include "ir/passes/purity.h"

#include <algorithm>

#include "ir/op_def.h"
#include "ir/passes/blocks.h"

namespace gcomp::ir {

bool Purity::IsPure(const Function& function, const Op& op) {
  if (!op.def->effects.pure() || !op.defines.empty()) return false;
  if (op.def->has_callee) {
    const Function* callee = module_.Find(op.callee);
    if (callee == nullptr || !IsPure(*callee)) return false;
  }
  return std::all_of(op.regions.begin(), op.regions.end(), [&](BlockId region) {
    const std::vector<OpId>& ops = function.block(region).ops;
    return std::all_of(ops.begin(), ops.end(),
                       [&](OpId inner) { return IsPure(function, function.op(inner)); });
  });
}

bool Purity::IsPure(const Function& function) {
  auto [entry, is_new] = functions_.try_emplace(&function, false);
  if (!is_new) return entry->second;
  const std::vector<OpId>& ops = function.block(function.body).ops;
  bool pure = function.effects.empty() && std::all_of(ops.begin(), ops.end(), [&](OpId op) {
                return IsPure(function, function.op(op));
              });
  functions_[&function] = pure;
  return pure;
}

bool WritesInPlace(const Function& function) {
  for (BlockId block : LiveBlocks(function)) {
    for (OpId op : function.block(block).ops) {
      if (function.op(op).def->effects.writes != 0) return true;
    }
  }
  return false;
}

}  // namespace gcomp::ir
