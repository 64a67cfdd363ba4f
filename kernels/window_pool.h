// Pools at concrete sizes: the greatest element, or the mean, under a window that slides over up to
// three spatial axes of [n, c, ...].
//
// Rows: the rows of x that a row of outputs needs are combined one after the other, dense rows in
// the compute type as they lie, others through a tile. In scratch a row has what stands for taps
// outside of x around it, so that each tap of a window is one loop over the whole row of outputs.
// Where windows lie side by side in a dense x (2x2, stride 2), rows of outputs are put together.
// Sums are form 2 of docs/numerics.md over the window in row-major order (blocks of 64 taps in
// sequence, blocks by a tree), taps outside x left out; windows of up to 64 taps are summed in
// sequence.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/status.h"
#include "ir/kernel.h"
#include "kernels/window.h"

namespace gcomp::kernels {

struct PoolProblem {
  ir::DType dtype = ir::DType::kF32;
  int64_t n = 0;
  int64_t c = 0;
  // Depth, height, width; those that the op lacks have size 1.
  std::array<WindowAxis, 3> axes;
  std::array<int64_t, 5> x_strides = {};  // n, c and the three axes

  int64_t NumTaps() const { return axes[0].kernel * axes[1].kernel * axes[2].kernel; }
};

// The most taps of a window: infer checks it, so that NumTaps() can't overflow.
inline constexpr int64_t kMaxPoolTaps = int64_t{1} << 31;

// The greatest element, for numeric dtypes; `least` (-inf, or the least integer) where a window has
// none. Scratch: three rows.
StatusOr<std::unique_ptr<ir::Kernel>> PrepareMaxPool(const PoolProblem& problem, CpuLevel cpu);

// The mean, for float dtypes: 0.0 + sum, divided once, by the number of taps if `counts_padding`,
// else by the number of those inside x. Scratch: two rows and one per 64 taps.
StatusOr<std::unique_ptr<ir::Kernel>> PrepareMeanPool(const PoolProblem& problem,
                                                      bool counts_padding, CpuLevel cpu);

}  // namespace gcomp::kernels
