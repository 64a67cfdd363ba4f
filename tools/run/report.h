// Report: what gcomp-run found out, for people and as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/events.h"
#include "base/status.h"
#include "ir/module.h"
#include "runtime/engine.h"
#include "tools/run/benchmark.h"
#include "tools/run/options.h"
#include "tools/run/outputs.h"

namespace gcomp::tools {

struct Report {
  // Raised when a field of the JSON changes its meaning or goes away.
  static constexpr int kSchemaVersion = 2;

  std::string module;
  std::string function;
  std::string sizes;  // "s0 = 8"
  uint64_t seed = 0;
  std::vector<std::string> random_inputs;
  int64_t load_ns = 0;  // reading, checking and binding the model
  std::optional<int64_t> first_run_ns;
  std::optional<BenchmarkResult> benchmark;
  int64_t buffer_bytes = 0;  // of all callers
  std::vector<std::string> input_names;
  std::vector<Tensor> inputs;
  std::vector<std::string> output_names;
  std::vector<Tensor> outputs;
  std::vector<Comparison> comparisons;
  std::vector<OpProfile> profile;  // longest first
  std::vector<Event> events;
};

// The whole report as JSON; `error`, if not null, is what ended the run.
std::string ReportJson(const RunOptions& options, const Report& report, const Status* error);

// The numbers of a benchmark, some lines of text.
std::string BenchmarkText(const RunOptions& options, const Report& report);

// One line per op, longest first.
std::string ProfileText(const std::vector<OpProfile>& profile);

// Adds up the counters of several contexts; longest first.
std::vector<OpProfile> MergeProfiles(const std::vector<std::vector<OpProfile>>& profiles);

// The exported functions with their inputs, results and weights.
std::string ModuleText(const ir::Module& module);
std::string ModuleJson(const ir::Module& module);

}  // namespace gcomp::tools
