// The elementary functions: ns per element over 4096 elements in L1 and L2, through the loop that
// kernels/pointwise.h builds for each CPU level. Beside some, the limit: a loop that a person would
// write for speed, with AVX-512 intrinsics, 8 vectors interleaved, 2-5 ulp, no care for denormals,
// and for sin no argument above 1e5.
//
//   gcomp-microbench --benchmark_filter=functions/

#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "bench/hand_functions.h"
#include "kernels/math.h"
#include "kernels/pointwise.h"

namespace gcomp::bench {
namespace {

constexpr size_t kElements = 4096;

// Every function with the range of its arguments.
#define GCOMP_UNARY_FUNCTIONS(X) \
  X(Exp, -20, 20)                \
  X(Expm1, -20, 20)              \
  X(Log, 1e-6, 1e6)              \
  X(Log1p, -0.9, 100)            \
  X(Log2, 1e-6, 1e6)             \
  X(Sin, -1000, 1000)            \
  X(Cos, -1000, 1000)            \
  X(Tan, -1000, 1000)            \
  X(Asin, -1, 1)                 \
  X(Acos, -1, 1)                 \
  X(Atan, -10, 10)               \
  X(Sinh, -20, 20)               \
  X(Cosh, -20, 20)               \
  X(Tanh, -5, 5)                 \
  X(Asinh, -20, 20)              \
  X(Acosh, 1, 20)                \
  X(Atanh, -1, 1)                \
  X(Erf, -4, 4)                  \
  X(Sigmoid, -10, 10)            \
  X(Rsqrt, 1e-6, 1e6)            \
  X(Floor, -1000, 1000)
#define GCOMP_BINARY_FUNCTIONS(X) \
  X(Pow, 0.1, 10)                 \
  X(Atan2, -10, 10)               \
  X(Rem, -10, 10)                 \
  X(FloorDiv, -10, 10)

#define GCOMP_FUNCTOR(name, low, high)           \
  struct name##Fn {                              \
    template <class... S>                        \
    GCOMP_INLINE auto operator()(S... x) const { \
      return kernels::name(x...);                \
    }                                            \
  };
GCOMP_UNARY_FUNCTIONS(GCOMP_FUNCTOR)
GCOMP_BINARY_FUNCTIONS(GCOMP_FUNCTOR)
#undef GCOMP_FUNCTOR

template <class T>
std::vector<T> RandomNumbers(double low, double high) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> distribution(low, high);
  std::vector<T> values(kElements);
  for (T& value : values) value = static_cast<T>(distribution(random));
  return values;
}

void ReportPerElement(benchmark::State& state) {
  state.counters["ns_per_element"] = benchmark::Counter(
      static_cast<double>(kElements) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <class T>
void Pointwise(benchmark::State& state, kernels::PointwiseLoop loop, double low, double high) {
  std::vector<T> x = RandomNumbers<T>(low, high);
  std::vector<T> y(x.rbegin(), x.rend());
  std::vector<T> out(kElements);
  const void* in[] = {x.data(), y.data()};
  char functor = 0;
  for (auto _ : state) {
    loop(kElements, in, out.data(), &functor);
    benchmark::ClobberMemory();
  }
  ReportPerElement(state);
}

// ---- Loops by hand ------------------------------------------------------------------------------

constexpr int kInterleaved = 8;

template <class F>
GCOMP_TARGET_V4 void HandLoop(int64_t n, const void* const* in, void* out,
                              const void* /*functor*/) {
  const auto* x = static_cast<const float*>(in[0]);
  auto* o = static_cast<float*>(out);
  for (int64_t i = 0; i < n; i += 16 * kInterleaved) {
#pragma GCC unroll 8
    for (int j = 0; j < kInterleaved; ++j) {
      _mm512_storeu_ps(o + i + 16 * j, F{}(_mm512_loadu_ps(x + i + 16 * j)));
    }
  }
}

// ---- Registration
// ---------------------------------------------------------------------------------

template <class T>
void Register(const std::string& name, kernels::PerCpu<kernels::PointwiseLoop> loops, double low,
              double high) {
  StatusOr<CpuLevel> best = DetectCpuLevel();
  for (CpuLevel cpu : {CpuLevel::kV3, CpuLevel::kV4}) {
    if (!best.ok() || cpu > *best) continue;
    kernels::PointwiseLoop loop = loops.For(cpu);
    std::string full =
        "functions/" + name + (sizeof(T) == 4 ? "/f32/" : "/f64/") + std::string(NameOf(cpu));
    benchmark::RegisterBenchmark(
        full.c_str(), [=](benchmark::State& state) { Pointwise<T>(state, loop, low, high); });
  }
}

void RegisterHand(const std::string& name, kernels::PointwiseLoop loop, double low, double high) {
  StatusOr<CpuLevel> best = DetectCpuLevel();
  if (!best.ok() || *best != CpuLevel::kV4) return;
  benchmark::RegisterBenchmark(
      ("functions/" + name + "/f32/hand").c_str(),
      [=](benchmark::State& state) { Pointwise<float>(state, loop, low, high); });
}

const bool kRegistered = [] {
  using kernels::PointwiseLoopOf;
#define GCOMP_REGISTER(name, low, high)                                  \
  Register<float>(#name, PointwiseLoopOf<name##Fn, float>(), low, high); \
  Register<double>(#name, PointwiseLoopOf<name##Fn, double>(), low, high);
  GCOMP_UNARY_FUNCTIONS(GCOMP_REGISTER)
#undef GCOMP_REGISTER
#define GCOMP_REGISTER(name, low, high)                                         \
  Register<float>(#name, PointwiseLoopOf<name##Fn, float, float>(), low, high); \
  Register<double>(#name, PointwiseLoopOf<name##Fn, double, double>(), low, high);
  GCOMP_BINARY_FUNCTIONS(GCOMP_REGISTER)
#undef GCOMP_REGISTER
  RegisterHand("Exp", &HandLoop<HandExp>, -20, 20);
  RegisterHand("Log", &HandLoop<HandLog>, 1e-6, 1e6);
  RegisterHand("Sin", &HandLoop<HandSin>, -1000, 1000);
  RegisterHand("Tanh", &HandLoop<HandTanh>, -5, 5);
  RegisterHand("Sigmoid", &HandLoop<HandSigmoid>, -10, 10);
  return true;
}();

}  // namespace
}  // namespace gcomp::bench
