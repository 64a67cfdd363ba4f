// What reductions combine, and their loops over dense values in the fixed order of docs/numerics.md
// ("The order of a reduction").
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ir/scalar.h"
#include "kernels/cpu_target.h"

namespace gcomp::kernels {

inline constexpr int64_t kReduceChunk = 4096;
inline constexpr int64_t kReduceLanes = 128;
inline constexpr int64_t kReduceBlock = 64;

// What a reduction combines. Identity<T>: combining with it changes no bits of the other side.
// Empty<T>: the value of a reduction of no elements.
struct SumFn {
  static constexpr bool kAllowsEmpty = true;

  template <class S>
  GCOMP_INLINE S operator()(S a, S b) const {
    return ir::Add(a, b);
  }

  // -0.0 and not 0.0: (0.0) + (-0.0) is 0.0.
  template <class T>
  static constexpr T Identity() {
    return std::is_floating_point_v<T> ? static_cast<T>(-0.0) : T{0};
  }

  template <class T>
  static constexpr T Empty() {
    return T{0};
  }
};

// The mean is the sum, divided once: the mean of no elements is 0 / 0.
struct MeanFn : SumFn {
  template <class T>
  static constexpr T Empty() {
    return std::numeric_limits<T>::quiet_NaN();
  }
};

struct ProdFn {
  static constexpr bool kAllowsEmpty = true;

  template <class S>
  GCOMP_INLINE S operator()(S a, S b) const {
    return ir::Mul(a, b);
  }

  template <class T>
  static constexpr T Identity() {
    return T{1};
  }

  template <class T>
  static constexpr T Empty() {
    return T{1};
  }
};

// any and all of truth values, which are 0 and 1 where they stand in integers.
struct AnyFn {
  static constexpr bool kAllowsEmpty = true;

  template <class S>
  GCOMP_INLINE S operator()(S a, S b) const {
    return ir::Or(a, b);
  }

  template <class T>
  static constexpr T Identity() {
    return T{0};
  }

  template <class T>
  static constexpr T Empty() {
    return T{0};
  }
};

struct AllFn {
  static constexpr bool kAllowsEmpty = true;

  template <class S>
  GCOMP_INLINE S operator()(S a, S b) const {
    return ir::And(a, b);
  }

  template <class T>
  static constexpr T Identity() {
    return T{1};
  }

  template <class T>
  static constexpr T Empty() {
    return T{1};
  }
};

struct MaxFn {
  static constexpr bool kAllowsEmpty = false;
  static constexpr bool kGreatest = true;

  template <class S>
  GCOMP_INLINE S operator()(S a, S b) const {
    return ir::Max(a, b);
  }

  template <class T>
  static constexpr T Identity() {
    if constexpr (std::is_floating_point_v<T>) return -std::numeric_limits<T>::infinity();
    return std::numeric_limits<T>::lowest();
  }

  template <class T>
  static constexpr T Empty() {
    return Identity<T>();
  }
};

struct MinFn {
  static constexpr bool kAllowsEmpty = false;
  static constexpr bool kGreatest = false;

  template <class S>
  GCOMP_INLINE S operator()(S a, S b) const {
    return ir::Min(a, b);
  }

  template <class T>
  static constexpr T Identity() {
    if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::infinity();
    return std::numeric_limits<T>::max();
  }

  template <class T>
  static constexpr T Empty() {
    return Identity<T>();
  }
};

// ---- Loops over dense values in compute types
// ---------------------------------------------------

// The number of partial values that form 1 keeps for n elements.
inline int64_t NumChunks(int64_t n) {
  return (n + kReduceChunk - 1) / kReduceChunk;
}

// into[i] = f(into[i], from[i]).
template <class F, class T>
GCOMP_INLINE void CombineRows(T* into, const T* from, int64_t n) {
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) into[i] = F{}(into[i], from[i]);
}

// The levels of the tree over n values, from the leaves: in each, level(half, pairs) combines value
// i with value i + half, for i < pairs.
template <class Level>
GCOMP_INLINE void ForTreeLevels(int64_t n, const Level& level) {
  for (auto half = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(n)) / 2); half > 0;
       half /= 2) {
    if (n <= half) continue;
    level(half, n - half);
    n = half;
  }
}

// values[0 .. width) = the tree over n rows of `width` values.
template <class F, class T>
GCOMP_INLINE void CombineTreeOfRows(T* values, int64_t n, int64_t width) {
  ForTreeLevels(
      n, [&](int64_t half, int64_t pairs) __attribute__((always_inline)) {
        CombineRows<F>(values, values + half * width, pairs * width);
      });
}

// values[0] = the tree over values[0 .. n).
template <class F, class T>
GCOMP_INLINE void CombineTree(T* values, int64_t n) {
  CombineTreeOfRows<F>(values, n, 1);
}

// The tree over the lanes of a chunk of n elements, into lanes[0]. The right sides of the levels
// that are left out are the identity.
template <class F, class T, int64_t kHalf = kReduceLanes / 2>
GCOMP_INLINE T CombineLanes(T* lanes, int64_t n) {
  if (n > kHalf) {
    for (int64_t j = 0; j < kHalf; ++j) lanes[j] = F{}(lanes[j], lanes[j + kHalf]);
  }
  if constexpr (kHalf > 1) CombineLanes<F, T, kHalf / 2>(lanes, n);
  return lanes[0];
}

// What a reduction does beside each group of 128 elements: nothing.
struct NothingBeside {
  GCOMP_INLINE void operator()(int64_t /*k*/) const {}
};

// Form 1 within a chunk: the combination of at(0), ..., at(n - 1), 1 <= n <= 4096; `at` is called
// once for each and may store to element i what belongs to i. beside(k) is called before at(k),
// ..., at(k + 127), of whole groups alone.
template <class F, class T, class At, class Beside = NothingBeside>
GCOMP_INLINE T ReduceChunk(int64_t n, const At& at, const Beside& beside = {}) {
  alignas(64) T lanes[kReduceLanes];
  for (int64_t j = 0; j < kReduceLanes; ++j) lanes[j] = F::template Identity<T>();
  int64_t k = 0;
  for (; k + kReduceLanes <= n; k += kReduceLanes) {
    beside(k);
    GCOMP_INDEPENDENT
    for (int64_t j = 0; j < kReduceLanes; ++j) lanes[j] = F{}(lanes[j], at(k + j));
  }
  GCOMP_INDEPENDENT
  for (int64_t j = 0; j < n - k; ++j) lanes[j] = F{}(lanes[j], at(k + j));
  return CombineLanes<F>(lanes, n);
}

// ---- Greatest and least numbers
// -------------------------------------------------------------------

// The greater (lesser) of two numbers by one instruction, the left one of what is neither: not NaN,
// and of zeros of both signs either. ir::Max costs four times as much.
template <bool kGreatest>
struct ExtremeOfNumbersFn {
  template <class T>
  GCOMP_INLINE T operator()(T a, T b) const {
    return kGreatest ? (b > a ? b : a) : (b < a ? b : a);
  }
};

// True for the reductions whose values ExtremeOfNumbersFn gives where there is no NaN and no zero.
template <class F, class T>
inline constexpr bool kIsExtreme = std::is_floating_point_v<T>&& requires {
  F::kGreatest;
};

// The extreme of n numbers, and their sum: it is NaN if one of them is (or of inf and -inf).
template <class T>
struct ExtremeAndSum {
  T extreme;
  T sum;
};

template <bool kGreatest, class T>
GCOMP_INLINE ExtremeAndSum<T> ExtremeOfNumbers(const T* x, int64_t n) {
  using Extreme = ExtremeOfNumbersFn<kGreatest>;
  alignas(64) T extremes[kReduceLanes];
  alignas(64) T sums[kReduceLanes];
  for (int64_t j = 0; j < kReduceLanes; ++j) extremes[j] = x[0];
  for (int64_t j = 0; j < kReduceLanes; ++j) sums[j] = 0;
  auto step = [&](const T* from, int64_t count) __attribute__((always_inline)) {
    GCOMP_INDEPENDENT
    for (int64_t j = 0; j < count; ++j) {
      extremes[j] = Extreme{}(extremes[j], from[j]);
      sums[j] += from[j];
    }
  };
  int64_t k = 0;
  for (; k + kReduceLanes <= n; k += kReduceLanes) step(x + k, kReduceLanes);
  step(x + k, n - k);
  return {CombineLanes<Extreme>(extremes, kReduceLanes), CombineLanes<SumFn>(sums, kReduceLanes)};
}

// The greatest and the least of numbers, NaNs left out; of zeros of both signs either.
template <class T>
struct NumberRange {
  T greatest = -std::numeric_limits<T>::infinity();
  T least = std::numeric_limits<T>::infinity();
};

// `range` and n more numbers.
template <class T>
GCOMP_INLINE NumberRange<T> ExtendRange(const NumberRange<T>& range, const T* x, int64_t n) {
  using Greatest = ExtremeOfNumbersFn<true>;
  using Least = ExtremeOfNumbersFn<false>;
  alignas(64) T greatest[kReduceLanes];
  alignas(64) T least[kReduceLanes];
  for (int64_t j = 0; j < kReduceLanes; ++j) greatest[j] = range.greatest;
  for (int64_t j = 0; j < kReduceLanes; ++j) least[j] = range.least;
  auto step = [&](const T* from, int64_t count) __attribute__((always_inline)) {
    GCOMP_INDEPENDENT
    for (int64_t j = 0; j < count; ++j) {
      greatest[j] = Greatest{}(greatest[j], from[j]);
      least[j] = Least{}(least[j], from[j]);
    }
  };
  int64_t k = 0;
  for (; k + kReduceLanes <= n; k += kReduceLanes) step(x + k, kReduceLanes);
  step(x + k, n - k);
  return {CombineLanes<Greatest>(greatest, kReduceLanes), CombineLanes<Least>(least, kReduceLanes)};
}

// into[i] = f(f(f(f(into[i], a[i]), b[i]), c[i]), d[i]).
template <class F, class P, class T, class At>
GCOMP_INLINE void FoldFour(P* into, const T* const* rows, int64_t n, const At& at) {
  const T *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    into[i] = F{}(F{}(F{}(F{}(into[i], at(a[i])), at(b[i])), at(c[i])), at(d[i]));
  }
}

// The same of extremes: by numbers where that gives the same bits.
template <class F, class T>
GCOMP_INLINE void FoldFourExtremes(T* into, const T* const* rows, int64_t n) {
  using Extreme = ExtremeOfNumbersFn<F::kGreatest>;
  using Flag = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  constexpr int64_t kPiece = 128;
  for (int64_t from = 0; from < n; from += kPiece) {
    const T* row[4] = {rows[0] + from, rows[1] + from, rows[2] + from, rows[3] + from};
    T* to = into + from;
    Flag differs = 1;
    if (from + kPiece <= n) {
      const T *a = row[0], *b = row[1], *c = row[2], *d = row[3];
      alignas(64) T extremes[kPiece];
      differs = 0;
      GCOMP_INDEPENDENT
      for (int64_t i = 0; i < kPiece; ++i) {
        T extreme = Extreme{}(Extreme{}(Extreme{}(Extreme{}(to[i], a[i]), b[i]), c[i]), d[i]);
        T sum = (a[i] + b[i]) + (c[i] + d[i]) + to[i];
        extremes[i] = extreme;
        differs |= static_cast<Flag>(sum != sum) | static_cast<Flag>(extreme == 0);
      }
      if (differs == 0) {
        for (int64_t i = 0; i < kPiece; ++i) to[i] = extremes[i];
      }
    }
    if (differs != 0) {
      FoldFour<F>(
          to, row, n - from < kPiece ? n - from : kPiece,
          [](T x) __attribute__((always_inline)) { return x; });
    }
  }
}

}  // namespace gcomp::kernels
