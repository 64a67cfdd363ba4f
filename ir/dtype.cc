#include "ir/dtype.h"

namespace gcomp::ir {
namespace {

constexpr DTypeInfo kInfos[kNumDTypes] = {
    {"bool", DTypeKind::kBool, 8},      {"i8", DTypeKind::kSigned, 8},
    {"i16", DTypeKind::kSigned, 16},    {"i32", DTypeKind::kSigned, 32},
    {"i64", DTypeKind::kSigned, 64},    {"u8", DTypeKind::kUnsigned, 8},
    {"u16", DTypeKind::kUnsigned, 16},  {"u32", DTypeKind::kUnsigned, 32},
    {"u64", DTypeKind::kUnsigned, 64},  {"f16", DTypeKind::kFloat, 16},
    {"bf16", DTypeKind::kFloat, 16},    {"f32", DTypeKind::kFloat, 32},
    {"f64", DTypeKind::kFloat, 64},     {"c64", DTypeKind::kComplex, 64},
    {"c128", DTypeKind::kComplex, 128}, {"f8e4m3fn", DTypeKind::kFloat, 8},
    {"f8e5m2", DTypeKind::kFloat, 8},
};

}  // namespace

const DTypeInfo& InfoOf(DType dtype) {
  return kInfos[static_cast<int>(dtype)];
}

std::optional<DType> DTypeFromName(std::string_view name) {
  for (int i = 0; i < kNumDTypes; ++i) {
    if (kInfos[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

}  // namespace gcomp::ir
