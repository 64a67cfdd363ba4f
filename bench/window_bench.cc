// Pools over f32 planes: time per call, and bytes of x per second. Small planes are about the cost
// of a row, large ones about that of an element.
//
//   gcomp-microbench --benchmark_filter=window/

#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "base/format.h"
#include "bench/bench_graphs.h"

namespace gcomp::bench {
namespace {

struct Case {
  const char* op;
  int64_t channels;
  int64_t size;  // of both spatial axes
  int64_t kernel;
  int64_t stride;
  int64_t padding;  // at both ends of both axes

  std::string Text() const {
    const int64_t out = (size + 2 * padding - kernel) / stride + 1;
    const std::string x = Format("f32[1, {0}, {1}, {1}]", channels, size);
    const std::string y = Format("f32[1, {0}, {1}, {1}]", channels, out);
    std::string attrs = Format("kernel = [{0}, {0}]", kernel);
    if (stride != kernel) attrs += Format(", stride = [{0}, {0}]", stride);
    if (padding != 0) attrs += Format(", padding = [{0}, {0}, {0}, {0}]", padding);
    return Format(
        "gir 1 module @bench\n\nexport func @main(%x: {0}) -> ({1}) {{\n  %y: {1} = {2}(%x, {3})\n"
        "  return %y\n}}\n",
        x, y, op, attrs);
  }
};

void RunCase(benchmark::State& state, Case c) {
  std::string error;
  std::unique_ptr<Context> context = MakeContext(c.Text(), &error);
  if (context == nullptr) return state.SkipWithError(error.c_str());
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(c.channels * c.size * c.size));
  for (float& value : values) value = normal(random);
  std::vector<Tensor> inputs = {
      *Tensor::Copy(DType::kF32, {1, c.channels, c.size, c.size}, values.data())};
  std::vector<Tensor> outputs;  // made by the first run, written in place by the others
  for (auto _ : state) {
    Status status = context->Run(inputs, outputs);
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(values.size() * sizeof(float)));
}

int RegisterAll() {
  for (const char* op : {"max_pool", "avg_pool"}) {
    for (const Case& c :
         {Case{op, 32, 8, 2, 2, 0}, Case{op, 32, 8, 3, 1, 1}, Case{op, 32, 8, 3, 2, 1},
          Case{op, 16, 32, 2, 2, 0}, Case{op, 64, 112, 3, 2, 1}, Case{op, 64, 112, 2, 2, 0}}) {
      const std::string name = Format("window/{}/{}x{}x{}/k{}s{}p{}", op, c.channels, c.size,
                                      c.size, c.kernel, c.stride, c.padding);
      benchmark::RegisterBenchmark(name.c_str(), RunCase, c)->Unit(benchmark::kMicrosecond);
    }
  }
  return 0;
}

[[maybe_unused]] const int registered = RegisterAll();

}  // namespace
}  // namespace gcomp::bench
