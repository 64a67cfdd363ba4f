#include "tools/ops_header.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/format.h"
#include "ir/scalar_value.h"

namespace gcomp::tools {
namespace {

using ir::AttrKind;
using ir::AttrSpec;
using ir::OpDef;
using ir::OperandKind;
using ir::OperandSpec;

// The C++ type of an attribute; empty = none has one.
std::string_view TypeOf(AttrKind kind) {
  switch (kind) {
    case AttrKind::kInt:
      return "int64_t";
    case AttrKind::kFloat:
      return "double";
    case AttrKind::kBool:
      return "bool";
    case AttrKind::kString:
      return "std::string";
    case AttrKind::kDType:
      return "DType";
    case AttrKind::kSize:
      return "SymInt";
    case AttrKind::kIntList:
      return "std::vector<int64_t>";
    case AttrKind::kFloatList:
      return "std::vector<double>";
    case AttrKind::kSizeList:
      return "std::vector<SymInt>";
    case AttrKind::kStringList:
      return "std::vector<std::string>";
    default:
      return "";
  }
}

// Ops that take their result's type from the text: what a function must be told of it.
enum class Written { kNothing, kDType, kDTypeAndShape };

Written WrittenBy(std::string_view op) {
  for (std::string_view name : {"cast", "bitcast", "quantize"}) {
    if (op == name) return Written::kDType;
  }
  for (std::string_view name : {"full", "empty", "iota"}) {
    if (op == name) return Written::kDTypeAndShape;
  }
  return Written::kNothing;
}

// A name that C++ has taken gets a word or letter more.
std::string CppName(std::string_view name) {
  static constexpr std::string_view kLogical[] = {"and", "or", "xor", "not"};
  static constexpr std::string_view kKeywords[] = {"const", "default", "union",  "switch", "while",
                                                   "new",   "delete",  "static", "struct", "this"};
  std::string cpp(name);
  std::replace(cpp.begin(), cpp.end(), '.', '_');
  const bool in_place = cpp.ends_with('_');
  const std::string_view stem = std::string_view(cpp).substr(0, cpp.size() - (in_place ? 1 : 0));
  if (std::find(std::begin(kLogical), std::end(kLogical), stem) != std::end(kLogical)) {
    return "logical_" + cpp;
  }
  if (std::find(std::begin(kKeywords), std::end(kKeywords), cpp) != std::end(kKeywords)) {
    return cpp + "_op";
  }
  return cpp;
}

std::string CamelCase(std::string_view name) {
  std::string camel;
  bool up = true;
  for (char c : name) {
    if (c == '_' || c == '.') {
      up = true;
      continue;
    }
    camel += up && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    up = false;
  }
  if (name.ends_with('_')) camel += "InPlace";
  return camel + "Options";
}

bool IsTold(std::string_view attr, Written written) {
  return written == Written::kDTypeAndShape && attr == "shape";
}

bool HasFunction(const OpDef& op) {
  if (!op.regions.empty() || op.has_callee || op.name.starts_with("sym.") || op.name == "item" ||
      op.name.starts_with("global.")) {
    return false;
  }
  return std::all_of(op.attrs.begin(), op.attrs.end(),
                     [](const AttrSpec& attr) { return !TypeOf(attr.kind).empty(); });
}

bool IsRequired(const AttrSpec& attr) {
  return attr.default_kind == AttrSpec::Default::kRequired;
}

std::string DefaultOf(const AttrSpec& attr) {
  switch (attr.default_kind) {
    case AttrSpec::Default::kInt:
      return Format("{}", attr.default_int);
    case AttrSpec::Default::kFloat: {
      std::string text = ir::Scalar::FromDouble(ir::DType::kF64, attr.default_float)->ToString();
      return text;
    }
    case AttrSpec::Default::kBool:
      return attr.default_int != 0 ? "true" : "false";
    case AttrSpec::Default::kString:
      return Format("\"{}\"", attr.default_string);
    default:
      return "{}";
  }
}

// One function, as the pieces that header and source share.
class OpFunction {
 public:
  explicit OpFunction(const OpDef& op) : op_(op), written_(WrittenBy(op.name)) {
    for (const OperandSpec& operand : op.operands) {
      const std::string name = CppName(operand.name);
      switch (operand.kind) {
        case OperandKind::kRequired:
          Param("const Array&", name);
          break;
        case OperandKind::kVariadic:
          Param("const std::vector<Array>&", name);
          break;
        case OperandKind::kOptional:
          Field("Array", name, "{}", "");
          break;
        case OperandKind::kNamedGroup:
          Field("std::vector<Array>", name, "{}", "");
          break;
      }
    }
    for (const AttrSpec& attr : op.attrs) {
      if (IsTold(attr.name, written_)) continue;
      const std::string_view type = TypeOf(attr.kind);
      if (IsRequired(attr)) {
        const bool by_value = attr.kind == AttrKind::kInt || attr.kind == AttrKind::kFloat ||
                              attr.kind == AttrKind::kBool || attr.kind == AttrKind::kDType;
        Param(by_value ? std::string(type) : Format("const {}&", type), CppName(attr.name));
      }
    }
    if (written_ != Written::kNothing) Param("DType", "result_dtype");
    if (written_ == Written::kDTypeAndShape) Param("const std::vector<SymInt>&", "result_shape");
    for (const AttrSpec& attr : op.attrs) {
      if (IsTold(attr.name, written_) || IsRequired(attr)) continue;
      const bool open = attr.default_kind == AttrSpec::Default::kNone;
      Field(open ? Format("std::optional<{}>", TypeOf(attr.kind)) : std::string(TypeOf(attr.kind)),
            CppName(attr.name), DefaultOf(attr), attr.doc);
    }
  }

  std::string Declaration() const {
    std::string text;
    if (!fields_.empty()) {
      text = Format("struct {} {{\n{}}};\n\n", CamelCase(op_.name), fields_);
    }
    return text + Comment(std::string(op_.doc.substr(0, op_.doc.find('\n'))), "") +
           Signature(true) + ";\n";
  }

  std::string Definition() const {
    std::string body = "  OpCall call;\n";
    for (const OperandSpec& operand : op_.operands) {
      const std::string name = CppName(operand.name);
      switch (operand.kind) {
        case OperandKind::kRequired:
          body += Format("  call.groups.push_back({{{}}});\n", name);
          break;
        case OperandKind::kVariadic:
          body += Format("  call.groups.push_back({});\n", name);
          break;
        case OperandKind::kOptional:
          body += Format("  call.groups.push_back({{options.{}}});\n", name);
          break;
        case OperandKind::kNamedGroup:
          body += Format("  call.groups.push_back(options.{});\n", name);
          break;
      }
    }
    for (const AttrSpec& attr : op_.attrs) {
      std::string value = IsRequired(attr) ? CppName(attr.name) : "options." + CppName(attr.name);
      if (IsTold(attr.name, written_)) value = "result_shape";
      body += Format("  Put(call, \"{}\", {});\n", attr.name, value);
    }
    if (written_ == Written::kDType) {
      body += Format("  Result(call, result_dtype, {});\n", CppName(op_.operands[0].name));
    } else if (written_ == Written::kDTypeAndShape) {
      body += "  Result(call, result_dtype, result_shape);\n";
    }
    const std::string call = Format("(\"{}\", std::move(call));\n", op_.name);
    if (op_.num_results == 1) {
      body += "  return Call1" + call;
    } else {
      body += (op_.num_results == 0 ? "  Call" : "  return Call") + call;
    }
    return Signature(false) + " {\n" + body + "}\n";
  }

 private:
  void Param(std::string type, const std::string& name) { params_.push_back(type + " " + name); }

  void Field(const std::string& type, const std::string& name, const std::string& value,
             std::string_view doc) {
    if (!doc.empty()) fields_ += Comment(std::string(doc), "  ");
    fields_ += Format("  {} {} = {};\n", type, name, value);
  }

  std::string Signature(bool with_default) const {
    std::string list;
    for (const std::string& param : params_) list += (list.empty() ? "" : ", ") + param;
    if (!fields_.empty()) {
      list += Format("{}const {}& options{}", list.empty() ? "" : ", ", CamelCase(op_.name),
                     with_default ? " = {}" : "");
    }
    std::string_view result = "std::vector<Array>";
    if (op_.num_results == 0) result = "void";
    if (op_.num_results == 1) result = "Array";
    return Format("{} {}({})", result, CppName(op_.name), list);
  }

  // Lines of at most 100 columns.
  static std::string Comment(const std::string& text, std::string_view indent) {
    std::string out;
    std::string line;
    size_t at = 0;
    auto flush = [&] {
      if (!line.empty()) out += Format("{}//{}\n", indent, line);
      line.clear();
    };
    while (at < text.size()) {
      size_t end = text.find_first_of(" \n", at);
      if (end == std::string::npos) end = text.size();
      const std::string word = text.substr(at, end - at);
      if (indent.size() + 2 + line.size() + 1 + word.size() > 100) flush();
      if (!word.empty()) line += " " + word;
      at = end + 1;
    }
    flush();
    return out;
  }

  const OpDef& op_;
  Written written_;
  std::vector<std::string> params_;
  std::string fields_;
};

constexpr std::string_view kNotice =
    "// Written by gcomp-opt from the records in kernels/ops; not edited by hand.\n";

}  // namespace

std::string OpsHeader(const ir::OpRegistry& ops) {
  std::string text =
      "// The ops as functions on Arrays (array.h): ops::softmax(x, {.dim = -1}).\n//\n" +
      std::string(kNotice) +
      "// Operands and what must be given come first, in the order of the record; what may be "
      "left\n"
      "// out is in a struct. A name that ends with `_` writes its first operand. Whole text of\n"
      "// each op: docs/ops.md. Failures end the trace, or outside of one give a failed array.\n"
      "// clang-format off\n#pragma once\n\n#include <cstdint>\n#include <optional>\n"
      "#include <string>\n#include <vector>\n\n#include \"frontends/trace/array.h\"\n\n"
      "namespace gcomp::ops {\n";
  for (const OpDef* op : ops.ops()) {
    if (HasFunction(*op)) text += "\n" + OpFunction(*op).Declaration();
  }
  return text + "\n}  // namespace gcomp::ops\n";
}

std::string OpsSource(const ir::OpRegistry& ops) {
  std::string text =
      std::string(kNotice) +
      "// clang-format off\n#include \"frontends/trace/ops.h\"\n\n#include <utility>\n\n"
      "#include \"frontends/trace/op_call.h\"\n\nnamespace gcomp::ops {\n\n"
      "using internal::Call;\nusing internal::Call1;\nusing internal::OpCall;\n"
      "using internal::Put;\nusing internal::Result;\n";
  for (const OpDef* op : ops.ops()) {
    if (HasFunction(*op)) text += "\n" + OpFunction(*op).Definition();
  }
  return text + "\n}  // namespace gcomp::ops\n";
}

}  // namespace gcomp::tools
