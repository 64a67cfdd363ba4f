// max_pool and avg_pool against naive definitions; their loops must give the kernels' bits.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/unit/record_case.h"

namespace gcomp {
namespace {

using ir::DType;
using record_test::Contiguous;
using record_test::Fractions;
using record_test::Integers;
using record_test::IntList;
using record_test::RecordCase;
using record_test::Strided;

// Along one axis: in, out, kernel, stride, dilation, padding before.
struct Axis {
  int64_t in, out, kernel, stride, dilation, pad;
};

// A pool over [planes, h, w]; `least` where a window is empty.
std::vector<double> Reference(const std::vector<double>& x, int64_t planes, Axis h, Axis w,
                              double least) {
  std::vector<double> y;
  for (int64_t p = 0; p < planes; ++p)
    for (int64_t i = 0; i < h.out; ++i)
      for (int64_t j = 0; j < w.out; ++j) {
        double best = least;
        for (int64_t u = 0; u < h.kernel; ++u)
          for (int64_t v = 0; v < w.kernel; ++v) {
            const int64_t r = i * h.stride + u * h.dilation - h.pad;
            const int64_t c = j * w.stride + v * w.dilation - w.pad;
            if (r < 0 || r >= h.in || c < 0 || c >= w.in) continue;
            best = std::fmax(best, x[static_cast<size_t>((p * h.in + r) * w.in + c)]);
          }
        y.push_back(best);
      }
  return y;
}

double Least(DType dtype) {
  if (ir::IsFloat(dtype)) return -INFINITY;
  if (!ir::IsSigned(dtype)) return 0;
  return -std::ldexp(1.0, ir::BitsOf(dtype) - 1);
}

class PoolDTypes : public ::testing::TestWithParam<DType> {};

TEST_P(PoolDTypes, WindowsAgreeWithReferenceAndLoops) {
  const DType dtype = GetParam();
  const bool is_unsigned = ir::IsInteger(dtype) && !ir::IsSigned(dtype);
  std::vector<double> x = Integers(2 * 3 * 7 * 9, 1, 50);
  if (is_unsigned) {
    for (double& value : x) value = std::fabs(value);
  }
  const ir::Type type = Contiguous(dtype, {2, 3, 7, 9});
  RecordCase plain("max_pool");
  plain.In(type, x).Attr("kernel", IntList({2, 2}));
  EXPECT_EQ(plain.Values(), Reference(x, 6, {7, 3, 2, 2, 1, 0}, {9, 4, 2, 2, 1, 0}, Least(dtype)));
  plain.ExpectSameEverywhere();

  RecordCase padded("max_pool");
  padded.In(type, x)
      .Attr("kernel", IntList({3, 2}))
      .Attr("stride", IntList({2, 1}))
      .Attr("padding", IntList({1, 2, 0, 2}))
      .Attr("dilation", IntList({1, 3}));
  EXPECT_EQ(padded.Values(),
            Reference(x, 6, {7, 3, 3, 2, 1, 1}, {9, 10, 2, 1, 3, 2}, Least(dtype)));
  padded.ExpectSameEverywhere();

  RecordCase ceil("max_pool");
  ceil.In(type, x).Attr("kernel", IntList({2, 4})).Attr("ceil_mode", true);
  EXPECT_EQ(ceil.Values(), Reference(x, 6, {7, 4, 2, 2, 1, 0}, {9, 3, 4, 4, 1, 0}, Least(dtype)));
  ceil.ExpectSameEverywhere();
}

INSTANTIATE_TEST_SUITE_P(All, PoolDTypes,
                         ::testing::Values(DType::kF16, DType::kBF16, DType::kF32, DType::kF64,
                                           DType::kI8, DType::kI16, DType::kI32, DType::kI64,
                                           DType::kU8, DType::kU16, DType::kU32, DType::kU64),
                         [](const auto& param) { return std::string(ir::NameOf(param.param)); });

TEST(MaxPool, OneAndThreeAxes) {
  RecordCase one("max_pool");
  one.In(Contiguous(DType::kF32, {1, 2, 5}), {1, 5, 2, 4, 3, -1, -5, -2, -4, -3})
      .Attr("kernel", IntList({2}))
      .Attr("stride", IntList({1}));
  EXPECT_EQ(one.Values(), (std::vector<double>{5, 5, 4, 4, -1, -2, -2, -3}));
  one.ExpectSameEverywhere();
  RecordCase three("max_pool");
  three
      .In(Contiguous(DType::kI32, {1, 1, 2, 2, 4}),
          {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 14, 15, 13})
      .Attr("kernel", IntList({2, 2, 2}));
  EXPECT_EQ(three.Values(), (std::vector<double>{16, 15}));
  three.ExpectSameEverywhere();
}

TEST(MaxPool, NanWinsAndZerosAreOrdered) {
  for (DType dtype : {DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    RecordCase op("max_pool");
    op.In(Contiguous(dtype, {1, 1, 6}), {1, NAN, -0.0, 0.0, -0.0, -0.0})
        .Attr("kernel", IntList({2}));
    const std::vector<double> y = op.Values();
    ASSERT_EQ(y.size(), 3u);
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_FALSE(std::signbit(y[1]));
    EXPECT_TRUE(std::signbit(y[2]));
    op.ExpectSameEverywhere();
  }
}

// Planes with and without special values take other loops.
TEST(MaxPool, SpecialValuesInSomePlanes) {
  for (DType dtype : {DType::kF32, DType::kF64, DType::kF16}) {
    constexpr size_t kPlane = 9 * 41;
    std::vector<double> x = Fractions(4 * kPlane, 3);
    for (size_t i = 0; i < kPlane; i += 3) x[i] = 0.0;
    for (size_t i = 0; i < kPlane; i += 3) x[kPlane + i] = -0.0;
    for (size_t i = 0; i < kPlane; i += 50) x[2 * kPlane + i] = i % 4 == 0 ? NAN : -INFINITY;
    RecordCase op("max_pool");
    op.In(Contiguous(dtype, {2, 2, 9, 41}), x)
        .Attr("kernel", IntList({3, 3}))
        .Attr("stride", IntList({2, 2}))
        .Attr("padding", IntList({1, 1, 1, 1}));
    op.ExpectSameEverywhere();
  }
}

TEST(MaxPool, WindowInPaddingGivesLeastValue) {
  for (DType dtype : {DType::kF32, DType::kI8, DType::kU16}) {
    RecordCase op("max_pool");
    op.In(Contiguous(dtype, {1, 1, 1}), {7})
        .Attr("kernel", IntList({1}))
        .Attr("padding", IntList({1, 1}));
    EXPECT_EQ(op.Values(), (std::vector<double>{Least(dtype), 7, Least(dtype)}));
    op.ExpectSameEverywhere();
  }
}

TEST(MaxPool, StridedAndEmptyInputs) {
  const std::vector<double> x = Integers(2 * 2 * 4 * 6, 3, 20);
  RecordCase op("max_pool");
  op.In(Strided(DType::kF32, {2, 2, 4, 6}, {100, 1, 24, 3}, 5), x).Attr("kernel", IntList({2, 3}));
  EXPECT_EQ(op.Values(), Reference(x, 4, {4, 2, 2, 2, 1, 0}, {6, 2, 3, 3, 1, 0}, -INFINITY));
  op.ExpectSameEverywhere();
  RecordCase empty("max_pool");
  empty.In(Contiguous(DType::kF32, {0, 2, 4, 4}), {}).Attr("kernel", IntList({2, 2}));
  EXPECT_TRUE(empty.Values().empty());
}

// The last window must not begin past the input and its first padding.
TEST(MaxPool, CeilModeDropsWindowsThatBeginOutside) {
  RecordCase op("max_pool");
  op.In(Contiguous(DType::kF32, {1, 1, 3}), {1, 2, 3})
      .Attr("kernel", IntList({1}))
      .Attr("stride", IntList({4}))
      .Attr("ceil_mode", true);
  EXPECT_EQ(op.Values(), (std::vector<double>{1}));
}

// Windows that lie side by side: rows of all planes are worked on together, in several pieces.
TEST(MaxPool, WindowsSideBySide) {
  const std::vector<double> x = Integers(2 * 20 * 12 * 40, 5, 50);
  for (DType dtype : {DType::kF32, DType::kF64, DType::kI8, DType::kI32}) {
    RecordCase op("max_pool");
    op.In(Contiguous(dtype, {2, 20, 12, 40}), x)
        .Attr("kernel", IntList({3, 2}))
        .Attr("stride", IntList({4, 5}));
    EXPECT_EQ(op.Values(),
              Reference(x, 40, {12, 3, 3, 4, 1, 0}, {40, 8, 2, 5, 1, 0}, Least(dtype)));
    op.ExpectSameEverywhere();
  }
  RecordCase deep("max_pool");
  deep.In(Contiguous(DType::kF32, {2, 5, 4, 12, 40}), x).Attr("kernel", IntList({1, 2, 2}));
  EXPECT_EQ(deep.Values(), Reference(x, 40, {12, 6, 2, 2, 1, 0}, {40, 20, 2, 2, 1, 0}, -INFINITY));
  deep.ExpectSameEverywhere();
}

TEST(MaxPool, LargeWindowsAreRefused) {
  RecordCase op("max_pool");
  op.In(Contiguous(DType::kF32, {1, 1, 2, 2, 2}), Integers(8, 1))
      .Attr("kernel", IntList({2000000000, 2000000000, 2000000000}))
      .Attr("padding", IntList({2000000000, 2000000000, 2000000000, 0, 0, 0}));
  EXPECT_EQ(op.InferErrorId(), ErrorId::E508);
}

// Means of small integers over windows of 4 are exact, whatever the order.
TEST(AvgPool, AgreesWithDefinition) {
  const std::vector<double> x = Integers(2 * 3 * 6 * 8, 1, 50);
  for (DType dtype : {DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    const ir::Type forms[] = {Contiguous(dtype, {2, 3, 6, 8}),
                              Strided(dtype, {2, 3, 6, 8}, {144, 1, 24, 3}),
                              Strided(dtype, {2, 3, 6, 8}, {500, 160, 20, 2}, 3)};
    for (const ir::Type& form : forms) {
      RecordCase op("avg_pool");
      op.In(form, x).Attr("kernel", IntList({2, 2}));
      std::vector<double> expected;
      for (size_t plane = 0; plane < 6; ++plane) {
        for (size_t i = 0; i < 3; ++i) {
          for (size_t j = 0; j < 4; ++j) {
            const size_t at = plane * 48 + 2 * i * 8 + 2 * j;
            expected.push_back((x[at] + x[at + 1] + x[at + 8] + x[at + 9]) / 4);
          }
        }
      }
      EXPECT_EQ(op.Values(), expected);
      op.ExpectSameEverywhere();
    }
  }
}

// 100 taps: the first 64 in sequence, the others in sequence, then their sum (docs/numerics.md).
TEST(AvgPool, LongWindowsAreSummedByBlocks) {
  std::vector<double> x = Fractions(100, 3);
  RecordCase op("avg_pool");
  op.In(Contiguous(DType::kF32, {1, 1, 100}), x).Attr("kernel", IntList({100}));
  float blocks[2] = {-0.0f, -0.0f};
  for (size_t i = 0; i < 100; ++i) blocks[i / 64] += static_cast<float>(x[i]);
  EXPECT_EQ(op.Values(), std::vector<double>{(blocks[0] + blocks[1] + 0.0f) / 100.0f});
  op.ExpectSameEverywhere();
}

TEST(AvgPool, PaddingCountsIfTold) {
  for (bool counts : {false, true}) {
    RecordCase op("avg_pool");
    op.In(Contiguous(DType::kF32, {1, 1, 2}), {6, 12})
        .Attr("kernel", IntList({3}))
        .Attr("stride", IntList({1}))
        .Attr("padding", IntList({3, 1}))
        .Attr("count_include_pad", counts);
    const std::vector<double> y = op.Values();
    ASSERT_EQ(y.size(), 4u);
    if (counts) {
      EXPECT_EQ(y, (std::vector<double>{0, 2, 6, 6}));
      EXPECT_FALSE(std::signbit(y[0]));
    } else {
      EXPECT_TRUE(std::isnan(y[0]));
      EXPECT_EQ((std::vector<double>{y.begin() + 1, y.end()}), (std::vector<double>{6, 9, 9}));
    }
    op.ExpectSameEverywhere();
  }
}

TEST(AvgPool, WindowMustFit) {
  RecordCase op("avg_pool");
  op.In(Contiguous(DType::kF32, {1, 1, 4}), Integers(4, 1)).Attr("kernel", IntList({5}));
  EXPECT_EQ(op.InferErrorId(), ErrorId::E504);
}

TEST(MaxPool, InferReportsMisfits) {
  auto op = [](std::vector<int64_t> kernel) {
    RecordCase c("max_pool");
    c.In(Contiguous(DType::kF32, {1, 1, 4, 4}), Integers(16, 1)).Attr("kernel", IntList(kernel));
    return c;
  };
  EXPECT_EQ(op({}).InferErrorId(), ErrorId::E508);
  EXPECT_EQ(op({2, 2, 2, 2}).InferErrorId(), ErrorId::E508);
  EXPECT_EQ(op({0, 1}).InferErrorId(), ErrorId::E508);
  EXPECT_EQ(op({2}).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(op({5, 1}).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(op({2, 2}).Attr("padding", IntList({1, 1})).InferErrorId(), ErrorId::E508);
}

}  // namespace
}  // namespace gcomp
