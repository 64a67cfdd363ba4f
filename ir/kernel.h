// Kernel: an op bound to concrete shapes, ready to run on pointers.
//
// Preparing does all that depends on shapes, strides and attributes alone (decoding attributes,
// choosing a loop, creating a library's primitive, packing constant operands); running takes
// pointers. Kernels are immutable and shared by all frames; what a run must change between calls
// and can't put into scratch (handles of a library) is a KernelState, one per frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/status.h"
#include "ir/dtype.h"
#include "ir/module.h"
#include "ir/op_def.h"

namespace gcomp::ir {

// The concrete form of a value: dtype, sizes and strides in elements. Host values have one too:
// int is i64[], float f64[], flag bool[], rng u64[2].
struct TensorSpec {
  DType dtype = DType::kF32;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
  int64_t offset = 0;  // in elements, from the start of the storage; slots already include it

  int rank() const { return static_cast<int>(sizes.size()); }

  int64_t NumElements() const;

  bool IsContiguous() const;

  // True if both have the same dtype and sizes, and every element lies at the same offset: strides
  // of dims of size 1, and of empty tensors, do not count.
  bool SameLayout(const TensorSpec& other) const;

  // Bytes from the first element to the end of the last one; 0 if there are none.
  int64_t SpanBytes() const;

  // "f32[2, 3]", without strides.
  std::string ToString() const;
};

// Row-major strides in elements; sizes 1 and empty tensors count as in docs/spec/ir.md rule 10.
std::vector<int64_t> ContiguousStrides(std::span<const int64_t> sizes);

// E802 unless the product of the sizes, and the span of the strides, stay within 2^56 elements. Sizes
// of 0 count as 1 here, so that products of the other sizes (strides) never overflow.
Status CheckBytes(const TensorSpec& spec);

// The concrete form of `type` for these values of size symbols. Fails with E503 where a size is
// negative, unknown or overflows, E802 where the tensor would exceed 2^56 elements.
StatusOr<TensorSpec> BindType(const Type& type, std::span<const int64_t> symbols);

// What control flow needs at run time: regions and callees of the running op.
class RegionRunner {
 public:
  virtual ~RegionRunner() = default;

  // Runs region r of the op (for invoke: the callee is region 0) on `operands`, into `results`,
  // which hold the region's result specs. Operands must not overlap results. Not re-entrant for
  // the same region.
  virtual Status RunRegion(size_t r, std::span<void* const> operands,
                           std::span<void* const> results) = 0;

  // OK to go on, else the reason to stop (cancelled, deadline).
  virtual Status Poll() = 0;
};

// What a kernel changes while it runs and keeps between runs; one per frame.
class KernelState {
 public:
  virtual ~KernelState() = default;
};

// The pointers of one run. Slots hold the address of element [0, ..., 0] of each value.
struct KernelArgs {
  void* const* slots;
  const uint32_t* operand_slots;
  const uint32_t* result_slots;
  void* scratch;          // Kernel::scratch_bytes(), 64-byte aligned, contents undefined
  KernelState* state;     // from Kernel::NewState; null if that gave none
  RegionRunner* regions;  // never null

  template <class T = void>
  const T* operand(size_t i) const {
    return static_cast<const T*>(slots[operand_slots[i]]);
  }

  template <class T = void>
  T* result(size_t i) const {
    return static_cast<T*>(slots[result_slots[i]]);
  }
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  virtual size_t scratch_bytes() const { return 0; }

  // Null = the kernel keeps nothing.
  virtual StatusOr<std::unique_ptr<KernelState>> NewState() const {
    return std::unique_ptr<KernelState>();
  }

  // Reads operands, writes results; allocates nothing (what a library allocates is its own). The
  // floating-point environment is set by the caller. Thread-compatible: distinct states may run at
  // the same time.
  virtual Status Run(const KernelArgs& args) const = 0;
};

// What `prepare` sees.
class KernelCtx {
 public:
  const Function& function;
  const Op& op;
  AttrReader attrs;
  std::span<const TensorSpec> operands;  // flat, as op.operands
  std::span<const TensorSpec> results;
  // Data of operand i if it never changes over the life of the kernel (literals, constants, bound
  // weights), else null. Addresses stay valid as long as the kernel.
  std::span<const void* const> constants;
  std::span<const int64_t> symbols;
  CpuLevel cpu;

  // Specs of the parameters and results of each region (or callee), for control flow.
  struct Region {
    std::vector<TensorSpec> params;
    std::vector<TensorSpec> results;
  };

  std::span<const Region> regions;

  // Operands of group g: indices into `operands`.
  size_t group_begin(size_t g) const { return op.group_begin[g]; }

  size_t group_size(size_t g) const {
    return static_cast<size_t>(op.group_begin[g + 1] - op.group_begin[g]);
  }
};

}  // namespace gcomp::ir
