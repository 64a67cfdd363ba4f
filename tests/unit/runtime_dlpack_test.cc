// Tensors of other libraries without a copy.
#include <dlpack/dlpack.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "runtime/dlpack.h"

namespace gcomp {
namespace {

// A tensor as another library makes one; counts the calls of its deleter.
struct Foreign {
  std::vector<float> data = {0, 1, 2, 3, 4, 5};
  std::vector<int64_t> shape = {2, 3};
  std::vector<int64_t> strides = {3, 1};
  DLManagedTensor managed{};
  int deleted = 0;

  Foreign() {
    managed.dl_tensor.data = data.data();
    managed.dl_tensor.device = {kDLCPU, 0};
    managed.dl_tensor.ndim = 2;
    managed.dl_tensor.dtype = {kDLFloat, 32, 1};
    managed.dl_tensor.shape = shape.data();
    managed.dl_tensor.strides = strides.data();
    managed.manager_ctx = this;
    managed.deleter = [](DLManagedTensor* self) {
      ++static_cast<Foreign*>(self->manager_ctx)->deleted;
    };
  }
};

TEST(Dlpack, ImportSharesMemoryAndDeletesWithTheLastTensor) {
  Foreign foreign;
  {
    StatusOr<Tensor> tensor = FromDlpack(&foreign.managed);
    ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
    EXPECT_EQ(tensor->data(), foreign.data.data());
    EXPECT_EQ(tensor->TypeString(), "f32[2, 3]");
    Tensor second = *tensor;
    *tensor = Tensor();
    EXPECT_EQ(foreign.deleted, 0);
    second.Span<float>()[5] = 7;
    EXPECT_EQ(foreign.data[5], 7);
  }
  EXPECT_EQ(foreign.deleted, 1);
}

TEST(Dlpack, StridesAndByteOffset) {
  Foreign foreign;
  foreign.shape = {3, 2};
  foreign.strides = {1, 3};
  StatusOr<Tensor> transposed = FromDlpack(&foreign.managed);
  ASSERT_TRUE(transposed.ok());
  EXPECT_EQ(transposed->strides(), (std::vector<int64_t>{1, 3}));

  Foreign row;
  row.managed.dl_tensor.ndim = 1;
  row.shape = {3};
  row.managed.dl_tensor.strides = nullptr;
  row.managed.dl_tensor.byte_offset = 3 * sizeof(float);
  StatusOr<Tensor> tensor = FromDlpack(&row.managed);
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(tensor->Span<float>()[0], 3);
}

TEST(Dlpack, RefusesWhatItCannotHold) {
  auto expect_refused = [](auto change, const char* text) {
    Foreign foreign;
    change(foreign.managed.dl_tensor);
    StatusOr<Tensor> tensor = FromDlpack(&foreign.managed);
    ASSERT_FALSE(tensor.ok()) << text;
    EXPECT_EQ(tensor.status().id(), ErrorId::E702) << tensor.status().ToString();
    EXPECT_NE(tensor.status().message().find(text), std::string::npos)
        << tensor.status().ToString();
    EXPECT_EQ(foreign.deleted, 0) << "the caller still owns it";
  };
  expect_refused([](DLTensor& t) { t.device.device_type = kDLCUDA; }, "device");
  expect_refused([](DLTensor& t) { t.dtype.lanes = 4; }, "lanes");
  expect_refused([](DLTensor& t) { t.dtype = {kDLFloat, 8, 1}; }, "8 bits");
  expect_refused([](DLTensor& t) { t.strides[0] = -3; }, "stride");
  expect_refused([](DLTensor& t) { t.byte_offset = 1; }, "address");
  expect_refused([](DLTensor& t) { t.ndim = -1; }, "axes");
  expect_refused([](DLTensor& t) { t.shape[0] = -2; }, "DLPack");
  EXPECT_EQ(FromDlpack(nullptr).status().id(), ErrorId::E702);
}

TEST(Dlpack, ExportKeepsTheStorageAlive) {
  StatusOr<Tensor> tensor = Tensor::Empty(DType::kBF16, {2, 2});
  ASSERT_TRUE(tensor.ok());
  Storage* storage = tensor->storage();
  StatusOr<DLManagedTensor*> managed = ToDlpack(*tensor);
  ASSERT_TRUE(managed.ok());
  EXPECT_EQ(storage->user_count(), 2);
  const DLTensor& out = (*managed)->dl_tensor;
  EXPECT_EQ(out.data, tensor->data());
  EXPECT_EQ(out.dtype.code, kDLBfloat);
  EXPECT_EQ(out.dtype.bits, 16);
  EXPECT_EQ(out.strides[0], 2);
  *tensor = Tensor();
  EXPECT_EQ(storage->user_count(), 1);
  (*managed)->deleter(*managed);
  EXPECT_EQ(ToDlpack(Tensor()).status().id(), ErrorId::E702);
}

TEST(Dlpack, RoundTripOfEachDtype) {
  for (DType dtype :
       {DType::kBool, DType::kI8, DType::kI16, DType::kI32, DType::kI64, DType::kU8, DType::kU16,
        DType::kU32, DType::kU64, DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    StatusOr<Tensor> tensor = Tensor::Empty(dtype, {0, 3});
    ASSERT_TRUE(tensor.ok());
    StatusOr<DLManagedTensor*> managed = ToDlpack(*tensor);
    ASSERT_TRUE(managed.ok());
    StatusOr<Tensor> back = FromDlpack(*managed);
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(back->dtype(), dtype);
    EXPECT_EQ(back->sizes(), tensor->sizes());
  }
}

}  // namespace
}  // namespace gcomp
