// Pointwise: makes a whole op record from a functor that is generic in its scalar type.
//
//   struct AddFn {
//     static constexpr int kArity = 2;
//     static constexpr ir::DTypeSet kDTypes = ir::kNumericDTypes;
//     template <class S>
//     GCOMP_INLINE S operator()(S a, S b) const { return ir::Add(a, b); }
//   };
//   constexpr ir::OpDef kAdd = Pointwise<AddFn>({.name = "add", .doc = ..., .source = ...});
//
// fills in operands, type inference (equal dtypes, NumPy broadcasting), the eager kernel and the
// lowering (one map stage whose body is the functor run on symbols). A functor whose result is bool
// for non-bool operands makes a predicate; one with `static constexpr size_t kPredicate = i` takes
// a bool as operand i. A functor with members keeps them: PreparePointwise and LowerPointwise take
// an instance, so that an op may choose one by its attributes. GCOMP_UNARY_FN and GCOMP_BINARY_FN
// write functors without members.
//
// The kernel: the functor's loop over dense arrays of its compute type, built for v3 and v4
// (kernels/cpu_target.h). Operands that are dense go in as they lie; others pass through tiles
// (kernels/tile.h). Dims are collapsed when the kernel is prepared; running allocates nothing. A
// result may share its storage with an operand of the same dtype, sizes and strides.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "ir/scalar.h"
#include "kernels/cpu_target.h"
#include "kernels/tile.h"

namespace gcomp::kernels {

// out[i] = f(in[0][i], in[1][i], ...) for i < n, in tile types; `functor` is the functor's state.
using PointwiseLoop = void (*)(int64_t n, const void* const* in, void* out, const void* functor);

// The most operands that a pointwise op has.
inline constexpr size_t kMaxPointwiseOperands = 4;

// A functor's state, copied into the kernel.
struct PointwiseFunctor {
  alignas(8) std::array<std::byte, 32> bytes;
};

// A kernel that runs `loop` over operands that broadcast to the result.
StatusOr<std::unique_ptr<ir::Kernel>> MakePointwiseKernel(const ir::KernelCtx& ctx,
                                                          PerCpu<PointwiseLoop> loop,
                                                          const PointwiseFunctor& functor);

// The map stage of a pointwise op without its body: axes, loads and store.
ir::Stage PointwiseStage(const ir::LowerCtx& ctx);

// Result: the operands' dtype, and their shapes broadcast. E504 if dtypes or shapes do not agree.
Status InferPointwise(ir::InferCtx& ctx);
// Result: bool, else the same.
Status InferPredicate(ir::InferCtx& ctx);
// The device of all operands; literals follow. E504 if they differ.
StatusOr<ir::Device> DeviceOfOperands(const ir::InferCtx& ctx);

// True if operand i of `op` is the literal `value`, and the other operand alone gives the result's
// type: then f(x, value) = x can stand for the op where it is exact.
bool IsIdentityLiteral(const ir::Function& function, const ir::Op& op, size_t i, double value);

namespace pointwise_internal {

template <class F, class... A, size_t... I>
GCOMP_INLINE void RunLoop(int64_t n, const void* const* in, void* out, const void* functor,
                          std::index_sequence<I...>) {
  using R = std::invoke_result_t<const F&, A...>;
  const F f = *static_cast<const F*>(functor);
  const std::tuple<const TileOf<A>*...> p(static_cast<const TileOf<A>*>(in[I])...);
  auto* o = static_cast<TileOf<R>*>(out);
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) o[i] = ToTile<R>(f(FromTile<A>(std::get<I>(p)[i])...));
}

template <class F, class... A>
GCOMP_TARGET_V3 void LoopV3(int64_t n, const void* const* in, void* out, const void* functor) {
  RunLoop<F, A...>(n, in, out, functor, std::index_sequence_for<A...>{});
}

template <class F, class... A>
GCOMP_TARGET_V4 void LoopV4(int64_t n, const void* const* in, void* out, const void* functor) {
  RunLoop<F, A...>(n, in, out, functor, std::index_sequence_for<A...>{});
}

// The scalar type of operand i of F when its other operands are S.
template <class F, size_t I, class S>
consteval auto OperandTypeOf() {
  if constexpr (requires { F::kPredicate; }) {
    if constexpr (F::kPredicate == I) {
      return std::type_identity<bool>{};
    } else {
      return std::type_identity<S>{};
    }
  } else {
    return std::type_identity<S>{};
  }
}
template <class F, size_t I, class S>
using OperandType = typename decltype(OperandTypeOf<F, I, S>())::type;

// The operand whose dtype decides S: the last one.
template <class F>
inline constexpr size_t kTypedOperand = static_cast<size_t>(F::kArity) - 1;

template <class F>
constexpr bool Takes(ir::DType compute) {
  constexpr ir::DType kAll[] = {
      ir::DType::kBool, ir::DType::kI8,  ir::DType::kI16, ir::DType::kI32, ir::DType::kI64,
      ir::DType::kU8,   ir::DType::kU16, ir::DType::kU32, ir::DType::kU64, ir::DType::kF16,
      ir::DType::kBF16, ir::DType::kF32, ir::DType::kF64};
  for (ir::DType dtype : kAll) {
    if (!F::kDTypes.Has(dtype)) continue;
    switch (dtype) {  // as ir::ComputeTypeOf
      case ir::DType::kI8:
      case ir::DType::kI16:
        dtype = ir::DType::kI32;
        break;
      case ir::DType::kU8:
      case ir::DType::kU16:
        dtype = ir::DType::kU32;
        break;
      case ir::DType::kF16:
      case ir::DType::kBF16:
        dtype = ir::DType::kF32;
        break;
      default:
        break;
    }
    if (dtype == compute) return true;
  }
  return false;
}

template <class F>
PointwiseFunctor StateOf(const F& f) {
  static_assert(sizeof(F) <= sizeof(PointwiseFunctor) && std::is_trivially_copyable_v<F>);
  PointwiseFunctor state{};
  if constexpr (!std::is_empty_v<F>) std::memcpy(state.bytes.data(), &f, sizeof(F));
  return state;
}

}  // namespace pointwise_internal

// The loop of F over operands of scalar types A.
template <class F, class... A>
constexpr PerCpu<PointwiseLoop> PointwiseLoopOf() {
  return {&pointwise_internal::LoopV3<F, A...>, &pointwise_internal::LoopV4<F, A...>};
}

// The kernel of `f` over operands of scalar types A.
template <class... A, class F>
StatusOr<std::unique_ptr<ir::Kernel>> PrepareTyped(const ir::KernelCtx& ctx, const F& f) {
  return MakePointwiseKernel(ctx, PointwiseLoopOf<F, A...>(), pointwise_internal::StateOf(f));
}

// The kernel of `f`, whose compute type is that of its last operand.
template <class F>
StatusOr<std::unique_ptr<ir::Kernel>> PreparePointwise(const ir::KernelCtx& ctx, const F& f) {
  using Result = StatusOr<std::unique_ptr<ir::Kernel>>;
  return WithComputeType(
      ctx.operands[pointwise_internal::kTypedOperand<F>].dtype, [&](auto like) -> Result {
        using S = decltype(like);
        if constexpr (pointwise_internal::Takes<F>(ir::NativeDType<S>())) {
          return [&]<size_t... I>(std::index_sequence<I...>)->Result {
            return PrepareTyped<pointwise_internal::OperandType<F, I, S>...>(ctx, f);
          }
          (std::make_index_sequence<static_cast<size_t>(F::kArity)>{});
        } else {
          return Status(ErrorId::E999, "broken invariant: operand dtype outside the op's set");
        }
      });
}

// Adds the map stage of `f` over operands of scalar types A.
template <class... A, class F>
Status LowerTyped(ir::LowerCtx& ctx, const F& f) {
  ir::Stage stage = PointwiseStage(ctx);
  ir::ScalarGraph* graph = &stage.body;
  stage.body_result = [&]<size_t... I>(std::index_sequence<I...>) {
    // Braces fix the order in which parameters are made.
    std::tuple<ir::Sym<A>...> params{ir::Sym<A>(graph, graph->Param(I, ir::NativeDType<A>()))...};
    return std::apply(f, params).index();
  }
  (std::index_sequence_for<A...>{});
  ctx.nest.stages.push_back(std::move(stage));
  return Status();
}

template <class F>
Status LowerPointwise(ir::LowerCtx& ctx, const F& f) {
  return WithComputeType(
      ctx.operands[pointwise_internal::kTypedOperand<F>].dtype, [&](auto like) -> Status {
        using S = decltype(like);
        if constexpr (pointwise_internal::Takes<F>(ir::NativeDType<S>())) {
          return [&]<size_t... I>(std::index_sequence<I...>)->Status {
            return LowerTyped<pointwise_internal::OperandType<F, I, S>...>(ctx, f);
          }
          (std::make_index_sequence<static_cast<size_t>(F::kArity)>{});
        } else {
          return Status(ErrorId::E999, "broken invariant: operand dtype outside the op's set");
        }
      });
}

// The operands of F: x; a and b.
template <class F>
inline constexpr ir::OperandSpec kUnaryOperands[] = {{.name = "x", .dtypes = F::kDTypes}};
template <class F>
inline constexpr ir::OperandSpec kBinaryOperands[] = {{.name = "a", .dtypes = F::kDTypes},
                                                      {.name = "b", .dtypes = F::kDTypes}};

// A functor of one operand x, or of a and b, that has no state: its value is `expression`.
#define GCOMP_UNARY_FN(name, dtypes, expression)    \
  struct name##Fn {                                 \
    static constexpr int kArity = 1;                \
    static constexpr ir::DTypeSet kDTypes = dtypes; \
    template <class S>                              \
    GCOMP_INLINE auto operator()(S x) const {       \
      return expression;                            \
    }                                               \
  };
#define GCOMP_BINARY_FN(name, dtypes, expression)   \
  struct name##Fn {                                 \
    static constexpr int kArity = 2;                \
    static constexpr ir::DTypeSet kDTypes = dtypes; \
    template <class S>                              \
    GCOMP_INLINE auto operator()(S a, S b) const {  \
      return expression;                            \
    }                                               \
  };

// Completes `base` (name, doc, source, tolerance) to the record of the op that F computes. Operands
// that base sets are kept.
template <class F, ir::InferFn kInfer = &InferPointwise>
constexpr ir::OpDef Pointwise(ir::OpDef base) {
  if (base.operands.empty()) {
    if constexpr (F::kArity == 1) {
      base.operands = kUnaryOperands<F>;
    } else {
      base.operands = kBinaryOperands<F>;
    }
  }
  base.infer = kInfer;
  base.any_result_layout = true;
  base.in_place_form = std::is_same_v<std::integral_constant<ir::InferFn, kInfer>,
                                      std::integral_constant<ir::InferFn, &InferPointwise>>;
  base.prepare = [](const ir::KernelCtx& ctx) { return PreparePointwise(ctx, F{}); };
  base.lowering = {.kind = ir::Lowering::Kind::kPointwise,
                   .loops = [](ir::LowerCtx& ctx) { return LowerPointwise(ctx, F{}); }};
  return base;
}

}  // namespace gcomp::kernels
