// AlignedBuffer: bytes on a 64-byte border, owned; for packed operands. No exception: E801.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "base/format.h"
#include "base/status.h"

namespace gcomp::kernels {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;

  static StatusOr<AlignedBuffer> Create(size_t bytes) {
    AlignedBuffer buffer;
    const size_t rounded = (bytes + 63) / 64 * 64;
    buffer.data_.reset(std::aligned_alloc(64, rounded == 0 ? 64 : rounded));
    if (buffer.data_ == nullptr) {
      return Status(ErrorId::E801, Format("can't allocate {} bytes for a packed operand", bytes));
    }
    return buffer;
  }

  void* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(void* data) const { std::free(data); }
  };

  std::unique_ptr<void, Free> data_;
};

}  // namespace gcomp::kernels
