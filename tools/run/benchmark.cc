#include "tools/run/benchmark.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <latch>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/format.h"

namespace gcomp::tools {
namespace {

// A signal handler can reach nothing else.
std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// Makes SIGINT end the measurement while it lives; a second one ends the program.
class InterruptScope {
 public:
  InterruptScope() {
    interrupted.store(false);
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupted.store(true); };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &before_);
  }

  ~InterruptScope() { sigaction(SIGINT, &before_, nullptr); }

  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

 private:
  struct sigaction before_ = {};
};

struct Caller {
  Status status;
  LatencySamples samples;
  uint64_t warmup_runs = 0;
  int64_t start_ns = 0;
  int64_t end_ns = 0;
};

// What the callers of one benchmark share.
class Bench {
 public:
  Bench(const std::vector<Tensor>& inputs, const RunOptions& options, size_t num_callers)
      : inputs_(inputs),
        options_(options),
        num_callers_(num_callers),
        ready_(static_cast<ptrdiff_t>(num_callers)) {}

  void Run(Context& context, Caller& caller) {
    std::vector<Tensor> outputs;
    caller.status = WarmUp(context, outputs, caller);
    if (!caller.status.ok()) failed_.store(true);
    ready_.arrive_and_wait();
    if (!failed_.load()) {
      caller.status = Measure(context, outputs, caller);
      if (!caller.status.ok()) failed_.store(true);
    }
    std::lock_guard lock(mutex_);
    ++finished_;
    changed_.notify_all();
  }

  // Returns when all callers are done.
  void Wait() {
    bool terminal = isatty(STDERR_FILENO) != 0;
    int64_t begin = NowNs();
    bool shown = false;
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, std::chrono::seconds(1),
                              [this] { return finished_ == num_callers_; })) {
      if (!terminal) continue;
      std::fprintf(stderr, "\rgcomp-run: %.0f s ", static_cast<double>(NowNs() - begin) * 1e-9);
      std::fflush(stderr);
      shown = true;
    }
    if (shown) std::fputs("\n", stderr);
  }

 private:
  bool Stopped() const {
    return interrupted.load(std::memory_order_relaxed) || failed_.load(std::memory_order_relaxed);
  }

  Status WarmUp(Context& context, std::vector<Tensor>& outputs, Caller& caller) {
    int64_t end = NowNs() + options_.warmup_ns;
    int64_t runs = 0;
    // One run at least: it makes the outputs that all further runs write into.
    do {
      GCOMP_RETURN_IF_ERROR(context.Run(inputs_, outputs));
      ++runs;
    } while (!Stopped() && (runs < options_.warmup_runs || NowNs() < end));
    caller.warmup_runs = static_cast<uint64_t>(runs);
    return {};
  }

  Status Measure(Context& context, std::vector<Tensor>& outputs, Caller& caller) {
    int64_t now = NowNs();
    int64_t runs = 0;
    caller.start_ns = caller.end_ns = now;
    while (!Stopped() &&
           (runs < options_.iterations || now - caller.start_ns < options_.duration_ns)) {
      GCOMP_RETURN_IF_ERROR(context.Run(inputs_, outputs));
      int64_t end = NowNs();
      caller.samples.Add(end - now);
      ++runs;
      now = end;
    }
    caller.end_ns = now;
    return {};
  }

  const std::vector<Tensor>& inputs_;
  const RunOptions& options_;
  const size_t num_callers_;
  std::latch ready_;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t finished_ = 0;  // guarded by mutex_
};

}  // namespace

void LatencySamples::Add(int64_t ns) {
  ++count_;
  min_ = std::min(min_, ns);
  max_ = std::max(max_, ns);
  sum_ += static_cast<double>(ns);
  if (samples_.size() < kMaxSamples) {
    samples_.push_back(ns);
    return;
  }
  random_ = random_ * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX generator
  uint64_t place = (random_ >> 16) % count_;
  if (place < kMaxSamples) samples_[place] = ns;
}

Latency LatencySamples::Summarize(const std::vector<LatencySamples>& callers,
                                  const std::vector<double>& percentiles) {
  std::vector<int64_t> all;
  uint64_t count = 0;
  double sum = 0;
  int64_t min = INT64_MAX;
  int64_t max = 0;
  for (const LatencySamples& caller : callers) {
    all.insert(all.end(), caller.samples_.begin(), caller.samples_.end());
    count += caller.count_;
    sum += caller.sum_;
    min = std::min(min, caller.min_);
    max = std::max(max, caller.max_);
  }
  Latency latency;
  if (count == 0) return latency;
  std::sort(all.begin(), all.end());
  latency.min_us = static_cast<double>(min) * 1e-3;
  latency.max_us = static_cast<double>(max) * 1e-3;
  latency.mean_us = sum / static_cast<double>(count) * 1e-3;
  for (double percentile : percentiles) {
    double rank = std::ceil(percentile / 100 * static_cast<double>(all.size()));
    size_t index = std::min(all.size() - 1, static_cast<size_t>(std::max(rank, 1.0)) - 1);
    latency.percentiles.emplace_back(percentile, static_cast<double>(all[index]) * 1e-3);
  }
  return latency;
}

StatusOr<BenchmarkResult> RunBenchmark(const std::vector<std::unique_ptr<Context>>& contexts,
                                       const std::vector<Tensor>& inputs,
                                       const RunOptions& options) {
  InterruptScope scope;
  std::vector<Caller> callers(contexts.size());
  Bench bench(inputs, options, contexts.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < contexts.size(); ++i) {
    threads.emplace_back(
        [&bench, &context = *contexts[i], &caller = callers[i]] { bench.Run(context, caller); });
  }
  bench.Wait();
  for (std::thread& thread : threads) thread.join();
  BenchmarkResult result;
  std::vector<LatencySamples> samples;
  int64_t start = INT64_MAX;
  int64_t end = 0;
  for (Caller& caller : callers) {
    if (!caller.status.ok()) return std::move(caller.status);
    result.warmup_runs += caller.warmup_runs;
    result.iterations += caller.samples.count();
    start = std::min(start, caller.start_ns);
    end = std::max(end, caller.end_ns);
    samples.push_back(std::move(caller.samples));
  }
  result.wall_ns = end - start;
  result.latency = LatencySamples::Summarize(samples, options.percentiles);
  result.interrupted = interrupted.load();
  return result;
}

}  // namespace gcomp::tools
