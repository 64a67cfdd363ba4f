// From a verified module to its first answer on the compiled tier, and on the interpreter beside
// it: the difference is what compiling costs. Each turn makes a session, whose code goes with it.
//
//   gcomp-microbench --benchmark_filter=first_answer/

#include <benchmark/benchmark.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/engine.h"

namespace gcomp::bench {
namespace {

// Ten ops that become one kernel: sums and products, or with a tanh and an exponential among them.
constexpr char kPlain[] = R"(gir 1 module @plain
export func @main(%x: f32[16, 64], %b: f32[64]) -> (f32[16, 64]) {
  %v0: f32[16, 64] = add(%x, %b)
  %v1: f32[16, 64] = mul(%v0, %x)
  %v2: f32[16, 64] = sub(%v1, %b)
  %v3: f32[16, 64] = relu(%v2)
  %v4: f32[16, 64] = mul(%v3, 0.5)
  %v5: f32[16, 64] = add(%v4, %x)
  %v6: f32[16, 64] = mul(%v5, %b)
  %v7: f32[16, 64] = add(%v6, 1.0)
  %v8: f32[16, 64] = mul(%v7, %v7)
  %v9: f32[16, 64] = sub(%v8, %x)
  return %v9
}
)";
constexpr char kFunctions[] = R"(gir 1 module @functions
export func @main(%x: f32[16, 64], %b: f32[64]) -> (f32[16, 64]) {
  %v0: f32[16, 64] = add(%x, %b)
  %v1: f32[16, 64] = mul(%v0, %x)
  %v2: f32[16, 64] = tanh(%v1)
  %v3: f32[16, 64] = relu(%v2)
  %v4: f32[16, 64] = mul(%v3, 0.5)
  %v5: f32[16, 64] = add(%v4, %x)
  %v6: f32[16, 64] = exp(%v5)
  %v7: f32[16, 64] = add(%v6, 1.0)
  %v8: f32[16, 64] = mul(%v7, %v7)
  %v9: f32[16, 64] = sub(%v8, %x)
  return %v9
}
)";
constexpr char kSoftmax[] = R"(gir 1 module @softmax
export func @main(%x: f32[16, 64], %b: f32[64]) -> (f32[16, 64]) {
  %v0: f32[16, 64] = add(%x, %b)
  %v1: f32[16, 64] = softmax(%v0)
  %v2: f32[16, 64] = mul(%v1, %x)
  return %v2
}
)";

void FirstAnswer(benchmark::State& state, const char* text, Tier tier) {
  auto run = [&]() -> Status {
    GCOMP_ASSIGN_OR_RETURN(auto engine, Engine::Create({}));
    std::vector<Tensor> inputs;
    for (const std::vector<int64_t>& sizes : {std::vector<int64_t>{16, 64}, {64}}) {
      GCOMP_ASSIGN_OR_RETURN(Tensor input, Tensor::Empty(ir::DType::kF32, sizes));
      auto* data = static_cast<float*>(input.data());
      for (int64_t i = 0; i < (sizes.size() == 2 ? 1024 : 64); ++i) data[i] = 0.5f;
      inputs.push_back(std::move(input));
    }
    for (auto _ : state) {
      GCOMP_ASSIGN_OR_RETURN(ir::Module module, ParseModule(*engine, text, "bench"));
      GCOMP_ASSIGN_OR_RETURN(auto session,
                             Session::Load(engine, std::move(module), nullptr, {.tier = tier}));
      GCOMP_ASSIGN_OR_RETURN(auto context, Context::Create(session, "main"));
      std::vector<Tensor> outputs;
      GCOMP_RETURN_IF_ERROR(context->Run(inputs, outputs));
    }
    return {};
  };
  if (Status status = run(); !status.ok()) state.SkipWithError(status.ToString().c_str());
}

BENCHMARK_CAPTURE(FirstAnswer, plain_compiled, kPlain, Tier::kCompiled)
    ->Name("first_answer/10_ops/compiled")
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(FirstAnswer, plain_interp, kPlain, Tier::kInterp)
    ->Name("first_answer/10_ops/interp")
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(FirstAnswer, functions_compiled, kFunctions, Tier::kCompiled)
    ->Name("first_answer/10_ops_tanh_exp/compiled")
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(FirstAnswer, softmax_compiled, kSoftmax, Tier::kCompiled)
    ->Name("first_answer/softmax/compiled")
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gcomp::bench
