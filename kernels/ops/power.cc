// Powers: pow.
#include <limits>
#include <type_traits>

#include "kernels/all_ops.h"
#include "kernels/math_pow.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

// base^exponent by squaring over all bits of the exponent, without a branch on its value. What
// wraps in the width of S wraps in any narrower one.
template <class S>
GCOMP_INLINE S IntegerPower(S base, S exponent) {
  using T = ir::NativeOf<S>;
  S zero = ir::Constant(base, 0);
  S one = ir::Constant(base, 1);
  S power = one;
  S square = base;
#pragma GCC unroll 64
  for (int bit = 0; bit < std::numeric_limits<T>::digits; ++bit) {
    S chosen = ir::And(ir::Shr(exponent, ir::Constant(base, bit)), one);
    power = ir::Select(ir::Ne(chosen, zero), ir::Mul(power, square), power);
    square = ir::Mul(square, square);
  }
  if constexpr (std::is_signed_v<T>) {
    // A negative exponent: 1 / base^|exponent|, which is an integer for 1 and -1 alone.
    S minus_one = ir::Constant(base, -1);
    S odd = ir::Select(ir::Ne(ir::And(exponent, one), zero), minus_one, one);
    S inverse = ir::Select(ir::Eq(base, one), one, ir::Select(ir::Eq(base, minus_one), odd, zero));
    return ir::Select(ir::Lt(exponent, zero), inverse, power);
  } else {
    return power;
  }
}

struct PowFn {
  static constexpr int kArity = 2;
  static constexpr ir::DTypeSet kDTypes = ir::kNumericDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S a, S b) const {
    if constexpr (std::is_floating_point_v<ir::NativeOf<S>>) {
      return Pow(a, b);
    } else {
      return IntegerPower(a, b);
    }
  }
};

// To the base: b a^(b - 1), 0 where b is 0; for a < 0 its sign is right while b - 1 is not b. To
// the exponent: y ln(a), 0 where a is 0 and b >= 0.
void VjpOfPow(PointwiseVjp& v) {
  ir::Term a = v.x(0);
  ir::Term b = v.x(1);
  ir::Term slope = b * v.Call("pow", {a, b - 1.0});
  v.Return(0, v.dy() * v.Where(v.Compare("ne", b, 0.0), slope));
  ir::Term flat = v.Call("and", {v.Compare("eq", a, 0.0), v.Compare("ge", b, 0.0)});
  v.Return(1, v.dy() * v.Where(v.Call("not", {flat}), v.y() * v.Call("log", {a})));
}

constexpr ir::OpDef kPow = Pointwise<PowFn>({
    .name = "pow",
    .doc = "Power: y = a^b. Shapes broadcast as in NumPy; dtypes are equal. Floats: special values "
           "as in C Annex F (1 where b is 0 or a is 1, NaN for a < 0 and b no integer). Integers: "
           "repeated multiplication, wrapping, 0^0 = 1; with a negative exponent 1 for base 1, +-1 "
           "for base -1, else 0. Derivative: to a it is 0 where b is 0; to b it is 0 where a is 0 "
           "and b >= 0.",
    .source = "kernels/math.h; special values: ISO C17 Annex F, F.10.4.4",
    .tolerance = {.ulp = 2, .reason = "the function's own bound (kernels/math.h); integers exact"},
    .vjp = kVjpBy<VjpOfPow>,
});

}  // namespace

GCOMP_DEFINE_OPS(power, &kPow)

}  // namespace gcomp::kernels
