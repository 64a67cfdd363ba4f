#include "tools/filetest/check.h"

#include <algorithm>
#include <map>
#include <regex>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/status.h"
#include "tools/line_diff.h"

namespace gcomp::filetest {
namespace {

bool IsCheck(const Directive& directive) {
  return directive.name.starts_with("check");
}

// A TEXT as a regular expression: its captures have names.
struct Pattern {
  std::regex regex;
  std::vector<std::string> captures;
};

void AppendEscaped(std::string_view text, std::string& regex) {
  constexpr std::string_view kSpecial = R"(\^$.|?*+()[]{}/)";
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ' || text[i] == '\t') {
      if (!regex.ends_with("[ \\t]+")) regex += "[ \\t]+";
      continue;
    }
    if (kSpecial.find(text[i]) != std::string_view::npos) regex += '\\';
    regex += text[i];
  }
}

class Matcher {
 public:
  Matcher(std::span<const Directive> directives, std::string_view output)
      : lines_(tools::SplitLines(output)) {
    for (const Directive& directive : directives) {
      if (IsCheck(directive)) checks_.push_back(&directive);
    }
  }

  std::optional<CheckFailure> Run() {
    end_ = FindLabel(0);
    for (size_t i = 0; i < checks_.size() && !failure_; ++i) {
      const Directive& check = *checks_[i];
      if (check.text.empty()) {
        Fail(check, "needs a text");
      } else if (check.name == "check-not") {
        nots_.push_back(&check);
      } else if (check.name == "check-count") {
        Count(check);
      } else if (check.name == "check-label") {
        Label(check, i);
      } else {
        Positive(check);
      }
    }
    if (!failure_) FinishNots(end_);
    return failure_;
  }

 private:
  void Fail(const Directive& check, std::string message) {
    if (!failure_) failure_ = {check.line, Format("{}: {}", check.name, message)};
  }

  // What a directive that should have matched looked at.
  std::string Where(size_t from) const {
    if (from >= lines_.size()) return "; the output ends before it";
    return Format("; searched from line {} of the output: `{}`", from + 1, lines_[from]);
  }

  std::optional<Pattern> Compile(const Directive& check, std::string_view text) {
    Pattern pattern;
    std::string regex;
    while (!text.empty()) {
      size_t open = text.find("[[");
      AppendEscaped(text.substr(0, open), regex);
      if (open == std::string_view::npos) break;
      size_t close = text.find("]]", open);
      // `[[a:[0-9]]]`: the brackets of the expression end first.
      while (close != std::string_view::npos && text.substr(close + 2).starts_with("]")) ++close;
      if (close == std::string_view::npos) {
        Fail(check, "`[[` without `]]`");
        return std::nullopt;
      }
      std::string_view inside = text.substr(open + 2, close - open - 2);
      text.remove_prefix(close + 2);
      size_t colon = inside.find(':');
      std::string name(inside.substr(0, colon));
      if (colon != std::string_view::npos) {
        regex.append("(").append(inside.substr(colon + 1)).append(")");
        pattern.captures.push_back(name);
      } else if (auto found = names_.find(name); found != names_.end()) {
        AppendEscaped(found->second, regex);
      } else {
        Fail(check, Format("`[[{}]]` was not captured before", name));
        return std::nullopt;
      }
    }
    try {
      pattern.regex = std::regex(regex);
    } catch (const std::regex_error& error) {
      Fail(check, Format("not a regular expression: {}", error.what()));
      return std::nullopt;
    }
    return pattern;
  }

  // The first line in [from, to) that matches.
  std::optional<size_t> Search(const Pattern& pattern, size_t from, size_t to, bool capture) {
    for (size_t i = from; i < to && i < lines_.size(); ++i) {
      std::smatch match;
      if (!std::regex_search(lines_[i], match, pattern.regex)) continue;
      for (size_t c = 0; capture && c < pattern.captures.size(); ++c) {
        names_[pattern.captures[c]] = match[c + 1];
      }
      return i;
    }
    return std::nullopt;
  }

  // The line of the next label from directive `first` on; the end of the output if there is none.
  size_t FindLabel(size_t first) {
    for (size_t i = first; i < checks_.size(); ++i) {
      if (checks_[i]->name != "check-label") continue;
      std::optional<Pattern> pattern = Compile(*checks_[i], checks_[i]->text);
      if (!pattern) return 0;
      if (std::optional<size_t> line = Search(*pattern, next_, lines_.size(), false)) return *line;
      Fail(*checks_[i], Format("no line has `{}`{}", checks_[i]->text, Where(next_)));
      return 0;
    }
    return lines_.size();
  }

  void Label(const Directive& check, size_t index) {
    FinishNots(end_);
    std::optional<Pattern> pattern = Compile(check, check.text);
    if (!pattern || failure_) return;
    Search(*pattern, end_, end_ + 1, true);
    next_ = end_ + 1;
    end_ = FindLabel(index + 1);
  }

  void Positive(const Directive& check) {
    std::optional<Pattern> pattern = Compile(check, check.text);
    if (!pattern) return;
    bool is_next = check.name == "check-next";
    size_t to = is_next ? std::min(end_, next_ + 1) : end_;
    std::optional<size_t> line = Search(*pattern, next_, to, true);
    if (!line) {
      Fail(check, Format("{} `{}`{}", is_next ? "the next line has not" : "no line has", check.text,
                         Where(next_)));
      return;
    }
    FinishNots(*line);
    next_ = *line + 1;
  }

  void Count(const Directive& check) {
    size_t blank = check.text.find(' ');
    std::string number = check.text.substr(0, blank);
    bool is_number = !number.empty() && number.size() < 7 &&
                     number.find_first_not_of("0123456789") == std::string::npos;
    if (!is_number || blank == std::string::npos) {
      Fail(check, "is written `check-count: N TEXT`");
      return;
    }
    std::string_view text = std::string_view(check.text).substr(blank + 1);
    std::optional<Pattern> pattern = Compile(check, text);
    if (!pattern) return;
    size_t wanted = static_cast<size_t>(std::stoul(number));
    size_t found = 0;
    for (size_t i = next_; i < end_; ++i) found += Search(*pattern, i, i + 1, false) ? 1 : 0;
    if (found == wanted) return;
    Fail(check, Format("{} lines have `{}`, expected {}{}", found, text, wanted, Where(next_)));
  }

  // No check-not since the last match may be found above line `to`.
  void FinishNots(size_t to) {
    for (const Directive* check : std::exchange(nots_, {})) {
      std::optional<Pattern> pattern = Compile(*check, check->text);
      if (!pattern) return;
      if (std::optional<size_t> line = Search(*pattern, next_, to, false)) {
        Fail(*check,
             Format("line {} of the output has `{}`: `{}`", *line + 1, check->text, lines_[*line]));
      }
    }
  }

  std::vector<std::string> lines_;
  std::vector<const Directive*> checks_;
  std::vector<const Directive*> nots_;  // since the last match
  std::map<std::string, std::string> names_;
  size_t next_ = 0;  // the line after the last match
  size_t end_ = 0;   // the line of the next label
  std::optional<CheckFailure> failure_;
};

}  // namespace

std::optional<CheckFailure> MatchChecks(std::span<const Directive> directives,
                                        std::string_view output) {
  return Matcher(directives, output).Run();
}

}  // namespace gcomp::filetest
