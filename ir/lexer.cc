#include "ir/lexer.h"

#include <array>

#include "base/format.h"

namespace gcomp::ir {
namespace {

enum : uint8_t { kLetter = 1, kDigit = 2, kUnderscore = 4, kDot = 8 };

constexpr std::array<uint8_t, 256> MakeClasses() {
  std::array<uint8_t, 256> classes{};
  for (int c = 'a'; c <= 'z'; ++c) classes[static_cast<size_t>(c)] = kLetter;
  for (int c = 'A'; c <= 'Z'; ++c) classes[static_cast<size_t>(c)] = kLetter;
  for (int c = '0'; c <= '9'; ++c) classes[static_cast<size_t>(c)] = kDigit;
  classes['_'] = kUnderscore;
  classes['.'] = kDot;
  return classes;
}

constexpr std::array<uint8_t, 256> kClasses = MakeClasses();

bool Has(char c, int classes) {
  return (kClasses[static_cast<unsigned char>(c)] & classes) != 0;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view NameOf(Tok kind) {
  switch (kind) {
    case Tok::kEnd:
      return "the end of the text";
    case Tok::kNewline:
      return "the end of the line";
    case Tok::kIdent:
      return "a name";
    case Tok::kValue:
      return "a value (%name)";
    case Tok::kSym:
      return "a symbol (@name)";
    case Tok::kString:
      return "a string";
    case Tok::kInt:
      return "an integer";
    case Tok::kFloat:
      return "a number";
    case Tok::kLParen:
      return "`(`";
    case Tok::kRParen:
      return "`)`";
    case Tok::kLBrace:
      return "`{`";
    case Tok::kRBrace:
      return "`}`";
    case Tok::kLBracket:
      return "`[`";
    case Tok::kRBracket:
      return "`]`";
    case Tok::kLess:
      return "`<`";
    case Tok::kGreater:
      return "`>`";
    case Tok::kLessEqual:
      return "`<=`";
    case Tok::kGreaterEqual:
      return "`>=`";
    case Tok::kEqual:
      return "`==`";
    case Tok::kNotEqual:
      return "`!=`";
    case Tok::kComma:
      return "`,`";
    case Tok::kColon:
      return "`:`";
    case Tok::kAssign:
      return "`=`";
    case Tok::kSemicolon:
      return "`;`";
    case Tok::kArrow:
      return "`->`";
    case Tok::kQuestion:
      return "`?`";
    case Tok::kPlus:
      return "`+`";
    case Tok::kMinus:
      return "`-`";
    case Tok::kStar:
      return "`*`";
    case Tok::kSlash:
      return "`/`";
    case Tok::kPercent:
      return "`%`";
    case Tok::kBad:
      return "something else";
  }
  return "";
}

Lexer::Lexer(std::string_view text, std::vector<std::string_view>* comments)
    : at_(text.data()),
      end_(text.data() + text.size()),
      line_start_(text.data()),
      comments_(comments) {
  // Line ends before the first token are no token.
  bool skip = skip_newlines_;
  skip_newlines_ = true;
  Next();
  skip_newlines_ = skip;
}

void Lexer::TakeComment() {
  const char* begin = at_;
  while (at_ < end_ && *at_ != '\n') ++at_;
  if (comments_ == nullptr) return;
  std::string_view comment(begin + 2, static_cast<size_t>(at_ - begin - 2));
  if (comment.starts_with('!')) {
    std::string_view before(line_start_, static_cast<size_t>(begin - line_start_));
    if (before.find_first_not_of(" \t\r") == std::string_view::npos) return;  // a directive
  }
  if (comment.starts_with(' ')) comment.remove_prefix(1);
  size_t last = comment.find_last_not_of(" \t\r");
  comments_->push_back(last == std::string_view::npos ? std::string_view()
                                                      : comment.substr(0, last + 1));
}

bool Lexer::SkipBlanks() {
  while (at_ < end_) {
    char c = *at_;
    if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == '\n') {
      // Stop here, so that the parser sees which comments stood on the line that ends.
      if (!skip_newlines_ && token_.kind != Tok::kNewline) return true;
      ++at_;
      ++line_;
      line_start_ = at_;
    } else if (c == '/' && Peek(1) == '/') {
      TakeComment();
    } else {
      break;
    }
  }
  return false;
}

void Lexer::Next() {
  bool newline = SkipBlanks();
  token_.line = line_;
  token_.column = static_cast<int>(at_ - line_start_) + 1;
  if (newline) {
    // Zero bytes long: the next call skips it together with what follows.
    token_.kind = Tok::kNewline;
    token_.text = {};
    return;
  }
  if (at_ == end_) {
    token_.kind = Tok::kEnd;
    token_.text = {};
    return;
  }
  char c = *at_;
  if (Has(c, kLetter)) {
    LexIdent();
  } else if (Has(c, kDigit)) {
    LexNumber();
  } else if (c == '@') {
    LexWord(Tok::kSym);
  } else if (c == '%' && Has(Peek(1), kLetter | kDigit | kUnderscore | kDot)) {
    LexWord(Tok::kValue);
  } else if (c == '"') {
    LexString();
  } else {
    LexPunctuation();
  }
}

void Lexer::LexIdent() {
  const char* p = at_ + 1;
  while (p < end_) {
    if (Has(*p, kLetter | kDigit | kUnderscore) ||
        (*p == '.' && p + 1 < end_ && Has(p[1], kLetter))) {
      ++p;
    } else {
      break;
    }
  }
  Finish(Tok::kIdent, p);
}

void Lexer::LexWord(Tok kind) {
  const char* p = at_ + 1;
  while (p < end_ && Has(*p, kLetter | kDigit | kUnderscore | kDot)) ++p;
  Finish(p == at_ + 1 ? Tok::kBad : kind, p);
}

void Lexer::LexNumber() {
  const char* p = at_;
  if (*p == '0' && (Peek(1) == 'x' || Peek(1) == 'X') && HexDigit(Peek(2)) >= 0) {
    p += 2;
    while (p < end_ && HexDigit(*p) >= 0) ++p;
    Finish(Tok::kInt, p);
    return;
  }
  auto digits = [&] {
    while (p < end_ && Has(*p, kDigit)) ++p;
  };
  Tok kind = Tok::kInt;
  digits();
  if (p < end_ && *p == '.') {
    kind = Tok::kFloat;
    ++p;
    digits();
  }
  if (p < end_ && (*p == 'e' || *p == 'E')) {
    const char* q = p + 1;
    if (q < end_ && (*q == '+' || *q == '-')) ++q;
    if (q < end_ && Has(*q, kDigit)) {
      kind = Tok::kFloat;
      p = q;
      digits();
    }
  }
  Finish(kind, p);
}

void Lexer::LexString() {
  const char* p = at_ + 1;
  while (p < end_ && *p != '"' && *p != '\n') {
    p += *p == '\\' && p + 1 < end_ && p[1] != '\n' ? 2 : 1;
  }
  bool closed = p < end_ && *p == '"';
  Finish(closed ? Tok::kString : Tok::kBad, closed ? p + 1 : p);
}

void Lexer::LexPunctuation() {
  struct Pair {
    char first;
    char second;  // '\0' = one byte alone
    Tok kind;
  };

  // Two-byte tokens come before their first bytes.
  static constexpr Pair kPairs[] = {
      {'-', '>', Tok::kArrow},     {'=', '=', Tok::kEqual},        {'!', '=', Tok::kNotEqual},
      {'<', '=', Tok::kLessEqual}, {'>', '=', Tok::kGreaterEqual}, {'(', '\0', Tok::kLParen},
      {')', '\0', Tok::kRParen},   {',', '\0', Tok::kComma},       {':', '\0', Tok::kColon},
      {'=', '\0', Tok::kAssign},   {'[', '\0', Tok::kLBracket},    {']', '\0', Tok::kRBracket},
      {'{', '\0', Tok::kLBrace},   {'}', '\0', Tok::kRBrace},      {'<', '\0', Tok::kLess},
      {'>', '\0', Tok::kGreater},  {';', '\0', Tok::kSemicolon},   {'?', '\0', Tok::kQuestion},
      {'+', '\0', Tok::kPlus},     {'-', '\0', Tok::kMinus},       {'*', '\0', Tok::kStar},
      {'/', '\0', Tok::kSlash},    {'%', '\0', Tok::kPercent},
  };
  for (const Pair& pair : kPairs) {
    if (*at_ != pair.first) continue;
    if (pair.second == '\0') return Finish(pair.kind, at_ + 1);
    if (Peek(1) == pair.second) return Finish(pair.kind, at_ + 2);
  }
  // One whole UTF-8 sequence, so that a message shows a character and not a piece of one.
  const char* p = at_ + 1;
  while (p < end_ && p < at_ + 4 && (static_cast<unsigned char>(*p) & 0xc0u) == 0x80u) ++p;
  Finish(Tok::kBad, p);
}

bool Unescape(std::string_view token, std::string* bytes, size_t* bad) {
  bytes->clear();
  std::string_view body = token.substr(1, token.size() - 2);
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\') {
      bytes->push_back(body[i]);
      continue;
    }
    *bad = i + 1;
    if (++i == body.size()) return false;
    switch (body[i]) {
      case '"':
        bytes->push_back('"');
        break;
      case '\\':
        bytes->push_back('\\');
        break;
      case 'n':
        bytes->push_back('\n');
        break;
      case 't':
        bytes->push_back('\t');
        break;
      case 'x': {
        if (i + 2 >= body.size()) return false;
        int high = HexDigit(body[i + 1]);
        int low = HexDigit(body[i + 2]);
        if (high < 0 || low < 0) return false;
        bytes->push_back(static_cast<char>(high * 16 + low));
        i += 2;
        break;
      }
      default:
        return false;
    }
  }
  return true;
}

std::string Quote(std::string_view bytes) {
  std::string text = "\"";
  for (char c : bytes) {
    switch (c) {
      case '"':
        text += "\\\"";
        break;
      case '\\':
        text += "\\\\";
        break;
      case '\n':
        text += "\\n";
        break;
      case '\t':
        text += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          text += Format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
          text += c;
        }
    }
  }
  text += '"';
  return text;
}

}  // namespace gcomp::ir
