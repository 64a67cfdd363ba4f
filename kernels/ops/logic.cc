// Logic on bool, bit by bit on integers: and or xor not.
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

constexpr ir::DTypeSet kLogicDTypes = ir::kBoolDType | ir::kIntegerDTypes;

#define GCOMP_LOGIC_FN(name)                              \
  struct name##Fn {                                       \
    static constexpr int kArity = 2;                      \
    static constexpr ir::DTypeSet kDTypes = kLogicDTypes; \
    template <class S>                                    \
    GCOMP_INLINE S operator()(S a, S b) const {           \
      return ir::name(a, b);                              \
    }                                                     \
  };
GCOMP_LOGIC_FN(And)
GCOMP_LOGIC_FN(Or)
GCOMP_LOGIC_FN(Xor)
#undef GCOMP_LOGIC_FN

struct NotFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = kLogicDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    return ir::Not(x);
  }
};

constexpr ir::Tolerance kExactBits{.reason = "bits are combined, nothing is rounded"};
constexpr std::string_view kBoole = "Boolean algebra, per bit";

constexpr ir::OpDef kAnd = Pointwise<AndFn>({
    .name = "and",
    .doc = "Conjunction: y = a & b; logical for bool, bitwise for integers. Shapes broadcast as in "
           "NumPy; dtypes are equal.",
    .source = kBoole,
    .commutative = true,
    .tolerance = kExactBits,
});

constexpr ir::OpDef kOr = Pointwise<OrFn>({
    .name = "or",
    .doc = "Disjunction: y = a | b; logical for bool, bitwise for integers. Shapes broadcast as in "
           "NumPy; dtypes are equal.",
    .source = kBoole,
    .commutative = true,
    .tolerance = kExactBits,
});

constexpr ir::OpDef kXor = Pointwise<XorFn>({
    .name = "xor",
    .doc =
        "Exclusive or: y = a ^ b; logical for bool, bitwise for integers. Shapes broadcast as in "
        "NumPy; dtypes are equal.",
    .source = kBoole,
    .commutative = true,
    .tolerance = kExactBits,
});

constexpr ir::OpDef kNot = Pointwise<NotFn>({
    .name = "not",
    .doc = "Complement: y = not x, of the shape of x; logical for bool, all bits for integers.",
    .source = kBoole,
    .tolerance = kExactBits,
});

}  // namespace

GCOMP_DEFINE_OPS(logic, &kAnd, &kOr, &kXor, &kNot)

}  // namespace gcomp::kernels
