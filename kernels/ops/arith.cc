// Arithmetic: add sub mul div neg reciprocal sqrt rsqrt fma lerp.
#include <optional>
#include <type_traits>

#include "kernels/all_ops.h"
#include "kernels/math_pow.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

constexpr ir::Tolerance kOneOperation{.reason = "one correctly rounded operation per element"};
constexpr std::string_view kIeee = "IEEE 754-2019, 5.4.1 formatOf general-computational operations";

GCOMP_BINARY_FN(Add, ir::kNumericDTypes, ir::Add(a, b))
GCOMP_BINARY_FN(Sub, ir::kNumericDTypes, ir::Sub(a, b))
GCOMP_BINARY_FN(Mul, ir::kNumericDTypes, ir::Mul(a, b))
GCOMP_BINARY_FN(Div, ir::kNumericDTypes, ir::Div(a, b))
GCOMP_UNARY_FN(Neg, ir::kNumericDTypes, ir::Neg(x))
GCOMP_UNARY_FN(Reciprocal, ir::kFloatDTypes, ir::Div(ir::Constant(x, 1), x))
GCOMP_UNARY_FN(Sqrt, ir::kFloatDTypes, ir::Sqrt(x))
GCOMP_UNARY_FN(Rsqrt, ir::kFloatDTypes, Rsqrt(x))

struct FmaFn {
  static constexpr int kArity = 3;
  static constexpr ir::DTypeSet kDTypes = ir::kNumericDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S a, S b, S c) const {
    if constexpr (std::is_floating_point_v<ir::NativeOf<S>>) {
      return ir::Fma(a, b, c);
    } else {
      return ir::Add(ir::Mul(a, b), c);
    }
  }
};

struct LerpFn {
  static constexpr int kArity = 3;
  static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S a, S b, S w) const {
    return ir::Add(a, ir::Mul(w, ir::Sub(b, a)));
  }
};

constexpr ir::OperandSpec kFmaOperands[] = {{.name = "a", .dtypes = ir::kNumericDTypes},
                                            {.name = "b", .dtypes = ir::kNumericDTypes},
                                            {.name = "c", .dtypes = ir::kNumericDTypes}};
constexpr ir::OperandSpec kLerpOperands[] = {{.name = "a", .dtypes = ir::kFloatDTypes},
                                             {.name = "b", .dtypes = ir::kFloatDTypes},
                                             {.name = "w", .dtypes = ir::kFloatDTypes}};

// x + (-0.0) = x for every x, and 0 in integers; x + 0.0 would turn -0.0 into 0.0.
std::optional<ir::ValueId> SimplifyAdd(const ir::Function& function, const ir::Op& op) {
  if (IsIdentityLiteral(function, op, 1, -0.0)) return op.operands[0];
  if (IsIdentityLiteral(function, op, 0, -0.0)) return op.operands[1];
  return std::nullopt;
}

std::optional<ir::ValueId> SimplifySub(const ir::Function& function, const ir::Op& op) {
  if (IsIdentityLiteral(function, op, 1, 0.0)) return op.operands[0];
  return std::nullopt;
}

std::optional<ir::ValueId> SimplifyMul(const ir::Function& function, const ir::Op& op) {
  if (IsIdentityLiteral(function, op, 1, 1.0)) return op.operands[0];
  if (IsIdentityLiteral(function, op, 0, 1.0)) return op.operands[1];
  return std::nullopt;
}

std::optional<ir::ValueId> SimplifyDiv(const ir::Function& function, const ir::Op& op) {
  if (IsIdentityLiteral(function, op, 1, 1.0)) return op.operands[0];
  return std::nullopt;
}

constexpr ir::OpDef kAdd = Pointwise<AddFn>({
    .name = "add",
    .doc = "Sum: y = a + b. Shapes broadcast as in NumPy; dtypes are equal. Integers wrap.",
    .source = kIeee,
    .commutative = true,
    .tolerance = kOneOperation,
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      v.Return(0, v.dy());
      v.Return(1, v.dy());
    }>,
    .simplify = &SimplifyAdd,
});

constexpr ir::OpDef kSub = Pointwise<SubFn>({
    .name = "sub",
    .doc = "Difference: y = a - b. Shapes broadcast as in NumPy; dtypes are equal. Integers wrap.",
    .source = kIeee,
    .tolerance = kOneOperation,
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      v.Return(0, v.dy());
      v.Return(1, -v.dy());
    }>,
    .simplify = &SimplifySub,
});

constexpr ir::OpDef kMul = Pointwise<MulFn>({
    .name = "mul",
    .doc = "Product: y = a * b. Shapes broadcast as in NumPy; dtypes are equal. Integers wrap.",
    .source = kIeee,
    .commutative = true,
    .tolerance = kOneOperation,
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      v.Return(0, v.dy() * v.x(1));
      v.Return(1, v.dy() * v.x(0));
    }>,
    .simplify = &SimplifyMul,
});

constexpr ir::OpDef kDiv = Pointwise<DivFn>({
    .name = "div",
    .doc = "Quotient: y = a / b. Shapes broadcast as in NumPy; dtypes are equal. Integers truncate "
           "toward zero; x / 0 = 0 and the least integer / -1 wraps to itself, without a signal.",
    .source = kIeee,
    .tolerance = kOneOperation,
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      v.Return(0, v.dy() / v.x(1));
      v.Return(1, -(v.dy() * (v.y() / v.x(1))));
    }>,
    .simplify = &SimplifyDiv,
});

constexpr ir::OpDef kNeg = Pointwise<NegFn>({
    .name = "neg",
    .doc = "Negation: y = -x, of the shape of x. The sign of zeros flips; integers wrap.",
    .source = "IEEE 754-2019, 5.5.1 negate",
    .tolerance = kOneOperation,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, -v.dy()); }>,
});

constexpr ir::OpDef kReciprocal = Pointwise<ReciprocalFn>({
    .name = "reciprocal",
    .doc = "Reciprocal: y = 1 / x, of the shape of x. 1 / +-0 = +-inf, 1 / +-inf = +-0.",
    .source = kIeee,
    .tolerance = kOneOperation,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, -(v.dy() * v.y() * v.y())); }>,
});

constexpr ir::OpDef kSqrt = Pointwise<SqrtFn>({
    .name = "sqrt",
    .doc = "Square root: y = sqrt(x), of the shape of x. NaN below zero; sqrt(-0.0) = -0.0.",
    .source = "IEEE 754-2019, 5.4.1 squareRoot",
    .tolerance = kOneOperation,
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * (0.5 / v.y())); }>,
});

constexpr ir::OpDef kRsqrt = Pointwise<RsqrtFn>({
    .name = "rsqrt",
    .doc = "Reciprocal square root: y = 1 / sqrt(x), of the shape of x, by these two operations. "
           "NaN below zero; rsqrt(+-0) = +-inf, rsqrt(inf) = 0.",
    .source = kIeee,
    .tolerance = {.ulp = 2, .reason = "two correctly rounded operations"},
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * -0.5 * (v.y() / v.x())); }>,
});

constexpr ir::OpDef kFma = Pointwise<FmaFn>({
    .name = "fma",
    .doc = "Fused multiply-add: y = a * b + c with one rounding (f16 and bf16: one in f32, then "
           "one of the result). Shapes broadcast as in NumPy; dtypes are equal. Integers wrap.",
    .source = "IEEE 754-2019, 5.4.1 fusedMultiplyAdd",
    .operands = kFmaOperands,
    .tolerance = kOneOperation,
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      v.Return(0, v.dy() * v.x(1));
      v.Return(1, v.dy() * v.x(0));
      v.Return(2, v.dy());
    }>,
});

constexpr ir::OpDef kLerp = Pointwise<LerpFn>({
    .name = "lerp",
    .doc = "Linear interpolation: y = a + w * (b - a); a where w is 0, beyond [a, b] where w is "
           "outside [0, 1]. Shapes broadcast as in NumPy; dtypes are equal. Each operation rounds: "
           "lerp(a, b, 1) may differ from b by its rounding.",
    .source = "the formula",
    .operands = kLerpOperands,
    .tolerance = {.ulp = 2,
                  .rtol = 4e-7,
                  .reason = "three rounded operations, relative to the largest of a, b and w; the "
                            "sum may cancel"},
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      v.Return(0, v.dy() * (1.0 - v.x(2)));
      v.Return(1, v.dy() * v.x(2));
      v.Return(2, v.dy() * (v.x(1) - v.x(0)));
    }>,
});

}  // namespace

GCOMP_DEFINE_OPS(arith, &kAdd, &kSub, &kMul, &kDiv, &kNeg, &kReciprocal, &kSqrt, &kRsqrt, &kFma,
                 &kLerp)

}  // namespace gcomp::kernels
