// Lexer: the tokens of the text form (docs/spec/ir.md section 1), one at a time, by pointer into
// the text. Nothing is copied: a token's text is a view of the module's text.
//
// A Lexer is a small value; looking ahead is copying it and advancing the copy. Line ends are
// tokens unless the parser says that they are white space (inside the brackets of a header). Blank
// lines, comment lines and `//!` lines never give a token of their own: a run of line ends is one
// kNewline.
//
// Cost: O(1) per byte. Thread safety: one thread. Any bytes are accepted: what is no token is kBad.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ir/diagnostic.h"

namespace gcomp::ir {

enum class Tok : uint8_t {
  kEnd,
  kNewline,
  kIdent,   // letter { letter | digit | _ } { . ident }
  kValue,   // %word
  kSym,     // @word
  kString,  // with its quotes, escapes as written
  kInt,
  kFloat,
  kLParen,
  kRParen,
  kLBrace,
  kRBrace,
  kLBracket,
  kRBracket,
  kLess,
  kGreater,
  kLessEqual,
  kGreaterEqual,
  kEqual,
  kNotEqual,
  kComma,
  kColon,
  kAssign,
  kSemicolon,
  kArrow,
  kQuestion,
  kPlus,
  kMinus,
  kStar,
  kSlash,
  kPercent,
  kBad,  // a byte that starts no token, or a string that does not end on its line
};

// "`(`", "a name", ...: for messages of the form "expected X".
std::string_view NameOf(Tok kind);

struct Token {
  Tok kind = Tok::kEnd;
  int line = 1;
  int column = 1;
  std::string_view text;  // as written, with `%`, `@` and quotes

  // Without `%` or `@`. Requires kValue or kSym.
  std::string_view word() const { return text.substr(1); }

  bool Is(std::string_view ident) const { return kind == Tok::kIdent && text == ident; }

  Span span() const { return {line, column, text.empty() ? 1 : static_cast<int>(text.size())}; }
};

class Lexer {
 public:
  // Comments are appended to `comments`, without `//`, one space after it, and spaces at the end.
  // The text and `comments` outlive the lexer.
  Lexer(std::string_view text, std::vector<std::string_view>* comments);

  const Token& token() const { return token_; }

  // Goes to the next token; stays at kEnd.
  void Next();

  // The text after the token.
  std::string_view rest() const { return {at_, static_cast<size_t>(end_ - at_)}; }

  // From the next token on, line ends are white space.
  void SkipNewlines(bool skip) { skip_newlines_ = skip; }

  bool skips_newlines() const { return skip_newlines_; }

  // A copy to look ahead with: it collects no comments.
  Lexer Ahead() const {
    Lexer copy = *this;
    copy.comments_ = nullptr;
    return copy;
  }

 private:
  // Skips blanks and comments, and line ends where they are white space; true at a line end that is
  // a token.
  bool SkipBlanks();
  void TakeComment();
  void LexNumber();
  void LexString();
  void LexIdent();
  void LexWord(Tok kind);
  void LexPunctuation();

  void Finish(Tok kind, const char* end) {
    token_.kind = kind;
    token_.text = std::string_view(at_, static_cast<size_t>(end - at_));
    at_ = end;
  }

  char Peek(size_t ahead) const {
    return static_cast<size_t>(end_ - at_) > ahead ? at_[ahead] : '\0';
  }

  const char* at_;
  const char* end_;
  const char* line_start_;
  int line_ = 1;
  bool skip_newlines_ = false;
  std::vector<std::string_view>* comments_;
  Token token_;
};

// The bytes of a kString token: quotes removed, escapes replaced. False on a wrong escape, whose
// position within the token goes to `*bad`.
bool Unescape(std::string_view token, std::string* bytes, size_t* bad);

// The text of a string with quotes and escapes, as a kString token.
std::string Quote(std::string_view bytes);

}  // namespace gcomp::ir
