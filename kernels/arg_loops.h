// The loops of argmax and argmin over dense values, and the order in which they look for the first:
// by chunks of a row, and by blocks of rows of neighboring points.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "ir/scalar.h"
#include "kernels/cpu_target.h"
#include "kernels/reduce_loops.h"

namespace gcomp::kernels {

// True if a comes before b: NaN is the greatest value, zeros of either sign are equal.
struct Greater {
  template <class S>
  GCOMP_INLINE ir::BoolOf<S> operator()(S a, S b) const {
    if constexpr (std::is_floating_point_v<ir::NativeOf<S>>) {
      return ir::Or(ir::Lt(b, a), ir::And(ir::Ne(a, a), ir::Eq(b, b)));
    } else {
      return ir::Lt(b, a);
    }
  }
};

struct Less {
  template <class S>
  GCOMP_INLINE ir::BoolOf<S> operator()(S a, S b) const {
    return Greater{}(b, a);
  }
};

// The one of two values that comes first, the left one of equals: as a reduction.
template <class Before>
struct FirstFn {
  static constexpr bool kAllowsEmpty = false;

  template <class S>
  GCOMP_INLINE S operator()(S a, S b) const {
    return ir::Select(Before{}(b, a), b, a);
  }

  // What comes after all others.
  template <class T>
  static constexpr T Identity() {
    if constexpr (std::is_same_v<Before, Greater>) return MaxFn::Identity<T>();
    if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::quiet_NaN();
    return std::numeric_limits<T>::max();
  }

  template <class T>
  static constexpr T Empty() {
    return Identity<T>();
  }
};

// Positions inside a chunk or block, as wide as the elements so that loops keep one width.
template <class T>
using PositionOf = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

inline constexpr int64_t kFindStep = 128;

// The first i < n with is(i); one is. By groups: first the group, then the place in it.
template <class T, class Is>
GCOMP_INLINE int64_t FindFirst(int64_t n, const Is& is) {
  using Position = PositionOf<T>;
  int64_t i = 0;
  for (; i + kFindStep <= n; i += kFindStep) {
    Position found = 0;
    for (int64_t j = 0; j < kFindStep; ++j) found |= is(i + j) ? Position{1} : Position{0};
    if (found != 0) break;
  }
  Position first = kFindStep;
  int64_t count = n - i < kFindStep ? n - i : kFindStep;
  for (int64_t j = 0; j < count; ++j) {
    Position here = is(i + j) ? static_cast<Position>(j) : Position{kFindStep};
    first = here < first ? here : first;
  }
  return i + static_cast<int64_t>(first);
}

// The extreme of n dense values and where it is, if it comes before *best (or `first`).
template <class Before, class T>
GCOMP_INLINE void ChunkBody(const void* values, int64_t n, int64_t base, bool first, void* best,
                            int64_t* where) {
  const T* x = static_cast<const T*>(values);
  T* b = static_cast<T*>(best);
  if constexpr (std::is_floating_point_v<T>) {
    auto [extreme, sum] = ExtremeOfNumbers<std::is_same_v<Before, Greater>>(x, n);
    // No NaN is among them: one is among the terms of a sum that is NaN, or inf and -inf.
    if (sum == sum) {
      if (!first && !Before{}(extreme, *b)) return;
      *b = extreme;
      *where = base + FindFirst<T>(
                          n, [ x, extreme ](int64_t i)
                                 __attribute__((always_inline)) { return x[i] == extreme; });
      return;
    }
  }
  T extreme = ReduceChunk<FirstFn<Before>, T>(
      n, [x](int64_t i) __attribute__((always_inline)) { return x[i]; });
  if (!first && !Before{}(extreme, *b)) return;
  *b = extreme;
  *where = base + FindFirst<T>(
                      n, [ x, extreme ](int64_t i)
                             __attribute__((always_inline)) { return !Before{}(extreme, x[i]); });
}

// Row k of a block: best[i] and position[i] of n neighboring points.
template <class Before, class T>
GCOMP_INLINE void FoldBody(const void* values, int64_t n, int64_t k, void* best, void* position) {
  const T* x = static_cast<const T*>(values);
  T* b = static_cast<T*>(best);
  auto* p = static_cast<PositionOf<T>*>(position);
  auto here = static_cast<PositionOf<T>>(k);
  if (k == 0) {
    for (int64_t i = 0; i < n; ++i) b[i] = x[i];
    for (int64_t i = 0; i < n; ++i) p[i] = 0;
    return;
  }
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    bool before = Before{}(x[i], b[i]);
    b[i] = before ? x[i] : b[i];
    p[i] = before ? here : p[i];
  }
}

// A finished block into the best of all.
template <class Before, class T>
void Merge(const void* block_best, const void* position, int64_t n, int64_t base, void* best,
           int64_t* where) {
  const T* from = static_cast<const T*>(block_best);
  const auto* p = static_cast<const PositionOf<T>*>(position);
  T* b = static_cast<T*>(best);
  for (int64_t i = 0; i < n; ++i) {
    if (base > 0 && !Before{}(from[i], b[i])) continue;
    b[i] = from[i];
    where[i] = base + static_cast<int64_t>(p[i]);
  }
}

struct ArgLoops {
  void (*chunk)(const void* values, int64_t n, int64_t base, bool first, void* best,
                int64_t* where);
  void (*fold)(const void* values, int64_t n, int64_t k, void* best, void* position);
  void (*merge)(const void* block_best, const void* position, int64_t n, int64_t base, void* best,
                int64_t* where);
};

template <class Before, class T>
GCOMP_TARGET_V3 void ChunkV3(const void* values, int64_t n, int64_t base, bool first, void* best,
                             int64_t* where) {
  ChunkBody<Before, T>(values, n, base, first, best, where);
}

template <class Before, class T>
GCOMP_TARGET_V4 void ChunkV4(const void* values, int64_t n, int64_t base, bool first, void* best,
                             int64_t* where) {
  ChunkBody<Before, T>(values, n, base, first, best, where);
}

template <class Before, class T>
GCOMP_TARGET_V3 void FoldV3(const void* values, int64_t n, int64_t k, void* best, void* position) {
  FoldBody<Before, T>(values, n, k, best, position);
}

template <class Before, class T>
GCOMP_TARGET_V4 void FoldV4(const void* values, int64_t n, int64_t k, void* best, void* position) {
  FoldBody<Before, T>(values, n, k, best, position);
}

template <class Before, class T>
ArgLoops ArgLoopsOf(CpuLevel cpu) {
  bool v4 = cpu == CpuLevel::kV4;
  return {.chunk = v4 ? &ChunkV4<Before, T> : &ChunkV3<Before, T>,
          .fold = v4 ? &FoldV4<Before, T> : &FoldV3<Before, T>,
          .merge = &Merge<Before, T>};
}

}  // namespace gcomp::kernels
