#include "ir/passes/op_copier.h"

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace gcomp::ir {

// ---- Names --------------------------------------------------------------------------------------

NameSet NameSet::OfBlock(const Function& function, BlockId block) {
  NameSet names;
  for (ValueId param : function.block(block).params) names.Add(function.value(param).name);
  for (OpId op : function.block(block).ops) {
    for (ValueId result : function.op(op).results) names.Add(function.value(result).name);
  }
  return names;
}

std::string NameSet::Fresh(std::string_view name) {
  std::string fresh(name);
  if (next_.try_emplace(fresh, 2).second) return fresh;
  // `h_2` goes on as `h_3`, not as `h_2_2`.
  std::string stem = fresh;
  size_t digits = stem.find_last_not_of("0123456789");
  if (digits != std::string::npos && digits > 0 && digits + 1 < stem.size() &&
      stem[digits] == '_') {
    stem.resize(digits);
  }
  int& number = next_.try_emplace(stem, 2).first->second;
  int free = number;
  do {
    fresh = Format("{}_{}", stem, free++);
  } while (next_.contains(fresh));
  number = free;  // before the table grows
  next_.try_emplace(fresh, 2);
  return fresh;
}

// ---- Values and symbols -------------------------------------------------------------------------

ValueId OpCopier::Copy(ValueId id) {
  if (!id.valid()) return id;
  ValueId& known = Slot(id);
  if (!known.valid() && from_.value(id).kind == Value::Kind::kLiteral) {
    known = to_.AddLiteral(from_.value(id).literal);
  }
  return known;
}

Expr OpCopier::Copy(SymId id) {
  if (Slot(id).has_value()) return *Slot(id);
  if (&from_ == &to_) return Expr::Symbol(id);
  if (!symbol_names_.has_value()) {
    symbol_names_.emplace();
    for (const Symbol& symbol : to_.symbols) symbol_names_->Add(symbol.name);
  }
  Symbol symbol = from_.symbols[id.index()];
  symbol.name = symbol_names_->Fresh(symbol.name);
  const SymId made = to_.AddSymbol(symbol);
  Slot(id) = Expr::Symbol(made);
  // Its range may speak of symbols that are new themselves.
  Expr low = Copy(symbol.low);
  std::optional<Expr> high;
  if (symbol.high.has_value()) high = Copy(*symbol.high);
  to_.symbols[made.index()].low = std::move(low);
  to_.symbols[made.index()].high = std::move(high);
  return Expr::Symbol(made);
}

Expr OpCopier::Copy(const Expr& e) {
  if (e.is_const()) return e;
  return e.Substitute([this](SymId id) { return Copy(id); });
}

Type OpCopier::Copy(const Type& type) {
  if (type.IsStatic()) return type;
  return type.Substitute([this](SymId id) { return Copy(id); });
}

// ---- Ops ----------------------------------------------------------------------------------------

void OpCopier::Rewrite(AttrValue& attr) {
  if (auto* e = attr.As<Expr>()) *e = Copy(*e);
  if (auto* type = attr.As<Type>()) *type = Copy(*type);
  if (auto* id = attr.As<ValueId>()) *id = Copy(*id);
  if (auto* list = attr.As<AttrList>()) {
    for (AttrValue& item : *list) Rewrite(item);
  }
  if (auto* dict = attr.As<AttrDict>()) Rewrite(*dict);
}

void OpCopier::Rewrite(AttrDict& dict) {
  for (auto& [name, attr] : dict) Rewrite(attr);
}

ValueId OpCopier::CopyDefinition(ValueId id) {
  Value value = from_.value(id);
  value.type = Copy(value.type);
  value.annotations.alias = Copy(value.annotations.alias);
  value.annotations.into = Copy(value.annotations.into);
  const ValueId made = to_.AddValue(std::move(value));
  Slot(id) = made;
  return made;
}

OpId OpCopier::Copy(OpId id) {
  Op op = from_.op(id);  // by value: the tables may grow under a reference
  for (ValueId& operand : op.operands) operand = Copy(operand);
  for (AttrValue& attr : op.attrs) Rewrite(attr);
  Rewrite(op.extra_attrs);
  Rewrite(op.unknown_args);
  for (Expr& size : op.callee_sizes) size = Copy(size);
  for (SymId& symbol : op.defines) {
    const Expr made = Copy(symbol);
    if (made.kind() == Expr::Kind::kSymbol) symbol = made.symbol();
  }
  std::vector<BlockId> regions = std::move(op.regions);
  op.regions.clear();
  for (ValueId& result : op.results) result = CopyDefinition(result);
  const OpId made = to_.AddOp(std::move(op));
  for (BlockId region : regions) {
    const BlockId block = CopyBlock(region, made);
    to_.op(made).regions.push_back(block);
  }
  return made;
}

BlockId OpCopier::CopyBlock(BlockId id, OpId parent) {
  Block block = from_.block(id);
  const BlockId made = to_.AddBlock({});
  for (ValueId& param : block.params) {
    param = CopyDefinition(param);
    to_.value(param).block = made;
  }
  for (OpId& op : block.ops) op = Copy(op);
  for (ValueId& yield : block.yields) yield = Copy(yield);
  block.parent = parent;
  to_.block(made) = std::move(block);
  return made;
}

}  // namespace gcomp::ir
