#include "ir/passes/outline.h"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/passes/calls.h"
#include "ir/passes/op_copier.h"
#include "ir/passes/purity.h"
#include "ir/passes/recheck.h"
#include "ir/passes/repeats.h"
#include "ir/passes/symbols.h"
#include "ir/passes/windows.h"
#include "ir/storage_roots.h"

namespace gcomp::ir {
namespace {

// ---- Making functions and calls -----------------------------------------------------------------

// The function of one repeat, made from its first window, and the calls of it.
class BlockMaker {
 public:
  BlockMaker(Module& module, Function& caller, const Body& body, const Repeat& repeat)
      : module_(module),
        caller_(caller),
        body_(body),
        length_(repeat.length),
        starts_(repeat.starts),
        block_(std::make_unique<Function>()) {
    block_->body = block_->AddBlock({});
  }

  // Null if the ops would not verify by themselves.
  std::unique_ptr<Function> Make() {
    OpCopier copier(caller_, *block_);
    AddSymbols(copier);
    AddParams(copier);
    SizeFacts facts;
    for (size_t i = 0; i < length_; ++i) {
      const OpId op = copier.Copy(body_.ops()[starts_[0] + i]);
      if (i == 0) block_->op(op).comments.clear();  // they stay with the call
      if (!StillVerifies(module_, *block_, op, facts)) return nullptr;
      block_->block(block_->body).ops.push_back(op);
    }
    AddResults(copier);
    return std::move(block_);
  }

  // Adds a call for the window at `start`; invalid, and then nothing has changed, if it would not
  // verify. Requires that Make has given the function, which is in the module as `name`.
  OpId Call(const OpDef& def, const std::string& name, size_t start) {
    const Op& first = caller_.op(body_.ops()[start]);
    Op call;
    call.def = &def;
    call.callee = name;
    call.callee_sizes = sizes_;
    call.operands = Outside(start);
    call.group_begin = {0, static_cast<uint16_t>(call.operands.size())};
    call.places = first.places;
    call.comments = first.comments;
    call.span = first.span;
    for (auto [at, index] : results_) {
      call.results.push_back(caller_.op(body_.ops()[start + at]).results[index]);
    }
    const std::vector<ValueId> results = call.results;
    std::vector<Value> before;
    for (ValueId result : results) {
      before.push_back(caller_.value(result));
      caller_.value(result).annotations.alias = ValueId();
    }
    const OpId id = caller_.AddOp(std::move(call));
    SizeFacts facts;
    if (StillVerifies(module_, caller_, id, facts)) return id;
    for (size_t i = 0; i < results.size(); ++i) caller_.value(results[i]) = before[i];
    caller_.ops.pop_back();
    return {};
  }

 private:
  // What the window uses of what is made outside, in the order of first use.
  std::vector<ValueId> Outside(size_t start) const {
    std::vector<ValueId> outside;
    std::unordered_set<ValueId> seen;
    for (size_t i = start; i < start + length_; ++i) {
      for (ValueId operand : caller_.op(body_.ops()[i]).operands) {
        if (caller_.value(operand).kind == Value::Kind::kLiteral ||
            body_.IsMadeIn(operand, start, start + length_) || !seen.insert(operand).second) {
          continue;
        }
        outside.push_back(operand);
      }
    }
    return outside;
  }

  // Symbols that the first window speaks of, parameters first; what its regions bind stays inside.
  std::vector<SymId> OuterSymbols() const {
    std::vector<SymId> order;
    std::unordered_set<SymId> seen;
    for (const Op& op : caller_.ops) {
      for (SymId symbol : op.defines) seen.insert(symbol);
    }
    const std::unordered_set<SymId> defined = std::exchange(seen, {});
    for (size_t i = 0; i < length_; ++i) BoundInside(body_.ops()[starts_[0] + i], defined, seen);
    const VisitSymbol add = [&](SymId id) {
      if (seen.insert(id).second) order.push_back(id);
    };
    for (ValueId value : Outside(starts_[0])) ForEachSymbol(caller_.value(value).type, add);
    for (size_t i = 0; i < length_; ++i) VisitOp(body_.ops()[starts_[0] + i], add);
    for (size_t i = 0; i < order.size(); ++i) {  // grows
      const Symbol& symbol = caller_.symbols[order[i].index()];
      symbol.low.ForEachSymbol(add);
      if (symbol.high.has_value()) symbol.high->ForEachSymbol(add);
    }
    return order;
  }

  // Adds the symbols that int<u> parameters of the op's regions bind.
  void BoundInside(OpId op, const std::unordered_set<SymId>& defined,
                   std::unordered_set<SymId>& bound) const {
    for (BlockId region : caller_.op(op).regions) {
      for (ValueId param : caller_.block(region).params) {
        const Type& type = caller_.value(param).type;
        if (type.kind() != Type::Kind::kInt || type.value().kind() != Expr::Kind::kSymbol) continue;
        const SymId symbol = type.value().symbol();
        if (symbol.index() >= caller_.num_symbol_params && !defined.contains(symbol)) {
          bound.insert(symbol);
        }
      }
      for (OpId inner : caller_.block(region).ops) BoundInside(inner, defined, bound);
    }
  }

  void VisitOp(OpId id, const VisitSymbol& visit) const {
    const Op& op = caller_.op(id);
    ForEachSymbol(caller_, op, visit);
    for (BlockId region : op.regions) {
      for (ValueId param : caller_.block(region).params) {
        ForEachSymbol(caller_.value(param).type, visit);
      }
      for (OpId inner : caller_.block(region).ops) VisitOp(inner, visit);
    }
  }

  void AddSymbols(OpCopier& copier) {
    const std::vector<SymId> symbols = OuterSymbols();
    for (SymId symbol : symbols) {
      copier.Map(symbol, Expr::Symbol(block_->AddSymbol(caller_.symbols[symbol.index()])));
    }
    for (Symbol& symbol : block_->symbols) {
      symbol.low = copier.Copy(symbol.low);
      if (symbol.high.has_value()) symbol.high = copier.Copy(*symbol.high);
    }
    block_->num_symbol_params = symbols.size();
    std::unordered_set<SymId> bound;
    for (ValueId value : Outside(starts_[0])) {
      ForEachBoundSymbol(caller_.value(value).type, [&](SymId id) { bound.insert(id); });
    }
    for (SymId symbol : symbols) {
      if (!bound.contains(symbol)) sizes_.push_back(Expr::Symbol(symbol));
    }
  }

  void AddParams(OpCopier& copier) {
    for (ValueId outside : Outside(starts_[0])) {
      Value param;
      param.kind = Value::Kind::kParam;
      param.name = caller_.value(outside).name;
      param.type = copier.Copy(caller_.value(outside).type);
      param.block = block_->body;
      std::vector<ValueId>& params = block_->block(block_->body).params;
      param.index = static_cast<uint32_t>(params.size());
      const ValueId id = block_->AddValue(std::move(param));
      params.push_back(id);
      copier.Map(outside, id);
    }
  }

  // What some window's ops make that is used outside of it.
  void AddResults(OpCopier& copier) {
    for (uint32_t at = 0; at < length_; ++at) {
      const size_t count = caller_.op(body_.ops()[starts_[0] + at]).results.size();
      for (uint32_t index = 0; index < count; ++index) {
        if (IsUsedOutside(at, index)) results_.emplace_back(at, index);
      }
    }
    for (auto [at, index] : results_) {
      const ValueId value = copier.Copy(caller_.op(body_.ops()[starts_[0] + at]).results[index]);
      block_->block(block_->body).yields.push_back(value);
      block_->results.push_back({block_->value(value).type, {}});
    }
  }

  bool IsUsedOutside(size_t at, size_t index) const {
    return std::any_of(starts_.begin(), starts_.end(), [&](size_t start) {
      return body_.IsUsedFrom(start + length_, caller_.op(body_.ops()[start + at]).results[index]);
    });
  }

  Module& module_;
  Function& caller_;
  const Body& body_;
  size_t length_;
  std::vector<size_t> starts_;
  std::unique_ptr<Function> block_;
  std::vector<Expr> sizes_;                             // of the symbols that no parameter binds
  std::vector<std::pair<uint32_t, uint32_t>> results_;  // op of the window, result of the op
};

// ---- One function -------------------------------------------------------------------------------

class FunctionOutliner {
 public:
  FunctionOutliner(Module& module, size_t index, const OpDef& call)
      : module_(module), index_(index), function_(*module.functions[index]), call_(call) {}

  bool Run() {
    bool changed = false;
    while (RunRound()) changed = true;
    return changed;
  }

 private:
  bool RunRound() {
    Purity purity(module_);
    const Body body(module_, function_, purity);
    Wiring wiring(function_, body);
    const std::vector<Repeat> repeats = FindRepeats(
        body.classes(), body.cuts(), {.min_length = kMinBlockOps, .min_saved = kMinSavedOps},
        [&](size_t length, std::span<const size_t> starts) {
          return wiring.Divide(length, starts);
        });
    std::unordered_map<size_t, std::pair<OpId, size_t>> calls;  // by start: the call, the length
    for (const Repeat& repeat : repeats) MakeCalls(body, repeat, calls);
    if (calls.empty()) return false;
    std::vector<OpId> ops;
    for (size_t i = 0; i < body.ops().size();) {
      auto call = calls.find(i);
      ops.push_back(call == calls.end() ? body.ops()[i] : call->second.first);
      i += call == calls.end() ? 1 : call->second.second;
    }
    function_.block(function_.body).ops = std::move(ops);
    function_.Compact();
    DropBrokenFacts();
    return true;
  }

  // A view of what a call returns now does not lie any more where the view inside lay.
  void DropBrokenFacts() {
    const StorageRoots roots(module_, function_);
    for (uint32_t i = 0; i < function_.values.size(); ++i) {
      Value& value = function_.values[i];
      ValueId& alias = value.annotations.alias;
      if (value.kind == Value::Kind::kResult && alias.valid() &&
          roots.root(alias) != roots.root(ValueId(i))) {
        alias = ValueId();
      }
    }
  }

  void MakeCalls(const Body& body, const Repeat& repeat,
                 std::unordered_map<size_t, std::pair<OpId, size_t>>& calls) {
    BlockMaker maker(module_, function_, body, repeat);
    std::unique_ptr<Function> block = maker.Make();
    if (block == nullptr) return;
    const std::string name = FreshName();
    // Behind the caller and the blocks that were made of it before.
    const size_t at = index_ + num_made_;
    block->name = name;
    AddFunctionAfter(module_, at, name) = std::move(*block);
    bool called = false;
    for (size_t start : repeat.starts) {
      const OpId call = maker.Call(call_, name, start);
      if (call.valid()) calls.emplace(start, std::pair(call, repeat.length));
      called |= call.valid();
    }
    num_made_ += called ? 1 : 0;
    if (called) return;
    std::vector<bool> removed(module_.functions.size());
    removed[at + 1] = true;
    RemoveFunctions(module_, removed);
  }

  std::string FreshName() const {
    const std::string stem = function_.name + ".block";
    std::string name = stem;
    for (int n = 2; module_.Find(name) != nullptr || module_.FindGlobal(name) != nullptr; ++n) {
      name = Format("{}_{}", stem, n);
    }
    return name;
  }

  Module& module_;
  size_t index_;
  Function& function_;
  const OpDef& call_;
  size_t num_made_ = 0;
};

}  // namespace

StatusOr<bool> OutlineRepeats(Module& module, const PassContext& context) {
  const std::vector<const OpDef*>& ops = context.ops.ops();
  auto call = std::find_if(ops.begin(), ops.end(),
                           [](const OpDef* def) { return def->body == OpDef::Body::kCallee; });
  if (call == ops.end()) return false;
  bool changed = false;
  // Blocks that are made here may repeat something inside.
  for (size_t i = 0; i < module.functions.size(); ++i) {
    changed |= FunctionOutliner(module, i, **call).Run();
  }
  return changed;
}

}  // namespace gcomp::ir
