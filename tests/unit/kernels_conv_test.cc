// conv2d against a naive sum in long double, over windows, groups, dtypes, strides, zero sizes.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
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

struct Conv {
  std::array<int64_t, 4> x;  // n, c, h, w
  std::array<int64_t, 4> w;  // o, c / groups, kh, kw
  std::array<int64_t, 2> stride = {1, 1};
  std::array<int64_t, 4> padding = {0, 0, 0, 0};
  std::array<int64_t, 2> dilation = {1, 1};
  int64_t groups = 1;

  int64_t Out(size_t i) const {
    return (x[2 + i] + padding[i] + padding[2 + i] - dilation[i] * (w[2 + i] - 1) - 1) / stride[i] +
           1;
  }
};

int64_t Size(const std::array<int64_t, 4>& s) {
  return s[0] * s[1] * s[2] * s[3];
}

std::vector<int64_t> List(const std::array<int64_t, 4>& s) {
  return {s.begin(), s.end()};
}

std::vector<double> Reference(const Conv& p, const std::vector<double>& x,
                              const std::vector<double>& w, const std::vector<double>& bias) {
  std::vector<double> y;
  auto at = [](const std::vector<double>& v, const std::array<int64_t, 4>& s, int64_t a, int64_t b,
               int64_t c, int64_t d) {
    return v[static_cast<size_t>(((a * s[1] + b) * s[2] + c) * s[3] + d)];
  };
  for (int64_t n = 0; n < p.x[0]; ++n)
    for (int64_t o = 0; o < p.w[0]; ++o)
      for (int64_t i = 0; i < p.Out(0); ++i)
        for (int64_t j = 0; j < p.Out(1); ++j) {
          long double sum = bias.empty() ? 0 : bias[static_cast<size_t>(o)];
          for (int64_t c = 0; c < p.w[1]; ++c)
            for (int64_t u = 0; u < p.w[2]; ++u)
              for (int64_t v = 0; v < p.w[3]; ++v) {
                const int64_t row = i * p.stride[0] + u * p.dilation[0] - p.padding[0];
                const int64_t column = j * p.stride[1] + v * p.dilation[1] - p.padding[1];
                if (row < 0 || row >= p.x[2] || column < 0 || column >= p.x[3]) continue;
                const int64_t channel = o / (p.w[0] / p.groups) * p.w[1] + c;
                sum += static_cast<long double>(at(x, p.x, n, channel, row, column)) *
                       at(w, p.w, o, c, u, v);
              }
          y.push_back(static_cast<double>(sum));
        }
  return y;
}

RecordCase Case(const Conv& p) {
  RecordCase op("conv2d");
  op.Attr("stride", IntList({p.stride[0], p.stride[1]}))
      .Attr("padding", IntList(List(p.padding)))
      .Attr("dilation", IntList({p.dilation[0], p.dilation[1]}))
      .Attr("groups", ir::Expr(p.groups));
  return op;
}

const Conv kConvs[] = {
    {{1, 1, 1, 1}, {1, 1, 1, 1}},
    {{1, 1, 5, 5}, {1, 1, 3, 3}},
    {{2, 3, 7, 9}, {4, 3, 3, 2}, {2, 1}, {1, 0, 2, 1}},
    {{1, 3, 8, 8}, {17, 3, 5, 5}, {1, 1}, {2, 2, 2, 2}},
    {{2, 32, 6, 6}, {16, 32, 3, 3}, {1, 1}, {1, 1, 1, 1}},
    {{1, 4, 9, 9}, {6, 2, 3, 3}, {2, 2}, {1, 1, 1, 1}, {2, 2}, 2},
    {{1, 8, 5, 5}, {8, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 8},
    {{1, 2, 3, 3}, {2, 2, 3, 3}, {3, 3}, {4, 4, 4, 4}},
    {{1, 2, 10, 3}, {3, 2, 1, 3}, {4, 1}, {0, 1, 0, 1}, {3, 1}},
};

class ConvDTypes : public ::testing::TestWithParam<DType> {};

// Small integers: every dtype's sums are exact, so all orders give equal bits.
TEST_P(ConvDTypes, SmallIntegersAreExact) {
  const DType dtype = GetParam();
  const int range = ir::BitsOf(dtype) == 8 ? 1 : 2;
  for (const Conv& p : kConvs) {
    if (ir::BitsOf(dtype) == 8 && p.w[1] > 8) continue;  // sums would wrap
    SCOPED_TRACE(::testing::Message() << "case " << &p - kConvs);
    const std::vector<double> x = Integers(Size(p.x), 1, range);
    const std::vector<double> w = Integers(Size(p.w), 2, range);
    const std::vector<double> bias = Integers(p.w[0], 3);
    RecordCase plain = Case(p);
    plain.In(Contiguous(dtype, List(p.x)), x).In(Contiguous(dtype, List(p.w)), w);
    EXPECT_EQ(plain.Values(), Reference(p, x, w, {}));
    for (bool constant : {false, true}) {
      RecordCase op = Case(p);
      op.In(Contiguous(dtype, List(p.x)), x)
          .In(Contiguous(dtype, List(p.w)), w, constant)
          .In(Contiguous(dtype, {p.w[0]}), bias);
      EXPECT_EQ(op.Values(), Reference(p, x, w, bias));
      if (dtype != DType::kF32) op.ExpectSameEverywhere();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ConvDTypes,
                         ::testing::Values(DType::kF16, DType::kBF16, DType::kF32, DType::kF64,
                                           DType::kI8, DType::kI16, DType::kI32, DType::kI64),
                         [](const auto& param) { return std::string(ir::NameOf(param.param)); });

TEST(Conv2d, FractionsStayWithinBound) {
  for (const Conv& p : kConvs) {
    SCOPED_TRACE(::testing::Message() << "case " << &p - kConvs);
    const std::vector<double> x = Fractions(Size(p.x), 4);
    const std::vector<double> w = Fractions(Size(p.w), 5);
    const std::vector<double> expected = Reference(p, x, w, {});
    RecordCase op = Case(p);
    op.In(Contiguous(DType::kF32, List(p.x)), x).In(Contiguous(DType::kF32, List(p.w)), w);
    const std::vector<double> found = op.Values();
    ASSERT_EQ(found.size(), expected.size());
    const double terms = static_cast<double>(p.w[1] * p.w[2] * p.w[3]);
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], terms * 1.2e-7);
  }
}

TEST(Conv2d, StridedOperands) {
  const Conv p = {{2, 3, 5, 6}, {4, 3, 3, 3}, {1, 1}, {1, 1, 1, 1}};
  const std::vector<double> x = Integers(Size(p.x), 6);
  const std::vector<double> w = Integers(Size(p.w), 7);
  const std::vector<double> bias = Integers(4, 8);
  const std::vector<double> y = Reference(p, x, w, bias);
  for (DType dtype : {DType::kF32, DType::kF64, DType::kBF16}) {
    const ir::Type channels_last = Strided(dtype, List(p.x), {90, 1, 18, 3});
    const ir::Type sliced = Strided(dtype, List(p.x), {400, 120, 20, 2}, 7);
    for (const ir::Type& type : {channels_last, sliced}) {
      for (bool constant : {false, true}) {
        RecordCase op = Case(p);
        op.In(type, x)
            .In(Strided(dtype, List(p.w), {1, 4, 12, 36}), w, constant)
            .In(Strided(dtype, {4}, {3}), bias);
        EXPECT_EQ(op.Values(), y);
      }
    }
  }
}

TEST(Conv2d, ExpandedOperands) {
  const Conv p = {{2, 2, 4, 4}, {3, 2, 2, 2}};
  const std::vector<double> image = Integers(16, 9);
  std::vector<double> x;
  for (int i = 0; i < 4; ++i) x.insert(x.end(), image.begin(), image.end());
  const std::vector<double> tap = Integers(4, 10);
  std::vector<double> w;
  for (int i = 0; i < 6; ++i) w.insert(w.end(), tap.begin(), tap.end());
  for (bool constant : {false, true}) {
    RecordCase op = Case(p);
    op.In(Strided(DType::kF32, List(p.x), {0, 0, 4, 1}), x)
        .In(Strided(DType::kF32, List(p.w), {0, 0, 2, 1}), w, constant)
        .In(Strided(DType::kF32, {3}, {0}), {2, 2, 2});
    EXPECT_EQ(op.Values(), Reference(p, x, w, {2, 2, 2}));
  }
}

TEST(Conv2d, ZeroSizes) {
  for (DType dtype : {DType::kF32, DType::kF16, DType::kI32}) {
    RecordCase no_images("conv2d");
    no_images.In(Contiguous(dtype, {0, 2, 4, 4}), {})
        .In(Contiguous(dtype, {3, 2, 3, 3}), Integers(54, 1));
    EXPECT_TRUE(no_images.Values().empty());
    RecordCase no_channels("conv2d");
    no_channels.In(Contiguous(dtype, {1, 0, 3, 3}), {})
        .In(Contiguous(dtype, {2, 0, 3, 3}), {})
        .In(Contiguous(dtype, {2}), {5, -1});
    EXPECT_EQ(no_channels.Values(), (std::vector<double>{5, -1}));
    RecordCase no_outputs("conv2d");
    no_outputs.In(Contiguous(dtype, {1, 1, 3, 3}), Integers(9, 1))
        .In(Contiguous(dtype, {0, 1, 3, 3}), {});
    EXPECT_TRUE(no_outputs.Values().empty());
  }
}

TEST(Conv2d, InferReportsMisfits) {
  auto op = [](std::vector<int64_t> x, std::vector<int64_t> w) {
    RecordCase c("conv2d");
    auto count = [](const std::vector<int64_t>& s) {
      int64_t n = 1;
      for (int64_t d : s) n *= d;
      return n;
    };
    c.In(Contiguous(DType::kF32, x), Integers(count(x), 1));
    c.In(Contiguous(DType::kF32, w), Integers(count(w), 1));
    return c;
  };
  EXPECT_EQ(op({1, 3, 4, 4}, {2, 2, 3, 3}).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(op({1, 3, 4}, {2, 3, 3}).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(op({1, 1, 4, 4}, {1, 1, 5, 5}).InferErrorId(), ErrorId::E504);  // window too large
  EXPECT_EQ(op({1, 2, 4, 4}, {3, 1, 1, 1}).Attr("groups", ir::Expr(2)).InferErrorId(),
            ErrorId::E504);
  EXPECT_EQ(op({1, 1, 4, 4}, {1, 1, 1, 1}).Attr("groups", ir::Expr(0)).InferErrorId(),
            ErrorId::E508);
  EXPECT_EQ(op({1, 1, 4, 4}, {1, 1, 1, 1}).Attr("stride", IntList({1})).InferErrorId(),
            ErrorId::E508);
  EXPECT_EQ(op({1, 1, 4, 4}, {1, 1, 1, 1}).Attr("stride", IntList({0, 1})).InferErrorId(),
            ErrorId::E508);
  EXPECT_EQ(op({1, 1, 4, 4}, {1, 1, 1, 1}).Attr("padding", IntList({-1, 0, 0, 0})).InferErrorId(),
            ErrorId::E508);
}

}  // namespace
}  // namespace gcomp
