// Size expressions, types, size symbols and annotations.
#include <array>
#include <charconv>
#include <utility>

#include "base/format.h"
#include "ir/parser.h"
#include "ir/suggest.h"

namespace gcomp::ir {
namespace {

// Words that mean something in an expression or a type, and so can't name a size symbol.
constexpr std::string_view kReservedWords[] = {
    "and", "attrs", "bits", "defines", "false", "flag", "float",  "inf", "int",   "loc",  "max",
    "min", "mult",  "nan",  "none",    "not",   "or",   "return", "rng", "token", "true", "yield"};

bool IsReserved(std::string_view word) {
  for (std::string_view reserved : kReservedWords) {
    if (word == reserved) return true;
  }
  return DTypeFromName(word).has_value();
}

}  // namespace

// ---- Size expressions ---------------------------------------------------------------------------

bool Parser::ParseSize(Expr* out) {
  Span span = token().span();
  SizeExpr size;
  if (!ParseSizeExpr(&size)) return false;
  if (!RequireSizes(size, size, span)) return false;
  *out = std::move(size.expr);
  return true;
}

bool Parser::ParseSizeExpr(SizeExpr* out) {
  Span span = token().span();
  if (!ParseAnd(out)) return false;
  while (token().Is("or")) {
    lex_.Next();
    SizeExpr right;
    if (!ParseAnd(&right) || !RequirePredicates(*out, right, span)) return false;
    out->expr = Expr::Or(out->expr, right.expr);
  }
  return RequireSound(out->expr, span);
}

bool Parser::ParseAnd(SizeExpr* out) {
  Span span = token().span();
  if (!ParseNot(out)) return false;
  while (token().Is("and")) {
    lex_.Next();
    SizeExpr right;
    if (!ParseNot(&right) || !RequirePredicates(*out, right, span)) return false;
    out->expr = Expr::And(out->expr, right.expr);
  }
  return true;
}

bool Parser::ParseNot(SizeExpr* out) {
  if (!token().Is("not")) return ParseComparison(out);
  Span span = token().span();
  lex_.Next();
  if (!ParseComparison(out) || !RequirePredicates(*out, *out, span)) return false;
  out->expr = Expr::Not(out->expr);
  return true;
}

bool Parser::ParseComparison(SizeExpr* out) {
  Span span = token().span();
  if (!ParseSum(out)) return false;
  Tok kind = token().kind;
  switch (kind) {
    case Tok::kEqual:
    case Tok::kNotEqual:
    case Tok::kLess:
    case Tok::kLessEqual:
    case Tok::kGreater:
    case Tok::kGreaterEqual:
      break;
    default:
      return true;
  }
  lex_.Next();
  SizeExpr right;
  if (!ParseSum(&right) || !RequireSizes(*out, right, span)) return false;
  const Expr& a = out->expr;
  const Expr& b = right.expr;
  Expr result = kind == Tok::kEqual       ? Expr::Eq(a, b)
                : kind == Tok::kNotEqual  ? Expr::Ne(a, b)
                : kind == Tok::kLess      ? Expr::Lt(a, b)
                : kind == Tok::kLessEqual ? Expr::Le(a, b)
                : kind == Tok::kGreater   ? Expr::Lt(b, a)
                                          : Expr::Le(b, a);
  *out = {std::move(result), true};
  return true;
}

bool Parser::ParseSum(SizeExpr* out) {
  Span span = token().span();
  if (!ParseProduct(out)) return false;
  while (At(Tok::kPlus) || At(Tok::kMinus)) {
    bool plus = At(Tok::kPlus);
    lex_.Next();
    SizeExpr right;
    if (!ParseProduct(&right) || !RequireSizes(*out, right, span)) return false;
    out->expr = plus ? Expr::Add(out->expr, right.expr) : Expr::Sub(out->expr, right.expr);
  }
  return true;
}

bool Parser::ParseProduct(SizeExpr* out) {
  Span span = token().span();
  if (!ParseUnary(out)) return false;
  while (At(Tok::kStar) || At(Tok::kSlash) || At(Tok::kPercent)) {
    Tok kind = token().kind;
    lex_.Next();
    SizeExpr right;
    if (!ParseUnary(&right) || !RequireSizes(*out, right, span)) return false;
    const Expr& a = out->expr;
    const Expr& b = right.expr;
    out->expr = kind == Tok::kStar    ? Expr::Mul(a, b)
                : kind == Tok::kSlash ? Expr::FloorDiv(a, b)
                                      : Expr::Mod(a, b);
  }
  if (At(Tok::kValue)) {
    return Fail(ErrorId::E501, token().span(),
                Format("`{}` is a value; for the remainder write a space after `%`", token().text));
  }
  return true;
}

bool Parser::ParseUnary(SizeExpr* out) {
  if (!At(Tok::kMinus)) return ParseAtom(out);
  Span span = token().span();
  lex_.Next();
  if (At(Tok::kInt)) {
    // The least 64-bit integer has no positive counterpart.
    constexpr uint64_t kSignBit = uint64_t{1} << 63;
    uint64_t magnitude = 0;
    if (!ParseInteger(&magnitude)) return false;
    if (magnitude > kSignBit) {
      return Fail(ErrorId::E503, span, Format("-{} does not fit into 64 bits", magnitude));
    }
    *out = {Expr(static_cast<int64_t>(~magnitude + 1)), false};
    return true;
  }
  if (!ParseAtom(out) || !RequireSizes(*out, *out, span)) return false;
  out->expr = Expr::Sub(Expr(0), out->expr);
  return true;
}

bool Parser::ParseAtom(SizeExpr* out) {
  switch (token().kind) {
    case Tok::kInt: {
      Span span = token().span();
      uint64_t magnitude = 0;
      if (!ParseInteger(&magnitude)) return false;
      if (magnitude > static_cast<uint64_t>(INT64_MAX)) {
        return Fail(ErrorId::E503, span, Format("{} does not fit into 64 bits", magnitude));
      }
      *out = {Expr(static_cast<int64_t>(magnitude)), false};
      return true;
    }
    case Tok::kLParen: {
      Nest nest(*this);
      if (!nest.ok()) return false;
      lex_.Next();
      return ParseSizeExpr(out) && Expect(Tok::kRParen);
    }
    case Tok::kIdent:
      break;
    default:
      return FailExpected("a size: an integer, a symbol or an expression");
  }
  if (token().text == "true" || token().text == "false") {
    *out = {Expr(token().text == "true" ? 1 : 0), true};
    lex_.Next();
    return true;
  }
  if (token().text == "min" || token().text == "max") return ParseCall(out);
  return ParseSymbolUse(out);
}

bool Parser::ParseCall(SizeExpr* out) {
  Nest nest(*this);
  if (!nest.ok()) return false;
  bool is_min = token().text == "min";
  lex_.Next();
  if (!Expect(Tok::kLParen) || !ParseSize(&out->expr)) return false;
  out->is_bool = false;
  while (Accept(Tok::kComma)) {
    Expr next;
    if (!ParseSize(&next)) return false;
    out->expr = is_min ? Expr::Min(out->expr, next) : Expr::Max(out->expr, next);
  }
  return Expect(Tok::kRParen);
}

bool Parser::ParseSymbolUse(SizeExpr* out) {
  std::string_view name = token().text;
  Span span = token().span();
  SymId symbol = FindSymbol(name);
  if (!symbol.valid() && ParseDefinesAhead()) symbol = FindSymbol(name);
  if (symbol.valid()) {
    *out = {Expr::Symbol(symbol), false};
    lex_.Next();
    return true;
  }
  if (IsReserved(name)) return FailExpected("a size");
  if (function_ == nullptr) {
    return Fail(ErrorId::E503, span,
                Format("size symbol `{}` can't stand outside a function", name));
  }
  if (!header_broken_) {
    Suggestion suggestion(name);
    for (size_t i = 0; i < num_scopes_ && !diagnostics_.full(); ++i) {
      scopes_[i]->symbols.ForEachName([&](std::string_view known) { suggestion.Consider(known); });
    }
    Fail(ErrorId::E503, span,
         Format("size symbol `{}` is not declared{}", name, suggestion.Text()));
  }
  // Declared from here on, so that it is reported once.
  SymId placeholder = DeclareSymbol(name, span);
  *out = {Expr::Symbol(placeholder), false};
  lex_.Next();
  return true;
}

bool Parser::RequireSizes(const SizeExpr& a, const SizeExpr& b, Span span) {
  if (!a.is_bool && !b.is_bool) return true;
  return Fail(ErrorId::E503, span, "a size is needed here, this is a predicate");
}

bool Parser::RequirePredicates(const SizeExpr& a, const SizeExpr& b, Span span) {
  if (a.is_bool && b.is_bool) return true;
  return Fail(ErrorId::E503, span, "a predicate is needed here, this is a size");
}

bool Parser::RequireSound(const Expr& expr, Span span) {
  if (!expr.is_poison()) return true;
  return Fail(ErrorId::E503, span,
              "the expression overflows 64 bits, divides by zero, or is too large");
}

bool Parser::ParseInteger(uint64_t* out) {
  if (!At(Tok::kInt)) return FailExpected("an integer");
  std::string_view digits = token().text;
  int base = 10;
  if (digits.size() > 1 && (digits[1] == 'x' || digits[1] == 'X')) {
    digits.remove_prefix(2);
    base = 16;
  }
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *out, base);
  if (error != std::errc()) {
    return Fail(ErrorId::E503, token().span(), "the integer does not fit into 64 bits");
  }
  lex_.Next();
  return true;
}

bool Parser::ParsePositive(int64_t* out, std::string_view what) {
  Span span = token().span();
  uint64_t value = 0;
  if (!ParseInteger(&value)) return false;
  if (value == 0 || value > static_cast<uint64_t>(INT64_MAX)) {
    return Fail(ErrorId::E503, span, Format("{} must be a positive 64-bit integer", what));
  }
  *out = static_cast<int64_t>(value);
  return true;
}

// ---- Types --------------------------------------------------------------------------------------

bool Parser::ParseType(Type* out, bool binds_symbols) {
  if (!At(Tok::kIdent)) return FailExpected("a type");
  std::string_view name = token().text;
  if (std::optional<DType> dtype = DTypeFromName(name)) {
    lex_.Next();
    return ParseTensorType(*dtype, out);
  }
  if (name == "int") {
    lex_.Next();
    return ParseIntType(out, binds_symbols);
  }

  struct Plain {
    std::string_view name;
    Type::Kind kind;
  };

  static constexpr Plain kPlain[] = {{"float", Type::Kind::kFloat},
                                     {"flag", Type::Kind::kFlag},
                                     {"rng", Type::Kind::kRng},
                                     {"token", Type::Kind::kToken},
                                     {"none", Type::Kind::kNone}};
  for (const Plain& plain : kPlain) {
    if (name != plain.name) continue;
    *out = Type::Of(plain.kind);
    lex_.Next();
    return true;
  }
  Suggestion suggestion(name);
  for (int i = 0; i < kNumDTypes && !diagnostics_.full(); ++i) {
    suggestion.Consider(NameOf(static_cast<DType>(i)));
  }
  return Fail(ErrorId::E501, token().span(), Format("`{}` is no type{}", name, suggestion.Text()));
}

bool Parser::ParseTensorType(DType dtype, Type* out) {
  if (!At(Tok::kLBracket)) return FailExpected("`[` and the sizes of the tensor");
  lex_.Next();
  Dims dims;
  while (!At(Tok::kRBracket)) {
    Span span = token().span();
    Expr dim;
    if (!ParseSize(&dim)) return false;
    if (dim.is_const() && dim.value() < 0) {
      return Fail(ErrorId::E503, span, Format("size {} is negative", dim.value()));
    }
    dims.push_back(std::move(dim));
    if (!Accept(Tok::kComma)) break;
  }
  if (!At(Tok::kRBracket)) return FailExpected("`,` or `]`");
  lex_.Next();
  Layout layout;
  Device device;
  if (At(Tok::kLBrace) && !ParseLayout(dims.size(), &layout)) return false;
  if (At(Tok::kSym) && !ParseDevice(&device)) return false;
  *out = Type::Tensor(dtype, std::move(dims), std::move(layout), std::move(device));
  return true;
}

bool Parser::ParseIntType(Type* out, bool binds_symbols) {
  if (!Expect(Tok::kLess)) return false;
  Span span = token().span();
  if (binds_symbols && At(Tok::kIdent) && !IsReserved(token().text) &&
      !FindSymbol(token().text).valid()) {
    Lexer ahead = lex_.Ahead();
    ahead.Next();
    if (ahead.token().kind == Tok::kGreater) {
      std::string_view name = token().text;
      DeclareSymbol(name, span);
    }
  }
  SizeExpr value;
  if (!ParseSum(&value) || !RequireSizes(value, value, span)) return false;
  if (!RequireSound(value.expr, span) || !Expect(Tok::kGreater)) return false;
  *out = Type::Int(std::move(value.expr));
  return true;
}

bool Parser::ParseLayout(size_t rank, Layout* out) {
  Span span = token().span();
  lex_.Next();
  if (Accept(Tok::kQuestion)) {
    out->kind = Layout::Kind::kUnknown;
    return Expect(Tok::kRBrace);
  }
  if (AcceptWord("packed")) {
    out->kind = Layout::Kind::kPacked;
    return ParseString(&out->packed) && Expect(Tok::kRBrace);
  }
  out->kind = Layout::Kind::kStrided;
  while (!At(Tok::kSemicolon) && !At(Tok::kRBrace)) {
    Expr stride;
    if (!ParseSize(&stride)) return false;
    out->strides.push_back(std::move(stride));
    if (!Accept(Tok::kComma)) break;
  }
  if (Accept(Tok::kSemicolon)) {
    if (!AcceptWord("offset")) return FailExpected("`offset`");
    if (!ParseSize(&out->offset)) return false;
  }
  if (!Expect(Tok::kRBrace)) return false;
  if (out->strides.size() == rank) return true;
  return Fail(
      ErrorId::E504, span,
      Format("the layout has {} strides, the tensor has rank {}", out->strides.size(), rank));
}

bool Parser::ParseDevice(Device* out) {
  out->name = token().word();
  lex_.Next();
  if (!Accept(Tok::kColon)) return true;
  Span span = token().span();
  uint64_t index = 0;
  if (!ParseInteger(&index)) return false;
  constexpr uint64_t kMaxIndex = 1 << 16;
  if (index > kMaxIndex) {
    return Fail(ErrorId::E501, span, Format("device index {} is above {}", index, kMaxIndex));
  }
  out->index = static_cast<int>(index);
  return true;
}

// ---- Annotations --------------------------------------------------------------------------------

bool Parser::ParseAnnotations(Annotations* out) {
  while (At(Tok::kIdent)) {
    std::string_view name = token().text;
    Span span = token().span();
    bool twice = false;
    if (name == "mut") {
      twice = std::exchange(out->mut, true);
      lex_.Next();
    } else if (name == "donate") {
      twice = std::exchange(out->donate, true);
      lex_.Next();
    } else if (name == "noalias") {
      twice = std::exchange(out->noalias, true);
      lex_.Next();
    } else if (name == "alias" || name == "into") {
      ValueId& target = name == "alias" ? out->alias : out->into;
      twice = target.valid();
      if (!ParseAnnotatedValue(&target, name)) return false;
    } else if (name == "weight") {
      twice = out->weight.has_value();
      lex_.Next();
      std::string weight;
      if (!Expect(Tok::kLParen) || !ParseString(&weight) || !Expect(Tok::kRParen)) return false;
      out->weight = std::move(weight);
    } else {
      return true;
    }
    if (twice) return Fail(ErrorId::E507, span, Format("`{}` is written twice", name));
  }
  return true;
}

bool Parser::ParseAnnotatedValue(ValueId* out, std::string_view annotation) {
  lex_.Next();
  if (!Expect(Tok::kLParen)) return false;
  if (!At(Tok::kValue)) return FailExpected(NameOf(Tok::kValue));
  if (function_ == nullptr) {
    return Fail(ErrorId::E507, token().span(),
                Format("`{}` can't stand outside a function", annotation));
  }
  if (std::optional<uint32_t> id = scope().values.Find(token().word())) {
    *out = ValueId(*id);
  } else {
    *out = Placeholder();
    if (!header_broken_) {
      Fail(ErrorId::E507, token().span(),
           Format("`{}` must name a parameter or an earlier value; `{}` is neither", annotation,
                  token().text));
    }
  }
  lex_.Next();
  return Expect(Tok::kRParen);
}

// ---- Symbols ------------------------------------------------------------------------------------

SymId Parser::FindSymbol(std::string_view name) const {
  for (size_t i = num_scopes_; i-- > 0;) {
    if (std::optional<uint32_t> id = scopes_[i]->symbols.Find(name)) return SymId(*id);
  }
  return SymId();
}

SymId Parser::DeclareSymbol(std::string_view name, Span span) {
  Symbol symbol;
  symbol.name = name;
  symbol.span = span;
  SymId id = function_->AddSymbol(std::move(symbol));
  scope().symbols.Insert(name, id.index());
  return id;
}

bool Parser::ParseSymbolRange(Symbol* symbol) {
  if (AcceptWord("in")) {
    symbol->range_written = true;
    if (!Expect(Tok::kLBracket) || !ParseSize(&symbol->low) || !Expect(Tok::kComma)) return false;
    if (!AcceptWord("inf")) {
      Expr high;
      if (!ParseSize(&high)) return false;
      symbol->high = std::move(high);
    }
    if (!Expect(Tok::kRBracket)) return false;
  }
  return !AcceptWord("mult") || ParsePositive(&symbol->multiple, "the divisor after `mult`");
}

bool Parser::ParseSymbolDeclaration(SymId* out, bool is_function_parameter) {
  if (!At(Tok::kIdent)) return FailExpected("a size symbol");
  std::string_view name = token().text;
  Span span = token().span();
  if (IsReserved(name)) {
    return Fail(ErrorId::E503, span, Format("`{}` is a reserved word, no size symbol", name));
  }
  lex_.Next();
  Symbol symbol;
  symbol.name = name;
  symbol.span = span;
  if (!ParseSymbolRange(&symbol)) return false;
  SymId known = FindSymbol(name);
  if (!known.valid()) {
    *out = function_->AddSymbol(std::move(symbol));
    scope().symbols.Insert(name, out->index());
    return true;
  }
  // What the signature says to define, one op of the body defines.
  *out = known;
  bool pending = !is_function_parameter && !in_header_ && num_scopes_ == 1 &&
                 known.index() < symbol_pending_.size() && symbol_pending_[known.index()];
  if (!pending) {
    if (header_broken_) return true;
    return Fail(ErrorId::E503, span, Format("size symbol `{}` is declared twice", name));
  }
  symbol_pending_[known.index()] = false;
  const Symbol& signature = function_->symbols[known.index()];
  bool same = symbol.low == signature.low && symbol.high == signature.high &&
              symbol.multiple == signature.multiple;
  if (same || (!symbol.range_written && symbol.multiple == 1)) return true;
  return Fail(ErrorId::E503, span,
              Format("size symbol `{}` has another range here than on the signature", name));
}

bool Parser::ParseDefines(std::vector<SymId>* out) {
  if (!line_defines_.empty()) {
    // Read ahead already, for a use before it.
    *out = std::move(line_defines_);
    line_defines_.clear();
    while (!AtLineEnd() && (token().line != after_defines_.token().line ||
                            token().column != after_defines_.token().column)) {
      lex_.Next();
    }
    return true;
  }
  defines_read_ = true;
  lex_.Next();
  do {
    SymId symbol;
    if (!ParseSymbolDeclaration(&symbol, false)) return false;
    out->push_back(symbol);
  } while (Accept(Tok::kComma));
  return true;
}

bool Parser::ParseDefinesAhead() {
  if (defines_read_ || function_ == nullptr) return false;
  defines_read_ = true;
  Lexer ahead = lex_.Ahead();
  ahead.SkipNewlines(false);
  bool brace = false;
  while (!ahead.token().Is("defines")) {
    const Token& at = ahead.token();
    if (at.kind == Tok::kEnd || (at.kind == Tok::kNewline && (!in_header_ || brace))) return false;
    if (at.Is("func") || at.Is("export") || at.Is("global")) return false;
    brace = at.kind == Tok::kLBrace;
    ahead.Next();
  }
  std::swap(lex_, ahead);
  std::vector<SymId> defines;
  bool ok = ParseDefines(&defines);
  line_defines_ = std::move(defines);
  std::swap(lex_, ahead);
  after_defines_ = ahead;
  return ok;
}

}  // namespace gcomp::ir
