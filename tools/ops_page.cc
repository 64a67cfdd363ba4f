#include "tools/ops_page.h"

#include <map>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/dtype.h"
#include "ir/scalar_value.h"

namespace gcomp::tools {
namespace {

using ir::AttrKind;
using ir::AttrSpec;
using ir::DType;
using ir::DTypeSet;
using ir::Lowering;
using ir::NumericClass;
using ir::OpDef;
using ir::OperandKind;

std::string_view NameOf(NumericClass numeric) {
  switch (numeric) {
    case NumericClass::kExact:
      return "exact";
    case NumericClass::kPinned:
      return "pinned";
    case NumericClass::kFree:
      return "free";
  }
  return "";
}

std::string_view NameOf(Lowering::Kind kind) {
  switch (kind) {
    case Lowering::Kind::kMissing:
      return "missing";
    case Lowering::Kind::kPointwise:
      return "pointwise";
    case Lowering::Kind::kLoops:
      return "loops";
    case Lowering::Kind::kView:
      return "view";
    case Lowering::Kind::kStructure:
      return "structure";
    case Lowering::Kind::kExternal:
      return "external";
    case Lowering::Kind::kInPlace:
      return "that of the op without `_`, into operand 0";
    case Lowering::Kind::kDecompose:
      return "formula";
  }
  return "";
}

std::string_view NameOf(AttrKind kind) {
  switch (kind) {
    case AttrKind::kInt:
      return "int";
    case AttrKind::kFloat:
      return "float";
    case AttrKind::kBool:
      return "bool";
    case AttrKind::kString:
      return "string";
    case AttrKind::kDType:
      return "dtype";
    case AttrKind::kSize:
      return "size";
    case AttrKind::kPredicate:
      return "predicate";
    case AttrKind::kExpr:
      return "size or predicate";
    case AttrKind::kIntList:
      return "list of int";
    case AttrKind::kFloatList:
      return "list of float";
    case AttrKind::kSizeList:
      return "list of size";
    case AttrKind::kStringList:
      return "list of string";
    case AttrKind::kScalar:
      return "number";
    case AttrKind::kScalarList:
      return "numbers";
    case AttrKind::kDict:
      return "dict";
  }
  return "";
}

// The value of an attribute that is not written; empty = none.
std::string DefaultText(const AttrSpec& attr) {
  switch (attr.default_kind) {
    case AttrSpec::Default::kNone:
    case AttrSpec::Default::kRequired:
      return {};
    case AttrSpec::Default::kInt:
      return Format("{}", attr.default_int);
    case AttrSpec::Default::kFloat:
      return ir::Scalar::FromDouble(DType::kF64, attr.default_float)->ToString();
    case AttrSpec::Default::kBool:
      return attr.default_int != 0 ? "true" : "false";
    case AttrSpec::Default::kString:
      return Format("\"{}\"", attr.default_string);
  }
  return {};
}

std::string Signature(const OpDef& op) {
  std::string list;
  auto add = [&](const std::string& item) { list += (list.empty() ? "" : ", ") + item; };
  for (const ir::OperandSpec& operand : op.operands) {
    bool optional = operand.kind == OperandKind::kOptional;
    std::string name(operand.name);
    if (operand.kind == OperandKind::kVariadic) name += "...";
    if (operand.kind == OperandKind::kNamedGroup) name += " = [...]";
    add(optional ? "[" + name + "]" : name);
  }
  for (const AttrSpec& attr : op.attrs) {
    std::string value = DefaultText(attr);
    add(std::string(attr.name) + (value.empty() ? "" : " = " + value));
  }
  return Format("{}({})", op.name, list);
}

// "f16 bf16 f32 f64", or the name of a set that has one.
std::string DTypesText(DTypeSet set) {
  const std::pair<DTypeSet, std::string_view> named[] = {
      {ir::kRealDTypes, "all real dtypes"},
      {ir::kNumericDTypes, "all real dtypes but bool"},
      {ir::kFloatDTypes, "floats"},
      {ir::kIntegerDTypes, "integers"},
      {ir::kIntegerDTypes | ir::kBoolDType, "integers and bool"},
  };
  for (const auto& [known, name] : named) {
    if (set == known) return std::string(name);
  }
  std::string text;
  for (int i = 0; i < 32; ++i) {
    auto dtype = static_cast<DType>(i);
    if (set.Has(dtype)) text += Format("{}{}", text.empty() ? "" : " ", ir::NameOf(dtype));
  }
  return text;
}

std::string OperandsText(const OpDef& op) {
  // Operands of equal dtypes are named together.
  std::vector<std::pair<std::string, std::string>> groups;
  for (const ir::OperandSpec& operand : op.operands) {
    std::string dtypes = DTypesText(operand.dtypes);
    if (!operand.tensor_only) dtypes += " or a host value";
    if (!groups.empty() && groups.back().second == dtypes) {
      groups.back().first += Format(", {}", operand.name);
    } else {
      groups.emplace_back(operand.name, dtypes);
    }
  }
  std::string text;
  for (const auto& [names, dtypes] : groups) {
    text += Format("{}{}: {}", text.empty() ? "" : "; ", names, dtypes);
  }
  return text.empty() ? "none" : text;
}

std::string ToleranceText(const ir::Tolerance& tolerance) {
  std::string bound;
  if (tolerance.ulp != 0) bound = Format("{} ulp", tolerance.ulp);
  if (tolerance.rtol != 0) {
    bound += Format("{}{} of the largest magnitude", bound.empty() ? "" : " or ", tolerance.rtol);
  }
  if (bound.empty()) bound = "equal bits";
  return tolerance.reason.empty() ? bound : Format("{} ({})", bound, tolerance.reason);
}

std::string LoweringText(const Lowering& lowering) {
  std::string name(NameOf(lowering.kind));
  return lowering.why.empty() ? name : Format("{} ({})", name, lowering.why);
}

std::string Section(const OpDef& op) {
  std::string text = Format("\n## {}\n\n`{}`\n\n{}\n\n", op.name, Signature(op), op.doc);
  for (const AttrSpec& attr : op.attrs) {
    std::string_view required =
        attr.default_kind == AttrSpec::Default::kRequired ? ", required" : "";
    text += Format("- `{}` ({}{}): {}\n", attr.name, NameOf(attr.kind), required, attr.doc);
  }
  text += Format("- Operands: {}\n", OperandsText(op));
  text += Format("- Class: {}; tolerance: {}\n", NameOf(op.numeric), ToleranceText(op.tolerance));
  text += Format("- Code: {}\n", LoweringText(op.lowering));
  text += op.vjp.rule != nullptr ? "- Derivative: yes\n"
                                 : Format("- Derivative: no ({})\n", op.vjp.reason);
  text += Format("- Source: {}\n", op.source);
  return text;
}

}  // namespace

std::string OpsPage(const ir::OpRegistry& ops) {
  std::map<std::string_view, int> classes;
  std::map<std::string_view, int> lowerings;
  int rules = 0;
  std::string sections;
  for (const OpDef* op : ops.ops()) {
    ++classes[NameOf(op->numeric)];
    ++lowerings[NameOf(op->lowering.kind)];
    if (op->vjp.rule != nullptr) ++rules;
    sections += Section(*op);
  }
  auto list = [](const std::map<std::string_view, int>& counts) {
    std::string text;
    for (const auto& [name, count] : counts) {
      text += Format("{}{} {}", text.empty() ? "" : ", ", count, name);
    }
    return text;
  };
  return Format(
             "# Ops\n\n"
             "Written by `gcomp-opt --ops-page` from the records in kernels/ops; not edited by "
             "hand. Classes and order of arithmetic:\n[numerics.md](numerics.md); how ops are "
             "written in text: [spec/ir.md](spec/ir.md). `[x]` = optional, by name. "
             "Code: what tiers generate\nfrom: one scalar expression (pointwise), loop nests "
             "(loops), another layout of the operand (view), other ops\n(formula), regions "
             "(structure), or a kernel alone (external).\n\n"
             "{} ops: {}. By code: {}. {} have a derivative rule.\n",
             ops.ops().size(), list(classes), list(lowerings), rules) +
         sections;
}

}  // namespace gcomp::tools
