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
#include <concepts>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "kernels/cpu_target.h"
#include "kernels/cursor.h"
#include "kernels/reduce_loops.h"
#include "kernels/tile.h"

namespace gcomp::kernels {

// The loops of one reduction, by type-erased pointers to dense values: elements of the compute type
// of the operand, partial values of the type that is combined (the same but for any and all).
struct ReduceLoops {
  void (*chunk)(const void* values, int64_t n,
                void* result) = nullptr;  // ReduceChunk
  void (*rows)(void* into, const void* from,
               int64_t n) = nullptr;  // CombineRows of partials
  // Combines partials with rows of n elements, one row after the other; `first` starts the
  // partials.
  void (*fold)(void* into, const void* const* from, int64_t rows, int64_t n, bool first) = nullptr;
  // In place: partials to values of the result, each of n reduced elements. Null: they are values.
  void (*finish)(void* values, int64_t count, int64_t n) = nullptr;
  int64_t partial_bytes = 0;
  uint64_t empty = 0;  // the bits of Empty<T>
  bool allows_empty = false;
};

namespace reduce_internal {

// The value that is combined for an element: itself.
struct Itself {
  template <class T>
  using Type = T;

  template <class T>
  GCOMP_INLINE T operator()(T x) const {
    return x;
  }
};

template <class F, class T, class At>
struct Loops {
  using P = typename At::template Type<T>;
  static constexpr bool kExtreme = kIsExtreme<F, T>;

  GCOMP_INLINE static void Chunk(const void* values, int64_t n, void* result) {
    const T* x = static_cast<const T*>(values);
    P* to = static_cast<P*>(result);
    if constexpr (kExtreme) {
      auto [extreme, sum] = ExtremeOfNumbers<F::kGreatest>(x, n);
      if (sum == sum && extreme != 0) {
        *to = extreme;
        return;
      }
    }
    *to = ReduceChunk<F, P>(
        n, [x](int64_t i) __attribute__((always_inline)) { return At{}(x[i]); });
  }

  GCOMP_INLINE static void Fold(void* into, const void* const* from, int64_t rows, int64_t n,
                                bool first) {
    P* to = static_cast<P*>(into);
    if (first) {
      for (int64_t i = 0; i < n; ++i) to[i] = F::template Identity<P>();
    }
    for (; rows >= 4; rows -= 4, from += 4) {
      const T* four[4];
      for (int r = 0; r < 4; ++r) four[r] = static_cast<const T*>(from[r]);
      if constexpr (kExtreme) {
        FoldFourExtremes<F>(to, four, n);
      } else {
        FoldFour<F>(to, four, n, At{});
      }
    }
    for (; rows > 0; --rows, ++from) {
      const T* x = static_cast<const T*>(*from);
      GCOMP_INDEPENDENT
      for (int64_t i = 0; i < n; ++i) to[i] = F{}(to[i], At{}(x[i]));
    }
  }

  GCOMP_INLINE static void Rows(void* into, const void* from, int64_t n) {
    CombineRows<F>(static_cast<P*>(into), static_cast<const P*>(from), n);
  }
};

template <class L>
GCOMP_TARGET_V3 void ChunkV3(const void* values, int64_t n, void* result) {
  L::Chunk(values, n, result);
}

template <class L>
GCOMP_TARGET_V4 void ChunkV4(const void* values, int64_t n, void* result) {
  L::Chunk(values, n, result);
}

template <class L>
GCOMP_TARGET_V3 void FoldV3(void* into, const void* const* from, int64_t rows, int64_t n,
                            bool first) {
  L::Fold(into, from, rows, n, first);
}

template <class L>
GCOMP_TARGET_V4 void FoldV4(void* into, const void* const* from, int64_t rows, int64_t n,
                            bool first) {
  L::Fold(into, from, rows, n, first);
}

template <class L>
GCOMP_TARGET_V3 void RowsV3(void* into, const void* from, int64_t n) {
  L::Rows(into, from, n);
}

template <class L>
GCOMP_TARGET_V4 void RowsV4(void* into, const void* from, int64_t n) {
  L::Rows(into, from, n);
}

}  // namespace reduce_internal

// The loops that combine At{}(x), of type At::Type<T>, for elements x of type T.
template <class F, class T, class At = reduce_internal::Itself>
ReduceLoops ReduceLoopsOf(CpuLevel cpu) {
  namespace internal = reduce_internal;
  using L = internal::Loops<F, T, At>;
  using P = typename L::P;
  const P empty = F::template Empty<P>();
  uint64_t empty_bits = 0;
  std::memcpy(&empty_bits, &empty, sizeof(P));
  bool v4 = cpu == CpuLevel::kV4;
  return {
      .chunk = v4 ? &internal::ChunkV4<L> : &internal::ChunkV3<L>,
      .rows = v4 ? &internal::RowsV4<L> : &internal::RowsV3<L>,
      .fold = v4 ? &internal::FoldV4<L> : &internal::FoldV3<L>,
      .partial_bytes = sizeof(P),
      .empty = empty_bits,
      .allows_empty = F::kAllowsEmpty,
  };
}

// ---- Ops
// --------------------------------------------------------------------------------------

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

// The type in which T is combined by what wraps or asks for 0 alone: unsigned, for integers.
template <class T>
struct WrappingType {
  using Type = T;
};

template <std::integral T>
struct WrappingType<T> {
  using Type = std::make_unsigned_t<T>;
};

template <class T>
using WrappingOf = typename WrappingType<T>::Type;

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
      using T = NumericOf<decltype(like)>;
      using Combined = std::conditional_t < requires {
        F::kGreatest;
      }
      , T, WrappingOf < T >> ;
      return MakeReduceKernel(ctx, ReduceLoopsOf<F, Combined>(ctx.cpu));
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
