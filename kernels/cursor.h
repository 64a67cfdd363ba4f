// Cursor: walks over a strided tensor in logical (row-major) order, piece by piece.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace gcomp::kernels {

// Collapsed dims are at most this many: more than any real tensor needs, and it bounds the stack.
inline constexpr size_t kMaxCursorRank = 16;

// Sizes and strides in bytes, with at most kMaxCursorRank dims; rank 0 is one element.
struct CursorSpace {
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;

  int64_t NumElements() const {
    int64_t n = 1;
    for (int64_t size : sizes) n *= size;
    return n;
  }
};

// Adds a dim inside the ones that the spaces have, merging it with the innermost one if the
// elements of every space lie so. Spaces have equal sizes; dims of size 1 are left out.
inline void AppendDim(int64_t size, std::initializer_list<std::pair<CursorSpace*, int64_t>> dims) {
  if (size == 1) return;
  bool merge = true;
  for (const auto& [space, stride] : dims) {
    merge = merge && !space->sizes.empty() && space->strides.back() == stride * size;
  }
  for (const auto& [space, stride] : dims) {
    if (merge) {
      space->sizes.back() *= size;
      space->strides.back() = stride;
    } else {
      space->sizes.push_back(size);
      space->strides.push_back(stride);
    }
  }
}

// A position in a space. The space outlives it. The walk must not pass the end of a space but may
// stand there; no size is 0.
class Cursor {
 public:
  Cursor() = default;

  Cursor(const CursorSpace& space, const void* data) { Start(space.sizes, space.strides, data); }

  void Start(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides,
             const void* data) {
    sizes_ = sizes.data();
    strides_ = strides.data();
    rank_ = sizes.size();
    data_ = static_cast<char*>(const_cast<void*>(data));
    for (size_t d = 0; d < rank_; ++d) index_[d] = 0;
  }

  char* data() const { return data_; }

  // Passes n elements; calls fn(pointer, count) for each piece of a row (innermost dim) among them.
  template <class Fn>
  void Walk(int64_t n, Fn fn) {
    if (rank_ == 0) {
      if (n > 0) fn(data_, n);
      return;
    }
    size_t inner = rank_ - 1;
    while (n > 0) {
      int64_t count = std::min(n, sizes_[inner] - index_[inner]);
      fn(data_, count);
      n -= count;
      index_[inner] += count;
      data_ += count * strides_[inner];
      for (size_t d = inner; index_[d] == sizes_[d] && d > 0; --d) {
        data_ += strides_[d - 1] - sizes_[d] * strides_[d];
        index_[d] = 0;
        ++index_[d - 1];
      }
    }
  }

  void Skip(int64_t n) {
    Walk(n, [](const char*, int64_t) {});
  }

 private:
  const int64_t* sizes_ = nullptr;
  const int64_t* strides_ = nullptr;
  size_t rank_ = 0;
  char* data_ = nullptr;
  std::array<int64_t, kMaxCursorRank> index_;  // the first rank_ are set
};

}  // namespace gcomp::kernels
