// Scalar arithmetic, written once: some 30 primitives on native numbers and on expressions.
//
// A pointwise op is a functor generic in its scalar type S. With S = float it is the body of the
// eager loop; with S = Sym<float> the same text builds a ScalarGraph, which the slow evaluator runs
// and the code generators print. The primitives below are overloaded for both, so that each means
// the same bits everywhere:
//   - floats: IEEE 754, round to nearest even, denormals kept, no contraction; Fma only where
//   written;
//   - integers wrap; x / 0 = 0, MIN / -1 wraps; shifts of the width or more give 0 (Shr of signed:
//     the sign);
//   - Min and Max propagate NaN and order -0 < +0;
//   - Convert float to integer truncates and saturates, NaN gives 0; RoundEven is half to even.
// Source: docs/numerics.md.
//
// Only the scalar types bool, i32, u32, i64, u64, f32, f64 have primitives here; narrower integers
// and halves are loaded into and stored from these (ScalarTypeOf).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "ir/dtype.h"
#include "ir/scalar_value.h"

#define GCOMP_INLINE [[gnu::always_inline]] inline

namespace gcomp::ir {

enum class Prim : uint8_t {
  kConst,  // imm
  kParam,  // imm = index
  kAdd,
  kSub,
  kMul,
  kDiv,
  kFmod,  // floats
  kNeg,
  kAbs,
  kSqrt,
  kFma,
  kMin,
  kMax,
  kRoundEven,
  kEq,
  kNe,
  kLt,
  kLe,  // result bool
  kAnd,
  kOr,
  kXor,
  kNot,  // bool and integers
  kShl,
  kShr,
  kMulHigh,  // integers; kMulHigh: u32
  kSelect,   // args: bool, a, b
  kBitcast,  // same width
  kConvert,  // any to any
};

std::string_view NameOf(Prim prim);

// A scalar expression: nodes in order of definition, equal nodes shared.
class ScalarGraph {
 public:
  struct Node {
    Prim prim;
    DType type;  // of the result
    uint32_t args[3] = {0, 0, 0};
    uint64_t imm = 0;

    bool operator==(const Node&) const = default;
  };

  // Adds a node, or finds the equal one. Returns its index.
  uint32_t Add(const Node& node);

  uint32_t Const(Scalar value) { return Add({Prim::kConst, value.dtype, {0, 0, 0}, value.bits}); }

  uint32_t Param(size_t index, DType type) {
    return Add({Prim::kParam, type, {0, 0, 0}, static_cast<uint64_t>(index)});
  }

  const std::vector<Node>& nodes() const { return nodes_; }

  // The number of arguments a primitive takes.
  static int Arity(Prim prim);

  // Values of all nodes for `lanes` sets of parameters. params[i * lanes + l] is parameter i of
  // lane l, as bits of its type. Writes results[l] = the bits of node `result`.
  void Evaluate(uint32_t result, std::span<const uint64_t> params, int lanes,
                std::span<uint64_t> results) const;

  // One line per node, for dumps: `v3: f32 = fma v0 v1 v2`.
  std::string ToString() const;

 private:
  // The entry of the index that holds `node`, or the free one where it belongs.
  uint32_t* FindSlot(const Node& node);

  std::vector<Node> nodes_;
  std::vector<uint32_t> index_;  // hash table over nodes_: index + 1, 0 = free
};

// The scalar type in which elements of `dtype` are computed: i8, i16 in i32; u8, u16 in u32; f16,
// bf16 in f32; others as they are.
DType ComputeTypeOf(DType dtype);

template <class T>
constexpr DType NativeDType() {
  if constexpr (std::is_same_v<T, bool>) return DType::kBool;
  if constexpr (std::is_same_v<T, int8_t>) return DType::kI8;
  if constexpr (std::is_same_v<T, int16_t>) return DType::kI16;
  if constexpr (std::is_same_v<T, int32_t>) return DType::kI32;
  if constexpr (std::is_same_v<T, int64_t>) return DType::kI64;
  if constexpr (std::is_same_v<T, uint8_t>) return DType::kU8;
  if constexpr (std::is_same_v<T, uint16_t>) return DType::kU16;
  if constexpr (std::is_same_v<T, uint32_t>) return DType::kU32;
  if constexpr (std::is_same_v<T, uint64_t>) return DType::kU64;
  if constexpr (std::is_same_v<T, float>) return DType::kF32;
  if constexpr (std::is_same_v<T, double>) return DType::kF64;
}

// A node of a ScalarGraph whose type is T.
template <class T>
class Sym {
 public:
  using Native = T;

  Sym(ScalarGraph* graph, uint32_t index) : graph_(graph), index_(index) {}

  ScalarGraph* graph() const { return graph_; }

  uint32_t index() const { return index_; }

 private:
  ScalarGraph* graph_;
  uint32_t index_;
};

// NativeOf<S>: the C++ number behind S. Rebind<S, T>: the scalar of type T of the same world.
template <class S>
struct ScalarTraits {
  using Native = S;
  template <class T>
  using Rebind = T;
};

template <class U>
struct ScalarTraits<Sym<U>> {
  using Native = U;
  template <class T>
  using Rebind = Sym<T>;
};

template <class S>
using NativeOf = typename ScalarTraits<S>::Native;
template <class S, class T>
using Rebind = typename ScalarTraits<S>::template Rebind<T>;
template <class S>
using BoolOf = Rebind<S, bool>;

template <class T>
concept NativeScalar = std::is_arithmetic_v<T>;
template <class T>
concept NativeFloat = std::is_floating_point_v<T>;
template <class T>
concept NativeInt = std::is_integral_v<T> && !std::is_same_v<T, bool>;

// ---- Primitives on native numbers ---------------------------------------------------------------

template <NativeFloat T>
GCOMP_INLINE T Add(T a, T b) {
  return a + b;
}

template <NativeFloat T>
GCOMP_INLINE T Sub(T a, T b) {
  return a - b;
}

template <NativeFloat T>
GCOMP_INLINE T Mul(T a, T b) {
  return a * b;
}

template <NativeFloat T>
GCOMP_INLINE T Div(T a, T b) {
  return a / b;
}

template <NativeFloat T>
GCOMP_INLINE T Neg(T a) {
  return -a;
}

// a - trunc(a / b) * b, exactly, with the sign of a. The value is always representable, so that
// nothing rounds: every right libm gives the bits that IEEE 754 arithmetic defines.
GCOMP_INLINE float Fmod(float a, float b) {
  return __builtin_fmodf(a, b);
}

GCOMP_INLINE double Fmod(double a, double b) {
  return __builtin_fmod(a, b);
}

GCOMP_INLINE float Abs(float a) {
  return __builtin_fabsf(a);
}

GCOMP_INLINE double Abs(double a) {
  return __builtin_fabs(a);
}

GCOMP_INLINE float Sqrt(float a) {
  return __builtin_sqrtf(a);
}

GCOMP_INLINE double Sqrt(double a) {
  return __builtin_sqrt(a);
}

GCOMP_INLINE float Fma(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}

GCOMP_INLINE double Fma(double a, double b, double c) {
  return __builtin_fma(a, b, c);
}

// Adding and taking away 1.5 * 2^23 (2^52) rounds |a| < 2^22 (2^51); larger numbers are integers.
GCOMP_INLINE float RoundEven(float a) {
  float r = __builtin_copysignf((__builtin_fabsf(a) + 8388608.0f) - 8388608.0f, a);
  return __builtin_fabsf(a) < 8388608.0f ? r : a;
}

GCOMP_INLINE double RoundEven(double a) {
  double r = __builtin_copysign((__builtin_fabs(a) + 4503599627370496.0) - 4503599627370496.0, a);
  return __builtin_fabs(a) < 4503599627370496.0 ? r : a;
}

template <class T>
using UnsignedOf = std::make_unsigned_t<T>;

template <NativeInt T>
GCOMP_INLINE T Add(T a, T b) {
  return static_cast<T>(static_cast<UnsignedOf<T>>(a) + static_cast<UnsignedOf<T>>(b));
}

template <NativeInt T>
GCOMP_INLINE T Sub(T a, T b) {
  return static_cast<T>(static_cast<UnsignedOf<T>>(a) - static_cast<UnsignedOf<T>>(b));
}

template <NativeInt T>
GCOMP_INLINE T Mul(T a, T b) {
  return static_cast<T>(static_cast<UnsignedOf<T>>(a) * static_cast<UnsignedOf<T>>(b));
}

template <NativeInt T>
GCOMP_INLINE T Neg(T a) {
  return static_cast<T>(UnsignedOf<T>{0} - static_cast<UnsignedOf<T>>(a));
}

template <NativeInt T>
GCOMP_INLINE T Div(T a, T b) {
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return Neg(a);
  }
  return b == 0 ? T{0} : static_cast<T>(a / b);
}

template <NativeInt T>
GCOMP_INLINE T Abs(T a) {
  if constexpr (std::is_signed_v<T>) return a < 0 ? Neg(a) : a;
  return a;
}

template <NativeInt T>
GCOMP_INLINE T Min(T a, T b) {
  return b < a ? b : a;
}

template <NativeInt T>
GCOMP_INLINE T Max(T a, T b) {
  return a < b ? b : a;
}

template <NativeInt T>
GCOMP_INLINE T Shl(T a, T b) {
  constexpr auto kBits = static_cast<UnsignedOf<T>>(8 * sizeof(T));
  return static_cast<UnsignedOf<T>>(b) >= kBits
             ? T{0}
             : static_cast<T>(static_cast<UnsignedOf<T>>(a) << static_cast<UnsignedOf<T>>(b));
}

template <NativeInt T>
GCOMP_INLINE T Shr(T a, T b) {
  constexpr auto kBits = static_cast<UnsignedOf<T>>(8 * sizeof(T));
  bool over = static_cast<UnsignedOf<T>>(b) >= kBits;
  if constexpr (std::is_signed_v<T>) return over ? (a < 0 ? T{-1} : T{0}) : static_cast<T>(a >> b);
  return over ? T{0} : static_cast<T>(a >> b);
}

GCOMP_INLINE uint32_t MulHigh(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>((static_cast<uint64_t>(a) * b) >> 32);
}

// min and max of floats: NaN wins, -0 < +0.
template <NativeFloat T>
GCOMP_INLINE T Min(T a, T b) {
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  T equal = std::bit_cast<T>(std::bit_cast<U>(a) | std::bit_cast<U>(b));
  T ordered = a < b ? a : b;
  T m = a == b ? equal : ordered;
  return a != a ? a : m;  // b NaN: a < b is false, so ordered is b
}

template <NativeFloat T>
GCOMP_INLINE T Max(T a, T b) {
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  T equal = std::bit_cast<T>(std::bit_cast<U>(a) & std::bit_cast<U>(b));
  T ordered = a > b ? a : b;
  T m = a == b ? equal : ordered;
  return a != a ? a : m;
}

template <NativeScalar T>
GCOMP_INLINE bool Eq(T a, T b) {
  return a == b;
}

template <NativeScalar T>
GCOMP_INLINE bool Ne(T a, T b) {
  return a != b;
}

template <NativeScalar T>
GCOMP_INLINE bool Lt(T a, T b) {
  return a < b;
}

template <NativeScalar T>
GCOMP_INLINE bool Le(T a, T b) {
  return a <= b;
}

template <std::integral T>
GCOMP_INLINE T And(T a, T b) {
  return static_cast<T>(a & b);
}

template <std::integral T>
GCOMP_INLINE T Or(T a, T b) {
  return static_cast<T>(a | b);
}

template <std::integral T>
GCOMP_INLINE T Xor(T a, T b) {
  return static_cast<T>(a ^ b);
}

GCOMP_INLINE bool Not(bool a) {
  return !a;
}

template <NativeInt T>
GCOMP_INLINE T Not(T a) {
  return static_cast<T>(~a);
}

template <NativeScalar T>
GCOMP_INLINE T Select(bool p, T a, T b) {
  return p ? a : b;
}

template <NativeScalar To, NativeScalar From>
GCOMP_INLINE To Bitcast(From a) {
  return std::bit_cast<To>(a);
}

template <NativeScalar To, NativeScalar From>
GCOMP_INLINE To Convert(From a) {
  if constexpr (std::is_same_v<To, bool>) {
    return a != From{0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // 2^bits is exact in From, max() may not be.
    constexpr From kLow = static_cast<From>(std::numeric_limits<To>::min());
    constexpr From kHigh = static_cast<From>(std::numeric_limits<To>::max() / 2 + 1) * From{2};
    bool in_range = a >= kLow && a < kHigh;
    To inside = static_cast<To>(in_range ? a : From{0});
    To outside = a >= kHigh ? std::numeric_limits<To>::max()
                            : (a < kLow ? std::numeric_limits<To>::min() : To{0});
    return in_range ? inside : outside;
  } else {
    return static_cast<To>(a);
  }
}

// A constant of S's world; `like` only tells which.
template <NativeScalar S, class T>
GCOMP_INLINE S Constant(const S& /*like*/, T value) {
  return static_cast<S>(value);
}

// A constant of another type of S's world.
template <class T, NativeScalar S>
GCOMP_INLINE T ConstantOf(const S& /*like*/, T value) {
  return value;
}

// ---- The same on expressions --------------------------------------------------------------------

template <class T>
Scalar ScalarOf(T value) {
  if constexpr (std::is_same_v<T, bool>) {
    return Scalar::FromBool(value);
  } else if constexpr (sizeof(T) == 4) {
    return {NativeDType<T>(), std::bit_cast<uint32_t>(value)};
  } else {
    return {NativeDType<T>(), std::bit_cast<uint64_t>(value)};
  }
}

template <class R, class T>
Sym<R> MakeSym(Prim prim, Sym<T> a) {
  return {a.graph(), a.graph()->Add({prim, NativeDType<R>(), {a.index(), 0, 0}})};
}

template <class R, class T, class U>
Sym<R> MakeSym(Prim prim, Sym<T> a, Sym<U> b) {
  return {a.graph(), a.graph()->Add({prim, NativeDType<R>(), {a.index(), b.index(), 0}})};
}

template <class R, class T, class U, class V>
Sym<R> MakeSym(Prim prim, Sym<T> a, Sym<U> b, Sym<V> c) {
  return {a.graph(), a.graph()->Add({prim, NativeDType<R>(), {a.index(), b.index(), c.index()}})};
}

#define GCOMP_SYM_UNARY(name)            \
  template <class T>                     \
  Sym<T> name(Sym<T> a) {                \
    return MakeSym<T>(Prim::k##name, a); \
  }
#define GCOMP_SYM_BINARY(name)              \
  template <class T>                        \
  Sym<T> name(Sym<T> a, Sym<T> b) {         \
    return MakeSym<T>(Prim::k##name, a, b); \
  }
#define GCOMP_SYM_COMPARE(name)                \
  template <class T>                           \
  Sym<bool> name(Sym<T> a, Sym<T> b) {         \
    return MakeSym<bool>(Prim::k##name, a, b); \
  }
GCOMP_SYM_UNARY(Neg)
GCOMP_SYM_UNARY(Abs)
GCOMP_SYM_UNARY(Sqrt)
GCOMP_SYM_UNARY(RoundEven)
GCOMP_SYM_UNARY(Not)
GCOMP_SYM_BINARY(Add)
GCOMP_SYM_BINARY(Sub)
GCOMP_SYM_BINARY(Mul)
GCOMP_SYM_BINARY(Div)
GCOMP_SYM_BINARY(Min)
GCOMP_SYM_BINARY(Max)
GCOMP_SYM_BINARY(And)
GCOMP_SYM_BINARY(Or)
GCOMP_SYM_BINARY(Xor)
GCOMP_SYM_BINARY(Shl)
GCOMP_SYM_BINARY(Shr)
GCOMP_SYM_BINARY(MulHigh)
GCOMP_SYM_COMPARE(Eq)
GCOMP_SYM_COMPARE(Ne)
GCOMP_SYM_COMPARE(Lt)
GCOMP_SYM_COMPARE(Le)
#undef GCOMP_SYM_UNARY
#undef GCOMP_SYM_BINARY
#undef GCOMP_SYM_COMPARE

template <NativeFloat T>
Sym<T> Fmod(Sym<T> a, Sym<T> b) {
  return MakeSym<T>(Prim::kFmod, a, b);
}

template <class T>
Sym<T> Fma(Sym<T> a, Sym<T> b, Sym<T> c) {
  return MakeSym<T>(Prim::kFma, a, b, c);
}

template <class T>
Sym<T> Select(Sym<bool> p, Sym<T> a, Sym<T> b) {
  return MakeSym<T>(Prim::kSelect, p, a, b);
}

template <class To, class From>
Sym<To> Bitcast(Sym<From> a) {
  return MakeSym<To>(Prim::kBitcast, a);
}

template <class To, class From>
Sym<To> Convert(Sym<From> a) {
  return MakeSym<To>(Prim::kConvert, a);
}

template <class U, class T>
Sym<U> Constant(const Sym<U>& like, T value) {
  return {like.graph(), like.graph()->Const(ScalarOf(static_cast<U>(value)))};
}

template <class T, class U>
Sym<T> ConstantOf(const Sym<U>& like, T value) {
  return {like.graph(), like.graph()->Const(ScalarOf(value))};
}

}  // namespace gcomp::ir
