#include "ir/passes/decompose.h"

#include <algorithm>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/builder.h"
#include "ir/decompose.h"
#include "ir/passes/blocks.h"
#include "ir/passes/purity.h"
#include "ir/passes/value_map.h"

namespace gcomp::ir {
namespace {

// Formulas of formulas of formulas end long before this.
constexpr int kMaxDepth = 16;

// What ops around a region have said of sizes (`sym.check`) where it stands, told to a builder.
class OuterFacts {
 public:
  explicit OuterFacts(const Function& function) : function_(function) {
    for (BlockId block : LiveBlocks(function)) {
      size_t before = 0;  // checks of this block
      for (OpId id : function.block(block).ops) {
        const Op& op = function.op(id);
        for (BlockId region : op.regions) places_[region] = {block, before};
        if (op.def->states_fact < 0) continue;
        checks_[block].push_back(id);
        ++before;
      }
    }
  }

  void Tell(BlockId block, Builder& builder) const {
    auto place = places_.find(block);
    if (checks_.empty() || place == places_.end()) return;
    const auto& [outer, before] = place->second;
    Tell(outer, builder);
    auto checks = checks_.find(outer);
    for (size_t i = 0; i < before; ++i) builder.Learn(function_.op(checks->second[i]));
  }

 private:
  struct Place {
    BlockId outer;
    size_t before;  // so many of its checks
  };

  const Function& function_;
  std::unordered_map<BlockId, Place> places_;
  std::unordered_map<BlockId, std::vector<OpId>> checks_;
};

class BlockDecomposer {
 public:
  BlockDecomposer(Module& module, Function& function, const OpRegistry& ops, BlockId block,
                  const OuterFacts& facts)
      : function_(function), builder_(module, function, ops, block), block_(block) {
    in_place_ = WritesInPlace(module, function);
    facts.Tell(block, builder_);
  }

  StatusOr<bool> Run() {
    ValueMap map(function_);
    bool changed = false;
    std::vector<OpId> kept;
    std::deque<Pending> pending;
    for (OpId id : function_.block(block_).ops) pending.push_back({id, 0});
    while (!pending.empty()) {
      auto [id, depth] = pending.front();
      pending.pop_front();
      map.ApplyTo(function_, function_.op(id));
      if (!function_.op(id).def->decomposes()) {
        kept.push_back(id);
        builder_.Learn(function_.op(id));
        continue;
      }
      GCOMP_ENSURE(depth < kMaxDepth,
                   Format("the formula of {} does not come to an end", function_.op(id).def->name));
      GCOMP_ASSIGN_OR_RETURN(std::vector<OpId> formula, Decompose(id, map));
      if (formula.size() == 1 && formula[0] == id) {
        kept.push_back(id);
        continue;
      }
      for (size_t i = formula.size(); i-- > 0;) pending.push_front({formula[i], depth + 1});
      changed = true;
    }
    function_.block(block_).ops = std::move(kept);
    map.ApplyTo(function_.block(block_).yields);
    return changed;
  }

 private:
  struct Pending {
    OpId op;
    int depth;  // of formulas around it
  };

  // The ops that stand for `id`; uses of its results mean theirs. `id` itself where it has a kernel
  // and its formula gives nothing for these attributes.
  StatusOr<std::vector<OpId>> Decompose(OpId id, ValueMap& map) {
    function_.block(block_).ops.clear();  // the builder appends here
    const size_t first_new = function_.values.size();
    DecomposeCtx ctx(builder_, function_, function_.op(id));
    ctx.op().def->lowering.decompose(ctx);
    std::vector<Term> results = ctx.returned();
    for (Term& result : results) {
      // A value that is there already can't take part in aliasing that the op's result does not.
      bool shared = result.present() && result.id().index() < first_new;
      if (shared && in_place_) result = ctx.Call("copy", {result});
    }
    Status status = ctx.TakeStatus();
    const Op& op = ctx.op();
    if (!status.ok())
      return std::move(status).AddNote(Format("in the formula of {}", op.def->name));
    if (results.empty() && op.def->prepare != nullptr) return std::vector<OpId>{id};
    GCOMP_ENSURE(results.size() == op.results.size(),
                 Format("the formula of {} gives {} results, not {}", op.def->name, results.size(),
                        op.results.size()));
    for (size_t i = 0; i < results.size(); ++i) {
      GCOMP_RETURN_IF_ERROR(Replace(op, op.results[i], results[i].id(), first_new, map));
    }
    std::vector<OpId> formula = std::move(function_.block(block_).ops);
    for (size_t i = 0; i < formula.size(); ++i) {
      Op& made = function_.op(formula[i]);
      made.places = op.places;
      made.span = op.span;
      if (i == 0) made.comments = op.comments;
      if (i + 1 == formula.size()) made.trailing_comment = op.trailing_comment;
    }
    return formula;
  }

  Status Replace(const Op& op, ValueId from, ValueId to, size_t first_new, ValueMap& map) {
    Value& result = function_.value(to);
    const Value& old = function_.value(from);
    GCOMP_ENSURE(
        result.kind != Value::Kind::kLiteral && result.type == old.type,
        Format("the formula of {} gives {}, not {}", op.def->name,
               result.type.ToString(function_.Namer()), old.type.ToString(function_.Namer())));
    if (to.index() >= first_new) {
      result.name = old.name;
      result.span = old.span;
    }
    map.Replace(from, to);
    return {};
  }

  Function& function_;
  Builder builder_;
  BlockId block_;
  bool in_place_ = false;
};

bool HasFormula(const Function& function, BlockId block) {
  const std::vector<OpId>& ops = function.block(block).ops;
  return std::any_of(ops.begin(), ops.end(),
                     [&](OpId id) { return function.op(id).def->decomposes(); });
}

}  // namespace

StatusOr<bool> DecomposeOps(Module& module, const PassContext& context) {
  bool changed = false;
  for (const std::unique_ptr<Function>& function : module.functions) {
    const OuterFacts facts(*function);
    for (BlockId block : LiveBlocks(*function)) {
      if (!HasFormula(*function, block)) continue;
      BlockDecomposer decomposer(module, *function, context.ops, block, facts);
      GCOMP_ASSIGN_OR_RETURN(bool block_changed, decomposer.Run());
      changed |= block_changed;
    }
  }
  return changed;
}

}  // namespace gcomp::ir
