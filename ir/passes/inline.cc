#include "ir/passes/inline.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ir/op_def.h"
#include "ir/passes/blocks.h"
#include "ir/passes/calls.h"
#include "ir/passes/op_copier.h"
#include "ir/passes/recheck.h"
#include "ir/passes/storage_changes.h"
#include "ir/passes/value_map.h"

namespace gcomp::ir {
namespace {

// ---- What goes ----------------------------------------------------------------------------------

bool HasKeep(const Op& op) {
  const int keep = op.def->AttrIndex("keep");
  return keep >= 0 && AttrReader(*op.def, op).Bool("keep");
}

// True if an op, at any depth, changes its operand's handle: sizes, strides or storage.
bool ChangesHandles(const Function& function, BlockId block) {
  const std::vector<OpId>& ops = function.block(block).ops;
  return std::any_of(ops.begin(), ops.end(), [&](OpId id) {
    const Op& op = function.op(id);
    if (ChangesHandle(op)) return true;
    return std::any_of(op.regions.begin(), op.regions.end(),
                       [&](BlockId region) { return ChangesHandles(function, region); });
  });
}

// Which functions go into their callers.
class Candidates {
 public:
  explicit Candidates(Module& module)
      : module_(module), uses_(CountUses(module)), storage_(module.functions.size()) {
    goes_.resize(module.functions.size());
  }

  // To be asked when all that the function calls has gone into it.
  void Decide(size_t index) {
    const Function& function = *module_.functions[index];
    const FunctionUses& uses = uses_[index];
    goes_[index] = !function.exported && uses.calls > 0 && !uses.otherwise &&
                   function.attrs.empty() &&
                   (uses.calls == 1 || CountOps(function) <= kMaxInlinedOps) &&
                   !ChangesHandles(function, function.body);
  }

  bool Goes(size_t index) const { return goes_[index]; }

  const std::vector<bool>& goes() const { return goes_; }

  const StorageChanges& Storage(size_t index) {
    if (storage_[index] == nullptr) {
      storage_[index] = std::make_unique<StorageChanges>(module_, *module_.functions[index]);
    }
    return *storage_[index];
  }

 private:
  Module& module_;
  std::vector<FunctionUses> uses_;
  std::vector<bool> goes_;
  std::vector<std::unique_ptr<StorageChanges>> storage_;
};

// ---- One function -------------------------------------------------------------------------------

// The range of the call's symbol, narrowed to that of the symbol that the body defines. False if
// the two can't be compared here.
bool Narrow(Symbol& symbol, const Symbol& inner) {
  const bool unbounded = symbol.low == Expr(0) && !symbol.high.has_value();
  const bool inner_unbounded = inner.low == Expr(0) && !inner.high.has_value();
  if (unbounded) {
    symbol.low = inner.low;
    symbol.high = inner.high;
  } else if (!inner_unbounded && (symbol.low != inner.low || symbol.high != inner.high)) {
    if (!symbol.low.is_const() || !inner.low.is_const()) return false;
    symbol.low = std::max(symbol.low.value(), inner.low.value());
    if (symbol.high.has_value() && inner.high.has_value()) {
      if (!symbol.high->is_const() || !inner.high->is_const()) return false;
      symbol.high = std::min(symbol.high->value(), inner.high->value());
    } else if (inner.high.has_value()) {
      symbol.high = inner.high;
    }
  }
  if (symbol.low.is_const() && symbol.high.has_value() && symbol.high->is_const() &&
      symbol.low.value() > symbol.high->value()) {
    return false;
  }
  if (symbol.multiple > INT32_MAX || inner.multiple > INT32_MAX) return false;
  symbol.multiple = std::lcm(symbol.multiple, inner.multiple);
  symbol.range_written = symbol.range_written || inner.range_written;
  return true;
}

class FunctionInliner {
 public:
  FunctionInliner(Module& module, Function& function, Candidates& candidates,
                  const PassContext& context)
      : module_(module),
        function_(function),
        candidates_(candidates),
        copy_def_(context.ops.Find("copy")) {}

  bool Run() {
    // Inner blocks first: a region is whole when it goes into the block around it.
    std::vector<BlockId> blocks = LiveBlocks(function_);
    for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
      if (HasBodies(*block)) RunBlock(*block);
    }
    if (changed_) function_.Compact();
    return changed_;
  }

 private:
  // The body of one op: where it is, and what its symbols are in the caller.
  struct Body {
    const Function* function;
    BlockId block;
    const StorageChanges* storage;
    bool is_call;
  };

  bool HasBodies(BlockId block) const {
    const std::vector<OpId>& ops = function_.block(block).ops;
    return std::any_of(ops.begin(), ops.end(), [&](OpId id) { return Goes(function_.op(id)); });
  }

  bool Goes(const Op& op) const {
    if (!op.extra_attrs.empty()) return false;
    if (op.def->body == OpDef::Body::kRegion) {
      return op.regions.size() == 1 && !HasKeep(op) && !ChangesHandles(function_, op.regions[0]);
    }
    const std::optional<size_t> callee = CalledFunction(module_, op);
    return callee.has_value() && candidates_.Goes(*callee);
  }

  void RunBlock(BlockId block) {
    if (storage_ == nullptr || HasNewRegions(block)) {
      storage_ = std::make_unique<StorageChanges>(module_, function_);
    }
    names_ = NameSet::OfBlock(function_, block);
    param_changes_ = ChangesParam(block);
    ValueMap map(function_);
    SizeFacts facts;
    std::vector<OpId> kept;
    for (OpId id : std::vector<OpId>(function_.block(block).ops)) {
      if (Goes(function_.op(id)) && Splice(id, map, facts, kept)) {
        changed_ = true;
        new_ops_.insert(block);
        continue;
      }
      map.ApplyTo(function_, function_.op(id));
      LearnSizes(function_.op(id), facts);
      kept.push_back(id);
    }
    function_.block(block).ops = std::move(kept);
    map.ApplyTo(function_.block(block).yields);
  }

  // True if `storage_` does not know all values of a region that goes into the block. (Others stay
  // what they were: values that stand for each other are not changed.)
  bool HasNewRegions(BlockId block) const {
    const std::vector<OpId>& ops = function_.block(block).ops;
    return std::any_of(ops.begin(), ops.end(), [&](OpId id) {
      const Op& op = function_.op(id);
      return op.def->body == OpDef::Body::kRegion && op.regions.size() == 1 &&
             new_ops_.contains(op.regions[0]);
    });
  }

  // ---- Storage ----

  // True if some parameter of the block may be written, so that others, which may share its
  // storage, can't be told apart from it.
  bool ChangesParam(BlockId block) const {
    const std::vector<ValueId>& params = function_.block(block).params;
    return std::any_of(params.begin(), params.end(), [&](ValueId param) {
      const Annotations& facts = function_.value(param).annotations;
      return facts.mut || facts.donate || storage_->changes(param);
    });
  }

  bool MayChange(ValueId id) const {
    const Value& root = function_.value(storage_->root(id));
    return storage_->changes(id) || (root.kind == Value::Kind::kParam && param_changes_);
  }

  // True if what the body returns as result i can be the result itself: nobody sees that they share
  // storage, with an operand or with another result.
  bool CanShare(const Op& op, const Body& body, size_t i) const {
    const Function& from = *body.function;
    const std::vector<ValueId>& yields = from.block(body.block).yields;
    if (!from.value(yields[i]).type.is_tensor()) return true;
    const ValueId root = body.storage->root(yields[i]);
    const Value& base = from.value(root);
    if (base.kind == Value::Kind::kParam) {
      if (MayChange(op.operands[base.index]) || storage_->changes(op.results[i])) return false;
    }
    for (size_t j = 0; j < yields.size(); ++j) {
      if (j == i || body.storage->root(yields[j]) != root) continue;
      if (storage_->changes(op.results[i]) || storage_->changes(op.results[j])) return false;
    }
    return true;
  }

  // ---- Splicing ----

  struct Sizes {
    size_t values, ops, blocks, symbols;
  };

  Sizes TableSizes() const {
    return {function_.values.size(), function_.ops.size(), function_.blocks.size(),
            function_.symbols.size()};
  }

  // Takes back all that was added since.
  void RollBack(const Sizes& to) {
    function_.values.resize(to.values);
    function_.ops.resize(to.ops);
    function_.blocks.resize(to.blocks);
    function_.symbols.resize(to.symbols);
  }

  // Appends the body's ops to `kept` and lets uses of the results mean its values. False if the op
  // stays, and then nothing has changed.
  bool Splice(OpId id, ValueMap& map, SizeFacts& facts, std::vector<OpId>& kept) {
    const Op op = function_.op(id);
    Body body{&function_, {}, storage_.get(), false};
    if (op.def->body == OpDef::Body::kRegion) {
      body.block = op.regions[0];
    } else {
      const size_t callee = *CalledFunction(module_, op);
      body = {module_.functions[callee].get(), module_.functions[callee]->body,
              &candidates_.Storage(callee), true};
    }
    const Sizes before = TableSizes();
    const size_t facts_before = facts.mark();
    std::vector<Symbol> narrowed;
    std::vector<OpId> made;
    std::vector<ValueId> results;
    // One for all regions, as its tables are as large as the function's.
    std::optional<OpCopier> call_copier;
    std::optional<OpCopier>& used = body.is_call ? call_copier : region_copier_;
    if (!used.has_value()) used.emplace(*body.function, function_);
    OpCopier& copier = *used;
    if (!MapParams(op, body, map, copier) || !MapSymbols(op, body, copier, narrowed) ||
        !CopyOps(op, body, copier, facts, made) ||
        !TakeResults(op, body, copier, facts, made, results)) {
      RollBack(before);
      region_copier_.reset();
      facts.Forget(facts_before);
      return false;
    }
    for (size_t i = 0; i < narrowed.size(); ++i) {
      function_.symbols[op.defines[i].index()] = std::move(narrowed[i]);
    }
    for (size_t i = 0; i < results.size(); ++i) map.Replace(op.results[i], results[i]);
    Finish(op, before, results, made);
    kept.insert(kept.end(), made.begin(), made.end());
    return true;
  }

  bool MapParams(const Op& op, const Body& body, ValueMap& map, OpCopier& copier) {
    const std::vector<ValueId>& params = body.function->block(body.block).params;
    if (params.size() != op.operands.size()) return false;
    for (size_t i = 0; i < params.size(); ++i) {
      const Type& formal = body.function->value(params[i]).type;
      const Type& actual = function_.value(op.operands[i]).type;
      // A region's int<u> parameter binds u.
      if (!body.is_call && formal.kind() == Type::Kind::kInt && formal != actual) {
        if (actual.kind() != Type::Kind::kInt || formal.value().kind() != Expr::Kind::kSymbol) {
          return false;
        }
        copier.Map(formal.value().symbol(), actual.value());
      }
      copier.Map(params[i], map.Resolve(op.operands[i]));
    }
    return true;
  }

  bool MapSymbols(const Op& op, const Body& body, OpCopier& copier, std::vector<Symbol>& narrowed) {
    if (!body.is_call) return true;
    const Function& callee = *body.function;
    const std::optional<std::vector<Expr>> sizes = BoundSizes(function_, op, callee);
    if (!sizes.has_value() || callee.defines.size() != op.defines.size()) return false;
    auto bound = [&](SymId id) {
      return id.index() < sizes->size() ? (*sizes)[id.index()] : Expr::Poison();
    };
    for (size_t i = 0; i < sizes->size(); ++i) {
      if (!FitsRange(function_, (*sizes)[i], callee.symbols[i], bound)) return false;
      copier.Map(SymId(i), (*sizes)[i]);
    }
    for (size_t i = 0; i < op.defines.size(); ++i) {
      copier.Map(callee.defines[i], Expr::Symbol(op.defines[i]));
    }
    for (size_t i = 0; i < op.defines.size(); ++i) {
      Symbol inner = callee.symbols[callee.defines[i].index()];
      inner.low = copier.Copy(inner.low);
      if (inner.high.has_value()) inner.high = copier.Copy(*inner.high);
      narrowed.push_back(function_.symbols[op.defines[i].index()]);
      if (!Narrow(narrowed.back(), inner)) return false;
    }
    return true;
  }

  bool CopyOps(const Op& op, const Body& body, OpCopier& copier, SizeFacts& facts,
               std::vector<OpId>& made) {
    for (OpId inner : std::vector<OpId>(body.function->block(body.block).ops)) {
      const OpId copied = copier.Copy(inner);
      Op& to = function_.op(copied);
      if (body.is_call) to.places.insert(to.places.end(), op.places.begin(), op.places.end());
      for (ValueId result : to.results) {
        std::string& name = function_.value(result).name;
        name = names_.Fresh(name);
      }
      if (!StillVerifies(module_, function_, copied, facts)) return false;
      made.push_back(copied);
    }
    return true;
  }

  bool TakeResults(const Op& op, const Body& body, OpCopier& copier, SizeFacts& facts,
                   std::vector<OpId>& made, std::vector<ValueId>& results) {
    const std::vector<ValueId> yields = body.function->block(body.block).yields;
    if (yields.size() != op.results.size()) return false;
    for (size_t i = 0; i < yields.size(); ++i) {
      ValueId value = copier.Copy(yields[i]);
      const Type& wanted = function_.value(op.results[i]).type;
      const bool literal = function_.value(value).kind == Value::Kind::kLiteral;
      if (literal || function_.value(value).type != wanted || !CanShare(op, body, i)) {
        if (literal || copy_def_ == nullptr) return false;
        const OpId copied = AddCopy(op, i, value);
        if (!StillVerifies(module_, function_, copied, facts)) return false;
        made.push_back(copied);
        value = function_.op(copied).results[0];
      }
      results.push_back(value);
    }
    return true;
  }

  OpId AddCopy(const Op& op, size_t i, ValueId from) {
    Value value;
    value.kind = Value::Kind::kResult;
    value.type = function_.value(op.results[i]).type;
    value.name = function_.value(op.results[i]).name;  // which goes
    Op copy;
    copy.def = copy_def_;
    copy.operands = {from};
    copy.group_begin.assign(copy_def_->operands.size() + 1, 1);
    copy.group_begin[0] = 0;
    copy.places = op.places;
    copy.span = op.span;
    copy.results = {function_.AddValue(std::move(value))};
    return function_.AddOp(std::move(copy));
  }

  // Names and comments of the op go to what stands in its place.
  void Finish(const Op& op, const Sizes& before, const std::vector<ValueId>& results,
              const std::vector<OpId>& made) {
    std::unordered_set<ValueId> named;
    for (size_t i = 0; i < results.size(); ++i) {
      const Value& old = function_.value(op.results[i]);
      Value& value = function_.value(results[i]);
      // A value that was there before keeps its name; one that is two results has the first's.
      if (results[i].index() < before.values || !named.insert(results[i]).second) {
        names_.Remove(old.name);
        continue;
      }
      if (value.name != old.name) names_.Remove(value.name);
      value.name = old.name;
      value.span = old.span;
    }
    if (made.empty()) return;
    Op& first = function_.op(made.front());
    first.comments.insert(first.comments.begin(), op.comments.begin(), op.comments.end());
    Op& last = function_.op(made.back());
    if (last.trailing_comment.empty()) last.trailing_comment = op.trailing_comment;
  }

  Module& module_;
  Function& function_;
  Candidates& candidates_;
  const OpDef* copy_def_;
  std::unique_ptr<StorageChanges> storage_;  // of the function before the block at hand changes
  std::unordered_set<BlockId> new_ops_;      // blocks that bodies went into
  std::optional<OpCopier> region_copier_;
  bool param_changes_ = false;
  NameSet names_;  // of the block at hand
  bool changed_ = false;
};

// ---- The module ---------------------------------------------------------------------------------

// Takes out the functions that went into all their callers, and what only they called.
void RemoveInlined(Module& module, std::vector<bool> goes) {
  for (bool removes = true; removes;) {
    const std::vector<FunctionUses> uses = CountUses(module);
    std::vector<bool> removed(goes.size());
    std::vector<bool> left;
    for (size_t i = 0; i < goes.size(); ++i) {
      removed[i] = goes[i] && uses[i].calls == 0;
      if (!removed[i]) left.push_back(goes[i]);
    }
    removes = left.size() < goes.size();
    if (removes) RemoveFunctions(module, removed);
    goes = std::move(left);
  }
}

// Rounds after the first are rare; the bound is for chains of functions made to need many.
constexpr int kMaxRounds = 16;

bool RunRound(Module& module, const PassContext& context) {
  Candidates candidates(module);
  bool changed = false;
  for (size_t index : CalleesFirst(module)) {
    changed |= FunctionInliner(module, *module.functions[index], candidates, context).Run();
    candidates.Decide(index);
  }
  if (changed) RemoveInlined(module, candidates.goes());
  return changed;
}

}  // namespace

StatusOr<bool> InlineBodies(Module& module, const PassContext& context) {
  bool changed = false;
  // A function that goes may leave another with one caller, which proves what the first did not.
  for (int round = 0; round < kMaxRounds && RunRound(module, context); ++round) changed = true;
  return changed;
}

}  // namespace gcomp::ir
