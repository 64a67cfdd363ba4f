// batch_norm without training: each element of [n, c, ...] by the parameters of its channel.
#pragma once

#include <memory>

#include "base/status.h"
#include "ir/kernel.h"
#include "ir/scalar.h"

namespace gcomp::kernels {

// y of one element: x, then weight, bias, mean and r of its channel.
struct NormalizeByChannel {
  template <class S>
  GCOMP_INLINE S operator()(S x, S weight, S bias, S mean, S r) const {
    return ir::Add(ir::Mul(ir::Mul(ir::Sub(x, mean), r), weight), bias);
  }
};

template <class S>
GCOMP_INLINE S InverseDeviation(S var, S eps, S one) {
  return ir::Div(one, ir::Sqrt(ir::Add(var, eps)));
}

// Operands: x, then weight, bias, mean and var of the channels. Scratch: the parameters of all
// channels in the compute type. Fails with E511 in training, which is a formula, and with E802 past
// kMaxCursorRank axes.
StatusOr<std::unique_ptr<ir::Kernel>> PrepareBatchNorm(const ir::KernelCtx& ctx);

}  // namespace gcomp::kernels
