// gcomp-reduce: makes a graph smaller as long as a command finds it interesting.
//
//   gcomp-reduce failing.ir --test='gcomp-filetest {}' --match='differs' --output=small.ir
//   gcomp-reduce model.ir --test='grep -q tanh {}' --interesting=succeeds
//
// stdout is data, stderr is progress. Exit codes: base/error_table.inc (0 ok, 2 wrong use or a file
// that is not interesting, 3 bad graph).
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/format.h"
#include "base/status.h"
#include "kernels/all_ops.h"
#include "tools/command_line.h"
#include "tools/common.h"
#include "tools/reduce/interest.h"
#include "tools/reduce/search.h"
#include "tools/reduce/test_case.h"
#include "tools/text_file.h"

namespace gcomp::reduce {
namespace {

constexpr unsigned kMaxJobs = 64;
constexpr double kMaxTimeoutSeconds = 1e6;

struct ReduceOptions {
  std::string input;
  std::string output = "-";
  std::string interesting = "fails";
  double timeout_seconds = 60;
  InterestOptions interest;
};

int Fail(const Status& status) {
  return tools::PrintError("gcomp-reduce", status);
}

Status CheckOptions(ReduceOptions& options) {
  if (options.interesting != "fails" && options.interesting != "succeeds") {
    return {ErrorId::E701,
            Format("--interesting={}: must be fails or succeeds", options.interesting)};
  }
  if (!(options.timeout_seconds > 0 && options.timeout_seconds <= kMaxTimeoutSeconds)) {
    return {ErrorId::E701, Format("--timeout={}: must be above 0 and at most {} s",
                                  options.timeout_seconds, kMaxTimeoutSeconds)};
  }
  if (options.interest.jobs < 1 || options.interest.jobs > kMaxJobs) {
    return {ErrorId::E701, Format("--jobs={}: must be 1 to {}", options.interest.jobs, kMaxJobs)};
  }
  options.interest.succeeds = options.interesting == "succeeds";
  options.interest.timeout =
      std::chrono::milliseconds(static_cast<int64_t>(options.timeout_seconds * 1000));
  return {};
}

void OnSignal(int) {
  TestCommand::Interrupt();
}

// An interrupted reduction ends its commands, removes its folder and writes what it has.
void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

class Progress {
 public:
  Progress(const ReduceOptions& options, const Interest& interest, const ir::OpRegistry& ops)
      : options_(options), interest_(interest), ops_(ops) {}

  // One line for each step. A file has each step's result, so that none is lost with the process.
  Status operator()(const TestCase& test_case, std::string_view what) const {
    int64_t num_ops = 0;
    for (const Piece& piece : test_case.pieces) {
      GCOMP_ASSIGN_OR_RETURN(Draft draft, ReadDraft(piece, ops_));
      num_ops += CountOps(draft.module);
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start_;
    const std::string line = Format("gcomp-reduce: {} ops, {} tests, {:.1f} s: {}\n", num_ops,
                                    interest_.num_tests(), time.count(), what);
    std::fwrite(line.data(), 1, line.size(), stderr);
    if (options_.output == "-") return {};
    return tools::WriteTextFile(options_.output, Print(test_case));
  }

 private:
  const ReduceOptions& options_;
  const Interest& interest_;
  const ir::OpRegistry& ops_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

int Run(ReduceOptions& options) {
  namespace fs = std::filesystem;
  Status status = CheckOptions(options);
  if (!status.ok()) return Fail(status);
  StatusOr<std::string> text = tools::ReadTextFile(options.input);
  if (!text.ok()) return Fail(text.status());
  StatusOr<TestCase> test_case = ReadTestCase(options.input, *std::move(text));
  if (!test_case.ok()) return Fail(test_case.status());
  std::error_code error;
  const fs::path path = fs::absolute(options.input == "-" ? "input.ir" : options.input, error);
  if (error) return Fail(Status(ErrorId::E601, Format("{}: {}", options.input, error.message())));
  StatusOr<Interest> interest = Interest::Make(options.interest, path.filename().string());
  if (!interest.ok()) return Fail(interest.status());
  CatchInterrupts();
  ir::OpRegistry ops(kernels::AllOps());
  Progress progress(options, *interest, ops);
  Search search(*interest, ops, path.parent_path().string(), progress);
  status = search.Run(*std::move(test_case));
  const bool reduced = status.ok() || status.id() == ErrorId::E803;
  if (reduced && !search.best().pieces.empty()) {
    Status written = progress(search.best(), status.ok() ? "done" : "interrupted");
    if (written.ok()) written = tools::WriteTextFile(options.output, Print(search.best()));
    if (!written.ok()) return Fail(written);
  }
  return status.ok() ? 0 : Fail(status);
}

int Main(int argc, char** argv) {
  ReduceOptions options;
  tools::CommandLine line("gcomp-reduce",
                          "Makes a graph smaller as long as a command finds it interesting.");
  line.AddVersionFlag(tools::VersionText("gcomp-reduce"));
  line.AddOption("file", &options.input, "The graph with its directives; - = standard input",
                 {.required = true});
  line.AddOption("--test", &options.interest.command,
                 "The command, run by /bin/sh; {} stands for the path of the file to test",
                 {.required = true});
  line.AddOption("--interesting", &options.interesting,
                 "fails: the command fails with the exit code that it has for the whole graph; "
                 "succeeds: its exit code is 0");
  line.AddOption("--match", &options.interest.match,
                 "And a line of its output matches this regular expression");
  line.AddOption("-o,--output", &options.output, "Where to write; - = standard output");
  line.AddOption("--timeout", &options.timeout_seconds,
                 "Seconds after which the command is killed; it is not interesting then");
  line.AddOption("--jobs", &options.interest.jobs, "Commands that run at a time");
  if (std::optional<int> exit_code = line.Parse(argc, argv)) return *exit_code;
  return Run(options);
}

}  // namespace
}  // namespace gcomp::reduce

int main(int argc, char** argv) {
  return gcomp::tools::RunGuarded("gcomp-reduce", [&] { return gcomp::reduce::Main(argc, argv); });
}
