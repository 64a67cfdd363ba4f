#include "ir/op_def.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/format.h"

namespace gcomp::ir {
namespace {

bool NameLess(const OpDef* a, const OpDef* b) {
  return a->name < b->name;
}

// The number of `value` if it is an integer.
std::optional<int64_t> AsInt(const AttrValue& value) {
  const Expr* expr = value.As<Expr>();
  return expr != nullptr && expr->is_const() ? std::optional(expr->value()) : std::nullopt;
}

}  // namespace

int OpDef::AttrIndex(std::string_view attr) const {
  for (size_t i = 0; i < attrs.size(); ++i) {
    if (attrs[i].name == attr) return static_cast<int>(i);
  }
  return -1;
}

int OpDef::OperandIndex(std::string_view operand) const {
  for (size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].name == operand) return static_cast<int>(i);
  }
  return -1;
}

bool IsDefault(const AttrSpec& spec, const AttrValue& value) {
  switch (spec.default_kind) {
    case AttrSpec::Default::kNone:
    case AttrSpec::Default::kRequired:
      return false;
    case AttrSpec::Default::kInt: {
      const Expr* e = value.As<Expr>();
      return e != nullptr && e->IsConst(spec.default_int);
    }
    case AttrSpec::Default::kFloat: {
      const double* d = value.As<double>();
      return d != nullptr &&
             std::bit_cast<uint64_t>(*d) == std::bit_cast<uint64_t>(spec.default_float);
    }
    case AttrSpec::Default::kBool: {
      const bool* b = value.As<bool>();
      return b != nullptr && *b == (spec.default_int != 0);
    }
    case AttrSpec::Default::kString: {
      const std::string* s = value.As<std::string>();
      const DType* dtype = value.As<DType>();
      return (s != nullptr && *s == spec.default_string) ||
             (dtype != nullptr && NameOf(*dtype) == spec.default_string);
    }
  }
  return false;
}

// ---- OpRegistry ---------------------------------------------------------------------------------

OpRegistry::OpRegistry(std::span<const OpDef* const> ops) : ops_(ops.begin(), ops.end()) {
  std::stable_sort(ops_.begin(), ops_.end(), NameLess);
}

Status OpRegistry::Add(const OpDef* def) {
  if (def == nullptr || def->name.empty()) {
    return Status(ErrorId::E701, "an op can't be added without a record and a name");
  }
  if (def->infer == nullptr || def->lowering.kind == Lowering::Kind::kMissing) {
    return Status(ErrorId::E701, Format("op {} can't be added: its record lacks {}", def->name,
                                        def->infer == nullptr ? "infer" : "a lowering"));
  }
  auto at = std::lower_bound(ops_.begin(), ops_.end(), def, NameLess);
  if (at != ops_.end() && (*at)->name == def->name) {
    return Status(ErrorId::E701, Format("op {} can't be added: the name is taken", def->name));
  }
  ops_.insert(at, def);
  return {};
}

const OpDef* OpRegistry::Find(std::string_view name) const {
  auto at = std::lower_bound(ops_.begin(), ops_.end(), name,
                             [](const OpDef* def, std::string_view n) { return def->name < n; });
  return at != ops_.end() && (*at)->name == name ? *at : nullptr;
}

// ---- AttrReader ---------------------------------------------------------------------------------

const AttrValue& AttrReader::At(std::string_view name, const AttrSpec** spec) const {
  static const AttrValue kAbsent;
  int found = def_.AttrIndex(name);
  *spec = nullptr;
  if (found < 0) return kAbsent;
  auto index = static_cast<size_t>(found);
  *spec = &def_.attrs[index];
  return index < op_.attrs.size() ? op_.attrs[index] : kAbsent;
}

const AttrValue& AttrReader::Raw(std::string_view name) const {
  const AttrSpec* spec;
  return At(name, &spec);
}

bool AttrReader::Has(std::string_view name) const {
  return !Raw(name).empty();
}

int64_t AttrReader::Int(std::string_view name) const {
  const AttrSpec* spec;
  const AttrValue& value = At(name, &spec);
  if (!value.empty()) return AsInt(value).value_or(0);
  return spec == nullptr ? 0 : spec->default_int;
}

double AttrReader::Float(std::string_view name) const {
  const AttrSpec* spec;
  const AttrValue& value = At(name, &spec);
  if (const auto* number = value.As<double>()) return *number;
  if (!value.empty()) return static_cast<double>(AsInt(value).value_or(0));
  if (spec == nullptr) return 0;
  return spec->default_kind == AttrSpec::Default::kInt ? static_cast<double>(spec->default_int)
                                                       : spec->default_float;
}

bool AttrReader::Bool(std::string_view name) const {
  const AttrSpec* spec;
  const AttrValue& value = At(name, &spec);
  if (const auto* flag = value.As<bool>()) return *flag;
  if (!value.empty()) return AsInt(value).value_or(0) != 0;
  return spec != nullptr && spec->default_int != 0;
}

std::string AttrReader::String(std::string_view name) const {
  const AttrSpec* spec;
  const AttrValue& value = At(name, &spec);
  if (const auto* text = value.As<std::string>()) return *text;
  return spec == nullptr ? std::string() : std::string(spec->default_string);
}

std::optional<std::vector<int64_t>> AttrReader::Ints(std::string_view name) const {
  const auto* list = Raw(name).As<AttrList>();
  if (list == nullptr) return std::nullopt;
  std::vector<int64_t> numbers;
  numbers.reserve(list->size());
  for (const AttrValue& item : *list) numbers.push_back(AsInt(item).value_or(0));
  return numbers;
}

std::optional<Dims> AttrReader::Sizes(std::string_view name) const {
  const auto* list = Raw(name).As<AttrList>();
  if (list == nullptr) return std::nullopt;
  Dims sizes;
  sizes.reserve(list->size());
  for (const AttrValue& item : *list) {
    const Expr* size = item.As<Expr>();
    sizes.push_back(size == nullptr ? Expr::Poison() : *size);
  }
  return sizes;
}

std::optional<Expr> AttrReader::Size(std::string_view name) const {
  const AttrSpec* spec;
  const AttrValue& value = At(name, &spec);
  if (const Expr* size = value.As<Expr>()) return *size;
  if (spec == nullptr || spec->default_kind != AttrSpec::Default::kInt) return std::nullopt;
  return Expr(spec->default_int);
}

// ---- InferCtx -----------------------------------------------------------------------------------

Status InferCtx::Fail(std::string what, ErrorId id) const {
  return Status(id, Format("{}: {}", op_.def->name, what));
}

StatusOr<int> InferCtx::Axis(int64_t axis, int rank, std::string_view attr) const {
  if (axis < -rank || axis >= rank) {
    std::string limit = rank == 0 ? std::string("a tensor of rank 0 has no axes")
                                  : Format("must be in [{}, {}]", -rank, rank - 1);
    return Fail(Format("{} = {} names no axis: {}", attr, axis, limit), ErrorId::E508);
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

StatusOr<std::vector<int>> InferCtx::Axes(std::string_view attr, int rank) const {
  std::optional<std::vector<int64_t>> written = attrs_.Ints(attr);
  std::vector<int> axes;
  if (!written.has_value()) {
    for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
    return axes;
  }
  for (int64_t number : *written) {
    GCOMP_ASSIGN_OR_RETURN(int axis, Axis(number, rank, attr));
    axes.push_back(axis);
  }
  std::sort(axes.begin(), axes.end());
  auto twice = std::adjacent_find(axes.begin(), axes.end());
  if (twice != axes.end()) {
    return Fail(Format("{} names axis {} twice", attr, *twice), ErrorId::E508);
  }
  return axes;
}

StatusOr<Dims> BroadcastDims(const InferCtx& ctx, std::span<const ValueId> operands) {
  Dims dims;
  for (size_t k = 0; k < operands.size(); ++k) {
    const Type& type = ctx.function().value(operands[k]).type;
    if (!type.is_tensor()) continue;  // a host number is a scalar
    const Dims& next = type.dims();
    if (next.size() > dims.size()) dims.insert(dims.begin(), next.size() - dims.size(), Expr(1));
    const size_t shift = dims.size() - next.size();
    for (size_t i = 0; i < next.size(); ++i) {
      Expr& dim = dims[shift + i];
      if (next[i].IsConst(1) || ctx.SameSize(dim, next[i])) continue;
      if (!dim.IsConst(1)) {
        return ctx.Fail(
            Format("sizes {} and {} at axis {} of the result do not broadcast: they "
                   "must be equal or one of them 1; operand {} is {}",
                   ctx.Show(dim), ctx.Show(next[i]), shift + i, k, ctx.Show(type)));
      }
      dim = next[i];
    }
  }
  return dims;
}

}  // namespace gcomp::ir
