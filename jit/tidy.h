// Tidy: brings a composed kernel into its final form. Parallel axes in the order in which results
// lie in memory, neighbors that everything walks as one merged; nodes, accesses and buffers that no
// store needs dropped; buffers that are read before those that are written.
//
//   axes [8, 4] of x[i0 * 4 + i1] -> y[i0 * 4 + i1]   becomes   axes [32] of x[i0] -> y[i0]
#pragma once

#include "jit/fused_kernel.h"

namespace gcomp::codegen {

void Tidy(FusedKernel& kernel);

}  // namespace gcomp::codegen
