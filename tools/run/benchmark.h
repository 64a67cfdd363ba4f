// RunBenchmark: many runs of one function by several callers, and the times they took.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "runtime/engine.h"
#include "tools/run/options.h"

namespace gcomp::tools {

struct Latency {
  double min_us = 0;
  double mean_us = 0;
  double max_us = 0;
  std::vector<std::pair<double, double>> percentiles;  // of 100, us
};

struct BenchmarkResult {
  uint64_t warmup_runs = 0;  // of all callers, not counted
  uint64_t iterations = 0;   // of all callers, counted
  int64_t wall_ns = 0;       // from the first start to the last end
  Latency latency;
  bool interrupted = false;

  double PerSecond() const {
    return wall_ns == 0 ? 0 : static_cast<double>(iterations) * 1e9 / static_cast<double>(wall_ns);
  }
};

// Runs the function with these inputs; each context is one caller with its own thread and outputs.
// All callers warm up, then start together. SIGINT ends the measurement early. Progress goes to
// stderr where it is a terminal. Fails with the first error of a run.
StatusOr<BenchmarkResult> RunBenchmark(const std::vector<std::unique_ptr<Context>>& contexts,
                                       const std::vector<Tensor>& inputs,
                                       const RunOptions& options);

// Latencies of one caller. Extremes and mean are of all; percentiles of a bounded sample (reservoir
// sampling, J. S. Vitter 1985, algorithm R), which is all of them up to 4 million.
class LatencySamples {
 public:
  void Add(int64_t ns);

  uint64_t count() const { return count_; }

  // Of several callers together. Requires percentiles in (0, 100]; nearest rank.
  static Latency Summarize(const std::vector<LatencySamples>& callers,
                           const std::vector<double>& percentiles);

 private:
  static constexpr size_t kMaxSamples = size_t{4} << 20;
  std::vector<int64_t> samples_;
  uint64_t count_ = 0;
  int64_t min_ = INT64_MAX;
  int64_t max_ = 0;
  double sum_ = 0;
  uint64_t random_ = 0x9e3779b97f4a7c15;  // state of the choice of samples
};

}  // namespace gcomp::tools
