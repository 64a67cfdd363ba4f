// What the ops share that find the sizes of their results in their operands' data (nonzero,
// unique, ...): the symbol that they define, and a Kernel that runs in no other way.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "ir/kernel.h"
#include "ir/op_def.h"

namespace gcomp::kernels {

// The one symbol that the op defines, whose values lie in [least, most] by what the op is. Fails
// with E503 unless there is exactly one, with a range that has some of these values. A `most` that
// overflows is no bound.
StatusOr<ir::Expr> DefinedSize(const ir::InferCtx& ctx, const ir::Expr& least,
                               const ir::Expr& most);

// A kernel with results that get their memory from RunDynamic's DynamicResults.
class DynamicKernel : public ir::Kernel {
 public:
  Status Run(const ir::KernelArgs& args) const final;
};

}  // namespace gcomp::kernels
