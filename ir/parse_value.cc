// Numbers, strings, lists, dictionaries and attributes.
#include <bit>
#include <charconv>
#include <utility>

#include "base/format.h"
#include "ir/parser.h"

namespace gcomp::ir {
namespace {

std::string_view NameOf(AttrKind kind) {
  switch (kind) {
    case AttrKind::kInt:
      return "an integer";
    case AttrKind::kFloat:
      return "a number";
    case AttrKind::kBool:
      return "true or false";
    case AttrKind::kString:
      return "a string";
    case AttrKind::kDType:
      return "a dtype";
    case AttrKind::kSize:
      return "a size";
    case AttrKind::kPredicate:
      return "a predicate over sizes";
    case AttrKind::kExpr:
      return "a size or a predicate over sizes";
    case AttrKind::kIntList:
      return "a list of integers";
    case AttrKind::kFloatList:
      return "a list of numbers";
    case AttrKind::kSizeList:
      return "a list of sizes";
    case AttrKind::kStringList:
      return "a list of strings";
    case AttrKind::kScalar:
      return "a number";
    case AttrKind::kScalarList:
      return "a number or a list of numbers";
    case AttrKind::kDict:
      return "a dictionary";
  }
  return "";
}

}  // namespace

// ---- Numbers and strings ------------------------------------------------------------------------

bool Parser::AtNumber() const {
  switch (token().kind) {
    case Tok::kInt:
    case Tok::kFloat:
      return true;
    case Tok::kMinus: {
      Lexer ahead = lex_.Ahead();
      ahead.Next();
      return ahead.token().kind == Tok::kInt || ahead.token().kind == Tok::kFloat ||
             ahead.token().Is("inf");
    }
    case Tok::kIdent: {
      std::string_view word = token().text;
      return word == "inf" || word == "nan" || word == "bits" || word == "true" || word == "false";
    }
    default:
      return false;
  }
}

bool Parser::ParseNumber(Number* out) {
  using Kind = Number::Kind;
  Span span = token().span();
  out->negative = Accept(Tok::kMinus);
  out->span = token().span();
  if (out->negative) {
    // The sign is part of the number only where it stands right before it.
    out->span.length += out->span.column - span.column;
    out->span.column = span.column;
  }
  if (At(Tok::kInt)) {
    out->kind = Kind::kInt;
    return ParseInteger(&out->magnitude);
  }
  if (At(Tok::kFloat)) {
    out->kind = Kind::kFloat;
    out->text = token().text;
    lex_.Next();
    return true;
  }
  if (AcceptWord("inf")) {
    out->kind = Kind::kInfinity;
    return true;
  }
  if (!out->negative && (token().Is("true") || token().Is("false"))) {
    out->kind = Kind::kBool;
    out->magnitude = token().text == "true" ? 1 : 0;
    lex_.Next();
    return true;
  }
  if (!out->negative && AcceptWord("nan")) {
    out->kind = Kind::kNan;
    return true;
  }
  if (!out->negative && AcceptWord("bits")) {
    out->kind = Kind::kBits;
    return Expect(Tok::kLParen) && ParseInteger(&out->magnitude) && Expect(Tok::kRParen);
  }
  return FailExpected("a number");
}

bool Parser::ToScalar(const Number& number, DType dtype, Scalar* out) {
  StatusOr<Scalar> scalar = ScalarOf(number, dtype);
  if (!scalar.ok()) return Fail(scalar.status().id(), number.span, scalar.status().message());
  *out = *scalar;
  return true;
}

bool Parser::ParseString(std::string* out) {
  if (!At(Tok::kString)) return FailExpected("a string");
  size_t bad = 0;
  if (!Unescape(token().text, out, &bad)) {
    Span span = token().span();
    span.column += static_cast<int>(bad);
    span.length = 2;
    return Fail(ErrorId::E501, span,
                "the escapes of a string are \\\", \\\\, \\n, \\t and \\x with two hex digits");
  }
  lex_.Next();
  return true;
}

// ---- Values without a schema --------------------------------------------------------------------

bool Parser::ParseDict(AttrDict* out, ValueRules rules) {
  Nest nest(*this);
  if (!nest.ok() || !Expect(Tok::kLBrace)) return false;
  NameTable names;
  while (!At(Tok::kRBrace)) {
    if (!At(Tok::kIdent)) return FailExpected("a name or `}`");
    std::string_view name = token().text;
    if (names.Insert(name, 0).has_value()) {
      return Fail(ErrorId::E508, token().span(), Format("`{}` is written twice", name));
    }
    lex_.Next();
    AttrValue value;
    if (!Expect(Tok::kAssign) || !ParseValue(&value, rules)) return false;
    out->emplace_back(std::string(name), std::move(value));
    if (!Accept(Tok::kComma)) break;
  }
  if (!At(Tok::kRBrace)) return FailExpected("`,` or `}`");
  lex_.Next();
  return true;
}

bool Parser::ParseList(AttrList* out, ValueRules rules) {
  Nest nest(*this);
  if (!nest.ok() || !Expect(Tok::kLBracket)) return false;
  while (!At(Tok::kRBracket)) {
    if (!ParseValue(&out->emplace_back(), rules)) return false;
    if (!Accept(Tok::kComma)) break;
  }
  if (!At(Tok::kRBracket)) return FailExpected("`,` or `]`");
  lex_.Next();
  return true;
}

bool Parser::ParseValue(AttrValue* out, ValueRules rules) {
  switch (token().kind) {
    case Tok::kString: {
      std::string text;
      if (!ParseString(&text)) return false;
      *out = std::move(text);
      return true;
    }
    case Tok::kLBracket: {
      AttrList list;
      if (!ParseList(&list, rules)) return false;
      *out = std::move(list);
      return true;
    }
    case Tok::kLBrace: {
      AttrDict dict;
      if (!ParseDict(&dict, rules)) return false;
      *out = std::move(dict);
      return true;
    }
    case Tok::kValue: {
      if (!rules.values) {
        return Fail(ErrorId::E508, token().span(), "an attribute can't be a value");
      }
      ValueId value;
      if (!ParseUse(&value)) return false;
      *out = value;
      return true;
    }
    case Tok::kSym: {
      *out = FunctionRef{std::string(token().word())};
      lex_.Next();
      return true;
    }
    case Tok::kIdent:
      return ParseWordValue(out, rules);
    default:
      break;
  }
  Lexer ahead = lex_.Ahead();
  if (At(Tok::kMinus)) ahead.Next();
  if (ahead.token().kind == Tok::kFloat || ahead.token().Is("inf")) {
    Number number;
    Scalar scalar;
    if (!ParseNumber(&number) || !ToScalar(number, DType::kF64, &scalar)) return false;
    *out = scalar.ToDouble();
    return true;
  }
  SizeExpr expr;
  if (!ParseSizeExpr(&expr)) return false;
  *out = std::move(expr.expr);
  return true;
}

bool Parser::ParseWordValue(AttrValue* out, ValueRules rules) {
  const Token word = token();
  Lexer ahead = lex_.Ahead();
  ahead.Next();
  const Tok next = ahead.token().kind;
  const bool alone = next == Tok::kComma || next == Tok::kRParen || next == Tok::kRBracket ||
                     next == Tok::kRBrace || next == Tok::kNewline || next == Tok::kEnd;
  std::optional<DType> dtype = DTypeFromName(word.text);
  if (dtype.has_value() && next != Tok::kLBracket) {
    *out = *dtype;
    lex_.Next();
    return true;
  }
  if (dtype.has_value() || (word.text == "int" && next == Tok::kLess) ||
      (alone && (word.text == "float" || word.text == "flag" || word.text == "rng" ||
                 word.text == "token" || word.text == "none"))) {
    Type type;
    if (!ParseType(&type)) return false;
    *out = std::move(type);
    return true;
  }
  if (word.text == "inf" || word.text == "nan") {
    Number number;
    Scalar scalar;
    if (!ParseNumber(&number) || !ToScalar(number, DType::kF64, &scalar)) return false;
    *out = scalar.ToDouble();
    return true;
  }
  if (alone && (word.text == "true" || word.text == "false")) {
    *out = word.text == "true";
    lex_.Next();
    return true;
  }
  if (word.text == "bits") {
    // Its width is the dtype's, which only the op's record tells.
    Number number;
    if (!ParseNumber(&number)) return false;
    if (!rules.words) return Fail(ErrorId::E508, word.span(), "bits(...) needs a dtype");
    *out = Word{number.ToString()};
    return true;
  }
  if (alone && rules.words && !FindSymbol(word.text).valid() &&
      !(ParseDefinesAhead() && FindSymbol(word.text).valid())) {
    *out = Word{std::string(word.text)};
    lex_.Next();
    return true;
  }
  SizeExpr expr;
  if (!ParseSizeExpr(&expr)) return false;
  *out = std::move(expr.expr);
  return true;
}

// ---- Attributes by schema -----------------------------------------------------------------------

bool Parser::FailAttr(const AttrSpec& spec, std::string_view expected) {
  std::string_view found =
      token().text.empty() ? ir::NameOf(token().kind) : token().text.substr(0, 40);
  return Fail(ErrorId::E508, token().span(),
              Format("attribute `{}` is {}; found {}", spec.name, expected, found));
}

bool Parser::ParseAttr(const AttrSpec& spec, AttrValue* out) {
  bool ok = true;
  switch (spec.kind) {
    case AttrKind::kIntList:
      ok = ParseAttrList(spec, AttrKind::kInt, out);
      break;
    case AttrKind::kFloatList:
      ok = ParseAttrList(spec, AttrKind::kFloat, out);
      break;
    case AttrKind::kSizeList:
      ok = ParseAttrList(spec, AttrKind::kSize, out);
      break;
    case AttrKind::kStringList:
      ok = ParseAttrList(spec, AttrKind::kString, out);
      break;
    case AttrKind::kScalarList:
      ok = At(Tok::kLBracket) ? ParseAttrList(spec, AttrKind::kScalar, out)
                              : ParseScalarAttr(spec, out);
      break;
    case AttrKind::kScalar:
      ok = ParseScalarAttr(spec, out);
      break;
    case AttrKind::kDict: {
      if (!At(Tok::kLBrace)) return FailAttr(spec, NameOf(spec.kind));
      AttrDict dict;
      ok = ParseDict(&dict, {});
      *out = std::move(dict);
      break;
    }
    default:
      ok = ParseAttrElement(spec, spec.kind, out);
      break;
  }
  if (!ok) return false;
  if (IsDefault(spec, *out)) *out = AttrValue();
  return true;
}

bool Parser::ParseAttrList(const AttrSpec& spec, AttrKind element, AttrValue* out) {
  if (!At(Tok::kLBracket)) return FailAttr(spec, NameOf(spec.kind));
  lex_.Next();
  AttrList list;
  while (!At(Tok::kRBracket)) {
    if (!ParseAttrElement(spec, element, &list.emplace_back())) return false;
    if (!Accept(Tok::kComma)) break;
  }
  if (!At(Tok::kRBracket)) return FailExpected("`,` or `]`");
  lex_.Next();
  *out = std::move(list);
  return true;
}

bool Parser::ParseAttrElement(const AttrSpec& spec, AttrKind kind, AttrValue* out) {
  Span span = token().span();
  switch (kind) {
    case AttrKind::kFloat: {
      if (!AtNumber() || token().Is("true") || token().Is("false")) break;
      Number number;
      Scalar scalar;
      if (!ParseNumber(&number) || !ToScalar(number, DType::kF64, &scalar)) return false;
      *out = scalar.ToDouble();
      return true;
    }
    case AttrKind::kScalar:
      return ParseScalarAttr(spec, out);
    case AttrKind::kBool:
      if (!token().Is("true") && !token().Is("false")) break;
      *out = token().text == "true";
      lex_.Next();
      return true;
    case AttrKind::kString: {
      if (!At(Tok::kString)) break;
      std::string text;
      if (!ParseString(&text)) return false;
      *out = std::move(text);
      return true;
    }
    case AttrKind::kDType: {
      std::optional<DType> dtype;
      if (At(Tok::kIdent)) dtype = DTypeFromName(token().text);
      if (!dtype.has_value()) break;
      *out = *dtype;
      lex_.Next();
      return true;
    }
    default: {
      if (!At(Tok::kInt) && !At(Tok::kMinus) && !At(Tok::kIdent) && !At(Tok::kLParen)) break;
      SizeExpr size;
      if (!ParseSizeExpr(&size)) return false;
      bool fits = kind == AttrKind::kPredicate ? size.is_bool
                  : kind == AttrKind::kExpr    ? true
                  : kind == AttrKind::kInt     ? !size.is_bool && size.expr.is_const()
                                               : !size.is_bool;
      if (!fits) {
        return Fail(ErrorId::E508, span,
                    Format("attribute `{}` is {}", spec.name, NameOf(spec.kind)));
      }
      *out = std::move(size.expr);
      return true;
    }
  }
  return FailAttr(spec, NameOf(spec.kind));
}

bool Parser::ParseScalarAttr(const AttrSpec& spec, AttrValue* out) {
  if (!AtNumber()) return FailAttr(spec, NameOf(spec.kind));
  Number number;
  if (!ParseNumber(&number)) return false;
  const Type* type = results_.empty() ? nullptr : &function_->value(results_[0]).type;
  if (type == nullptr || !type->is_tensor()) {
    return Fail(ErrorId::E504, number.span,
                Format("attribute `{}` takes its dtype from the first result, which must be "
                       "written as a tensor",
                       spec.name));
  }
  Scalar scalar;
  if (!ToScalar(number, type->dtype(), &scalar)) return false;
  *out = scalar;
  return true;
}

}  // namespace gcomp::ir
