#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "ir/scalar.h"
#include "ir/scalar_value.h"

namespace gcomp::ir {
namespace {

// What the text of a float means, by the rules of the text form.
uint64_t Parse(DType dtype, const std::string& text) {
  if (text.starts_with("bits(0x")) return std::stoull(text.substr(7), nullptr, 16);
  double value = 0;
  if (text == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (dtype == DType::kF32) {
    float narrow = 0;
    std::from_chars(text.data(), text.data() + text.size(), narrow);
    return std::bit_cast<uint32_t>(narrow);
  } else {
    std::from_chars(text.data(), text.data() + text.size(), value);
  }
  return Scalar::FromDouble(dtype, value)->bits;
}

TEST(Scalar, EveryHalfSurvivesTextAndConversion) {
  for (DType dtype : {DType::kF16, DType::kBF16}) {
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      Scalar s = {dtype, bits};
      std::string text = s.ToString();
      ASSERT_EQ(Parse(dtype, text), bits) << text;
      auto half = static_cast<uint16_t>(bits);
      float wide = dtype == DType::kF16 ? HalfToFloat(half) : BFloat16ToFloat(half);
      uint16_t back = dtype == DType::kF16 ? FloatToHalf(wide) : FloatToBFloat16(wide);
      if (std::isnan(wide)) {
        ASSERT_TRUE(std::isnan(s.ToDouble()));
        continue;
      }
      ASSERT_EQ(back, half);
      ASSERT_EQ(static_cast<double>(wide), s.ToDouble());
      ASSERT_EQ(Scalar::FromDouble(dtype, s.ToDouble()), s);
      ASSERT_TRUE(text.find_first_of(".e") != std::string::npos || std::isinf(wide)) << text;
    }
  }
}

TEST(Scalar, HalvesRoundToNearestEven) {
  // Between each two neighbors: the middle goes to the even one, a hair off it to the near one.
  for (DType dtype : {DType::kF16, DType::kBF16}) {
    uint32_t infinity = dtype == DType::kF16 ? 0x7c00 : 0x7f80;
    for (uint32_t bits = 0; bits + 1 < infinity; ++bits) {
      double low = Scalar{dtype, bits}.ToDouble();
      double high = Scalar{dtype, bits + 1}.ToDouble();
      double middle = low + (high - low) / 2;
      ASSERT_EQ(Scalar::FromDouble(dtype, middle)->bits, bits + (bits & 1)) << bits;
      ASSERT_EQ(Scalar::FromDouble(dtype, std::nextafter(middle, low))->bits, bits);
      ASSERT_EQ(Scalar::FromDouble(dtype, std::nextafter(middle, high))->bits, bits + 1);
    }
  }
  EXPECT_EQ(FloatToHalf(65519.996f), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(FloatToHalf(-1e30f), 0xfc00);
  EXPECT_EQ(FloatToHalf(0x1p-25f), 0);
  EXPECT_EQ(FloatToBFloat16(std::numeric_limits<float>::max()), 0x7f80);
}

TEST(Scalar, TextIsShortestWithPointOrExponent) {
  EXPECT_EQ(Scalar::FromDouble(DType::kF32, 1.0)->ToString(), "1.0");
  EXPECT_EQ(Scalar::FromDouble(DType::kF32, 1e-5)->ToString(), "1e-05");
  EXPECT_EQ(Scalar::FromDouble(DType::kF64, 0.1)->ToString(), "0.1");
  EXPECT_EQ(Scalar::FromDouble(DType::kF16, 0.1)->ToString(), "0.1");
  EXPECT_EQ(Scalar::FromDouble(DType::kBF16, 3.14159)->ToString(), "3.14");
  EXPECT_EQ(Scalar::FromDouble(DType::kF32, -0.0)->ToString(), "-0.0");
  EXPECT_EQ(Scalar::FromDouble(DType::kF32, -INFINITY)->ToString(), "-inf");
  EXPECT_EQ((Scalar{DType::kF32, 0x7fc00000}).ToString(), "nan");
  EXPECT_EQ((Scalar{DType::kF32, 0x7fc00001}).ToString(), "bits(0x7fc00001)");
  EXPECT_EQ((Scalar{DType::kI8, 0xff}).ToString(), "-1");
  EXPECT_EQ((Scalar{DType::kU64, UINT64_MAX}).ToString(), "18446744073709551615");
  EXPECT_EQ(Scalar::FromBool(true).ToString(), "true");
}

TEST(Scalar, IntegersConvertExactlyOrNotAtAll) {
  EXPECT_EQ(Scalar::FromInt(DType::kI8, -128)->bits, 0x80u);
  EXPECT_EQ(Scalar::FromInt(DType::kI8, 128), std::nullopt);
  EXPECT_EQ(Scalar::FromInt(DType::kI8, -129), std::nullopt);
  EXPECT_EQ(Scalar::FromInt(DType::kU8, -1), std::nullopt);
  EXPECT_EQ(Scalar::FromInt(DType::kBool, 2), std::nullopt);
  EXPECT_EQ(Scalar::FromUInt(DType::kI64, uint64_t{1} << 63), std::nullopt);
  EXPECT_EQ(Scalar::FromInt(DType::kI64, INT64_MIN)->ToInt(), INT64_MIN);
  EXPECT_EQ(Scalar::FromDouble(DType::kI32, 1.5), std::nullopt);
  EXPECT_EQ(Scalar::FromDouble(DType::kI32, NAN), std::nullopt);
  EXPECT_EQ(Scalar::FromDouble(DType::kI64, 0x1p63), std::nullopt);
  EXPECT_EQ(Scalar::FromDouble(DType::kI64, -0x1p63)->ToInt(), INT64_MIN);
  EXPECT_EQ(Scalar::FromDouble(DType::kU64, 0x1p63)->bits, uint64_t{1} << 63);
}

TEST(Scalar, IntegersRoundOnceToFloats) {
  // Rounding through double or float first would give the even neighbor.
  int64_t above_tie = (int64_t{1} << 62) + (int64_t{1} << 54) + 1;
  EXPECT_EQ(Scalar::FromInt(DType::kBF16, above_tie)->ToDouble(), 0x1.02p62);
  EXPECT_EQ(Scalar::FromInt(DType::kF16, 2049)->ToDouble(), 2048);
  EXPECT_EQ(Scalar::FromInt(DType::kF16, -2051)->ToDouble(), -2052);
  EXPECT_EQ(Scalar::FromUInt(DType::kF16, UINT64_MAX)->ToDouble(), INFINITY);
}

TEST(Scalar, ToIntTruncatesAndSaturates) {
  EXPECT_EQ(Scalar::FromDouble(DType::kF32, -1.9)->ToInt(), -1);
  EXPECT_EQ(Scalar::FromDouble(DType::kF64, 1e30)->ToInt(), INT64_MAX);
  EXPECT_EQ(Scalar::FromDouble(DType::kF64, -1e30)->ToInt(), INT64_MIN);
  EXPECT_EQ(Scalar::FromDouble(DType::kF64, NAN)->ToInt(), 0);
}

TEST(Scalar, LoadAndStoreTouchOneElement) {
  uint8_t memory[4] = {1, 2, 3, 4};
  Scalar s = Scalar::Load(DType::kU16, memory + 1);
  EXPECT_EQ(s.bits, 0x0302u);
  Scalar{DType::kU8, 9}.Store(memory);
  EXPECT_EQ(memory[0], 9);
  EXPECT_EQ(memory[1], 2);
}

}  // namespace
}  // namespace gcomp::ir
