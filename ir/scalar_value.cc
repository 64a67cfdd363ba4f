#include "ir/scalar_value.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "base/format.h"

namespace gcomp::ir {
namespace {

// A binary floating-point format of at most 16 bits: sign, exponent, mantissa.
struct SmallFloat {
  int exponent_bits;
  int mantissa_bits;

  int bias() const { return (1 << (exponent_bits - 1)) - 1; }

  uint32_t infinity() const { return ((1u << exponent_bits) - 1) << mantissa_bits; }

  uint32_t sign() const { return 1u << (exponent_bits + mantissa_bits); }

  uint32_t quiet() const { return 1u << (mantissa_bits - 1); }
};

constexpr SmallFloat kHalf = {5, 10};
constexpr SmallFloat kBFloat16 = {8, 7};

// The nearest number of `format` to magnitude * 2^exponent, ties to even, as bits without a sign.
uint32_t Round(const SmallFloat& format, uint64_t magnitude, int exponent) {
  if (magnitude == 0) return 0;
  // Numbers below 2^(1 - bias) are multiples of the least denormal.
  int top = 63 - std::countl_zero(magnitude) + exponent;
  int unit = std::max(top, 1 - format.bias()) - format.mantissa_bits;  // weight of the last bit
  int drop = unit - exponent;
  uint64_t kept;
  if (drop <= 0) {
    kept = magnitude << -drop;  // fits: the top bit lands at most at mantissa_bits
  } else if (drop > 64) {
    kept = 0;  // below half of the least denormal
  } else {
    uint64_t rest = drop == 64 ? magnitude : magnitude & ((uint64_t{1} << drop) - 1);
    uint64_t half = uint64_t{1} << (drop - 1);
    kept = drop == 64 ? 0 : magnitude >> drop;
    if (rest > half || (rest == half && (kept & 1) != 0)) ++kept;
  }
  // A carry out of the mantissa goes into the exponent, as it should.
  int64_t biased = unit + format.mantissa_bits + format.bias() - 1;
  uint64_t bits = (static_cast<uint64_t>(biased) << format.mantissa_bits) + kept;
  return static_cast<uint32_t>(std::min<uint64_t>(bits, format.infinity()));
}

uint32_t Encode(const SmallFloat& format, double value) {
  auto bits = std::bit_cast<uint64_t>(value);
  uint32_t sign = (bits >> 63) != 0 ? format.sign() : 0;
  uint64_t mantissa = bits & ((uint64_t{1} << 52) - 1);
  int exponent = static_cast<int>((bits >> 52) & 0x7ff);
  if (exponent == 0x7ff) {
    if (mantissa == 0) return sign | format.infinity();
    // A NaN keeps the top of its payload and becomes quiet.
    auto payload = static_cast<uint32_t>(mantissa >> (52 - format.mantissa_bits));
    return sign | format.infinity() | format.quiet() | payload;
  }
  if (exponent == 0) return sign | Round(format, mantissa, -1074);
  return sign | Round(format, mantissa | (uint64_t{1} << 52), exponent - 1075);
}

// Exact: a double holds every number of the format.
double Decode(const SmallFloat& format, uint32_t bits) {
  uint64_t sign = (bits & format.sign()) != 0 ? uint64_t{1} << 63 : 0;
  uint32_t mantissa = bits & ((1u << format.mantissa_bits) - 1);
  int exponent = static_cast<int>((bits & format.infinity()) >> format.mantissa_bits);
  uint64_t magnitude;
  if ((bits & format.infinity()) == format.infinity()) {
    magnitude = (uint64_t{0x7ff} << 52) | uint64_t{mantissa} << (52 - format.mantissa_bits);
    if (mantissa != 0) magnitude |= uint64_t{1} << 51;
  } else {
    int whole = exponent == 0 ? 0 : 1 << format.mantissa_bits;
    int unit = std::max(exponent, 1) - format.bias() - format.mantissa_bits;
    magnitude = std::bit_cast<uint64_t>(std::ldexp(whole + static_cast<int>(mantissa), unit));
  }
  return std::bit_cast<double>(sign | magnitude);
}

const SmallFloat* SmallFloatOf(DType dtype) {
  if (dtype == DType::kF16) return &kHalf;
  return dtype == DType::kBF16 ? &kBFloat16 : nullptr;
}

uint64_t LowBits(DType dtype, uint64_t value) {
  int bits = BitsOf(dtype);
  return bits >= 64 ? value : value & ((uint64_t{1} << bits) - 1);
}

// The integer of a signed dtype that its low bits stand for.
int64_t SignExtend(const Scalar& s) {
  int unused = 64 - BitsOf(s.dtype);
  return static_cast<int64_t>(s.bits << unused) >> unused;
}

// The nearest value of a floating dtype to +-magnitude; rounds once.
std::optional<Scalar> FloatFromInt(DType dtype, bool negative, uint64_t magnitude) {
  if (const SmallFloat* format = SmallFloatOf(dtype)) {
    return Scalar{dtype, Round(*format, magnitude, 0) | (negative ? format->sign() : 0)};
  }
  if (dtype == DType::kF32) {
    auto value = static_cast<float>(magnitude);
    return Scalar{dtype, std::bit_cast<uint32_t>(negative ? -value : value)};
  }
  if (dtype == DType::kF64) {
    auto value = static_cast<double>(magnitude);
    return Scalar{dtype, std::bit_cast<uint64_t>(negative ? -value : value)};
  }
  return std::nullopt;
}

// `text` of a finite number, with a point if nothing else tells that it is no integer.
std::string WithPoint(std::string_view text) {
  std::string result(text);
  if (text.find_first_of(".e") == std::string_view::npos) result += ".0";
  return result;
}

template <class T>
std::string ShortestText(T value) {
  char buffer[64];
  std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return WithPoint({buffer, static_cast<size_t>(end.ptr - buffer)});
}

// The shortest decimal that Encode brings back to `bits`: few digits suffice, so they are tried in
// turn. Of one length, the nearest to the value comes first; where the spacing changes (powers of
// two), only its neighbor may be near enough.
std::string ShortestSmallText(const SmallFloat& format, uint32_t bits) {
  double value = Decode(format, bits);
  for (int digits = 1; digits <= 8; ++digits) {
    char buffer[64];
    std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), std::fabs(value),
                                             std::chars_format::scientific, digits - 1);
    std::string_view text(buffer, static_cast<size_t>(end.ptr - buffer));
    size_t e = text.find('e');
    int64_t number = 0;
    for (char c : text.substr(0, e)) {
      if (c != '.') number = number * 10 + (c - '0');
    }
    int exponent = 0;
    const char* first = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
    std::from_chars(first, end.ptr, exponent);
    for (int64_t step : {0, 1, -1}) {
      std::string decimal =
          Format("{}{}e{}", value < 0 ? "-" : "", number + step, exponent - digits + 1);
      double parsed = 0;
      std::from_chars(decimal.data(), decimal.data() + decimal.size(), parsed);
      if (Encode(format, parsed) == bits) return ShortestText(parsed);
    }
  }
  return ShortestText(value);  // exact
}

std::string FloatText(const Scalar& s) {
  double value = s.ToDouble();
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  if (std::isnan(value)) {
    std::optional<Scalar> quiet =
        Scalar::FromDouble(s.dtype, std::numeric_limits<double>::quiet_NaN());
    return quiet == s ? "nan" : Format("bits(0x{:x})", s.bits);
  }
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  if (const SmallFloat* format = SmallFloatOf(s.dtype)) {
    return ShortestSmallText(*format, static_cast<uint32_t>(s.bits));
  }
  if (s.dtype == DType::kF32) return ShortestText(static_cast<float>(value));
  return ShortestText(value);
}

}  // namespace

std::optional<Scalar> Scalar::FromInt(DType dtype, int64_t value) {
  if (value >= 0) return FromUInt(dtype, static_cast<uint64_t>(value));
  if (IsSigned(dtype)) {
    Scalar s = {dtype, LowBits(dtype, static_cast<uint64_t>(value))};
    if (SignExtend(s) != value) return std::nullopt;
    return s;
  }
  return FloatFromInt(dtype, true, uint64_t{0} - static_cast<uint64_t>(value));
}

std::optional<Scalar> Scalar::FromUInt(DType dtype, uint64_t value) {
  switch (InfoOf(dtype).kind) {
    case DTypeKind::kBool:
      if (value > 1) return std::nullopt;
      return FromBool(value == 1);
    case DTypeKind::kUnsigned:
      if (LowBits(dtype, value) != value) return std::nullopt;
      return Scalar{dtype, value};
    case DTypeKind::kSigned:
      if (value >> (BitsOf(dtype) - 1) != 0) return std::nullopt;
      return Scalar{dtype, value};
    case DTypeKind::kFloat:
      return FloatFromInt(dtype, false, value);
    case DTypeKind::kComplex:
      break;
  }
  return std::nullopt;
}

std::optional<Scalar> Scalar::FromDouble(DType dtype, double value) {
  if (const SmallFloat* format = SmallFloatOf(dtype)) return Scalar{dtype, Encode(*format, value)};
  if (dtype == DType::kF32) {
    return Scalar{dtype, std::bit_cast<uint32_t>(static_cast<float>(value))};
  }
  if (dtype == DType::kF64) return Scalar{dtype, std::bit_cast<uint64_t>(value)};
  if (IsFloat(dtype) || std::trunc(value) != value) return std::nullopt;  // the latter: NaN too
  if (value < 0) {
    return value >= -0x1p63 ? FromInt(dtype, static_cast<int64_t>(value)) : std::nullopt;
  }
  return value < 0x1p64 ? FromUInt(dtype, static_cast<uint64_t>(value)) : std::nullopt;
}

double Scalar::ToDouble() const {
  if (const SmallFloat* format = SmallFloatOf(dtype)) {
    return Decode(*format, static_cast<uint32_t>(bits));
  }
  if (dtype == DType::kF32) return std::bit_cast<float>(static_cast<uint32_t>(bits));
  if (dtype == DType::kF64) return std::bit_cast<double>(bits);
  if (IsSigned(dtype)) return static_cast<double>(SignExtend(*this));
  return static_cast<double>(bits);
}

int64_t Scalar::ToInt() const {
  if (IsSigned(dtype)) return SignExtend(*this);
  if (!IsFloat(dtype)) return static_cast<int64_t>(std::min<uint64_t>(bits, INT64_MAX));
  double value = ToDouble();
  if (std::isnan(value)) return 0;
  if (value >= 0x1p63) return INT64_MAX;
  return value < -0x1p63 ? INT64_MIN : static_cast<int64_t>(value);
}

std::string Scalar::ToString() const {
  if (dtype == DType::kBool) return bits != 0 ? "true" : "false";
  if (IsSigned(dtype)) return std::to_string(SignExtend(*this));
  if (IsInteger(dtype)) return std::to_string(bits);
  if (!kRealDTypes.Has(dtype)) return Format("bits(0x{:x})", bits);
  return FloatText(*this);
}

Scalar Scalar::Load(DType dtype, const void* data) {
  Scalar s = {dtype, 0};
  std::memcpy(&s.bits, data, std::min<size_t>(sizeof(s.bits), static_cast<size_t>(BytesOf(dtype))));
  if (dtype == DType::kBool) s.bits = s.bits != 0 ? 1 : 0;
  return s;
}

void Scalar::Store(void* data) const {
  std::memcpy(data, &bits, std::min<size_t>(sizeof(bits), static_cast<size_t>(BytesOf(dtype))));
}

float HalfToFloat(uint16_t bits) {
  return static_cast<float>(Decode(kHalf, bits));
}

uint16_t FloatToHalf(float value) {
  return static_cast<uint16_t>(Encode(kHalf, static_cast<double>(value)));
}

float BFloat16ToFloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t FloatToBFloat16(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  // Half of the last kept bit, less one where that bit is even.
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace gcomp::ir
