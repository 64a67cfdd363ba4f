#include "tools/filetest/runner.h"

#include <utility>

#include "base/format.h"
#include "ir/passes/pipeline.h"
#include "ir/structure.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "tools/filetest/check.h"
#include "tools/filetest/execute.h"
#include "tools/filetest/test_file.h"
#include "tools/line_diff.h"
#include "tools/text_file.h"

namespace gcomp::filetest {
namespace {

constexpr size_t kMaxErrors = 1000;
constexpr std::string_view kIndent = "    ";

// The directives that state something; a module must have one of them.
constexpr std::string_view kStatements[] = {"check",     "check-count", "check-label", "check-next",
                                            "check-not", "diff",        "error",       "print",
                                            "run",       "run-again",   "run-error"};

// An error that a directive asks for.
struct ExpectedError {
  const Directive* directive;
  int line = 0;  // that is to be blamed
  bool seen = false;
};

class ModuleRun {
 public:
  ModuleRun(const Environment& environment, const std::string& path, const TestModule& module,
            FileReport& report)
      : environment_(environment),
        path_(path),
        test_(module),
        report_(report),
        ops_(environment.engines[0]->ops()) {}

  // Appends to `new_expectations` what the module's expectations should say.
  void Run(std::vector<std::string>& new_expectations) {
    if (!HasStatement()) {
      Fail(test_.line, "the module has no directive that checks anything (docs/testing.md)");
      return;
    }
    ir::Diagnostics diagnostics(path_, test_.text, kMaxErrors);
    ir::Module module = ir::Parse(test_.text, ops_, diagnostics);
    bool parsed = diagnostics.ok();
    if (parsed) ir::Verify(module, diagnostics);
    if (test_.Find("error") != nullptr) {
      CheckErrors(diagnostics);
      if (parsed && test_.Find("print") != nullptr) CheckCanonical(module);
      return;
    }
    for (const ir::Diagnostic& diagnostic : diagnostics.list()) {
      Fail(diagnostic.span.line, Format("{}: {}", InfoOf(diagnostic.id).name, diagnostic.message));
    }
    if (!diagnostics.ok()) return;
    CheckRoundTrip(module, "as written");
    CheckCanonical(module);
    bool has_passes = test_.Find("passes") != nullptr;
    ir::Module rewritten = ir::Parse(test_.text, ops_, diagnostics);
    std::optional<std::string> output = RunPasses(rewritten);
    if (!output) return;
    if (has_passes) CheckRoundTrip(rewritten, "after the passes");
    CheckOutput(*output, new_expectations);
    Execute(module, has_passes ? *output : std::string());
  }

 private:
  void Fail(int line, std::string message) {
    report_.failures.push_back({line, std::move(message)});
  }

  void Done(int line, std::string_view what) {
    ++report_.checks;
    report_.log.push_back(Format("{}:{}: {}", path_, line, what));
  }

  bool HasStatement() const {
    if (!test_.expectations.empty()) return true;
    for (std::string_view name : kStatements) {
      if (test_.Find(name) != nullptr) return true;
    }
    return false;
  }

  // ---- error: ----

  // The line after the directive that is none: errors are told of lines of the module.
  int BlamedLine(const Directive& directive) const {
    std::vector<std::string> lines = tools::SplitLines(test_.text);
    auto line = static_cast<size_t>(directive.line);  // the index of the next line
    while (line < lines.size() && lines[line].find_first_not_of(" \t") == lines[line].find("//!")) {
      ++line;
    }
    return static_cast<int>(line) + 1;
  }

  void CheckErrors(const ir::Diagnostics& diagnostics) {
    std::vector<ExpectedError> expected;
    for (const Directive* directive : test_.All("error")) {
      expected.push_back({directive, BlamedLine(*directive)});
      Done(directive->line, Format("error: {}", directive->text));
    }
    for (const ir::Diagnostic& found : diagnostics.list()) {
      if (Claim(found, expected)) continue;
      Fail(found.span.line, Format("not expected: {}: {}", InfoOf(found.id).name, found.message));
    }
    for (const ExpectedError& error : expected) {
      if (error.seen) continue;
      Fail(error.directive->line,
           Format("line {} has no error `{}`", error.line, error.directive->text));
    }
  }

  static bool Claim(const ir::Diagnostic& found, std::vector<ExpectedError>& expected) {
    for (ExpectedError& error : expected) {
      const std::string& text = error.directive->text;
      std::string id = text.substr(0, text.find(' '));
      std::string words = text.size() > id.size() ? text.substr(id.size() + 1) : "";
      if (error.seen || error.line != found.span.line || id != InfoOf(found.id).name) continue;
      if (found.message.find(words) == std::string::npos) continue;
      return error.seen = true;
    }
    return false;
  }

  // ---- The text form ----

  void CheckRoundTrip(const ir::Module& module, std::string_view when) {
    Done(test_.line, Format("round trip {}", when));
    std::string printed = ir::Print(module);
    ir::Diagnostics diagnostics(path_, printed, kMaxErrors);
    ir::Module again = ir::Parse(printed, ops_, diagnostics);
    if (diagnostics.ok()) ir::Verify(again, diagnostics);
    if (!diagnostics.ok()) {
      Fail(test_.line, Format("what is printed {} is in error:\n{}", when, diagnostics.Render()));
      return;
    }
    if (std::string twice = ir::Print(again); twice != printed) {
      Fail(test_.line, Format("printing, parsing and printing {} gives another text:\n{}", when,
                              tools::ShowDiff(printed, twice, kIndent)));
    }
    if (!ir::Equal(module, again) || ir::HashOf(module) != ir::HashOf(again)) {
      Fail(test_.line, Format("printing and parsing {} gives another structure", when));
    }
  }

  void CheckCanonical(const ir::Module& module) {
    if (test_.Find("noncanonical") != nullptr) return;
    const Directive* print = test_.Find("print");
    int line = print == nullptr ? test_.line : print->line;
    Done(line, "print");
    std::string printed = ir::Print(module);
    if (printed == test_.own_text) return;
    Fail(line, Format("the text is not canonical (- the file, + as printed):\n{}",
                      tools::ShowDiff(test_.own_text, printed, kIndent)));
  }

  // ---- run:, diff: ----

  void Execute(const ir::Module& module, const std::string& rewritten) {
    Executor executor(environment_.engines, environment_.tiers, path_, test_, module, rewritten);
    for (const Directive& directive : test_.directives) {
      std::vector<std::string> problems;
      if (directive.name == "run" || directive.name == "run-again") {
        problems = executor.Run(directive);
      } else if (directive.name == "run-error") {
        problems = executor.RunError(directive);
      } else if (directive.name == "diff") {
        problems = executor.Diff(directive);
      } else {
        continue;
      }
      Done(directive.line, Format("{}: {}", directive.name, directive.text));
      for (std::string& problem : problems) Fail(directive.line, std::move(problem));
    }
  }

  // ---- passes:, check:, expect: ----

  std::optional<std::string> RunPasses(ir::Module& module) {
    const Directive* directive = test_.Find("passes");
    if (directive == nullptr) return ir::Print(module);
    if (test_.All("passes").size() > 1) {
      Fail(test_.All("passes")[1]->line, "one module has one passes: line");
      return std::nullopt;
    }
    StatusOr<std::vector<const ir::Pass*>> passes = ir::ParsePipeline(directive->text);
    if (!passes.ok()) {
      Fail(directive->line, passes.status().ToString());
      return std::nullopt;
    }
    StatusOr<std::vector<ir::PassRun>> runs =
        ir::RunPipeline(*passes, module, {.ops = ops_, .cpu = environment_.engines[0]->cpu()},
                        {.verify_each = true, .after_pass = {}});
    if (!runs.ok()) {
      Fail(directive->line, runs.status().ToString());
      return std::nullopt;
    }
    CheckSettled(*directive, *passes, module);
    return ir::Print(module);
  }

  // A second run of the last pass finds nothing more to do, or it is told wrong what it did.
  void CheckSettled(const Directive& directive, const std::vector<const ir::Pass*>& passes,
                    ir::Module& module) {
    if (passes.empty()) return;
    std::string before = ir::Print(module);
    StatusOr<bool> changed =
        passes.back()->run(module, {.ops = ops_, .cpu = environment_.engines[0]->cpu()});
    std::string after = ir::Print(module);
    if (!changed.ok()) {
      Fail(directive.line, changed.status().ToString());
    } else if (*changed || before != after) {
      Fail(directive.line,
           Format("a second run of {} changes the module again{}:\n{}", passes.back()->name,
                  *changed ? "" : " and denies it", tools::ShowDiff(before, after, kIndent)));
    }
  }

  void CheckOutput(const std::string& output, std::vector<std::string>& new_expectations) {
    for (const Directive& directive : test_.directives) {
      if (directive.name.starts_with("check")) {
        Done(directive.line, Format("{}: {}", directive.name, directive.text));
      }
    }
    if (std::optional<CheckFailure> failure = MatchChecks(test_.directives, output)) {
      Fail(failure->line, Format("{}\n  the output is:\n{}", failure->message, Indented(output)));
    }
    for (const Expectation& expectation : test_.expectations) {
      Done(expectation.begin_line, "expect");
      new_expectations.push_back(output);
      if (environment_.refresh || expectation.text == output) continue;
      Fail(expectation.begin_line,
           Format("the output differs (- expected, + got; --refresh rewrites it):\n{}",
                  tools::ShowDiff(expectation.text, output, kIndent)));
    }
  }

  static std::string Indented(const std::string& text) {
    std::string indented;
    for (const std::string& line : tools::SplitLines(text)) {
      indented.append(kIndent).append(line).append("\n");
    }
    return indented;
  }

  const Environment& environment_;
  const std::string& path_;
  const TestModule& test_;
  FileReport& report_;
  const ir::OpRegistry& ops_;
};

// The file's text with each expectation of `modules` replaced by the new text, if there is one.
std::string Refreshed(const TestFile& file,
                      const std::vector<std::vector<std::string>>& new_expectations) {
  std::vector<std::string> lines = tools::SplitLines(file.text);
  std::string text;
  size_t next = 0;
  for (size_t m = 0; m < file.modules.size(); ++m) {
    const std::vector<Expectation>& expectations = file.modules[m].expectations;
    for (size_t e = 0; e < new_expectations[m].size(); ++e) {
      for (; next < static_cast<size_t>(expectations[e].begin_line); ++next) {
        text.append(lines[next]).append("\n");
      }
      for (const std::string& line : tools::SplitLines(new_expectations[m][e])) {
        text.append(line.empty() ? "//!" : "//! ").append(line).append("\n");
      }
      next = static_cast<size_t>(expectations[e].end_line) - 1;
    }
  }
  for (; next < lines.size(); ++next) text.append(lines[next]).append("\n");
  return text;
}

}  // namespace

StatusOr<Environment> Environment::ForThisMachine(Tier tier) {
  GCOMP_ASSIGN_OR_RETURN(CpuLevel level, DetectCpuLevel());
  std::vector<CpuLevel> levels = {level};
  if (level != CpuLevel::kV3) levels.push_back(CpuLevel::kV3);
  Environment environment;
  for (CpuLevel each : levels) {
    EngineOptions options;
    options.cpu = each;
    GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<Engine> engine, Engine::Create(options));
    environment.engines.push_back(std::move(engine));
  }
  if (tier != Tier::kAuto) {
    environment.tiers = {tier};
  } else if (environment.engines[0]->CanCompile()) {
    environment.tiers = {Tier::kInterp, Tier::kCompiled};
  }
  return environment;
}

FileReport RunFile(const Environment& environment, const std::string& path) {
  FileReport report;
  report.path = path;
  auto fail = [&](const Status& status) {
    report.failures.push_back(
        {status.place().line, Format("{}: {}", InfoOf(status.id()).name, status.message())});
  };
  StatusOr<std::string> text = tools::ReadTextFile(path);
  if (!text.ok()) {
    fail(text.status());
    return report;
  }
  StatusOr<TestFile> file = ParseTestFile(path, *std::move(text));
  if (!file.ok()) {
    fail(file.status());
    return report;
  }
  std::vector<std::vector<std::string>> new_expectations;
  for (const TestModule& module : file->modules) {
    new_expectations.emplace_back();
    ModuleRun(environment, path, module, report).Run(new_expectations.back());
  }
  if (!environment.refresh) return report;
  std::string refreshed = Refreshed(*file, new_expectations);
  if (refreshed == file->text) return report;
  Status written = tools::WriteTextFile(path, refreshed);
  if (written.ok()) {
    report.refreshed = true;
  } else {
    fail(written);
  }
  return report;
}

}  // namespace gcomp::filetest
