// How near reductions, scans and row ops come to the memory: useful bytes per second (what is read
// and written; of a reduction, what is read) beside a memcpy of the same tensor in the same
// minute, whose read and written bytes are counted. of_copy is the quotient.
//
//   gcomp-microbench --benchmark_filter=reduce/

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstring>
#include <random>

#include "base/format.h"
#include "bench/bench_graphs.h"

namespace gcomp::bench {
namespace {

struct Case {
  const char* op;  // with its attributes: `softmax(%x, dim = 0)`
  const char* name;
  const char* dtype;  // f32 or bf16
  int64_t rows;
  int64_t columns;

  enum { kSame, kRow, kColumn } result;  // [rows, columns], [rows] or [columns]

  const char* result_dtype = nullptr;  // null: the operand's
};

std::string TypeText(const std::string& dtype, std::initializer_list<int64_t> sizes) {
  std::string text = dtype + "[";
  for (int64_t size : sizes) text += (text.back() == '[' ? "" : ", ") + std::to_string(size);
  return text + "]";
}

std::string TextOf(const Case& c) {
  std::string x = TypeText(c.dtype, {c.rows, c.columns});
  std::string out = c.result_dtype == nullptr ? c.dtype : c.result_dtype;
  std::string y = c.result == Case::kSame  ? x
                  : c.result == Case::kRow ? TypeText(out, {c.rows})
                                           : TypeText(out, {c.columns});
  return "gir 1 module @bench\n\nexport func @main(%x: " + x + ") -> (" + y + ") {\n  %y: " + y +
         " = " + c.op + "\n  return %y\n}\n";
}

// The best of some copies of `bytes` bytes, in bytes per second, read and written ones counted.
double CopyRate(const void* from, size_t bytes) {
  std::vector<std::byte> to(bytes);
  double best = 0;
  for (int i = 0; i < 12; ++i) {
    auto start = std::chrono::steady_clock::now();
    std::memcpy(to.data(), from, bytes);
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::max(best, 2 * static_cast<double>(bytes) / took.count());
  }
  return best;
}

Tensor RandomTensor(const Case& c) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  size_t n = static_cast<size_t>(c.rows * c.columns);
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  if (std::string_view(c.dtype) == "f32") {
    return *Tensor::Copy(DType::kF32, {c.rows, c.columns}, values.data());
  }
  std::vector<uint16_t> halves(n);
  for (size_t i = 0; i < n; ++i) {
    uint32_t bits = 0;
    std::memcpy(&bits, &values[i], sizeof(bits));
    halves[i] = static_cast<uint16_t>(bits >> 16);
  }
  return *Tensor::Copy(DType::kBF16, {c.rows, c.columns}, halves.data());
}

void RunCase(benchmark::State& state, Case c) {
  std::string error;
  std::unique_ptr<Context> context = MakeContext(TextOf(c), &error);
  if (context == nullptr) return state.SkipWithError(error.c_str());
  std::vector<Tensor> inputs = {RandomTensor(c)};
  std::vector<Tensor> outputs;  // made by the first run, written in place by the others
  Status status = context->Run(inputs, outputs);
  if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
  double bytes = static_cast<double>(c.rows * c.columns) * (*c.dtype == 'f' ? 4 : 2);
  double copy = CopyRate(inputs[0].data(), static_cast<size_t>(bytes));
  double useful = c.result == Case::kSame ? 2 * bytes : bytes;
  double best = 0;
  for (auto _ : state) {
    auto start = std::chrono::steady_clock::now();
    status = context->Run(inputs, outputs);
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
    best = std::max(best, useful / took.count());
  }
  copy = std::max(copy, CopyRate(inputs[0].data(), static_cast<size_t>(bytes)));
  state.counters["GB/s"] = best / 1e9;
  state.counters["copy_GB/s"] = copy / 1e9;
  state.counters["of_copy"] = best / copy;
}

int RegisterAll() {
  const std::pair<int64_t, int64_t> shapes[] = {{4096, 1024}, {64, 65536}};
  auto add = [&](const char* name, const char* op, decltype(Case::kSame) result,
                 const char* result_dtype = nullptr) {
    for (const char* dtype : {"f32", "bf16"}) {
      for (auto [rows, columns] : shapes) {
        Case c{op, name, dtype, rows, columns, result, result_dtype};
        std::string full = Format("reduce/{}/{}/{}x{}", name, dtype, rows, columns);
        benchmark::RegisterBenchmark(full.c_str(), RunCase, c)->Unit(benchmark::kMillisecond);
      }
    }
  };
  add("sum_last", "reduce_sum(%x, dims = [1])", Case::kRow);
  add("sum_first", "reduce_sum(%x, dims = [0])", Case::kColumn);
  add("mean_last", "reduce_mean(%x, dims = [1])", Case::kRow);
  add("prod_last", "reduce_prod(%x, dims = [1])", Case::kRow);
  add("max_last", "reduce_max(%x, dims = [1])", Case::kRow);
  add("max_first", "reduce_max(%x, dims = [0])", Case::kColumn);
  add("any_last", "reduce_any(%x, dims = [1])", Case::kRow, "bool");
  add("argmax_last", "argmax(%x, dim = 1)", Case::kRow, "i64");
  add("argmax_first", "argmax(%x, dim = 0)", Case::kColumn, "i64");
  add("var_last", "var(%x, dims = [1])", Case::kRow);
  add("logsumexp_last", "logsumexp(%x, dims = [1])", Case::kRow);
  add("softmax_last", "softmax(%x)", Case::kSame);
  add("softmax_first", "softmax(%x, dim = 0)", Case::kSame);
  add("log_softmax_last", "log_softmax(%x)", Case::kSame);
  add("layer_norm_last", "layer_norm(%x, dims = [1])", Case::kSame);
  add("layer_norm_first", "layer_norm(%x, dims = [0])", Case::kSame);
  add("rms_norm_last", "rms_norm(%x)", Case::kSame);
  add("cumsum_last", "cumsum(%x, dim = 1)", Case::kSame);
  add("cumsum_first", "cumsum(%x, dim = 0)", Case::kSame);
  return 0;
}

[[maybe_unused]] const int registered = RegisterAll();

}  // namespace
}  // namespace gcomp::bench
