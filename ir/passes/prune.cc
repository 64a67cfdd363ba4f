#include "ir/passes/prune.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/op_def.h"
#include "ir/passes/blocks.h"
#include "ir/passes/calls.h"
#include "ir/passes/purity.h"
#include "ir/passes/symbols.h"

namespace gcomp::ir {
namespace {

// What is live in one function.
struct Live {
  bool fixed = false;    // the signature stays
  bool entered = false;  // some live call, or none is needed
  std::vector<bool> values;
  std::vector<bool> ops;
  std::vector<bool> results;

  struct Site {
    size_t caller;
    OpId op;
  };

  std::vector<Site> sites;  // all calls of it
};

// ---- The search ---------------------------------------------------------------------------------

class Liveness {
 public:
  explicit Liveness(Module& module) : module_(module), purity_(module), live_(Start(module)) {}

  std::vector<Live> Solve() {
    for (size_t f = 0; f < live_.size(); ++f) {
      if (!IsRoot(f)) continue;
      Enter(f);
      for (size_t i = 0; i < live_[f].results.size(); ++i) UseResult(f, i);
    }
    while (!todo_.empty()) {
      auto [f, value] = todo_.back();
      todo_.pop_back();
      Follow(f, value);
    }
    return std::move(live_);
  }

 private:
  const Function& function(size_t f) const { return *module_.functions[f]; }

  std::vector<Live> Start(Module& module) {
    std::vector<Live> live(module.functions.size());
    uses_ = CountUses(module);
    for (size_t f = 0; f < live.size(); ++f) {
      const Function& function = *module.functions[f];
      any_exported_ |= function.exported;
      live[f].fixed = function.exported || uses_[f].otherwise;
      live[f].values.resize(function.values.size());
      live[f].ops.resize(function.ops.size());
      live[f].results.resize(function.results.size());
      for (BlockId block : LiveBlocks(function)) {
        for (OpId op : function.block(block).ops) {
          if (auto callee = CalledFunction(module, function.op(op))) {
            live[*callee].sites.push_back({f, op});
          }
        }
      }
    }
    return live;
  }

  bool IsRoot(size_t f) {
    if (!any_exported_ && uses_[f].calls == 0) live_[f].fixed = true;
    return live_[f].fixed;
  }

  // The function runs: its effects are live.
  void Enter(size_t f) {
    if (live_[f].entered) return;
    live_[f].entered = true;
    if (live_[f].fixed) {
      for (size_t i = 0; i < live_[f].results.size(); ++i) UseResult(f, i);
    }
    for (BlockId block : LiveBlocks(function(f))) {
      for (OpId op : function(f).block(block).ops) {
        if (!purity_.IsPure(function(f), function(f).op(op))) UseOp(f, op);
      }
    }
  }

  void Use(size_t f, ValueId value) {
    if (!value.valid() || live_[f].values[value.index()]) return;
    live_[f].values[value.index()] = true;
    todo_.emplace_back(f, value);
  }

  void UseResult(size_t f, size_t i) {
    if (live_[f].results[i]) return;
    live_[f].results[i] = true;
    Use(f, function(f).block(function(f).body).yields[i]);
    Use(f, function(f).results[i].annotations.alias);
    Use(f, function(f).results[i].annotations.into);
  }

  void UseOp(size_t f, OpId id) {
    if (live_[f].ops[id.index()]) return;
    live_[f].ops[id.index()] = true;
    const Op& op = function(f).op(id);
    for (ValueId result : op.results) Use(f, function(f).value(result).annotations.alias);
    for (const AttrValue& attr : op.attrs) UseValuesIn(f, attr);
    for (const auto& [name, attr] : op.extra_attrs) UseValuesIn(f, attr);
    for (BlockId region : op.regions) {
      for (ValueId yield : function(f).block(region).yields) Use(f, yield);
    }
    const std::optional<size_t> callee = CalledFunction(module_, op);
    if (callee.has_value()) {
      entering_.push_back(*callee);
      if (entering_.size() == 1) EnterAll();
    }
    for (size_t i = 0; i < op.operands.size(); ++i) {
      if (!callee.has_value() || UsesParam(*callee, i)) Use(f, op.operands[i]);
    }
  }

  // Entering a function uses its ops, which may enter others: a queue in place of recursion.
  void EnterAll() {
    for (size_t i = 0; i < entering_.size(); ++i) Enter(entering_[i]);
    entering_.clear();
  }

  bool UsesParam(size_t f, size_t i) const {
    return live_[f].fixed || live_[f].values[function(f).params()[i].index()];
  }

  void UseValuesIn(size_t f, const AttrValue& attr) {
    if (const auto* id = attr.As<ValueId>()) Use(f, *id);
    if (const auto* list = attr.As<AttrList>()) {
      for (const AttrValue& item : *list) UseValuesIn(f, item);
    }
    if (const auto* dict = attr.As<AttrDict>()) {
      for (const auto& [name, item] : *dict) UseValuesIn(f, item);
    }
  }

  // What follows from the use of a value.
  void Follow(size_t f, ValueId id) {
    const Value& value = function(f).value(id);
    if (value.kind == Value::Kind::kResult) {
      UseOp(f, value.op);
      const std::optional<size_t> callee = CalledFunction(module_, function(f).op(value.op));
      if (callee.has_value()) UseResult(*callee, value.index);
    } else if (value.kind == Value::Kind::kParam && value.block == function(f).body) {
      for (const Live::Site& site : live_[f].sites) {
        if (!live_[site.caller].ops[site.op.index()]) continue;
        Use(site.caller, function(site.caller).op(site.op).operands[value.index]);
      }
    }
  }

  Module& module_;
  Purity purity_;
  std::vector<FunctionUses> uses_;
  bool any_exported_ = false;
  std::vector<Live> live_;
  std::vector<std::pair<size_t, ValueId>> todo_;
  std::vector<size_t> entering_;  // functions to enter
};

// ---- The sweep ----------------------------------------------------------------------------------

template <class T>
void Keep(std::vector<T>& items, const std::vector<bool>& kept) {
  size_t next = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!kept[i]) continue;
    if (next != i) items[next] = std::move(items[i]);
    ++next;
  }
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(next), items.end());
}

class Sweeper {
 public:
  Sweeper(Module& module, std::vector<Live> live)
      : module_(module), live_(std::move(live)), adapted_(live_.size()) {}

  bool Run() {
    FindSizes();
    std::vector<bool> removed(live_.size());
    for (size_t f : CalleesFirst(module_)) {
      removed[f] = !live_[f].entered;
      if (!removed[f]) SweepFunction(f);
    }
    if (std::find(removed.begin(), removed.end(), true) == removed.end()) return changed_;
    RemoveFunctions(module_, removed);
    return true;
  }

 private:
  // What is left of a signature.
  struct Plan {
    std::vector<bool> params;
    std::vector<bool> results;
    std::vector<size_t> written;  // symbols, by their old numbers, that no parameter binds any more
  };

  using Sizes = std::optional<std::vector<Expr>>;

  bool IsLive(const Live::Site& site) const {
    return live_[site.caller].entered && live_[site.caller].ops[site.op.index()];
  }

  // What the symbols of the callee are at each live call, while signatures are as they were.
  void FindSizes() {
    for (size_t f = 0; f < live_.size(); ++f) {
      const Function& callee = *module_.functions[f];
      sizes_.emplace_back(live_[f].sites.size());
      for (size_t i = 0; i < live_[f].sites.size(); ++i) {
        const Live::Site& site = live_[f].sites[i];
        if (live_[f].fixed || !IsLive(site)) continue;
        const Function& caller = *module_.functions[site.caller];
        sizes_[f][i] = BoundSizes(caller, caller.op(site.op), callee);
        if (!sizes_[f][i].has_value()) live_[f].fixed = true;
      }
    }
  }

  // Callees come first: the calls in the function are adapted already.
  void SweepFunction(size_t f) {
    Function& function = *module_.functions[f];
    bool changed = false;
    for (BlockId id : LiveBlocks(function)) {
      std::vector<OpId>& ops = function.block(id).ops;
      changed |= std::erase_if(ops, [&](OpId op) { return !live_[f].ops[op.index()]; }) != 0;
    }
    Plan plan;
    const bool adapts = !live_[f].fixed && SweepSignature(f, function, plan);
    if (!changed && !adapts && !adapted_[f]) return;
    function.Compact();
    changed_ = true;
    if (!adapts) return;
    SweepSymbols(f, function, plan);
    for (size_t i = 0; i < live_[f].sites.size(); ++i) {
      const Live::Site& site = live_[f].sites[i];
      if (!IsLive(site)) continue;
      AdaptCall(*module_.functions[site.caller], site.op, plan, *sizes_[f][i]);
      adapted_[site.caller] = true;
    }
  }

  // False if all of it is live.
  bool SweepSignature(size_t f, Function& function, Plan& plan) {
    std::vector<ValueId>& params = function.block(function.body).params;
    for (ValueId param : params) plan.params.push_back(live_[f].values[param.index()]);
    plan.results = live_[f].results;
    auto all = [](const std::vector<bool>& kept) {
      return std::find(kept.begin(), kept.end(), false) == kept.end();
    };
    if (all(plan.params) && all(plan.results)) return false;
    Keep(function.results, plan.results);
    Keep(function.block(function.body).yields, plan.results);
    Keep(params, plan.params);
    for (size_t i = 0; i < params.size(); ++i) {
      Value& param = function.value(params[i]);
      param.index = static_cast<uint32_t>(i);
      // A fact about a parameter that goes.
      ValueId& alias = param.annotations.alias;
      if (alias.valid() && !live_[f].values[alias.index()]) alias = ValueId();
    }
    return true;
  }

  // Drops symbols that nothing speaks of, and finds those that calls must write now.
  void SweepSymbols(size_t f, Function& function, Plan& plan) {
    const size_t count = function.num_symbol_params;
    const std::vector<bool> used = UsedSymbols(f, function);
    std::vector<bool> bound(count);
    for (ValueId param : function.params()) {
      ForEachBoundSymbol(function.value(param).type, [&](SymId id) {
        if (id.index() < count) bound[id.index()] = true;
      });
    }
    std::vector<SymId> to;
    std::vector<bool> kept(function.symbols.size(), true);
    size_t next = 0;
    for (size_t i = 0; i < function.symbols.size(); ++i) {
      to.emplace_back(next);
      kept[i] = i >= count || used[i];
      if (kept[i]) ++next;
      if (i < count && kept[i] && !bound[i]) plan.written.push_back(i);
    }
    if (next == kept.size()) return;
    RenameSymbols(function, to);
    Keep(function.symbols, kept);
    function.num_symbol_params -= kept.size() - next;
  }

  // By symbol. One whose range is more than the callers prove is used too: calls check it.
  std::vector<bool> UsedSymbols(size_t f, const Function& function) const {
    std::vector<bool> used(function.symbols.size());
    std::vector<SymId> todo;
    VisitSymbol use = [&](SymId id) {
      if (used[id.index()]) return;
      used[id.index()] = true;
      todo.push_back(id);
    };
    for (const Value& value : function.values) ForEachSymbol(value.type, use);
    for (const Op& op : function.ops) ForEachSymbol(function, op, use);
    for (const Result& result : function.results) ForEachSymbol(result.type, use);
    for (SymId symbol : function.defines) use(symbol);
    for (size_t i = 0; i < function.num_symbol_params; ++i) {
      if (!IsProven(f, function.symbols[i], i)) use(SymId(i));
    }
    while (!todo.empty()) {
      const Symbol& symbol = function.symbols[todo.back().index()];
      todo.pop_back();
      symbol.low.ForEachSymbol(use);
      if (symbol.high.has_value()) symbol.high->ForEachSymbol(use);
    }
    return used;
  }

  // True if each call gives symbol i a size of its range for sure.
  bool IsProven(size_t f, const Symbol& symbol, size_t i) const {
    for (size_t s = 0; s < live_[f].sites.size(); ++s) {
      const Live::Site& site = live_[f].sites[s];
      if (!IsLive(site)) continue;
      const std::vector<Expr>& sizes = *sizes_[f][s];
      auto size_of = [&](SymId id) {
        return id.index() < sizes.size() ? sizes[id.index()] : Expr::Poison();
      };
      if (!FitsRange(*module_.functions[site.caller], sizes[i], symbol, size_of)) return false;
    }
    return true;
  }

  void AdaptCall(Function& caller, OpId id, const Plan& plan, const std::vector<Expr>& sizes) {
    Op& op = caller.op(id);
    std::vector<uint16_t> begin = {0};
    for (size_t g = 1; g < op.group_begin.size(); ++g) {
      const auto first = plan.params.begin() + op.group_begin[g - 1];
      const auto last = plan.params.begin() + op.group_begin[g];
      begin.push_back(static_cast<uint16_t>(begin.back() + std::count(first, last, true)));
    }
    op.group_begin = std::move(begin);
    Keep(op.operands, plan.params);
    Keep(op.results, plan.results);
    for (size_t i = 0; i < op.results.size(); ++i) {
      caller.value(op.results[i]).index = static_cast<uint32_t>(i);
    }
    op.callee_sizes.clear();
    for (size_t symbol : plan.written) op.callee_sizes.push_back(sizes[symbol]);
  }

  Module& module_;
  std::vector<Live> live_;
  std::vector<bool> adapted_;              // some call in the function lost results or operands
  std::vector<std::vector<Sizes>> sizes_;  // by callee and call
  bool changed_ = false;
};

}  // namespace

StatusOr<bool> PruneFunctions(Module& module, const PassContext& /*context*/) {
  return Sweeper(module, Liveness(module).Solve()).Run();
}

}  // namespace gcomp::ir
