#include "tools/reduce/graph.h"

#include <algorithm>
#include <utility>

#include "ir/op_def.h"
#include "ir/passes/blocks.h"

namespace gcomp::reduce {

using ir::BlockId;
using ir::Function;
using ir::Op;
using ir::OpId;
using ir::ValueId;

namespace {

void AppendOps(const Function& function, BlockId block, std::vector<OpId>& ops) {
  for (OpId op : function.block(block).ops) {
    ops.push_back(op);
    for (BlockId region : function.op(op).regions) AppendOps(function, region, ops);
  }
}

bool RemoveDeadOpsOnce(Function& function) {
  bool removed = false;
  std::vector<OpId> ops = LiveOps(function);
  for (auto id = ops.rbegin(); id != ops.rend(); ++id) {
    const std::vector<ValueId>& results = function.op(*id).results;
    bool used = results.empty() || std::any_of(results.begin(), results.end(), [&](ValueId value) {
                  return IsUsed(function, value);
                });
    if (used) continue;
    RemoveOp(function, *id);
    removed = true;
  }
  return removed;
}

}  // namespace

std::vector<OpId> LiveOps(const Function& function) {
  std::vector<OpId> ops;
  AppendOps(function, function.body, ops);
  return ops;
}

std::vector<size_t> LiveFunctions(const ir::Module& module) {
  std::vector<size_t> functions;
  for (const ir::Module::Item& item : module.items) {
    if (item.is_function) functions.push_back(item.index);
  }
  return functions;
}

bool FindOp(const Function& function, OpId op, OpPlace* place) {
  for (BlockId id : ir::LiveBlocks(function)) {
    const std::vector<OpId>& ops = function.block(id).ops;
    auto found = std::find(ops.begin(), ops.end(), op);
    if (found == ops.end()) continue;
    *place = {id, static_cast<size_t>(found - ops.begin())};
    return true;
  }
  return false;
}

bool IsUsed(const Function& function, ValueId value) {
  for (BlockId id : ir::LiveBlocks(function)) {
    const ir::Block& block = function.block(id);
    if (std::find(block.yields.begin(), block.yields.end(), value) != block.yields.end()) {
      return true;
    }
    for (OpId op : block.ops) {
      const std::vector<ValueId>& operands = function.op(op).operands;
      if (std::find(operands.begin(), operands.end(), value) != operands.end()) return true;
    }
  }
  return false;
}

void RemoveOp(Function& function, OpId op) {
  OpPlace place;
  if (!FindOp(function, op, &place)) return;
  std::erase(function.block(place.block).ops, op);
}

void RemoveDeadOps(Function& function) {
  while (RemoveDeadOpsOnce(function)) {
  }
}

void EraseOperand(Op& op, size_t index) {
  op.operands.erase(op.operands.begin() + static_cast<std::ptrdiff_t>(index));
  for (uint16_t& begin : op.group_begin) {
    if (begin > index) --begin;
  }
}

bool SameShape(const ir::Type& a, const ir::Type& b) {
  if (!a.is_tensor() || !b.is_tensor()) return a == b;
  return a.dtype() == b.dtype() && a.dims() == b.dims();
}

std::vector<ValueId> ValuesBefore(const Function& function, BlockId block, size_t position) {
  std::vector<ValueId> values = function.block(block).params;
  for (size_t i = 0; i < position; ++i) {
    const std::vector<ValueId>& results = function.op(function.block(block).ops[i]).results;
    values.insert(values.end(), results.begin(), results.end());
  }
  return values;
}

void ForEachCall(ir::Module& module, const std::string& callee,
                 const std::function<void(Function&, Op&)>& visit) {
  for (size_t index : LiveFunctions(module)) {
    Function& function = *module.functions[index];
    for (OpId id : LiveOps(function)) {
      Op& op = function.op(id);
      if (op.callee == callee && op.def->has_callee) visit(function, op);
    }
  }
}

void ForEachExpr(ir::AttrValue& value, const std::function<void(ir::Expr&)>& visit) {
  if (ir::Expr* expr = value.As<ir::Expr>()) visit(*expr);
  if (ir::AttrList* list = value.As<ir::AttrList>()) {
    for (ir::AttrValue& element : *list) ForEachExpr(element, visit);
  }
  if (ir::AttrDict* dict = value.As<ir::AttrDict>()) {
    for (auto& [name, element] : *dict) ForEachExpr(element, visit);
  }
}

void SubstituteSymbols(Function& function, const std::function<ir::Expr(ir::SymId)>& replace) {
  auto change = [&replace](ir::Expr& expr) { expr = expr.Substitute(replace); };
  for (ir::Value& value : function.values) value.type = value.type.Substitute(replace);
  for (ir::Result& result : function.results) result.type = result.type.Substitute(replace);
  for (Op& op : function.ops) {
    for (ir::AttrValue& attr : op.attrs) ForEachExpr(attr, change);
    for (auto& [name, attr] : op.extra_attrs) ForEachExpr(attr, change);
    for (ir::Expr& size : op.callee_sizes) change(size);
  }
  for (ir::Symbol& symbol : function.symbols) {
    change(symbol.low);
    if (symbol.high.has_value()) change(*symbol.high);
  }
}

}  // namespace gcomp::reduce
