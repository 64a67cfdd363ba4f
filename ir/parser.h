// Parser: recursive descent over the grammar of docs/spec/ir.md; internal to ir/parse*.cc.
//
// Each Parse function returns false after it has reported an error, and its callers return at once,
// up to the line: there the parser skips to the line's end and goes on, with the results of the
// broken line defined all the same, so that their uses are no errors of their own. An unknown name
// is reported once: it is then defined by a placeholder. After a broken header of a function its
// body reports no unknown names at all.
//
// Recursion (regions, brackets, parentheses) is bounded by ParseOptions::max_nesting.
// Cost: linear in the text; names are found by hashing. Thread safety: one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/lexer.h"
#include "ir/literal.h"
#include "ir/module.h"
#include "ir/name_table.h"
#include "ir/op_def.h"
#include "ir/text.h"

namespace gcomp::ir {

class Parser {
 public:
  Parser(std::string_view text, const OpRegistry& ops, Diagnostics& diagnostics,
         const ParseOptions& options);

  Module Run();

 private:
  // A size expression or a predicate.
  struct SizeExpr {
    Expr expr;
    bool is_bool = false;
  };

  // What a generic value may be beside numbers, strings, types, lists and dictionaries.
  struct ValueRules {
    bool words = false;   // bare words that are neither dtype nor symbol
    bool values = false;  // %values and @functions
  };

  // An operand as written, before its place in the op's operands is known.
  struct OperandText {
    size_t group;
    ValueId value;  // invalid: a literal
    Number literal;
    uint16_t position = 0;  // among the operands
  };

  // One block's names. Values of enclosing blocks are not visible, size symbols are.
  struct Scope {
    NameTable values;
    NameTable symbols;
  };

  // Counts one level of nesting while it lives.
  class Nest {
   public:
    explicit Nest(Parser& parser) : parser_(parser) { ++parser_.depth_; }

    ~Nest() { --parser_.depth_; }

    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

    // False, with an E802, past the limit.
    bool ok() const;

   private:
    Parser& parser_;
  };

  // ---- parser.cc: tokens, errors, the module and its items
  const Token& token() const { return lex_.token(); }

  bool At(Tok kind) const { return lex_.token().kind == kind; }

  bool Accept(Tok kind) {
    if (!At(kind)) return false;
    lex_.Next();
    return true;
  }

  bool AcceptWord(std::string_view word) {
    if (!token().Is(word)) return false;
    lex_.Next();
    return true;
  }

  bool AtLineEnd() const { return At(Tok::kNewline) || At(Tok::kEnd); }

  // Always false.
  bool Fail(ErrorId id, Span span, std::string message);
  // "expected `what`, found ..." at the token; always false.
  bool FailExpected(std::string_view what);
  bool Expect(Tok kind);
  bool ExpectLineEnd();
  // Skips to the end of the line and past it; true if the line ended with `{`.
  bool SkipLine();
  std::vector<std::string> TakeComments();
  std::string TakeTrailingComment();
  // Brackets of a header, in which line ends are white space.
  bool OpenHeaderBracket(Tok kind);
  bool CloseHeaderBracket(Tok kind);

  void ParseModuleLine();
  void ParseFileLine();
  void ParseItem();
  bool ParseGlobal();
  bool ParseGlobalInit(Global& global);
  void ParseFunction();
  bool ParseFunctionHeader(Function& function);
  bool ParseEffects(Function& function);
  void ReserveBody(Function& function);
  // After a broken header: goes on to the block; false if there is none.
  bool RecoverHeader();

  // ---- parse_type.cc: size expressions, types, symbols, annotations
  bool ParseSizeExpr(SizeExpr* out);  // any expression
  bool ParseSize(Expr* out);          // a number, not a predicate
  bool ParseSum(SizeExpr* out);
  bool ParseAnd(SizeExpr* out);
  bool ParseNot(SizeExpr* out);
  bool ParseComparison(SizeExpr* out);
  bool ParseProduct(SizeExpr* out);
  bool ParseUnary(SizeExpr* out);
  bool ParseAtom(SizeExpr* out);
  bool ParseCall(SizeExpr* out);
  bool ParseSymbolUse(SizeExpr* out);
  bool RequireSizes(const SizeExpr& a, const SizeExpr& b, Span span);
  bool RequirePredicates(const SizeExpr& a, const SizeExpr& b, Span span);
  bool RequireSound(const Expr& expr, Span span);
  bool ParseInteger(uint64_t* out);
  bool ParsePositive(int64_t* out, std::string_view what);
  // The types of a region's parameters bind the symbol of int<u> (rule 5).
  bool ParseType(Type* out, bool binds_symbols = false);
  bool ParseTensorType(DType dtype, Type* out);
  bool ParseIntType(Type* out, bool binds_symbols);
  bool ParseLayout(size_t rank, Layout* out);
  bool ParseDevice(Device* out);
  bool ParseAnnotations(Annotations* out);
  bool ParseAnnotatedValue(ValueId* out, std::string_view annotation);
  bool ParseSymbolDeclaration(SymId* out, bool is_function_parameter);
  bool ParseSymbolRange(Symbol* symbol);
  bool ParseDefines(std::vector<SymId>* out);
  // Declares the symbols of a `defines` that stands later in this line or header; true if it did.
  bool ParseDefinesAhead();
  SymId FindSymbol(std::string_view name) const;
  // Adds a symbol without a written range to the innermost scope.
  SymId DeclareSymbol(std::string_view name, Span span);

  // ---- parse_value.cc: attributes and numbers
  bool ParseNumber(Number* out);
  bool AtNumber() const;
  bool ParseString(std::string* out);
  bool ParseDict(AttrDict* out, ValueRules rules);
  bool ParseList(AttrList* out, ValueRules rules);
  bool ParseValue(AttrValue* out, ValueRules rules);
  bool ParseWordValue(AttrValue* out, ValueRules rules);
  bool ParseAttr(const AttrSpec& spec, AttrValue* out);
  bool ParseAttrList(const AttrSpec& spec, AttrKind element, AttrValue* out);
  bool ParseAttrElement(const AttrSpec& spec, AttrKind kind, AttrValue* out);
  bool ParseScalarAttr(const AttrSpec& spec, AttrValue* out);
  bool FailAttr(const AttrSpec& spec, std::string_view expected);
  bool ToScalar(const Number& number, DType dtype, Scalar* out);

  // ---- parse_op.cc: blocks, ops, regions
  void ParseBlock(BlockId block);
  void ParseTerminator(BlockId block);
  bool ParseTerminatorLine(BlockId block);
  void ParseOp(BlockId block);
  bool ParseOpLine(Op& op);
  bool ParseResults();
  bool ParseCallee(Op& op);
  bool ParseKnownArgs(Op& op);
  bool ParseNamedArg(Op& op);
  bool ParsePositionalArg(Op& op);
  bool ParseOperand(size_t group);
  bool ParseOperandList(size_t group);
  bool ParseUnknownArgs(Op& op);
  bool PlaceOperands(Op& op);
  bool CheckAttrs(Op& op, Span span);
  bool ParsePlaces(std::vector<SourcePlace>* out);
  bool AtRegion() const;
  void ParseRegion(OpId parent);
  bool ParseParams(BlockId block, bool binds_symbols);
  bool ParseUse(ValueId* out);
  // Adds `name`, a view of the text, to the innermost scope.
  void Define(ValueId value, std::string_view name);
  ValueId Placeholder();
  void EnterScope();

  void LeaveScope() { --num_scopes_; }

  // Skips a block whose `{` is the last token, nested blocks with it.
  void SkipBlock();
  const OpDef* FindOp(const Token& name);
  const OpDef* AddUnknownOp(std::string_view name);

  Scope& scope() { return *scopes_[num_scopes_ - 1]; }

  std::string_view text_;
  const OpRegistry& ops_;
  Diagnostics& diagnostics_;
  const ParseOptions& options_;
  std::vector<std::string_view> comments_;  // read and not yet attached
  Lexer lex_;
  Module module_;
  int depth_ = 0;
  const char* reserved_until_ = nullptr;  // up to where ReserveBody has looked

  // Of the function being read.
  Function* function_ = nullptr;
  bool header_broken_ = false;
  std::vector<std::unique_ptr<Scope>> scopes_;  // kept for the next block; num_scopes_ are open
  size_t num_scopes_ = 0;
  std::vector<bool> symbol_pending_;  // by SymId: on the signature, no op has defined it yet

  // Of the line or header being read.
  bool defines_read_ = false;  // ParseDefinesAhead has looked
  bool in_header_ = false;
  std::vector<SymId> line_defines_;
  Lexer after_defines_;  // where the `defines` read ahead ends; valid if line_defines_ is not empty
  std::vector<ValueId> results_;
  std::vector<std::string_view> result_names_;
  std::vector<OperandText> operands_;
  size_t next_positional_ = 0;  // the operand spec of the next operand by position
  std::vector<uint16_t> next_in_group_;
  std::vector<bool> group_written_;  // by operand spec, of those written by name
  std::vector<bool> attr_written_;   // by attribute spec

  NameTable op_names_;  // name -> index in op_defs_
  std::vector<const OpDef*> op_defs_;
};

}  // namespace gcomp::ir
