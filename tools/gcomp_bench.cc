// gcomp-bench: how long graphs take, beside the time that moving their data alone takes.
//
// Each round runs the graph for a while and then copies as many bytes as its inputs, weights and
// outputs have (source and destination together), so that both see the same machine; the report
// gives the median over the rounds with the quartiles. `of copy` is the share of the copy's
// bandwidth that the graph reaches with these useful bytes: near 1 it is bound by memory, far below
// by arithmetic or by what it moves besides; above where its data stay in caches that memcpy, which
// streams past them from some size on, does not use.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "tools/bench/measure.h"
#include "tools/bench/report.h"
#include "tools/bench/serve.h"
#include "tools/bench/subject.h"
#include "tools/command_line.h"
#include "tools/common.h"
#include "tools/run/tier.h"

namespace gcomp::tools {
namespace {

constexpr char kTool[] = "gcomp-bench";

struct BenchOptions {
  std::vector<std::string> files;
  int rounds = 15;
  double round_ms = 20;
  double margin = 0.1;
  std::string tier = "auto";
  int threads = 1;
  bool json = false;
  bool serve = false;
};

// Each row is to be seen when it is known.
void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

// The measurements of all graphs. A graph with an op that this build does not have is told on
// stderr and left out; any other error ends the program.
class Bench {
 public:
  Bench(std::shared_ptr<Engine> engine, const BenchOptions& options, Tier tier)
      : engine_(std::move(engine)),
        options_(options),
        tier_(tier),
        report_{.rounds = options.rounds, .margin = options.margin} {}

  int Run() {
    if (!options_.json) Print(TableHead());
    for (const std::string& file : options_.files) {
      std::string errors;
      Status status = One(file, &errors);
      if (status.ok()) continue;
      if (status.id() == ErrorId::E510) {
        Skip(file, status);
        continue;
      }
      std::fputs(errors.c_str(), stderr);
      return PrintError(kTool, status);
    }
    if (options_.json) Print(ReportJson(report_));
    return 0;
  }

 private:
  Status One(const std::string& file, std::string* errors) {
    GCOMP_ASSIGN_OR_RETURN(Subject subject, LoadSubject(engine_, file, "", tier_, errors));
    GCOMP_ASSIGN_OR_RETURN(Measurement m, Measure(subject, options_.rounds, options_.round_ms));
    report_.rows.push_back({subject.name, subject.argument_bytes, subject.flop, m});
    if (!options_.json) Print(TableRow(report_.rows.back(), options_.margin));
    return {};
  }

  void Skip(const std::string& file, const Status& status) {
    std::fprintf(stderr, "%s: skipped %s: not in this build: %s\n", kTool, file.c_str(),
                 status.ToString().c_str());
    report_.skipped.push_back({file, status.ToString()});
  }

  std::shared_ptr<Engine> engine_;
  const BenchOptions& options_;
  const Tier tier_;
  BenchReport report_;
};

ValueCheck WithinNumbers(double low, double high) {
  return {[low, high](const std::string& text) {
    double value = std::strtod(text.c_str(), nullptr);
    // NaN fails both comparisons.
    if (value >= low && value <= high) return std::string();
    return Format("{} is not in [{:g}, {:g}]", text, low, high);
  }};
}

int Main(int argc, char** argv) {
  CommandLine line(kTool,
                   "Times graphs (random inputs and weights) against copying their data alone.");
  line.SetFooter(
      "Example: gcomp-bench bench/*.ir --rounds=15\n"
      "Times are per call; bench/README.md tells what the columns mean.\n"
      "--serve reads requests from stdin, one line of JSON each:\n"
      "  {\"load\": \"graph.ir\", \"data\": \"in.safetensors\", \"outputs\": \"out.safetensors\",\n"
      "   \"tier\": \"interp\"}\n"
      "  {\"round_ms\": 20}");
  line.AddVersionFlag(VersionText(kTool));
  BenchOptions options;
  line.AddOption("graphs", &options.files, "Graphs (.ir); the first exported function of each");
  line.AddOption("--rounds", &options.rounds, "Rounds of graph and copy in turn",
                 {.show_default = true, .check = InRange(1, 10000)});
  line.AddOption("--round-ms", &options.round_ms, "Milliseconds of graph runs per round",
                 {.show_default = true, .check = WithinNumbers(0.1, 60000)});
  line.AddOption("--margin", &options.margin, "NOISY past this spread (p75 - p25) / median",
                 {.show_default = true, .check = WithinNumbers(0, 100)});
  line.AddOption("--tier", &options.tier, kTierHelp, {.type = "TIER"});
  line.AddOption("--threads", &options.threads,
                 "Threads that one call may use (compiled kernels do); 0 = all there are",
                 {.show_default = true, .check = InRange(0, 1024)});
  line.AddFlag("--json", &options.json, "Print JSON (schema_version 1) instead of a table");
  line.AddFlag("--serve", &options.serve, "Time rounds as another program asks for them");
  if (std::optional<int> exit_code = line.Parse(argc, argv)) return *exit_code;
  if (options.serve != options.files.empty()) {
    return CommandLine::PrintUsageError("graphs, or --serve without any, is required");
  }
  StatusOr<Tier> tier = ParseTier(options.tier);
  if (!tier.ok()) return PrintError(kTool, tier.status());
  EngineOptions engine_options;
  engine_options.threads = options.threads;
  engine_options.log = StderrSink(kTool, LogLevel::kWarning);
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(engine_options);
  if (!engine.ok()) return PrintError(kTool, engine.status());
  return options.serve ? Serve(*engine, *tier) : Bench(*engine, options, *tier).Run();
}

}  // namespace
}  // namespace gcomp::tools

int main(int argc, char** argv) {
  return gcomp::tools::RunGuarded(gcomp::tools::kTool,
                                  [&] { return gcomp::tools::Main(argc, argv); });
}
