// The chain of bench/chain20.ir (20 pointwise ops with tanh, sigmoid, exp over f32[1024, 1024]) in
// one loop, 8 vectors at a time: over gcomp's own functions, and by hand over functions written for
// speed alone with fused multiply-adds. The difference is what the promised bits cost. And the
// graph itself on the compiled tier, whose code should be as fast as the loop over the same
// functions.
//
//   gcomp-microbench --benchmark_filter=chain20/

#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/cpu.h"
#include "bench/hand_functions.h"
#include "kernels/cpu_target.h"
#include "kernels/math.h"
#include "runtime/engine.h"

namespace gcomp::bench {
namespace {

constexpr int64_t kRows = 1024;
constexpr int64_t kColumns = 1024;
constexpr int64_t kGroup = 128;  // 8 vectors of 16

struct Data {
  std::vector<float> x, y, b, b2, c;

  Data() : x(kRows * kColumns), y(x.size()), b(kColumns), b2(kColumns), c(kRows) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> numbers(-1, 1);
    for (std::vector<float>* values : {&x, &b, &b2, &c}) {
      for (float& value : *values) value = numbers(random);
    }
  }
};

// v[j] = f(v[j]) for a group: the loop is unrolled into 8 vectors that do not wait for each other.
template <class F>
GCOMP_INLINE void Each(F f) {
  for (int64_t j = 0; j < kGroup; ++j) f(j);
}

GCOMP_INLINE float Relu(float x) {
  return x < 0.0f ? 0.0f : x;
}

GCOMP_TARGET_V4 void OwnFunctions(Data& data) {
  for (int64_t row = 0; row < kRows; ++row) {
    const float c = data.c[static_cast<size_t>(row)];
    for (int64_t from = 0; from < kColumns; from += kGroup) {
      const float* x = data.x.data() + row * kColumns + from;
      const float* b = data.b.data() + from;
      const float* b2 = data.b2.data() + from;
      float* y = data.y.data() + row * kColumns + from;
      alignas(64) float v[kGroup];
#define GCOMP_EACH(...) Each([&](int64_t j) __attribute__((always_inline)) { v[j] = __VA_ARGS__; })
      GCOMP_EACH((x[j] + b[j]) * c);
      GCOMP_EACH(kernels::Tanh(v[j]));
      GCOMP_EACH(v[j] * x[j] + b[j]);
      GCOMP_EACH(kernels::Sigmoid(v[j]));
      GCOMP_EACH(Relu(v[j] * 2.0f - 0.5f) * b2[j]);
      GCOMP_EACH(kernels::Exp(v[j]));
      GCOMP_EACH(v[j] + x[j]);
      GCOMP_EACH(kernels::Tanh(v[j]));
      GCOMP_EACH(v[j] * c + b2[j]);
      GCOMP_EACH(kernels::Sigmoid(v[j]));
      Each([&](int64_t j)
               __attribute__((always_inline)) { y[j] = (Relu(v[j] * x[j]) + 1.0f) * 0.25f; });
#undef GCOMP_EACH
    }
  }
}

GCOMP_TARGET_V4 void HandFunctions(Data& data) {
  constexpr int kVectors = kGroup / 16;
  const __m512 zero = _mm512_setzero_ps();
  for (int64_t row = 0; row < kRows; ++row) {
    const __m512 c = _mm512_set1_ps(data.c[static_cast<size_t>(row)]);
    for (int64_t from = 0; from < kColumns; from += kGroup) {
      const float* px = data.x.data() + row * kColumns + from;
      const float* pb = data.b.data() + from;
      const float* pb2 = data.b2.data() + from;
      float* y = data.y.data() + row * kColumns + from;
      __m512 v[kVectors];
#define GCOMP_EACH(...)                                        \
  _Pragma("GCC unroll 8") for (int j = 0; j < kVectors; ++j) { \
    const __m512 x = _mm512_loadu_ps(px + 16 * j);             \
    const __m512 b = _mm512_loadu_ps(pb + 16 * j);             \
    const __m512 b2 = _mm512_loadu_ps(pb2 + 16 * j);           \
    (void)x, (void)b, (void)b2;                                \
    v[j] = __VA_ARGS__;                                        \
  }
      GCOMP_EACH(HandTanh{}(_mm512_mul_ps(_mm512_add_ps(x, b), c)))
      GCOMP_EACH(HandSigmoid{}(_mm512_fmadd_ps(v[j], x, b)))
      GCOMP_EACH(HandExp{}(_mm512_mul_ps(
          _mm512_max_ps(_mm512_fmsub_ps(v[j], _mm512_set1_ps(2.0f), _mm512_set1_ps(0.5f)), zero),
          b2)))
      GCOMP_EACH(HandTanh{}(_mm512_add_ps(v[j], x)))
      GCOMP_EACH(HandSigmoid{}(_mm512_fmadd_ps(v[j], c, b2)))
      GCOMP_EACH(_mm512_mul_ps(
          _mm512_add_ps(_mm512_max_ps(_mm512_mul_ps(v[j], x), zero), _mm512_set1_ps(1.0f)),
          _mm512_set1_ps(0.25f)))
#undef GCOMP_EACH
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) _mm512_storeu_ps(y + 16 * j, v[j]);
    }
  }
}

void Chain(benchmark::State& state, void (*loop)(Data&)) {
  StatusOr<CpuLevel> best = DetectCpuLevel();
  if (!best.ok() || *best != CpuLevel::kV4) {
    state.SkipWithError("needs x86-64-v4");
    return;
  }
  Data data;
  for (auto _ : state) {
    loop(data);
    benchmark::ClobberMemory();
  }
}

void ChainOwnFunctions(benchmark::State& state) {
  Chain(state, &OwnFunctions);
}

void ChainHandFunctions(benchmark::State& state) {
  Chain(state, &HandFunctions);
}

// The graph of bench/`name`.ir on inputs of small numbers.
void CompiledGraph(benchmark::State& state, const std::string& name) {
  auto run = [&]() -> Status {
    GCOMP_ASSIGN_OR_RETURN(auto engine, Engine::Create({}));
    GCOMP_ASSIGN_OR_RETURN(ir::Module module,
                           LoadModule(*engine, GCOMP_BENCH_DIR "/" + name + ".ir"));
    GCOMP_ASSIGN_OR_RETURN(
        auto session, Session::Load(engine, std::move(module), nullptr, {.tier = Tier::kCompiled}));
    GCOMP_ASSIGN_OR_RETURN(auto context, Context::Create(session, "main"));
    GCOMP_ASSIGN_OR_RETURN(std::vector<PortInfo> ports, session->inputs("main"));
    std::mt19937 random(1);
    std::uniform_real_distribution<float> numbers(-1, 1);
    std::vector<Tensor> inputs;
    for (const PortInfo& port : ports) {
      GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec, ir::BindType(port.ir_type, {}));
      GCOMP_ASSIGN_OR_RETURN(Tensor input, Tensor::Empty(spec.dtype, spec.sizes));
      auto* data = static_cast<float*>(input.data());
      for (int64_t i = 0; i < spec.NumElements(); ++i) data[i] = numbers(random);
      inputs.push_back(std::move(input));
    }
    std::vector<Tensor> outputs;
    GCOMP_RETURN_IF_ERROR(context->Run(inputs, outputs));
    for (auto _ : state) GCOMP_RETURN_IF_ERROR(context->Run(inputs, outputs));
    return {};
  };
  if (Status status = run(); !status.ok()) state.SkipWithError(status.ToString().c_str());
}

void ChainCompiled(benchmark::State& state) {
  CompiledGraph(state, "chain20");
}

void TinyCompiled(benchmark::State& state) {
  CompiledGraph(state, "tiny50");
}

BENCHMARK(ChainCompiled)->Name("chain20/compiled")->Unit(benchmark::kMillisecond);
BENCHMARK(TinyCompiled)->Name("tiny50/compiled")->Unit(benchmark::kNanosecond);
BENCHMARK(ChainOwnFunctions)->Name("chain20/own_functions/v4")->Unit(benchmark::kMillisecond);
BENCHMARK(ChainHandFunctions)->Name("chain20/by_hand/v4")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gcomp::bench
