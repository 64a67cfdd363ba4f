// f32 matrix products by oneDNN.
#pragma once

#include <memory>

#include "base/status.h"
#include "ir/kernel.h"
#include "kernels/matmul_loops.h"

namespace gcomp::kernels::onednn {

// True if oneDNN takes this product: f32, no dim of size 0 or past its int arithmetic.
bool TakesMatmul(const MatmulProblem& problem);

// A kernel for it; operands with strides that oneDNN does not read are copied to scratch at each
// run. `constant_b`, if not null, is the data of b for the life of the kernel: packed here, once.
// Fails with E902 when oneDNN does, E801 when memory for packing can't be had. Requires
// TakesMatmul(problem).
StatusOr<std::unique_ptr<ir::Kernel>> PrepareMatmul(const MatmulProblem& problem,
                                                    const void* constant_b, CpuLevel cpu);

}  // namespace gcomp::kernels::onednn
