#include "ir/passes/purity.h"

#include <algorithm>

#include "ir/op_def.h"
#include "ir/passes/blocks.h"
#include "ir/storage_roots.h"

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
  Solve(function);
  return functions_[&function];
}

// Callees come before their callers. Chains of calls may be long, so the stack is on the heap.
void Purity::Solve(const Function& root) {
  struct Open {
    const Function* function;
    std::vector<const Function*> callees;
    size_t next = 0;
  };

  std::vector<Open> stack;
  auto open = [&](const Function& function) {
    if (functions_.try_emplace(&function, false).second) {
      stack.push_back({&function, CalleesOf(function)});
    }
  };
  open(root);
  while (!stack.empty()) {
    if (Open& top = stack.back(); top.next < top.callees.size()) {
      open(*top.callees[top.next++]);
      continue;
    }
    const Function& function = *stack.back().function;
    const std::vector<OpId>& ops = function.block(function.body).ops;
    functions_[&function] = function.effects.empty() &&
                            std::all_of(ops.begin(), ops.end(),
                                        [&](OpId op) { return IsPure(function, function.op(op)); });
    stack.pop_back();
  }
}

std::vector<const Function*> Purity::CalleesOf(const Function& function) const {
  std::vector<const Function*> callees;
  for (BlockId block : LiveBlocks(function)) {
    for (OpId op : function.block(block).ops) {
      const std::string& name = function.op(op).callee;
      const Function* callee = name.empty() ? nullptr : module_.Find(name);
      if (callee != nullptr) callees.push_back(callee);
    }
  }
  return callees;
}

bool WritesInPlace(const Module& module, const Function& function) {
  for (BlockId block : LiveBlocks(function)) {
    for (OpId op : function.block(block).ops) {
      if (function.op(op).def->effects.writes != 0) return true;
      if (WrittenOperands(module, function.op(op)) != 0) return true;
    }
  }
  return false;
}

}  // namespace gcomp::ir
