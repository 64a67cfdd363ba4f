// Diagnostics: the list of errors found in one text, each with its place, for people and programs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace gcomp::ir {

// A position in a text: 1-based line and column (in bytes), and the length to underline.
struct Span {
  int line = 0;
  int column = 0;
  int length = 1;
};

struct Diagnostic {
  ErrorId id;
  Span span;
  std::string message;
};

// Collects up to a limit of errors; what comes after is counted, not kept.
// Thread safety: used by one thread.
class Diagnostics {
 public:
  explicit Diagnostics(std::string file = {}, std::string_view text = {}, size_t limit = 20)
      : file_(std::move(file)), text_(text), limit_(limit) {}

  void Add(ErrorId id, Span span, std::string message);

  bool ok() const { return count_ == 0; }

  size_t count() const { return count_; }

  bool full() const { return count_ >= limit_; }

  const std::vector<Diagnostic>& list() const { return list_; }

  const std::string& file() const { return file_; }

  // "file.ir:12:7: error: E504: message", the line of the text and a caret under the place, for
  // each.
  std::string Render() const;

  // Success, or the first error with its place and a note that counts the others.
  Status ToStatus() const;

 private:
  std::string file_;
  std::string_view text_;  // borrowed: outlives this object
  size_t limit_;
  size_t count_ = 0;
  std::vector<Diagnostic> list_;
};

}  // namespace gcomp::ir
