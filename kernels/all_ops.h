// The built-in ops: the records of all files in kernels/ops.
#pragma once

#include <span>

#include "ir/op_def.h"

namespace gcomp::kernels {

// All records, in no particular order; constant data.
std::span<const ir::OpDef* const> AllOps();

}  // namespace gcomp::kernels

// Ends a file of kernels/ops: GCOMP_DEFINE_OPS(pointwise, &kAdd, &kSub) in namespace
// gcomp::kernels, where the first word is the name of the file.
#define GCOMP_DEFINE_OPS(file, ...)                                   \
  static constexpr const ir::OpDef* kOpsOfThisFile[] = {__VA_ARGS__}; \
  std::span<const ir::OpDef* const> OpsOf_##file() {                  \
    return kOpsOfThisFile;                                            \
  }
