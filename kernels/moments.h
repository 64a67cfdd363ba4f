// The arithmetic of means and variances, written once for eager loops and lowerings.
#pragma once

#include <cstdint>

#include "ir/scalar.h"

namespace gcomp::kernels {

// sum / n, n rounded to the compute type.
struct Mean {
  template <class S>
  GCOMP_INLINE S operator()(S sum, ir::Rebind<S, int64_t> n) const {
    return ir::Div(sum, ir::Convert<ir::NativeOf<S>>(n));
  }
};

struct SquaredDifference {
  template <class S>
  GCOMP_INLINE S operator()(S x, S mean) const {
    S d = ir::Sub(x, mean);
    return ir::Mul(d, d);
  }
};

}  // namespace gcomp::kernels
