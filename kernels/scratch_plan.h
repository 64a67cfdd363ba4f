// ScratchPlan: divides a kernel's scratch (Kernel::scratch_bytes) into parts, at prepare.
#pragma once

#include <cstddef>

#include "ir/kernel.h"

namespace gcomp::kernels {

// Hands out parts one after the other, each aligned to 64 bytes.
class ScratchPlan {
 public:
  // The byte at which the next part, of `bytes` bytes, begins.
  size_t Take(size_t bytes) {
    const size_t at = bytes_;
    bytes_ += (bytes + 63) / 64 * 64;
    return at;
  }

  // A part for a tensor.
  size_t Take(const ir::TensorSpec& spec) { return Take(static_cast<size_t>(spec.SpanBytes())); }

  // The size of the whole.
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_ = 0;
};

}  // namespace gcomp::kernels
