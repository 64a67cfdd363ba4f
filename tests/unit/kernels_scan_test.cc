#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "kernels/reduce.h"
#include "tests/unit/op_runner.h"

namespace gcomp {
namespace {

using ir::DType;
using testing::OpCase;
using testing::Spec;
using testing::Strided;
using testing::TestTensor;

TestTensor Random(ir::TensorSpec spec) {
  TestTensor tensor(std::move(spec));
  std::mt19937_64 random(11);
  for (int64_t i = 0; i < tensor.spec().NumElements(); ++i) {
    double unit = static_cast<double>(random() >> 11) * 0x1p-53;
    tensor.Set(i, *ir::Scalar::FromDouble(tensor.spec().dtype, 2 * unit - 1));
  }
  return tensor;
}

StatusOr<TestTensor> CumSum(TestTensor x, int64_t dim) {
  ir::AttrDict attrs;
  if (dim != 0) attrs.emplace_back("dim", ir::Expr(dim));
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<OpCase> op,
                         OpCase::Create("cumsum", {{x.spec()}}, std::move(attrs)));
  GCOMP_ASSIGN_OR_RETURN(CpuLevel cpu, DetectCpuLevel());
  std::vector<TestTensor> operands = {std::move(x)};
  GCOMP_ASSIGN_OR_RETURN(std::vector<TestTensor> results, op->Run(operands, cpu));
  return std::move(results[0]);
}

float Float(const TestTensor& tensor, int64_t i) {
  return static_cast<float>(tensor.Get(i).ToDouble());
}

// Form 1 as docs/numerics.md tells it: groups of 16 by steps, then in sequence, then chunks.
std::vector<float> ByGroups(const std::vector<float>& x) {
  std::vector<float> y;
  float offset = -0.0f;
  for (size_t chunk = 0; chunk < x.size(); chunk += 4096) {
    float carry = -0.0f;
    size_t end = std::min(chunk + 4096, x.size());
    for (size_t from = chunk; from < end; from += 16) {
      std::vector<float> group(16, -0.0f);
      for (size_t i = from; i < std::min(from + 16, end); ++i) group[i - from] = x[i];
      for (size_t distance = 1; distance < 16; distance *= 2) {
        for (size_t i = 15; i >= distance; --i) group[i] = group[i - distance] + group[i];
      }
      for (size_t i = from; i < std::min(from + 16, end); ++i) {
        y.push_back(offset + (carry + group[i - from]));
      }
      carry = carry + group[15];
    }
    offset = offset + carry;
  }
  return y;
}

// Form 2, the same: in sequence, then chunks.
std::vector<float> InSequence(const std::vector<float>& x) {
  std::vector<float> y;
  float offset = -0.0f;
  float local = -0.0f;
  for (size_t i = 0; i < x.size(); ++i) {
    if (i > 0 && i % 4096 == 0) {
      offset = offset + local;
      local = -0.0f;
    }
    local = local + x[i];
    y.push_back(offset + local);
  }
  return y;
}

TEST(ScanKernels, ASumAlongTheInnermostAxisIsFormOne) {
  for (int64_t n : {1, 2, 15, 16, 17, 100, 4096, 4097, 8200}) {
    TestTensor x = Random(Spec(DType::kF32, {2, n}));
    StatusOr<TestTensor> y = CumSum(x, 1);
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    for (int64_t row = 0; row < 2; ++row) {
      std::vector<float> values;
      for (int64_t i = 0; i < n; ++i) values.push_back(Float(x, row * n + i));
      std::vector<float> want = ByGroups(values);
      for (int64_t i = 0; i < n; ++i) {
        ASSERT_EQ(Float(*y, row * n + i), want[static_cast<size_t>(i)]) << n << " at " << i;
      }
    }
  }
}

TEST(ScanKernels, ASumAlongAnotherAxisIsFormTwo) {
  for (int64_t n : {1, 17, 300, 4096, 4097, 8200}) {
    TestTensor x = Random(Spec(DType::kF32, {n, 3}));
    StatusOr<TestTensor> y = CumSum(x, 0);
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    for (int64_t column = 0; column < 3; ++column) {
      std::vector<float> values;
      for (int64_t i = 0; i < n; ++i) values.push_back(Float(x, i * 3 + column));
      std::vector<float> want = InSequence(values);
      for (int64_t i = 0; i < n; ++i) {
        ASSERT_EQ(Float(*y, i * 3 + column), want[static_cast<size_t>(i)]) << n << " at " << i;
      }
    }
  }
}

TEST(ScanKernels, TheFormsDiffer) {
  TestTensor x = Random(Spec(DType::kF32, {500}));
  std::vector<float> values;
  for (int64_t i = 0; i < 500; ++i) values.push_back(Float(x, i));
  EXPECT_NE(ByGroups(values), InSequence(values));
}

TEST(ScanKernels, DimsOfSizeOneDoNotChooseTheForm) {
  TestTensor x = Random(Spec(DType::kF32, {500, 1}));
  StatusOr<TestTensor> y = CumSum(x, 0);
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  std::vector<float> values;
  for (int64_t i = 0; i < 500; ++i) values.push_back(Float(x, i));
  std::vector<float> want = ByGroups(values);
  for (int64_t i = 0; i < 500; ++i) EXPECT_EQ(Float(*y, i), want[static_cast<size_t>(i)]);
}

TEST(ScanKernels, StridesDoNotChangeBits) {
  TestTensor dense = Random(Spec(DType::kF32, {70, 90}));
  TestTensor strided(Strided(DType::kF32, {70, 90}, {1, 75}));
  for (int64_t i = 0; i < 70 * 90; ++i) strided.Set(i, dense.Get(i));
  for (int64_t dim : {0, 1}) {
    StatusOr<TestTensor> a = CumSum(dense, dim);
    StatusOr<TestTensor> b = CumSum(strided, dim);
    ASSERT_TRUE(a.ok() && b.ok());
    for (int64_t i = 0; i < 70 * 90; ++i) ASSERT_EQ(a->Get(i), b->Get(i));
  }
}

TEST(ScanKernels, HalvesAreRoundedOnceEach) {
  TestTensor ones(Spec(DType::kF16, {4000}));
  for (int64_t i = 0; i < 4000; ++i) ones.Set(i, *ir::Scalar::FromDouble(DType::kF16, 1));
  StatusOr<TestTensor> y = CumSum(ones, 0);
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_EQ(y->Get(3999).ToDouble(), 4000);  // adding in f16 would stop at 2048
}

TEST(ScanKernels, MinusZerosStay) {
  TestTensor zeros(Spec(DType::kF32, {20}));
  for (int64_t i = 0; i < 20; ++i) zeros.Set(i, *ir::Scalar::FromDouble(DType::kF32, -0.0));
  StatusOr<TestTensor> y = CumSum(zeros, 0);
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(y->Get(i), zeros.Get(i));
}

}  // namespace
}  // namespace gcomp
