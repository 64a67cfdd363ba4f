// The kernel of ops that read elements at positions which a tensor gives (kernels/index.h).
#pragma once

#include <memory>

#include "base/status.h"
#include "ir/kernel.h"
#include "kernels/index.h"

namespace gcomp::kernels {

// Result 0, row-major, takes the runs of operand 0 at the points of `space`, in order.
StatusOr<std::unique_ptr<ir::Kernel>> MakeGather(const ir::KernelCtx& ctx,
                                                 const IndexedSpace& space);

}  // namespace gcomp::kernels
