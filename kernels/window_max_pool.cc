// The loop of max_pool.
#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "kernels/reduce.h"
#include "kernels/window_pool_run.h"

namespace gcomp::kernels::window_pool {
namespace {

using ir::DType;

// Windows of more taps along the width are counted tap by tap, too.
constexpr int64_t kManyTaps = 8;

// The least value of `dtype` in the type S that it is computed in.
template <class S>
S LeastOf(DType dtype) {
  if constexpr (std::is_floating_point_v<S>) {
    return -std::numeric_limits<S>::infinity();
  } else {
    if (!ir::IsSigned(dtype)) return 0;
    return static_cast<S>(std::numeric_limits<int64_t>::min() >> (64 - ir::BitsOf(dtype)));
  }
}

// True if the plane at `plane` has neither NaN nor -0.0: then maxima by one instruction have the
// bits of ir::Max, which takes seven. Of rows that are no tiles it is not found out.
template <class S>
GCOMP_INLINE bool IsPlain(const PoolRun& run, const char* plane) {
  using Bits = std::conditional_t<sizeof(S) == 8, uint64_t, uint32_t>;
  const auto& [depth, height, width] = run.problem.axes;
  const auto& strides = run.problem.x_strides;
  if (!run.dense_rows) return false;
  const bool one_run = depth.in == 1 && strides[3] == width.in;
  const int64_t rows = one_run ? 1 : height.in;
  const int64_t n = one_run ? height.in * width.in : width.in;
  Bits special = 0;
  for (int64_t z = 0; z < depth.in; ++z) {
    for (int64_t h = 0; h < rows; ++h) {
      const S* row = RowAt<S>(run, plane, z, h, nullptr);
      const bool done = ForPieces(
          *run.pacer, n, [&](int64_t from, int64_t count) __attribute__((always_inline)) {
            for (int64_t i = from; i < from + count; ++i) {
              const bool minus_zero = std::bit_cast<Bits>(row[i]) == std::bit_cast<Bits>(S{-0.0});
              special |= static_cast<Bits>(row[i] != row[i]) | static_cast<Bits>(minus_zero);
            }
          });
      if (!done) return false;
    }
  }
  return special == 0;
}

// to[i] = Max{}(a[i], b[i]), of MaxFn or, where x is plain, ExtremeOfNumbersFn; to may be a.
template <class Max, class S>
GCOMP_INLINE void MaxOfRows(const PoolRun& run, const S* a, const S* b, S* to, int64_t n) {
  ForPieces(
      *run.pacer, n, [=](int64_t from, int64_t count) __attribute__((always_inline)) {
        GCOMP_INDEPENDENT
        for (int64_t i = from; i < from + count; ++i) to[i] = Max{}(a[i], b[i]);
      });
}

// outputs[i] = max of the first kTaps taps of the window at x[i * step].
template <class Max, int kTaps, class S>
GCOMP_INLINE void MaxOfFirst(const S* x, int64_t step, int64_t dilation, S* outputs, int64_t n) {
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    const S* taps = x + i * step;
    S most = taps[0];
    if constexpr (kTaps > 1) most = Max{}(most, taps[dilation]);
    if constexpr (kTaps > 2) most = Max{}(most, taps[2 * dilation]);
    outputs[i] = most;
  }
}

// outputs[i] = max of the taps of window i along the width, in the row x under n windows: up to
// three taps in one pass, by loops of their own for the strides that vectors can take apart.
template <class Max, class S>
GCOMP_INLINE void MaxAlongPiece(const S* x, const WindowAxis& width, S* outputs, int64_t n,
                                Pacer& pacer) {
  const auto first = [&]<int kTaps>(std::integral_constant<int, kTaps>)
      __attribute__((always_inline)) {
    if (width.stride == 1) {
      MaxOfFirst<Max, kTaps>(x, 1, width.dilation, outputs, n);
    } else if (width.stride == 2) {
      MaxOfFirst<Max, kTaps>(x, 2, width.dilation, outputs, n);
    } else {
      MaxOfFirst<Max, kTaps>(x, width.stride, width.dilation, outputs, n);
    }
  };
  if (width.kernel == 1) return first(std::integral_constant<int, 1>());
  if (width.kernel == 2) return first(std::integral_constant<int, 2>());
  first(std::integral_constant<int, 3>());
  for (int64_t k = 3; k < width.kernel; ++k) {
    CombineTap<Max>(x + k * width.dilation, width.stride, outputs, n);
    if (width.kernel > kManyTaps && !pacer.Go(n)) return;
  }
}

// The same in pieces.
template <class Max, class S>
GCOMP_INLINE void MaxAlong(const PoolRun& run, const S* x, S* outputs, int64_t n) {
  const WindowAxis& width = run.problem.axes[2];
  ForPieces(
      *run.pacer, n, [&](int64_t from, int64_t count) __attribute__((always_inline)) {
        MaxAlongPiece<Max>(x + from * width.stride, width, outputs + from, count, *run.pacer);
      });
}

template <class S>
GCOMP_INLINE void RunTiledMax(const PoolRun& run, const S* x, S* y) {
  const PoolProblem& p = run.problem;
  const auto& [depth, height, width] = p.axes;
  S* column = reinterpret_cast<S*>(run.row);
  const int64_t all = p.n * p.c * depth.out * height.out;
  for (int64_t first = 0; first < all; first += run.tiled_rows) {
    const int64_t rows = std::min(run.tiled_rows, all - first);
    for (int64_t r = 0; r < rows; ++r) {
      const S* from = x + (first + r) * height.stride * width.in;
      S* to = column + r * width.in;
      MaxOfRows<MaxFn>(run, from, from + (height.kernel > 1 ? width.in : 0), to, width.in);
      for (int64_t k = 2; k < height.kernel; ++k) {
        MaxOfRows<MaxFn>(run, to, from + k * width.in, to, width.in);
      }
    }
    S* outputs = y + first * width.out;
    const int64_t n = rows * width.out;
    MaxAlong<MaxFn>(run, column, outputs, n);
    if (run.pacer->stopped()) return;
  }
}

// The row of windows at (d, h). In any order the maximum is the same: rows first, then along the
// width.
template <class Max, class S>
GCOMP_INLINE void MaxOfWindows(const PoolRun& run, const char* plane, int64_t d, int64_t h,
                               S* outputs) {
  const WindowAxis& width = run.problem.axes[2];
  S* under = reinterpret_cast<S*>(run.row);
  S* inside = under + run.reach.pad;
  const S* rows = nullptr;
  ForRows(
      run, d, h, [&](int64_t z, int64_t at, int64_t) __attribute__((always_inline)) {
        S* tile = rows == nullptr ? inside : reinterpret_cast<S*>(run.tile);
        const S* row = RowAt<S>(run, plane, z, at, tile);
        if (rows != nullptr) {
          MaxOfRows<Max>(run, rows, row, inside, run.reach.count);
          row = inside;
        }
        rows = row;
      });
  if (rows == nullptr) {
    std::fill_n(outputs, width.out, LeastOf<S>(run.problem.dtype));
    return;
  }
  if (!run.reach.full()) {
    if (rows != inside) std::copy_n(rows, run.reach.count, inside);
    rows = under;
  }
  MaxAlong<Max>(run, rows, outputs, width.out);
}

template <class S>
GCOMP_INLINE void RunMax(const PoolRun& run, const void* x, void* y) {
  if (run.tiled_rows > 0) {
    return RunTiledMax(run, static_cast<const S*>(x), static_cast<S*>(y));
  }
  std::fill_n(reinterpret_cast<S*>(run.row), run.reach.reach, LeastOf<S>(run.problem.dtype));
  [[maybe_unused]] bool plain = false;
  ForOutputs<S>(
      run, x,
      y, [&](const char* plane, int64_t d, int64_t h, S* outputs) __attribute__((always_inline)) {
        if constexpr (std::is_floating_point_v<S>) {
          if (d == 0 && h == 0) plain = IsPlain<S>(run, plane);
          if (plain) return MaxOfWindows<ExtremeOfNumbersFn<true>>(run, plane, d, h, outputs);
        }
        MaxOfWindows<MaxFn>(run, plane, d, h, outputs);
      });
}

template <class S>
GCOMP_TARGET_V3 void RunMaxV3(const PoolRun& run, const void* x, void* y) {
  RunMax<S>(run, x, y);
}

template <class S>
GCOMP_TARGET_V4 void RunMaxV4(const PoolRun& run, const void* x, void* y) {
  RunMax<S>(run, x, y);
}

}  // namespace

RunFn MaxPoolLoop(DType dtype, CpuLevel cpu) {
  return WithComputeType(dtype, [cpu](auto like) -> RunFn {
    using S = NumericOf<decltype(like)>;
    return PerCpu<RunFn>{RunMaxV3<S>, RunMaxV4<S>}.For(cpu);
  });
}

}  // namespace gcomp::kernels::window_pool
