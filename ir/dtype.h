// DType: the element types of gcomp, and the facts about each.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gcomp::ir {

enum class DType : uint8_t {
  kBool,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kF16,
  kBF16,
  kF32,
  kF64,
  kC64,
  kC128,
  kF8E4M3FN,
  kF8E5M2,
};
inline constexpr int kNumDTypes = 17;

enum class DTypeKind : uint8_t { kBool, kSigned, kUnsigned, kFloat, kComplex };

struct DTypeInfo {
  std::string_view name;  // as in text: "f32"
  DTypeKind kind;
  int bits;
};

const DTypeInfo& InfoOf(DType dtype);

inline std::string_view NameOf(DType dtype) {
  return InfoOf(dtype).name;
}

inline int BitsOf(DType dtype) {
  return InfoOf(dtype).bits;
}

// All dtypes of today fill whole bytes.
inline int64_t BytesOf(DType dtype) {
  return InfoOf(dtype).bits / 8;
}

inline bool IsFloat(DType dtype) {
  return InfoOf(dtype).kind == DTypeKind::kFloat;
}

inline bool IsInteger(DType dtype) {
  DTypeKind kind = InfoOf(dtype).kind;
  return kind == DTypeKind::kSigned || kind == DTypeKind::kUnsigned;
}

inline bool IsSigned(DType dtype) {
  return InfoOf(dtype).kind == DTypeKind::kSigned;
}

std::optional<DType> DTypeFromName(std::string_view name);

// A set of dtypes, as one bit per dtype.
class DTypeSet {
 public:
  constexpr DTypeSet() = default;

  template <class... D>
  static constexpr DTypeSet Of(D... dtypes) {
    DTypeSet set;
    ((set.bits_ |= 1u << static_cast<int>(dtypes)), ...);
    return set;
  }

  constexpr DTypeSet operator|(DTypeSet other) const {
    DTypeSet set;
    set.bits_ = bits_ | other.bits_;
    return set;
  }

  constexpr bool Has(DType dtype) const { return (bits_ >> static_cast<int>(dtype)) & 1u; }

  constexpr int Count() const { return std::popcount(bits_); }

  // The first dtype in the order of the enum. Requires Count() > 0.
  constexpr DType First() const { return static_cast<DType>(std::countr_zero(bits_)); }

  constexpr bool operator==(const DTypeSet&) const = default;

 private:
  uint32_t bits_ = 0;
};

inline constexpr DTypeSet kFloatDTypes =
    DTypeSet::Of(DType::kF16, DType::kBF16, DType::kF32, DType::kF64);
inline constexpr DTypeSet kSignedDTypes =
    DTypeSet::Of(DType::kI8, DType::kI16, DType::kI32, DType::kI64);
inline constexpr DTypeSet kIntegerDTypes =
    kSignedDTypes | DTypeSet::Of(DType::kU8, DType::kU16, DType::kU32, DType::kU64);
inline constexpr DTypeSet kBoolDType = DTypeSet::Of(DType::kBool);
inline constexpr DTypeSet kNumericDTypes = kFloatDTypes | kIntegerDTypes;
// What gcomp computes on today; complex and fp8 can be written in text, not run.
inline constexpr DTypeSet kRealDTypes = kNumericDTypes | kBoolDType;

}  // namespace gcomp::ir
