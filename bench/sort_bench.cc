// Sorting, picking and random numbers: sort beside std::sort of the same row (values alone, no
// positions: less work), topk beside std::partial_sort_copy, embedding beside memcpy of the same
// bytes, and random numbers in bytes per second beside memset. Times of a whole run of a graph.
//
//   gcomp-microbench --benchmark_filter='sort/|random/'

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "bench/bench_graphs.h"

namespace gcomp::bench {
namespace {

std::vector<float> RandomRow(int64_t n) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = normal(random);
  return values;
}

// @main of `params` and `results`, with one op: `%y: f32[3], %i: i64[3] = sort(%x)`.
std::string Graph(const std::string& params, const std::string& results, const std::string& line,
                  const std::string& returned) {
  return "gir 1 module @bench\n\nexport func @main(" + params + ") -> (" + results + ") {\n  " +
         line + "\n  return " + returned + "\n}\n";
}

// Runs the graph; bytes: what one run writes, for the rate.
void RunGraph(benchmark::State& state, const std::string& text, const std::vector<Tensor>& inputs,
              int64_t bytes) {
  std::string error;
  std::unique_ptr<Context> context = MakeContext(text, &error);
  if (context == nullptr) return state.SkipWithError(error.c_str());
  std::vector<Tensor> outputs;
  for (auto _ : state) {
    Status status = context->Run(inputs, outputs);
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * bytes);
}

void Sort(benchmark::State& state) {
  const int64_t n = state.range(0);
  const std::string f = "f32[" + std::to_string(n) + "]";
  const std::string i = "i64[" + std::to_string(n) + "]";
  RunGraph(state,
           Graph("%x: " + f, f + ", " + i, "%y: " + f + ", %i: " + i + " = sort(%x)", "%y, %i"),
           {*Tensor::Copy(DType::kF32, {n}, RandomRow(n).data())}, 12 * n);
}

void StdSort(benchmark::State& state) {
  const std::vector<float> row = RandomRow(state.range(0));
  std::vector<float> sorted(row.size());
  for (auto _ : state) {
    std::copy(row.begin(), row.end(), sorted.begin());
    std::sort(sorted.begin(), sorted.end());
    benchmark::DoNotOptimize(sorted.data());
    benchmark::ClobberMemory();
  }
}

constexpr int64_t kVocabulary = 50000;

void Topk(benchmark::State& state) {
  const std::string k = std::to_string(state.range(0));
  const std::string results = "f32[" + k + "], i64[" + k + "]";
  RunGraph(state,
           Graph("%x: f32[50000]", results,
                 "%y: f32[" + k + "], %i: i64[" + k + "] = topk(%x, k = " + k + ")", "%y, %i"),
           {*Tensor::Copy(DType::kF32, {kVocabulary}, RandomRow(kVocabulary).data())},
           4 * kVocabulary);
}

void StdPartialSort(benchmark::State& state) {
  const std::vector<float> row = RandomRow(kVocabulary);
  std::vector<float> best(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    std::partial_sort_copy(row.begin(), row.end(), best.begin(), best.end(), std::greater<>());
    benchmark::DoNotOptimize(best.data());
    benchmark::ClobberMemory();
  }
}

constexpr int64_t kWidth = 768;
constexpr int64_t kTokens = 4096;

void Embedding(benchmark::State& state) {
  std::mt19937 random(5);
  std::vector<int64_t> tokens(kTokens);
  for (int64_t& token : tokens) token = static_cast<int64_t>(random() % 30000);
  std::vector<float> table(30000 * kWidth, 1.0f);
  RunGraph(state,
           Graph("%w: f32[30000, 768], %i: i64[4096]", "f32[4096, 768]",
                 "%y: f32[4096, 768] = embedding(%w, %i)", "%y"),
           {*Tensor::Copy(DType::kF32, {30000, kWidth}, table.data()),
            *Tensor::Copy(DType::kI64, {kTokens}, tokens.data())},
           4 * kTokens * kWidth);
}

void EmbeddingMemcpy(benchmark::State& state) {
  std::vector<float> table(kTokens * kWidth, 1.0f);
  std::vector<float> rows(table.size());
  for (auto _ : state) {
    std::memcpy(rows.data(), table.data(), table.size() * sizeof(float));
    benchmark::DoNotOptimize(rows.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 4 * kTokens * kWidth);
}

constexpr int64_t kDrawn = int64_t{1} << 22;

void Random(benchmark::State& state, const char* op, const char* dtype, int64_t element_bytes) {
  const std::string type = std::string(dtype) + "[" + std::to_string(kDrawn) + "]";
  const uint64_t key[2] = {7, 0};
  RunGraph(state,
           Graph("%k: rng", type,
                 "%y: " + type + " = " + op + "(%k, shape = [" + std::to_string(kDrawn) +
                     "], dtype = " + dtype + ")",
                 "%y"),
           {*Tensor::Copy(DType::kU64, {2}, key)}, kDrawn * element_bytes);
}

void Memset(benchmark::State& state) {
  std::vector<std::byte> bytes(4 * kDrawn);
  for (auto _ : state) {
    std::memset(bytes.data(), 1, bytes.size());
    benchmark::DoNotOptimize(bytes.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 4 * kDrawn);
}

BENCHMARK(Sort)->Name("sort/sort")->Arg(16)->Arg(1024)->Arg(65536);
BENCHMARK(StdSort)->Name("sort/std_sort")->Arg(16)->Arg(1024)->Arg(65536);
BENCHMARK(Topk)->Name("sort/topk")->Arg(10)->Arg(1000);
BENCHMARK(StdPartialSort)->Name("sort/std_partial_sort_copy")->Arg(10)->Arg(1000);
BENCHMARK(Embedding)->Name("sort/embedding");
BENCHMARK(EmbeddingMemcpy)->Name("sort/embedding_memcpy");
BENCHMARK_CAPTURE(Random, bits_u32, "rng.bits", "u32", 4)->Name("random/bits_u32");
BENCHMARK_CAPTURE(Random, bits_u64, "rng.bits", "u64", 8)->Name("random/bits_u64");
BENCHMARK_CAPTURE(Random, uniform_f32, "rng.uniform", "f32", 4)->Name("random/uniform_f32");
BENCHMARK_CAPTURE(Random, uniform_bf16, "rng.uniform", "bf16", 2)->Name("random/uniform_bf16");
BENCHMARK_CAPTURE(Random, uniform_f64, "rng.uniform", "f64", 8)->Name("random/uniform_f64");
BENCHMARK_CAPTURE(Random, normal_f32, "rng.normal", "f32", 4)->Name("random/normal_f32");
BENCHMARK_CAPTURE(Random, normal_f64, "rng.normal", "f64", 8)->Name("random/normal_f64");
BENCHMARK(Memset)->Name("random/memset");

}  // namespace
}  // namespace gcomp::bench
