// WeightTable: the WeightStore of every file format: a list of named tensors, found by hashing, and
// whatever keeps their bytes alive.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "runtime/tensor.h"
#include "runtime/weights.h"

namespace gcomp {

// What a file may hold at most in one tensor; NumPy's own bound.
inline constexpr size_t kMaxRank = 64;

// Immutable. Thread safety: may be read from any thread.
class WeightTable final : public WeightStore {
 public:
  // `keeper` holds the bytes that the weights point to. Fails with E602 when a name comes twice.
  static StatusOr<std::shared_ptr<const WeightStore>> Create(std::string description,
                                                             std::vector<Weight> weights,
                                                             std::shared_ptr<const void> keeper);

  const Weight* Find(std::string_view name) const override;

  const std::vector<Weight>& weights() const override { return weights_; }

  const std::string& description() const override { return description_; }

 private:
  WeightTable() = default;

  std::string description_;
  std::vector<Weight> weights_;
  std::unordered_map<std::string_view, size_t> index_;  // names of weights_
  std::shared_ptr<const void> keeper_;
};

// A copy of a stored tensor, or E603 with the names there are when it is not there.
StatusOr<Tensor> TensorFrom(const WeightStore& store, std::string_view name);

// The bytes that elements of `dtype` in these sizes take; E602 (of `where`) where that overflows.
StatusOr<uint64_t> ByteCount(ir::DType dtype, std::span<const int64_t> sizes,
                             std::string_view where);

// A bool is one byte, 0 or 1; anything else in a C++ bool is undefined behavior. Fails with E602.
Status CheckBools(std::span<const std::byte> bytes, std::string_view where);

}  // namespace gcomp
