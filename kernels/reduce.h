// Reductions in the fixed order of docs/numerics.md ("The order of a reduction"), generic in what
// they combine.
//
// Form 1 (the innermost axis is reduced): chunks of 4096 elements; inside a chunk 128 lanes, then a
// balanced tree over lanes; then one over chunks. Form 2 (the innermost axis is kept): blocks of 64
// in sequence, then a tree over blocks. Trees pair i with i + half, where the number of leaves is
// rounded up to a power of two and what is missing is the identity; combining with the identity
// changes no bits, so these loops leave it out. Halves and bf16 are accumulated in f32 and rounded
// once.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "ir/scalar.h"
#include "kernels/cpu_target.h"
#include "kernels/cursor.h"
#include "kernels/tile.h"

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
// -----------------------------------------------------

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

// values[0] = the tree over values[0 .. n).
template <class F, class T>
GCOMP_INLINE void CombineTree(T* values, int64_t n) {
  auto leaves = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(n)));
  for (int64_t half = leaves / 2; half > 0; half /= 2) {
    int64_t pairs = n - half < half ? n - half : half;
    CombineRows<F>(values, values + half, pairs);
    n = half < n ? half : n;
  }
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

// Form 1 of at(0), ..., at(n - 1); `partials` holds NumChunks(n) values.
template <class F, class T, class At, class Beside = NothingBeside>
GCOMP_INLINE T ReduceRow(int64_t n, const At& at, T* partials, const Beside& beside = {}) {
  if (n == 0) return F::template Empty<T>();
  int64_t chunks = NumChunks(n);
  for (int64_t c = 0; c < chunks; ++c) {
    int64_t from = c * kReduceChunk;
    int64_t count = n - from < kReduceChunk ? n - from : kReduceChunk;
    partials[c] = ReduceChunk<F, T>(
        count, [&](int64_t i) __attribute__((always_inline)) { return at(from + i); },
        [&](int64_t k) __attribute__((always_inline)) { beside(from + k); });
  }
  CombineTree<F>(partials, chunks);
  return partials[0];
}

// values[0 .. width) = the tree over n rows of `width` values.
template <class F, class T>
GCOMP_INLINE void CombineTreeOfRows(T* values, int64_t n, int64_t width) {
  auto leaves = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(n)));
  for (int64_t half = leaves / 2; half > 0; half /= 2) {
    if (n <= half) continue;
    CombineRows<F>(values, values + half * width, (n - half) * width);
    n = half;
  }
}

// The loops of one reduction, by type-erased pointers to dense values: elements of the compute type
// of the operand, partial values of the type that is combined (the same but for any and all).
struct ReduceLoops {
  void (*chunk)(const void* values, int64_t n, void* result) = nullptr;  // ReduceChunk
  void (*rows)(void* into, const void* from, int64_t n) = nullptr;       // CombineRows of partials
  // CombineRows of partials with elements; `first` starts the partials. Null: elements are
  // partials.
  void (*fold)(void* into, const void* from, int64_t n, bool first) = nullptr;
  // In place: partials to values of the result, each of n reduced elements. Null: they are values.
  void (*finish)(void* values, int64_t count, int64_t n) = nullptr;
  int64_t partial_bytes = 0;
  uint64_t empty = 0;  // the bits of Empty<T>
  bool allows_empty = false;
};

namespace reduce_internal {

template <class F, class T>
GCOMP_INLINE void Chunk(const void* values, int64_t n, void* result) {
  const T* p = static_cast<const T*>(values);
  *static_cast<T*>(result) = ReduceChunk<F, T>(
      n, [p](int64_t i) __attribute__((always_inline)) { return p[i]; });
}

template <class F, class T>
GCOMP_TARGET_V3 void ChunkV3(const void* values, int64_t n, void* result) {
  Chunk<F, T>(values, n, result);
}

template <class F, class T>
GCOMP_TARGET_V4 void ChunkV4(const void* values, int64_t n, void* result) {
  Chunk<F, T>(values, n, result);
}

template <class F, class T>
GCOMP_TARGET_V3 void RowsV3(void* into, const void* from, int64_t n) {
  CombineRows<F>(static_cast<T*>(into), static_cast<const T*>(from), n);
}

template <class F, class T>
GCOMP_TARGET_V4 void RowsV4(void* into, const void* from, int64_t n) {
  CombineRows<F>(static_cast<T*>(into), static_cast<const T*>(from), n);
}

}  // namespace reduce_internal

template <class F, class T>
ReduceLoops ReduceLoopsOf(CpuLevel cpu) {
  namespace internal = reduce_internal;
  const T empty = F::template Empty<T>();
  uint64_t empty_bits = 0;
  std::memcpy(&empty_bits, &empty, sizeof(T));
  return {
      .chunk = cpu == CpuLevel::kV4 ? &internal::ChunkV4<F, T> : &internal::ChunkV3<F, T>,
      .rows = cpu == CpuLevel::kV4 ? &internal::RowsV4<F, T> : &internal::RowsV3<F, T>,
      .partial_bytes = sizeof(T),
      .empty = empty_bits,
      .allows_empty = F::kAllowsEmpty,
  };
}

// ---- Ops --------------------------------------------------------------------------------------

// Operands and attributes of a reduction: `x ; dims, keep_dims`.
inline constexpr ir::OperandSpec kReduceOperands[] = {{.name = "x", .dtypes = ir::kNumericDTypes}};
inline constexpr ir::AttrSpec kReduceAttrs[] = {
    ir::AxisOf(
        ir::AttrSpec::Axis::kOfOperand,
        {.name = "dims", .kind = ir::AttrKind::kIntList, .doc = "axes to reduce; absent = all"}),
    ir::BoolAttr("keep_dims", false, "true: reduced axes stay, with size 1"),
};

// bool is outside the operands' set; its branch of WithComputeType stands on an integer.
template <class T>
using NumericOf = std::conditional_t<std::is_same_v<T, bool>, uint32_t, T>;

// The axes that `dims` names, sorted; absent = all.
std::vector<int> ReducedAxes(const ir::AttrReader& attrs, int rank);

// Type of a reduction: the operand's shape without the reduced axes, and its dtype or `dtype`. E504
// where an axis of size 0 is reduced and `allows_empty` is false.
Status InferReduce(ir::InferCtx& ctx, bool allows_empty,
                   std::optional<ir::DType> dtype = std::nullopt);

// The same for axes that are not those of `dims`: sorted.
Status InferReduceOver(ir::InferCtx& ctx, const std::vector<int>& axes, bool allows_empty,
                       ir::DType dtype);

StatusOr<std::unique_ptr<ir::Kernel>> MakeReduceKernel(const ir::KernelCtx& ctx,
                                                       const ReduceLoops& loops);

// The iteration space of a reduction, dims collapsed, strides in bytes.
struct ReduceSpace {
  CursorSpace kept;         // over the operand
  CursorSpace kept_result;  // the same points of the result
  CursorSpace reduced;      // over the operand
  // Form 1: no kept dim, or the innermost dim that is not of size 1 is reduced.
  bool innermost_reduced = true;

  size_t Rank() const { return std::max(kept.sizes.size(), reduced.sizes.size()); }
};

// The space of an op with operand 0, result 0 and the attribute keep_dims.
ReduceSpace ReduceSpaceOf(const ir::KernelCtx& ctx, const std::vector<int>& axes);

// E802 where the collapsed dims of a kernel of `op` are more than a cursor holds.
Status CheckCursorRank(const ir::Op& op, size_t rank);

// The reduce stage of the op without body, combine and finish.
ir::Stage ReduceStage(const ir::LowerCtx& ctx);
// The same for axes that are not those of `dims`: sorted.
ir::Stage ReduceStageOver(const ir::LowerCtx& ctx, const std::vector<int>& axes);

// A load of the product of `sizes`, as a number in i64.
ir::Load LoadCount(const std::vector<ir::Expr>& sizes);

// True if the reduced axes hold no element.
bool ReducesNothing(const ir::Stage& stage);

// Completes a reduce stage: combine by F from its identity, finish = the value itself. The identity
// is Empty where the sizes say that nothing is reduced; a nest over a symbolic size holds for sizes
// of at least 1.
template <class F, class T>
void SetReduction(ir::Stage& stage) {
  constexpr ir::DType kType = ir::NativeDType<T>();
  ir::Sym<T> left(&stage.combine, stage.combine.Param(0, kType));
  ir::Sym<T> right(&stage.combine, stage.combine.Param(1, kType));
  stage.combine_result = F{}(left, right).index();
  stage.identity =
      ir::ScalarOf(ReducesNothing(stage) ? F::template Empty<T>() : F::template Identity<T>());
  stage.finish_result = stage.finish.Param(0, kType);
}

template <class F>
constexpr ir::OpDef Reduction(ir::OpDef base) {
  base.operands = kReduceOperands;
  base.attrs = kReduceAttrs;
  base.infer = [](ir::InferCtx& ctx) { return InferReduce(ctx, F::kAllowsEmpty); };
  base.prepare = [](const ir::KernelCtx& ctx) {
    return WithComputeType(ctx.operands[0].dtype, [&](auto like) {
      return MakeReduceKernel(ctx, ReduceLoopsOf<F, NumericOf<decltype(like)>>(ctx.cpu));
    });
  };
  base.lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = [](ir::LowerCtx& ctx) {
                     return WithComputeType(ctx.operands[0].dtype, [&](auto like) {
                       using T = NumericOf<decltype(like)>;
                       ir::Stage stage = ReduceStage(ctx);
                       stage.body_result = stage.body.Param(0, ir::NativeDType<T>());
                       SetReduction<F, T>(stage);
                       ctx.nest.stages.push_back(std::move(stage));
                       return Status();
                     });
                   }};
  return base;
}

}  // namespace gcomp::kernels
