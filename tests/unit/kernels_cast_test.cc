#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "tests/unit/op_runner.h"
#include "tests/unit/vector_runner.h"

namespace gcomp {
namespace {

using ir::DType;
using testing::kInf;
using testing::kNan;
using testing::OpCase;
using testing::RunOp;
using testing::Spec;
using testing::Strided;
using testing::TestTensor;
using testing::Vector;

std::vector<double> Cast(DType from, const std::vector<double>& values, DType to) {
  ir::Dims dims = {static_cast<int64_t>(values.size())};
  return RunOp("cast", {Vector(from, values)}, {}, {ir::Type::Tensor(to, dims)});
}

TEST(CastKernel, FloatToIntegerTruncatesAndSaturates) {
  EXPECT_EQ(Cast(DType::kF32, {1.9, -1.9, 300, -300, kNan, kInf}, DType::kI8),
            (std::vector<double>{1, -1, 127, -128, 0, 127}));
  EXPECT_EQ(Cast(DType::kF64, {-1, 255.9, 256, kNan}, DType::kU8),
            (std::vector<double>{0, 255, 255, 0}));
  EXPECT_EQ(Cast(DType::kF32, {3e9, -3e9}, DType::kI32),
            (std::vector<double>{2147483647, -2147483648.0}));
  EXPECT_EQ(Cast(DType::kF64, {1e19, -1e19}, DType::kI64),
            (std::vector<double>{0x1p63, -0x1p63}));  // 2^63 - 1 as a double
}

TEST(CastKernel, IntegerToNarrowerKeepsLowBits) {
  EXPECT_EQ(Cast(DType::kI64, {300, -1, 128}, DType::kI8), (std::vector<double>{44, -1, -128}));
  EXPECT_EQ(Cast(DType::kI32, {-1, 65537}, DType::kU16), (std::vector<double>{65535, 1}));
}

TEST(CastKernel, BoolIsWhetherAValueIsNotZero) {
  EXPECT_EQ(Cast(DType::kF32, {0, -0.0, 0.1, kNan}, DType::kBool),
            (std::vector<double>{0, 0, 1, 1}));
  EXPECT_EQ(Cast(DType::kBool, {0, 1}, DType::kBF16), (std::vector<double>{0, 1}));
}

TEST(CastKernel, WideToHalfRoundsOnce) {
  // Just above the middle of two f16 (bf16): rounding through f32 would lose the rest and go down.
  EXPECT_EQ(Cast(DType::kF64, {1 + 0x1p-11 + 0x1p-40}, DType::kF16)[0], 1 + 0x1p-10);
  EXPECT_EQ(Cast(DType::kF64, {1 + 0x1p-8 + 0x1p-40}, DType::kBF16)[0], 1 + 0x1p-7);
  EXPECT_EQ(Cast(DType::kF64, {1 + 0x1p-11 - 0x1p-40}, DType::kF16)[0], 1.0);
  EXPECT_EQ(Cast(DType::kF64, {65519.999, 65520, -1e300, 0x1p-25 + 0x1p-60}, DType::kF16),
            (std::vector<double>{65504, kInf, -kInf, 0x1p-24}));
  EXPECT_EQ(Cast(DType::kI32, {0x1010001}, DType::kBF16)[0], 0x1.02p24);
  TestTensor big(Spec(DType::kU64, {1}));
  big.Set(0, {DType::kU64, (uint64_t{0x101} << 55) + 1});
  EXPECT_EQ(RunOp("cast", {big}, {}, {ir::Type::Tensor(DType::kBF16, {1})})[0], 0x1.02p63);
}

TEST(CastKernel, WithoutAWrittenTypeIsRejected) {
  StatusOr<std::unique_ptr<OpCase>> op = OpCase::Create("cast", {{Spec(DType::kF32, {2})}});
  ASSERT_FALSE(op.ok());
  EXPECT_EQ(op.status().id(), ErrorId::E504);
}

TEST(Bitcast, NeedsEqualWidthsAndNoBool) {
  for (DType to : {DType::kF64, DType::kI16, DType::kBool}) {
    StatusOr<std::unique_ptr<OpCase>> op =
        OpCase::Create("bitcast", {{Spec(DType::kF32, {2})}}, {}, {ir::Type::Tensor(to, {2})});
    ASSERT_FALSE(op.ok()) << NameOf(to);
    EXPECT_EQ(op.status().id(), ErrorId::E504);
  }
  EXPECT_FALSE(OpCase::Create("bitcast", {{Spec(DType::kF32, {2})}}).ok());
}

TEST(Bitcast, KeepsTheLayout) {
  ir::Type strided = testing::TypeOf(Strided(DType::kI32, {4, 3}, {1, 4}));
  StatusOr<std::unique_ptr<OpCase>> op =
      OpCase::Create("bitcast", {{Strided(DType::kF32, {4, 3}, {1, 4})}}, {}, {strided});
  ASSERT_TRUE(op.ok()) << op.status().ToString();
  EXPECT_TRUE((*op)->results()[0].SameLayout(Strided(DType::kI32, {4, 3}, {1, 4})));
}

}  // namespace
}  // namespace gcomp
