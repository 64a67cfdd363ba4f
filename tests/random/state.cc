// Writes in place, bodies of regions and functions, sizes that the data tell: how the generator
// keeps what it makes valid.
#include <algorithm>
#include <utility>

#include "base/format.h"
#include "kernels/in_place.h"
#include "tests/random/generator.h"

namespace gcomp::random {
namespace {

bool IsInPlace(const ir::OpDef& def) {
  return def.effects.write == ir::WriteKind::kData;
}

}  // namespace

// ---- Storage ------------------------------------------------------------------------------------

ValueId Generator::Root(ValueId id) const {
  return id.index() < roots_.size() && roots_[id.index()].valid() ? roots_[id.index()] : id;
}

bool Generator::MayWrite(ValueId id) const {
  const ir::Value& root = function_->value(Root(id));
  if (root.kind == ir::Value::Kind::kLiteral || !type(id).is_tensor()) return false;
  const bool region_param = root.kind == ir::Value::Kind::kParam && root.block != function_->body;
  if (region_param && !operand_of_.contains(Root(id))) return false;
  if (std::ranges::find(unwritable_, Root(id)) != unwritable_.end()) return false;
  for (int64_t size : {2, 9}) {
    const std::vector<int64_t> symbols(function_->symbols.size(), size);
    StatusOr<ir::TensorSpec> spec = ir::BindType(type(id), symbols);
    if (!spec.ok() || !kernels::CheckWritable(*spec).ok()) return false;
  }
  return true;
}

void Generator::Write(ValueId id) {
  const ValueId root = Root(id);
  ir::Value& value = function_->value(root);
  if (value.kind != ir::Value::Kind::kParam) return;
  if (value.block == function_->body) {
    value.annotations.mut = true;
  } else if (auto operand = operand_of_.find(root); operand != operand_of_.end()) {
    Write(operand->second);
  }
}

void Generator::Note(const ir::Op& op) {
  const ir::Effects& effects = op.def->effects;
  roots_.resize(function_->values.size());
  for (size_t r = 0; r < std::min(op.results.size(), std::size(effects.alias_of)); ++r) {
    if (effects.alias_of[r] < 0) continue;
    roots_[op.results[r].index()] = Root(op.operands[static_cast<size_t>(effects.alias_of[r])]);
  }
  if (IsInPlace(*op.def)) {
    Write(op.operands[0]);
  } else if (effects.writes != 0) {
    std::erase(values_, op.operands[0]);  // the result is the tensor from here on
  }
  auto list = [&](std::string_view effect) {
    std::vector<std::string>& listed = function_->effects;
    if (std::ranges::find(listed, effect) == listed.end()) listed.emplace_back(effect);
  };
  if (effects.ordered == ir::OrderedKind::kState) list("state");
  if (effects.ordered == ir::OrderedKind::kIo) list("io");
  if (effects.host_sync) list("host");
  if (!op.def->has_callee) return;
  const std::vector<std::string> inner = module_.Find(op.callee)->effects;
  for (const std::string& effect : inner) list(effect);
}

ValueId Generator::Target(DTypeSet dtypes, int min_rank, int max_rank) {
  std::vector<ValueId> fits;
  for (ValueId id : values_) {
    const bool fit = dtypes.Has(dtype(id)) && rank(id) >= min_rank && rank(id) <= max_rank;
    if (!fit || !MayWrite(id)) continue;
    fits.push_back(id);
    // Views more often than others: what is written through them must be seen elsewhere.
    if (Root(id) != id) fits.push_back(id);
  }
  return fits.empty() ? ValueId() : random_.Of(fits);
}

bool Generator::EmitView() {
  const ValueId x = Target(ir::kRealDTypes, 1);
  if (!x.valid()) return false;
  const int rank = this->rank(x);
  auto [dim, axis] = AxisOf(rank);
  const std::optional<int64_t> size = Size(x, axis);
  switch (random_.Below(5)) {
    case 0:
      return Emit("transpose", {{x}});
    case 1:
      if (!size || *size == 0) return false;
      return Emit("select_index", {{x}}, {{"dim", dim}, {"index", Expr(random_.Below(*size))}});
    case 2:
      if (!size || *size == 0) return false;
      return Emit("narrow", {{x}},
                  {{"dim", dim}, {"start", Expr(0)}, {"length", Expr(random_.In(1, *size))}});
    default: {
      // Two that overlap, one element apart.
      if (!size || *size < 2) return Emit("slice", {{x}}, {{"dim", dim}, {"start", Expr(1)}});
      return Emit("slice", {{x}}, {{"dim", dim}, {"end", Expr(*size - 1)}}) &&
             Emit("slice", {{x}}, {{"dim", dim}, {"start", Expr(1)}});
    }
  }
}

bool Generator::EmitInPlace(const ir::OpDef& form) {
  form_ = &form;
  want_target_ = true;
  bool made = false;
  const bool by_functional =
      form.functional != nullptr && form.functional->in_place_operands.empty();
  auto recipe = Recipes().find(form.name);
  if (recipe == Recipes().end() && by_functional) recipe = Recipes().find(form.functional->name);
  if (recipe != Recipes().end()) {
    made = recipe->second(*this);
  } else {
    made = EmitBySchema(by_functional ? *form.functional : form);
  }
  form_ = nullptr;
  want_target_ = false;
  return made;
}

ValueId Generator::Existing(DType want, const Dims& sizes) {
  std::vector<ValueId> fits;
  for (ValueId id : values_) {
    if (dtype(id) == want && dims(id) == sizes) fits.push_back(id);
  }
  return fits.empty() ? NewParam(want, sizes) : random_.Of(fits);
}

ValueId Generator::RowMajor(ValueId id) {
  if (type(id).is_contiguous()) return id;
  StatusOr<ValueId> copy = builder_->Add1("contiguous", {id});
  if (!copy.ok()) return id;
  values_.push_back(*copy);
  return *copy;
}

// ---- Sizes --------------------------------------------------------------------------------------

bool Generator::IsBound(const ir::Type& type) const {
  return IsBound(type.dims()) && IsBound(type.layout().strides) && IsBound({type.layout().offset});
}

bool Generator::IsBound(const Dims& dims) const {
  bool bound = true;
  for (const Expr& size : dims) {
    size.ForEachSymbol(
        [&](ir::SymId id) { bound = bound && id.index() < function_->num_symbol_params; });
  }
  return bound;
}

ValueId Generator::AnyBound(DTypeSet dtypes, int min_rank) {
  ValueId id = Any(dtypes, min_rank);
  for (int i = 0; i < 8 && !IsBound(type(id)); ++i) id = Any(dtypes, min_rank);
  return IsBound(type(id)) ? id : ValueId();
}

ir::SymId Generator::NewSymbol(Expr high) {
  ir::Symbol symbol;
  symbol.name = Format("u{}", function_->symbols.size());
  symbol.high = std::move(high);
  symbol.range_written = true;
  return function_->AddSymbol(std::move(symbol));
}

std::optional<Expr> Generator::AnySymbol() {
  if (function_->num_symbol_params == 0) return std::nullopt;
  const int64_t symbol = random_.Below(static_cast<int64_t>(function_->num_symbol_params));
  return Expr::Symbol(ir::SymId(static_cast<uint32_t>(symbol)));
}

std::optional<ir::SymId> Generator::Item(int64_t most) {
  const ValueId n = Indices(DType::kI64, {}, most + 1);
  if (!n.valid()) return std::nullopt;
  const ir::SymId symbol = NewSymbol(most);
  ir::OpArgs args;
  args.groups = {{n}};
  args.defines = {symbol};
  args.result_types = {ir::Type::Int(Expr::Symbol(symbol))};
  if (Add("item", std::move(args))) return symbol;
  DropSymbol();
  return std::nullopt;
}

// ---- Bodies -------------------------------------------------------------------------------------

void Generator::BeginRegion(std::string label, std::span<const ir::Type> params,
                            std::span<const ValueId> operands) {
  scopes_.push_back({std::exchange(values_, {}), operand_of_, block_});
  builder_->BeginRegion(std::move(label));
  block_ = ir::BlockId(static_cast<uint32_t>(function_->blocks.size() - 1));
  ++depth_;
  for (size_t i = 0; i < params.size(); ++i) {
    const ValueId param = builder_->Param(Format("p{}", i), params[i]);
    values_.push_back(param);
    if (i < operands.size() && operands[i].valid()) operand_of_[param] = operands[i];
  }
}

ir::BlockId Generator::EndRegion(std::vector<ValueId> yields) {
  Scope outer = std::move(scopes_.back());
  scopes_.pop_back();
  values_ = std::move(outer.values);
  operand_of_ = std::move(outer.operand_of);
  block_ = outer.block;
  --depth_;
  return builder_->EndRegion(std::move(yields));
}

void Generator::Body(int64_t ops) {
  const ir::OpDef* form = std::exchange(form_, nullptr);
  for (int64_t i = 0; i < ops; ++i) {
    const bool write = random_.Chance(stateful_ ? 45 : 20);
    if (write && random_.Chance(30) && EmitView()) continue;
    const bool nest = structured_ && MayNest() && random_.Chance(12);
    const ir::OpDef& def = write  ? *random_.Of(in_place_)
                           : nest ? *ops_.Find(random_.Of<std::string_view>({"wrap", "cond"}))
                           : random_.Chance(90) ? *random_.Of(exact_)
                                                : *random_.Of(choices_);
    for (int t = 0; t < 4; ++t) {
      if (def.effects.writes != 0 ? EmitInPlace(def) : EmitPure(def)) break;
    }
  }
  form_ = form;
}

// ---- Calls --------------------------------------------------------------------------------------

bool Generator::EmitCall() {
  for (const Callee& callee : callees_) {
    if (!random_.Chance(40)) continue;
    std::vector<ValueId> operands;
    for (size_t i = 0; i < callee.params.size(); ++i) {
      for (ValueId id : values_) {
        const bool fits = type(id) == callee.params[i] && (!callee.writes[i] || MayWrite(id));
        if (!fits) continue;
        if (operands.size() == i) operands.push_back(id);
        if (random_.Chance(40)) operands[i] = id;
      }
      if (operands.size() == i) break;
    }
    if (operands.size() == callee.params.size()) return Call(callee, operands);
  }
  std::vector<ValueId> operands;
  for (int64_t i = random_.In(1, 3); i > 0; --i) {
    const ValueId id = AnyBound(ir::kRealDTypes);
    if (id.valid()) operands.push_back(id);
  }
  return !operands.empty() && callees_.size() < 4 && depth_ == 0 && NewCallee(operands) &&
         Call(callees_.back(), operands);
}

bool Generator::NewCallee(const std::vector<ValueId>& operands) {
  Callee callee;
  callee.name = Format("f{}", module_.functions.size());
  std::vector<bool> may_write;
  for (ValueId id : operands) {
    callee.params.push_back(type(id));
    may_write.push_back(MayWrite(id));
  }
  ir::Function& made = module_.AddFunction(callee.name);
  for (size_t i = 0; i < function_->num_symbol_params; ++i) made.AddSymbol(function_->symbols[i]);
  made.num_symbol_params = function_->num_symbol_params;
  // All that belongs to the function around it, until it is done.
  ir::Function* function = std::exchange(function_, &made);
  std::unique_ptr<ir::Builder> builder =
      std::exchange(builder_, std::make_unique<ir::Builder>(module_, made, ops_));
  Scope scope = {std::exchange(values_, {}), std::exchange(operand_of_, {}), block_};
  std::vector<ValueId> roots = std::exchange(roots_, {});
  block_ = made.body;
  ++depth_;
  std::vector<ValueId> params;
  for (size_t i = 0; i < operands.size(); ++i) {
    params.push_back(builder_->Param(Format("p{}", i), callee.params[i]));
    values_.push_back(params[i]);
    if (!may_write[i]) unwritable_.push_back(params[i]);
  }
  Body(random_.In(2, 6));
  std::vector<ValueId> results = {values_.back()};
  if (random_.Chance(50)) results.push_back(random_.Of(values_));
  for (ValueId& id : results) id = RowMajor(id);
  if (results.size() == 2 && results[0] == results[1]) results.pop_back();
  const bool bound = std::ranges::all_of(results, [&](ValueId id) { return IsBound(dims(id)); });
  if (bound) builder_->Return(results);
  for (ValueId id : params) callee.writes.push_back(made.value(id).annotations.mut);
  unwritable_.clear();
  --depth_;
  function_ = function;
  builder_ = std::move(builder);
  values_ = std::move(scope.values);
  operand_of_ = std::move(scope.operand_of);
  block_ = scope.block;
  roots_ = std::move(roots);
  // With sizes of its own it would have to say so; it stays, and nobody calls it.
  if (bound) callees_.push_back(std::move(callee));
  return bound;
}

bool Generator::Call(const Callee& callee, const std::vector<ValueId>& operands) {
  ir::OpArgs args;
  args.groups = {operands};
  args.callee = callee.name;
  for (size_t i = 0; i < function_->num_symbol_params; ++i) {
    args.callee_sizes.push_back(Expr::Symbol(ir::SymId(static_cast<uint32_t>(i))));
  }
  if (!Add("invoke", std::move(args))) return false;
  for (size_t i = 0; i < operands.size(); ++i) {
    if (callee.writes[i]) Write(operands[i]);
  }
  return true;
}

// ---- Globals ------------------------------------------------------------------------------------

std::string Generator::Global(const ir::Type& type) {
  for (const ir::Global& global : module_.globals) {
    if (global.type == type && random_.Chance(80)) return global.name;
  }
  ir::Global global;
  global.name = Format("g{}", module_.globals.size());
  global.type = type;
  global.annotations.mut = true;
  global.init = function_->value(Literal(type.dtype())).literal;
  module_.items.insert(module_.items.begin() + static_cast<std::ptrdiff_t>(module_.globals.size()),
                       {false, module_.globals.size()});
  module_.globals.push_back(std::move(global));
  return module_.globals.back().name;
}

bool Generator::EmitGlobal(bool write) {
  const ValueId x = Any(ir::kRealDTypes);
  for (const Expr& size : dims(x)) {
    if (!size.is_const()) return false;
  }
  ir::OpArgs args;
  args.callee = Global(ir::Type::Tensor(dtype(x), dims(x)));
  if (write) args.groups = {{x}};
  return Add(write ? "global.write" : "global.read", std::move(args));
}

// ---- What it is made of -------------------------------------------------------------------------

void Generator::CountGraph() {
  bool writes = false;
  bool through_view = false;
  bool overlapping = false;
  bool structured = false;
  for (const std::unique_ptr<ir::Function>& function : module_.functions) {
    std::vector<ValueId> roots(function->values.size());
    auto root = [&](ValueId id) { return roots[id.index()].valid() ? roots[id.index()] : id; };
    for (const ir::Op& op : function->ops) {
      structured = structured || IsStructure(*op.def);
      const int8_t from = op.def->effects.alias_of[0];
      if (from >= 0 && !op.results.empty()) {
        roots[op.results[0].index()] = root(op.operands[static_cast<size_t>(from)]);
      }
      if (!IsInPlace(*op.def)) continue;
      writes = true;
      through_view = through_view || root(op.operands[0]) != op.operands[0];
      for (size_t i = 1; i < op.operands.size(); ++i) {
        overlapping = overlapping || root(op.operands[i]) == root(op.operands[0]);
      }
    }
  }
  ++histogram_.graphs;
  histogram_.in_place += writes ? 1 : 0;
  histogram_.through_view += through_view ? 1 : 0;
  histogram_.overlapping += overlapping ? 1 : 0;
  histogram_.structured += structured ? 1 : 0;
}

}  // namespace gcomp::random
