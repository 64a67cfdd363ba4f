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
  if (dropped) function.Compact();
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
