// WeightStore: named tensors that a session binds to `weight("name")` parameters.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/dtype.h"

namespace gcomp {

// One named tensor, row-major, little-endian.
struct Weight {
  std::string name;
  ir::DType dtype;
  std::vector<int64_t> sizes;
  const void* data;  // valid as long as the store; any alignment
};

// Immutable; a session keeps a reference as long as it lives, so data (a mapped file) is not
// copied. Thread safety: may be read from any thread.
class WeightStore {
 public:
  virtual ~WeightStore() = default;

  // Null if there is none.
  virtual const Weight* Find(std::string_view name) const = 0;

  virtual const std::vector<Weight>& weights() const = 0;

  // For messages: the path of the file.
  virtual const std::string& description() const = 0;
};

}  // namespace gcomp
