// NpyHeader: what stands before the data of a .npy file, read and written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/dtype.h"

namespace gcomp {

struct NpyHeader {
  ir::DType dtype = ir::DType::kF32;
  bool fortran_order = false;
  std::vector<int64_t> sizes;
  uint64_t header_bytes = 0;  // where the data begin
  uint64_t data_bytes = 0;    // what dtype and sizes ask for
};

// Messages say the offset, not the file. Fails with E602, E604, E802.
StatusOr<NpyHeader> ParseNpyHeader(std::span<const std::byte> file);

// The header of an array in C order, padded so that the data begin at a multiple of 64. Fails with
// E604 for a dtype that NumPy lacks.
StatusOr<std::string> PrintNpyHeader(ir::DType dtype, std::span<const int64_t> sizes);

}  // namespace gcomp
