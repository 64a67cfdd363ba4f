// Convolutions against naive sums in long double, over windows, groups, dtypes, strides, zero
// sizes.
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

// ---- One and three axes, transposed -------------------------------------------------------------

// Any number of spatial axes.
struct AnyConv {
  std::vector<int64_t> x;
  std::vector<int64_t> w;
  std::vector<int64_t> stride;
  std::vector<int64_t> padding;
  std::vector<int64_t> dilation;
  int64_t groups = 1;
  std::vector<int64_t> output_padding = {};  // not empty: transposed

  size_t axes() const { return x.size() - 2; }

  bool transposed() const { return !output_padding.empty(); }

  // Where element i of the smaller side meets tap k of the larger side, along one axis.
  int64_t Place(size_t axis, int64_t i, int64_t k) const {
    return i * stride[axis] + k * dilation[axis] - padding[axis];
  }

  std::vector<int64_t> Sizes() const {
    std::vector<int64_t> y = {x[0], transposed() ? w[1] * groups : w[0]};
    for (size_t i = 0; i < axes(); ++i) {
      const int64_t reach = dilation[i] * (w[2 + i] - 1) + 1;
      const int64_t pads = padding[i] + padding[axes() + i];
      y.push_back(transposed() ? (x[2 + i] - 1) * stride[i] + reach - pads + output_padding[i]
                               : (x[2 + i] + pads - reach) / stride[i] + 1);
    }
    return y;
  }

  RecordCase Case() const {
    RecordCase op(transposed() ? "conv_transpose" : axes() == 1 ? "conv1d" : "conv3d");
    op.Attr("stride", IntList(stride))
        .Attr("padding", IntList(padding))
        .Attr("dilation", IntList(dilation))
        .Attr("groups", ir::Expr(groups));
    if (transposed()) op.Attr("output_padding", IntList(output_padding));
    return op;
  }
};

int64_t Count(const std::vector<int64_t>& sizes) {
  int64_t n = 1;
  for (int64_t size : sizes) n *= size;
  return n;
}

// All indices of these sizes, in row-major order.
std::vector<std::vector<int64_t>> Indices(const std::vector<int64_t>& sizes) {
  std::vector<std::vector<int64_t>> all;
  for (int64_t i = 0; i < Count(sizes); ++i) {
    std::vector<int64_t> index(sizes.size());
    int64_t rest = i;
    for (size_t d = sizes.size(); d-- > 0; rest /= sizes[d]) index[d] = rest % sizes[d];
    all.push_back(std::move(index));
  }
  return all;
}

size_t At(const std::vector<int64_t>& sizes, const std::vector<int64_t>& index) {
  int64_t at = 0;
  for (size_t d = 0; d < sizes.size(); ++d) at = at * sizes[d] + index[d];
  return static_cast<size_t>(at);
}

// Each pair of an element of x and one of w goes to at most one element of y.
std::vector<double> Reference(const AnyConv& p, const std::vector<double>& x,
                              const std::vector<double>& w, const std::vector<double>& bias) {
  const std::vector<int64_t> sizes = p.Sizes();
  std::vector<double> y;
  for (const std::vector<int64_t>& index : Indices(sizes))
    y.push_back(bias[At({sizes[1]}, {index[1]})]);
  const std::vector<int64_t>& windows = p.transposed() ? p.x : sizes;
  const std::vector<int64_t>& covered = p.transposed() ? sizes : p.x;
  for (const std::vector<int64_t>& window : Indices(windows)) {
    for (const std::vector<int64_t>& tap : Indices(p.w)) {
      // w: [o, c of a group], transposed [c, o of a group].
      if (window[1] != tap[0]) continue;
      std::vector<int64_t> other = window;
      other[1] = tap[0] / (p.w[0] / p.groups) * p.w[1] + tap[1];
      bool inside = true;
      for (size_t i = 0; i < p.axes(); ++i) {
        other[2 + i] = p.Place(i, window[2 + i], tap[2 + i]);
        inside = inside && other[2 + i] >= 0 && other[2 + i] < covered[2 + i];
      }
      if (!inside) continue;
      const size_t to = At(sizes, p.transposed() ? other : window);
      y[to] += x[At(p.x, p.transposed() ? window : other)] * w[At(p.w, tap)];
    }
  }
  return y;
}

const AnyConv kAnyConvs[] = {
    {{2, 3, 9}, {4, 3, 3}, {1}, {0, 0}, {1}},
    {{1, 4, 12}, {6, 2, 3}, {2}, {3, 1}, {2}, 2},
    {{1, 16, 12}, {16, 16, 3}, {1}, {1, 1}, {1}},
    {{1, 2, 4, 5, 6}, {3, 2, 2, 3, 2}, {1, 2, 1}, {1, 0, 1, 0, 1, 1}, {1, 1, 2}},
    {{1, 4, 3, 3, 3}, {4, 1, 2, 2, 2}, {1, 1, 1}, {0, 0, 0, 0, 0, 0}, {1, 1, 1}, 4},
    {{1, 8, 4, 4, 4}, {8, 8, 3, 3, 3}, {1, 1, 1}, {1, 1, 1, 1, 1, 1}, {1, 1, 1}},
    {{2, 3, 7}, {3, 2, 4}, {3}, {1, 2}, {1}, 1, {2}},
    {{1, 4, 5, 4}, {4, 3, 3, 2}, {2, 3}, {1, 0, 0, 1}, {1, 2}, 2, {1, 2}},
    {{1, 16, 4, 4}, {16, 8, 3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 1, {1, 1}},
    {{1, 16, 5, 5}, {16, 1, 3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 16, {0, 0}},
    {{1, 2, 3, 3}, {2, 2, 2, 2}, {4, 3}, {0, 0, 0, 0}, {1, 1}, 1, {3, 2}},
    {{1, 2, 2, 3, 2}, {2, 3, 2, 3, 2}, {1, 2, 3}, {0, 1, 0, 1, 0, 0}, {2, 1, 1}, 1, {1, 0, 2}},
};

class AnyConvDTypes : public ::testing::TestWithParam<DType> {};

TEST_P(AnyConvDTypes, SmallIntegersAreExact) {
  const DType dtype = GetParam();
  for (const AnyConv& p : kAnyConvs) {
    SCOPED_TRACE(::testing::Message() << "case " << &p - kAnyConvs);
    const std::vector<double> x = Integers(Count(p.x), 1, 2);
    const std::vector<double> w = Integers(Count(p.w), 2, 2);
    const std::vector<double> bias = Integers(p.Sizes()[1], 3);
    const std::vector<double> y = Reference(p, x, w, bias);
    std::vector<int64_t> reversed(p.x.size());  // the first axis is the densest one
    for (size_t d = 0, stride = 1; d < p.x.size(); ++d) {
      reversed[d] = static_cast<int64_t>(stride);
      stride *= static_cast<size_t>(p.x[d]);
    }
    for (bool constant : {false, true}) {
      for (bool strided : {false, true}) {
        RecordCase op = p.Case();
        op.In(strided ? Strided(dtype, p.x, reversed) : Contiguous(dtype, p.x), x)
            .In(Contiguous(dtype, p.w), w, constant)
            .In(Contiguous(dtype, {p.Sizes()[1]}), bias);
        EXPECT_EQ(op.Values(), y);
        if (dtype != DType::kF32) op.ExpectSameEverywhere();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, AnyConvDTypes,
                         ::testing::Values(DType::kF16, DType::kBF16, DType::kF32, DType::kF64,
                                           DType::kI16, DType::kI32, DType::kI64),
                         [](const auto& param) { return std::string(ir::NameOf(param.param)); });

TEST(ConvTranspose, InferReportsMisfits) {
  auto op = [](std::vector<int64_t> x, std::vector<int64_t> w) {
    RecordCase c("conv_transpose");
    c.In(Contiguous(DType::kF32, x), Integers(Count(x), 1));
    c.In(Contiguous(DType::kF32, w), Integers(Count(w), 1));
    return c;
  };
  EXPECT_EQ(op({1, 3, 4}, {2, 2, 3}).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(op({1, 3}, {3, 2}).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(op({1, 3, 4}, {3, 2, 3, 3}).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(op({1, 3, 4}, {3, 2, 3}).Attr("groups", ir::Expr(2)).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(op({1, 2, 1}, {2, 2, 1}).Attr("padding", IntList({1, 1})).InferErrorId(),
            ErrorId::E504);
  EXPECT_EQ(op({1, 2, 4}, {2, 2, 3}).Attr("output_padding", IntList({1})).InferErrorId(),
            ErrorId::E508);
  EXPECT_EQ(op({1, 2, 4}, {2, 2, 3}).Attr("output_padding", IntList({0, 0})).InferErrorId(),
            ErrorId::E508);
}

}  // namespace
}  // namespace gcomp
