// Only in builds with oneDNN: f32 products and convolutions run on it. The loops that stand in for
// it elsewhere are right, and many times slower: without this test their use would not be seen.
#include <gtest/gtest.h>

#include <memory>
#include <string_view>
#include <vector>

#include "tests/unit/op_runner.h"

namespace gcomp {
namespace {

using ir::DType;
using testing::OpCase;
using testing::Spec;
using testing::Strided;

// A kernel on oneDNN keeps handles for each frame (ir::KernelState); the loops keep nothing.
bool KeepsHandles(std::string_view name, const std::vector<ir::TensorSpec>& operands) {
  std::vector<std::vector<ir::TensorSpec>> groups;
  for (const ir::TensorSpec& spec : operands) groups.push_back({spec});
  auto op = OpCase::Create(name, groups);
  EXPECT_TRUE(op.ok()) << op.status().ToString();
  auto cpu = DetectCpuLevel();
  EXPECT_TRUE(cpu.ok()) << cpu.status().ToString();
  if (!op.ok() || !cpu.ok()) return false;
  const OpCase& made = **op;
  const ir::KernelCtx ctx{.function = made.function(),
                          .op = made.op(),
                          .attrs = ir::AttrReader(*made.op().def, made.op()),
                          .operands = made.operands(),
                          .results = made.results(),
                          .constants = {},
                          .symbols = {},
                          .cpu = *cpu,
                          .regions = {}};
  auto kernel = made.op().def->prepare(ctx);
  EXPECT_TRUE(kernel.ok()) << kernel.status().ToString();
  if (!kernel.ok()) return false;
  auto state = (*kernel)->NewState();
  EXPECT_TRUE(state.ok()) << state.status().ToString();
  return state.ok() && *state != nullptr;
}

TEST(OneDnn, RunsProductsOfF32) {
  EXPECT_TRUE(KeepsHandles("matmul", {Spec(DType::kF32, {3, 4}), Spec(DType::kF32, {4, 5})}));
  EXPECT_TRUE(KeepsHandles("matmul", {Spec(DType::kF32, {1, 1}), Spec(DType::kF32, {1, 1})}));
  EXPECT_TRUE(KeepsHandles("matmul", {Strided(DType::kF32, {2, 3, 4}, {40, 1, 3}),
                                      Strided(DType::kF32, {4, 5}, {0, 2})}));
  EXPECT_FALSE(KeepsHandles("matmul", {Spec(DType::kF64, {3, 4}), Spec(DType::kF64, {4, 5})}));
}

TEST(OneDnn, RunsConvolutionsOfF32) {
  for (DType dtype : {DType::kF32, DType::kF64}) {
    const bool expected = dtype == DType::kF32;
    const auto of = [&](std::vector<int64_t> sizes) { return Spec(dtype, std::move(sizes)); };
    EXPECT_EQ(KeepsHandles("conv1d", {of({1, 2, 9}), of({3, 2, 3})}), expected);
    EXPECT_EQ(KeepsHandles("conv2d", {of({1, 2, 9, 8}), of({3, 2, 3, 3})}), expected);
    EXPECT_EQ(KeepsHandles("conv2d", {of({2, 16, 9, 8}), of({32, 16, 1, 1})}), expected);
    EXPECT_EQ(KeepsHandles("conv3d", {of({1, 2, 5, 6, 7}), of({3, 2, 2, 2, 2})}), expected);
    EXPECT_EQ(KeepsHandles("conv_transpose", {of({1, 2, 9, 8}), of({2, 3, 3, 3})}), expected);
  }
}

}  // namespace
}  // namespace gcomp
