// What EvaluateLoops reads and writes: elements of memory as bits of their compute types, offsets
// and loads with numbers in place of Exprs. Part of ir/loops_evaluate.cc alone.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "ir/dtype.h"
#include "ir/scalar_value.h"

namespace gcomp::ir::loops_internal {

// An element in memory as the bits of its compute type.
inline uint64_t LoadElement(DType dtype, const void* data) {
  Scalar value = Scalar::Load(dtype, data);
  switch (dtype) {
    case DType::kI8:
      return static_cast<uint32_t>(static_cast<int32_t>(static_cast<int8_t>(value.bits)));
    case DType::kI16:
      return static_cast<uint32_t>(static_cast<int32_t>(static_cast<int16_t>(value.bits)));
    case DType::kF16:
      return std::bit_cast<uint32_t>(HalfToFloat(static_cast<uint16_t>(value.bits)));
    case DType::kBF16:
      return std::bit_cast<uint32_t>(BFloat16ToFloat(static_cast<uint16_t>(value.bits)));
    case DType::kBool:
      return value.bits != 0 ? 1 : 0;
    default:
      return value.bits;
  }
}

inline void StoreElement(DType dtype, uint64_t bits, void* data) {
  auto as_float = [&] { return std::bit_cast<float>(static_cast<uint32_t>(bits)); };
  switch (dtype) {
    case DType::kI8:
    case DType::kU8:
      bits &= 0xff;
      break;
    case DType::kI16:
    case DType::kU16:
      bits &= 0xffff;
      break;
    case DType::kF16:
      bits = FloatToHalf(as_float());
      break;
    case DType::kBF16:
      bits = FloatToBFloat16(as_float());
      break;
    default:
      break;
  }
  Scalar{dtype, bits}.Store(data);
}

// An Affine, a Load, a Stage with numbers for Exprs.
struct Offset {
  int64_t base = 0;
  std::vector<int64_t> coefs;

  int64_t At(const std::vector<int64_t>& index) const {
    int64_t at = base;
    for (size_t i = 0; i < coefs.size() && i < index.size(); ++i) at += coefs[i] * index[i];
    return at;
  }
};

struct BoundLoad {
  DType dtype = DType::kF32;
  const char* data = nullptr;
  bool is_index = false;
  Offset offset;
  std::vector<std::pair<Offset, int64_t>> guards;
  uint64_t otherwise = 0;

  uint64_t Read(const std::vector<int64_t>& index) const {
    for (const auto& [offset_of, limit] : guards) {
      int64_t at = offset_of.At(index);
      if (at < 0 || at >= limit) return otherwise;
    }
    int64_t at = offset.At(index);
    if (is_index) return static_cast<uint64_t>(at);
    return LoadElement(dtype, data + at * BytesOf(dtype));
  }
};

}  // namespace gcomp::ir::loops_internal
