#include "ir/verify.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/name_table.h"
#include "ir/op_def.h"
#include "ir/verify_op.h"
#include "ir/verify_writes.h"

namespace gcomp::ir {
namespace {

// One function. Tables by id say where each value and symbol may be used.
class FunctionVerifier {
 public:
  FunctionVerifier(const Module& module, const Function& function, const NameTable& functions,
                   const NameTable& globals, const NameTable& files, Diagnostics& diagnostics)
      : module_(module),
        function_(function),
        functions_(functions),
        globals_(globals),
        files_(files),
        diagnostics_(diagnostics),
        home_(function.values.size()),
        symbol_declared_(function.symbols.size()),
        symbol_reported_(function.symbols.size()),
        op_seen_(function.ops.size()),
        block_seen_(function.blocks.size()) {}

  void Run();

  // Indices of the functions called, in order, with the place of the call.
  const std::vector<std::pair<uint32_t, Span>>& callees() const { return callees_; }

 private:
  bool Fail(ErrorId id, Span span, std::string message) {
    diagnostics_.Add(id, span, std::move(message));
    return false;
  }

  std::string Show(const Type& type) const { return type.ToString(function_.Namer()); }

  bool HasWholeTables();
  bool RegionsAreATree();
  void CheckSignature();
  void CheckResults();
  void CheckResultAnnotations(const Annotations& annotations, size_t index);
  void CheckSymbolRange(SymId id);
  void CheckSymbols(const Expr& expr, Span span);
  void CheckSymbols(const Type& type, Span span);
  void CheckSymbols(const AttrValue& value, Span span);
  void CheckPlaces(const std::vector<SourcePlace>& places, Span span);

  void CheckBlock(BlockId id, int depth);
  void CheckOuterInt(const Block& block, size_t index);
  void CheckParams(const Block& block);
  void CheckParamAnnotations(const Value& value);
  void CheckOp(OpId id, BlockId block, int depth, NameTable& names);
  bool CheckOperandUses(const Op& op, BlockId block);
  bool CheckCallee(const Op& op);
  bool CheckGlobalName(const Op& op);
  void CheckDefines(const Op& op);
  void CheckOpResults(const Op& op, BlockId block, NameTable& names);
  bool CheckTypes(const Op& op);
  void CheckDefinesAreTold(const Op& op);
  void DefineName(ValueId id, NameTable& names);

  // The value may be used in `block` from here on.
  void Define(ValueId id, BlockId block) { home_[id.index()] = block; }

  bool IsVisible(ValueId id, BlockId block) const {
    return id.index() < home_.size() && home_[id.index()] == block;
  }

  void Declare(SymId id, Span span);

  const Module& module_;
  const Function& function_;
  const NameTable& functions_;
  const NameTable& globals_;
  const NameTable& files_;
  Diagnostics& diagnostics_;
  std::vector<BlockId> home_;  // by ValueId: the block that has defined it; invalid = not yet
  std::vector<bool> symbol_declared_;
  std::vector<bool> symbol_reported_;  // as not declared: once is enough
  std::vector<SymId> declared_;        // in order, to leave a region's symbols behind
  std::vector<bool> op_seen_;
  std::vector<bool> block_seen_;
  SizeFacts facts_;  // what the ops before the current one have checked
  std::vector<std::pair<uint32_t, Span>> callees_;
};

// ---- Symbols ------------------------------------------------------------------------------------

void FunctionVerifier::Declare(SymId id, Span span) {
  if (id.index() >= symbol_declared_.size()) {
    Fail(ErrorId::E999, span, "broken invariant: a size symbol is not in the function's table");
    return;
  }
  if (symbol_declared_[id.index()]) {
    Fail(ErrorId::E503, span,
         Format("size symbol `{}` is declared twice", function_.SymbolName(id)));
    return;
  }
  symbol_declared_[id.index()] = true;
  declared_.push_back(id);
}

void FunctionVerifier::CheckSymbolRange(SymId id) {
  if (id.index() >= function_.symbols.size()) return;
  const Symbol& symbol = function_.symbols[id.index()];
  CheckSymbols(symbol.low, symbol.span);
  if (symbol.high.has_value()) CheckSymbols(*symbol.high, symbol.span);
  if (symbol.multiple < 1) {
    Fail(ErrorId::E503, symbol.span,
         Format("size symbol `{}`: mult {} is below 1", symbol.name, symbol.multiple));
  }
  if (symbol.low.is_const() && symbol.high.has_value() && symbol.high->is_const() &&
      symbol.low.value() > symbol.high->value()) {
    Fail(ErrorId::E503, symbol.span,
         Format("size symbol `{}`: the range [{}, {}] is empty", symbol.name, symbol.low.value(),
                symbol.high->value()));
  }
}

void FunctionVerifier::CheckSymbols(const Expr& expr, Span span) {
  if (expr.is_const()) return;
  if (expr.is_poison()) {
    Fail(ErrorId::E503, span, "a size expression overflows, divides by zero or is too large");
    return;
  }
  SymId missing;
  expr.ForEachSymbol([&](SymId id) {
    if (id.index() >= symbol_declared_.size() || !symbol_declared_[id.index()]) missing = id;
  });
  if (!missing.valid()) return;
  if (missing.index() >= symbol_declared_.size()) {
    Fail(ErrorId::E999, span, "broken invariant: a size symbol is not in the function's table");
    return;
  }
  if (symbol_reported_[missing.index()]) return;
  symbol_reported_[missing.index()] = true;
  Fail(ErrorId::E503, span,
       Format("size symbol `{}` is not declared here", function_.SymbolName(missing)));
}

void FunctionVerifier::CheckSymbols(const Type& type, Span span) {
  for (const Expr& dim : type.dims()) {
    CheckSymbols(dim, span);
    if (dim.is_const() && dim.value() < 0) {
      Fail(ErrorId::E503, span, Format("size {} is negative", dim.value()));
    }
  }
  for (const Expr& stride : type.layout().strides) CheckSymbols(stride, span);
  CheckSymbols(type.layout().offset, span);
}

void FunctionVerifier::CheckSymbols(const AttrValue& value, Span span) {
  if (const Expr* expr = value.As<Expr>()) CheckSymbols(*expr, span);
  if (const AttrList* list = value.As<AttrList>()) {
    // Lists of the schema's kinds are flat.
    for (const AttrValue& element : *list) {
      if (const Expr* expr = element.As<Expr>()) CheckSymbols(*expr, span);
    }
  }
}

// ---- Signature ----------------------------------------------------------------------------------

// A stride for each axis, where there are strides.
bool IsWhole(const Type& type) {
  return !type.is_tensor() || type.layout().kind != Layout::Kind::kStrided ||
         type.layout().strides.size() == type.dims().size();
}

// Each region belongs to one op, so that what looks into regions comes to an end.
bool FunctionVerifier::RegionsAreATree() {
  std::vector<bool> seen(function_.blocks.size());
  std::vector<bool> op_seen(function_.ops.size());
  std::vector<BlockId> open = {function_.body};
  seen[function_.body.index()] = true;
  while (!open.empty()) {
    const Block& block = function_.block(open.back());
    open.pop_back();
    for (OpId id : block.ops) {
      if (op_seen[id.index()]) continue;  // told where ops are checked
      op_seen[id.index()] = true;
      for (BlockId region : function_.op(id).regions) {
        if (seen[region.index()]) {
          return Fail(ErrorId::E999, function_.block(region).span,
                      "broken invariant: a block is the region of two ops");
        }
        seen[region.index()] = true;
        open.push_back(region);
      }
    }
  }
  return true;
}

bool FunctionVerifier::HasWholeTables() {
  bool whole = function_.body.index() < function_.blocks.size() &&
               function_.num_symbol_params <= function_.symbols.size();
  for (const Block& block : function_.blocks) {
    for (ValueId id : block.params) whole &= id.index() < function_.values.size();
    for (ValueId id : block.yields) whole &= id.index() < function_.values.size();
    for (OpId id : block.ops) whole &= id.index() < function_.ops.size();
  }
  for (const Op& op : function_.ops) {
    whole &= op.def != nullptr;
    for (ValueId id : op.operands) whole &= id.index() < function_.values.size();
    for (ValueId id : op.results) whole &= id.index() < function_.values.size();
    for (BlockId id : op.regions) whole &= id.index() < function_.blocks.size();
  }
  for (const Value& value : function_.values) {
    whole &= IsWhole(value.type);
    for (ValueId id : {value.annotations.alias, value.annotations.into}) {
      whole &= !id.valid() || id.index() < function_.values.size();
    }
  }
  for (const Result& result : function_.results) {
    whole &= IsWhole(result.type);
    for (ValueId id : {result.annotations.alias, result.annotations.into}) {
      whole &= !id.valid() || id.index() < function_.values.size();
    }
  }
  if (whole) return true;
  return Fail(ErrorId::E999, function_.span,
              Format("broken invariant: @{} refers to ids outside its tables, or has a type with "
                     "other strides than axes",
                     function_.name));
}

void FunctionVerifier::Run() {
  if (!HasWholeTables() || !RegionsAreATree()) return;
  const size_t errors_before = diagnostics_.count();
  // A range speaks of symbols before its own.
  for (size_t i = 0; i < function_.num_symbol_params; ++i) {
    CheckSymbolRange(SymId(i));
    Declare(SymId(i), function_.span);
  }
  CheckSignature();
  CheckBlock(function_.body, 0);
  CheckResults();
  if (diagnostics_.count() == errors_before) CheckWrites(module_, function_, diagnostics_);
}

void FunctionVerifier::CheckSignature() {
  static constexpr std::string_view kEffects[] = {"rng", "io", "state", "host"};
  for (size_t i = 0; i < function_.effects.size(); ++i) {
    const std::string& effect = function_.effects[i];
    if (std::find(std::begin(kEffects), std::end(kEffects), effect) == std::end(kEffects)) {
      Fail(ErrorId::E508, function_.span,
           Format("`{}` is no effect; the effects are rng, io, state and host", effect));
      return;  // at most four are right, so the search below stays short
    }
    for (size_t j = 0; j < i; ++j) {
      if (function_.effects[j] != effect) continue;
      Fail(ErrorId::E508, function_.span, Format("effect `{}` is written twice", effect));
      return;
    }
  }
}

void FunctionVerifier::CheckResultAnnotations(const Annotations& annotations, size_t index) {
  const Span span = function_.span;
  if (annotations.mut || annotations.donate || annotations.weight.has_value()) {
    Fail(ErrorId::E507, span,
         Format("result {}: `mut`, `donate` and `weight` stand on parameters only", index));
  }
  for (auto [id, name] : {std::pair(annotations.alias, "alias"), {annotations.into, "into"}}) {
    if (!id.valid()) continue;
    const Value& value = function_.value(id);
    if (value.kind != Value::Kind::kParam || value.block != function_.body) {
      Fail(ErrorId::E507, span,
           Format("result {}: `{}` must name a parameter of the function", index, name));
    }
  }
  if (!annotations.into.valid()) return;
  const Type& target = function_.value(annotations.into).type;
  const Type& type = function_.results[index].type;
  if (target != type) {
    Fail(ErrorId::E507, span,
         Format("result {}: into(%{}) is {}, the result is {}", index,
                function_.value(annotations.into).name, Show(target), Show(type)));
  }
}

void FunctionVerifier::CheckResults() {
  const Block& body = function_.block(function_.body);
  std::vector<bool> on_signature(function_.symbols.size());
  for (size_t i = 0; i < function_.num_symbol_params; ++i) on_signature[i] = true;
  for (SymId id : function_.defines) {
    if (id.index() >= on_signature.size()) continue;
    on_signature[id.index()] = true;
    if (!symbol_declared_[id.index()]) {
      Fail(ErrorId::E503, function_.symbols[id.index()].span,
           Format("the signature defines `{}`, no op of the body does", function_.SymbolName(id)));
    }
  }
  symbol_declared_ = std::move(on_signature);
  for (size_t i = 0; i < function_.results.size(); ++i) {
    CheckSymbols(function_.results[i].type, function_.span);
    CheckResultAnnotations(function_.results[i].annotations, i);
  }
  if (body.yields.size() != function_.results.size()) {
    Fail(ErrorId::E504, body.terminator_span,
         Format("@{} has {} results, {} values are returned", function_.name,
                function_.results.size(), body.yields.size()));
    return;
  }
  for (size_t i = 0; i < body.yields.size(); ++i) {
    const Value& value = function_.value(body.yields[i]);
    if (value.type == function_.results[i].type) continue;
    Fail(ErrorId::E504, body.terminator_span,
         Format("result {} of @{} is {}, but %{} is {}", i, function_.name,
                Show(function_.results[i].type), value.name, Show(value.type)));
  }
}

void FunctionVerifier::CheckPlaces(const std::vector<SourcePlace>& places, Span span) {
  for (const SourcePlace& place : places) {
    if (files_.Find(place.file).has_value()) continue;
    Fail(ErrorId::E502, span, Format("loc: `{}` is not in the file table", place.file));
  }
}

// ---- Blocks -------------------------------------------------------------------------------------

void FunctionVerifier::DefineName(ValueId id, NameTable& names) {
  const Value& value = function_.value(id);
  std::optional<uint32_t> first = names.Insert(value.name, id.index());
  if (!first.has_value()) return;
  const Span& span = function_.values[*first].span;
  Fail(ErrorId::E502, value.span,
       span.line == 0
           ? Format("`%{}` is defined twice", value.name)
           : Format("`%{}` is defined twice, first at {}:{}", value.name, span.line, span.column));
}

void FunctionVerifier::CheckParamAnnotations(const Value& value) {
  const Annotations& annotations = value.annotations;
  const bool of_function = value.block == function_.body;
  if ((annotations.mut || annotations.donate) && !of_function) {
    Fail(ErrorId::E507, value.span, "`mut` and `donate` stand on parameters of functions only");
  }
  if (annotations.weight.has_value() && !(of_function && function_.exported)) {
    Fail(ErrorId::E507, value.span, "`weight` stands on parameters of exported functions only");
  }
  if (annotations.into.valid()) {
    Fail(ErrorId::E507, value.span, "`into` stands on results of functions only");
  }
  if (annotations.alias.valid() && !IsVisible(annotations.alias, value.block)) {
    Fail(ErrorId::E507, value.span, "`alias` must name an earlier parameter");
  }
}

// A parameter int<u> whose u is known around the region takes this int alone: another one would
// make u two numbers. Operands that are ints go to the last parameters, one by one.
void FunctionVerifier::CheckOuterInt(const Block& block, size_t index) {
  if (block.parent.index() >= function_.ops.size()) return;
  const std::vector<ValueId>& operands = function_.op(block.parent).operands;
  if (operands.size() < block.params.size()) return;
  const Value& param = function_.value(block.params[index]);
  const Value& operand = function_.value(operands[operands.size() - block.params.size() + index]);
  const Type& passed = operand.type;
  if (passed.kind() != Type::Kind::kInt || passed == param.type) return;
  Fail(ErrorId::E504, param.span,
       Format("%{} is {}, a size that is known here, but {} is passed: name it by a symbol of its "
              "own",
              param.name, Show(param.type), Show(passed)));
}

void FunctionVerifier::CheckParams(const Block& block) {
  const bool of_function = !block.parent.valid();
  for (size_t i = 0; i < block.params.size(); ++i) {
    const ValueId id = block.params[i];
    const Value& value = function_.value(id);
    // A region's int<u> parameter binds u.
    if (!of_function && value.type.kind() == Type::Kind::kInt &&
        value.type.value().kind() == Expr::Kind::kSymbol) {
      SymId symbol = value.type.value().symbol();
      if (symbol.index() < symbol_declared_.size() && !symbol_declared_[symbol.index()]) {
        Declare(symbol, value.span);
      } else {
        CheckOuterInt(block, i);
      }
    }
    CheckSymbols(value.type, value.span);
    CheckParamAnnotations(value);
    Define(id, value.block);
  }
}

void FunctionVerifier::CheckBlock(BlockId id, int depth) {
  const Block& block = function_.block(id);
  if (block_seen_[id.index()]) {
    Fail(ErrorId::E999, block.span, "broken invariant: a block is the region of two ops");
    return;
  }
  block_seen_[id.index()] = true;
  if (depth > kMaxRegionNesting) {
    Fail(ErrorId::E802, block.span,
         Format("regions are nested deeper than {} levels", kMaxRegionNesting));
    return;
  }
  const size_t num_declared = declared_.size();
  const size_t facts_outside = facts_.mark();
  NameTable names;
  for (ValueId param : block.params) {
    const Value& value = function_.value(param);
    if (value.kind != Value::Kind::kParam || value.block != id) {
      Fail(ErrorId::E999, block.span, "broken invariant: a parameter belongs to another block");
      return;
    }
    DefineName(param, names);
  }
  CheckParams(block);
  for (OpId op : block.ops) CheckOp(op, id, depth, names);
  for (ValueId value : block.yields) {
    if (function_.value(value).kind == Value::Kind::kLiteral) {
      Fail(ErrorId::E504, block.terminator_span, "a block ends with values, not with literals");
    } else if (!IsVisible(value, id)) {
      Fail(ErrorId::E502, block.terminator_span,
           Format("`%{}` is not defined here", function_.value(value).name));
    }
  }
  CheckPlaces(block.places, block.terminator_span);
  facts_.Forget(facts_outside);
  if (depth == 0) return;  // the results may use the body's symbols
  while (declared_.size() > num_declared) {
    symbol_declared_[declared_.back().index()] = false;
    declared_.pop_back();
  }
}

// ---- Ops ----------------------------------------------------------------------------------------

bool FunctionVerifier::CheckOperandUses(const Op& op, BlockId block) {
  bool ok = true;
  for (ValueId id : op.operands) {
    const Value& value = function_.value(id);
    if (value.kind == Value::Kind::kLiteral || IsVisible(id, block)) continue;
    ok = Fail(ErrorId::E502, op.span, Format("`%{}` is not defined here", value.name));
  }
  return ok;
}

bool FunctionVerifier::CheckCallee(const Op& op) {
  const bool takes_name = op.def->has_callee || op.def->has_global;
  if (op.callee.empty()) {
    if (!takes_name) return true;
    return Fail(ErrorId::E506, op.span,
                Format("{} needs a callee: {} @name(...)", op.def->name, op.def->name));
  }
  if (op.def->has_global) return CheckGlobalName(op);
  if (!takes_name) {
    return Fail(ErrorId::E506, op.span,
                Format("{} takes no callee, @{} is given", op.def->name, op.callee));
  }
  for (const Expr& size : op.callee_sizes) CheckSymbols(size, op.span);
  if (std::optional<uint32_t> index = functions_.Find(op.callee)) {
    callees_.emplace_back(*index, op.span);
    return true;
  }
  return Fail(ErrorId::E506, op.span, Format("the module has no function @{}", op.callee));
}

bool FunctionVerifier::CheckGlobalName(const Op& op) {
  std::optional<uint32_t> index = globals_.Find(op.callee);
  if (!index.has_value()) {
    return Fail(ErrorId::E506, op.span, Format("the module has no global @{}", op.callee));
  }
  const bool writes = op.def->effects.write == WriteKind::kGlobal;
  if (writes && !module_.globals[*index].annotations.mut) {
    return Fail(ErrorId::E507, op.span,
                Format("{} writes @{}, which is not `mut`", op.def->name, op.callee));
  }
  return true;
}

void FunctionVerifier::CheckDefines(const Op& op) {
  if (op.defines.empty()) return;
  const OpDef& def = *op.def;
  if (!def.effects.data_dependent && !def.has_callee && def.regions.empty()) {
    Fail(ErrorId::E503, op.span, Format("{} can't define size symbols", def.name));
  }
  for (SymId id : op.defines) {
    CheckSymbolRange(id);
    Declare(id, op.span);
  }
}

void FunctionVerifier::CheckOpResults(const Op& op, BlockId block, NameTable& names) {
  for (ValueId id : op.results) {
    const Value& value = function_.value(id);
    const Annotations& annotations = value.annotations;
    CheckSymbols(value.type, value.span);
    if (annotations.mut || annotations.donate || annotations.weight.has_value()) {
      Fail(ErrorId::E507, value.span, "`mut`, `donate` and `weight` stand on parameters only");
    }
    if (annotations.into.valid()) {
      Fail(ErrorId::E507, value.span, "`into` stands on results of functions only");
    }
    if (annotations.alias.valid() && !IsVisible(annotations.alias, block)) {
      Fail(ErrorId::E507, value.span, "`alias` must name a parameter or an earlier value");
    }
  }
  for (ValueId id : op.results) {
    DefineName(id, names);
    Define(id, block);
  }
}

bool FunctionVerifier::CheckTypes(const Op& op) {
  InferCtx ctx(module_, function_, op, &facts_);
  Status status = op.def->infer(ctx);
  if (!status.ok()) {
    return Fail(status.id(), op.span, status.message());
  }
  if (ctx.results().size() != op.results.size()) {
    return Fail(ErrorId::E504, op.span,
                Format("{} has {} results, {} are written", op.def->name, ctx.results().size(),
                       op.results.size()));
  }
  bool ok = true;
  for (size_t i = 0; i < op.results.size(); ++i) {
    const Value& value = function_.value(op.results[i]);
    if (value.type == ctx.results()[i]) continue;
    ok = Fail(ErrorId::E504, value.span,
              Format("%{}: printed {}, inferred {}", value.name, Show(value.type),
                     Show(ctx.results()[i])));
  }
  return ok;
}

// Each symbol that an op defines is told by a result: a tensor's size, or an int. (A callee tells
// those of its signature.)
void FunctionVerifier::CheckDefinesAreTold(const Op& op) {
  const bool may_define = op.def->effects.data_dependent || !op.def->regions.empty();
  if (op.defines.empty() || !may_define) return;
  std::unordered_set<SymId> told;
  auto tell = [&](const Expr& e) {
    if (e.kind() == Expr::Kind::kSymbol) told.insert(e.symbol());
  };
  for (ValueId id : op.results) {
    for (const Expr& dim : function_.value(id).type.dims()) tell(dim);
  }
  for (SymId id : op.defines) {
    if (told.contains(id)) continue;
    Fail(ErrorId::E503, op.span,
         Format("{} defines `{}`, but no result has this size", op.def->name,
                function_.SymbolName(id)));
  }
}

void FunctionVerifier::CheckOp(OpId id, BlockId block, int depth, NameTable& names) {
  const Op& op = function_.op(id);
  if (op_seen_[id.index()]) {
    Fail(ErrorId::E999, op.span, "broken invariant: an op stands in two places");
    return;
  }
  op_seen_[id.index()] = true;
  CheckPlaces(op.places, op.span);
  bool ok = true;
  if (!op.def->known()) {
    ok = Fail(ErrorId::E510, op.span,
              Format("op `{}` is not known to this build{}", op.def->name, op.def->doc));
  } else {
    ok = CheckOpAgainstSchema(function_, op, diagnostics_);
    ok &= CheckCallee(op);
    for (const AttrValue& attr : op.attrs) CheckSymbols(attr, op.span);
  }
  ok &= CheckOperandUses(op, block);
  for (BlockId region : op.regions) CheckBlock(region, depth + 1);
  if (op.def->known()) CheckDefines(op);
  // Symbols that an unknown op defines are declared all the same: its uses are no errors.
  if (!op.def->known()) {
    for (SymId symbol : op.defines) Declare(symbol, op.span);
  }
  CheckOpResults(op, block, names);
  if (ok && CheckTypes(op)) CheckDefinesAreTold(op);
  LearnSizes(op, facts_);
}

// ---- Module -------------------------------------------------------------------------------------

bool IsScalarOf(const AttrValue& value, DType dtype) {
  const Scalar* scalar = value.As<Scalar>();
  return scalar != nullptr && scalar->dtype == dtype;
}

// A number stands for all elements; a list gives each; a string names a blob of the module's file.
bool InitFits(const Global& global) {
  const Type& type = global.type;
  switch (type.kind()) {
    case Type::Kind::kInt:
      return IsScalarOf(global.init, DType::kI64);
    case Type::Kind::kFloat:
      return IsScalarOf(global.init, DType::kF64);
    case Type::Kind::kFlag:
      return IsScalarOf(global.init, DType::kBool);
    case Type::Kind::kToken:
    case Type::Kind::kNone:
      return false;
    case Type::Kind::kRng:
    case Type::Kind::kTensor:
      break;
  }
  const bool is_rng = type.kind() == Type::Kind::kRng;
  const DType dtype = is_rng ? DType::kU64 : type.dtype();
  if (global.init.As<std::string>() != nullptr) return !is_rng;
  if (const AttrList* list = global.init.As<AttrList>()) {
    Expr wanted = is_rng ? Expr(2) : type.NumElements();
    if (!wanted.IsConst(static_cast<int64_t>(list->size()))) return false;
    return std::all_of(list->begin(), list->end(),
                       [&](const AttrValue& value) { return IsScalarOf(value, dtype); });
  }
  return !is_rng && IsScalarOf(global.init, dtype);
}

void CheckGlobal(const Global& global, Diagnostics& diagnostics) {
  const Annotations& annotations = global.annotations;
  if (annotations.donate || annotations.alias.valid() || annotations.into.valid() ||
      annotations.weight.has_value()) {
    diagnostics.Add(ErrorId::E507, global.span,
                    Format("global @{}: only `mut` and `noalias` may stand here", global.name));
  }
  bool is_static = true;
  for (const Expr& dim : global.type.dims()) is_static &= dim.is_const();
  if (!is_static) {
    diagnostics.Add(ErrorId::E503, global.span,
                    Format("global @{}: its sizes must be numbers", global.name));
  } else if (!InitFits(global)) {
    diagnostics.Add(ErrorId::E504, global.span,
                    Format("global @{}: the initial value does not fit {}", global.name,
                           global.type.ToString([](SymId) { return std::string("?"); })));
  }
}

// Finds calls that lead back to where they come from: depth-first, without recursion.
// `callees[f]` are the functions that f calls.
void CheckRecursion(const Module& module,
                    const std::vector<std::vector<std::pair<uint32_t, Span>>>& callees,
                    Diagnostics& diagnostics) {
  enum : uint8_t { kNew, kOpen, kDone };

  std::vector<uint8_t> state(callees.size(), kNew);
  std::vector<std::pair<uint32_t, size_t>> path;  // function, the next of its callees
  for (uint32_t root = 0; root < callees.size(); ++root) {
    if (state[root] != kNew) continue;
    path.emplace_back(root, 0);
    state[root] = kOpen;
    while (!path.empty()) {
      auto& [caller, next] = path.back();
      if (next == callees[caller].size()) {
        state[caller] = kDone;
        path.pop_back();
        continue;
      }
      auto [callee, span] = callees[caller][next++];
      if (state[callee] == kNew) {
        state[callee] = kOpen;
        path.emplace_back(callee, 0);
      } else if (state[callee] == kOpen) {
        constexpr size_t kShown = 8;
        size_t first = path.size();
        while (path[first - 1].first != callee && path.size() - first < kShown) --first;
        std::string cycle;
        if (path[first - 1].first == callee) {
          for (size_t i = first - 1; i < path.size(); ++i) {
            cycle += Format("@{} calls ", module.functions[path[i].first]->name);
          }
        } else {
          cycle = Format("@{} calls, through others, ", module.functions[callee]->name);
        }
        diagnostics.Add(ErrorId::E506, span,
                        Format("recursion: {}@{}", cycle, module.functions[callee]->name));
      }
    }
  }
}

}  // namespace

void Verify(const Module& module, Diagnostics& diagnostics) {
  NameTable functions;
  NameTable globals;
  NameTable files;
  for (const SourceFile& file : module.files) {
    if (files.Insert(file.word, 0).has_value()) {
      diagnostics.Add(ErrorId::E502, {}, Format("file `{}` stands twice in the table", file.word));
    }
  }
  for (uint32_t i = 0; i < module.globals.size(); ++i) {
    const Global& global = module.globals[i];
    if (globals.Insert(global.name, i).has_value()) {
      diagnostics.Add(ErrorId::E502, global.span, Format("@{} is defined twice", global.name));
    }
    CheckGlobal(global, diagnostics);
  }
  for (uint32_t i = 0; i < module.functions.size(); ++i) {
    const Function& function = *module.functions[i];
    if (functions.Insert(function.name, i).has_value() || globals.Find(function.name)) {
      diagnostics.Add(ErrorId::E502, function.span, Format("@{} is defined twice", function.name));
    }
  }
  std::vector<std::vector<std::pair<uint32_t, Span>>> callees;
  for (const std::unique_ptr<Function>& function : module.functions) {
    FunctionVerifier verifier(module, *function, functions, globals, files, diagnostics);
    verifier.Run();
    callees.push_back(verifier.callees());
  }
  CheckRecursion(module, callees, diagnostics);
}

}  // namespace gcomp::ir
