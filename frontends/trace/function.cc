// How bodies end as functions of the module: reusable regions, and main.
#include <algorithm>

#include "base/format.h"
#include "frontends/trace/symbols.h"
#include "frontends/trace/tracer.h"
#include "ir/op_def.h"
#include "ir/structure.h"

namespace gcomp::internal {

using ir::Expr;
using ir::SymId;
using ir::ValueId;

// ---- Reusable regions ---------------------------------------------------------------------------

void Tracer::FinishInvoke(Body body) {
  if (!ok()) return;
  std::vector<uint32_t> nodes = body.frame->CapturedNodes();
  if (Status status = CheckOperandAliases(*body.frame, nodes); !status.ok()) {
    Fail(std::move(status));
    return;
  }
  ir::OpArgs args;
  args.groups.push_back(OperandsOf(nodes));
  args.callee = JoinFunction(body, &args);
  for (SymId id : args.defines) frame().defined.push_back(id);
  ++num_invokes_;
  last_invoke_ = {args.callee, std::move(nodes), body.yield_of,
                  symbols_.empty() && body.views.empty() && body.frame->written.empty()};
  for (size_t i = 0; i < body.leaves.size(); ++i) {
    const bool stays = body.yield_of[i] == Body::kStays && !body.leaves[i]->absent();
    last_invoke_.repeatable = last_invoke_.repeatable && !stays;
  }
  EmitRegionOp("invoke", std::move(args), body);
}

namespace {

bool Has(const std::vector<SymId>& list, SymId id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

std::vector<SymId> SymbolsOfResults(const ir::Function& function) {
  std::vector<SymId> found;
  for (const ir::Result& result : function.results) {
    for (SymId id : SymbolsIn(result.type)) found.push_back(id);
  }
  return found;
}

// The symbols of a function, in the order in which its text declares them.
struct SortedSymbols {
  std::vector<SymId> params;    // first those that a parameter's size binds
  std::vector<SymId> escaping;  // defined by data, on the signature
  std::vector<SymId> defined;   // escaping ones, then the others that data defines
};

SortedSymbols Sort(const ir::Function& function, const std::vector<SymId>& defined) {
  SortedSymbols sorted;
  for (ValueId param : function.params()) {
    for (const Expr& dim : function.value(param).type.dims()) {
      if (dim.kind() == Expr::Kind::kSymbol && !Has(sorted.params, dim.symbol())) {
        sorted.params.push_back(dim.symbol());
      }
    }
  }
  const std::vector<SymId> in_results = SymbolsOfResults(function);
  std::vector<SymId> inner;
  for (SymId id : SymbolsIn(function)) {
    if (!Has(defined, id)) {
      if (!Has(sorted.params, id)) sorted.params.push_back(id);
    } else {
      (Has(in_results, id) ? sorted.escaping : inner).push_back(id);
    }
  }
  sorted.defined = sorted.escaping;
  sorted.defined.insert(sorted.defined.end(), inner.begin(), inner.end());
  return sorted;
}

}  // namespace

namespace {

// Tells without hashes whether a body that has just been traced is that of a function of the
// module: ops in the same order on values that correspond. For bodies without size symbols; a body
// that it does not recognise may still be equal by structure.
class BodyMatcher {
 public:
  BodyMatcher(const ir::Function& fresh, const ir::Function& known)
      : fresh_(fresh), known_(known), known_of_(fresh.values.size()) {}

  bool Match(ir::BlockId fresh, ir::BlockId known) {
    const ir::Block& a = fresh_.block(fresh);
    const ir::Block& b = known_.block(known);
    if (a.params.size() != b.params.size() || a.ops.size() != b.ops.size() || a.label != b.label) {
      return false;
    }
    for (size_t i = 0; i < a.params.size(); ++i) {
      if (!Define(a.params[i], b.params[i])) return false;
    }
    for (size_t i = 0; i < a.ops.size(); ++i) {
      if (!MatchOp(fresh_.op(a.ops[i]), known_.op(b.ops[i]))) return false;
    }
    return Uses(a.yields, b.yields);
  }

 private:
  bool MatchOp(const ir::Op& a, const ir::Op& b) {
    if (a.def != b.def || a.results.size() != b.results.size() || a.callee != b.callee ||
        a.regions.size() != b.regions.size() || a.group_begin != b.group_begin ||
        !Uses(a.operands, b.operands) || a.attrs != b.attrs || a.extra_attrs != b.extra_attrs) {
      return false;
    }
    for (size_t i = 0; i < a.regions.size(); ++i) {
      if (!Match(a.regions[i], b.regions[i])) return false;
    }
    for (size_t i = 0; i < a.results.size(); ++i) {
      if (!Define(a.results[i], b.results[i])) return false;
    }
    return true;
  }

  bool Define(ValueId a, ValueId b) {
    const ir::Value& x = fresh_.value(a);
    const ir::Value& y = known_.value(b);
    known_of_[a.index()] = b;
    const ir::Annotations& p = x.annotations;
    const ir::Annotations& q = y.annotations;
    return x.type == y.type && p.mut == q.mut && p.donate == q.donate && p.noalias == q.noalias &&
           p.weight == q.weight && SameUse(p.alias, q.alias) && SameUse(p.into, q.into);
  }

  bool SameUse(ValueId a, ValueId b) const {
    if (!a.valid() || !b.valid()) return a.valid() == b.valid();
    const ir::Value& x = fresh_.value(a);
    if (x.kind != ir::Value::Kind::kLiteral) return known_of_[a.index()] == b;
    const ir::Value& y = known_.value(b);
    return y.kind == ir::Value::Kind::kLiteral && x.literal == y.literal && x.type == y.type;
  }

  bool Uses(const std::vector<ValueId>& a, const std::vector<ValueId>& b) const {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [this](ValueId x, ValueId y) { return SameUse(x, y); });
  }

  const ir::Function& fresh_;
  const ir::Function& known_;
  std::vector<ValueId> known_of_;  // by index of a value of `fresh_`
};

}  // namespace

// The newest functions of this region that the body may be; empty = it is another one.
std::string Tracer::FindJoined(const Body& body) const {
  constexpr size_t kNewest = 4;
  if (!symbols_.empty()) return {};
  auto same = joined_.find(body.frame->spec.label);
  if (same == joined_.end()) return {};
  const std::vector<std::string>& names = same->second;
  for (size_t i = names.size(); i-- > 0 && i + kNewest >= names.size();) {
    const ir::Function& known = *module_.Find(names[i]);
    BodyMatcher matcher(*body.frame->owned, known);
    if (matcher.Match(body.frame->block, known.body)) return names[i];
  }
  return {};
}

// Gives the body's function the module's form and adds it, unless the module has its equal. Returns
// the name; adds sizes and defines to the call.
std::string Tracer::JoinFunction(Body& body, ir::OpArgs* call) {
  Frame& frame = *body.frame;
  ir::Function& function = *frame.owned;
  for (const Capture& capture : frame.captures) {
    const uint32_t storage = nodes_[capture.node].storage;
    if (std::find(frame.written.begin(), frame.written.end(), storage) != frame.written.end()) {
      function.value(capture.param).annotations.mut = true;
    }
  }
  if (std::string known = FindJoined(body); !known.empty()) return known;
  frame.builder->Return(body.yields);
  function.Compact();
  const SortedSymbols symbols = Sort(function, frame.defined);
  for (SymId id : symbols.params) {
    if (!IsBoundByParams(function, id)) call->callee_sizes.push_back(Expr::Symbol(id));
  }
  call->defines = symbols.escaping;
  function.defines = symbols.escaping;
  KeepSymbols(function, symbols.params, symbols.defined);
  const Hash128 hash = ir::HashOf(module_, function);
  for (auto [it, end] = functions_.equal_range(hash); it != end; ++it) {
    const ir::Function* known = module_.Find(it->second);
    if (known != nullptr && ir::Equal(module_, *known, module_, function)) return it->second;
  }
  std::string name = frame.spec.label;
  for (int n = 2; name == "main" || module_.Find(name) != nullptr; ++n) {
    name = Format("{}_{}", frame.spec.label, n);
  }
  ir::Function& joined = module_.AddFunction(name);
  joined = std::move(function);
  joined.name = name;
  functions_.emplace(hash, name);
  joined_[frame.spec.label].push_back(name);
  return name;
}

// ---- The end of main ----------------------------------------------------------------------------

// Drops captured tensors that nothing uses any more; says which inputs are written.
void Tracer::KeepInputs(ir::Function& function, const std::vector<uint32_t>& written,
                        bool captures_as_weights, Finished* finished) const {
  ir::Block& block = function.block(function.body);
  std::vector<bool> used(function.values.size());
  for (ir::OpId op : block.ops) {
    for (ValueId id : function.op(op).operands) used[id.index()] = true;
  }
  for (ValueId id : block.yields) used[id.index()] = true;
  block.params.clear();
  for (const Input& input : inputs_) {
    const bool captured = input.tensor.defined();
    if (captured && !used[input.param.index()]) continue;
    ir::Value& value = function.value(input.param);
    value.index = static_cast<uint32_t>(block.params.size());
    block.params.push_back(input.param);
    value.annotations.mut =
        std::find(written.begin(), written.end(), input.storage) != written.end();
    if (!captured) continue;
    finished->captured.push_back(input.tensor);
    finished->fetch.push_back(input.fetch);
    finished->captured_names.push_back(value.name);
    if (captures_as_weights) value.annotations.weight = value.name;
  }
}

StatusOr<Finished> Tracer::Finish(std::vector<Array> results, bool captures_as_weights) {
  GCOMP_ENSURE(frames_.size() == 1, "all regions have ended");
  std::vector<ValueId> yields;
  for (const Array& result : results) {
    Array traced = Traced(result);
    if (!ok()) break;
    StatusOr<ValueId> id = Use(frame(), traced.node_);
    if (!id.ok()) {
      Fail(std::move(id).status());
      break;
    }
    yields.push_back(*id);
  }
  if (!ok()) return std::move(status_);
  Body body;
  body.yields = yields;
  frame_functions_[frames_.back()->id] = nullptr;
  body.frame = std::move(frames_.back());
  frames_.pop_back();
  ir::Function& function = *body.frame->owned;
  function.block(function.body).yields = yields;
  const bool dropped = DropUnused(body);
  Finished finished;
  KeepInputs(function, body.frame->written, captures_as_weights, &finished);
  body.frame->builder->Return(yields);
  if (dropped || dropped_body_) function.Compact();
  std::vector<SymId> backed;
  for (size_t i = 0; i < num_backed_; ++i) backed.push_back(SymId(i));
  std::vector<SymId> others;
  if (!symbols_.empty()) {
    std::vector<SymId> from_data;
    for (size_t i = num_backed_; i < symbols_.size(); ++i) from_data.push_back(SymId(i));
    SortedSymbols sorted = Sort(function, from_data);
    function.defines = std::move(sorted.escaping);
    others = std::move(sorted.defined);
    KeepSymbols(function, backed, others);
  }
  finished.symbols = backed;
  finished.symbols.insert(finished.symbols.end(), others.begin(), others.end());
  finished.size_guards = facts_.guards();
  ir::Function& main = module_.AddFunction("main");
  main = std::move(function);
  main.name = "main";
  main.exported = true;
  finished.module = std::move(module_);
  return finished;
}

}  // namespace gcomp::internal
