#include "ir/size_facts.h"

#include "ir/op_def.h"

namespace gcomp::ir {
namespace {

bool Contains(const Expr& e, SymId symbol) {
  bool found = false;
  e.ForEachSymbol([&](SymId id) { found = found || id == symbol; });
  return found;
}

}  // namespace

Expr SizeFacts::Canonical(const Expr& e) const {
  Expr result = e;
  // A later fact speaks of symbols that earlier ones have not replaced.
  for (const auto& [symbol, value] : equal_) {
    if (!Contains(result, symbol)) continue;
    result = result.Substitute(
        [&, s = symbol, &v = value](SymId id) { return id == s ? v : Expr::Symbol(id); });
  }
  return result;
}

void SizeFacts::Add(const Expr& predicate) {
  if (predicate.kind() == Expr::Kind::kAnd) {
    for (const Expr& part : predicate.args()) Add(part);
    return;
  }
  if (predicate.kind() != Expr::Kind::kEq) return;
  Expr a = Canonical(predicate.args()[0]);
  Expr b = Canonical(predicate.args()[1]);
  if (a == b || a.is_poison() || b.is_poison()) return;
  // The symbol that was made last is replaced: `u1 == u0` makes u1 u0.
  const bool swap = a.kind() == Expr::Kind::kSymbol && b.kind() == Expr::Kind::kSymbol &&
                    a.symbol().index() < b.symbol().index();
  if (swap || a.kind() != Expr::Kind::kSymbol) std::swap(a, b);
  if (a.kind() != Expr::Kind::kSymbol || Contains(b, a.symbol())) return;
  equal_.emplace_back(a.symbol(), b);
}

bool SizeFacts::Same(const Expr& a, const Expr& b) const {
  if (a == b) return true;
  if (equal_.empty()) return false;
  return Canonical(a) == Canonical(b);
}

void LearnSizes(const Op& op, SizeFacts& facts) {
  if (op.def->states_fact < 0) return;
  const auto at = static_cast<size_t>(op.def->states_fact);
  const Expr* predicate = at < op.attrs.size() ? op.attrs[at].As<Expr>() : nullptr;
  if (predicate != nullptr) facts.Add(*predicate);
}

}  // namespace gcomp::ir
