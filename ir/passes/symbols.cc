#include "ir/passes/symbols.h"

namespace gcomp::ir {
namespace {

// Replaces the size symbols of a whole function.
class SymbolRenamer {
 public:
  SymbolRenamer(Function& function, std::span<const SymId> to) : function_(function), to_(to) {}

  void Run() {
    for (Value& value : function_.values) Rename(value.type);
    for (Result& result : function_.results) Rename(result.type);
    for (Op& op : function_.ops) {
      for (AttrValue& attr : op.attrs) Rename(attr);
      for (auto& [name, attr] : op.extra_attrs) Rename(attr);
      for (Expr& size : op.callee_sizes) Rename(size);
      for (SymId& symbol : op.defines) symbol = to_[symbol.index()];
    }
    for (SymId& symbol : function_.defines) symbol = to_[symbol.index()];
    for (Symbol& symbol : function_.symbols) {
      Rename(symbol.low);
      if (symbol.high.has_value()) Rename(*symbol.high);
    }
  }

 private:
  void Rename(Expr& e) {
    if (e.is_const()) return;
    e = e.Substitute([this](SymId id) { return Expr::Symbol(to_[id.index()]); });
  }

  void Rename(Type& type) {
    if (type.IsStatic()) return;
    type = type.Substitute([this](SymId id) { return Expr::Symbol(to_[id.index()]); });
  }

  void Rename(AttrValue& attr) {
    if (auto* e = attr.As<Expr>()) Rename(*e);
    if (auto* type = attr.As<Type>()) Rename(*type);
    if (auto* list = attr.As<AttrList>()) {
      for (AttrValue& item : *list) Rename(item);
    }
    if (auto* dict = attr.As<AttrDict>()) {
      for (auto& [name, item] : *dict) Rename(item);
    }
  }

  Function& function_;
  std::span<const SymId> to_;
};

}  // namespace

void ForEachSymbol(const Type& type, const VisitSymbol& visit) {
  for (const Expr& dim : type.dims()) dim.ForEachSymbol(visit);
  for (const Expr& stride : type.layout().strides) stride.ForEachSymbol(visit);
  type.layout().offset.ForEachSymbol(visit);
}

void ForEachSymbol(const AttrValue& attr, const VisitSymbol& visit) {
  if (const auto* e = attr.As<Expr>()) e->ForEachSymbol(visit);
  if (const auto* type = attr.As<Type>()) ForEachSymbol(*type, visit);
  if (const auto* list = attr.As<AttrList>()) {
    for (const AttrValue& item : *list) ForEachSymbol(item, visit);
  }
  if (const auto* dict = attr.As<AttrDict>()) {
    for (const auto& [name, item] : *dict) ForEachSymbol(item, visit);
  }
}

void ForEachSymbol(const Function& function, const Op& op, const VisitSymbol& visit) {
  for (const AttrValue& attr : op.attrs) ForEachSymbol(attr, visit);
  for (const auto& [name, attr] : op.extra_attrs) ForEachSymbol(attr, visit);
  for (const Expr& size : op.callee_sizes) size.ForEachSymbol(visit);
  for (SymId symbol : op.defines) visit(symbol);
  for (ValueId result : op.results) ForEachSymbol(function.value(result).type, visit);
}

void ForEachBoundSymbol(const Type& param, const VisitSymbol& visit) {
  auto whole = [&](const Expr& e) {
    if (e.kind() == Expr::Kind::kSymbol) visit(e.symbol());
  };
  for (const Expr& dim : param.dims()) whole(dim);  // the value of an int is its dim
  if (param.layout().kind != Layout::Kind::kStrided) return;
  for (const Expr& stride : param.layout().strides) whole(stride);
  whole(param.layout().offset);
}

void RenameSymbols(Function& function, std::span<const SymId> to) {
  SymbolRenamer(function, to).Run();
}

}  // namespace gcomp::ir
