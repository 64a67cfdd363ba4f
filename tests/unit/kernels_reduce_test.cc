#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "kernels/reduce.h"
#include "tests/unit/op_runner.h"

namespace gcomp {
namespace {

using ir::DType;
using testing::OpCase;
using testing::Spec;
using testing::Strided;
using testing::TestTensor;

ir::AttrDict Dims(std::vector<int64_t> dims, bool keep = false) {
  ir::AttrList list;
  for (int64_t dim : dims) list.push_back(ir::Expr(dim));
  ir::AttrDict attrs = {{"dims", std::move(list)}};
  if (keep) attrs.emplace_back("keep_dims", true);
  return attrs;
}

TestTensor Random(ir::TensorSpec spec, double low = -1, double high = 1) {
  TestTensor tensor(std::move(spec));
  std::mt19937_64 random(5);
  for (int64_t i = 0; i < tensor.spec().NumElements(); ++i) {
    double unit = static_cast<double>(random() >> 11) * 0x1p-53;
    tensor.Set(i, *ir::Scalar::FromDouble(tensor.spec().dtype, low + (high - low) * unit));
  }
  return tensor;
}

StatusOr<TestTensor> RunOp(std::string_view name, std::vector<TestTensor> operands,
                           ir::AttrDict attrs = {}, size_t groups = 0) {
  std::vector<std::vector<ir::TensorSpec>> specs(std::max(groups, operands.size()));
  for (size_t i = 0; i < operands.size(); ++i) specs[i] = {operands[i].spec()};
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<OpCase> op, OpCase::Create(name, specs, std::move(attrs)));
  GCOMP_ASSIGN_OR_RETURN(CpuLevel cpu, DetectCpuLevel());
  GCOMP_ASSIGN_OR_RETURN(std::vector<TestTensor> results, op->Run(operands, cpu));
  return std::move(results[0]);
}

float Tree(std::vector<float> values) {
  values.resize(std::bit_ceil(values.size()), -0.0f);
  for (size_t half = values.size() / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) values[i] += values[i + half];
  }
  return values[0];
}

// Form 1, as docs/numerics.md tells it.
float SumByLanes(const std::vector<float>& x) {
  std::vector<float> chunks;
  for (size_t from = 0; from < x.size(); from += 4096) {
    std::vector<float> lanes(128, -0.0f);
    for (size_t i = from; i < std::min(from + 4096, x.size()); ++i) lanes[(i - from) % 128] += x[i];
    chunks.push_back(Tree(lanes));
  }
  return Tree(chunks);
}

// Form 2, the same.
float SumByBlocks(const std::vector<float>& x) {
  std::vector<float> blocks;
  for (size_t from = 0; from < x.size(); from += 64) {
    float sum = -0.0f;
    for (size_t i = from; i < std::min(from + 64, x.size()); ++i) sum += x[i];
    blocks.push_back(sum);
  }
  return Tree(blocks);
}

float Float(const TestTensor& tensor, int64_t i) {
  return static_cast<float>(tensor.Get(i).ToDouble());
}

TEST(ReduceKernels, SumOfTheInnermostAxisIsFormOne) {
  for (int64_t n : {1, 2, 100, 127, 128, 129, 300, 4096, 4097, 12289}) {
    TestTensor x = Random(Spec(DType::kF32, {2, n}));
    StatusOr<TestTensor> y = RunOp("reduce_sum", {x}, Dims({1}));
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    for (int64_t row = 0; row < 2; ++row) {
      std::vector<float> values;
      for (int64_t i = 0; i < n; ++i) values.push_back(Float(x, row * n + i));
      EXPECT_EQ(Float(*y, row), SumByLanes(values)) << n;
    }
  }
}

TEST(ReduceKernels, SumWithTheInnermostAxisKeptIsFormTwo) {
  for (int64_t n : {1, 63, 64, 65, 128, 300, 5000}) {
    TestTensor x = Random(Spec(DType::kF32, {n, 5}));
    StatusOr<TestTensor> y = RunOp("reduce_sum", {x}, Dims({0}));
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    for (int64_t column = 0; column < 5; ++column) {
      std::vector<float> values;
      for (int64_t i = 0; i < n; ++i) values.push_back(Float(x, i * 5 + column));
      EXPECT_EQ(Float(*y, column), SumByBlocks(values)) << n;
    }
  }
}

TEST(ReduceKernels, DimsOfSizeOneDoNotChooseTheForm) {
  TestTensor x = Random(Spec(DType::kF32, {3000, 1}));
  StatusOr<TestTensor> y = RunOp("reduce_sum", {x}, Dims({0}));
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  std::vector<float> values;
  for (int64_t i = 0; i < 3000; ++i) values.push_back(Float(x, i));
  ASSERT_NE(SumByLanes(values), SumByBlocks(values));
  EXPECT_EQ(Float(*y, 0), SumByLanes(values));
}

TEST(ReduceKernels, StridesDoNotChangeBits) {
  TestTensor dense = Random(Spec(DType::kF32, {70, 90}));
  TestTensor strided(Strided(DType::kF32, {70, 90}, {1, 75}));
  for (int64_t i = 0; i < 70 * 90; ++i) strided.Set(i, dense.Get(i));
  for (std::vector<int64_t> dims : {std::vector<int64_t>{0}, {1}, {0, 1}}) {
    StatusOr<TestTensor> a = RunOp("reduce_sum", {dense}, Dims(dims));
    StatusOr<TestTensor> b = RunOp("reduce_sum", {strided}, Dims(dims));
    ASSERT_TRUE(a.ok() && b.ok());
    for (int64_t i = 0; i < a->spec().NumElements(); ++i) EXPECT_EQ(a->Get(i), b->Get(i));
  }
}

TEST(ReduceKernels, ZerosAndEmptySumsHaveFixedSigns) {
  TestTensor zeros(Spec(DType::kF32, {5}));
  for (int64_t i = 0; i < 5; ++i) zeros.Set(i, *ir::Scalar::FromDouble(DType::kF32, -0.0));
  StatusOr<TestTensor> sum = RunOp("reduce_sum", {zeros});
  ASSERT_TRUE(sum.ok());
  EXPECT_TRUE(std::signbit(sum->Get(0).ToDouble()));
  sum = RunOp("reduce_sum", {TestTensor(Spec(DType::kF32, {3, 0}))}, Dims({1}));
  ASSERT_TRUE(sum.ok());
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sum->Get(i), (ir::Scalar{DType::kF32, 0}));
  }
}

TEST(ReduceKernels, HalvesAreAccumulatedInF32) {
  TestTensor ones(Spec(DType::kF16, {4000}));
  for (int64_t i = 0; i < 4000; ++i) ones.Set(i, *ir::Scalar::FromDouble(DType::kF16, 1));
  StatusOr<TestTensor> sum = RunOp("reduce_sum", {ones});
  ASSERT_TRUE(sum.ok());
  EXPECT_EQ(sum->Get(0).ToDouble(), 4000);  // adding in f16 would stop at 2048
}

TEST(ReduceKernels, IntegersWrapInTheirOwnWidth) {
  TestTensor x(Spec(DType::kI8, {3}));
  for (int64_t i = 0; i < 3; ++i) x.Set(i, *ir::Scalar::FromInt(DType::kI8, 100));
  StatusOr<TestTensor> sum = RunOp("reduce_sum", {x});
  ASSERT_TRUE(sum.ok());
  EXPECT_EQ(sum->Get(0).ToInt(), 300 - 256);
}

TEST(ReduceKernels, MaxAndMinPropagateNanAndOrderZeros) {
  TestTensor x(Spec(DType::kF32, {3, 2}));
  const double values[] = {1, std::nan(""), -0.0, 0.0, -5, -7};
  for (int64_t i = 0; i < 6; ++i) x.Set(i, *ir::Scalar::FromDouble(DType::kF32, values[i]));
  StatusOr<TestTensor> high = RunOp("reduce_max", {x}, Dims({1}));
  StatusOr<TestTensor> low = RunOp("reduce_min", {x}, Dims({1}));
  ASSERT_TRUE(high.ok() && low.ok());
  EXPECT_TRUE(std::isnan(high->Get(0).ToDouble()) && std::isnan(low->Get(0).ToDouble()));
  EXPECT_FALSE(std::signbit(high->Get(1).ToDouble()));
  EXPECT_TRUE(std::signbit(low->Get(1).ToDouble()));
  EXPECT_EQ(high->Get(2).ToDouble(), -5);
  EXPECT_EQ(low->Get(2).ToDouble(), -7);
}

TEST(ReduceKernels, MaxOfAnEmptyAxisIsRejected) {
  StatusOr<TestTensor> y = RunOp("reduce_max", {TestTensor(Spec(DType::kF32, {3, 0}))}, Dims({1}));
  ASSERT_FALSE(y.ok());
  EXPECT_EQ(y.status().id(), ErrorId::E504);
}

TEST(ReduceKernels, AxisOutOfRangeIsRejected) {
  StatusOr<TestTensor> y = RunOp("reduce_sum", {TestTensor(Spec(DType::kF32, {3}))}, Dims({1}));
  ASSERT_FALSE(y.ok());
  EXPECT_EQ(y.status().id(), ErrorId::E508);
}

TEST(ReduceKernels, KeepDimsLeavesAxesOfSizeOne) {
  TestTensor x = Random(Spec(DType::kF32, {2, 3, 4}));
  StatusOr<TestTensor> y = RunOp("reduce_sum", {x}, Dims({-2}, true));
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(y->spec().sizes, (std::vector<int64_t>{2, 1, 4}));
}

TEST(ReduceKernels, SumIsNearTheTrueSum) {
  ir::OpRegistry registry(kernels::AllOps());
  double rtol = registry.Find("reduce_sum")->tolerance.rtol;
  TestTensor x = Random(Spec(DType::kF32, {20000}));
  long double sum = 0;
  long double magnitude = 0;
  for (int64_t i = 0; i < 20000; ++i) {
    sum += x.Get(i).ToDouble();
    magnitude += std::fabs(x.Get(i).ToDouble());
  }
  StatusOr<TestTensor> y = RunOp("reduce_sum", {x});
  ASSERT_TRUE(y.ok());
  EXPECT_LE(std::fabs(y->Get(0).ToDouble() - sum), rtol * magnitude);
}

// ---- softmax and layer_norm ---------------------------------------------------------------------

TEST(SoftmaxKernel, IsNearTheTrueValueAlongAnyAxis) {
  for (DType dtype : {DType::kF32, DType::kF64, DType::kBF16}) {
    TestTensor x = Random(Spec(dtype, {6, 50}), -8, 8);
    double allowed = dtype == DType::kBF16 ? 0x1p-8 : dtype == DType::kF32 ? 1e-6 : 1e-15;
    for (int64_t dim : {0, 1}) {
      StatusOr<TestTensor> y = RunOp("softmax", {x}, {{"dim", ir::Expr(dim)}});
      ASSERT_TRUE(y.ok()) << y.status().ToString();
      for (int64_t i = 0; i < 6; ++i) {
        for (int64_t j = 0; j < 50; ++j) {
          long double sum = 0;
          for (int64_t k = 0; k < (dim == 0 ? 6 : 50); ++k) {
            sum += std::exp(
                static_cast<long double>(x.Get(dim == 0 ? k * 50 + j : i * 50 + k).ToDouble()));
          }
          long double want = std::exp(static_cast<long double>(x.Get(i * 50 + j).ToDouble())) / sum;
          EXPECT_NEAR(y->Get(i * 50 + j).ToDouble(), static_cast<double>(want), allowed);
        }
      }
    }
  }
}

TEST(SoftmaxKernel, LargeValuesDoNotOverflow) {
  TestTensor x(Spec(DType::kF32, {3}));
  const double values[] = {1000, 1000, -1000};
  for (int64_t i = 0; i < 3; ++i) x.Set(i, *ir::Scalar::FromDouble(DType::kF32, values[i]));
  StatusOr<TestTensor> y = RunOp("softmax", {x});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(y->Get(0).ToDouble(), 0.5);
  EXPECT_EQ(y->Get(2).ToDouble(), 0);
}

TEST(SoftmaxKernel, ARowOfMinusInfinityIsNan) {
  TestTensor x(Spec(DType::kF32, {2}));
  for (int64_t i = 0; i < 2; ++i) x.Set(i, *ir::Scalar::FromDouble(DType::kF32, -INFINITY));
  StatusOr<TestTensor> y = RunOp("softmax", {x});
  ASSERT_TRUE(y.ok());
  EXPECT_TRUE(std::isnan(y->Get(0).ToDouble()));
}

// Columns of numbers in [-9, 9], every second with a number so far below that its exponential is
// about the least normal one, denormal or 0; with infinities and NaN in some columns, if it is for
// special values.
TestTensor RandomColumns(DType dtype, int64_t n, int64_t width, bool special) {
  TestTensor x = Random(Spec(dtype, {n, width}), -9, 9);
  for (int64_t c = 1; c < width; c += 2) {
    const int64_t below = dtype == DType::kF64 ? 690 + c % 64 : 70 + c % 40;
    x.Set(c * 5 % n * width + c, *ir::Scalar::FromDouble(dtype, -static_cast<double>(below)));
  }
  if (!special) return x;
  const double values[] = {INFINITY, -INFINITY, NAN};
  for (int64_t c = 0; c < width; ++c) {
    for (int64_t i = 0; i < 3; ++i) {
      if ((c >> i & 1) == 0) continue;
      x.Set((c * 7 + i) % n * width + c, *ir::Scalar::FromDouble(dtype, values[i]));
    }
    for (int64_t k = 0; c % 16 == 8 && k < n; ++k) {
      x.Set(k * width + c, *ir::Scalar::FromDouble(dtype, -INFINITY));
    }
  }
  return x;
}

TestTensor Transposed(const TestTensor& x) {
  int64_t n = x.spec().sizes[0];
  int64_t width = x.spec().sizes[1];
  TestTensor turned(Spec(x.spec().dtype, {width, n}));
  for (int64_t i = 0; i < n * width; ++i) turned.Set(i % width * n + i / width, x.Get(i));
  return turned;
}

// Row ops along the outer axis give the bits that they give along the inner one.
TEST(RowKernels, StripsOfColumnsEqualRows) {
  struct {
    const char* op;
    const char* attr;
    size_t parameters;
    bool value_per_row;
  } const ops[] = {{"softmax", "dim", 0, false},     {"log_softmax", "dim", 0, false},
                   {"layer_norm", "dims", 0, false}, {"layer_norm", "dims", 2, false},
                   {"rms_norm", "dims", 1, false},   {"logsumexp", "dims", 0, true},
                   {"var", "dims", 0, true}};

  const std::pair<int64_t, int64_t> shapes[] = {{1, 16}, {7, 33}, {300, 1050}, {8200, 20}};
  for (const auto& op : ops) {
    auto run = [&](const TestTensor& x, int64_t axis) {
      std::vector<TestTensor> operands = {x};
      for (size_t i = 0; i < op.parameters; ++i) {
        operands.push_back(Random(Spec(x.spec().dtype, {x.spec().sizes[axis]}), 0.5, 2));
      }
      bool list = std::string_view(op.attr) == "dims";
      return RunOp(op.op, operands, list ? Dims({axis}) : ir::AttrDict{{"dim", ir::Expr(axis)}},
                   std::string_view(op.op) == "layer_norm" ? 3 : op.parameters + 1);
    };
    for (DType dtype : {DType::kF32, DType::kF64, DType::kF16, DType::kBF16}) {
      for (auto [n, width] : shapes) {
        TestTensor x = RandomColumns(dtype, n, width, n > 1 && n < 4096);
        StatusOr<TestTensor> down = run(x, 0);
        StatusOr<TestTensor> along = run(Transposed(x), 1);
        ASSERT_TRUE(down.ok() && along.ok()) << op.op << down.status().ToString();
        TestTensor want = op.value_per_row ? *along : Transposed(*along);
        for (int64_t i = 0; i < want.spec().NumElements(); ++i) {
          double a = down->Get(i).ToDouble();
          double b = want.Get(i).ToDouble();
          ASSERT_TRUE((a == b && std::signbit(a) == std::signbit(b)) ||
                      (std::isnan(a) && std::isnan(b)))
              << op.op << " " << n << " x " << width << " at " << i << ": " << a << ", " << b;
        }
      }
    }
  }
}

TEST(RowKernels, LogSumExpOfInfinityAndNan) {
  const struct {
    double values[3];
    double want;
  } rows[] = {{{NAN, INFINITY, 1}, NAN},
              {{1, -INFINITY, INFINITY}, INFINITY},
              {{-INFINITY, -INFINITY, -INFINITY}, -INFINITY},
              {{3, -INFINITY, -INFINITY}, 3}};

  for (DType dtype : {DType::kF32, DType::kF64, DType::kF16, DType::kBF16}) {
    for (const auto& row : rows) {
      TestTensor x(Spec(dtype, {3}));
      for (int64_t i = 0; i < 3; ++i) x.Set(i, *ir::Scalar::FromDouble(dtype, row.values[i]));
      StatusOr<TestTensor> y = RunOp("logsumexp", {x});
      ASSERT_TRUE(y.ok()) << y.status().ToString();
      double got = y->Get(0).ToDouble();
      EXPECT_TRUE(got == row.want || (std::isnan(got) && std::isnan(row.want))) << got;
    }
  }
}

TEST(LayerNormKernel, IsNearTheTrueValue) {
  TestTensor x = Random(Spec(DType::kF32, {4, 200}), -3, 5);
  TestTensor w = Random(Spec(DType::kF32, {200}), 0.5, 2);
  TestTensor b = Random(Spec(DType::kF32, {200}), -1, 1);
  StatusOr<TestTensor> y = RunOp("layer_norm", {x, w, b}, Dims({1}));
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  for (int64_t i = 0; i < 4; ++i) {
    long double mean = 0;
    long double variance = 0;
    for (int64_t j = 0; j < 200; ++j) mean += x.Get(i * 200 + j).ToDouble() / 200;
    for (int64_t j = 0; j < 200; ++j) {
      variance += std::pow(x.Get(i * 200 + j).ToDouble() - mean, 2) / 200;
    }
    for (int64_t j = 0; j < 200; ++j) {
      long double want = (x.Get(i * 200 + j).ToDouble() - mean) / std::sqrt(variance + 1e-5L) *
                             w.Get(j).ToDouble() +
                         b.Get(j).ToDouble();
      EXPECT_NEAR(y->Get(i * 200 + j).ToDouble(), static_cast<double>(want), 4e-6);
    }
  }
}

TEST(LayerNormKernel, WeightOfAnotherShapeIsRejected) {
  StatusOr<TestTensor> y = RunOp(
      "layer_norm", {TestTensor(Spec(DType::kF32, {4, 6})), TestTensor(Spec(DType::kF32, {4}))},
      Dims({1}), 3);
  ASSERT_FALSE(y.ok());
  EXPECT_EQ(y.status().id(), ErrorId::E504);
}

}  // namespace
}  // namespace gcomp
