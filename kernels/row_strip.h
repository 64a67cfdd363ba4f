// Loops over strips of neighboring points (kernels/rows.h): passes from which an op's strip loop is
// put together. T is the compute type of the operand; `at` gets an element and its point.
#pragma once

#include <cstring>

#include "kernels/reduce.h"
#include "kernels/rows.h"

namespace gcomp::kernels {

// Passes over the strip: each(row, k) for rows k = 0, ..., n - 1, or until the pacer stops it.
template <class T, class Each>
GCOMP_INLINE void ForRows(const Strip& strip, const Each& each) {
  strip.io->Restart();
  for (int64_t k = 0; k < strip.n; ++k) {
    if (!strip.pacer->Go(strip.width)) return;
    each(static_cast<const T*>(strip.io->Next()), k);
  }
}

// each(c) for the points of a row, in any order. The rows after it are asked for on the way: the
// processor foresees little of what lies in other pages.
template <class Each>
GCOMP_INLINE void ForPoints(const Strip& strip, const Each& each) {
  constexpr int64_t kPiece = 256;
  const StripIo& io = *strip.io;
  for (int64_t from = 0; from < strip.width; from += kPiece) {
    int64_t to = strip.width - from < kPiece ? strip.width : from + kPiece;
    for (int64_t at = from * io.ahead_bytes; at < to * io.ahead_bytes; at += 64) {
      if (io.ahead_x != nullptr) __builtin_prefetch(io.ahead_x + at, 0, 3);
      if (io.ahead_y != nullptr) __builtin_prefetch(io.ahead_y + at, 1, 3);
    }
    GCOMP_INDEPENDENT
    for (int64_t c = from; c < to; ++c) each(c);
  }
}

// result[c] = form 1 of at(x, c) over the elements x of point c, combined by F.
template <class F, class T, class At>
GCOMP_INLINE void ReduceStrip(const Strip& strip, const At& at, T* result) {
  const int64_t width = strip.width;
  if (strip.n == 0) {
    for (int64_t c = 0; c < width; ++c) result[c] = F::template Empty<T>();
    return;
  }
  T* lanes = static_cast<T*>(strip.lanes);
  T* partials = static_cast<T*>(strip.partials);
  ForRows<T>(
      strip, [&](const T* x, int64_t k) __attribute__((always_inline)) {
        const int64_t i = k % kReduceChunk;  // in its chunk
        T* lane = lanes + i % kReduceLanes * width;
        if (i < kReduceLanes) {
          for (int64_t c = 0; c < width; ++c) lane[c] = F::template Identity<T>();
        }
        ForPoints(
            strip, [&](int64_t c)
                       __attribute__((always_inline)) { lane[c] = F{}(lane[c], at(x[c], c)); });
        if (i + 1 < kReduceChunk && k + 1 < strip.n) return;
        CombineTreeOfRows<F>(lanes, i < kReduceLanes ? i + 1 : kReduceLanes, width);
        std::memcpy(partials + k / kReduceChunk * width, lanes, width * sizeof(T));
      });
  if (strip.pacer->stopped()) return;
  CombineTreeOfRows<F>(partials, NumChunks(strip.n), width);
  std::memcpy(result, partials, width * sizeof(T));
}

// Each element x of the result is value(x, k, c).
template <class T, class Value>
GCOMP_INLINE void MapStrip(const Strip& strip, const Value& value) {
  ForRows<T>(
      strip, [&](const T* x, int64_t k) __attribute__((always_inline)) {
        T* y = static_cast<T*>(strip.io->Result());
        ForPoints(
            strip, [&](int64_t c) __attribute__((always_inline)) { y[c] = value(x[c], k, c); });
        strip.io->Put();
      });
}

// The result of a value per row is value(c).
template <class T, class Value>
GCOMP_INLINE void PutValues(const Strip& strip, const Value& value) {
  if (strip.pacer->stopped()) return;
  strip.io->Restart();
  T* y = static_cast<T*>(strip.io->Result());
  GCOMP_INDEPENDENT
  for (int64_t c = 0; c < strip.width; ++c) y[c] = value(c);
  strip.io->Put();
}

}  // namespace gcomp::kernels
