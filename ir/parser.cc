#include "ir/parser.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/format.h"
#include "base/fp_environment.h"

namespace gcomp::ir {

bool Parser::Nest::ok() const {
  if (parser_.depth_ <= parser_.options_.max_nesting) return true;
  return parser_.Fail(ErrorId::E802, parser_.token().span(),
                      Format("nested deeper than {} levels", parser_.options_.max_nesting));
}

Parser::Parser(std::string_view text, const OpRegistry& ops, Diagnostics& diagnostics,
               const ParseOptions& options)
    : text_(text),
      ops_(ops),
      diagnostics_(diagnostics),
      options_(options),
      lex_(text, &comments_),
      after_defines_(lex_) {}

bool Parser::Fail(ErrorId id, Span span, std::string message) {
  diagnostics_.Add(id, span, std::move(message));
  return false;
}

bool Parser::FailExpected(std::string_view what) {
  const Token& found = token();
  if (found.kind == Tok::kBad && found.text.starts_with('"')) {
    return Fail(ErrorId::E501, found.span(), "the string does not end on its line");
  }
  if (found.text.empty()) {
    return Fail(ErrorId::E501, found.span(),
                Format("expected {}, found {}", what, NameOf(found.kind)));
  }
  constexpr size_t kShown = 40;
  std::string_view shown = found.text.substr(0, kShown);
  return Fail(ErrorId::E501, found.span(),
              Format("expected {}, found `{}{}`", what, shown,
                     shown.size() < found.text.size() ? "..." : ""));
}

bool Parser::Expect(Tok kind) {
  return Accept(kind) || FailExpected(NameOf(kind));
}

bool Parser::ExpectLineEnd() {
  if (AtLineEnd()) return true;
  return FailExpected("the end of the line");
}

bool Parser::SkipLine() {
  lex_.SkipNewlines(false);
  bool opens_block = false;
  while (!AtLineEnd()) {
    opens_block = At(Tok::kLBrace);
    lex_.Next();
  }
  Accept(Tok::kNewline);
  return opens_block;
}

std::vector<std::string> Parser::TakeComments() {
  std::vector<std::string> comments(comments_.begin(), comments_.end());
  comments_.clear();
  return comments;
}

std::string Parser::TakeTrailingComment() {
  if (comments_.empty()) return {};
  // Those before the last one stood inside the line's brackets: they stay for the next line.
  std::string comment(comments_.back());
  comments_.pop_back();
  return comment;
}

bool Parser::OpenHeaderBracket(Tok kind) {
  if (!At(kind)) return FailExpected(NameOf(kind));
  lex_.SkipNewlines(true);
  lex_.Next();
  return true;
}

bool Parser::CloseHeaderBracket(Tok kind) {
  if (!At(kind)) return FailExpected(Format("`,` or {}", NameOf(kind)));
  lex_.SkipNewlines(false);
  lex_.Next();
  return true;
}

Module Parser::Run() {
  constexpr size_t kMaxText = std::numeric_limits<int>::max();  // columns and lengths are ints
  if (text_.size() > std::min(options_.max_bytes, kMaxText)) {
    Fail(ErrorId::E802, {1, 1, 1},
         Format("the text has {} bytes, the limit is {}", text_.size(),
                std::min(options_.max_bytes, kMaxText)));
    return std::move(module_);
  }
  module_.comments = TakeComments();
  ParseModuleLine();
  while (token().Is("file")) ParseFileLine();
  while (!At(Tok::kEnd)) ParseItem();
  module_.end_comments = TakeComments();
  return std::move(module_);
}

void Parser::ParseModuleLine() {
  if (!AcceptWord("gir")) {
    FailExpected("`gir 1 module @name`");
    // A text without its first line may still hold functions worth reading.
    if (!token().Is("func") && !token().Is("export") && !token().Is("global")) SkipLine();
    return;
  }
  Span at = token().span();
  uint64_t version = 0;
  if (!ParseInteger(&version)) {
    SkipLine();
    return;
  }
  if (version == 0 || version > static_cast<uint64_t>(Module::kFormatVersion)) {
    Fail(ErrorId::E509, at,
         Format("the text has format version {}, this build reads up to {}", version,
                Module::kFormatVersion));
  }
  bool ok = AcceptWord("module") || FailExpected("`module`");
  if (ok && (ok = At(Tok::kSym) || FailExpected("the module's name (@name)"))) {
    module_.name = token().word();
    lex_.Next();
    if (AcceptWord("attrs")) ok = ParseDict(&module_.attrs, {});
  }
  if (!ok || !ExpectLineEnd()) {
    SkipLine();
    return;
  }
  Accept(Tok::kNewline);
}

void Parser::ParseFileLine() {
  lex_.Next();
  SourceFile file;
  bool ok = At(Tok::kIdent) || FailExpected("a name for the file");
  if (ok) {
    file.word = token().text;
    lex_.Next();
    ok = Expect(Tok::kAssign) && ParseString(&file.path) && ExpectLineEnd();
  }
  if (!ok) {
    SkipLine();
    return;
  }
  Accept(Tok::kNewline);
  module_.files.push_back(std::move(file));
}

void Parser::ParseItem() {
  if (token().Is("global")) {
    if (!ParseGlobal()) SkipLine();
  } else if (token().Is("func") || token().Is("export")) {
    ParseFunction();
  } else {
    FailExpected("`func`, `export func` or `global`");
    if (SkipLine()) SkipBlock();
  }
}

bool Parser::ParseGlobal() {
  Global global;
  global.comments = TakeComments();
  lex_.Next();
  global.span = token().span();
  if (!At(Tok::kSym)) return FailExpected("the global's name (@name)");
  global.name = token().word();
  lex_.Next();
  if (!Expect(Tok::kColon) || !ParseType(&global.type)) return false;
  if (!ParseAnnotations(&global.annotations) || !Expect(Tok::kAssign)) return false;
  if (!ParseGlobalInit(global) || !ExpectLineEnd()) return false;
  for (std::string& comment : TakeComments()) global.comments.push_back(std::move(comment));
  Accept(Tok::kNewline);
  module_.items.push_back({false, module_.globals.size()});
  module_.globals.push_back(std::move(global));
  return true;
}

bool Parser::ParseGlobalInit(Global& global) {
  DType dtype = DType::kI64;
  switch (global.type.kind()) {
    case Type::Kind::kTensor:
      dtype = global.type.dtype();
      break;
    case Type::Kind::kInt:
      dtype = DType::kI64;
      break;
    case Type::Kind::kFloat:
      dtype = DType::kF64;
      break;
    case Type::Kind::kFlag:
      dtype = DType::kBool;
      break;
    case Type::Kind::kRng:
      dtype = DType::kU64;
      break;
    case Type::Kind::kToken:
    case Type::Kind::kNone:
      return Fail(ErrorId::E504, global.span,
                  Format("global @{}: a token has no initial value", global.name));
  }
  if (At(Tok::kString)) {
    std::string blob;
    if (!ParseString(&blob)) return false;
    global.init = std::move(blob);
    return true;
  }
  if (!At(Tok::kLBracket)) {
    if (!AtNumber()) return FailExpected("a number, a list of numbers or the name of a blob");
    Number number;
    Scalar scalar;
    if (!ParseNumber(&number) || !ToScalar(number, dtype, &scalar)) return false;
    global.init = scalar;
    return true;
  }
  lex_.Next();
  AttrList list;
  while (!At(Tok::kRBracket)) {
    Number number;
    Scalar scalar;
    if (!ParseNumber(&number) || !ToScalar(number, dtype, &scalar)) return false;
    list.emplace_back(scalar);
    if (!Accept(Tok::kComma)) break;
  }
  global.init = std::move(list);
  return Expect(Tok::kRBracket);
}

void Parser::ParseFunction() {
  std::vector<std::string> comments = TakeComments();
  bool exported = AcceptWord("export");
  Span span = token().span();
  std::string name;
  bool named = false;
  if (!AcceptWord("func")) {
    FailExpected("`func`");
  } else {
    span = token().span();
    named = At(Tok::kSym) || FailExpected("the function's name (@name)");
    if (named) {
      name = token().word();
      lex_.Next();
    }
  }
  Function& function = module_.AddFunction(std::move(name));
  function.exported = exported;
  function.span = span;
  function_ = &function;
  num_scopes_ = 0;
  symbol_pending_.clear();
  EnterScope();
  in_header_ = true;
  defines_read_ = false;
  line_defines_.clear();
  header_broken_ = !named || !ParseFunctionHeader(function);
  in_header_ = false;
  bool has_block = !header_broken_ || RecoverHeader();
  function.comments = std::move(comments);
  for (std::string& comment : TakeComments()) function.comments.push_back(std::move(comment));
  if (has_block) {
    ReserveBody(function);
    ParseBlock(function.body);
  }
  LeaveScope();
  function_ = nullptr;
}

bool Parser::ParseFunctionHeader(Function& function) {
  if (At(Tok::kLess)) {
    if (!OpenHeaderBracket(Tok::kLess)) return false;
    do {
      SymId symbol;
      if (!ParseSymbolDeclaration(&symbol, true)) return false;
    } while (Accept(Tok::kComma));
    if (!CloseHeaderBracket(Tok::kGreater)) return false;
  }
  function.num_symbol_params = function.symbols.size();
  if (!ParseParams(function.body, false)) return false;
  if (!Expect(Tok::kArrow) || !OpenHeaderBracket(Tok::kLParen)) return false;
  while (!At(Tok::kRParen)) {
    Result result;
    if (!ParseType(&result.type) || !ParseAnnotations(&result.annotations)) return false;
    function.results.push_back(std::move(result));
    if (!Accept(Tok::kComma)) break;
  }
  if (!CloseHeaderBracket(Tok::kRParen)) return false;
  if (token().Is("defines")) {
    if (!ParseDefines(&function.defines)) return false;
  }
  symbol_pending_.resize(function.symbols.size());
  for (SymId symbol : function.defines) symbol_pending_[symbol.index()] = true;
  if (AcceptWord("effects") && !ParseEffects(function)) return false;
  if (AcceptWord("attrs") && !ParseDict(&function.attrs, {})) return false;
  return Expect(Tok::kLBrace) && ExpectLineEnd();
}

bool Parser::ParseEffects(Function& function) {
  if (!OpenHeaderBracket(Tok::kLBracket)) return false;
  do {
    if (!At(Tok::kIdent)) return FailExpected("an effect: rng, io, state or host");
    function.effects.emplace_back(token().text);
    lex_.Next();
  } while (Accept(Tok::kComma));
  return CloseHeaderBracket(Tok::kRBracket);
}

// Most lines are an op with one result: room for them spares moving the tables as they grow. Each
// part of the text is looked at once, and no more than kMaxReserved lines are believed.
void Parser::ReserveBody(Function& function) {
  constexpr size_t kMaxReserved = 1 << 15;
  std::string_view rest = lex_.rest();
  if (reserved_until_ != nullptr && rest.data() < reserved_until_) return;
  size_t lines = 0;
  size_t at = 0;
  while (lines < kMaxReserved) {
    at = rest.find('\n', at);
    if (at == std::string_view::npos || (at + 1 < rest.size() && rest[at + 1] == '}')) break;
    ++at;
    ++lines;
  }
  reserved_until_ = rest.data() + std::min(at, rest.size());
  function.ops.reserve(lines);
  function.values.reserve(function.values.size() + lines);
}

bool Parser::RecoverHeader() {
  lex_.SkipNewlines(false);
  bool line_start = false;
  while (!At(Tok::kEnd)) {
    if (line_start && (token().Is("func") || token().Is("export") || token().Is("global"))) {
      return false;
    }
    if (line_start && At(Tok::kRBrace)) {
      lex_.Next();
      return false;
    }
    bool brace = At(Tok::kLBrace);
    line_start = At(Tok::kNewline);
    lex_.Next();
    if (brace && AtLineEnd()) return true;
  }
  return false;
}

Module Parse(std::string_view text, const OpRegistry& ops, Diagnostics& diagnostics,
             const ParseOptions& options) {
  FpEnvironment environment;  // numbers of the text are rounded to nearest, whoever reads it
  return Parser(text, ops, diagnostics, options).Run();
}

}  // namespace gcomp::ir
