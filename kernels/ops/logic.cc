// Logic on bool, bit by bit on integers: and or xor not, the same as bitwise_and bitwise_or
// bitwise_xor bitwise_not, and shifts: shl shr.
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

constexpr ir::DTypeSet kLogicDTypes = ir::kBoolDType | ir::kIntegerDTypes;

GCOMP_BINARY_FN(And, kLogicDTypes, ir::And(a, b))
GCOMP_BINARY_FN(Or, kLogicDTypes, ir::Or(a, b))
GCOMP_BINARY_FN(Xor, kLogicDTypes, ir::Xor(a, b))
GCOMP_UNARY_FN(Not, kLogicDTypes, ir::Not(x))
GCOMP_BINARY_FN(Shl, ir::kIntegerDTypes, ir::Shl(a, b))
GCOMP_BINARY_FN(Shr, ir::kIntegerDTypes, ir::Shr(a, b))

constexpr ir::Tolerance kExactBits{.reason = "bits are combined, nothing is rounded"};
constexpr std::string_view kBoole = "Boolean algebra, per bit";

constexpr ir::Vjp kNoVjp = ir::NotDifferentiable("operands and result are integers or bool");

template <class F>
constexpr ir::OpDef Logic(std::string_view name, std::string_view doc, bool commutative) {
  return Pointwise<F>({.name = name,
                       .doc = doc,
                       .source = kBoole,
                       .commutative = commutative,
                       .tolerance = kExactBits,
                       .vjp = kNoVjp});
}

constexpr std::string_view kAndDoc =
    "Conjunction: y = a & b; logical for bool, bitwise for integers. Shapes broadcast as in NumPy; "
    "dtypes are equal.";
constexpr std::string_view kOrDoc =
    "Disjunction: y = a | b; logical for bool, bitwise for integers. Shapes broadcast as in NumPy; "
    "dtypes are equal.";
constexpr std::string_view kXorDoc =
    "Exclusive or: y = a ^ b; logical for bool, bitwise for integers. Shapes broadcast as in "
    "NumPy; dtypes are equal.";
constexpr std::string_view kNotDoc =
    "Complement: y = not x, of the shape of x; logical for bool, all bits for integers.";

// Two names for one op: the first is that of logic, the second that of bits.
constexpr ir::OpDef kAnd = Logic<AndFn>("and", kAndDoc, true);
constexpr ir::OpDef kBitwiseAnd = Logic<AndFn>("bitwise_and", kAndDoc, true);
constexpr ir::OpDef kOr = Logic<OrFn>("or", kOrDoc, true);
constexpr ir::OpDef kBitwiseOr = Logic<OrFn>("bitwise_or", kOrDoc, true);
constexpr ir::OpDef kXor = Logic<XorFn>("xor", kXorDoc, true);
constexpr ir::OpDef kBitwiseXor = Logic<XorFn>("bitwise_xor", kXorDoc, true);
constexpr ir::OpDef kNot = Logic<NotFn>("not", kNotDoc, false);
constexpr ir::OpDef kBitwiseNot = Logic<NotFn>("bitwise_not", kNotDoc, false);

constexpr ir::OpDef kShl = Pointwise<ShlFn>({
    .name = "shl",
    .doc = "Left shift: y = a * 2^b, wrapping. Shapes broadcast as in NumPy; dtypes are equal. 0 "
           "where b is negative or not less than the width.",
    .source = "docs/numerics.md",
    .tolerance = kExactBits,
    .vjp = kNoVjp,
});

constexpr ir::OpDef kShr = Pointwise<ShrFn>({
    .name = "shr",
    .doc = "Right shift: y = floor(a / 2^b); the sign comes in for signed integers, 0 for unsigned "
           "ones. Shapes broadcast as in NumPy; dtypes are equal. Where b is negative or not less "
           "than the width, -1 for a < 0, else 0.",
    .source = "docs/numerics.md",
    .tolerance = kExactBits,
    .vjp = kNoVjp,
});

}  // namespace

GCOMP_DEFINE_OPS(logic, &kAnd, &kOr, &kXor, &kNot, &kBitwiseAnd, &kBitwiseOr, &kBitwiseXor,
                 &kBitwiseNot, &kShl, &kShr)

}  // namespace gcomp::kernels
