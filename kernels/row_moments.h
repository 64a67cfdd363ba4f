// The passes of var and layer_norm over rows and strips: means, and sums of squared differences.
#pragma once

#include "kernels/moments.h"
#include "kernels/row_passes.h"
#include "kernels/row_strip.h"

namespace gcomp::kernels {

template <class T, class Pass>
GCOMP_INLINE T MeanPass(const Row& row, const Pass& pass) {
  T sum = ReducePass<SumFn, T>(
      row, pass, [](T x, int64_t) __attribute__((always_inline)) { return x; });
  return Mean{}(sum, row.n);
}

template <class T, class Pass>
GCOMP_INLINE T SquaresPass(const Row& row, const Pass& pass, T mean) {
  return ReducePass<SumFn, T>(
      row, pass, [mean](T x, int64_t) __attribute__((always_inline)) {
        return SquaredDifference{}(x, mean);
      });
}

// mean[c] of point c, squares[c] = its sum of squared differences: as of rows.
template <class T>
GCOMP_INLINE void MomentsOfStrip(const Strip& strip, T* mean, T* squares) {
  ReduceStrip<SumFn>(
      strip, [](T x, int64_t) __attribute__((always_inline)) { return x; }, mean);
  for (int64_t c = 0; c < strip.width; ++c) mean[c] = Mean{}(mean[c], strip.n);
  ReduceStrip<SumFn>(
      strip,
      [mean](T x, int64_t c)
          __attribute__((always_inline)) { return SquaredDifference{}(x, mean[c]); },
      squares);
}

}  // namespace gcomp::kernels
