#include "tests/random/generator.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "ir/text.h"
#include "kernels/in_place.h"

namespace gcomp::random {
namespace {

constexpr int64_t kMaxElements = 6000;
constexpr int kTries = 12;
constexpr int kMaxRank = 4;

constexpr DType kDTypes[] = {DType::kBool, DType::kI8,  DType::kI16, DType::kI32, DType::kI64,
                             DType::kU8,   DType::kU16, DType::kU32, DType::kU64, DType::kF16,
                             DType::kBF16, DType::kF32, DType::kF64};

// With symbolic sizes counted as the largest that diff: binds.
constexpr int64_t kSymbolicSize = 9;

bool TooLarge(const ir::Type& type) {
  if (!type.is_tensor()) return false;
  static const std::vector<int64_t> symbols(256, kSymbolicSize);
  std::optional<int64_t> elements = type.NumElements().Evaluate(symbols);
  return !elements || *elements > kMaxElements || type.rank() > 6;
}

}  // namespace

std::string_view NameOf(Form form) {
  switch (form) {
    case Form::kEmpty:
      return "empty";
    case Form::kRank0:
      return "rank 0";
    case Form::kOne:
      return "size 1";
    case Form::kPastVector:
      return "past a vector";
    case Form::kStrided:
      return "strided";
    case Form::kOffset:
      return "offset";
    case Form::kBroadcast:
      return "broadcast";
  }
  return "";
}

uint64_t Random::Next() {
  state_ += 0x9e3779b97f4a7c15u;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

Generator::Generator(const ir::OpRegistry& ops, const RandomGraphOptions& options,
                     Histogram& histogram)
    : ops_(ops), options_(options), histogram_(histogram), random_(options.seed) {
  module_.name = Format("random{}", options.seed);
  function_ = &module_.AddFunction("main");
  function_->exported = true;
  for (int i = 0; i < 2 && random_.Chance(40); ++i) {
    ir::Symbol symbol;
    symbol.name = Format("s{}", i);
    symbols_.push_back(function_->AddSymbol(std::move(symbol)));
  }
  function_->num_symbol_params = symbols_.size();
  builder_ = std::make_unique<ir::Builder>(module_, *function_, ops_);
  stateful_ = random_.Chance(55);
  structured_ = random_.Chance(45);
  for (const ir::OpDef* def : ops_.ops()) {
    if (LeftOut().contains(def->name)) continue;
    if (def->effects.writes != 0) {
      in_place_.push_back(def);
    } else if (IsStructure(*def)) {
      structure_.push_back(def->name);
    } else {
      choices_.push_back(def);
      const bool exact = def->tolerance.ulp == 0 && def->tolerance.rtol == 0;
      // Which bits a NaN has is seen by bitcast alone, and not fixed.
      if (exact && def->effects.pure() && def->name != "bitcast") exact_.push_back(def);
    }
    if (std::ranges::find(options_.favored, def->name) != options_.favored.end()) {
      favored_.push_back(def);
    }
  }
  for (int64_t i = random_.In(1, 3); i > 0; --i) {
    Dims dims;
    for (int64_t r = random_.In(0, kMaxRank); r > 0; --r) dims.push_back(AnySize());
    // Each symbol is an axis of some parameter, so that a caller's inputs bind it.
    if (static_cast<size_t>(i) <= symbols_.size() || (!symbols_.empty() && i == 1)) {
      for (ir::SymId symbol : symbols_) dims.insert(dims.begin(), Expr::Symbol(symbol));
    }
    while (TooLarge(ir::Type::Tensor(DType::kF32, dims))) dims.pop_back();
    NewParam(AnyDType(ir::kRealDTypes), dims);
  }
}

void Generator::Step() {
  const bool favor = !favored_.empty() && (options_.only_favored || random_.Chance(60));
  const ir::OpDef* def = random_.Of(favor ? favored_ : choices_);
  if (!favor && stateful_ && random_.Chance(40)) {
    if (random_.Chance(30) && EmitView()) return;
    def = random_.Of(in_place_);
  } else if (!favor && structured_ && random_.Chance(25)) {
    def = ops_.Find(random_.Of(structure_));
  }
  for (int i = 0; i < kTries; ++i) {
    if (def->effects.writes != 0 ? EmitInPlace(*def) : EmitPure(*def)) return;
    ++histogram_.rejected[std::string(def->name)];
  }
}

bool Generator::EmitPure(const ir::OpDef& def) {
  auto recipe = Recipes().find(def.name);
  return recipe != Recipes().end() ? recipe->second(*this) : EmitBySchema(def);
}

std::optional<int64_t> Generator::Size(ValueId id, int axis) const {
  Expr size = dims(id)[static_cast<size_t>(axis)];
  return size.is_const() ? std::optional(size.value()) : std::nullopt;
}

ValueId Generator::Any(DTypeSet dtypes, int min_rank, int max_rank) {
  if (std::exchange(want_target_, false)) {
    const ValueId target = Target(dtypes, min_rank, max_rank);
    if (target.valid()) return target;
  }
  std::vector<ValueId> fits;
  for (ValueId id : values_) {
    if (dtypes.Has(dtype(id)) && rank(id) >= min_rank && rank(id) <= max_rank) fits.push_back(id);
  }
  if (!fits.empty() && !random_.Chance(15)) {
    // Late values more often: graphs grow deep, not only wide.
    int64_t n = static_cast<int64_t>(fits.size());
    return fits[static_cast<size_t>(std::max(random_.Below(n), random_.Below(n)))];
  }
  Dims dims;
  for (int64_t r = random_.In(min_rank, std::max(min_rank, std::min(max_rank, kMaxRank))); r > 0;
       --r) {
    dims.push_back(AnySize());
  }
  while (static_cast<int>(dims.size()) > min_rank &&
         TooLarge(ir::Type::Tensor(DType::kF32, dims))) {
    dims.pop_back();
  }
  return NewParam(AnyDType(dtypes), dims);
}

ValueId Generator::Like(DType want, const Dims& sizes) {
  std::vector<ValueId> fits;
  for (ValueId id : values_) {
    if (dtype(id) == want && dims(id) == sizes) fits.push_back(id);
  }
  return fits.empty() || random_.Chance(10) ? NewParam(want, sizes) : random_.Of(fits);
}

ValueId Generator::NewParam(DType dtype, const Dims& dims) {
  if (depth_ > 0 || !IsBound(dims)) {
    // What stands in a body, or has sizes that are no caller's, is made there.
    ir::OpArgs args;
    args.attrs = {{"splat", function_->value(Literal(dtype)).literal}};
    args.result_types = {ir::Type::Tensor(dtype, dims)};
    StatusOr<std::vector<ValueId>> made = builder_->Add("const", std::move(args));
    if (!made.ok()) return values_.front();
    values_.push_back(made->front());
    return made->front();
  }
  ir::Layout layout;
  // Sometimes as a caller's transposed view: the last two axes the other way round in memory.
  if (dims.size() >= 2 && random_.Chance(options_.only_favored ? 30 : 15)) {
    Dims swapped = dims;
    std::swap(swapped[dims.size() - 2], swapped[dims.size() - 1]);
    layout.kind = ir::Layout::Kind::kStrided;
    layout.strides = ir::ContiguousStrides(swapped);
    std::swap(layout.strides[dims.size() - 2], layout.strides[dims.size() - 1]);
  }
  std::string name = Format("x{}", function_->params().size());
  // Sometimes as a part of a larger one: a view with an offset.
  const bool part = !dims.empty() && dims[0].is_const() &&
                    layout.kind == ir::Layout::Kind::kContiguous &&
                    random_.Chance(options_.only_favored ? 40 : 12);
  Dims whole = dims;
  if (part) whole[0] = Expr::Add(whole[0], Expr(1));
  ValueId id = builder_->Param(name, ir::Type::Tensor(dtype, whole, layout));
  if (part) {
    AttrDict attrs = {{"dim", Expr(0)}, {"start", Expr(1)}};
    StatusOr<ValueId> view = builder_->Add1("slice", {id}, std::move(attrs));
    if (view.ok()) {
      id = *view;
      Note(function_->op(function_->block(block_).ops.back()));
    }
  }
  values_.push_back(id);
  return id;
}

ValueId Generator::Literal(DType dtype) {
  if (dtype == DType::kBool) return builder_->Literal(ir::Scalar::FromBool(random_.Chance(50)));
  double value = random_.Of({0.0, 1.0, 2.0, 3.0, 7.0});
  if (ir::IsFloat(dtype)) value = random_.Of({0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0});
  return builder_->Literal(*ir::Scalar::FromDouble(dtype, value));
}

ValueId Generator::Indices(DType dtype, const Dims& dims, int64_t n) {
  if (n > 100) n = 100;  // a literal of every integer dtype
  ValueId any = Like(dtype, dims);
  ValueId limit = builder_->Literal(*ir::Scalar::FromDouble(dtype, static_cast<double>(n)));
  // The remainder has the sign of the divisor.
  return Emit("rem", {{any}, {limit}}) ? last_ : ValueId();
}

DType Generator::AnyDType(DTypeSet dtypes) {
  // f32 as often as the others together have it in real graphs: more than its share.
  if (dtypes.Has(DType::kF32) && random_.Chance(25)) return DType::kF32;
  std::vector<DType> list;
  for (DType dtype : kDTypes) {
    if (dtypes.Has(dtype)) list.push_back(dtype);
  }
  return random_.Of(list);
}

int64_t Generator::AnySize() {
  return random_.Of({int64_t{0}, int64_t{1}, int64_t{1}, int64_t{2}, int64_t{2}, int64_t{3},
                     int64_t{3}, int64_t{4}, int64_t{5}, int64_t{7}, int64_t{17}, int64_t{33}});
}

Dims Generator::Broadcastable(const Dims& dims) {
  Dims small = dims;
  while (!small.empty() && random_.Chance(25)) small.erase(small.begin());
  for (Expr& size : small) {
    if (random_.Chance(30)) size = 1;
  }
  return small;
}

int64_t Generator::Axis(int rank) {
  return random_.In(-rank, rank - 1);
}

std::pair<Expr, int> Generator::AxisOf(int rank) {
  int64_t axis = Axis(rank);
  return {Expr(axis), static_cast<int>(axis < 0 ? axis + rank : axis)};
}

bool Generator::Emit(std::string_view op, std::vector<std::vector<ValueId>> groups, AttrDict attrs,
                     std::vector<ir::Type> written) {
  ir::OpArgs args;
  args.groups = std::move(groups);
  args.attrs = std::move(attrs);
  args.result_types = std::move(written);
  return Add(op, std::move(args));
}

bool Generator::Add(std::string_view op, ir::OpArgs args) {
  const ir::OpDef* def = ops_.Find(op);
  if (form_ != nullptr && form_->functional != nullptr && op == form_->functional->name)
    def = form_;
  if (def == nullptr) return false;
  if (def->effects.write == ir::WriteKind::kData) {
    if (args.groups.empty() || args.groups[0].empty() || !MayWrite(args.groups[0][0])) return false;
  }
  return AddToBlock(*def, std::move(args));
}

bool Generator::AddToBlock(const ir::OpDef& def, ir::OpArgs args) {
  args.result_names = {Format("v{}", function_->ops.size())};
  StatusOr<std::vector<ValueId>> results = builder_->Add(def.name, std::move(args));
  if (!results.ok()) return false;
  std::vector<ir::OpId>& ops = function_->block(block_).ops;
  for (ValueId result : *results) {
    if (!TooLarge(type(result))) continue;
    ops.pop_back();  // nobody uses it yet
    return false;
  }
  ++histogram_.ops[std::string(def.name)];
  const ir::Op& op = function_->op(ops.back());
  CountForms(op);
  Note(op);
  for (ValueId result : *results) {
    if (!type(result).is_tensor()) continue;
    ++histogram_.dtypes[std::string(ir::NameOf(dtype(result)))];
    values_.push_back(result);
  }
  if (!results->empty()) last_ = results->front();
  return true;
}

void Generator::CountForms(const ir::Op& op) {
  uint32_t& forms = histogram_.forms[std::string(op.def->name)];
  auto count = [&forms](Form form, bool seen) {
    if (seen) forms |= 1u << static_cast<int>(form);
  };
  const Dims* sizes = nullptr;
  for (ValueId id : op.operands) {
    const ir::Value& value = function_->value(id);
    if (!value.type.is_tensor() || value.kind == ir::Value::Kind::kLiteral) continue;
    const Dims& these = value.type.dims();
    count(Form::kRank0, these.empty());
    for (const Expr& size : these) {
      count(Form::kEmpty, size.IsConst(0));
      count(Form::kOne, size.IsConst(1));
      count(Form::kPastVector, size.IsConst(9) || size.IsConst(17) || size.IsConst(33));
    }
    count(Form::kStrided, !value.type.is_contiguous());
    count(Form::kOffset, !value.type.is_contiguous() && !value.type.layout().offset.IsConst(0));
    count(Form::kBroadcast, sizes != nullptr && *sizes != these);
    sizes = &these;
  }
}

std::optional<AttrDict> Generator::AttrsBySchema(const ir::OpDef& def, int rank) {
  AttrDict attrs;
  for (const ir::AttrSpec& attr : def.attrs) {
    bool required = attr.default_kind == ir::AttrSpec::Default::kRequired;
    if (!required && random_.Chance(40)) continue;
    const bool axis = attr.axis != ir::AttrSpec::Axis::kNo;
    if (axis && rank == 0) continue;
    switch (attr.kind) {
      case ir::AttrKind::kInt:
        attrs.emplace_back(attr.name, Expr(axis ? Axis(rank) : random_.In(-2, 3)));
        break;
      case ir::AttrKind::kFloat:
        attrs.emplace_back(attr.name, random_.Of({0.5, 1.0, 2.0, 0.125, 3.0}));
        break;
      case ir::AttrKind::kBool:
        attrs.emplace_back(attr.name, random_.Chance(50));
        break;
      case ir::AttrKind::kIntList: {
        if (!axis) return std::nullopt;
        ir::AttrList list;
        for (int64_t i = 0; i < rank; ++i) {
          if (random_.Chance(50)) list.push_back(Expr(random_.Chance(50) ? i : i - rank));
        }
        attrs.emplace_back(attr.name, std::move(list));
        break;
      }
      default:
        if (required) return std::nullopt;  // needs a recipe
    }
  }
  return attrs;
}

bool Generator::EmitBySchema(const ir::OpDef& def) {
  std::vector<std::vector<ValueId>> groups;
  ValueId first;
  for (const ir::OperandSpec& operand : def.operands) {
    groups.emplace_back();
    if (operand.kind == ir::OperandKind::kOptional && random_.Chance(40)) continue;
    int64_t count = operand.kind == ir::OperandKind::kVariadic ? random_.In(1, 3) : 1;
    for (; count > 0; --count) {
      if (!first.valid()) {
        // The first operand decides the dtype, so it must be one that the others take too.
        bool predicate = operand.dtypes == ir::kBoolDType && def.operands.size() > 1;
        first = predicate ? Any(ir::kBoolDType) : Any(operand.dtypes);
        groups.back().push_back(first);
        continue;
      }
      DType want = dtype(first);
      for (const std::vector<ValueId>& group : groups) {
        for (ValueId id : group) {
          if (operand.dtypes.Has(dtype(id))) want = dtype(id);
        }
      }
      if (!operand.dtypes.Has(want)) want = AnyDType(operand.dtypes);
      if (random_.Chance(12)) {
        groups.back().push_back(Literal(want));
      } else {
        const Dims like = dims(first);
        groups.back().push_back(Like(want, random_.Chance(60) ? like : Broadcastable(like)));
      }
    }
  }
  std::optional<AttrDict> attrs = AttrsBySchema(def, first.valid() ? rank(first) : 0);
  return attrs && Emit(def.name, std::move(groups), *std::move(attrs));
}

// Results that lie in a parameter, or are stored in one at the end.
void Generator::AnnotateResults() {
  std::vector<ValueId> stored;
  for (ir::Result& result : function_->results) {
    const ValueId id = function_->block(function_->body)
                           .yields[static_cast<size_t>(&result - function_->results.data())];
    const ValueId root = Root(id);
    // A caller's tensor of other strides than the parameter's is copied, and nothing can alias it.
    const bool is_param = function_->value(root).kind == ir::Value::Kind::kParam;
    if (is_param && type(root).is_contiguous() && random_.Chance(50)) {
      result.annotations.alias = root;
      continue;
    }
    for (ValueId param : function_->params()) {
      if (type(param) != result.type || !MayWrite(param) || !random_.Chance(40)) continue;
      if (std::ranges::find(stored, param) != stored.end()) continue;
      function_->value(param).annotations.mut = true;
      result.annotations.into = param;
      stored.push_back(param);
      break;
    }
  }
}

std::string Generator::Finish() {
  std::vector<ValueId> results;
  std::vector<ValueId> made;
  for (ValueId id : values_) {
    if (function_->value(id).kind == ir::Value::Kind::kResult) made.push_back(id);
  }
  if (made.empty()) made = values_;
  for (int64_t i = random_.In(1, 3); i > 0; --i) {
    ValueId id = i == 1 ? made.back() : random_.Of(made);
    // A caller knows no strides that the data tell.
    if (IsBound(dims(id)) != IsBound(type(id))) {
      id = RowMajor(id);
    }
    if (std::ranges::find(results, id) == results.end()) results.push_back(id);
  }
  builder_->Return(results);
  if (stateful_) AnnotateResults();
  for (ValueId id : results) {
    for (const Expr& size : dims(id)) {
      size.ForEachSymbol([&](ir::SymId symbol) {
        std::vector<ir::SymId>& defines = function_->defines;
        if (symbol.index() < function_->num_symbol_params) return;
        if (std::ranges::find(defines, symbol) == defines.end()) defines.push_back(symbol);
      });
    }
  }
  CountGraph();
  // Read back once: written defaults are dropped, as canonical text asks.
  ir::Diagnostics diagnostics("random");
  ir::Module module = ir::Parse(ir::Print(module_), ops_, diagnostics);
  std::string text =
      Format("//! note: seed {}\n", options_.seed) + ir::Print(diagnostics.ok() ? module : module_);
  text += Format("//! passes: {}\n",
                 random_.Of({"inline, canonicalize, fold, cse, dce", "cse, canonicalize, dce, fold",
                             "decompose, canonicalize, cse, dce", "fold, canonicalize", "decompose",
                             "canonicalize, cse, canonicalize", "cse", "dce"}));
  text += "//! diff: @main";
  if (!symbols_.empty()) {
    std::string sets;
    for (int64_t size : {int64_t{0}, int64_t{1}, random_.In(2, 4), kSymbolicSize}) {
      sets += sets.empty() ? "" : ", ";
      for (size_t i = 0; i < symbols_.size(); ++i) {
        sets += Format("{}s{}={}", i == 0 ? "" : " ", i, std::max<int64_t>(size - (i > 0), 0));
      }
    }
    text += Format(" sizes=({})", sets);
  }
  return text + "\n";
}

std::string MakeRandomGraph(const ir::OpRegistry& ops, const RandomGraphOptions& options,
                            Histogram& histogram) {
  Generator generator(ops, options, histogram);
  for (int64_t i = generator.random().In(3, options.max_ops); i > 0; --i) generator.Step();
  return generator.Finish();
}

}  // namespace gcomp::random
