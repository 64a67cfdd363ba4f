#include "ir/module.h"

#include <algorithm>

#include "ir/op_def.h"

namespace gcomp::ir {
namespace {

// Calls `visit(ValueId&)` for each value that `attr` names, at any depth.
template <class Visit>
void ForEachValueId(AttrValue& attr, const Visit& visit) {
  if (auto* id = attr.As<ValueId>()) visit(*id);
  if (auto* list = attr.As<AttrList>()) {
    for (AttrValue& item : *list) ForEachValueId(item, visit);
  }
  if (auto* dict = attr.As<AttrDict>()) {
    for (auto& [name, item] : *dict) ForEachValueId(item, visit);
  }
}

template <class Visit>
void ForEachValueId(Annotations& annotations, const Visit& visit) {
  if (annotations.alias.valid()) visit(annotations.alias);
  if (annotations.into.valid()) visit(annotations.into);
}

// Calls `visit(ValueId&)` for each use that `op` makes of a value.
template <class Visit>
void ForEachUse(Op& op, const Visit& visit) {
  for (ValueId& id : op.operands) visit(id);
  for (AttrValue& attr : op.attrs) ForEachValueId(attr, visit);
  for (auto& [name, attr] : op.extra_attrs) ForEachValueId(attr, visit);
  for (auto& [name, attr] : op.unknown_args) ForEachValueId(attr, visit);
}

// One run of Function::Compact: moves what is reachable into new tables, in the order of the text.
class Compactor {
 public:
  explicit Compactor(Function* function)
      : function_(*function),
        value_ids_(function->values.size()),
        block_ids_(function->blocks.size()) {}

  void Run() {
    function_.body = MoveBlock(function_.body);
    // Facts may name values that come later in the text, so they follow when all are moved.
    auto remap = [this](ValueId& id) { id = Lookup(id); };
    for (Value& value : values_) ForEachValueId(value.annotations, remap);
    for (Result& result : function_.results) ForEachValueId(result.annotations, remap);
    for (Op& op : ops_) {
      for (AttrValue& attr : op.attrs) ForEachValueId(attr, remap);
      for (auto& [name, attr] : op.extra_attrs) ForEachValueId(attr, remap);
      for (auto& [name, attr] : op.unknown_args) ForEachValueId(attr, remap);
    }
    function_.values = std::move(values_);
    function_.ops = std::move(ops_);
    function_.blocks = std::move(blocks_);
  }

 private:
  ValueId Lookup(ValueId id) const {
    return id.valid() && id.index() < value_ids_.size() ? value_ids_[id.index()] : ValueId();
  }

  ValueId MoveValue(ValueId old) {
    ValueId& id = value_ids_[old.index()];
    if (!id.valid()) {
      id = ValueId(values_.size());
      values_.push_back(std::move(function_.values[old.index()]));
    }
    return id;
  }

  BlockId MoveBlock(BlockId old) {
    BlockId& known = block_ids_[old.index()];
    if (known.valid()) return known;
    const BlockId id(blocks_.size());
    known = id;
    blocks_.emplace_back();
    Block block = std::move(function_.blocks[old.index()]);
    for (ValueId& param : block.params) {
      param = MoveValue(param);
      values_[param.index()].block = id;
    }
    for (OpId& op : block.ops) op = MoveOp(op);
    for (ValueId& yield : block.yields) yield = MoveValue(yield);
    blocks_[id.index()] = std::move(block);
    return id;
  }

  OpId MoveOp(OpId old) {
    const OpId id(ops_.size());
    ops_.emplace_back();
    Op op = std::move(function_.ops[old.index()]);
    for (ValueId& operand : op.operands) operand = MoveValue(operand);
    for (ValueId& result : op.results) {
      result = MoveValue(result);
      values_[result.index()].op = id;
    }
    for (BlockId& region : op.regions) {
      region = MoveBlock(region);
      blocks_[region.index()].parent = id;
    }
    ops_[id.index()] = std::move(op);
    return id;
  }

  Function& function_;
  std::vector<ValueId> value_ids_;  // new ids by old ones
  std::vector<BlockId> block_ids_;
  std::vector<Value> values_;
  std::vector<Op> ops_;
  std::vector<Block> blocks_;
};

// Intervals of symbols whose bounds are expressions over other symbols. Bounds may lead in circles
// or fan out; the budget ends the search, and a symbol not looked at may be anything.
class RangeFinder {
 public:
  explicit RangeFinder(const Function& function) : function_(function) {}

  Interval Find(SymId id) {
    constexpr Interval kAnything = {INT64_MIN, Interval::kUnbounded};
    if (id.index() >= function_.symbols.size() || budget_ == 0 || depth_ == kMaxDepth) {
      return kAnything;
    }
    --budget_;
    ++depth_;
    auto self = [this](SymId other) { return Find(other); };
    const Symbol& symbol = function_.symbols[id.index()];
    Interval interval;
    interval.low = symbol.low.is_const() ? symbol.low.value() : RangeOf(symbol.low, self).low;
    if (symbol.high.has_value()) interval.high = RangeOf(*symbol.high, self).high;
    --depth_;
    return interval;
  }

 private:
  static constexpr int kMaxDepth = 16;

  const Function& function_;
  int budget_ = 64;
  int depth_ = 0;
};

}  // namespace

std::function<Interval(SymId)> Function::Ranger() const {
  return [this](SymId id) { return RangeFinder(*this).Find(id); };
}

ValueId Function::AddValue(Value value) {
  values.push_back(std::move(value));
  return ValueId(values.size() - 1);
}

ValueId Function::AddLiteral(Scalar literal) {
  Value value;
  value.kind = Value::Kind::kLiteral;
  value.type = Type::Tensor(literal.dtype, {});
  value.literal = literal;
  return AddValue(std::move(value));
}

OpId Function::AddOp(Op op) {
  const OpId id(ops.size());
  for (size_t i = 0; i < op.results.size(); ++i) {
    Value& result = value(op.results[i]);
    result.kind = Value::Kind::kResult;
    result.op = id;
    result.index = static_cast<uint32_t>(i);
  }
  ops.push_back(std::move(op));
  return id;
}

BlockId Function::AddBlock(Block block) {
  blocks.push_back(std::move(block));
  return BlockId(blocks.size() - 1);
}

SymId Function::AddSymbol(Symbol symbol) {
  symbols.push_back(std::move(symbol));
  return SymId(symbols.size() - 1);
}

SymId Function::FindSymbol(std::string_view symbol_name) const {
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i].name == symbol_name) return SymId(i);
  }
  return {};
}

ValueId Function::FindParam(std::string_view param_name) const {
  for (ValueId id : params()) {
    if (value(id).name == param_name) return id;
  }
  return {};
}

void Function::ReplaceUses(ValueId from, ValueId to) {
  auto replace = [from, to](ValueId& id) {
    if (id == from) id = to;
  };
  for (Op& op : ops) ForEachUse(op, replace);
  for (Block& block : blocks) {
    for (ValueId& yield : block.yields) replace(yield);
  }
  for (Value& value : values) ForEachValueId(value.annotations, replace);
  for (Result& result : results) ForEachValueId(result.annotations, replace);
}

void Function::Compact() {
  if (!blocks.empty()) Compactor(this).Run();
}

Module::Module() = default;
Module::~Module() = default;
Module::Module(Module&&) noexcept = default;
Module& Module::operator=(Module&&) noexcept = default;

Function* Module::Find(std::string_view function_name) {
  auto known = function_index.find(function_name);
  return known == function_index.end() ? nullptr : functions[known->second].get();
}

const Function* Module::Find(std::string_view function_name) const {
  return const_cast<Module*>(this)->Find(function_name);
}

const Global* Module::FindGlobal(std::string_view global_name) const {
  auto it = std::find_if(globals.begin(), globals.end(),
                         [&](const Global& global) { return global.name == global_name; });
  return it == globals.end() ? nullptr : &*it;
}

Function& Module::AddFunction(std::string function_name) {
  auto function = std::make_unique<Function>();
  function->name = std::move(function_name);
  function->body = function->AddBlock({});
  items.push_back({true, functions.size()});
  function_index.try_emplace(function->name, functions.size());
  functions.push_back(std::move(function));
  return *functions.back();
}

const OpDef* Module::UnknownOp(std::string_view op_name) {
  for (const auto& def : unknown_ops) {
    if (def->name == op_name) return def.get();
  }
  // The record views the name: a deque keeps its strings where they are.
  unknown_names.emplace_back(op_name);
  auto def = std::make_unique<OpDef>();
  def->name = unknown_names.back();
  def->num_results = -1;
  unknown_ops.push_back(std::move(def));
  return unknown_ops.back().get();
}

}  // namespace gcomp::ir
