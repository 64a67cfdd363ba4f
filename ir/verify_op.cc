#include "ir/verify_op.h"

#include <algorithm>
#include <string>

#include "base/format.h"
#include "ir/literal.h"
#include "ir/op_def.h"

namespace gcomp::ir {
namespace {

class OpChecker {
 public:
  OpChecker(const Function& function, const Op& op, Diagnostics& diagnostics)
      : function_(function), op_(op), def_(*op.def), diagnostics_(diagnostics) {}

  bool Run() {
    // Groups first: the rest reads operands by them.
    if (!CheckGroups()) return false;
    for (size_t g = 0; g < def_.operands.size(); ++g) CheckOperands(g);
    CheckAttrs();
    CheckRegions();
    return ok_;
  }

 private:
  void Fail(ErrorId id, const std::string& message) {
    ok_ = false;
    diagnostics_.Add(id, op_.span, Format("{}: {}", def_.name, message));
  }

  bool CheckGroups() {
    const auto& begin = op_.group_begin;
    bool whole = begin.size() == def_.operands.size() + 1 && begin.front() == 0 &&
                 begin.back() == op_.operands.size() &&
                 std::is_sorted(begin.begin(), begin.end()) &&
                 op_.attrs.size() <= def_.attrs.size() && op_.unknown_args.empty();
    if (!whole)
      Fail(ErrorId::E999, "broken invariant: operand groups or attributes do not fit the op");
    return whole;
  }

  void CheckOperands(size_t g) {
    const OperandSpec& spec = def_.operands[g];
    std::span<const ValueId> group = function_.Group(op_, g);
    if (spec.kind == OperandKind::kRequired && group.size() != 1) {
      return Fail(ErrorId::E504, group.empty() ? Format("operand `{}` is missing", spec.name)
                                               : Format("operand `{}` is given twice", spec.name));
    }
    if (spec.kind == OperandKind::kOptional && group.size() > 1) {
      return Fail(ErrorId::E504, Format("operand `{}` is given twice", spec.name));
    }
    for (ValueId id : group) CheckOperand(spec, g, function_.value(id));
  }

  void CheckOperand(const OperandSpec& spec, size_t g, const Value& value) {
    const Type& type = value.type;
    const std::string shown =
        value.kind == Value::Kind::kLiteral ? value.literal.ToString() : "%" + value.name;
    if (!type.is_tensor()) {
      if (!spec.tensor_only && type.kind() != Type::Kind::kNone) return;
      return Fail(ErrorId::E504, Format("operand `{}` must be a tensor, {} is {}", spec.name, shown,
                                        type.ToString(function_.Namer())));
    }
    if (!spec.dtypes.Has(type.dtype())) {
      return Fail(ErrorId::E504, Format("operand `{}` can't be of dtype {}, as {} is; it takes {}",
                                        spec.name, NameOf(type.dtype()), shown, Show(spec.dtypes)));
    }
    if (value.kind != Value::Kind::kLiteral) return;
    std::optional<DType> dtype = LiteralDType(function_, op_, g);
    if (!dtype.has_value()) {
      Fail(ErrorId::E504, Format("no tensor operand fixes the dtype of the literal {}", shown));
    } else if (*dtype != value.literal.dtype || type != Type::Tensor(*dtype, {})) {
      Fail(ErrorId::E504, Format("the literal {} is {}, the other operands ask for {}", shown,
                                 type.ToString(function_.Namer()), NameOf(*dtype)));
    }
  }

  static std::string Show(DTypeSet set) {
    std::string names;
    for (int i = 0; i < kNumDTypes; ++i) {
      if (!set.Has(static_cast<DType>(i))) continue;
      if (!names.empty()) names += ", ";
      names += NameOf(static_cast<DType>(i));
    }
    return names;
  }

  void CheckAttrs() {
    for (size_t i = 0; i < def_.attrs.size(); ++i) {
      const AttrSpec& spec = def_.attrs[i];
      const bool written = i < op_.attrs.size() && !op_.attrs[i].empty();
      if (!written) {
        if (spec.default_kind == AttrSpec::Default::kRequired) {
          Fail(ErrorId::E508, Format("attribute `{}` is missing", spec.name));
        }
      } else if (!HasKind(op_.attrs[i], spec.kind)) {
        Fail(ErrorId::E508, Format("attribute `{}` is of the wrong kind", spec.name));
      }
    }
  }

  bool IsScalar(const AttrValue& value) const {
    const Scalar* scalar = value.As<Scalar>();
    if (scalar == nullptr || op_.results.empty()) return false;
    const Type& type = function_.value(op_.results[0]).type;
    return type.is_tensor() && type.dtype() == scalar->dtype;
  }

  bool IsListOf(const AttrValue& value, AttrKind kind) const {
    const AttrList* list = value.As<AttrList>();
    return list != nullptr && std::all_of(list->begin(), list->end(),
                                          [&](const AttrValue& e) { return HasKind(e, kind); });
  }

  bool HasKind(const AttrValue& value, AttrKind kind) const {
    const Expr* e = value.As<Expr>();
    switch (kind) {
      case AttrKind::kInt:
        return e != nullptr && e->is_const();
      case AttrKind::kSize:
        return e != nullptr && !e->is_bool();
      case AttrKind::kPredicate:
        return e != nullptr && (e->is_bool() || e->is_const());
      case AttrKind::kExpr:
        return e != nullptr;
      case AttrKind::kFloat:
        return value.As<double>() != nullptr;
      case AttrKind::kBool:
        return value.As<bool>() != nullptr;
      case AttrKind::kString:
        return value.As<std::string>() != nullptr;
      case AttrKind::kDType:
        return value.As<DType>() != nullptr;
      case AttrKind::kIntList:
        return IsListOf(value, AttrKind::kInt);
      case AttrKind::kFloatList:
        return IsListOf(value, AttrKind::kFloat);
      case AttrKind::kSizeList:
        return IsListOf(value, AttrKind::kSize);
      case AttrKind::kStringList:
        return IsListOf(value, AttrKind::kString);
      case AttrKind::kScalar:
        return IsScalar(value);
      case AttrKind::kScalarList:
        return IsScalar(value) || IsListOf(value, AttrKind::kScalar);
      case AttrKind::kDict:
        return value.As<AttrDict>() != nullptr;
    }
    return false;
  }

  void CheckRegions() {
    std::string wanted;
    size_t at = 0;
    bool fits = true;
    for (const RegionSpec& spec : def_.regions) {
      if (!wanted.empty()) wanted += ", ";
      wanted += spec.variadic ? Format("{0}0, {0}1, ...", spec.label) : std::string(spec.label);
      if (!spec.variadic) {
        fits = fits && at < op_.regions.size() && LabelOf(at) == spec.label;
        ++at;
        continue;
      }
      const size_t first = at;
      while (at < op_.regions.size() && LabelOf(at) == Format("{}{}", spec.label, at - first)) ++at;
      fits = fits && at > first;
    }
    if (fits && at == op_.regions.size()) return;
    std::string found;
    constexpr size_t kShown = 8;
    for (size_t i = 0; i < std::min(op_.regions.size(), kShown); ++i) {
      found += (i == 0 ? "" : ", ") + LabelOf(i);
    }
    Fail(ErrorId::E505, Format("its regions are {}; found {}", wanted.empty() ? "none" : wanted,
                               found.empty() ? "none" : found));
  }

  const std::string& LabelOf(size_t i) const { return function_.block(op_.regions[i]).label; }

  const Function& function_;
  const Op& op_;
  const OpDef& def_;
  Diagnostics& diagnostics_;
  bool ok_ = true;
};

}  // namespace

bool CheckOpAgainstSchema(const Function& function, const Op& op, Diagnostics& diagnostics) {
  return OpChecker(function, op, diagnostics).Run();
}

}  // namespace gcomp::ir
