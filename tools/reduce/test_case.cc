#include "tools/reduce/test_case.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/format.h"
#include "tools/line_diff.h"
#include "tools/text_file.h"

namespace gcomp::reduce {
namespace {

constexpr std::string_view kSilent[] = {"note", "noncanonical", "passes", "weights"};

std::string PrintDirective(const filetest::Directive& directive, std::string_view weights_folder) {
  if (directive.name.empty()) return {};
  if (directive.name == kExpect) {
    std::string text = "//! expect-begin\n";
    for (const std::string& line : tools::SplitLines(directive.text)) {
      text += line.empty() ? "//!\n" : Format("//! {}\n", line);
    }
    return text + "//! expect-end\n";
  }
  if (directive.name == "weights" && !weights_folder.empty()) {
    return Format("//! weights: {}\n",
                  (std::filesystem::path(weights_folder) / directive.text).string());
  }
  return Format("//! {}:{}{}\n", directive.name, directive.text.empty() ? "" : " ", directive.text);
}

}  // namespace

StatusOr<TestCase> ReadTestCase(const std::string& path, std::string text) {
  GCOMP_ASSIGN_OR_RETURN(filetest::TestFile file, filetest::ParseTestFile(path, std::move(text)));
  TestCase test_case;
  test_case.path = path;
  for (filetest::TestModule& module : file.modules) {
    Piece& piece = test_case.pieces.emplace_back();
    piece.module = std::move(module.text);
    piece.directives = std::move(module.directives);
    for (filetest::Expectation& expectation : module.expectations) {
      piece.directives.push_back(
          {expectation.begin_line, std::string(kExpect), std::move(expectation.text)});
    }
    std::stable_sort(piece.directives.begin(), piece.directives.end(),
                     [](const auto& a, const auto& b) { return a.line < b.line; });
  }
  return test_case;
}

std::string Print(const TestCase& test_case, std::string_view weights_folder) {
  std::string text;
  for (const Piece& piece : test_case.pieces) {
    if (!text.empty()) text += Format("{}\n", tools::kModuleSeparator);
    for (const filetest::Directive& directive : piece.directives) {
      if (directive.name == "note") text += PrintDirective(directive, weights_folder);
    }
    text += piece.module;
    for (const filetest::Directive& directive : piece.directives) {
      if (directive.name != "note") text += PrintDirective(directive, weights_folder);
    }
  }
  return text;
}

bool HasStatement(const Directives& directives) {
  return std::any_of(directives.begin(), directives.end(), [](const auto& directive) {
    return !directive.name.empty() &&
           std::find(std::begin(kSilent), std::end(kSilent), directive.name) == std::end(kSilent);
  });
}

}  // namespace gcomp::reduce
