// What it costs to load a graph of 10,000 ops: parse, verify, prepare; each alone, and all until
// the first answer. The goal is at most 5 us per op for the three together. Then 100 layers of 100
// ops: a module of 100 functions until its first answer, the goal being 100 ms, where all layers
// are equal and where no two are; and the passes over functions, on equal layers as functions, and
// written out one after the other.
//
//   gcomp-microbench --benchmark_filter=load

#include <benchmark/benchmark.h>

#include <string>
#include <utility>

#include "base/format.h"
#include "bench/bench_graphs.h"
#include "ir/passes/dedupe.h"
#include "ir/passes/inline.h"
#include "ir/passes/outline.h"
#include "ir/passes/prune.h"
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

// Everything from the text to the first answer, on `num_inputs` times f32[16].
void RunFromText(benchmark::State& state, const std::string& text, int num_inputs) {
  const std::vector<float> ones(16, 1.0f);
  std::vector<Tensor> inputs;
  for (int i = 0; i < num_inputs; ++i) {
    inputs.push_back(*Tensor::Copy(DType::kF32, {16}, ones.data()));
  }
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

void FirstAnswer(benchmark::State& state) {
  RunFromText(state, ChainText(kNumOps, 16), 2);
}

// ---- Layers ----

constexpr int kLayers = 100;
constexpr int kOpsPerLayer = kNumOps / kLayers;

// The ops of a layer from `%x` with weight `%w`, values named `%v<k><suffix>`; adds to `text` and
// returns the last value.
std::string LayerOps(std::string x, const std::string& w, const std::string& suffix,
                     std::string* text) {
  const std::string first = x;
  for (int k = 0; k < kOpsPerLayer; ++k) {
    std::string next = Format("%v{}{}", k, suffix);
    const unsigned kind = (static_cast<unsigned>(k) * 2654435761u >> 28) % 3;  // no short period
    *text += kind == 1   ? Format("  {}: f32[16] = tanh({})\n", next, x)
             : kind == 2 ? Format("  {}: f32[16] = add({}, {})\n", next, x, first)
                         : Format("  {}: f32[16] = mul({}, {})\n", next, x, w);
    x = std::move(next);
  }
  return x;
}

enum class Layers { kEqual, kDifferent, kWrittenOut };

std::string LayersText(Layers layers) {
  const bool as_functions = layers != Layers::kWrittenOut;
  std::string text = "gir 1 module @layers\n\nexport func @main(\n  %x: f32[16]";
  for (int i = 0; i < kLayers; ++i) text += Format(",\n  %w{}: f32[16]", i);
  text += "\n) -> (f32[16]) {\n";
  std::string functions;
  std::string last = "%x";
  for (int i = 0; i < kLayers; ++i) {
    if (!as_functions) {
      last = LayerOps(last, Format("%w{}", i), Format("_{}", i), &text);
      continue;
    }
    text += Format("  %h{0}: f32[16], %u{0}: f32[16] = invoke @layer{0}({1}, %w{0})\n", i, last);
    last = Format("%h{}", i);
    functions += Format("\nfunc @layer{}(%x: f32[16], %w: f32[16]) -> (f32[16], f32[16]) {{\n", i);
    std::string y = LayerOps("%x", "%w", "", &functions);
    if (layers == Layers::kDifferent) {
      functions += Format("  %z: f32[16] = add({}, {}.0)\n", y, i);
      y = "%z";
    }
    functions += Format("  return {}, %v0\n}}\n", y);
  }
  return text + Format("  return {}\n}}\n", last) + functions;
}

void LayersFirstAnswer(benchmark::State& state, Layers layers) {
  RunFromText(state, LayersText(layers), 1 + kLayers);
}

void PassOnly(benchmark::State& state, const ir::Pass& pass, Layers layers) {
  std::shared_ptr<Engine> engine = MakeEngine(state);
  if (engine == nullptr) return;
  const std::string text = LayersText(layers);
  for (auto _ : state) {
    state.PauseTiming();
    ir::Diagnostics diagnostics("bench.ir", text);
    ir::Module module = ir::Parse(text, engine->ops(), diagnostics);
    if (!diagnostics.ok()) return state.SkipWithError(diagnostics.Render().c_str());
    state.ResumeTiming();
    StatusOr<bool> changed = pass.run(module, {.ops = engine->ops()});
    if (!changed.ok() || !*changed) return state.SkipWithError("the pass changes nothing");
    state.PauseTiming();
    module = ir::Module();
    state.ResumeTiming();
  }
  ReportPerOp(state);
}

BENCHMARK_CAPTURE(LayersFirstAnswer, equal, Layers::kEqual)
    ->Name("load/layers100/first_answer")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LayersFirstAnswer, different, Layers::kDifferent)
    ->Name("load/layers100/first_answer_different")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(PassOnly, dedupe, ir::kDedupe, Layers::kEqual)
    ->Name("load/layers100/dedupe")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(PassOnly, inline, ir::kInline, Layers::kEqual)
    ->Name("load/layers100/inline")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(PassOnly, prune, ir::kPrune, Layers::kEqual)
    ->Name("load/layers100/prune")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(PassOnly, outline, ir::kOutline, Layers::kWrittenOut)
    ->Name("load/layers100/outline")
    ->Unit(benchmark::kMillisecond);
BENCHMARK(ParseOnly)->Name("load/chain10000/parse")->Unit(benchmark::kMillisecond);
BENCHMARK(VerifyOnly)->Name("load/chain10000/verify")->Unit(benchmark::kMillisecond);
BENCHMARK(FirstAnswer)->Name("load/chain10000/first_answer")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gcomp::bench
