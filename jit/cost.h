// Cost: how long a kernel is estimated to run, on one core with vectors of 16 floats, so that
// fusion can compare one kernel with the kernels apart.
//
// A kernel takes the longer of its work and its memory, and a step's overhead. Work is what its
// loops compute, times how often: what a broadcast or several levels of a row compute again counts
// again; a vector that is not full counts as a full one. Bytes are those of each buffer, once.
//
// Only the relation of two costs decides, so constants are those of one machine (cost.cc tells
// which were measured) and serve all.
#pragma once

#include <cstdint>
#include <string>

#include "jit/fused_kernel.h"

namespace gcomp::codegen {

struct Cost {
  double ns = 0;
  int64_t bytes = 0;  // moved

  // One after the other.
  Cost operator+(const Cost& other) const { return {ns + other.ns, bytes + other.bytes}; }

  // "12.5 us and 1048576 bytes".
  std::string ToString() const;
};

// As machine code.
Cost CostOfFused(const FusedKernel& kernel);

// By the op's own kernel, if `kernel` is the op's loops: that one has full vectors whatever the
// innermost axis, and does not compute where an element comes from.
Cost CostOfOwnKernel(const FusedKernel& kernel);

}  // namespace gcomp::codegen
