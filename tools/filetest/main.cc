// gcomp-filetest: runs text tests: `.ir` files with `//!` directives (docs/testing.md).
//
//   gcomp-filetest tests/                  all .ir files under a folder
//   gcomp-filetest tests/ops/exp.ir -v     one file, every check shown
//   gcomp-filetest tests/passes --refresh  rewrite expected output in place
//
// One line per failure on stderr, a summary on stdout. Exit code 0 if all pass, 1 if not, 2 usage.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/format.h"
#include "tools/command_line.h"
#include "tools/common.h"
#include "tools/filetest/runner.h"
#include "tools/run/tier.h"

namespace gcomp::filetest {
namespace {

// Folders of this name hold inputs of fuzzers, not tests.
constexpr std::string_view kCorpus = "corpus";

struct FiletestOptions {
  std::vector<std::string> paths;
  std::string filter;
  std::string tier = "auto";
  unsigned jobs = 0;  // 0 = one per processor
  bool refresh = false;
  bool list = false;
  bool verbose = false;
};

void Write(std::FILE* stream, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stream);
}

int Fail(const Status& status) {
  return tools::PrintError("gcomp-filetest", status);
}

// The .ir files that the paths name, sorted.
StatusOr<std::vector<std::string>> FindFiles(const FiletestOptions& options) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : options.paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      if (!fs::exists(path, error)) return Status(ErrorId::E601, Format("no file {}", path));
      files.push_back(path);
      continue;
    }
    fs::recursive_directory_iterator entry(path, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      if (entry->path().filename() == kCorpus) entry.disable_recursion_pending();
      if (entry->path().extension() == ".ir") files.push_back(entry->path().string());
    }
    if (error) return Status(ErrorId::E601, Format("{}: {}", path, error.message()));
  }
  std::erase_if(files, [&](const std::string& file) {
    return file.find(options.filter) == std::string::npos;
  });
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

std::vector<FileReport> RunAll(const Environment& environment,
                               const std::vector<std::string>& files, unsigned jobs) {
  std::vector<FileReport> reports(files.size());
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) {
      reports[i] = RunFile(environment, files[i]);
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < jobs; ++i) threads.emplace_back(work);
  work();
  return reports;
}

int Report(const std::vector<FileReport>& reports, bool verbose) {
  int checks = 0;
  size_t failed = 0;
  for (const FileReport& report : reports) {
    checks += report.checks;
    failed += report.failures.size();
    if (verbose) {
      for (const std::string& line : report.log) Write(stdout, line + "\n");
    }
    if (report.refreshed) Write(stdout, Format("{}: refreshed\n", report.path));
    for (const Failure& failure : report.failures) {
      std::string_view end = failure.message.ends_with('\n') ? "" : "\n";
      Write(stderr,
            Format("{}:{}: {}{}", report.path, std::max(failure.line, 1), failure.message, end));
    }
  }
  Write(stdout, Format("{} files, {} checks, {} failed\n", reports.size(), checks, failed));
  return failed == 0 ? 0 : InfoOf(ErrorId::E704).exit_code;
}

int Run(const FiletestOptions& options) {
  StatusOr<std::vector<std::string>> files = FindFiles(options);
  if (!files.ok()) return Fail(files.status());
  if (options.list) {
    for (const std::string& file : *files) Write(stdout, file + "\n");
    return 0;
  }
  if (files->empty()) return Fail(Status(ErrorId::E701, "no .ir file is named or found"));
  StatusOr<Tier> tier = tools::ParseTier(options.tier);
  if (!tier.ok()) return Fail(tier.status());
  StatusOr<Environment> environment = Environment::ForThisMachine(*tier);
  if (!environment.ok()) return Fail(environment.status());
  environment->refresh = options.refresh;
  unsigned jobs = options.jobs != 0 ? options.jobs : std::thread::hardware_concurrency();
  jobs = std::clamp(jobs, 1u, 64u);
  return Report(RunAll(*environment, *files, jobs), options.verbose);
}

int Main(int argc, char** argv) {
  FiletestOptions options;
  tools::CommandLine line("gcomp-filetest", "Runs text tests: .ir files with //! directives.");
  line.AddVersionFlag(tools::VersionText("gcomp-filetest"));
  line.AddOption("paths", &options.paths, "Files, and folders that are searched for .ir files",
                 {.required = true});
  line.AddOption("--jobs", &options.jobs, "Threads; default: one per processor");
  line.AddOption("--filter", &options.filter, "Only files whose path has this text");
  line.AddOption("--tier", &options.tier,
                 "Which tier runs the graphs: interp, compiled; auto = both, equal bits [auto]",
                 {.type = "TIER"});
  line.AddFlag("--refresh", &options.refresh,
               "Rewrite expect-begin ... expect-end in place (also GCOMP_TEST_REFRESH=1)");
  line.AddFlag("--list", &options.list, "List the files that would run");
  line.AddFlag("-v,--verbose", &options.verbose, "Show every check");
  if (std::optional<int> exit_code = line.Parse(argc, argv)) return *exit_code;
  const char* refresh = std::getenv("GCOMP_TEST_REFRESH");
  options.refresh |= refresh != nullptr && std::string_view(refresh) == "1";
  return Run(options);
}

}  // namespace
}  // namespace gcomp::filetest

int main(int argc, char** argv) {
  return gcomp::tools::RunGuarded("gcomp-filetest",
                                  [&] { return gcomp::filetest::Main(argc, argv); });
}
