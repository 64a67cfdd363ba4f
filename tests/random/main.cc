// gcomp-random-graphs: makes random graphs and has each checked as a test file is
// (docs/testing.md).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "base/format.h"
#include "kernels/all_ops.h"
#include "tests/random/generator.h"
#include "tools/command_line.h"
#include "tools/common.h"
#include "tools/filetest/runner.h"
#include "tools/run/tier.h"
#include "tools/text_file.h"

namespace gcomp::random {
namespace {

constexpr char kTool[] = "gcomp-random-graphs";
constexpr size_t kMaxShown = 3;  // failures per graph: the others are mostly the same again

struct Options {
  uint64_t seed = 1;
  int64_t count = 300;
  double seconds = 0;
  int max_ops = 24;
  std::vector<std::string> ops;
  std::string tier = "auto";
  std::string keep;
  bool print = false;
  bool histogram = true;
  bool require_all_ops = false;
  int64_t each_op = 0;
};

void PrintCounts(std::string_view title,
                 const std::map<std::string, int64_t, std::less<>>& counts) {
  std::vector<std::pair<int64_t, std::string>> sorted;
  for (const auto& [name, count] : counts) sorted.emplace_back(-count, name);
  std::sort(sorted.begin(), sorted.end());
  std::string line = Format("{}:", title);
  for (const auto& [count, name] : sorted) line += Format(" {} {}", name, -count);
  std::printf("%s\n", line.c_str());
}

// The ops that no graph has; empty if all that can be made are there.
std::string MissingOps(const ir::OpRegistry& ops, const Histogram& histogram) {
  std::string missing;
  for (const ir::OpDef* def : ops.ops()) {
    if (LeftOut().contains(def->name) || histogram.ops.contains(def->name)) continue;
    missing += Format(" {}", def->name);
  }
  return missing;
}

// The forms in which ops were not tried, one line per op; empty if all were.
std::string MissingForms(const ir::OpRegistry& ops, const Histogram& histogram) {
  std::string text;
  for (const ir::OpDef* def : ops.ops()) {
    auto seen = histogram.forms.find(def->name);
    if (LeftOut().contains(def->name) || seen == histogram.forms.end()) continue;
    std::string missing;
    for (int i = 0; i < kNumForms; ++i) {
      auto form = static_cast<Form>(i);
      if (((seen->second >> i) & 1u) != 0 || NotTried(*def, form)) continue;
      missing += Format("{}{}", missing.empty() ? "" : ", ", NameOf(form));
    }
    if (!missing.empty())
      text += Format("{} was not tried in these forms: {}\n", def->name, missing);
  }
  return text;
}

// What the runs are for: these shares of all graphs write in place and have structure.
constexpr int64_t kGraphsForShares = 200;
constexpr int64_t kInPlacePercent = 34;
constexpr int64_t kStructuredPercent = 25;

void PrintShares(const Histogram& histogram) {
  const int64_t all = std::max<int64_t>(histogram.graphs, 1);
  std::printf(
      "graphs that write in place: %lld %% (through a view: %lld %%, with an operand in the "
      "same storage: %lld %%); with regions, calls or sizes that the data tell: %lld %%\n",
      static_cast<long long>(histogram.in_place * 100 / all),
      static_cast<long long>(histogram.through_view * 100 / all),
      static_cast<long long>(histogram.overlapping * 100 / all),
      static_cast<long long>(histogram.structured * 100 / all));
}

// Empty if the shares are reached, or the graphs too few to say.
std::string ShortOf(const Histogram& histogram) {
  if (histogram.graphs < kGraphsForShares) return "";
  std::string text;
  if (histogram.in_place * 100 < kInPlacePercent * histogram.graphs) {
    text += Format("fewer than {} % of the graphs write in place\n", kInPlacePercent);
  }
  if (histogram.structured * 100 < kStructuredPercent * histogram.graphs) {
    text +=
        Format("fewer than {} % of the graphs have regions, calls or sizes that the data tell\n",
               kStructuredPercent);
  }
  return text;
}

class Run {
 public:
  Run(const Options& options, filetest::Environment environment, std::filesystem::path folder)
      : options_(options), environment_(std::move(environment)), folder_(std::move(folder)) {}

  // Graphs of each op alone. The number of graphs that failed.
  int64_t EachOp() {
    int64_t failed = 0;
    uint64_t first = options_.seed;
    for (const ir::OpDef* def : environment_.engines[0]->ops().ops()) {
      if (LeftOut().contains(def->name)) continue;
      first += static_cast<uint64_t>(options_.each_op);
      for (int64_t i = 0; i < options_.each_op; ++i, ++made_) {
        RandomGraphOptions graph{.seed = first + static_cast<uint64_t>(i),
                                 .max_ops = 4,
                                 .favored = {std::string(def->name)},
                                 .only_favored = true};
        if (!One(graph, Format("{}_{}", def->name, graph.seed))) ++failed;
      }
    }
    return failed;
  }

  // The number of graphs that failed.
  int64_t All() {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    auto next_report = start + std::chrono::seconds(10);
    int64_t failed = 0;
    for (int64_t i = 0;; ++i) {
      const auto now = Clock::now();
      if (options_.seconds > 0) {
        if (std::chrono::duration<double>(now - start).count() >= options_.seconds) break;
      } else if (i >= options_.count) {
        break;
      }
      if (now > next_report) {
        std::fprintf(stderr, "%s: %lld graphs, %lld failed\n", kTool, static_cast<long long>(i),
                     static_cast<long long>(failed));
        next_report += std::chrono::seconds(10);
      }
      RandomGraphOptions graph{.seed = options_.seed + static_cast<uint64_t>(i),
                               .max_ops = options_.max_ops,
                               .favored = options_.ops};
      if (!One(graph, Format("random_{}", graph.seed))) ++failed;
      ++made_;
    }
    return failed;
  }

  int64_t made() const { return made_; }

  const Histogram& histogram() const { return histogram_; }

 private:
  bool One(const RandomGraphOptions& graph, const std::string& name) {
    std::string text = MakeRandomGraph(environment_.engines[0]->ops(), graph, histogram_);
    if (options_.print) std::printf("%s", text.c_str());
    std::filesystem::path path = folder_ / (name + ".ir");
    Status written = tools::WriteTextFile(path.string(), text);
    if (!written.ok()) {
      std::fprintf(stderr, "%s\n", written.ToString().c_str());
      return false;
    }
    filetest::FileReport report = filetest::RunFile(environment_, path.string());
    for (size_t i = 0; i < std::min(report.failures.size(), kMaxShown); ++i) {
      const filetest::Failure& failure = report.failures[i];
      std::fprintf(stderr, "%s:%d: %s\n", report.path.c_str(), failure.line,
                   failure.message.c_str());
    }
    if (report.failures.empty()) {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
    return report.failures.empty();
  }

  const Options& options_;
  filetest::Environment environment_;
  std::filesystem::path folder_;
  Histogram histogram_;
  int64_t made_ = 0;
};

int RunAll(const Options& options) {
  StatusOr<Tier> tier = tools::ParseTier(options.tier);
  if (!tier.ok()) return tools::PrintError(kTool, tier.status());
  StatusOr<filetest::Environment> environment = filetest::Environment::ForThisMachine(*tier);
  if (!environment.ok()) return tools::PrintError(kTool, environment.status());
  std::error_code error;
  std::filesystem::path folder = options.keep.empty() ? std::filesystem::temp_directory_path(error)
                                                      : std::filesystem::path(options.keep);
  std::filesystem::create_directories(folder, error);
  if (error) {
    return tools::PrintError(
        kTool, Status(ErrorId::E701, Format("{}: {}", folder.string(), error.message())));
  }
  const ir::OpRegistry& ops = environment->engines[0]->ops();
  for (const std::string& op : options.ops) {
    if (ops.Find(op) != nullptr && !LeftOut().contains(op)) continue;
    return tools::PrintError(kTool,
                             Status(ErrorId::E701, Format("no random graphs of op `{}`", op)));
  }
  Run run(options, *environment, folder);
  int64_t failed = options.each_op > 0 ? run.EachOp() : run.All();
  if (options.histogram) {
    PrintCounts("ops", run.histogram().ops);
    PrintCounts("dtypes", run.histogram().dtypes);
    PrintCounts("tries that inference refused", run.histogram().rejected);
    PrintShares(run.histogram());
  }
  std::string missing = MissingOps(ops, run.histogram());
  if (!missing.empty()) std::printf("ops in no graph:%s\n", missing.c_str());
  std::string forms;
  if (options.each_op > 0) forms = MissingForms(ops, run.histogram());
  std::printf("%s", forms.c_str());
  std::printf("%lld graphs from seed %llu on, %lld failed%s\n", static_cast<long long>(run.made()),
              static_cast<unsigned long long>(options.seed), static_cast<long long>(failed),
              failed == 0 ? "" : Format(" (kept in {})", folder.string()).c_str());
  bool incomplete = (options.require_all_ops && !missing.empty()) || !forms.empty();
  std::string short_of;
  if (options.ops.empty() && options.each_op == 0) short_of = ShortOf(run.histogram());
  std::printf("%s", short_of.c_str());
  incomplete = incomplete || !short_of.empty();
  return failed != 0 || incomplete ? 1 : 0;
}

int Main(int argc, char** argv) {
  Options options;
  tools::CommandLine line(kTool, "Makes random graphs and checks them as test files.");
  line.AddOption("--seed", &options.seed, "Of the first graph; graph i has seed + i");
  line.AddOption("--count", &options.count, "How many", {.check = tools::NotNegative()});
  line.AddOption("--seconds", &options.seconds, "For how long, instead of --count");
  line.AddOption("--max-ops", &options.max_ops, "Ops per graph",
                 {.check = tools::InRange(3, 10000)});
  line.AddOption("--each-op", &options.each_op,
                 "Instead: so many small graphs of each op; fails if an op was not tried with "
                 "empty, strided, broadcast ... operands");
  line.AddOption("--ops", &options.ops, "Take at least half of the ops from these",
                 {.delimiter = ','});
  line.AddOption("--tier", &options.tier,
                 "Which tier runs the graphs: interp, compiled; auto = both, equal bits [auto]",
                 {.type = "TIER"});
  line.AddOption("--keep", &options.keep,
                 "Where graphs that fail are written; else a temporary folder");
  line.AddFlag("--print", &options.print, "Write each graph to stdout");
  line.AddFlag("--histogram,!--no-histogram", &options.histogram, "What the graphs were made of");
  line.AddFlag("--require-all-ops", &options.require_all_ops, "Fail if an op is in no graph");
  line.AddVersionFlag(tools::VersionText(kTool));
  if (std::optional<int> exit_code = line.Parse(argc, argv)) return *exit_code;
  return RunAll(options);
}

}  // namespace
}  // namespace gcomp::random

int main(int argc, char** argv) {
  return gcomp::tools::RunGuarded(gcomp::random::kTool,
                                  [&] { return gcomp::random::Main(argc, argv); });
}
