// Blocks, ops and regions.
#include <limits>
#include <utility>

#include "base/format.h"
#include "ir/parser.h"
#include "ir/suggest.h"

namespace gcomp::ir {

// ---- Scopes -------------------------------------------------------------------------------------

void Parser::EnterScope() {
  if (num_scopes_ == scopes_.size()) scopes_.push_back(std::make_unique<Scope>());
  Scope& scope = *scopes_[num_scopes_++];
  scope.values.Clear();
  scope.symbols.Clear();
}

void Parser::Define(ValueId id, std::string_view name) {
  std::optional<uint32_t> known = scope().values.Insert(name, id.index());
  if (!known.has_value()) return;
  const Span& first = function_->values[*known].span;
  if (first.line == 0) return;  // a placeholder: its absence is reported
  Fail(ErrorId::E502, function_->value(id).span,
       Format("`%{}` is defined twice, first at {}:{}", name, first.line, first.column));
}

ValueId Parser::Placeholder() {
  return function_->AddValue(Value());
}

bool Parser::ParseUse(ValueId* out) {
  if (!At(Tok::kValue)) return FailExpected(NameOf(Tok::kValue));
  std::string_view name = token().word();
  if (std::optional<uint32_t> id = scope().values.Find(name)) {
    *out = ValueId(*id);
    lex_.Next();
    return true;
  }
  if (!header_broken_ && !diagnostics_.full()) {
    Suggestion suggestion(name);
    scope().values.ForEachName([&](std::string_view known) { suggestion.Consider(known); });
    std::string_view why = "";
    for (size_t i = 0; i + 1 < num_scopes_; ++i) {
      if (scopes_[i]->values.Find(name).has_value()) {
        why = ": a region sees only its own parameters, pass it as an operand";
      }
    }
    Fail(ErrorId::E502, token().span(),
         Format("`%{}` is not defined here{}{}", name, why,
                why.empty() ? suggestion.Text("%") : std::string()));
  } else if (!header_broken_) {
    Fail(ErrorId::E502, token().span(), {});
  }
  *out = Placeholder();
  scope().values.Insert(name, out->index());
  lex_.Next();
  return true;
}

bool Parser::ParseParams(BlockId block, bool binds_symbols) {
  if (!OpenHeaderBracket(Tok::kLParen)) return false;
  uint32_t index = 0;
  while (!At(Tok::kRParen)) {
    if (!At(Tok::kValue)) return FailExpected("a parameter (%name) or `)`");
    Value value;
    value.kind = Value::Kind::kParam;
    value.block = block;
    value.index = index++;
    std::string_view name = token().word();
    value.name = name;
    value.span = token().span();
    lex_.Next();
    if (!Expect(Tok::kColon) || !ParseType(&value.type, binds_symbols)) return false;
    if (!ParseAnnotations(&value.annotations)) return false;
    ValueId id = function_->AddValue(std::move(value));
    function_->block(block).params.push_back(id);
    Define(id, name);
    if (!Accept(Tok::kComma)) break;
  }
  return CloseHeaderBracket(Tok::kRParen);
}

// ---- Blocks -------------------------------------------------------------------------------------

void Parser::SkipBlock() {
  size_t open = 1;
  while (open > 0 && !At(Tok::kEnd)) {
    if (At(Tok::kLBrace)) ++open;
    if (At(Tok::kRBrace)) --open;
    lex_.Next();
  }
  if (!AtLineEnd()) SkipLine();
  Accept(Tok::kNewline);
}

void Parser::ParseBlock(BlockId block) {
  Accept(Tok::kNewline);
  bool terminated = false;
  while (!At(Tok::kRBrace)) {
    if (At(Tok::kEnd)) {
      FailExpected("`}`");
      return;
    }
    bool is_terminator = token().Is("return") || token().Is("yield");
    if (terminated) {
      Fail(ErrorId::E501, token().span(), "nothing may follow the end of a block but `}`");
      if (SkipLine()) SkipBlock();
      continue;
    }
    if (is_terminator) {
      ParseTerminator(block);
      terminated = true;
    } else if (AtRegion()) {
      Fail(ErrorId::E505, token().span(), "a region without an op before it");
      ParseRegion(OpId());
    } else {
      ParseOp(block);
    }
  }
  if (!terminated) {
    Fail(ErrorId::E501, token().span(),
         Format("the block ends without `{}`", num_scopes_ == 1 ? "return" : "yield"));
  }
  Block& ended = function_->block(block);
  ended.end_comments = TakeComments();
  lex_.Next();
  if (!ExpectLineEnd()) SkipLine();
  Accept(Tok::kNewline);
}

void Parser::ParseTerminator(BlockId block) {
  function_->block(block).comments = TakeComments();
  function_->block(block).terminator_span = token().span();
  defines_read_ = true;
  if (!ParseTerminatorLine(block) || !ExpectLineEnd()) {
    SkipLine();
    return;
  }
  function_->block(block).trailing_comment = TakeTrailingComment();
  Accept(Tok::kNewline);
}

bool Parser::ParseTerminatorLine(BlockId block) {
  const std::string_view right = num_scopes_ == 1 ? "return" : "yield";
  if (token().text != right) {
    Fail(ErrorId::E505, token().span(),
         Format("{} ends with `{}`, found `{}`",
                num_scopes_ == 1 ? "a function's body" : "a region", right, token().text));
  }
  lex_.Next();
  if (At(Tok::kValue)) {
    do {
      ValueId value;
      if (!ParseUse(&value)) return false;
      function_->block(block).yields.push_back(value);
    } while (Accept(Tok::kComma));
  }
  return !token().Is("loc") || ParsePlaces(&function_->block(block).places);
}

bool Parser::ParsePlaces(std::vector<SourcePlace>* out) {
  lex_.Next();
  if (!Expect(Tok::kLParen)) return false;
  do {
    SourcePlace place;
    if (!At(Tok::kIdent)) return FailExpected("a word of the file table");
    place.file = token().text;
    lex_.Next();
    if (!Expect(Tok::kColon) || !ParsePositive(&place.line, "a line")) return false;
    if (!Expect(Tok::kColon) || !ParsePositive(&place.column, "a column")) return false;
    out->push_back(std::move(place));
  } while (Accept(Tok::kComma));
  return Expect(Tok::kRParen);
}

// ---- Regions ------------------------------------------------------------------------------------

bool Parser::AtRegion() const {
  if (!At(Tok::kIdent)) return false;
  Lexer ahead = lex_.Ahead();
  ahead.Next();
  if (ahead.token().kind != Tok::kLParen) return false;
  ahead.SkipNewlines(true);
  ahead.Next();
  if (ahead.token().kind == Tok::kRParen) {
    ahead.Next();
    return ahead.token().kind == Tok::kLBrace;
  }
  if (ahead.token().kind != Tok::kValue) return false;
  ahead.Next();
  return ahead.token().kind == Tok::kColon;
}

void Parser::ParseRegion(OpId parent) {
  Nest nest(*this);
  Block block;
  block.label = token().text;
  block.parent = parent;
  block.span = token().span();
  defines_read_ = true;  // a region's header has no `defines` to look for
  if (!nest.ok()) {
    if (SkipLine()) SkipBlock();
    return;
  }
  lex_.Next();
  BlockId id = function_->AddBlock(std::move(block));
  if (parent.valid()) function_->op(parent).regions.push_back(id);
  EnterScope();
  bool ok = ParseParams(id, true) && Expect(Tok::kLBrace) && ExpectLineEnd();
  bool header_broken = header_broken_;
  if (!ok) header_broken_ = true;
  if (ok || SkipLine()) ParseBlock(id);
  header_broken_ = header_broken;
  LeaveScope();
}

// ---- Ops ----------------------------------------------------------------------------------------

const OpDef* Parser::FindOp(const Token& name) {
  if (std::optional<uint32_t> known = op_names_.Find(name.text)) return op_defs_[*known];
  const OpDef* def = ops_.Find(name.text);
  if (def == nullptr) def = AddUnknownOp(name.text);
  op_names_.Insert(name.text, static_cast<uint32_t>(op_defs_.size()));
  op_defs_.push_back(def);
  return def;
}

// Each name comes here once, so that there is no search among the records. The doc of the record
// ends Verify's message.
const OpDef* Parser::AddUnknownOp(std::string_view name) {
  constexpr size_t kMaxSuggested = 100;  // a bound on the time for hostile texts
  auto def = std::make_unique<OpDef>();
  def->name = module_.unknown_names.emplace_back(name);
  def->num_results = -1;
  if (module_.unknown_ops.size() < kMaxSuggested) {
    Suggestion suggestion(name);
    for (const OpDef* known : ops_.ops()) suggestion.Consider(known->name);
    def->doc = module_.unknown_names.emplace_back(suggestion.Text());
  }
  module_.unknown_ops.push_back(std::move(def));
  return module_.unknown_ops.back().get();
}

void Parser::ParseOp(BlockId block) {
  Op op;
  op.comments = TakeComments();
  op.span = token().span();
  defines_read_ = false;
  line_defines_.clear();
  results_.clear();
  result_names_.clear();
  bool ok = ParseOpLine(op);
  if (ok) ok = ExpectLineEnd();
  for (size_t i = 0; i < results_.size(); ++i) Define(results_[i], result_names_[i]);
  OpId id;
  if (ok) {
    op.trailing_comment = TakeTrailingComment();
    Accept(Tok::kNewline);
    op.results = results_;
    id = function_->AddOp(std::move(op));
    function_->block(block).ops.push_back(id);
  } else if (SkipLine()) {
    SkipBlock();
  }
  while (AtRegion()) ParseRegion(id);
}

bool Parser::ParseResults() {
  do {
    if (!At(Tok::kValue)) return FailExpected("a result (%name)");
    Value value;
    value.kind = Value::Kind::kResult;
    value.span = token().span();
    std::string_view name = token().word();
    value.name = name;
    lex_.Next();
    bool ok = Expect(Tok::kColon) && ParseType(&value.type) && ParseAnnotations(&value.annotations);
    // Known by name whatever comes after, so that its uses are no errors.
    results_.push_back(function_->AddValue(std::move(value)));
    result_names_.push_back(name);
    if (!ok) return false;
  } while (Accept(Tok::kComma));
  return Expect(Tok::kAssign);
}

bool Parser::ParseOpLine(Op& op) {
  if (At(Tok::kValue) && !ParseResults()) return false;
  if (!At(Tok::kIdent)) return FailExpected("an op");
  op.span = token().span();
  const Token name = token();
  op.def = FindOp(name);
  lex_.Next();
  if (At(Tok::kSym) && !ParseCallee(op)) return false;
  if (!At(Tok::kLParen)) return FailExpected("`(`");
  lex_.Next();
  op.results = results_;
  if (!(op.def->known() ? ParseKnownArgs(op) : ParseUnknownArgs(op))) return false;
  if (AcceptWord("attrs") && !ParseDict(&op.extra_attrs, {.words = !op.def->known()})) return false;
  if (token().Is("defines") && !ParseDefines(&op.defines)) return false;
  return !token().Is("loc") || ParsePlaces(&op.places);
}

bool Parser::ParseCallee(Op& op) {
  op.callee = token().word();
  lex_.Next();
  if (!Accept(Tok::kLess)) return true;
  do {
    Span span = token().span();
    SizeExpr size;
    if (!ParseSum(&size) || !RequireSizes(size, size, span)) return false;
    if (!RequireSound(size.expr, span)) return false;
    op.callee_sizes.push_back(std::move(size.expr));
  } while (Accept(Tok::kComma));
  if (!At(Tok::kGreater)) return FailExpected("`,` or `>`");
  lex_.Next();
  return true;
}

bool Parser::ParseUnknownArgs(Op& op) {
  op.group_begin = {0};
  while (!At(Tok::kRParen)) {
    std::string name;
    if (At(Tok::kIdent)) {
      Lexer ahead = lex_.Ahead();
      ahead.Next();
      if (ahead.token().kind == Tok::kAssign) {
        name = token().text;
        lex_.Next();
        lex_.Next();
      }
    }
    AttrValue value;
    if (!ParseValue(&value, {.words = true, .values = true})) return false;
    op.unknown_args.emplace_back(std::move(name), std::move(value));
    if (!Accept(Tok::kComma)) break;
  }
  if (!At(Tok::kRParen)) return FailExpected("`,` or `)`");
  lex_.Next();
  return true;
}

bool Parser::ParseKnownArgs(Op& op) {
  const OpDef& def = *op.def;
  Span span = op.span;
  operands_.clear();
  next_positional_ = 0;
  op.attrs.resize(def.attrs.size());
  attr_written_.assign(def.attrs.size(), false);
  group_written_.assign(def.operands.size(), false);
  bool named = false;
  while (!At(Tok::kRParen)) {
    bool is_named = false;
    if (At(Tok::kIdent)) {
      Lexer ahead = lex_.Ahead();
      ahead.Next();
      is_named = ahead.token().kind == Tok::kAssign;
    }
    if (is_named) {
      named = true;
      if (!ParseNamedArg(op)) return false;
    } else if (named) {
      return FailExpected("`name = value`: named arguments come last");
    } else if (!ParsePositionalArg(op)) {
      return false;
    }
    if (!Accept(Tok::kComma)) break;
  }
  if (!At(Tok::kRParen)) return FailExpected("`,` or `)`");
  lex_.Next();
  return CheckAttrs(op, span) && PlaceOperands(op);
}

bool Parser::ParseNamedArg(Op& op) {
  const OpDef& def = *op.def;
  const Token name = token();
  lex_.Next();
  lex_.Next();
  for (size_t g = 0; g < def.operands.size(); ++g) {
    if (def.operands[g].name != name.text) continue;
    OperandKind kind = def.operands[g].kind;
    if (kind == OperandKind::kRequired || kind == OperandKind::kVariadic) break;
    if (group_written_[g]) {
      return Fail(ErrorId::E508, name.span(), Format("`{}` is written twice", name.text));
    }
    group_written_[g] = true;
    return kind == OperandKind::kOptional ? ParseOperand(g) : ParseOperandList(g);
  }
  for (size_t i = 0; i < def.attrs.size(); ++i) {
    if (def.attrs[i].name != name.text) continue;
    if (attr_written_[i]) {
      return Fail(ErrorId::E508, name.span(), Format("`{}` is written twice", name.text));
    }
    attr_written_[i] = true;
    return ParseAttr(def.attrs[i], &op.attrs[i]);
  }
  Suggestion suggestion(name.text);
  for (const OperandSpec& spec : def.operands) {
    if (spec.name == name.text) {
      return Fail(
          ErrorId::E508, name.span(),
          Format("{}: operand `{}` is written by position, without its name", def.name, name.text));
    }
    suggestion.Consider(spec.name);
  }
  for (const AttrSpec& spec : def.attrs) suggestion.Consider(spec.name);
  return Fail(ErrorId::E508, name.span(),
              Format("{} has no attribute or optional operand `{}`{}", def.name, name.text,
                     suggestion.Text()));
}

// A %value goes to the next operand by position. Anything else is a literal operand while required
// operands are missing, then the next attribute that may stand without its name.
bool Parser::ParsePositionalArg(Op& op) {
  const OpDef& def = *op.def;
  while (next_positional_ < def.operands.size() &&
         (def.operands[next_positional_].kind == OperandKind::kOptional ||
          def.operands[next_positional_].kind == OperandKind::kNamedGroup)) {
    ++next_positional_;
  }
  const bool has_operand = next_positional_ < def.operands.size();
  const bool variadic =
      has_operand && def.operands[next_positional_].kind == OperandKind::kVariadic;
  if (!At(Tok::kValue) && (!has_operand || variadic)) {
    for (size_t i = 0; i < def.attrs.size(); ++i) {
      if (!def.attrs[i].positional || attr_written_[i]) continue;
      attr_written_[i] = true;
      return ParseAttr(def.attrs[i], &op.attrs[i]);
    }
  }
  if (!has_operand) {
    size_t required = 0;
    for (const OperandSpec& spec : def.operands) {
      if (spec.kind == OperandKind::kRequired) ++required;
    }
    return Fail(ErrorId::E504, token().span(),
                Format("{} takes {} operand{} by position, here is one more", def.name, required,
                       required == 1 ? "" : "s"));
  }
  size_t group = next_positional_;
  if (!variadic) ++next_positional_;
  return ParseOperand(group);
}

bool Parser::ParseOperand(size_t group) {
  OperandText operand;
  operand.group = group;
  if (At(Tok::kValue)) {
    if (!ParseUse(&operand.value)) return false;
  } else if (!AtNumber()) {
    return FailExpected("an operand: a value (%name) or a number");
  } else if (!ParseNumber(&operand.literal)) {
    return false;
  }
  operands_.push_back(operand);
  return true;
}

bool Parser::ParseOperandList(size_t group) {
  if (!At(Tok::kLBracket)) return FailExpected("`[` and a list of operands");
  lex_.Next();
  while (!At(Tok::kRBracket)) {
    if (!ParseOperand(group)) return false;
    if (!Accept(Tok::kComma)) break;
  }
  if (!At(Tok::kRBracket)) return FailExpected("`,` or `]`");
  lex_.Next();
  return true;
}

// Orders the operands by group and gives literals their dtype.
bool Parser::PlaceOperands(Op& op) {
  const size_t num_groups = op.def->operands.size();
  if (operands_.size() > std::numeric_limits<uint16_t>::max()) {
    return Fail(ErrorId::E802, op.span,
                Format("{} operands; the limit is {}", operands_.size(),
                       std::numeric_limits<uint16_t>::max()));
  }
  op.group_begin.assign(num_groups + 1, 0);
  for (const OperandText& operand : operands_) ++op.group_begin[operand.group + 1];
  for (size_t g = 0; g < num_groups; ++g) {
    op.group_begin[g + 1] = static_cast<uint16_t>(op.group_begin[g + 1] + op.group_begin[g]);
  }
  op.operands.resize(operands_.size());
  bool has_literals = false;
  next_in_group_.assign(op.group_begin.begin(), op.group_begin.end());
  for (OperandText& operand : operands_) {
    operand.position = next_in_group_[operand.group]++;
    op.operands[operand.position] = operand.value;
    if (operand.value.valid()) continue;
    has_literals = true;
    Value literal;
    literal.kind = Value::Kind::kLiteral;
    op.operands[operand.position] = function_->AddValue(std::move(literal));
  }
  if (!has_literals) return true;
  for (const OperandText& operand : operands_) {
    if (operand.value.valid()) continue;
    std::optional<DType> dtype = LiteralDType(*function_, op, operand.group);
    if (!dtype.has_value()) {
      bool unknown_type = false;  // an operand that is reported already
      for (const OperandText& other : operands_) {
        unknown_type |=
            other.value.valid() && function_->value(other.value).type.kind() == Type::Kind::kNone;
      }
      if (unknown_type) continue;
      return Fail(ErrorId::E504, operand.literal.span,
                  Format("{}: no tensor operand fixes the dtype of the literal {}; make it a value "
                         "with const",
                         op.def->name, operand.literal.ToString()));
    }
    Scalar scalar;
    if (!ToScalar(operand.literal, *dtype, &scalar)) return false;
    Value& literal = function_->value(op.operands[operand.position]);
    literal.literal = scalar;
    literal.type = Type::Tensor(*dtype, {});
  }
  return true;
}

bool Parser::CheckAttrs(Op& op, Span span) {
  for (size_t i = 0; i < op.def->attrs.size(); ++i) {
    const AttrSpec& spec = op.def->attrs[i];
    if (spec.default_kind == AttrSpec::Default::kRequired && !attr_written_[i]) {
      return Fail(ErrorId::E508, span,
                  Format("{}: attribute `{}` is missing{}{}", op.def->name, spec.name,
                         spec.doc.empty() ? "" : ": ", spec.doc));
    }
  }
  return true;
}

}  // namespace gcomp::ir
