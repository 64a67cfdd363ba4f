// matmul against a naive sum in long double, over dtypes, odd shapes, strides and zero sizes.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/unit/record_case.h"

namespace gcomp {
namespace {

using ir::DType;
using record_test::Contiguous;
using record_test::Fractions;
using record_test::Integers;
using record_test::RecordCase;
using record_test::Strided;

// One product, row-major: exact sums in long double.
std::vector<double> Reference(const std::vector<double>& a, const std::vector<double>& b,
                              int64_t batch, int64_t m, int64_t k, int64_t n, bool b_shared) {
  std::vector<double> c;
  for (int64_t g = 0; g < batch; ++g) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        long double sum = 0;
        for (int64_t p = 0; p < k; ++p) {
          sum += static_cast<long double>(a[static_cast<size_t>((g * m + i) * k + p)]) *
                 b[static_cast<size_t>(((b_shared ? 0 : g) * k + p) * n + j)];
        }
        c.push_back(static_cast<double>(sum));
      }
    }
  }
  return c;
}

void ExpectNear(const std::vector<double>& found, const std::vector<double>& expected,
                double bound) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], bound) << i;
}

const int64_t kShapes[][3] = {{1, 1, 1},  {1, 7, 1},   {5, 1, 3},    {1, 16, 16}, {4, 16, 17},
                              {3, 5, 64}, {17, 33, 9}, {64, 64, 64}, {2, 300, 5}, {33, 2, 130}};

class MatmulDTypes : public ::testing::TestWithParam<DType> {};

// Small integers: every dtype's sums are exact, so all orders give equal bits.
TEST_P(MatmulDTypes, SmallIntegersAreExact) {
  const DType dtype = GetParam();
  const bool is_unsigned = ir::IsInteger(dtype) && !ir::IsSigned(dtype);
  for (const auto& [m, k, n] : kShapes) {
    std::vector<double> a = Integers(m * k, 1, 1);
    std::vector<double> b = Integers(k * n, 2, 1);
    if (is_unsigned) {
      for (double& x : a) x = std::fabs(x);
      for (double& x : b) x = std::fabs(x);
    }
    if (ir::BitsOf(dtype) == 8 && k > 100) continue;  // sums would wrap: another test
    SCOPED_TRACE(::testing::Message() << m << "x" << k << "x" << n);
    RecordCase op("matmul");
    op.In(Contiguous(dtype, {m, k}), a).In(Contiguous(dtype, {k, n}), b);
    EXPECT_EQ(op.Values(), Reference(a, b, 1, m, k, n, false));
    if (dtype != DType::kF32) op.ExpectSameEverywhere();
  }
}

INSTANTIATE_TEST_SUITE_P(All, MatmulDTypes,
                         ::testing::Values(DType::kF16, DType::kBF16, DType::kF32, DType::kF64,
                                           DType::kI8, DType::kI16, DType::kI32, DType::kI64,
                                           DType::kU8, DType::kU16, DType::kU32, DType::kU64),
                         [](const auto& param) { return std::string(ir::NameOf(param.param)); });

TEST(Matmul, FractionsStayWithinBound) {
  for (const auto& [m, k, n] : kShapes) {
    SCOPED_TRACE(::testing::Message() << m << "x" << k << "x" << n);
    const std::vector<double> a = Fractions(m * k, 3);
    const std::vector<double> b = Fractions(k * n, 4);
    const std::vector<double> c = Reference(a, b, 1, m, k, n, false);
    const double terms = static_cast<double>(k);
    for (DType dtype : {DType::kF32, DType::kF64}) {
      RecordCase op("matmul");
      op.In(Contiguous(dtype, {m, k}), a).In(Contiguous(dtype, {k, n}), b);
      ExpectNear(op.Values(), c, terms * (dtype == DType::kF32 ? 1.2e-7 : 2.3e-16));
    }
  }
}

TEST(Matmul, IntegersWrap) {
  RecordCase op("matmul");
  op.In(Contiguous(DType::kI8, {1, 3}), {127, 127, -128})
      .In(Contiguous(DType::kI8, {3, 1}), {127, 3, -128});
  // 16129 + 381 + 16384 = 32894 = 128 * 256 + 126
  EXPECT_EQ(op.Values(), (std::vector<double>{126}));
  RecordCase wide("matmul");
  wide.In(Contiguous(DType::kI32, {1, 2}), {65536, 1})
      .In(Contiguous(DType::kI32, {2, 1}), {65536, 5});
  EXPECT_EQ(wide.Values(), (std::vector<double>{5}));
}

TEST(Matmul, HalvesRoundOnce) {
  // 2048 + 1 + 1 is 2050 in f16 if summed in f32, 2048 if each sum were rounded.
  RecordCase op("matmul");
  op.In(Contiguous(DType::kF16, {1, 3}), {2048, 1, 1})
      .In(Contiguous(DType::kF16, {3, 1}), {1, 1, 1});
  EXPECT_EQ(op.Values(), (std::vector<double>{2050}));
}

TEST(Matmul, ZeroSizes) {
  for (DType dtype : {DType::kF32, DType::kF64, DType::kF16, DType::kI32}) {
    RecordCase no_terms("matmul");
    no_terms.In(Contiguous(dtype, {2, 0}), {}).In(Contiguous(dtype, {0, 3}), {});
    EXPECT_EQ(no_terms.Values(), std::vector<double>(6, 0.0));
    RecordCase no_rows("matmul");
    no_rows.In(Contiguous(dtype, {0, 4}), {}).In(Contiguous(dtype, {4, 3}), Integers(12, 1));
    EXPECT_TRUE(no_rows.Values().empty());
    RecordCase no_batch("matmul");
    no_batch.In(Contiguous(dtype, {0, 2, 2}), {}).In(Contiguous(dtype, {2, 2}), Integers(4, 1));
    EXPECT_TRUE(no_batch.Values().empty());
  }
}

TEST(Matmul, BatchesBroadcast) {
  const std::vector<double> a = Integers(2 * 3 * 4 * 5, 5);
  const std::vector<double> b = Integers(5 * 6, 6);
  for (DType dtype : {DType::kF32, DType::kF64, DType::kI16, DType::kBF16}) {
    RecordCase shared("matmul");
    shared.In(Contiguous(dtype, {2, 3, 4, 5}), a).In(Contiguous(dtype, {5, 6}), b);
    EXPECT_EQ(shared.Values(), Reference(a, b, 6, 4, 5, 6, true));

    // a: [2, 1, 4, 5], b: [3, 5, 6] -> [2, 3, 4, 6]
    const std::vector<double> a2 = Integers(2 * 4 * 5, 7);
    const std::vector<double> b3 = Integers(3 * 5 * 6, 8);
    std::vector<double> expected;
    for (size_t i = 0; i < 2; ++i) {
      for (size_t j = 0; j < 3; ++j) {
        std::vector<double> c =
            Reference({a2.begin() + i * 20, a2.begin() + (i + 1) * 20},
                      {b3.begin() + j * 30, b3.begin() + (j + 1) * 30}, 1, 4, 5, 6, false);
        expected.insert(expected.end(), c.begin(), c.end());
      }
    }
    RecordCase both("matmul");
    both.In(Contiguous(dtype, {2, 1, 4, 5}), a2).In(Contiguous(dtype, {3, 5, 6}), b3);
    EXPECT_EQ(both.Values(), expected);
  }
}

TEST(Matmul, StridedOperands) {
  const int64_t m = 5, k = 7, n = 6;
  const std::vector<double> a = Integers(m * k, 9);
  const std::vector<double> b = Integers(k * n, 10);
  const std::vector<double> c = Reference(a, b, 1, m, k, n, false);
  for (DType dtype : {DType::kF32, DType::kF64, DType::kF16, DType::kI8}) {
    const ir::Type as[] = {Contiguous(dtype, {m, k}), Strided(dtype, {m, k}, {1, m}),
                           Strided(dtype, {m, k}, {20, 1}, 3), Strided(dtype, {m, k}, {40, 2})};
    const ir::Type bs[] = {Contiguous(dtype, {k, n}), Strided(dtype, {k, n}, {1, k}),
                           Strided(dtype, {k, n}, {2, 30}), Strided(dtype, {k, n}, {9, 1}, 1)};
    for (const ir::Type& x : as) {
      for (const ir::Type& y : bs) {
        for (bool constant : {false, true}) {
          RecordCase op("matmul");
          op.In(x, a).In(y, b, constant);
          EXPECT_EQ(op.Values(), c);
        }
      }
    }
  }
}

TEST(Matmul, ExpandedOperands) {
  // Rows of a are one row, seen four times; b's batches one matrix, seen twice.
  const std::vector<double> row = Integers(3, 11);
  std::vector<double> a;
  for (int i = 0; i < 8; ++i) a.insert(a.end(), row.begin(), row.end());
  const std::vector<double> one = Integers(3 * 2, 12);
  std::vector<double> b = one;
  b.insert(b.end(), one.begin(), one.end());
  for (DType dtype : {DType::kF32, DType::kF64}) {
    RecordCase op("matmul");
    op.In(Strided(dtype, {2, 4, 3}, {0, 0, 1}), a).In(Strided(dtype, {2, 3, 2}, {0, 2, 1}), b);
    EXPECT_EQ(op.Values(), Reference(a, b, 2, 4, 3, 2, false));
  }
}

TEST(Matmul, InterleavedBatches) {
  // [batch, m, k] seen in memory as [m, batch, k]: heads of an attention.
  const std::vector<double> a = Integers(3 * 4 * 5, 13);
  const std::vector<double> b = Integers(3 * 5 * 2, 14);
  RecordCase op("matmul");
  op.In(Strided(DType::kF32, {3, 4, 5}, {5, 15, 1}), a).In(Contiguous(DType::kF32, {3, 5, 2}), b);
  EXPECT_EQ(op.Values(), Reference(a, b, 3, 4, 5, 2, false));
}

// The operand's elements in row-major order lie anywhere: equal bits.
TEST(Matmul, BitsDoNotDependOnLayout) {
  const int64_t shapes[][3] = {{5, 7, 6},     {16, 48, 17}, {33, 63, 130}, {8, 64, 8},
                               {64, 200, 48}, {1, 37, 50},  {40, 30, 1},   {1, 1, 9}};
  for (const auto& [m, k, n] : shapes) {
    const std::vector<double> a = Fractions(m * k, 21);
    const std::vector<double> b = Fractions(k * n, 22);
    const auto layouts = [](int64_t rows, int64_t columns) {
      return std::vector<ir::Type>{Contiguous(DType::kF32, {rows, columns}),
                                   Strided(DType::kF32, {rows, columns}, {columns, 1}, 1),
                                   Strided(DType::kF32, {rows, columns}, {columns + 3, 1}),
                                   Strided(DType::kF32, {rows, columns}, {4 * columns, 1}, 5),
                                   Strided(DType::kF32, {rows, columns}, {1, rows}),
                                   Strided(DType::kF32, {rows, columns}, {1, rows + 16}, 2),
                                   Strided(DType::kF32, {rows, columns}, {3 * columns, 3})};
    };
    for (bool constant : {false, true}) {
      std::vector<ir::Scalar> expected;
      for (const ir::Type& x : layouts(m, k)) {
        for (const ir::Type& y : layouts(k, n)) {
          RecordCase op("matmul");
          op.In(x, a).In(y, b, constant);
          const std::vector<ir::Scalar> found = op.Run();
          if (expected.empty()) expected = found;
          EXPECT_EQ(found, expected) << m << "x" << k << "x" << n << " constant " << constant;
        }
      }
    }
  }
}

// Batches that lie evenly are multiplied as one matrix where b has none: so must others.
TEST(Matmul, BitsDoNotDependOnLayoutOfBatches) {
  const int64_t g = 3, m = 4, k = 37, n = 21;
  const std::vector<double> a = Fractions(g * m * k, 23);
  const std::vector<double> shared = Fractions(k * n, 24);
  std::vector<double> repeated;
  for (int64_t i = 0; i < g; ++i) repeated.insert(repeated.end(), shared.begin(), shared.end());
  const ir::Type as[] = {Contiguous(DType::kF32, {g, m, k}),
                         Strided(DType::kF32, {g, m, k}, {k, g * k, 1}),
                         Strided(DType::kF32, {g, m, k}, {m * k + 5, k, 1}, 3),
                         Strided(DType::kF32, {g, m, k}, {m * k, 1, m})};
  const ir::Type bs[] = {Contiguous(DType::kF32, {g, k, n}),
                         Strided(DType::kF32, {g, k, n}, {0, n, 1}),
                         Strided(DType::kF32, {g, k, n}, {n * k, 1, k}),
                         Strided(DType::kF32, {g, k, n}, {n, g * n, 1})};
  std::vector<ir::Scalar> of_shared, of_repeated;
  for (const ir::Type& x : as) {
    RecordCase one("matmul");
    one.In(x, a).In(Contiguous(DType::kF32, {k, n}), shared);
    const std::vector<ir::Scalar> found = one.Run();
    if (of_shared.empty()) of_shared = found;
    EXPECT_EQ(found, of_shared);
    for (const ir::Type& y : bs) {
      RecordCase each("matmul");
      each.In(x, a).In(y, repeated);
      const std::vector<ir::Scalar> batched = each.Run();
      if (of_repeated.empty()) of_repeated = batched;
      EXPECT_EQ(batched, of_repeated);
    }
  }
}

TEST(Matmul, NanAndInfinityPropagate) {
  RecordCase op("matmul");
  const double inf = INFINITY;
  op.In(Contiguous(DType::kF32, {2, 2}), {inf, 1, NAN, 0})
      .In(Contiguous(DType::kF32, {2, 1}), {0, 1});
  for (double value : op.Values()) EXPECT_TRUE(std::isnan(value));
}

TEST(Matmul, InferReportsMisfits) {
  RecordCase inner("matmul");
  inner.In(Contiguous(DType::kF32, {2, 3}), Integers(6, 1))
      .In(Contiguous(DType::kF32, {4, 5}), Integers(20, 1));
  EXPECT_EQ(inner.InferErrorId(), ErrorId::E504);
  EXPECT_NE(inner.InferError().find("3 columns"), std::string::npos) << inner.InferError();
  RecordCase rank("matmul");
  rank.In(Contiguous(DType::kF32, {3}), Integers(3, 1))
      .In(Contiguous(DType::kF32, {3, 5}), Integers(15, 1));
  EXPECT_EQ(rank.InferErrorId(), ErrorId::E504);
  RecordCase batch("matmul");
  batch.In(Contiguous(DType::kF32, {2, 1, 1}), Integers(2, 1))
      .In(Contiguous(DType::kF32, {3, 1, 1}), Integers(3, 1));
  EXPECT_EQ(batch.InferErrorId(), ErrorId::E504);
}

}  // namespace
}  // namespace gcomp
