// f32 matrix products by oneDNN.
#pragma once

#include <memory>

#include "base/status.h"
#include "ir/kernel.h"

namespace gcomp::kernels::onednn {

// a: [..., m, k], b: [..., k, n], c: [..., m, n] row-major; batch dims broadcast.
struct MatmulOperands {
  const ir::TensorSpec& a;
  const ir::TensorSpec& b;
  const ir::TensorSpec& c;
};

// True if oneDNN takes this product: f32, no dim of size 0 or past its int arithmetic. Depends on
// sizes alone.
bool TakesMatmul(const MatmulOperands& operands);

// A kernel for it. oneDNN chooses its code, and so the order of sums, by layout too: it is given
// row-major operands always, and others are copied to scratch at each run, so that equal values
// give equal bits however they lie. `constant_b`, if not null, is the data of b for the life of the
// kernel: packed here, once. Fails with E902 when oneDNN does, E801 when memory for packing can't
// be had. Requires TakesMatmul(operands).
StatusOr<std::unique_ptr<ir::Kernel>> PrepareMatmul(const MatmulOperands& operands,
                                                    const void* constant_b, CpuLevel cpu);

}  // namespace gcomp::kernels::onednn
