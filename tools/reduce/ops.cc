#include "tools/reduce/ops.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "ir/passes/blocks.h"
#include "tools/reduce/graph.h"

namespace gcomp::reduce {
namespace {

using ir::BlockId;
using ir::Function;
using ir::Op;
using ir::OpId;
using ir::Value;
using ir::ValueId;

// Calls `visit` with the index of each function and with the function.
template <class Visit>
void ForEachFunction(const Draft& draft, const Visit& visit) {
  for (size_t index : LiveFunctions(draft.module)) visit(index, *draft.module.functions[index]);
}

// Calls `visit` with each op, the last first: so that an op that goes is no use of its operands
// any more when it is their turn.
template <class Visit>
void ForEachOpBackwards(const Draft& draft, const Visit& visit) {
  ForEachFunction(draft, [&](size_t index, const Function& function) {
    std::vector<OpId> ops = LiveOps(function);
    for (auto op = ops.rbegin(); op != ops.rend(); ++op) visit(index, function, *op);
  });
}

// 0 ... n - 1: the middle, then the middles of the halves, and so on.
std::vector<size_t> Bisection(size_t n) {
  std::vector<size_t> order;
  std::vector<std::pair<size_t, size_t>> ranges = {{0, n}};
  for (size_t i = 0; i < ranges.size(); ++i) {
    const auto [begin, end] = ranges[i];
    if (begin == end) continue;
    const size_t middle = begin + (end - begin) / 2;
    order.push_back(middle);
    ranges.push_back({begin, middle});
    ranges.push_back({middle + 1, end});
  }
  return order;
}

// The first value of the same shape that is defined before the op.
std::optional<ValueId> EarlierValue(const Function& function, const OpPlace& place,
                                    const ir::Type& type) {
  for (ValueId id : ValuesBefore(function, place.block, place.position)) {
    if (SameShape(function.value(id).type, type)) return id;
  }
  return std::nullopt;
}

ValueId AddParam(Function& function, ValueId like) {
  Value value;
  value.kind = Value::Kind::kParam;
  value.name = function.value(like).name;
  value.type = function.value(like).type;
  value.block = function.body;
  ir::Block& body = function.block(function.body);
  value.index = static_cast<uint32_t>(body.params.size());
  const ValueId id = function.AddValue(std::move(value));
  function.block(function.body).params.push_back(id);
  return id;
}

// Calls of a function that has one parameter more would not verify: only functions that nobody
// calls get some.
Edit DropOp(size_t index, OpId id, bool prefer_earlier) {
  return [=](Draft& draft) {
    Function& function = *draft.module.functions[index];
    OpPlace place;
    if (!FindOp(function, id, &place)) return;
    for (ValueId result : std::vector<ValueId>(function.op(id).results)) {
      if (!IsUsed(function, result)) continue;
      const bool in_body = place.block == function.body;
      std::optional<ValueId> other;
      if (prefer_earlier || !in_body) {
        other = EarlierValue(function, place, function.value(result).type);
      }
      if (!other && !in_body) return;
      function.ReplaceUses(result, other ? *other : AddParam(function, result));
    }
    RemoveOp(function, id);
  };
}

Edit ReplaceByOperand(size_t index, OpId id, size_t result, size_t operand) {
  return [=](Draft& draft) {
    Function& function = *draft.module.functions[index];
    const Op& op = function.op(id);
    const ValueId from = op.results[result];
    const ValueId to = op.operands[operand];
    OpPlace place;
    if (!FindOp(function, id, &place)) return;
    function.ReplaceUses(from, to);
    const bool used = std::any_of(op.results.begin(), op.results.end(),
                                  [&](ValueId value) { return IsUsed(function, value); });
    if (!used) RemoveOp(function, id);
  };
}

Edit ReturnValue(size_t index, size_t result, ValueId value) {
  return [=](Draft& draft) {
    Function& function = *draft.module.functions[index];
    function.block(function.body).yields[result] = value;
    RemoveDeadOps(function);
  };
}

Edit SetOperand(size_t index, OpId op, size_t operand, ValueId value) {
  return [=](Draft& draft) { draft.module.functions[index]->op(op).operands[operand] = value; };
}

Edit SetOperandToLiteral(size_t index, OpId op, size_t operand) {
  return [=](Draft& draft) {
    Function& function = *draft.module.functions[index];
    const ir::Type type = function.value(function.op(op).operands[operand]).type;
    if (!type.is_tensor()) return;
    std::optional<ir::Scalar> one = ir::Scalar::FromInt(type.dtype(), 1);
    if (one) function.op(op).operands[operand] = function.AddLiteral(*one);
  };
}

Edit SetYield(size_t index, BlockId block, size_t yield, ValueId value) {
  return [=](Draft& draft) { draft.module.functions[index]->block(block).yields[yield] = value; };
}

// The operands of one op that could be the first value of their shape.
void ListEarlierOperands(size_t index, const Function& function, OpId id,
                         std::vector<Edit>& edits) {
  OpPlace place;
  if (!FindOp(function, id, &place)) return;
  const Op& op = function.op(id);
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const Value& value = function.value(op.operands[i]);
    if (value.kind == Value::Kind::kLiteral) continue;
    std::optional<ValueId> first = EarlierValue(function, place, value.type);
    if (first && *first != op.operands[i]) edits.push_back(SetOperand(index, id, i, *first));
  }
}

}  // namespace

EditGroups ReturnEarlier(const Draft& draft) {
  EditGroups groups;
  ForEachFunction(draft, [&](size_t index, const Function& function) {
    const ir::Block& body = function.block(function.body);
    std::vector<ValueId> values = ValuesBefore(function, function.body, body.ops.size());
    for (size_t result = 0; result < body.yields.size(); ++result) {
      auto end = std::find(values.begin(), values.end(), body.yields[result]);
      std::vector<Edit>& edits = groups.emplace_back();
      for (size_t i : Bisection(static_cast<size_t>(end - values.begin()))) {
        edits.push_back(ReturnValue(index, result, values[i]));
      }
    }
  });
  return groups;
}

EditGroups DropDeadOps(const Draft& draft) {
  std::vector<Edit> edits;
  ForEachFunction(draft, [&](size_t index, const Function& function) {
    Function pruned = function;
    RemoveDeadOps(pruned);
    const std::vector<OpId> kept = LiveOps(pruned);
    for (OpId op : LiveOps(function)) {
      if (std::find(kept.begin(), kept.end(), op) != kept.end()) continue;
      edits.push_back([=](Draft& edited) { RemoveOp(*edited.module.functions[index], op); });
    }
  });
  return {std::move(edits)};
}

EditGroups DropOps(const Draft& draft) {
  EditGroups groups(2);
  ForEachOpBackwards(draft, [&](size_t index, const Function&, OpId op) {
    groups[0].push_back(DropOp(index, op, true));
    groups[1].push_back(DropOp(index, op, false));
  });
  return groups;
}

EditGroups ReplaceOpsByOperands(const Draft& draft) {
  std::vector<Edit> edits;
  ForEachOpBackwards(draft, [&](size_t index, const Function& function, OpId id) {
    const Op& op = function.op(id);
    for (size_t result = 0; result < op.results.size(); ++result) {
      for (size_t i = 0; i < op.operands.size(); ++i) {
        const Value& operand = function.value(op.operands[i]);
        if (operand.kind == Value::Kind::kLiteral) continue;
        edits.push_back(ReplaceByOperand(index, id, result, i));
      }
    }
  });
  return {std::move(edits)};
}

EditGroups SimplifyOperands(const Draft& draft) {
  EditGroups groups(3);
  ForEachFunction(draft, [&](size_t index, const Function& function) {
    for (BlockId id : ir::LiveBlocks(function)) {
      const ir::Block& block = function.block(id);
      for (size_t i = 0; i < block.yields.size(); ++i) {
        const ir::Type& type = function.value(block.yields[i]).type;
        std::optional<ValueId> first = EarlierValue(function, {id, block.ops.size()}, type);
        if (first && *first != block.yields[i]) {
          groups[0].push_back(SetYield(index, id, i, *first));
        }
      }
    }
    for (OpId id : LiveOps(function)) {
      ListEarlierOperands(index, function, id, groups[1]);
      const Op& op = function.op(id);
      for (size_t i = 0; i < op.operands.size(); ++i) {
        if (function.value(op.operands[i]).kind == Value::Kind::kLiteral) continue;
        groups[2].push_back(SetOperandToLiteral(index, id, i));
      }
    }
  });
  return groups;
}

EditGroups DropOperandsAndAttributes(const Draft& draft) {
  EditGroups groups(2);
  ForEachOpBackwards(draft, [&](size_t index, const Function& function, OpId id) {
    const Op& op = function.op(id);
    for (size_t g = op.def->operands.size(); g > 0; --g) {
      if (op.def->operands[g - 1].kind == ir::OperandKind::kRequired || !op.regions.empty()) {
        continue;
      }
      for (size_t i = op.group_begin[g]; i > op.group_begin[g - 1]; --i) {
        groups[0].push_back(
            [=](Draft& edited) { EraseOperand(edited.module.functions[index]->op(id), i - 1); });
      }
    }
    for (size_t i = 0; i < op.attrs.size(); ++i) {
      if (op.attrs[i].empty()) continue;
      groups[1].push_back([=](Draft& edited) {
        edited.module.functions[index]->op(id).attrs[i] = ir::AttrValue();
      });
    }
  });
  return groups;
}

}  // namespace gcomp::reduce
