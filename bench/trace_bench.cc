// What it costs to trace: per op, from the C++ function to the module. The goal is at most 2 us.
//
//   gcomp-microbench --benchmark_filter=trace

#include <benchmark/benchmark.h>

#include <tuple>

#include "frontends/trace/jit.h"
#include "frontends/trace/ops.h"
#include "frontends/trace/structure.h"

namespace gcomp::bench {
namespace {

constexpr int kNumOps = 10000;

void ReportPerOp(benchmark::State& state, int ops) {
  state.counters["us_per_op"] = benchmark::Counter(
      ops / 1e6, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <class F>
void Trace(benchmark::State& state, F fn, int ops) {
  const std::tuple args(Array::OfType(DType::kF32, {16, 16}), Array::OfType(DType::kF32, {16, 16}));
  for (auto _ : state) {
    StatusOr<Traced> traced = trace(fn, args);
    if (!traced.ok()) return state.SkipWithError(traced.status().ToString().c_str());
    benchmark::DoNotOptimize(traced->module.functions.data());
  }
  ReportPerOp(state, ops);
}

// A chain of elementwise ops.
void TraceChain(benchmark::State& state) {
  auto fn = [](Array x, const Array& y) {
    for (int i = 0; i < kNumOps / 2; ++i) x = ops::relu(x + y);
    return x;
  };
  Trace(state, fn, kNumOps);
}

// Regions of ten ops, 100 calls: bodies are traced at each call and found equal; pure ones are
// traced once.
void TraceRegions(benchmark::State& state, bool pure) {
  auto body = [](Array x, const Array& y) {
    for (int i = 0; i < 5; ++i) x = ops::relu(x + y);
    return x;
  };
  auto layer = region("layer", body, {.pure = pure});
  auto fn = [&](Array x, const Array& y) {
    for (int i = 0; i < 100; ++i) x = layer(x, y);
    return x;
  };
  Trace(state, fn, 1000);
}

// Two pieces of 500 ops around a host read: recording, finding the graphs and running them.
void CallInPieces(benchmark::State& state) {
  auto fn = jit(
      [](Array x) {
        for (int i = 0; i < 250; ++i) x = ops::relu(x + 1);
        const float first = x.Values<float>()[0];
        for (int i = 0; i < 250; ++i) x = ops::relu(x - 1);
        return x * first;
      },
      {.full_graph = false});
  const Array x = Array::From<float>({4}, {1, 2, 3, 4});
  for (auto _ : state) {
    StatusOr<Array> y = fn(x);
    if (!y.ok()) return state.SkipWithError(y.status().ToString().c_str());
  }
  ReportPerOp(state, 1000);
}

// A replay of a function of one op: what guards and the call cost beside Context::Run.
void Replay(benchmark::State& state) {
  auto fn = jit([](Array x) { return ops::relu(x); });
  const Array x = Array::From<float>({4}, {1, 2, 3, 4});
  for (auto _ : state) {
    StatusOr<Array> y = fn(x);
    if (!y.ok()) return state.SkipWithError(y.status().ToString().c_str());
  }
}

BENCHMARK(TraceChain)->Name("trace/chain10000")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(TraceRegions, each, false)
    ->Name("trace/regions100x10")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(TraceRegions, pure, true)
    ->Name("trace/regions100x10_pure")
    ->Unit(benchmark::kMillisecond);
BENCHMARK(CallInPieces)->Name("trace/pieces2x500")->Unit(benchmark::kMillisecond);
BENCHMARK(Replay)->Name("trace/replay");

}  // namespace
}  // namespace gcomp::bench
