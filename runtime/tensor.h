// Storage and Tensor: memory shared by reference count, and views of it.
//
// A Storage is one block of bytes. It counts two kinds of holders apart from the start: users
// (Tensors that an embedder holds) and the runtime (frames, recorded nodes): what replays from a
// pool must know whether a user still looks at a block. It also counts writes (version), so that
// who saved a tensor can see that it changed.
//
// A Tensor is a typed, strided view of a storage, and one user's hold on it.
//
// Ownership: reference counts; the last holder frees, by the storage's own deleter.
// Thread safety: counts and versions are atomic; the bytes are guarded by nobody.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/dtype.h"
#include "ir/kernel.h"

namespace gcomp {

using ir::DType;

class Storage {
 public:
  using Deleter = void (*)(void* data, void* arg) noexcept;

  // `size_bytes` bytes, 64-byte aligned, contents undefined; the caller holds one user count.
  // Fails with E801.
  static StatusOr<Storage*> Allocate(int64_t size_bytes);

  // Memory of the caller's. `deleter` (may be null) runs when the last holder goes. Null if there
  // is no memory for the counts; the deleter has not run then.
  static Storage* Wrap(void* data, int64_t size_bytes, Deleter deleter, void* arg);

  void* data() const { return data_; }

  int64_t size_bytes() const { return size_bytes_; }

  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // To be called by whoever writes to the bytes.
  void BumpVersion() { version_.fetch_add(1, std::memory_order_acq_rel); }

  void RetainUser();

  void ReleaseUser();

  void RetainRuntime();

  void ReleaseRuntime();

  int32_t user_count() const { return users_.load(std::memory_order_acquire); }

  int32_t runtime_count() const { return runtime_.load(std::memory_order_acquire); }

 private:
  Storage(void* data, int64_t size_bytes, Deleter deleter, void* arg)
      : data_(data), size_bytes_(size_bytes), deleter_(deleter), arg_(arg) {}

  ~Storage();
  void Drop();

  void* data_;
  int64_t size_bytes_;
  Deleter deleter_;
  void* arg_;
  std::atomic<int32_t> users_{1};
  std::atomic<int32_t> runtime_{0};
  std::atomic<int32_t> holders_{1};  // users and runtime together: who takes the last one frees
  std::atomic<uint64_t> version_{0};
};

class Tensor {
 public:
  Tensor() = default;  // no tensor

  // Row-major, contents undefined. Fails with E801 (memory) or E802 (size overflows).
  static StatusOr<Tensor> Empty(DType dtype, std::vector<int64_t> sizes);
  // A copy of row-major `data`.
  static StatusOr<Tensor> Copy(DType dtype, std::vector<int64_t> sizes, const void* data);
  // A view of the caller's memory, which must outlive every copy of the tensor, unless `deleter`
  // takes it over. Empty strides = row-major; strides count elements and are not negative. Fails
  // with E701 for a null or misaligned address (to the element's size, at most 8 bytes).
  static StatusOr<Tensor> Wrap(DType dtype, std::vector<int64_t> sizes,
                               std::vector<int64_t> strides, void* data,
                               Storage::Deleter deleter = nullptr, void* arg = nullptr);

  // Another view of the storage of `base`: element [0, ..., 0] at `data`. Fails with E701 where it
  // reaches outside the storage.
  static StatusOr<Tensor> ViewOf(const Tensor& base, ir::TensorSpec spec, void* data);

  Tensor(const Tensor& other);
  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(Tensor other) noexcept;
  ~Tensor();

  bool defined() const { return storage_ != nullptr; }

  DType dtype() const { return spec_.dtype; }

  const std::vector<int64_t>& sizes() const { return spec_.sizes; }

  const std::vector<int64_t>& strides() const { return spec_.strides; }

  int rank() const { return spec_.rank(); }

  const ir::TensorSpec& spec() const { return spec_; }

  int64_t NumElements() const { return spec_.NumElements(); }

  bool IsContiguous() const { return spec_.IsContiguous(); }

  // Address of element [0, ..., 0].
  void* data() const { return data_; }

  template <class T>
  std::span<T> Span() const {  // requires a contiguous tensor of T
    return {static_cast<T*>(data_), static_cast<size_t>(NumElements())};
  }

  Storage* storage() const { return storage_; }

  // "f32[2, 3]"
  std::string TypeString() const { return spec_.ToString(); }

 private:
  ir::TensorSpec spec_;
  Storage* storage_ = nullptr;
  void* data_ = nullptr;
};

}  // namespace gcomp
