#include "runtime/dlpack.h"

#include <dlpack/dlpack.h>

#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/guarded.h"

namespace gcomp {
namespace {

// kDLBool of DLPack 0.8; older headers do not name it.
constexpr uint8_t kBoolCode = 6;

struct DtypeRow {
  DType dtype;
  uint8_t code;
  uint8_t bits;
};

constexpr DtypeRow kDtypes[] = {
    {DType::kBool, kBoolCode, 8}, {DType::kI8, kDLInt, 8},       {DType::kI16, kDLInt, 16},
    {DType::kI32, kDLInt, 32},    {DType::kI64, kDLInt, 64},     {DType::kU8, kDLUInt, 8},
    {DType::kU16, kDLUInt, 16},   {DType::kU32, kDLUInt, 32},    {DType::kU64, kDLUInt, 64},
    {DType::kF16, kDLFloat, 16},  {DType::kBF16, kDLBfloat, 16}, {DType::kF32, kDLFloat, 32},
    {DType::kF64, kDLFloat, 64},  {DType::kC64, kDLComplex, 64}, {DType::kC128, kDLComplex, 128},
};

std::optional<DType> DtypeOf(const DLDataType& type) {
  for (const DtypeRow& row : kDtypes) {
    if (row.code == type.code && row.bits == type.bits && type.lanes == 1) return row.dtype;
  }
  return std::nullopt;
}

void DeleteManaged(void* /*data*/, void* arg) noexcept {
  auto* managed = static_cast<DLManagedTensor*>(arg);
  if (managed->deleter != nullptr) managed->deleter(managed);
}

// What an exported tensor owns.
struct Exported {
  DLManagedTensor managed;
  Tensor tensor;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
};

void DeleteExported(DLManagedTensor* managed) {
  delete static_cast<Exported*>(managed->manager_ctx);
}

StatusOr<Tensor> Import(DLManagedTensor* managed) {
  if (managed == nullptr) return Status(ErrorId::E702, "DLPack: no tensor was given");
  const DLTensor& tensor = managed->dl_tensor;
  const DLDeviceType device = tensor.device.device_type;
  if (device != kDLCPU && device != kDLCUDAHost) {
    return Status(ErrorId::E702,
                  Format("DLPack: the tensor lies on a device of type {}, not in the "
                         "memory of the CPU",
                         static_cast<int>(device)));
  }
  std::optional<DType> dtype = DtypeOf(tensor.dtype);
  if (!dtype.has_value()) {
    return Status(ErrorId::E702, Format("DLPack: no dtype has code {}, {} bits and {} lanes",
                                        tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes));
  }
  if (tensor.ndim < 0 || (tensor.ndim > 0 && tensor.shape == nullptr)) {
    return Status(ErrorId::E702, Format("DLPack: {} axes without sizes", tensor.ndim));
  }
  const auto rank = static_cast<size_t>(tensor.ndim);
  std::vector<int64_t> sizes(tensor.shape, tensor.shape + rank);
  std::vector<int64_t> strides;
  if (tensor.strides != nullptr) strides.assign(tensor.strides, tensor.strides + rank);
  for (int64_t stride : strides) {
    if (stride < 0) return Status(ErrorId::E702, Format("DLPack: a stride is {}", stride));
  }
  char* data = static_cast<char*>(tensor.data);
  if (data != nullptr) data += tensor.byte_offset;
  StatusOr<Tensor> made =
      Tensor::Wrap(*dtype, std::move(sizes), std::move(strides), data, DeleteManaged, managed);
  if (made.ok() || made.status().id() == ErrorId::E801) return made;
  return Status(ErrorId::E702, Format("DLPack: {}", made.status().message()));
}

}  // namespace

StatusOr<Tensor> FromDlpack(DLManagedTensor* tensor) {
  return Guarded([&] { return Import(tensor); });
}

StatusOr<DLManagedTensor*> ToDlpack(const Tensor& tensor) {
  return Guarded([&]() -> StatusOr<DLManagedTensor*> {
    if (!tensor.defined()) return Status(ErrorId::E702, "DLPack: there is no tensor to export");
    const DtypeRow* row = nullptr;
    for (const DtypeRow& candidate : kDtypes) {
      if (candidate.dtype == tensor.dtype()) row = &candidate;
    }
    if (row == nullptr) {
      return Status(ErrorId::E702, Format("DLPack: {} has no code", ir::NameOf(tensor.dtype())));
    }
    auto exported = std::make_unique<Exported>();
    exported->tensor = tensor;
    exported->sizes = tensor.sizes();
    exported->strides = tensor.strides();
    DLTensor& out = exported->managed.dl_tensor;
    out.data = tensor.data();
    out.device = {kDLCPU, 0};
    out.ndim = tensor.rank();
    out.dtype = {row->code, row->bits, 1};
    out.shape = exported->sizes.data();
    out.strides = exported->strides.data();
    out.byte_offset = 0;
    exported->managed.manager_ctx = exported.get();
    exported->managed.deleter = DeleteExported;
    return &exported.release()->managed;
  });
}

}  // namespace gcomp
