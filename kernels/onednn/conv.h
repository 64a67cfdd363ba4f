// f32 convolutions and transposed convolutions by oneDNN.
#pragma once

#include <memory>

#include "base/status.h"
#include "ir/kernel.h"
#include "kernels/conv_loops.h"

namespace gcomp::kernels::onednn {

// True if oneDNN takes this convolution: f32, no dim of size 0 or past its int arithmetic.
bool TakesConv(const ConvProblem& problem);

// A kernel for it. oneDNN chooses the forms of x, w and y (blocked or channels-last; plain
// row-major runs another implementation, with other bits); x and y are reordered through scratch at
// each run, w too unless `constant_w`, its data for the life of the kernel, is given: packed here,
// once. Fails with E902 when oneDNN does, E801 when memory for packing can't be had. Requires
// TakesConv(problem).
StatusOr<std::unique_ptr<ir::Kernel>> PrepareConv(const ConvProblem& problem,
                                                  const void* constant_w, CpuLevel cpu);

}  // namespace gcomp::kernels::onednn
