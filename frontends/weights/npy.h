// NumPy's .npy files: one array behind a header that is a Python dictionary.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html (versions 1 to 3).
//
// Read: little-endian b1, i1-i8, u1-u8, f2, f4, f8, in C or Fortran order; the tensor is always
// row-major. Written: version 1.0, C order.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/tensor.h"

namespace gcomp {

// A tensor of its own memory. Fail with E601 (no such file), E602 (malformed or truncated, or bytes
// after the array; the message has the offset), E604 (another dtype or byte order), E802 and E801.
StatusOr<Tensor> ReadNpy(const std::string& path);
// The same for a file in memory; `name` stands for the path.
StatusOr<Tensor> ParseNpy(std::span<const std::byte> file, const std::string& name);

// The bytes of a .npy file with this tensor. Fails with E604 for a dtype that NumPy lacks (bf16).
StatusOr<std::vector<std::byte>> SerializeNpy(const Tensor& tensor);
// Fails with E604 and E605.
Status WriteNpy(const std::string& path, const Tensor& tensor);

}  // namespace gcomp
