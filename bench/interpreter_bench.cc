// What the interpreter itself costs: host time per op on tiny tensors, everything counted from
// Context::Run on. Beside it, the limit: the same 50 loops called through a flat list of function
// pointers by hand, with no checks, no frame and no API around them. Then what structure costs: a
// turn of `while`, a call by `invoke`, both with the ops of the body counted in.
//
//   gcomp-microbench --benchmark_filter=runtime/

#include <benchmark/benchmark.h>

#include <array>

#include "base/format.h"
#include "bench/bench_graphs.h"

namespace gcomp::bench {
namespace {

constexpr int kNumOps = 50;

void ReportPerOp(benchmark::State& state) {
  state.counters["ns_per_op"] = benchmark::Counter(
      static_cast<double>(kNumOps),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void Interpreter(benchmark::State& state) {
  auto elements = static_cast<int>(state.range(0));
  std::string error;
  std::unique_ptr<Context> context = MakeContext(ChainText(kNumOps, elements), &error);
  if (context == nullptr) return state.SkipWithError(error.c_str());
  std::vector<float> ones(static_cast<size_t>(elements), 1.0f);
  std::vector<Tensor> inputs = {*Tensor::Copy(DType::kF32, {elements}, ones.data()),
                                *Tensor::Copy(DType::kF32, {elements}, ones.data())};
  std::vector<Tensor> outputs;  // made by the first run, written in place by the others
  for (auto _ : state) {
    Status status = context->Run(inputs, outputs);
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
  }
  ReportPerOp(state);
}

using Loop = void (*)(const float*, const float*, float*, int64_t);

[[gnu::noinline]] void MulLoop(const float* a, const float* b, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = a[i] * b[i];
}

[[gnu::noinline]] void AddLoop(const float* a, const float* b, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = a[i] + b[i];
}

void FlatList(benchmark::State& state) {
  int64_t elements = state.range(0);
  auto size = static_cast<size_t>(elements);
  std::vector<float> x(size, 1.0f), y(size, 1.0f), a(size), b(size);

  struct Call {
    Loop loop;
    const float* in;
    float* out;
  };

  std::array<Call, kNumOps> calls;
  for (int i = 0; i < kNumOps; ++i) {
    calls[i] = {i % 2 == 0 ? MulLoop : AddLoop,
                i == 0 ? x.data() : (i % 2 == 0 ? b.data() : a.data()),
                i % 2 == 0 ? a.data() : b.data()};
  }
  for (auto _ : state) {
    for (const Call& call : calls) call.loop(call.in, y.data(), call.out, elements);
    benchmark::DoNotOptimize(b.data());
    benchmark::ClobberMemory();
  }
  ReportPerOp(state);
}

// Turns of a loop that counts: two ops each.
constexpr int kTurns = 1000;

std::string LoopText() {
  return R"(gir 1 module @loop

export func @main(%n: i64[]) -> (i64[]) {
  %i0: i64[] = const(0)
  %i: i64[] = while(carry = [%i0], extra = [%n])
    cond(%i: i64[], %n: i64[]) {
      %go: bool[] = lt(%i, %n)
      yield %go
    }
    do(%i: i64[], %n: i64[]) {
      %i1: i64[] = add(%i, 1)
      yield %i1
    }
  return %i
}
)";
}

// Calls of a function with one op, one after the other.
constexpr int kCalls = 100;

std::string CallsText() {
  std::string text = R"(gir 1 module @calls

func @next(%x: f32[16]) -> (f32[16]) {
  %y: f32[16] = add(%x, 1.0)
  return %y
}

export func @main(%v0: f32[16]) -> (f32[16]) {
)";
  for (int i = 0; i < kCalls; ++i) {
    text += Format("  %v{}: f32[16] = invoke @next(%v{})\n", i + 1, i);
  }
  return text + Format("  return %v{}\n}}\n", kCalls);
}

void RunRepeatedly(benchmark::State& state, const std::string& text, const Tensor& input, int parts,
                   const char* counter) {
  std::string error;
  std::unique_ptr<Context> context = MakeContext(text, &error);
  if (context == nullptr) return state.SkipWithError(error.c_str());
  std::vector<Tensor> inputs = {input};
  std::vector<Tensor> outputs;
  for (auto _ : state) {
    Status status = context->Run(inputs, outputs);
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
  }
  state.counters[counter] =
      benchmark::Counter(static_cast<double>(parts), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
}

void WhileLoop(benchmark::State& state) {
  const int64_t n = kTurns;
  RunRepeatedly(state, LoopText(), *Tensor::Copy(DType::kI64, {}, &n), kTurns, "ns_per_turn");
}

void Invoke(benchmark::State& state) {
  const std::vector<float> ones(16, 1.0f);
  RunRepeatedly(state, CallsText(), *Tensor::Copy(DType::kF32, {16}, ones.data()), kCalls,
                "ns_per_call");
}

BENCHMARK(WhileLoop)->Name("runtime/while/two_ops");
BENCHMARK(Invoke)->Name("runtime/invoke/one_op");
BENCHMARK(Interpreter)->Name("runtime/chain50/interp/f32")->Arg(16)->Arg(1024);
BENCHMARK(FlatList)->Name("runtime/chain50/flat_list_by_hand/f32")->Arg(16)->Arg(1024);

}  // namespace
}  // namespace gcomp::bench
