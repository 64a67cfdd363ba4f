// OpCopier: copies ops with their regions from one function to another (or to the same), with other
// values and other size symbols in place of those they had.
//
// Every value that an op uses must be mapped or made by an op copied before; literals are copied.
// A symbol that is not mapped (one that an op or a region of the copied ops makes) becomes a new
// symbol of the target, unless source and target are one function: then it stays.
//
// Thread safety: one thread. Cost: linear in what is copied.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/module.h"

namespace gcomp::ir {

// A name like `stem` that `taken` does not say is in use: `h`, `h_2`, `h_3`, ...; remembers it.
class NameSet {
 public:
  // The names of one block's values.
  static NameSet OfBlock(const Function& function, BlockId block);

  void Add(std::string name) { next_.try_emplace(std::move(name), 2); }

  void Remove(const std::string& name) { next_.erase(name); }

  std::string Fresh(std::string_view name);

 private:
  std::unordered_map<std::string, int> next_;  // each name, and the number to try behind it
};

class OpCopier {
 public:
  OpCopier(const Function& from, Function& to) : from_(from), to_(to) {}

  void Map(ValueId from, ValueId to) { Slot(from) = to; }

  void Map(SymId from, Expr to) { Slot(from) = std::move(to); }

  // The op in the target's tables; no block lists it yet. Values keep their names.
  OpId Copy(OpId id);

  // What stands for a value, a symbol, a type in the target.
  ValueId Copy(ValueId id);
  Expr Copy(SymId id);
  Expr Copy(const Expr& e);
  Type Copy(const Type& type);

 private:
  // The tables grow with the source, which may be the target.
  ValueId& Slot(ValueId id) {
    if (id.index() >= values_.size()) values_.resize(from_.values.size());
    return values_[id.index()];
  }

  std::optional<Expr>& Slot(SymId id) {
    if (id.index() >= symbols_.size()) symbols_.resize(from_.symbols.size());
    return symbols_[id.index()];
  }

  void Rewrite(AttrValue& attr);
  void Rewrite(AttrDict& dict);
  ValueId CopyDefinition(ValueId id);
  BlockId CopyBlock(BlockId id, OpId parent);

  const Function& from_;
  Function& to_;
  std::vector<ValueId> values_;               // by id in `from`; invalid = none yet
  std::vector<std::optional<Expr>> symbols_;  // likewise
  std::optional<NameSet> symbol_names_;       // of the target, made when first needed
};

}  // namespace gcomp::ir
