// What the loops of max_pool and avg_pool (kernels/window_pool.h) share: the walk over windows and
// the rows of x under them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ir/scalar.h"
#include "kernels/cpu_target.h"
#include "kernels/pacer.h"
#include "kernels/reduce_loops.h"
#include "kernels/tile.h"
#include "kernels/window_pool.h"

namespace gcomp::kernels::window_pool {

// The rows of x under a row of windows lie in `reach` elements; x fills `count` of them from `pad`
// on, what is around stands for taps outside.
struct Reach {
  int64_t reach;
  int64_t pad;
  int64_t count;

  explicit Reach(const WindowAxis& width)
      : reach((width.out - 1) * width.stride + (width.kernel - 1) * width.dilation + 1),
        pad(std::min(width.pad, std::max<int64_t>(reach, 0))),
        count(std::clamp<int64_t>(reach - pad, 0, width.in)) {}

  // All taps meet elements of x.
  bool full() const { return count == reach; }
};

// What a run works on: places in scratch are set by the kernel.
struct PoolRun {
  const PoolProblem& problem;
  const TileIo& io;
  Reach reach;
  bool dense_rows;      // rows of x are tiles as they lie
  bool counts_padding;  // of means
  int64_t tiled_rows;   // max: rows of outputs at once where windows tile x, see Tiles; else 0
  char* tile;           // a row of x
  char* row;            // what lies under a row of windows: Reach
  char* outputs;        // a row of results; mean: one per block of taps
  Pacer* pacer;
};

using RunFn = void (*)(const PoolRun& run, const void* x, void* y);

// Row (z, h) of the plane at `plane`, dense in S: where it lies, or brought into `tile`.
template <class S>
GCOMP_INLINE const S* RowAt(const PoolRun& run, const char* plane, int64_t z, int64_t h, S* tile) {
  const PoolProblem& p = run.problem;
  const char* row = plane + (z * p.x_strides[2] + h * p.x_strides[3]) * run.io.bytes;
  if (run.dense_rows) return reinterpret_cast<const S*>(row);
  run.io.load(row, p.x_strides[4] * run.io.bytes, run.reach.count, tile);
  return tile;
}

// outputs[i] = F(outputs[i], x[i * step]).
template <class F, class S>
GCOMP_INLINE void CombineTap(const S* x, int64_t step, S* outputs, int64_t n) {
  if (step == 1) {
    CombineRows<F>(outputs, x, n);
  } else if (step == 2) {
    GCOMP_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) outputs[i] = F{}(outputs[i], x[2 * i]);
  } else {
    for (int64_t i = 0; i < n; ++i) outputs[i] = F{}(outputs[i], x[i * step]);
  }
}

// Calls visit(z, h, first tap) for the rows of x under the windows at (d, h), in order, until the
// pacer stops it.
template <class Visit>
GCOMP_INLINE void ForRows(const PoolRun& run, int64_t d, int64_t h, const Visit& visit) {
  const PoolProblem& p = run.problem;
  for (int64_t kd = 0; kd < p.axes[0].kernel; ++kd) {
    const int64_t z = d * p.axes[0].stride + p.axes[0].Origin(kd);
    if (z < 0 || z >= p.axes[0].in) continue;
    for (int64_t kh = 0; kh < p.axes[1].kernel; ++kh) {
      const int64_t y = h * p.axes[1].stride + p.axes[1].Origin(kh);
      if (y < 0 || y >= p.axes[1].in) continue;
      if (!run.pacer->Go(p.axes[2].out * p.axes[2].kernel)) return;
      visit(z, y, (kd * p.axes[1].kernel + kh) * p.axes[2].kernel);
    }
  }
}

// Calls row(plane, d, h, outputs) for each row of results, and writes them to y, until the pacer
// stops it.
template <class S, class Row>
GCOMP_INLINE void ForOutputs(const PoolRun& run, const void* x, void* y, const Row& row) {
  const PoolProblem& p = run.problem;
  const int64_t width = p.axes[2].out;
  char* to = static_cast<char*>(y);
  for (int64_t n = 0; n < p.n; ++n) {
    for (int64_t c = 0; c < p.c; ++c) {
      const char* plane =
          static_cast<const char*>(x) + (n * p.x_strides[0] + c * p.x_strides[1]) * run.io.bytes;
      for (int64_t d = 0; d < p.axes[0].out; ++d) {
        for (int64_t h = 0; h < p.axes[1].out; ++h) {
          S* outputs = reinterpret_cast<S*>(run.io.direct ? to : run.outputs);
          row(plane, d, h, outputs);
          if (!run.pacer->Go(width)) return;
          if (!run.io.direct) run.io.store(outputs, width, to, run.io.bytes);
          to += width * run.io.bytes;
        }
      }
    }
  }
}

// The loop of max_pool.
RunFn MaxPoolLoop(ir::DType dtype, CpuLevel cpu);

}  // namespace gcomp::kernels::window_pool
