#include "runtime/tensor.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/format.h"

namespace gcomp {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and the widest vector

void FreeAligned(void* data, void* /*arg*/) noexcept {
  std::free(data);
}

// The spec of a tensor, or E802 / E701 where its sizes make no sense.
StatusOr<ir::TensorSpec> MakeSpec(DType dtype, std::vector<int64_t> sizes,
                                  std::vector<int64_t> strides) {
  for (int64_t size : sizes) {
    if (size < 0) return Status(ErrorId::E701, Format("a tensor can't have the size {}", size));
  }
  ir::TensorSpec spec;
  spec.dtype = dtype;
  if (strides.empty()) {
    strides = ir::ContiguousStrides(sizes);
  } else if (strides.size() != sizes.size()) {
    return Status(ErrorId::E701, Format("a tensor of rank {} can't have {} strides", sizes.size(),
                                        strides.size()));
  }
  for (int64_t stride : strides) {
    if (stride < 0) return Status(ErrorId::E701, Format("a stride can't be negative: {}", stride));
  }
  spec.sizes = std::move(sizes);
  spec.strides = std::move(strides);
  GCOMP_RETURN_IF_ERROR(ir::CheckBytes(spec));
  return spec;
}

}  // namespace

StatusOr<Storage*> Storage::Allocate(int64_t size_bytes) {
  size_t rounded = (static_cast<size_t>(size_bytes) + kAlignment - 1) / kAlignment * kAlignment;
  void* data = std::aligned_alloc(kAlignment, rounded == 0 ? kAlignment : rounded);
  if (data == nullptr) {
    return Status(ErrorId::E801, Format("{} bytes of memory can't be had", size_bytes));
  }
  Storage* storage = Wrap(data, size_bytes, FreeAligned, nullptr);
  if (storage == nullptr) {
    std::free(data);
    return Status::OutOfMemory();
  }
  return storage;
}

Storage* Storage::Wrap(void* data, int64_t size_bytes, Deleter deleter, void* arg) {
  return new (std::nothrow) Storage(data, size_bytes, deleter, arg);
}

Storage::~Storage() {
  if (deleter_ != nullptr) deleter_(data_, arg_);
}

void Storage::RetainUser() {
  users_.fetch_add(1, std::memory_order_relaxed);
  holders_.fetch_add(1, std::memory_order_relaxed);
}

void Storage::RetainRuntime() {
  runtime_.fetch_add(1, std::memory_order_relaxed);
  holders_.fetch_add(1, std::memory_order_relaxed);
}

void Storage::ReleaseUser() {
  users_.fetch_sub(1, std::memory_order_release);
  Drop();
}

void Storage::ReleaseRuntime() {
  runtime_.fetch_sub(1, std::memory_order_release);
  Drop();
}

void Storage::Drop() {
  if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

StatusOr<Tensor> Tensor::Empty(DType dtype, std::vector<int64_t> sizes) {
  GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec, MakeSpec(dtype, std::move(sizes), {}));
  GCOMP_ASSIGN_OR_RETURN(Storage * storage,
                         Storage::Allocate(spec.NumElements() * ir::BytesOf(dtype)));
  Tensor tensor;
  tensor.spec_ = std::move(spec);
  tensor.storage_ = storage;
  tensor.data_ = storage->data();
  return tensor;
}

StatusOr<Tensor> Tensor::Copy(DType dtype, std::vector<int64_t> sizes, const void* data) {
  GCOMP_ASSIGN_OR_RETURN(Tensor tensor, Empty(dtype, std::move(sizes)));
  size_t bytes = static_cast<size_t>(tensor.NumElements() * ir::BytesOf(dtype));
  if (bytes > 0) std::memcpy(tensor.data(), data, bytes);
  return tensor;
}

StatusOr<Tensor> Tensor::Wrap(DType dtype, std::vector<int64_t> sizes, std::vector<int64_t> strides,
                              void* data, Storage::Deleter deleter, void* arg) {
  auto element_bytes = static_cast<uintptr_t>(ir::BytesOf(dtype));
  uintptr_t alignment = element_bytes > 8 ? 8 : element_bytes;
  if (reinterpret_cast<uintptr_t>(data) % alignment != 0) {
    return Status(ErrorId::E701, Format("the address of a tensor of {} must be a multiple of {}",
                                        ir::NameOf(dtype), alignment));
  }
  GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec,
                         MakeSpec(dtype, std::move(sizes), std::move(strides)));
  if (data == nullptr && spec.NumElements() > 0) {
    return Status(ErrorId::E701, "a tensor with elements can't lie at the null address");
  }
  Tensor tensor;
  tensor.storage_ = Storage::Wrap(data, spec.SpanBytes(), deleter, arg);
  if (tensor.storage_ == nullptr) return Status::OutOfMemory();
  tensor.spec_ = std::move(spec);
  tensor.data_ = data;
  return tensor;
}

StatusOr<Tensor> Tensor::ViewOf(const Tensor& base, ir::TensorSpec spec, void* data) {
  const auto begin = reinterpret_cast<uintptr_t>(base.storage()->data());
  const auto at = reinterpret_cast<uintptr_t>(data);
  const auto bytes = static_cast<uintptr_t>(spec.SpanBytes());
  const auto storage_bytes = static_cast<uintptr_t>(base.storage()->size_bytes());
  if (bytes > 0 &&
      (at < begin || at - begin > storage_bytes || bytes > storage_bytes - (at - begin))) {
    return Status(ErrorId::E701, Format("a view {} reaches outside its storage", spec.ToString()));
  }
  Tensor view = base;
  view.spec_ = std::move(spec);
  view.data_ = data;
  return view;
}

Tensor::Tensor(const Tensor& other)
    : spec_(other.spec_), storage_(other.storage_), data_(other.data_) {
  if (storage_ != nullptr) storage_->RetainUser();
}

Tensor::Tensor(Tensor&& other) noexcept
    : spec_(std::move(other.spec_)),
      storage_(std::exchange(other.storage_, nullptr)),
      data_(std::exchange(other.data_, nullptr)) {}

Tensor& Tensor::operator=(Tensor other) noexcept {
  std::swap(spec_, other.spec_);
  std::swap(storage_, other.storage_);
  std::swap(data_, other.data_);
  return *this;
}

Tensor::~Tensor() {
  if (storage_ != nullptr) storage_->ReleaseUser();
}

}  // namespace gcomp
