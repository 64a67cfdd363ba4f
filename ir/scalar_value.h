// Scalar: one element of any dtype, as its bits. Literals of the text, constants and identities.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ir/dtype.h"

namespace gcomp::ir {

struct Scalar {
  DType dtype = DType::kF32;
  uint64_t bits = 0;  // the low BitsOf(dtype) bits; the others are 0

  bool operator==(const Scalar&) const = default;

  // The nearest value of `dtype` (floats: round to nearest even; integers: exact or nullopt).
  static std::optional<Scalar> FromInt(DType dtype, int64_t value);
  static std::optional<Scalar> FromUInt(DType dtype, uint64_t value);
  // Integer dtypes take only integral values in range.
  static std::optional<Scalar> FromDouble(DType dtype, double value);

  static Scalar FromBool(bool value) { return {DType::kBool, value ? 1u : 0u}; }

  // As a double: exact for all dtypes but 64-bit integers. Requires a real dtype.
  double ToDouble() const;
  // As an integer: floats truncate and saturate, NaN is 0.
  int64_t ToInt() const;

  // Shortest text that parses back to the same bits: `0.5`, `1e-05`, `-inf`, `bits(0x7fc00001)`,
  // `3`, `true`. Floats always show a point or an exponent.
  std::string ToString() const;

  // Copies the value to and from memory that holds one element.
  static Scalar Load(DType dtype, const void* data);
  void Store(void* data) const;
};

// IEEE conversions by integer arithmetic, round to nearest even, NaN stays NaN, denormals kept.
float HalfToFloat(uint16_t bits);
uint16_t FloatToHalf(float value);
float BFloat16ToFloat(uint16_t bits);
uint16_t FloatToBFloat16(float value);

}  // namespace gcomp::ir
