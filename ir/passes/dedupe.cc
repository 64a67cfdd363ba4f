#include "ir/passes/dedupe.h"

#include <memory>
#include <string>
#include <vector>

#include "ir/op_def.h"
#include "ir/passes/blocks.h"
#include "ir/passes/calls.h"
#include "ir/structure.h"

namespace gcomp::ir {
namespace {

// By index of the function: the one that stands for it.
std::vector<size_t> Keepers(const Module& module) {
  std::vector<size_t> keepers = EqualFunctions(module);  // the first of each class
  std::vector<size_t> exported(keepers.size(), keepers.size());
  for (size_t i = 0; i < keepers.size(); ++i) {
    size_t& first = exported[keepers[i]];
    if (module.functions[i]->exported && first == keepers.size()) first = i;
  }
  for (size_t& keeper : keepers) {
    if (exported[keeper] != keepers.size()) keeper = exported[keeper];
  }
  return keepers;
}

// Sizes that are written for all symbols follow the callee's declaration; that of an equal function
// may have another order.
void ReorderSizes(const Function& from, const Function& to, std::vector<Expr>& sizes) {
  if (sizes.empty() || sizes.size() != from.num_symbol_params) return;
  const std::vector<uint32_t> old_numbers = SymbolNumbers(from);
  const std::vector<uint32_t> new_numbers = SymbolNumbers(to);
  std::vector<Expr> by_number(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) by_number[old_numbers[i]] = sizes[i];
  for (size_t i = 0; i < sizes.size(); ++i) sizes[i] = by_number[new_numbers[i]];
}

void Redirect(const Module& module, const std::vector<size_t>& keepers, Function& function) {
  auto keeper_of = [&](const std::string& name) -> const Function* {
    auto found = module.function_index.find(name);
    if (found == module.function_index.end() || keepers[found->second] == found->second) {
      return nullptr;
    }
    return module.functions[keepers[found->second]].get();
  };
  for (BlockId block : LiveBlocks(function)) {
    for (OpId id : function.block(block).ops) {
      Op& op = function.op(id);
      if (op.callee_sizes.empty()) continue;
      if (const Function* keeper = keeper_of(op.callee)) {
        ReorderSizes(*module.Find(op.callee), *keeper, op.callee_sizes);
      }
    }
  }
  ForEachName(function, [&](std::string& name) {
    if (const Function* keeper = keeper_of(name)) name = keeper->name;
  });
}

}  // namespace

StatusOr<bool> DedupeFunctions(Module& module, const PassContext& /*context*/) {
  const std::vector<size_t> keepers = Keepers(module);
  std::vector<bool> removed(keepers.size());
  bool changed = false;
  for (size_t i = 0; i < keepers.size(); ++i) {
    removed[i] = keepers[i] != i && !module.functions[i]->exported;
    changed |= removed[i];
  }
  // Calls of an exported function that stays besides its equal need not move.
  if (!changed) return false;
  for (const std::unique_ptr<Function>& function : module.functions) {
    Redirect(module, keepers, *function);
  }
  RemoveFunctions(module, removed);
  return true;
}

}  // namespace gcomp::ir
