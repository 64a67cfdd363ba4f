// What it costs to split work over two threads: an empty Run, whose parts the caller often runs
// itself; a Run whose parts wait for each other, so that the worker has to come; the same after a
// millisecond, when the worker sleeps; beside a thread that is created and joined.
//
//   gcomp-microbench --benchmark_filter='pool/'

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>

#include "base/thread_pool.h"

namespace gcomp::bench {
namespace {

using std::chrono::steady_clock;

void Nothing(void*, int64_t, int) {}

// Two parts that both have to be running before one of them ends. On a machine with other work the
// one may stand where the other has to run.
void Meet(void* context, int64_t, int) {
  auto& missing = *static_cast<std::atomic<int>*>(context);
  missing.fetch_sub(1);
  for (int turns = 0; missing.load() > 0; ++turns) {
    if (turns > 10000) std::this_thread::yield();
  }
}

// A pool of two threads whose worker has started; null, and the row skipped, where it can't.
std::unique_ptr<ThreadPool> TwoThreads(benchmark::State& state) {
  StatusOr<std::unique_ptr<ThreadPool>> pool = ThreadPool::Create(2);
  if (!pool.ok()) {
    state.SkipWithError(pool.status().ToString().c_str());
    return nullptr;
  }
  (*pool)->Run(2, Nothing, nullptr);
  if ((*pool)->workers() == 1) return *std::move(pool);
  state.SkipWithError("the system refuses a thread");
  return nullptr;
}

void Empty(benchmark::State& state) {
  const std::unique_ptr<ThreadPool> pool = TwoThreads(state);
  if (pool == nullptr) return;
  for (auto _ : state) pool->Run(state.range(0), Nothing, nullptr);
}

void Both(benchmark::State& state) {
  const std::unique_ptr<ThreadPool> pool = TwoThreads(state);
  if (pool == nullptr) return;
  for (auto _ : state) {
    std::atomic<int> missing = 2;
    pool->Run(2, Meet, &missing);
  }
}

void AfterIdle(benchmark::State& state, ThreadPool::Part part) {
  const std::unique_ptr<ThreadPool> pool = TwoThreads(state);
  if (pool == nullptr) return;
  for (auto _ : state) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<int> missing = 2;
    const steady_clock::time_point start = steady_clock::now();
    pool->Run(2, part, &missing);
    state.SetIterationTime(std::chrono::duration<double>(steady_clock::now() - start).count());
  }
}

void CreateAndJoin(benchmark::State& state) {
  for (auto _ : state) {
    std::atomic<int> missing = 2;
    std::thread other(Meet, &missing, 1, 1);
    Meet(&missing, 0, 0);
    other.join();
  }
}

BENCHMARK(Empty)->Name("pool/empty/2_threads/parts")->Arg(2)->Arg(64)->UseRealTime();
BENCHMARK(Both)->Name("pool/both/2_threads")->UseRealTime();
BENCHMARK_CAPTURE(AfterIdle, empty, Nothing)->Name("pool/empty/after_1ms")->UseManualTime();
BENCHMARK_CAPTURE(AfterIdle, both, Meet)->Name("pool/both/after_1ms")->UseManualTime();
BENCHMARK(CreateAndJoin)->Name("pool/both/std_thread_by_hand")->UseRealTime();

}  // namespace
}  // namespace gcomp::bench
