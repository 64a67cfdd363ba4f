// StridedCopy: moves the elements of one strided tensor into another of the same sizes.
//
// What every op that only moves data comes down to: reshape, concat, contiguous, packing the
// operand of a library call. The plan is made once for given sizes and strides: dims of size 1 are
// dropped and neighboring dims that lie evenly in both tensors become one, so that a row-major copy
// is one memcpy. Running follows the plan, allocates nothing, and copies bits: no arithmetic.
//
// Cost: one pass over the elements; the innermost loop is the dim along which the target is
// densest. Where the source is dense along another dim, the two are transposed in blocks of whole
// cache lines, through registers. Thread safety: immutable after Make.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/dtype.h"
#include "kernels/pacer.h"

namespace gcomp::kernels {

class StridedCopy {
 public:
  StridedCopy() = default;

  // `sizes`, and strides of source and target in elements of `element_bytes` (1, 2, 4, 8 or 16).
  // A source stride may be 0 (a broadcast dim) or negative (a flipped one).
  static StridedCopy Make(std::span<const int64_t> sizes, std::span<const int64_t> source_strides,
                          std::span<const int64_t> target_strides, int64_t element_bytes);

  // Copies; the pointers are those of element [0, ..., 0]. Source and target must not overlap.
  void Run(const void* source, void* target) const;

  // The same, until the pacer stops it.
  Status Run(const void* source, void* target, Pacer& pacer) const;

  // The same for a source of f16 or bf16 (`dtype`) and a target of f32: widening is exact.
  // Requires element_bytes == 2.
  Status RunWidening(ir::DType dtype, const void* source, float* target, Pacer& pacer) const;

 private:
  struct Dim {
    int64_t size;
    int64_t source;
    int64_t target;
  };

  // Calls leaf(source, target) with the offsets of each index of all but the last `leaf_dims` dims,
  // until one is false.
  template <class Leaf>
  bool Walk(size_t dim, size_t leaf_dims, int64_t source, int64_t target, const Leaf& leaf) const;

  template <class T>
  bool RunAs(const T* from, T* to, Pacer& pacer) const;

  std::vector<Dim> dims_;  // outermost first; at least one unless empty_
  bool turns_ = false;     // the last dim is dense in the target, the one before in the source
  int64_t element_bytes_ = 0;
  bool empty_ = true;
};

// Rounds `count` floats to f16 or bf16 (`dtype`), to nearest even, until the pacer stops it.
Status NarrowFloats(ir::DType dtype, const float* source, void* target, int64_t count,
                    Pacer& pacer);

}  // namespace gcomp::kernels
