// Scans (cumsum, cumprod) in the fixed order of docs/numerics.md ("The order of a reduction"):
// inclusive, along one axis.
//
// Form 1 (the scanned axis is the innermost one): chunks of 4096; in a chunk groups of 16, each by
// steps at distance 1, 2, 4, 8, then the groups in sequence. Form 2 (another axis is innermost):
// chunks of 4096 in sequence. The total of the chunks before is combined last, so that chunks can
// be scanned by different threads. What a group or chunk lacks is the identity.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "ir/kernel.h"
#include "ir/loops.h"
#include "kernels/cpu_target.h"
#include "kernels/reduce.h"

namespace gcomp::kernels {

inline constexpr int64_t kScanChunk = 4096;
inline constexpr int64_t kScanGroup = 16;

// The loops of one scan, by type-erased pointers to dense values of its compute type.
struct ScanLoops {
  // Form 1, one chunk: y[i] = f(*offset, the scan of x at i); *total = the scan's last value. y may
  // be x.
  void (*chunk)(const void* x, int64_t n, const void* offset, void* y, void* total) = nullptr;
  // Form 2, one row of n neighboring points: local[i] = f(local[i], x[i]); y[i] = f(offset[i],
  // local[i]). y may be x.
  void (*row)(const void* x, int64_t n, const void* offset, void* local, void* y) = nullptr;
  // into[i] = f(into[i], from[i]).
  void (*rows)(void* into, const void* from, int64_t n) = nullptr;
  uint64_t identity = 0;  // its bits
};

namespace scan_internal {

// *out = f(a, b) on numbers or registers (which baseline code must not pass by value); integers as
// unsigned ones, which wrap.
template <class F, class V>
GCOMP_TARGET_V3 GCOMP_INLINE void Apply(const V& a, const V& b, V* out) {
  if constexpr (std::is_same_v<F, SumFn>) {
    *out = a + b;
  } else {
    static_assert(std::is_same_v<F, ProdFn>);
    *out = a * b;
  }
}

// One group of 16 in AVX2 registers, which are wide enough to keep up with the memory on every CPU.
// The attribute stands on all that holds registers: they are split where the target lacks them
// before functions are inlined.
template <class F, class T>
struct Group {
  static constexpr int kBytes = 32;
  using V [[gnu::vector_size(kBytes)]] = T;
  static constexpr int kLanes = kBytes / static_cast<int>(sizeof(T));
  static constexpr int kRegisters = static_cast<int>(kScanGroup) / kLanes;

  // *v, moved up by kDistance lanes; what comes in are the last lanes of `below`.
  template <int kDistance, int... I>
  GCOMP_TARGET_V3 GCOMP_INLINE static void Shift(const V& below, V* v,
                                                 std::integer_sequence<int, I...>) {
    *v = __builtin_shufflevector(below, *v, (kLanes - kDistance + I)...);
  }

  // The last lane of *v everywhere.
  template <int... I>
  GCOMP_TARGET_V3 GCOMP_INLINE static void SpreadLast(V* v, std::integer_sequence<int, I...>) {
    *v = __builtin_shufflevector(*v, *v, (kLanes - 1 + 0 * I)...);
  }

  template <int kDistance>
  GCOMP_TARGET_V3 GCOMP_INLINE static void Step(V* v, const V& identity) {
    for (int r = kRegisters; r-- > 0;) {
      if constexpr (kDistance < kLanes) {
        V shifted = v[r];
        Shift<kDistance>(r > 0 ? v[r - 1] : identity, &shifted,
                         std::make_integer_sequence<int, kLanes>{});
        Apply<F>(shifted, v[r], &v[r]);
      } else {
        constexpr int kBack = kDistance / kLanes;
        if (r >= kBack) Apply<F>(v[r - kBack], v[r], &v[r]);
      }
    }
  }

  // to[i] = f(offset, f(carry, scan of from at i)); then carry = the last f(carry, ...) everywhere.
  GCOMP_TARGET_V3 GCOMP_INLINE static void Run(const T* from, const V& identity, const V& offset,
                                               V* carry, T* to) {
    V v[kRegisters];
    for (int r = 0; r < kRegisters; ++r) std::memcpy(&v[r], from + r * kLanes, kBytes);
    Step<1>(v, identity);
    Step<2>(v, identity);
    Step<4>(v, identity);
    Step<8>(v, identity);
    for (int r = 0; r < kRegisters; ++r) {
      V y;
      Apply<F>(*carry, v[r], &y);
      Apply<F>(offset, y, &y);
      std::memcpy(to + r * kLanes, &y, kBytes);
    }
    SpreadLast(&v[kRegisters - 1], std::make_integer_sequence<int, kLanes>{});
    Apply<F>(*carry, v[kRegisters - 1], carry);
  }
};

template <class F, class T>
GCOMP_TARGET_V3 void Chunk(const void* x, int64_t n, const void* offset, void* y, void* total) {
  using G = Group<F, T>;
  using V = typename G::V;
  const T* from = static_cast<const T*>(x);
  T* to = static_cast<T*>(y);
  V identity = F::template Identity<T>() - V{};  // -0.0 - 0.0 is -0.0
  V offsets = *static_cast<const T*>(offset) - V{};
  V carry = identity;
  int64_t i = 0;
  for (; i + kScanGroup <= n; i += kScanGroup) G::Run(from + i, identity, offsets, &carry, to + i);
  if (i < n) {
    T tail[kScanGroup];
    for (T& value : tail) value = F::template Identity<T>();
    for (int64_t j = i; j < n; ++j) tail[j - i] = from[j];
    G::Run(tail, identity, offsets, &carry, tail);
    for (int64_t j = i; j < n; ++j) to[j] = tail[j - i];
  }
  *static_cast<T*>(total) = carry[0];
}

template <class F, class T>
GCOMP_INLINE void Row(const void* x, int64_t n, const void* offset, void* local, void* y) {
  const T* from = static_cast<const T*>(x);
  const T* offsets = static_cast<const T*>(offset);
  T* sums = static_cast<T*>(local);
  T* to = static_cast<T*>(y);
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    sums[i] = F{}(sums[i], from[i]);
    to[i] = F{}(offsets[i], sums[i]);
  }
}

template <class F, class T>
GCOMP_TARGET_V3 void RowV3(const void* x, int64_t n, const void* offset, void* local, void* y) {
  Row<F, T>(x, n, offset, local, y);
}

template <class F, class T>
GCOMP_TARGET_V4 void RowV4(const void* x, int64_t n, const void* offset, void* local, void* y) {
  Row<F, T>(x, n, offset, local, y);
}

}  // namespace scan_internal

// T: float, double, uint32_t or uint64_t.
template <class F, class T>
ScanLoops ScanLoopsOf(CpuLevel cpu) {
  namespace internal = scan_internal;
  bool v4 = cpu == CpuLevel::kV4;
  return {
      .chunk = &internal::Chunk<F, T>,
      .row = v4 ? &internal::RowV4<F, T> : &internal::RowV3<F, T>,
      .rows = ReduceLoopsOf<F, T>(cpu).rows,
      .identity = ir::ScalarOf(F::template Identity<T>()).bits,
  };
}

// A kernel of `loops` along axis `axis` of operand 0 into result 0, of the same dtype and sizes.
StatusOr<std::unique_ptr<ir::Kernel>> MakeScanKernel(const ir::KernelCtx& ctx,
                                                     const ScanLoops& loops, int axis);

// The scan stage of the op without combine, identity and finish.
ir::Stage ScanStage(const ir::LowerCtx& ctx, int axis);

}  // namespace gcomp::kernels
