// Division with remainder: floor_div rem fmod.
#include <type_traits>

#include "kernels/all_ops.h"
#include "kernels/math_round.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

// Qualified: the Fmod that argument-dependent lookup finds for expressions is the primitive, which
// is for floats alone.
GCOMP_BINARY_FN(Fmod, ir::kNumericDTypes, kernels::Fmod(a, b))

GCOMP_BINARY_FN(Rem, ir::kNumericDTypes, kernels::Rem(a, b))
GCOMP_BINARY_FN(FloorDiv, ir::kNumericDTypes, kernels::FloorDiv(a, b))

// y = a - n b: the integer n is (a - y) / b but for the rounding of two operations.
void VjpOfRemainder(PointwiseVjp& v) {
  ir::Term n = v.Call("round", {(v.x(0) - v.y()) / v.x(1)});
  v.Return(0, v.dy());
  v.Return(1, -(v.dy() * n));
}

constexpr ir::OpDef kFloorDiv = Pointwise<FloorDivFn>({
    .name = "floor_div",
    .doc = "Quotient rounded down: y = floor(a / b). Shapes broadcast as in NumPy; dtypes are "
           "equal. Floats: (a - fmod(a, b)) / b, less 1 where rem adds b, to the nearest integer, "
           "a zero with the sign of a / b; "
           "a / b where b is 0. Integers: x / 0 = 0, the least integer / -1 wraps to itself. "
           "Derivative: 0.",
    .source = "Python language reference, 6.7 binary arithmetic operations (//)",
    .tolerance = {.ulp = 1, .reason = "the quotient of exact remainders rounds once"},
    .vjp = kZeroVjp,
});

constexpr ir::OpDef kRem = Pointwise<RemFn>({
    .name = "rem",
    .doc =
        "Remainder of the quotient rounded down: y = a - b floor(a / b), with the sign of b, "
        "also where it is 0. Shapes broadcast as in NumPy; dtypes are equal. Floats: NaN where b "
        "is 0 or a is infinite; where the signs of a and b differ, fmod(a, b) + b rounds once, "
        "else y is exact. Integers: 0 where b is 0.",
    .source = "Python language reference, 6.7 binary arithmetic operations (%)",
    .tolerance = {.reason = "an exact remainder and one rounded sum"},
    .vjp = kVjpBy<VjpOfRemainder>,
});

constexpr ir::OpDef kFmod = Pointwise<FmodFn>({
    .name = "fmod",
    .doc = "Remainder of the quotient rounded toward zero: y = a - b trunc(a / b), exact, with the "
           "sign of a. Shapes broadcast as in NumPy; dtypes are equal. Floats: NaN where b is 0 or "
           "a is infinite; a where b is infinite. Integers: 0 where b is 0.",
    .source = "ISO C17, 7.12.10.1 fmod and Annex F",
    .tolerance = {.reason = "the remainder is exact"},
    .vjp = kVjpBy<VjpOfRemainder>,
});

}  // namespace

GCOMP_DEFINE_OPS(division, &kFloorDiv, &kRem, &kFmod)

}  // namespace gcomp::kernels
