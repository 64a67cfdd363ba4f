#include <bit>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/lexer.h"
#include "ir/scalar_value.h"
#include "ir/text.h"

namespace gcomp::ir {
namespace {

constexpr size_t kMaxColumns = 100;
constexpr size_t kIndent = 2;

// Appends text in the canonical form. Recursion goes as deep as regions and attributes nest.
class Printer {
 public:
  explicit Printer(const PrintOptions& options) : options_(options) {}

  void PrintModule(const Module& module);
  void PrintFunction(const Function& function);
  void PrintOp(const Function& function, const Op& op);

  std::string Take() { return std::move(out_); }

 private:
  std::string Name(ValueId id) const { return "%" + function_->value(id).name; }

  std::string Show(const Expr& e) const {
    // Constants are the common case, and need no names.
    if (e.is_const()) return std::to_string(e.value());
    if (function_ == nullptr) return e.ToString([](SymId) { return std::string("?"); });
    return e.ToString(namer_);
  }

  void PrintComments(const std::vector<std::string>& comments, size_t indent);
  void PrintTrailing(const std::string& comment);
  void PrintPlaces(const std::vector<SourcePlace>& places);
  void PrintGlobal(const Global& global);
  void PrintHeader(const Function& function);
  void PrintAnnotations(const Annotations& annotations);
  void PrintType(const Type& type);
  void PrintParam(ValueId id);
  template <class Rest>
  void PrintParams(const std::vector<ValueId>& params, size_t start, size_t indent, Rest&& rest);
  void PrintSymbols(std::span<const SymId> symbols);
  void PrintResults(const Function& function);
  void PrintBlock(BlockId block, size_t indent);
  void PrintArgs(const Op& op);
  void PrintOperand(ValueId id);
  void PrintAttr(const AttrValue& value, AttrKind kind);
  void PrintValue(const AttrValue& value);
  void PrintDict(const AttrDict& dict);
  void PrintList(const AttrList& list);

  // Puts `separator` before every call but the first.
  struct Separator {
    std::string_view text = ", ";
    bool first = true;

    std::string_view operator()() {
      return std::exchange(first, false) ? std::string_view() : text;
    }
  };

  const PrintOptions options_;
  const Function* function_ = nullptr;
  std::function<std::string(SymId)> namer_ = [](SymId) { return std::string("?"); };
  std::string out_;
};

std::string DoubleText(double value) {
  return Scalar{DType::kF64, std::bit_cast<uint64_t>(value)}.ToString();
}

void Printer::PrintComments(const std::vector<std::string>& comments, size_t indent) {
  if (!options_.comments) return;
  for (const std::string& comment : comments) {
    out_.append(indent, ' ');
    out_ += comment.empty() ? "//" : "// ";
    out_ += comment;
    out_ += '\n';
  }
}

void Printer::PrintTrailing(const std::string& comment) {
  if (!options_.comments || comment.empty()) return;
  out_ += "  // ";
  out_ += comment;
}

void Printer::PrintPlaces(const std::vector<SourcePlace>& places) {
  if (!options_.places || places.empty()) return;
  out_ += " loc(";
  Separator separator;
  for (const SourcePlace& place : places) {
    out_ += separator();
    out_ += Format("{}:{}:{}", place.file, place.line, place.column);
  }
  out_ += ')';
}

void Printer::PrintModule(const Module& module) {
  PrintComments(module.comments, 0);
  out_ += Format("gir {} module @{}", Module::kFormatVersion, module.name);
  if (!module.attrs.empty()) {
    out_ += " attrs ";
    PrintDict(module.attrs);
  }
  out_ += '\n';
  if (options_.places && !module.files.empty()) {
    out_ += '\n';
    for (const SourceFile& file : module.files) {
      out_ += Format("file {} = {}\n", file.word, Quote(file.path));
    }
  }
  for (const Module::Item& item : module.items) {
    out_ += '\n';
    if (item.is_function) {
      PrintFunction(*module.functions[item.index]);
    } else {
      PrintGlobal(module.globals[item.index]);
    }
  }
  if (options_.comments && !module.end_comments.empty()) {
    out_ += '\n';
    PrintComments(module.end_comments, 0);
  }
}

void Printer::PrintGlobal(const Global& global) {
  PrintComments(global.comments, 0);
  out_ += Format("global @{}: ", global.name);
  PrintType(global.type);
  PrintAnnotations(global.annotations);
  out_ += " = ";
  PrintAttr(global.init, AttrKind::kScalarList);
  out_ += '\n';
}

void Printer::PrintType(const Type& type) {
  out_ += type.ToString(namer_);
}

void Printer::PrintAnnotations(const Annotations& annotations) {
  if (annotations.mut) out_ += " mut";
  if (annotations.donate) out_ += " donate";
  if (annotations.noalias) out_ += " noalias";
  if (annotations.alias.valid()) out_ += Format(" alias({})", Name(annotations.alias));
  if (annotations.into.valid()) out_ += Format(" into({})", Name(annotations.into));
  if (annotations.weight.has_value()) out_ += Format(" weight({})", Quote(*annotations.weight));
}

void Printer::PrintParam(ValueId id) {
  const Value& value = function_->value(id);
  out_ += '%';
  out_ += value.name;
  out_ += ": ";
  PrintType(value.type);
  PrintAnnotations(value.annotations);
}

void Printer::PrintSymbols(std::span<const SymId> symbols) {
  Separator separator;
  for (SymId id : symbols) {
    const Symbol& symbol = function_->symbols[id.index()];
    out_ += separator();
    out_ += symbol.name;
    bool default_range = symbol.low.IsConst(0) && !symbol.high.has_value();
    if (symbol.range_written || !default_range) {
      out_ += Format(" in [{}, {}]", Show(symbol.low),
                     symbol.high.has_value() ? Show(*symbol.high) : "inf");
    }
    if (symbol.multiple != 1) out_ += Format(" mult {}", symbol.multiple);
  }
}

void Printer::PrintResults(const Function& function) {
  out_ += " -> (";
  Separator separator;
  for (const Result& result : function.results) {
    out_ += separator();
    PrintType(result.type);
    PrintAnnotations(result.annotations);
  }
  out_ += ')';
  if (!function.defines.empty()) {
    out_ += " defines ";
    PrintSymbols(function.defines);
  }
  if (!function.effects.empty()) {
    out_ += " effects [";
    Separator comma;
    for (const std::string& effect : function.effects) {
      out_ += comma();
      out_ += effect;
    }
    out_ += ']';
  }
  if (!function.attrs.empty()) {
    out_ += " attrs ";
    PrintDict(function.attrs);
  }
  out_ += " {";
}

// The parameters, on one line or on one line each.
void Printer::PrintHeader(const Function& function) {
  const size_t start = out_.size();
  out_ += function.exported ? "export func @" : "func @";
  out_ += function.name;
  if (function.num_symbol_params > 0) {
    std::vector<SymId> symbols;
    for (size_t i = 0; i < function.num_symbol_params; ++i) symbols.emplace_back(i);
    out_ += '<';
    PrintSymbols(symbols);
    out_ += '>';
  }
  out_ += '(';
  PrintParams(function.params(), start, 0, [&] { PrintResults(function); });
}

// What follows `(` of a header whose line began at `start`: parameters, `)`, and what `rest`
// prints.
template <class Rest>
void Printer::PrintParams(const std::vector<ValueId>& params, size_t start, size_t indent,
                          Rest&& rest) {
  const size_t at = out_.size();
  Separator separator;
  for (ValueId id : params) {
    out_ += separator();
    PrintParam(id);
  }
  out_ += ')';
  rest();
  if (out_.size() - start <= kMaxColumns || params.empty()) return;
  out_.resize(at);
  Separator line{",\n"};
  out_ += '\n';
  for (ValueId id : params) {
    out_ += line();
    out_.append(indent + kIndent, ' ');
    PrintParam(id);
  }
  out_ += '\n';
  out_.append(indent, ' ');
  out_ += ')';
  rest();
}

void Printer::PrintFunction(const Function& function) {
  function_ = &function;
  namer_ = function.Namer();
  PrintComments(function.comments, 0);
  PrintHeader(function);
  out_ += '\n';
  PrintBlock(function.body, kIndent);
  out_ += "}\n";
  function_ = nullptr;
  namer_ = [](SymId) { return std::string("?"); };
}

// The ops and the terminator, without braces.
void Printer::PrintBlock(BlockId id, size_t indent) {
  const Block& block = function_->block(id);
  for (OpId op_id : block.ops) {
    const Op& op = function_->op(op_id);
    PrintComments(op.comments, indent);
    out_.append(indent, ' ');
    PrintOp(*function_, op);
    PrintTrailing(op.trailing_comment);
    out_ += '\n';
    for (BlockId region_id : op.regions) {
      const Block& region = function_->block(region_id);
      const size_t start = out_.size();
      out_.append(indent + kIndent, ' ');
      out_ += region.label;
      out_ += '(';
      PrintParams(region.params, start, indent + kIndent, [&] { out_ += " {"; });
      out_ += '\n';
      PrintBlock(region_id, indent + 2 * kIndent);
      out_.append(indent + kIndent, ' ');
      out_ += "}\n";
    }
  }
  PrintComments(block.comments, indent);
  out_.append(indent, ' ');
  out_ += id == function_->body ? "return" : "yield";
  Separator separator;
  for (ValueId value : block.yields) {
    out_ += separator.first ? " " : "";
    out_ += separator();
    PrintOperand(value);
  }
  PrintPlaces(block.places);
  PrintTrailing(block.trailing_comment);
  out_ += '\n';
  PrintComments(block.end_comments, indent);
}

void Printer::PrintOp(const Function& function, const Op& op) {
  if (function_ != &function) {
    function_ = &function;
    namer_ = function.Namer();
  }
  Separator separator;
  for (ValueId result : op.results) {
    out_ += separator();
    PrintParam(result);
  }
  if (!op.results.empty()) out_ += " = ";
  out_ += op.def->name;
  if (!op.callee.empty()) {
    out_ += " @";
    out_ += op.callee;
    if (!op.callee_sizes.empty()) {
      out_ += '<';
      Separator comma;
      for (const Expr& size : op.callee_sizes) {
        out_ += comma();
        out_ += Show(size);
      }
      out_ += '>';
    }
  }
  out_ += '(';
  PrintArgs(op);
  out_ += ')';
  if (!op.extra_attrs.empty()) {
    out_ += " attrs ";
    PrintDict(op.extra_attrs);
  }
  if (!op.defines.empty()) {
    out_ += " defines ";
    PrintSymbols(op.defines);
  }
  PrintPlaces(op.places);
}

void Printer::PrintOperand(ValueId id) {
  const Value& value = function_->value(id);
  if (value.kind == Value::Kind::kLiteral) {
    out_ += value.literal.ToString();
  } else {
    out_ += '%';
    out_ += value.name;
  }
}

void Printer::PrintArgs(const Op& op) {
  Separator separator;
  for (const auto& [name, value] : op.unknown_args) {
    out_ += separator();
    if (!name.empty()) out_ += Format("{} = ", name);
    PrintValue(value);
  }
  const OpDef& def = *op.def;
  const bool has_groups = op.group_begin.size() == def.operands.size() + 1;
  for (size_t g = 0; has_groups && g < def.operands.size(); ++g) {
    OperandKind kind = def.operands[g].kind;
    if (kind != OperandKind::kRequired && kind != OperandKind::kVariadic) continue;
    for (ValueId id : function_->Group(op, g)) {
      out_ += separator();
      PrintOperand(id);
    }
  }
  auto written = [&](size_t i) { return i < op.attrs.size() && !op.attrs[i].empty(); };
  for (size_t i = 0; i < def.attrs.size(); ++i) {
    if (!def.attrs[i].positional || !written(i)) continue;
    out_ += separator();
    PrintAttr(op.attrs[i], def.attrs[i].kind);
  }
  for (size_t g = 0; has_groups && g < def.operands.size(); ++g) {
    OperandKind kind = def.operands[g].kind;
    if (kind == OperandKind::kRequired || kind == OperandKind::kVariadic) continue;
    std::span<const ValueId> group = function_->Group(op, g);
    if (group.empty()) continue;
    out_ += separator();
    out_ += def.operands[g].name;
    out_ += kind == OperandKind::kNamedGroup ? " = [" : " = ";
    Separator comma;
    for (ValueId id : group) {
      out_ += comma();
      PrintOperand(id);
    }
    if (kind == OperandKind::kNamedGroup) out_ += ']';
  }
  for (size_t i = 0; i < def.attrs.size(); ++i) {
    if (def.attrs[i].positional || !written(i)) continue;
    out_ += separator();
    out_ += def.attrs[i].name;
    out_ += " = ";
    PrintAttr(op.attrs[i], def.attrs[i].kind);
  }
}

// A predicate that is constant reads `true` or `false`; all else prints as its value says.
void Printer::PrintAttr(const AttrValue& value, AttrKind kind) {
  if (const Expr* e = value.As<Expr>();
      e != nullptr && kind == AttrKind::kPredicate && e->is_const()) {
    out_ += e->value() != 0 ? "true" : "false";
    return;
  }
  PrintValue(value);
}

void Printer::PrintValue(const AttrValue& value) {
  if (const Expr* e = value.As<Expr>()) {
    out_ += Show(*e);
  } else if (const double* d = value.As<double>()) {
    out_ += DoubleText(*d);
  } else if (const bool* b = value.As<bool>()) {
    out_ += *b ? "true" : "false";
  } else if (const std::string* s = value.As<std::string>()) {
    out_ += Quote(*s);
  } else if (const DType* dtype = value.As<DType>()) {
    out_ += NameOf(*dtype);
  } else if (const Type* type = value.As<Type>()) {
    PrintType(*type);
  } else if (const FunctionRef* function = value.As<FunctionRef>()) {
    out_ += '@';
    out_ += function->name;
  } else if (const Word* word = value.As<Word>()) {
    out_ += word->text;
  } else if (const Scalar* scalar = value.As<Scalar>()) {
    out_ += scalar->ToString();
  } else if (const ValueId* id = value.As<ValueId>()) {
    PrintOperand(*id);
  } else if (const AttrList* list = value.As<AttrList>()) {
    PrintList(*list);
  } else if (const AttrDict* dict = value.As<AttrDict>()) {
    PrintDict(*dict);
  }
}

void Printer::PrintList(const AttrList& list) {
  out_ += '[';
  Separator separator;
  for (const AttrValue& value : list) {
    out_ += separator();
    PrintValue(value);
  }
  out_ += ']';
}

void Printer::PrintDict(const AttrDict& dict) {
  out_ += '{';
  Separator separator;
  for (const auto& [name, value] : dict) {
    out_ += separator();
    out_ += name;
    out_ += " = ";
    PrintValue(value);
  }
  out_ += '}';
}

}  // namespace

std::string Print(const Module& module, const PrintOptions& options) {
  Printer printer(options);
  printer.PrintModule(module);
  return printer.Take();
}

std::string Print(const Module&, const Function& function, const PrintOptions& options) {
  Printer printer(options);
  printer.PrintFunction(function);
  return printer.Take();
}

std::string PrintOpLine(const Function& function, const Op& op) {
  Printer printer({.places = false, .comments = false});
  printer.PrintOp(function, op);
  return printer.Take();
}

}  // namespace gcomp::ir
