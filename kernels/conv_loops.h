// ConvProblem: one convolution, or transposed convolution, at concrete sizes, and gcomp's own loops
// for it.
//
// The loops serve the dtypes that oneDNN does not, empty tensors, and all dtypes in a build without
// it. Each element of the result is one sum over (channel of x, place in the kernel) in that order,
// from 0, skipping taps that meet no element of x; the bias is added last: the same bits on each
// processor.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/status.h"
#include "ir/kernel.h"
#include "kernels/window.h"

namespace gcomp::kernels {

struct ConvProblem {
  ir::DType dtype = ir::DType::kF32;
  bool transposed = false;
  int64_t n = 0;  // images
  int64_t groups = 1;
  int64_t c = 0;       // channels of x, of all groups
  int64_t o = 0;       // channels of y, of all groups
  size_t spatial = 1;  // the axes that the op has are the last ones of three
  // Depth, height, width, those that the op lacks of size 1: `in` is x's and `out` y's size; of a
  // transposed convolution the other way round, as it goes from where the windows lie to what they
  // cover.
  std::array<WindowAxis, 3> axes;
  std::array<int64_t, 3> pad_end = {};
  std::array<int64_t, 5> x_strides = {};  // n, c, and the three axes
  std::array<int64_t, 5> w_strides = {};  // o, c, and the three axes, in whatever order w has them
  bool has_bias = false;
  int64_t bias_stride = 1;

  int64_t x_size(size_t axis) const { return transposed ? axes[axis].out : axes[axis].in; }

  int64_t y_size(size_t axis) const { return transposed ? axes[axis].in : axes[axis].out; }

  // The result has no elements.
  bool empty() const {
    return n == 0 || o == 0 || y_size(0) == 0 || y_size(1) == 0 || y_size(2) == 0;
  }

  // The elements of w that o and c of a group go through.
  int64_t group_c() const { return c / groups; }

  int64_t group_o() const { return o / groups; }

  // From one group to the next in w.
  int64_t w_group_stride() const {
    return transposed ? group_c() * w_strides[1] : group_o() * w_strides[0];
  }
};

// The convolution by plain loops, for numeric dtypes; the result is row-major. f16 and bf16 are
// computed in f32 and rounded once. Scratch: one row of sums; f16 and bf16: operands as f32.
StatusOr<std::unique_ptr<ir::Kernel>> PrepareConvLoops(const ConvProblem& problem, CpuLevel cpu);

}  // namespace gcomp::kernels
