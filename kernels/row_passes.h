// Passes over one row (kernels/rows.h), from which an op's row loop is put together. A row that
// does not lie in memory as it is computed comes in and goes out by chunks, so that a chunk is in
// L1 when it is used. On the way passes ask for the next row, each for its share: the processor
// foresees little of what lies in another page, and one pass alone would wait for memory while the
// others leave it idle. Between chunks they ask the row's pacer; the first chunk of a row is left
// to whoever runs the row.
#pragma once

#include "kernels/reduce.h"
#include "kernels/rows.h"

namespace gcomp::kernels {

// A pass over a row: whether it reads x for the first time, again, or not at all; and which part of
// the next row it asks for, in eighths. x and then y are one run of bytes, of which each pass takes
// its share for every 128 elements.
template <RowRead kRowRead, int kFrom, int kTo>
class RowPass {
 public:
  static constexpr RowRead kRead = kRowRead;

  GCOMP_INLINE explicit RowPass(const Row& row) : element_bytes_(row.next_bytes) {
    const int64_t bytes = kReduceLanes * row.next_bytes;
    const int64_t x_end = row.next_x != nullptr ? bytes : 0;
    const int64_t end = x_end + (row.next_y != nullptr ? bytes : 0);
    const int64_t from = end * kFrom / 8 / 64 * 64;
    const int64_t to = end * kTo / 8 / 64 * 64;
    x_ = row.next_x + from;
    x_bytes_ = (to < x_end ? to : x_end) - from;
    const int64_t y_from = from > x_end ? from - x_end : 0;
    y_ = row.next_y + y_from;
    y_bytes_ = to - x_end - y_from;
  }

  // Beside elements [k, k + 128) of this row.
  GCOMP_INLINE void Ask(int64_t k) const {
    const int64_t at = k * element_bytes_;
    for (int64_t i = 0; i < x_bytes_; i += 64) __builtin_prefetch(x_ + at + i, 0, 2);
    for (int64_t i = 0; i < y_bytes_; i += 64) __builtin_prefetch(y_ + at + i, 1, 2);
  }

  // Elements [from, from + count) of x.
  template <class T>
  GCOMP_INLINE const T* Load(const Row& row, int64_t from, int64_t count) const {
    if constexpr (kRead == RowRead::kNot) return nullptr;
    if (row.io == nullptr) return static_cast<const T*>(row.x) + from;
    return static_cast<const T*>(row.io->Load(kRead, from, count));
  }

 private:
  int64_t element_bytes_;
  const char* x_;
  const char* y_;
  int64_t x_bytes_;  // 0 or less: nothing
  int64_t y_bytes_;
};

// Form 1 of at(x, i) over elements x, at i, combined by F; at may write element i of row.y.
template <class F, class T, class Pass, class At>
GCOMP_INLINE T ReducePass(const Row& row, const Pass& pass, const At& at) {
  if (row.n == 0) return F::template Empty<T>();
  T* partials = static_cast<T*>(row.partials);
  const int64_t chunks = NumChunks(row.n);
  for (int64_t c = 0; c < chunks; ++c) {
    if (c > 0 && !row.pacer->Go(kReduceChunk)) return F::template Empty<T>();
    const int64_t from = c * kReduceChunk;
    const int64_t count = row.n - from < kReduceChunk ? row.n - from : kReduceChunk;
    const T* x = pass.template Load<T>(row, from, count);
    partials[c] = ReduceChunk<F, T>(
        count, [&](int64_t i) __attribute__((always_inline)) { return at(x[i], from + i); },
        [&](int64_t k) __attribute__((always_inline)) { pass.Ask(from + k); });
  }
  CombineTree<F>(partials, chunks);
  return partials[0];
}

// The range of the numbers of a row.
template <class T, class Pass>
GCOMP_INLINE NumberRange<T> RangePass(const Row& row, const Pass& pass) {
  NumberRange<T> range;
  for (int64_t from = 0; from < row.n; from += kReduceChunk) {
    if (from > 0 && !row.pacer->Go(kReduceChunk)) break;
    const int64_t count = row.n - from < kReduceChunk ? row.n - from : kReduceChunk;
    range = ExtendRange(range, pass.template Load<T>(row, from, count), count);
  }
  return range;
}

// The last pass: element i of y is value(i, x), x a pointer to element i of x (if the pass reads
// it); value may read element i of row.y.
template <class T, class Pass, class Value>
GCOMP_INLINE void MapPass(const Row& row, const Pass& pass, const Value& value) {
  for (int64_t from = 0; from < row.n; from += kReduceChunk) {
    if (from > 0 && !row.pacer->Go(kReduceChunk)) return;
    const int64_t count = row.n - from < kReduceChunk ? row.n - from : kReduceChunk;
    const T* x = pass.template Load<T>(row, from, count);
    T* y =
        row.io == nullptr ? static_cast<T*>(row.y) + from : static_cast<T*>(row.io->Result(from));
    if (x == nullptr) x = y;  // not read, but null + i is undefined
    int64_t k = 0;
    for (; k + kReduceLanes <= count; k += kReduceLanes) {
      pass.Ask(from + k);
      GCOMP_INDEPENDENT
      for (int64_t i = k; i < k + kReduceLanes; ++i) y[i] = value(from + i, x + i);
    }
    GCOMP_INDEPENDENT
    for (int64_t i = k; i < count; ++i) y[i] = value(from + i, x + i);
    if (row.io != nullptr) row.io->Store(from, count);
  }
}

}  // namespace gcomp::kernels
