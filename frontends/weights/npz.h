// NumPy's .npz files: a zip archive of .npy files, one per named array.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/tensor.h"
#include "runtime/weights.h"

namespace gcomp {

struct NpzOptions {
  // Of all arrays together, uncompressed; past it, E802.
  uint64_t max_total_bytes = uint64_t{64} << 30;
};

// Reads all arrays into memory: unlike safetensors they can't be used in place. The name of an
// array is that of its entry without `.npy`. Fails with E601 (no such file), E602 (not a zip
// archive, malformed, a checksum differs), E604 (an entry that is no array, encryption, a dtype)
// and E802. Memory: the arrays, and one of them twice. An entry can't claim more than its
// compressed bytes can give, so a small file can't ask for much memory.
StatusOr<std::shared_ptr<const WeightStore>> OpenNpz(const std::string& path,
                                                     const NpzOptions& options = {});

// The same for a file in memory; `name` stands for the path.
StatusOr<std::shared_ptr<const WeightStore>> ParseNpz(std::span<const std::byte> file,
                                                      const std::string& name,
                                                      const NpzOptions& options = {});

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// Writes the tensors, uncompressed as NumPy's savez does. Fails with E604 and E605.
Status WriteNpz(const std::string& path, std::span<const NamedTensor> tensors);

}  // namespace gcomp
