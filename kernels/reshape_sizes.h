// Sizes that an attribute `shape` asks for, where the number of elements stays: reshape, view.
#pragma once

#include "ir/op_def.h"

namespace gcomp::kernels {

// The sizes of the attribute `shape` for the elements of `x`; -1 stands for what the others leave.
// Fails with E508 for a wrong shape, E504 where the elements do not fit or are not known to, E503
// on overflow.
StatusOr<ir::Dims> ReshapeSizes(const ir::InferCtx& ctx, const ir::Type& x);

}  // namespace gcomp::kernels
