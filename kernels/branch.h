// The kernel of the ops that run one of their regions (or their callee) once: invoke, wrap and the
// like, cond, switch.
//
// The runtime runs the region (RegionRunner); the kernel picks it, gives it the operands as they
// are, and lets it write the op's results where they lie as the region has them. Nothing is
// allocated. Thread safety: as ir::Kernel.
#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "ir/kernel.h"

namespace gcomp::kernels {

// What operand 0 has to do with the region that runs; the other operands are passed to it.
enum class Pick : uint8_t {
  kOnly,       // nothing: there is one region, and it gets operand 0 too
  kPredicate,  // region 0 if it is not zero, else region 1
  kIndex,      // it is the region's number; the nearest one if there is no such region
};

StatusOr<std::unique_ptr<ir::Kernel>> MakeBranchKernel(const ir::KernelCtx& ctx, Pick pick);

}  // namespace gcomp::kernels
