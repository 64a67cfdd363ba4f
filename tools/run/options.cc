#include "tools/run/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>

#include "base/format.h"
#include "tools/common.h"

namespace gcomp::tools {
namespace {

// 0 or more, finite. CLI11's own range checks let NaN through.
const CLI::Validator kTolerance(
    [](std::string& text) {
      char* end = nullptr;
      double value = std::strtod(text.c_str(), &end);
      bool good = end != text.c_str() && *end == '\0' && value >= 0 && std::isfinite(value);
      return good ? std::string() : text + " is not a finite number of 0 or more";
    },
    "");

// A decimal number from 1 to 10^15. CLI11 wraps what exceeds 64 bits.
const CLI::Validator kCount(
    [](std::string& text) {
      bool digits = !text.empty() && text.size() <= 15 &&
                    text.find_first_not_of("0123456789") == std::string::npos;
      return digits && text.find_first_not_of('0') != std::string::npos
                 ? std::string()
                 : text + " is not a number from 1 to 10^15";
    },
    "");

constexpr const char* kTool = "gcomp-run";

constexpr const char* kFooter = R"(
Specs of --input, in the order of the function's inputs or with NAME= in front:
  x=2x3xf32=1 2 3 4 5 6    dims and dtype, then the elements in row-major order
  x=2x3xf32=0.5            one value for all elements
  x=0.5                    the same; dims and dtype are those of the function
  x=i64=3                  a scalar, or a host integer
  x=@file.npy              an array; also NAME=-, a .npy from standard input
  x=@file.npz:key          one of several arrays; .safetensors as well
  @file.npz                all inputs that the file has, by name
  x=random:7               random numbers with the seed 7; also x=2x3xf32=random
  x=iota                   0 1 2 3 ...
  random:7                 the seed for all inputs that are not told; default random:0
Sizes that no input tells: --size, else the least that the function allows, and at least 1.

Random numbers: input i (from 0) takes std::mt19937_64(seed + i), one with a seed of its own that
one; one 64-bit output u per element in row-major order. A float of p significant bits is
(u >> (64 - p)) * 2^(1 - p) - 1, uniform in [-1, 1); an integer is u % 10; a bool is u >> 63.
Weights: the same, by their order in the text.

--output=@f.npy, --output=- (.npy) write result 0, 1, ... in turn; @f.npz and @f.safetensors all of
them, by name. Without --output a single run prints its results as text.
--expected-output takes the specs of --input, for results. Floats agree when
|result - expected| <= atol + rtol * |expected|, and NaN with NaN; others must be equal.

Exit codes: 0 ok, 1 mismatch or run error, 2 usage, 3 bad or unsupported model, 4 limit, 5 device,
130 interrupted.

Examples:
  gcomp-run digits.ir --weights=digits.safetensors --input=@images.npy --output=@probs.npy
  gcomp-run mlp.ir --weights=random --duration=3s --threads=4 --json=mlp.json
  gcomp-run graph.ir --input=x=2xf32=1,2 --expected-output=2xf32=2,4 --rtol=0 --atol=0
  gcomp-run graph.ir --iterations=100 --profile
)";

// What CLI11 fills, before it is checked.
struct RawOptions {
  std::string tier = "auto";
  std::string warmup;
  std::string duration;
  std::string percentiles;
  std::string log = "warning";
  bool version = false;
};

// A flag that may come many times, with one value each time.
void AddRepeated(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                 const std::string& help, const std::string& type) {
  app.add_option(name, values, help)->allow_extra_args(false)->type_name(type);
}

void Declare(CLI::App& app, RunOptions& options, RawOptions& raw) {
  app.footer(kFooter);
  app.add_option("graph", options.graph, "The graph (.ir); - = standard input");
  app.add_option("--tier", raw.tier, "How to run it: auto, interp")->type_name("TIER");
  app.add_option("--function", options.function,
                 "Which function; may be left out when one is exported")
      ->type_name("NAME");
  app.add_option("--weights", options.weights, "A .safetensors or .npz file, or random[:SEED]")
      ->type_name("FILE");
  AddRepeated(app, "--input", options.inputs, "An input; may be repeated, see below", "SPEC");
  AddRepeated(app, "--size", options.sizes, "The value of a size symbol, as in s0=8", "NAME=N");
  AddRepeated(app, "--output", options.outputs,
              "Where a result goes: @f.npy, @f.npz, @f.safetensors, - = stdout", "DEST");
  AddRepeated(app, "--expected-output", options.expected_outputs,
              "What a result must be; exit code 1 if it is not", "SPEC");
  app.add_option("--rtol", options.rtol, "Relative tolerance of floats [1e-5]")
      ->type_name("X")
      ->check(kTolerance);
  app.add_option("--atol", options.atol, "Absolute tolerance of floats [1e-6]")
      ->type_name("X")
      ->check(kTolerance);

  const char* benchmark = "Benchmark (any of these starts one)";
  app.add_option("--warmup", raw.warmup, "Runs (N) or time (200ms) not counted [200ms]")
      ->type_name("N|TIME")
      ->group(benchmark);
  app.add_option("--iterations", options.iterations, "Least number of runs per caller")
      ->type_name("N")
      ->check(kCount)
      ->group(benchmark);
  app.add_option("--duration", raw.duration,
                 "Least time, as in 3s, 500ms [3s unless --iterations is given]")
      ->type_name("TIME")
      ->group(benchmark);
  app.add_option("--threads", options.threads, "Callers at the same time [1]")
      ->type_name("N")
      ->check(CLI::Range(1, 1024))
      ->group(benchmark);
  app.add_option("--percentile", raw.percentiles, "Of the latency [50,90,99]")
      ->type_name("P,...")
      ->group(benchmark);

  const char* reports = "Reports";
  app.add_option("--json", options.json,
                 "Write a report; --json alone = to stdout, and nothing else there")
      ->type_name("[=FILE]")
      ->group(reports);
  app.add_flag("--explain", options.explain,
               "What a run does (steps, buffers) and the runtime's events, to stderr")
      ->group(reports);
  app.add_flag("--profile", options.profile, "Time per op, to stderr")->group(reports);
  app.add_flag("--list", options.list, "List functions, inputs, results and weights; run nothing")
      ->group(reports);
  app.add_flag("--dry-run", options.dry_run, "Check model, weights and inputs; run nothing")
      ->group(reports);
  app.add_option("--log", raw.log, "debug, info, warning, error, off [warning]")
      ->type_name("LEVEL")
      ->group(reports);
  app.add_flag("--version", raw.version, "Print versions")->group(reports);
}

Status ParsePercentiles(const std::string& text, std::vector<double>& out) {
  out.clear();
  for (const std::string& part : CLI::detail::split(text, ',')) {
    double value = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    // Written so that NaN fails as well.
    if (error != std::errc() || end != part.data() + part.size() || !(value > 0 && value <= 100)) {
      return Status(ErrorId::E701, Format("--percentile: '{}' is not a number in (0, 100]", part));
    }
    out.push_back(value);
  }
  return {};
}

bool IsWholeNumber(const std::string& text) {
  return !text.empty() && text.size() < 19 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Status Finish(const RawOptions& raw, RunOptions& options) {
  static const std::map<std::string, LogLevel> kLevels = {{"debug", LogLevel::kDebug},
                                                          {"info", LogLevel::kInfo},
                                                          {"warning", LogLevel::kWarning},
                                                          {"error", LogLevel::kError},
                                                          {"off", LogLevel::kOff}};
  if (options.graph.empty()) return Status(ErrorId::E701, "no graph is given; see --help");
  if (raw.tier != "auto" && raw.tier != "interp") {
    return Status(ErrorId::E701, Format("--tier={}: it may be auto or interp", raw.tier));
  }
  options.tier = raw.tier == "interp" ? Tier::kInterp : Tier::kAuto;
  auto level = kLevels.find(raw.log);
  if (level == kLevels.end()) {
    return Status(ErrorId::E701,
                  Format("--log={}: it may be debug, info, warning, error, off", raw.log));
  }
  options.log_level = level->second;
  if (!raw.percentiles.empty()) {
    GCOMP_RETURN_IF_ERROR(ParsePercentiles(raw.percentiles, options.percentiles));
  }
  if (IsWholeNumber(raw.warmup)) {
    options.warmup_runs = std::stoll(raw.warmup);
    options.warmup_ns = 0;
  } else if (!raw.warmup.empty()) {
    GCOMP_ASSIGN_OR_RETURN(options.warmup_ns, ParseDuration(raw.warmup));
  }
  if (!raw.duration.empty()) {
    GCOMP_ASSIGN_OR_RETURN(options.duration_ns, ParseDuration(raw.duration));
  } else if (options.iterations == 0) {
    options.duration_ns = 3'000'000'000;
  }
  if (options.benchmark && (options.list || options.dry_run)) {
    return Status(ErrorId::E701, "--list and --dry-run run nothing, so nothing can be measured");
  }
  return {};
}

}  // namespace

StatusOr<int64_t> ParseDuration(const std::string& text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string unit(end, text.data() + text.size());
  double scale = unit == "s" ? 1e9 : unit == "ms" ? 1e6 : unit == "us" ? 1e3 : 0;
  // A day: far past any use, and far from overflow.
  if (error != std::errc() || scale == 0 || !(value >= 0 && value * scale <= 86400e9)) {
    return Status(ErrorId::E701,
                  Format("'{}' is not a time of at most a day, as in 3s, 200ms, 50us", text));
  }
  return static_cast<int64_t>(value * scale);
}

std::optional<RunOptions> ParseRunOptions(int argc, char** argv, int* exit_code) {
  RunOptions options;
  RawOptions raw;
  CLI::App app{"Runs a graph on the CPU, checks its results and measures it.", kTool};
  Declare(app, options, raw);
  // CLI11 takes arguments from the back. `--json` alone must not take the next word as its value.
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    arguments.push_back(std::string_view(argv[i]) == "--json" ? "--json=-" : argv[i]);
  }
  try {
    app.parse(arguments);
  } catch (const CLI::Success& help) {
    *exit_code = app.exit(help);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    *exit_code =
        PrintError(kTool, Status(ErrorId::E701, std::string(error.what()) + " (see --help)"));
    return std::nullopt;
  }
  if (raw.version) {
    std::fputs(VersionText(kTool).c_str(), stdout);
    *exit_code = 0;
    return std::nullopt;
  }
  for (const char* flag : {"--warmup", "--iterations", "--duration", "--threads", "--percentile"}) {
    options.benchmark |= app.count(flag) > 0;
  }
  Status status = Finish(raw, options);
  if (!status.ok()) {
    *exit_code = PrintError(kTool, status);
    return std::nullopt;
  }
  return options;
}

}  // namespace gcomp::tools
