// Resampling at concrete sizes: interpolate's elements along up to three spatial axes of
// [n, c, ...].
//
// Where each output comes from, and with which weight, is calculated once per axis when the kernel
// is prepared. Linear: axes one after the other, as rows: rows of x are combined along depth and
// height, then elements along the width. A row that two rows of outputs need is made once. Nearest
// moves bits; rows of outputs that come from one row of x are copies of the first of them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/status.h"
#include "ir/kernel.h"

namespace gcomp::kernels {

struct ResampleProblem {
  ir::DType dtype = ir::DType::kF32;
  int64_t n = 0;
  int64_t c = 0;
  // Depth, height, width; those that the op lacks have size 1.
  std::array<int64_t, 3> in = {1, 1, 1};
  std::array<int64_t, 3> out = {1, 1, 1};
  std::array<int64_t, 5> x_strides = {};  // n, c and the three axes
};

// Both fail with E401 where an empty axis would grow, E802 for an axis past 2^31 - 1 that changes
// its size, E801 if memory for the places can't be had. The result is row-major.

// y[i] = x[floor(i * in / out)] along each axis, for real dtypes.
StatusOr<std::unique_ptr<ir::Kernel>> PrepareNearest(const ResampleProblem& problem, CpuLevel cpu);

// Between the two elements around the place of i, for float dtypes. Scratch: six rows.
StatusOr<std::unique_ptr<ir::Kernel>> PrepareLinear(const ResampleProblem& problem,
                                                    bool align_corners, CpuLevel cpu);

}  // namespace gcomp::kernels
