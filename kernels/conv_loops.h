// ConvProblem: one 2-D convolution at concrete sizes, and gcomp's own loops for it.
//
// The loops serve the dtypes that oneDNN does not, empty tensors, and all dtypes in a build without
// it. Each element of the result is one sum over (input channel, kernel row, kernel column) in that
// order, from 0, skipping taps in the padding; the bias is added last: the same bits on each
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
  int64_t n = 0;  // images
  int64_t groups = 1;
  int64_t c = 0;  // input channels, of all groups
  int64_t o = 0;  // output channels, of all groups
  WindowAxis h;
  WindowAxis w;
  std::array<int64_t, 2> pad_end = {0, 0};
  std::array<int64_t, 4> x_strides = {};  // n, c, h, w
  std::array<int64_t, 4> w_strides = {};  // o, c / groups, kh, kw
  bool has_bias = false;
  int64_t bias_stride = 1;

  bool empty() const { return n == 0 || o == 0 || h.out == 0 || w.out == 0; }
};

// The convolution by plain loops, for numeric dtypes; the result is row-major. f16 and bf16 are
// computed in f32 and rounded once. Scratch: one row of sums; f16 and bf16: operands as f32.
StatusOr<std::unique_ptr<ir::Kernel>> PrepareConvLoops(const ConvProblem& problem, CpuLevel cpu);

}  // namespace gcomp::kernels
