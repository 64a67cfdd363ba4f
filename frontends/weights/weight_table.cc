#include "frontends/weights/weight_table.h"

#include <utility>

#include "base/format.h"

namespace gcomp {

StatusOr<std::shared_ptr<const WeightStore>> WeightTable::Create(
    std::string description, std::vector<Weight> weights, std::shared_ptr<const void> keeper) {
  std::shared_ptr<WeightTable> table(new WeightTable);
  table->description_ = std::move(description);
  table->weights_ = std::move(weights);
  table->keeper_ = std::move(keeper);
  for (size_t i = 0; i < table->weights_.size(); ++i) {
    if (!table->index_.emplace(table->weights_[i].name, i).second) {
      return Status(ErrorId::E602, Format("{}: two tensors have the name '{}'", table->description_,
                                          table->weights_[i].name));
    }
  }
  return std::shared_ptr<const WeightStore>(std::move(table));
}

const Weight* WeightTable::Find(std::string_view name) const {
  auto found = index_.find(name);
  return found == index_.end() ? nullptr : &weights_[found->second];
}

StatusOr<Tensor> TensorFrom(const WeightStore& store, std::string_view name) {
  const Weight* weight = store.Find(name);
  if (weight != nullptr) return Tensor::Copy(weight->dtype, weight->sizes, weight->data);
  constexpr size_t kMaxShown = 20;
  std::string names;
  for (size_t i = 0; i < store.weights().size() && i < kMaxShown; ++i) {
    names += (i == 0 ? " " : ", ") + store.weights()[i].name;
  }
  if (store.weights().size() > kMaxShown) names += ", ...";
  return Status(ErrorId::E603, Format("{} has no tensor '{}'; it has:{}", store.description(), name,
                                      names.empty() ? " none" : names));
}

StatusOr<uint64_t> ByteCount(ir::DType dtype, std::span<const int64_t> sizes,
                             std::string_view where) {
  uint64_t bytes = static_cast<uint64_t>(ir::BytesOf(dtype));
  bool overflow = false;
  bool empty = false;
  for (int64_t size : sizes) {
    // A zero does not excuse the other sizes: strides are products of them.
    if (size == 0) {
      empty = true;
    } else {
      overflow |= __builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes);
    }
  }
  if (overflow || bytes > uint64_t{1} << 62) {
    return Status(ErrorId::E602, Format("{}: its sizes multiply to more than 2^62 bytes", where));
  }
  return empty ? 0 : bytes;
}

Status CheckBools(std::span<const std::byte> bytes, std::string_view where) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] > std::byte{1}) {
      return Status(ErrorId::E602, Format("{}: bool element {} is the byte {}, must be 0 or 1",
                                          where, i, static_cast<int>(bytes[i])));
    }
  }
  return {};
}

}  // namespace gcomp
