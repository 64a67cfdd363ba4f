// RunOptions: the command line of gcomp-run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "runtime/engine.h"

namespace gcomp::tools {

struct RunOptions {
  std::string graph;  // "-" = standard input
  Tier tier = Tier::kAuto;
  int threads = 1;                  // of one run; 0 = all that are available
  std::string function;             // empty = the only exported one
  std::string weights;              // a file, or "random", "random:SEED"; empty = none
  std::vector<std::string> inputs;  // run/input_spec.h
  std::vector<std::string> sizes;   // "s0=8"
  std::vector<std::string> outputs;
  std::vector<std::string> expected_outputs;
  double rtol = 1e-5;
  double atol = 1e-6;

  bool benchmark = false;  // one of the flags below was given
  // Warm-up is a number of runs, or a time.
  int64_t warmup_runs = 0;
  int64_t warmup_ns = 200'000'000;
  int64_t iterations = 0;   // per caller, at least; 0 = as the duration says
  int64_t duration_ns = 0;  // at least
  int callers = 1;          // at the same time
  std::vector<double> percentiles = {50, 90, 99};

  std::string json;  // a file, "-" = stdout, empty = none
  bool profile = false;
  bool explain = false;
  bool explain_plan = false;
  std::string dump_llvm;  // folders; empty = none
  std::string dump_asm;
  bool list = false;
  bool dry_run = false;
  LogLevel log_level = LogLevel::kWarning;

  bool json_on_stdout() const { return json == "-"; }
};

// Reads the command line. If there is nothing to run (--help, --version, a usage error, which was
// then printed), returns nullopt and sets `exit_code`.
std::optional<RunOptions> ParseRunOptions(int argc, char** argv, int* exit_code);

// "3s", "200ms", "50us" in nanoseconds. Fails with E701.
StatusOr<int64_t> ParseDuration(const std::string& text);

}  // namespace gcomp::tools
