// EmitKernel: a fused kernel under a schedule as a function of LLVM IR:
//
//   void name(ptr buffers, ptr numbers, ptr scratch, i64 begin, i64 end)
// It does the work items [begin, end) of CountWork. buffers[i]: element [0, ..., 0] of
// FusedKernel::buffers[i]; numbers[i]: the i-th number of ForEachNumber, then the offsets of
// ScratchLayout (partials, kept); only read where the schedule says sizes_as_arguments. Calls at
// the same time need scratch of their own.
//
// Vector code of `lanes` elements with masked tails. Where there is a row by lanes, each of the 128
// lanes of docs/numerics.md is a lane of one of 128 / lanes registers; by blocks, lanes are
// columns. Combining with the identity changes no bits, so masked elements are replaced by it.
#pragma once

#include <string>
#include <string_view>

#include "jit/fused_kernel.h"
#include "jit/schedule.h"

namespace llvm {
class Module;
}  // namespace llvm

namespace gcomp::codegen {

// Adds the function to `module`. Returns its symbol: `name`, or another if there is one of that
// name.
std::string EmitKernel(const FusedKernel& kernel, const Schedule& schedule, std::string_view name,
                       llvm::Module& module);

}  // namespace gcomp::codegen
