// Arithmetic: add sub mul div min max neg abs sqrt. One primitive each (ir/scalar.h).
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

constexpr ir::Tolerance kOneOperation{.reason = "one correctly rounded operation per element"};
constexpr std::string_view kIeee = "IEEE 754-2019, 5.4.1 formatOf general-computational operations";

#define GCOMP_BINARY_FN(name, dtypes)               \
  struct name##Fn {                                 \
    static constexpr int kArity = 2;                \
    static constexpr ir::DTypeSet kDTypes = dtypes; \
    template <class S>                              \
    GCOMP_INLINE S operator()(S a, S b) const {     \
      return ir::name(a, b);                        \
    }                                               \
  };
#define GCOMP_UNARY_FN(name, dtypes)                \
  struct name##Fn {                                 \
    static constexpr int kArity = 1;                \
    static constexpr ir::DTypeSet kDTypes = dtypes; \
    template <class S>                              \
    GCOMP_INLINE S operator()(S x) const {          \
      return ir::name(x);                           \
    }                                               \
  };
GCOMP_BINARY_FN(Add, ir::kNumericDTypes)
GCOMP_BINARY_FN(Sub, ir::kNumericDTypes)
GCOMP_BINARY_FN(Mul, ir::kNumericDTypes)
GCOMP_BINARY_FN(Div, ir::kNumericDTypes)
GCOMP_BINARY_FN(Min, ir::kNumericDTypes)
GCOMP_BINARY_FN(Max, ir::kNumericDTypes)
GCOMP_UNARY_FN(Neg, ir::kNumericDTypes)
GCOMP_UNARY_FN(Abs, ir::kNumericDTypes)
GCOMP_UNARY_FN(Sqrt, ir::kFloatDTypes)
#undef GCOMP_BINARY_FN
#undef GCOMP_UNARY_FN

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
    .simplify = &SimplifyAdd,
});

constexpr ir::OpDef kSub = Pointwise<SubFn>({
    .name = "sub",
    .doc = "Difference: y = a - b. Shapes broadcast as in NumPy; dtypes are equal. Integers wrap.",
    .source = kIeee,
    .tolerance = kOneOperation,
    .simplify = &SimplifySub,
});

constexpr ir::OpDef kMul = Pointwise<MulFn>({
    .name = "mul",
    .doc = "Product: y = a * b. Shapes broadcast as in NumPy; dtypes are equal. Integers wrap.",
    .source = kIeee,
    .commutative = true,
    .tolerance = kOneOperation,
    .simplify = &SimplifyMul,
});

constexpr ir::OpDef kDiv = Pointwise<DivFn>({
    .name = "div",
    .doc = "Quotient: y = a / b. Shapes broadcast as in NumPy; dtypes are equal. Integers truncate "
           "toward zero; x / 0 = 0 and the least integer / -1 wraps to itself, without a signal.",
    .source = kIeee,
    .tolerance = kOneOperation,
    .simplify = &SimplifyDiv,
});

constexpr ir::OpDef kMin = Pointwise<MinFn>({
    .name = "min",
    .doc = "Lesser value: y = min(a, b). Shapes broadcast as in NumPy; dtypes are equal. NaN if "
           "either is NaN; -0.0 is less than 0.0.",
    .source = "IEEE 754-2019, 9.6 minimum",
    .commutative = true,
    .tolerance = kOneOperation,
});

constexpr ir::OpDef kMax = Pointwise<MaxFn>({
    .name = "max",
    .doc = "Greater value: y = max(a, b). Shapes broadcast as in NumPy; dtypes are equal. NaN if "
           "either is NaN; -0.0 is less than 0.0.",
    .source = "IEEE 754-2019, 9.6 maximum",
    .commutative = true,
    .tolerance = kOneOperation,
});

constexpr ir::OpDef kNeg = Pointwise<NegFn>({
    .name = "neg",
    .doc = "Negation: y = -x, of the shape of x. The sign of zeros flips; integers wrap.",
    .source = "IEEE 754-2019, 5.5.1 negate",
    .tolerance = kOneOperation,
});

constexpr ir::OpDef kAbs = Pointwise<AbsFn>({
    .name = "abs",
    .doc = "Magnitude: y = |x|, of the shape of x. |-0.0| = 0.0; the least integer stays itself.",
    .source = "IEEE 754-2019, 5.5.1 abs",
    .tolerance = kOneOperation,
});

constexpr ir::OpDef kSqrt = Pointwise<SqrtFn>({
    .name = "sqrt",
    .doc = "Square root: y = sqrt(x), of the shape of x. NaN below zero; sqrt(-0.0) = -0.0.",
    .source = "IEEE 754-2019, 5.4.1 squareRoot",
    .tolerance = kOneOperation,
});

}  // namespace

GCOMP_DEFINE_OPS(arith, &kAdd, &kSub, &kMul, &kDiv, &kMin, &kMax, &kNeg, &kAbs, &kSqrt)

}  // namespace gcomp::kernels
