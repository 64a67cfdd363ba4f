#include "ir/passes/calls.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "ir/op_def.h"
#include "ir/passes/blocks.h"

namespace gcomp::ir {
namespace {

void VisitNames(AttrValue& attr, const std::function<void(std::string&)>& visit) {
  if (auto* ref = attr.As<FunctionRef>()) visit(ref->name);
  if (auto* list = attr.As<AttrList>()) {
    for (AttrValue& item : *list) VisitNames(item, visit);
  }
  if (auto* dict = attr.As<AttrDict>()) {
    for (auto& [name, item] : *dict) VisitNames(item, visit);
  }
}

void VisitNames(AttrDict& dict, const std::function<void(std::string&)>& visit) {
  for (auto& [name, attr] : dict) VisitNames(attr, visit);
}

// Names in the attributes of one op.
void VisitAttrNames(Op& op, const std::function<void(std::string&)>& visit) {
  for (AttrValue& attr : op.attrs) VisitNames(attr, visit);
  VisitNames(op.extra_attrs, visit);
  VisitNames(op.unknown_args, visit);
}

template <class Visit>
void ForEachLiveOp(Function& function, const Visit& visit) {
  for (BlockId block : LiveBlocks(function)) {
    for (OpId op : function.block(block).ops) visit(function.op(op));
  }
}

}  // namespace

std::optional<size_t> CalledFunction(const Module& module, const Op& op) {
  if (op.def->body != OpDef::Body::kCallee) return std::nullopt;
  auto found = module.function_index.find(op.callee);
  if (found == module.function_index.end()) return std::nullopt;
  return found->second;
}

void ForEachName(Function& function, const std::function<void(std::string&)>& visit) {
  VisitNames(function.attrs, visit);
  ForEachLiveOp(function, [&](Op& op) {
    if (!op.callee.empty()) visit(op.callee);
    VisitAttrNames(op, visit);
  });
}

std::vector<FunctionUses> CountUses(Module& module) {
  std::vector<FunctionUses> uses(module.functions.size());
  std::function<void(std::string&)> otherwise = [&](std::string& name) {
    auto found = module.function_index.find(name);
    if (found != module.function_index.end()) uses[found->second].otherwise = true;
  };
  VisitNames(module.attrs, otherwise);
  for (Global& global : module.globals) VisitNames(global.init, otherwise);
  for (const std::unique_ptr<Function>& function : module.functions) {
    VisitNames(function->attrs, otherwise);
    ForEachLiveOp(*function, [&](Op& op) {
      if (std::optional<size_t> callee = CalledFunction(module, op)) {
        ++uses[*callee].calls;
      } else if (!op.callee.empty()) {
        otherwise(op.callee);
      }
      VisitAttrNames(op, otherwise);
    });
  }
  return uses;
}

std::vector<size_t> CalleesFirst(Module& module) {
  struct Open {
    size_t function;
    std::vector<size_t> callees;
    size_t next = 0;
  };

  std::vector<size_t> order;
  std::vector<bool> seen(module.functions.size());
  std::vector<Open> stack;
  auto open = [&](size_t index) {
    if (seen[index]) return;
    seen[index] = true;
    stack.push_back({index, {}});
    ForEachName(*module.functions[index], [&](std::string& name) {
      auto found = module.function_index.find(name);
      if (found != module.function_index.end()) stack.back().callees.push_back(found->second);
    });
  };
  for (size_t root = 0; root < module.functions.size(); ++root) {
    open(root);
    while (!stack.empty()) {
      if (Open& top = stack.back(); top.next < top.callees.size()) {
        open(top.callees[top.next++]);
        continue;
      }
      order.push_back(stack.back().function);
      stack.pop_back();
    }
  }
  return order;
}

void RemoveFunctions(Module& module, const std::vector<bool>& removed) {
  std::vector<size_t> moved(module.functions.size());
  std::vector<std::unique_ptr<Function>> kept;
  for (size_t i = 0; i < module.functions.size(); ++i) {
    moved[i] = kept.size();
    if (removed[i]) {
      module.function_index.erase(module.functions[i]->name);
    } else {
      module.function_index[module.functions[i]->name] = kept.size();
      kept.push_back(std::move(module.functions[i]));
    }
  }
  std::erase_if(module.items,
                [&](const Module::Item& item) { return item.is_function && removed[item.index]; });
  for (Module::Item& item : module.items) {
    if (item.is_function) item.index = moved[item.index];
  }
  module.functions = std::move(kept);
}

Function& AddFunctionAfter(Module& module, size_t index, std::string name) {
  Function& function = module.AddFunction(std::move(name));
  module.items.pop_back();
  std::rotate(module.functions.begin() + static_cast<std::ptrdiff_t>(index + 1),
              module.functions.end() - 1, module.functions.end());
  for (size_t i = index + 1; i < module.functions.size(); ++i) {
    module.function_index[module.functions[i]->name] = i;
  }
  for (Module::Item& item : module.items) {
    if (item.is_function && item.index > index) ++item.index;
  }
  auto before = std::find_if(module.items.begin(), module.items.end(), [&](const auto& item) {
    return item.is_function && item.index == index;
  });
  if (before != module.items.end()) ++before;
  module.items.insert(before, {true, index + 1});
  return function;
}

std::optional<std::vector<Expr>> BoundSizes(const Function& caller, const Op& call,
                                            const Function& callee) {
  const size_t count = callee.num_symbol_params;
  const std::vector<Expr>& sizes = call.callee_sizes;
  std::vector<std::optional<Expr>> bound(count);
  const bool all_given = sizes.size() == count;
  if (all_given) std::copy(sizes.begin(), sizes.end(), bound.begin());
  auto bind = [&](const Expr& formal, const Expr& actual) {
    if (formal.kind() != Expr::Kind::kSymbol || formal.symbol().index() >= count) return;
    std::optional<Expr>& slot = bound[formal.symbol().index()];
    if (!slot.has_value()) slot = actual;
  };
  for (size_t i = 0; i < std::min(call.operands.size(), callee.params().size()); ++i) {
    const Type& formal = callee.value(callee.params()[i]).type;
    const Type& actual = caller.value(call.operands[i]).type;
    if (formal.kind() != actual.kind() || formal.dims().size() != actual.dims().size()) continue;
    // The value of an int is its dim.
    for (size_t d = 0; d < formal.dims().size(); ++d) bind(formal.dims()[d], actual.dims()[d]);
    if (formal.layout().kind != Layout::Kind::kStrided ||
        actual.layout().kind != Layout::Kind::kStrided) {
      continue;
    }
    for (size_t d = 0; d < formal.dims().size(); ++d) {
      bind(formal.layout().strides[d], actual.layout().strides[d]);
    }
    bind(formal.layout().offset, actual.layout().offset);
  }
  std::vector<Expr> result;
  size_t next = 0;  // of the sizes that are written for what no operand binds
  for (std::optional<Expr>& slot : bound) {
    if (!slot.has_value() && !all_given && next < sizes.size()) slot = sizes[next++];
    if (!slot.has_value()) return std::nullopt;
    result.push_back(*std::move(slot));
  }
  return result;
}

bool FitsRange(const Function& caller, const Expr& size, const Symbol& symbol,
               const std::function<Expr(SymId)>& bound) {
  auto ranger = caller.Ranger();
  const Interval range = RangeOf(size, ranger);
  const Expr low = symbol.low.Substitute(bound);
  if (size != low && (!low.is_const() || range.low < low.value())) return false;
  if (symbol.high.has_value()) {
    const Expr high = symbol.high->Substitute(bound);
    if (size != high && (!high.is_const() || range.high > high.value())) return false;
  }
  if (symbol.multiple <= 1) return true;
  if (size.is_const()) return size.value() % symbol.multiple == 0;
  return size.kind() == Expr::Kind::kSymbol &&
         caller.symbols[size.symbol().index()].multiple % symbol.multiple == 0;
}

size_t CountOps(const Function& function) {
  size_t count = 0;
  for (BlockId block : LiveBlocks(function)) count += function.block(block).ops.size();
  return count;
}

}  // namespace gcomp::ir
