// max_pool against a naive maximum; its loops must give the kernel's bits.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/unit/record_case.h"

namespace gcomp {
namespace {

using ir::DType;
using record_test::Contiguous;
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
