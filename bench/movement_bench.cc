// Data movement against a plain copy of as many bytes: what a strided copy (kernels/strided_copy.h)
// makes of transposes, slices, flips and broadcasts. Bytes per second count what is written.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/strided_copy.h"

namespace gcomp {
namespace {

// Moves x[rows, columns], whose elements lie as `source_strides` say from element `first` on, into
// a row-major tensor.
void Move(benchmark::State& state, std::vector<int64_t> sizes, std::vector<int64_t> source_strides,
          int64_t source_elements, int64_t first, int64_t bytes) {
  std::vector<int64_t> target_strides(sizes.size());
  int64_t elements = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    target_strides[i] = elements;
    elements *= sizes[i];
  }
  const std::vector<char> source(static_cast<size_t>(source_elements * bytes), 1);
  std::vector<char> target(static_cast<size_t>(elements * bytes), 2);
  const kernels::StridedCopy copy =
      kernels::StridedCopy::Make(sizes, source_strides, target_strides, bytes);
  for (auto _ : state) {
    copy.Run(source.data() + first * bytes, target.data());
    benchmark::DoNotOptimize(target.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * elements * bytes);
}

void BM_Memcpy(benchmark::State& state) {
  const std::vector<char> source(static_cast<size_t>(state.range(0)), 1);
  std::vector<char> target(source.size(), 2);
  for (auto _ : state) {
    std::memcpy(target.data(), source.data(), source.size());
    benchmark::DoNotOptimize(target.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

BENCHMARK(BM_Memcpy)->Arg(1 << 20)->Arg(4096 * 1024 * 4);

// [rows, columns] row-major to [columns, rows].
void BM_Transpose(benchmark::State& state) {
  const int64_t rows = state.range(0);
  const int64_t columns = state.range(1);
  Move(state, {columns, rows}, {1, columns}, rows * columns, 0, state.range(2));
}

BENCHMARK(BM_Transpose)
    ->ArgNames({"rows", "columns", "bytes"})
    ->ArgsProduct({{4096}, {1024}, {1, 2, 4, 8}})
    ->ArgsProduct({{512}, {512}, {1, 2, 4, 8}})
    ->Args({50176, 3, 4})
    ->Args({3, 50176, 4});

// Half of each row of [4096, 2048].
void BM_SliceColumns(benchmark::State& state) {
  Move(state, {4096, 1024}, {2048, 1}, int64_t{4096} * 2048, 512, 4);
}

BENCHMARK(BM_SliceColumns);

void BM_FlipColumns(benchmark::State& state) {
  Move(state, {4096, 1024}, {1024, -1}, int64_t{4096} * 1024, 1023, 4);
}

BENCHMARK(BM_FlipColumns);

void BM_BroadcastColumn(benchmark::State& state) {
  Move(state, {4096, 1024}, {1, 0}, 4096, 0, 4);
}

BENCHMARK(BM_BroadcastColumn);

}  // namespace
}  // namespace gcomp
