#include <gtest/gtest.h>

#include <cstdint>

#include "runtime/tensor.h"

namespace gcomp {
namespace {

int freed = 0;

void CountFree(void* /*data*/, void* /*arg*/) noexcept {
  ++freed;
}

TEST(TensorTest, UsersAndRuntimeAreCountedApart) {
  freed = 0;
  float data[4] = {};
  Storage* storage = nullptr;
  {
    StatusOr<Tensor> made = Tensor::Wrap(DType::kF32, {4}, {}, data, CountFree);
    ASSERT_TRUE(made.ok());
    Tensor tensor = *std::move(made);
    storage = tensor.storage();
    storage->RetainRuntime();
    Tensor copy = tensor;
    EXPECT_EQ(storage->user_count(), 2);
    EXPECT_EQ(storage->runtime_count(), 1);
  }
  EXPECT_EQ(storage->user_count(), 0);
  EXPECT_EQ(freed, 0);  // the runtime still holds it
  storage->ReleaseRuntime();
  EXPECT_EQ(freed, 1);
}

TEST(TensorTest, MoveLeavesOneHolder) {
  StatusOr<Tensor> made = Tensor::Empty(DType::kF32, {2, 3});
  ASSERT_TRUE(made.ok());
  Tensor a = *std::move(made);
  Tensor b = std::move(a);
  EXPECT_FALSE(a.defined());  // NOLINT(bugprone-use-after-move): moved-from is "no tensor"
  EXPECT_EQ(b.storage()->user_count(), 1);
  b = b;  // NOLINT(clang-diagnostic-self-assign-overloaded)
  EXPECT_EQ(b.storage()->user_count(), 1);
  EXPECT_EQ(b.TypeString(), "f32[2, 3]");
}

TEST(TensorTest, VersionCountsWrites) {
  StatusOr<Tensor> made = Tensor::Empty(DType::kI8, {1});
  ASSERT_TRUE(made.ok());
  uint64_t before = (*made).storage()->version();
  (*made).storage()->BumpVersion();
  EXPECT_EQ((*made).storage()->version(), before + 1);
}

TEST(TensorTest, BadSizesAreErrors) {
  EXPECT_EQ(Tensor::Empty(DType::kF32, {-1}).status().id(), ErrorId::E701);
  EXPECT_EQ(Tensor::Empty(DType::kF32, {int64_t{1} << 40, int64_t{1} << 40}).status().id(),
            ErrorId::E802);
  EXPECT_EQ(Tensor::Empty(DType::kF64, {int64_t{1} << 61}).status().id(), ErrorId::E802);
  float data[2] = {};
  EXPECT_EQ(Tensor::Wrap(DType::kF32, {2}, {1, 1}, data).status().id(), ErrorId::E701);
  EXPECT_EQ(Tensor::Wrap(DType::kF32, {2}, {-1}, data).status().id(), ErrorId::E701);
  EXPECT_EQ(Tensor::Wrap(DType::kF32, {2}, {}, nullptr).status().id(), ErrorId::E701);
  char* odd = reinterpret_cast<char*>(data) + 1;
  EXPECT_EQ(Tensor::Wrap(DType::kF32, {1}, {}, odd).status().id(), ErrorId::E701);
}

TEST(TensorTest, SizesOfZeroDoNotExcuseTheOthers) {
  EXPECT_EQ(Tensor::Empty(DType::kF32, {0, int64_t{1} << 62, 8}).status().id(), ErrorId::E802);
  EXPECT_EQ(Tensor::Empty(DType::kF32, {int64_t{1} << 62, 8, 0}).status().id(), ErrorId::E802);
  float data[2] = {};
  EXPECT_EQ(Tensor::Wrap(DType::kF32, {2, 2}, {INT64_MAX, 1}, data).status().id(), ErrorId::E802);
}

TEST(TensorTest, EmptyTensorHasNoBytes) {
  StatusOr<Tensor> made = Tensor::Empty(DType::kF32, {0, 5});
  ASSERT_TRUE(made.ok());
  EXPECT_EQ((*made).NumElements(), 0);
  EXPECT_NE((*made).data(), nullptr);
}

}  // namespace
}  // namespace gcomp
