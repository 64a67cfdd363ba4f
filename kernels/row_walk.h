// RowWalk: visits several strided tensors of equal sizes together, a row (the last axis) at a time,
// in row-major order.
//
// Beside kernels/cursor.h it has no bound on the rank and tells where a row stands, which ops need
// that write positions (nonzero). The index of the row is kept in memory that the caller gives.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/cursor.h"

namespace gcomp::kernels {

template <size_t kTensors>
struct RowWalk {
  std::array<CursorSpace, kTensors> spaces;  // of equal sizes, strides in bytes

  size_t rank() const { return spaces[0].sizes.size(); }

  // The elements of a row; those of a tensor of rank 0 are one row.
  int64_t row_size() const { return rank() == 0 ? 1 : spaces[0].sizes.back(); }

  // Bytes between the elements of a row.
  int64_t stride(size_t tensor) const { return rank() == 0 ? 0 : spaces[tensor].strides.back(); }

  bool empty() const {
    for (int64_t size : spaces[0].sizes) {
      if (size == 0) return true;
    }
    return false;
  }

  // Calls visit(data) with the first element of each row in each tensor; ends when it returns
  // false. `index` has room for rank() numbers: those of the row, but the last, while it is
  // visited.
  template <class Visit>
  void ForEachRow(std::array<const char*, kTensors> data, int64_t* index, Visit visit) const {
    if (empty()) return;
    const size_t outer = rank() == 0 ? 0 : rank() - 1;
    for (size_t d = 0; d < outer; ++d) index[d] = 0;
    for (;;) {
      if (!visit(data)) return;
      size_t d = outer;
      while (d > 0) {
        --d;
        for (size_t t = 0; t < kTensors; ++t) data[t] += spaces[t].strides[d];
        if (++index[d] < spaces[0].sizes[d]) break;
        index[d] = 0;
        for (size_t t = 0; t < kTensors; ++t) {
          data[t] -= spaces[t].sizes[d] * spaces[t].strides[d];
        }
        if (d == 0) return;
      }
      if (outer == 0) return;
    }
  }
};

}  // namespace gcomp::kernels
