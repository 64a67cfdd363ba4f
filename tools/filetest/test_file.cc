#include "tools/filetest/test_file.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/format.h"
#include "ir/suggest.h"
#include "tools/line_diff.h"
#include "tools/text_file.h"

namespace gcomp::filetest {
namespace {

constexpr std::string_view kPrefix = "//!";
constexpr std::string_view kNames[] = {"check",     "check-count", "check-label", "check-next",
                                       "check-not", "diff",        "error",       "noncanonical",
                                       "note",      "passes",      "print",       "run",
                                       "run-again", "run-error",   "weights"};

std::string_view Trim(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// The text after `//!` if the line is a directive's.
bool IsDirective(std::string_view line, std::string_view& rest) {
  std::string_view bare = Trim(line);
  if (!bare.starts_with(kPrefix)) return false;
  rest = bare.substr(kPrefix.size());
  return true;
}

// Opening brackets less closing ones, outside of strings.
int OpenBrackets(std::string_view text) {
  int open = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"' && (i == 0 || text[i - 1] != '\\')) in_string = !in_string;
    if (in_string) continue;
    if (c == '(' || c == '[') ++open;
    if (c == ')' || c == ']') --open;
  }
  return open;
}

// Only values are long enough to need several lines; a check's text may have any brackets.
bool MayContinue(std::string_view name) {
  return name == "run" || name == "run-again" || name == "run-error" || name == "diff";
}

class Reader {
 public:
  Reader(const std::string& path, TestModule& module) : path_(path), module_(module) {}

  Status Read() {
    std::vector<std::string> lines = tools::SplitLines(module_.text);
    for (at_ = 0; at_ < lines.size(); ++at_) {
      std::string_view rest;
      if (!IsDirective(lines[at_], rest)) {
        GCOMP_RETURN_IF_ERROR(ReadModuleLine(lines[at_]));
      } else if (open_expectation_) {
        ReadExpected(rest);
      } else if (open_directive_) {
        module_.directives.back().text.append(" ").append(Trim(rest));
        open_directive_ = OpenBrackets(module_.directives.back().text) > 0;
      } else {
        GCOMP_RETURN_IF_ERROR(ReadDirective(Trim(rest)));
      }
    }
    if (open_directive_) return FailOpen();
    if (open_expectation_) {
      return FailAt(module_.expectations.back().begin_line, "expect-begin without expect-end");
    }
    while (module_.own_text.ends_with("\n\n")) module_.own_text.pop_back();
    return {};
  }

 private:
  int line() const { return static_cast<int>(at_) + 1; }

  Status Fail(std::string what) const { return FailAt(line(), std::move(what)); }

  Status FailAt(int line, std::string what) const {
    return {ErrorId::E501, std::move(what), {path_, line, 1}};
  }

  Status FailOpen() const {
    return FailAt(module_.directives.back().line, "the brackets of the directive do not close");
  }

  Status ReadModuleLine(std::string_view line) {
    if (open_directive_) return FailOpen();
    if (open_expectation_) return Fail("a line of the module between expect-begin and expect-end");
    bool empty = Trim(line).empty();
    bool repeated = module_.own_text.empty() || module_.own_text.ends_with("\n\n");
    if (empty && repeated) return {};
    if (module_.own_text.empty()) module_.line = this->line();
    module_.own_text.append(empty ? "" : line).append("\n");
    return {};
  }

  void ReadExpected(std::string_view rest) {
    if (Trim(rest) == "expect-end") {
      module_.expectations.back().end_line = line();
      open_expectation_ = false;
      return;
    }
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    module_.expectations.back().text.append(rest).append("\n");
  }

  Status ReadDirective(std::string_view text) {
    if (text == "expect-begin") {
      module_.expectations.push_back({line(), 0, ""});
      open_expectation_ = true;
      return {};
    }
    size_t colon = text.find(':');
    std::string_view name = Trim(text.substr(0, colon));
    if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames)) {
      ir::Suggestion suggestion(name);
      for (std::string_view known : kNames) suggestion.Consider(known);
      return Fail(Format("no directive `{}`{}", name, suggestion.Text()));
    }
    if (colon == std::string_view::npos) return Fail(Format("`{}` needs a colon after it", name));
    std::string_view rest = Trim(text.substr(colon + 1));
    module_.directives.push_back({line(), std::string(name), std::string(rest)});
    open_directive_ = MayContinue(name) && OpenBrackets(rest) > 0;
    return {};
  }

  const std::string& path_;
  TestModule& module_;
  size_t at_ = 0;
  bool open_directive_ = false;
  bool open_expectation_ = false;
};

}  // namespace

std::vector<const Directive*> TestModule::All(std::string_view name) const {
  std::vector<const Directive*> found;
  for (const Directive& directive : directives) {
    if (directive.name == name) found.push_back(&directive);
  }
  return found;
}

const Directive* TestModule::Find(std::string_view name) const {
  std::vector<const Directive*> found = All(name);
  return found.empty() ? nullptr : found.front();
}

StatusOr<TestFile> ParseTestFile(std::string path, std::string text) {
  TestFile file;
  for (std::string& piece : tools::SplitModules(text)) {
    file.modules.emplace_back();
    file.modules.back().text = std::move(piece);
    GCOMP_RETURN_IF_ERROR(Reader(path, file.modules.back()).Read());
  }
  file.path = std::move(path);
  file.text = std::move(text);
  return file;
}

}  // namespace gcomp::filetest
