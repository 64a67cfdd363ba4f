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
#include <string_view>
#include <vector>

#include "base/cpu.h"
#include "base/status.h"
#include "ir/dtype.h"
#include "ir/module.h"
#include "ir/op_def.h"

namespace gcomp::ir {

// The concrete form of a value: dtype, sizes and strides in elements. Host values have one too:
// int is i64[], float f64[], flag bool[], rng u64[2], token u8[0].
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

// False for the spec of a value whose sizes are not known before the run.
inline bool IsKnown(const TensorSpec& spec) {
  return spec.sizes.empty() || spec.sizes[0] >= 0;
}

// Row-major strides in elements; sizes 1 and empty tensors count as in docs/spec/ir.md rule 10.
std::vector<int64_t> ContiguousStrides(std::span<const int64_t> sizes);

// E802 unless the product of the sizes, and the span of the strides, stay within 2^56 elements.
// Sizes of 0 count as 1 here, so that products of the other sizes (strides) never overflow.
Status CheckBytes(const TensorSpec& spec);

// The concrete form of `type` for these values of size symbols. Fails with E503 where a size is
// negative, unknown or overflows, E802 where the tensor would exceed 2^56 elements.
StatusOr<TensorSpec> BindType(const Type& type, std::span<const int64_t> symbols);

// Where a region's results go that no one knows the sizes of before it runs.
class RegionResults {
 public:
  virtual ~RegionResults() = default;

  // The value of the i-th symbol that the signature of the running callee defines.
  virtual Status Define(size_t i, int64_t value) = 0;

  // Memory for result i of the region, which has this row-major form.
  virtual StatusOr<void*> Place(size_t i, const TensorSpec& spec) = 0;
};

// What control flow needs at run time: regions and callees of the running op.
class RegionRunner {
 public:
  virtual ~RegionRunner() = default;

  // Runs region r of the op (for invoke: the callee is region 0) on `operands`, into `results`,
  // which hold the region's result specs. Operands must not overlap results. Not re-entrant for
  // the same region.
  virtual Status RunRegion(size_t r, std::span<void* const> operands,
                           std::span<void* const> results) = 0;

  // The same where results[i] is null for those whose sizes the region finds out: `out` gives them
  // memory then.
  virtual Status RunRegion(size_t r, std::span<void* const> operands,
                           std::span<void* const> results, RegionResults& out) = 0;

  // OK to go on, else the reason to stop (cancelled, deadline).
  virtual Status Poll() = 0;

  // Gives a line that the graph prints to the embedder's log, at level info.
  virtual void Print(std::string_view text) = 0;
};

// Where an op puts results whose sizes it finds out when it runs (`defines`).
class DynamicResults {
 public:
  virtual ~DynamicResults() = default;

  // The value of the i-th symbol that the op defines. Fails with E401 where it is out of its range.
  virtual Status Define(size_t i, int64_t value) = 0;

  // Row-major memory for result i, once all symbols in its type are defined.
  virtual StatusOr<void*> Allocate(size_t i) = 0;
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

  // Run() of an op that defines sizes of its results: those results have no memory before.
  virtual Status RunDynamic(const KernelArgs& args, DynamicResults& out) const;
};

// What `prepare` sees.
class KernelCtx {
 public:
  const Function& function;
  const Op& op;
  AttrReader attrs;
  std::span<const TensorSpec> operands;  // flat, as op.operands
  // Those whose sizes the op itself defines are not known yet: IsKnown(result) is false.
  std::span<const TensorSpec> results;
  // Data of operand i if it never changes over the life of the kernel (literals, constants, bound
  // weights), else null. Addresses stay valid as long as the kernel.
  std::span<const void* const> constants;
  std::span<const int64_t> symbols;  // those in late_symbols have no value here
  CpuLevel cpu;

  // Specs of the parameters and results of each region (or callee), for control flow.
  struct Region {
    std::vector<TensorSpec> params;
    std::vector<TensorSpec> results;  // not IsKnown where the region finds out
  };

  std::span<const Region> regions;
  // Bit i: operand i may share memory with operand 0, which the op writes, in another layout or
  // place, so that what is written first may be read later.
  uint64_t overlaps = 0;
  // Symbols in the op's expressions that only the run tells. Behind the op's own operands stands
  // one i64[] for each, in this order: its value.
  std::span<const SymId> late_symbols = {};

  // Operands of group g: indices into `operands`.
  size_t group_begin(size_t g) const { return op.group_begin[g]; }

  size_t group_size(size_t g) const {
    return static_cast<size_t>(op.group_begin[g + 1] - op.group_begin[g]);
  }
};

}  // namespace gcomp::ir
