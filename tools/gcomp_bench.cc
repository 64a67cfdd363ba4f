// gcomp-bench: how long graphs take, beside the time that moving their data alone takes.
//
// Each round runs the graph for a while and then copies as many bytes as its inputs, weights and
// outputs have (source and destination together), so that both see the same machine; the report
// gives the median over the rounds with the quartiles. `of copy` is the share of the copy's
// bandwidth that the graph reaches with these useful bytes: near 1 it is bound by memory, far below
// by arithmetic or by what it moves besides; above where its data stay in caches that memcpy, which
// streams past them from some size on, does not use.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "tools/bench/measure.h"
#include "tools/bench/serve.h"
#include "tools/bench/subject.h"
#include "tools/common.h"

namespace gcomp::tools {
namespace {

constexpr char kTool[] = "gcomp-bench";

struct BenchOptions {
  std::vector<std::string> files;
  int rounds = 15;
  double round_ms = 20;
  double margin = 0.1;
  bool json = false;
  bool serve = false;
};

Json ToJson(const Subject& subject, const Measurement& m, double margin) {
  Json json = {{"name", subject.name},
               {"calls_per_round", m.calls_per_round},
               {"argument_bytes", subject.argument_bytes},
               {"call_us", ToJson(m.call_us)},
               {"copy_us", ToJson(m.copy_us)},
               {"times_the_copy", m.call_us.p50 / m.copy_us.p50},
               {"of_copy", ToJson(m.of_copy)},
               {"noisy", m.of_copy.Noisy(margin)},
               {"gbyte_per_s", static_cast<double>(subject.argument_bytes) / m.call_us.p50 / 1e3}};
  if (subject.flop > 0) {
    json["flop"] = subject.flop;
    json["gflop_per_s"] = static_cast<double>(subject.flop) / m.call_us.p50 / 1e3;
  }
  return json;
}

void PrintHead() {
  std::printf("%-52s %11s %11s %11s %11s %8s %15s %9s\n", "times in us", "median", "p25", "p75",
              "copy", "of copy", "p25-p75", "GFLOP/s");
}

void PrintRow(const Subject& subject, const Measurement& m, double margin) {
  std::printf("%-52s %11.2f %11.2f %11.2f %11.2f %8.3f %7.3f-%-7.3f", subject.name.c_str(),
              m.call_us.p50, m.call_us.p25, m.call_us.p75, m.copy_us.p50, m.of_copy.p50,
              m.of_copy.p25, m.of_copy.p75);
  if (subject.flop > 0) {
    std::printf(" %9.1f", static_cast<double>(subject.flop) / m.call_us.p50 / 1e3);
  } else {
    std::printf(" %9s", "-");
  }
  std::printf("%s\n", m.of_copy.Noisy(margin) ? "  NOISY" : "");
  std::fflush(stdout);
}

// The measurements of all graphs. A graph with an op that this build does not have is told on
// stderr and left out; any other error ends the program.
class Bench {
 public:
  Bench(std::shared_ptr<Engine> engine, const BenchOptions& options)
      : engine_(std::move(engine)), options_(options) {}

  int Run() {
    if (!options_.json) PrintHead();
    for (const std::string& file : options_.files) {
      std::string report;
      Status status = One(file, &report);
      if (status.ok()) continue;
      if (status.id() == ErrorId::E510) {
        Skip(file, status);
        continue;
      }
      std::fputs(report.c_str(), stderr);
      return PrintError(kTool, status);
    }
    if (options_.json) {
      Json report = {{"schema_version", 1},       {"rounds", options_.rounds},
                     {"margin", options_.margin}, {"environment", EnvironmentJson()},
                     {"results", results_},       {"skipped", skipped_}};
      std::printf("%s\n", report.dump(2).c_str());
    }
    return 0;
  }

 private:
  Status One(const std::string& file, std::string* report) {
    GCOMP_ASSIGN_OR_RETURN(Subject subject, LoadSubject(engine_, file, "", report));
    GCOMP_ASSIGN_OR_RETURN(Measurement m, Measure(subject, options_.rounds, options_.round_ms));
    if (options_.json) {
      results_.push_back(ToJson(subject, m, options_.margin));
    } else {
      PrintRow(subject, m, options_.margin);
    }
    return {};
  }

  void Skip(const std::string& file, const Status& status) {
    std::fprintf(stderr, "%s: skipped %s: not in this build: %s\n", kTool, file.c_str(),
                 status.ToString().c_str());
    skipped_.push_back({{"graph", file}, {"why", status.ToString()}});
  }

  std::shared_ptr<Engine> engine_;
  const BenchOptions& options_;
  Json results_ = Json::array();
  Json skipped_ = Json::array();
};

std::string CheckRange(const std::string& text, double low, double high) {
  double value = std::strtod(text.c_str(), nullptr);
  // NaN fails both comparisons.
  if (value >= low && value <= high) return {};
  char limits[64];
  std::snprintf(limits, sizeof(limits), " is not in [%g, %g]", low, high);
  return text + limits;
}

int Main(int argc, char** argv) {
  CLI::App app("Times graphs (random inputs and weights) against copying their data alone.", kTool);
  app.footer(
      "Example: gcomp-bench bench/*.ir --rounds=15\n"
      "Times are per call, on one thread; bench/README.md tells what the columns mean.\n"
      "--serve reads requests from stdin, one line of JSON each:\n"
      "  {\"load\": \"graph.ir\", \"data\": \"in.safetensors\", \"outputs\": \"out.safetensors\"}\n"
      "  {\"round_ms\": 20}");
  app.set_version_flag("--version", VersionText(kTool));
  BenchOptions options;
  app.add_option("graphs", options.files, "Graphs (.ir); the first exported function of each");
  app.add_option("--rounds", options.rounds, "Rounds of graph and copy in turn")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--round-ms", options.round_ms, "Milliseconds of graph runs per round")
      ->check([](const std::string& text) { return CheckRange(text, 0.1, 60000); })
      ->capture_default_str();
  app.add_option("--margin", options.margin, "NOISY past this spread (p75 - p25) / median")
      ->check([](const std::string& text) { return CheckRange(text, 0, 100); })
      ->capture_default_str();
  app.add_flag("--json", options.json, "Print JSON (schema_version 1) instead of a table");
  app.add_flag("--serve", options.serve, "Time rounds as another program asks for them");
  try {
    app.parse(argc, argv);
    if (options.serve != options.files.empty()) {
      throw CLI::RequiredError("graphs, or --serve without any,");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  EngineOptions engine_options;
  engine_options.log = StderrSink(kTool, LogLevel::kWarning);
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(engine_options);
  if (!engine.ok()) return PrintError(kTool, engine.status());
  return options.serve ? Serve(*engine) : Bench(*engine, options).Run();
}

}  // namespace
}  // namespace gcomp::tools

int main(int argc, char** argv) {
  return gcomp::tools::RunGuarded(gcomp::tools::kTool,
                                  [&] { return gcomp::tools::Main(argc, argv); });
}
