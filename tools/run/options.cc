#include "tools/run/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>

#include "base/format.h"
#include "tools/command_line.h"
#include "tools/common.h"
#include "tools/run/tier.h"

namespace gcomp::tools {
namespace {

// A finite number of 0 or more; CLI11's own checks let NaN through.
std::string ToleranceProblem(const std::string& text) {
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  bool good = end != text.c_str() && *end == '\0' && value >= 0 && std::isfinite(value);
  return good ? std::string() : text + " is not a finite number of 0 or more";
}

// CLI11 wraps what exceeds 64 bits.
std::string CountProblem(const std::string& text) {
  bool digits = !text.empty() && text.size() <= 15 &&
                text.find_first_not_of("0123456789") == std::string::npos;
  return digits && text.find_first_not_of('0') != std::string::npos
             ? std::string()
             : text + " is not a number from 1 to 10^15";
}

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
  gcomp-run mlp.ir --weights=random --duration=3s --callers=4 --json=mlp.json
  gcomp-run graph.ir --input=x=2xf32=1,2 --expected-output=2xf32=2,4 --rtol=0 --atol=0
  gcomp-run graph.ir --iterations=100 --profile
)";

// What the arguments say, before it is checked.
struct RawOptions {
  std::string tier = "auto";
  std::string warmup;
  std::string duration;
  std::string percentiles;
  std::string log = "warning";
  std::string explain;
  bool version = false;
};

void Declare(CommandLine& line, RunOptions& options, RawOptions& raw) {
  line.SetFooter(kFooter);
  line.AddOption("graph", &options.graph, "The graph (.ir); - = standard input");
  line.AddOption("--tier", &raw.tier, kTierHelp, {.type = "TIER"});
  line.AddOption("--threads", &options.threads,
                 "Threads that one run may use (compiled kernels do); 0 = all there are [1]",
                 {.type = "N", .check = InRange(0, 1024)});
  line.AddOption("--function", &options.function,
                 "Which function; may be left out when one is exported", {.type = "NAME"});
  line.AddOption("--weights", &options.weights, "A .safetensors or .npz file, or random[:SEED]",
                 {.type = "FILE"});
  line.AddOption("--input", &options.inputs, "An input; may be repeated, see below",
                 {.one_value_each = true, .type = "SPEC"});
  line.AddOption("--size", &options.sizes, "The value of a size symbol, as in s0=8",
                 {.one_value_each = true, .type = "NAME=N"});
  line.AddOption("--output", &options.outputs,
                 "Where a result goes: @f.npy, @f.npz, @f.safetensors, - = stdout",
                 {.one_value_each = true, .type = "DEST"});
  line.AddOption("--expected-output", &options.expected_outputs,
                 "What a result must be; exit code 1 if it is not",
                 {.one_value_each = true, .type = "SPEC"});
  line.AddOption("--rtol", &options.rtol, "Relative tolerance of floats [1e-5]",
                 {.type = "X", .check = {ToleranceProblem}});
  line.AddOption("--atol", &options.atol, "Absolute tolerance of floats [1e-6]",
                 {.type = "X", .check = {ToleranceProblem}});

  const char* benchmark = "Benchmark (any of these starts one)";
  line.AddOption("--warmup", &raw.warmup, "Runs (N) or time (200ms) not counted [200ms]",
                 {.type = "N|TIME", .group = benchmark});
  line.AddOption("--iterations", &options.iterations, "Least number of runs per caller",
                 {.type = "N", .group = benchmark, .check = {CountProblem}});
  line.AddOption("--duration", &raw.duration,
                 "Least time, as in 3s, 500ms [3s unless --iterations is given]",
                 {.type = "TIME", .group = benchmark});
  line.AddOption("--callers", &options.callers, "Callers at the same time [1]",
                 {.type = "N", .group = benchmark, .check = InRange(1, 1024)});
  line.AddOption("--percentile", &raw.percentiles, "Of the latency [50,90,99]",
                 {.type = "P,...", .group = benchmark});

  const char* reports = "Reports";
  line.AddOption("--json", &options.json,
                 "Write a report; --json alone = to stdout, and nothing else there",
                 {.value_alone = "-", .type = "[=FILE]", .group = reports});
  line.AddOption("--explain", &raw.explain,
                 "What a run does (steps, buffers) and the runtime's events, to stderr; "
                 "--explain=plan: before the run, what each step costs and why ops are not fused",
                 {.value_alone = "run", .type = "[=plan]", .group = reports});
  line.AddOption("--dump-llvm", &options.dump_llvm,
                 "Write the LLVM IR of each compiled kernel to a folder",
                 {.type = "DIR", .group = reports});
  line.AddOption("--dump-asm", &options.dump_asm,
                 "Write the machine code of each compiled kernel, as text, to a folder",
                 {.type = "DIR", .group = reports});
  line.AddFlag("--profile", &options.profile, "Time per op, to stderr", reports);
  line.AddFlag("--list", &options.list, "List functions, inputs, results and weights; run nothing",
               reports);
  line.AddFlag("--dry-run", &options.dry_run, "Check model, weights and inputs; run nothing",
               reports);
  line.AddOption("--log", &raw.log, "debug, info, warning, error, off [warning]",
                 {.type = "LEVEL", .group = reports});
  line.AddFlag("--version", &raw.version, "Print versions", reports);
}

Status ParsePercentiles(const std::string& text, std::vector<double>& out) {
  out.clear();
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
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
  GCOMP_ASSIGN_OR_RETURN(options.tier, ParseTier(raw.tier));
  if (!raw.explain.empty() && raw.explain != "run" && raw.explain != "plan") {
    return Status(ErrorId::E701, Format("--explain={}: it may be alone, or plan", raw.explain));
  }
  options.explain = raw.explain == "run";
  options.explain_plan = raw.explain == "plan";
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
  CommandLine line(kTool, "Runs a graph on the CPU, checks its results and measures it.");
  Declare(line, options, raw);
  std::optional<int> parsed = line.Parse(argc, argv, [](const std::string& what) {
    return PrintError(kTool, Status(ErrorId::E701, what + " (see --help)"));
  });
  if (parsed) {
    *exit_code = *parsed;
    return std::nullopt;
  }
  if (raw.version) {
    std::fputs(VersionText(kTool).c_str(), stdout);
    *exit_code = 0;
    return std::nullopt;
  }
  for (const char* flag : {"--warmup", "--iterations", "--duration", "--callers", "--percentile"}) {
    options.benchmark |= line.Given(flag);
  }
  Status status = Finish(raw, options);
  if (!status.ok()) {
    *exit_code = PrintError(kTool, status);
    return std::nullopt;
  }
  return options;
}

}  // namespace gcomp::tools
