// What it costs to load a graph of 10,000 ops: parse, verify, prepare; each alone, and all until
// the first answer. The goal is at most 5 us per op for the three together.
//
//   gcomp-microbench --benchmark_filter=load

#include <benchmark/benchmark.h>

#include "bench/bench_graphs.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace gcomp::bench {
namespace {

constexpr int kNumOps = 10000;

std::shared_ptr<Engine> MakeEngine(benchmark::State& state) {
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create({});
  if (engine.ok()) return *engine;
  state.SkipWithError(engine.status().ToString().c_str());
  return nullptr;
}

void ReportPerOp(benchmark::State& state) {
  state.counters["us_per_op"] = benchmark::Counter(
      kNumOps / 1e6, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void ParseOnly(benchmark::State& state) {
  std::shared_ptr<Engine> engine = MakeEngine(state);
  if (engine == nullptr) return;
  std::string text = ChainText(kNumOps, 16);
  for (auto _ : state) {
    ir::Diagnostics diagnostics("bench.ir", text);
    ir::Module module = ir::Parse(text, engine->ops(), diagnostics);
    benchmark::DoNotOptimize(module.functions.data());
  }
  ReportPerOp(state);
}

void VerifyOnly(benchmark::State& state) {
  std::shared_ptr<Engine> engine = MakeEngine(state);
  if (engine == nullptr) return;
  std::string text = ChainText(kNumOps, 16);
  ir::Diagnostics diagnostics("bench.ir", text);
  ir::Module module = ir::Parse(text, engine->ops(), diagnostics);
  for (auto _ : state) {
    ir::Verify(module, diagnostics);
    if (!diagnostics.ok()) return state.SkipWithError(diagnostics.Render().c_str());
  }
  ReportPerOp(state);
}

// Everything from the text to the first answer.
void FirstAnswer(benchmark::State& state) {
  std::string text = ChainText(kNumOps, 16);
  std::vector<float> ones(16, 1.0f);
  std::vector<Tensor> inputs = {*Tensor::Copy(DType::kF32, {16}, ones.data()),
                                *Tensor::Copy(DType::kF32, {16}, ones.data())};
  for (auto _ : state) {
    std::string error;
    std::unique_ptr<Context> context = MakeContext(text, &error);
    if (context == nullptr) return state.SkipWithError(error.c_str());
    std::vector<Tensor> outputs;
    Status status = context->Run(inputs, outputs);
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
  }
  ReportPerOp(state);
}

BENCHMARK(ParseOnly)->Name("load/chain10000/parse")->Unit(benchmark::kMillisecond);
BENCHMARK(VerifyOnly)->Name("load/chain10000/verify")->Unit(benchmark::kMillisecond);
BENCHMARK(FirstAnswer)->Name("load/chain10000/first_answer")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gcomp::bench
