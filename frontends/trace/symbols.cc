#include "frontends/trace/symbols.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace gcomp::internal {
namespace {

using ir::AttrDict;
using ir::AttrList;
using ir::AttrValue;
using ir::Expr;
using ir::Function;
using ir::Layout;
using ir::SymId;
using ir::Type;

using Visit = std::function<void(SymId)>;
using Replace = std::function<Expr(SymId)>;

void Walk(const Type& type, const Visit& visit) {
  for (const Expr& dim : type.dims()) dim.ForEachSymbol(visit);
  for (const Expr& stride : type.layout().strides) stride.ForEachSymbol(visit);
  type.layout().offset.ForEachSymbol(visit);
}

void Walk(const AttrValue& value, const Visit& visit) {
  if (const Expr* e = value.As<Expr>()) e->ForEachSymbol(visit);
  if (const Type* type = value.As<Type>()) Walk(*type, visit);
  if (const AttrList* list = value.As<AttrList>()) {
    for (const AttrValue& element : *list) Walk(element, visit);
  }
  if (const AttrDict* dict = value.As<AttrDict>()) {
    for (const auto& [name, element] : *dict) Walk(element, visit);
  }
}

void Rewrite(AttrValue& value, const Replace& replace) {
  if (Expr* e = value.As<Expr>()) *e = e->Substitute(replace);
  if (Type* type = value.As<Type>()) *type = type->Substitute(replace);
  if (AttrList* list = value.As<AttrList>()) {
    for (AttrValue& element : *list) Rewrite(element, replace);
  }
  if (AttrDict* dict = value.As<AttrDict>()) {
    for (auto& [name, element] : *dict) Rewrite(element, replace);
  }
}

// A type without symbols needs no copy.
void Rewrite(Type& type, const Replace& replace) {
  bool found = false;
  Walk(type, [&](SymId) { found = true; });
  if (found) type = type.Substitute(replace);
}

}  // namespace

std::vector<SymId> SymbolsIn(const Type& type) {
  std::vector<SymId> found;
  Walk(type, [&](SymId id) {
    if (std::find(found.begin(), found.end(), id) == found.end()) found.push_back(id);
  });
  return found;
}

std::vector<SymId> SymbolsIn(const Function& function, const ir::Op& op) {
  std::vector<SymId> found;
  Visit visit = [&](SymId id) { found.push_back(id); };
  std::vector<const ir::Op*> todo = {&op};
  while (!todo.empty()) {
    const ir::Op& next = *todo.back();
    todo.pop_back();
    for (const AttrValue& attr : next.attrs) Walk(attr, visit);
    for (const Expr& size : next.callee_sizes) size.ForEachSymbol(visit);
    for (ir::BlockId region : next.regions) {
      for (ir::OpId inner : function.block(region).ops) {
        todo.push_back(&function.op(inner));
        for (ir::ValueId id : function.op(inner).results) Walk(function.value(id).type, visit);
      }
    }
  }
  return found;
}

std::vector<SymId> SymbolsIn(const Function& function) {
  std::vector<bool> used(function.symbols.size());
  Visit visit = [&](SymId id) {
    if (id.index() < used.size()) used[id.index()] = true;
  };
  for (const ir::Value& value : function.values) Walk(value.type, visit);
  for (const ir::Op& op : function.ops) {
    for (const AttrValue& attr : op.attrs) Walk(attr, visit);
    for (const Expr& size : op.callee_sizes) size.ForEachSymbol(visit);
    for (SymId id : op.defines) visit(id);
  }
  // Ranges may speak of symbols that were made before.
  for (size_t i = used.size(); i-- > 0;) {
    if (!used[i]) continue;
    function.symbols[i].low.ForEachSymbol(visit);
    if (function.symbols[i].high.has_value()) function.symbols[i].high->ForEachSymbol(visit);
  }
  std::vector<SymId> ids;
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i]) ids.push_back(SymId(i));
  }
  return ids;
}

void KeepSymbols(Function& function, std::span<const SymId> params, std::span<const SymId> others) {
  std::vector<SymId> renamed(function.symbols.size());
  std::vector<ir::Symbol> kept;
  for (std::span<const SymId> part : {params, others}) {
    for (SymId id : part) {
      renamed[id.index()] = SymId(kept.size());
      kept.push_back(std::move(function.symbols[id.index()]));
    }
  }
  Replace replace = [&](SymId id) { return Expr::Symbol(renamed[id.index()]); };
  for (ir::Symbol& symbol : kept) {
    symbol.low = symbol.low.Substitute(replace);
    if (symbol.high.has_value()) symbol.high = symbol.high->Substitute(replace);
  }
  function.symbols = std::move(kept);
  function.num_symbol_params = params.size();
  for (ir::Value& value : function.values) Rewrite(value.type, replace);
  for (ir::Op& op : function.ops) {
    for (AttrValue& attr : op.attrs) Rewrite(attr, replace);
    for (Expr& size : op.callee_sizes) size = size.Substitute(replace);
    for (SymId& id : op.defines) id = renamed[id.index()];
  }
  for (ir::Result& result : function.results) Rewrite(result.type, replace);
  for (SymId& id : function.defines) id = renamed[id.index()];
}

bool IsBoundByParams(const Function& function, SymId id) {
  const Expr symbol = Expr::Symbol(id);
  return std::any_of(function.params().begin(), function.params().end(), [&](ir::ValueId param) {
    const Type& type = function.value(param).type;
    auto has = [&](const ir::Dims& dims) {
      return std::find(dims.begin(), dims.end(), symbol) != dims.end();
    };
    if (has(type.dims())) return true;
    return type.layout().kind == Layout::Kind::kStrided &&
           (has(type.layout().strides) || type.layout().offset == symbol);
  });
}

}  // namespace gcomp::internal
