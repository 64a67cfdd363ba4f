// Comparisons: eq ne lt le gt ge. The result is bool.
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

#define GCOMP_COMPARE_FN(name, expr)                         \
  struct name##Fn {                                          \
    static constexpr int kArity = 2;                         \
    static constexpr ir::DTypeSet kDTypes = ir::kRealDTypes; \
    template <class S>                                       \
    GCOMP_INLINE ir::BoolOf<S> operator()(S a, S b) const {  \
      return ir::expr;                                       \
    }                                                        \
  };
GCOMP_COMPARE_FN(Eq, Eq(a, b))
GCOMP_COMPARE_FN(Ne, Ne(a, b))
GCOMP_COMPARE_FN(Lt, Lt(a, b))
GCOMP_COMPARE_FN(Le, Le(a, b))
GCOMP_COMPARE_FN(Gt, Lt(b, a))
GCOMP_COMPARE_FN(Ge, Le(b, a))
#undef GCOMP_COMPARE_FN

template <class F>
constexpr ir::OpDef Comparison(std::string_view name, std::string_view doc, bool commutative) {
  return Pointwise<F, &InferPredicate>({
      .name = name,
      .doc = doc,
      .source = "IEEE 754-2019, 5.11 details of comparison predicates",
      .commutative = commutative,
      .tolerance = {.reason = "a comparison is exact"},
  });
}

constexpr ir::OpDef kEq = Comparison<EqFn>(
    "eq",
    "Equality: y = (a == b), as bool. Shapes broadcast as in NumPy; dtypes are equal. False if "
    "either is NaN; -0.0 equals 0.0.",
    true);
constexpr ir::OpDef kNe = Comparison<NeFn>(
    "ne",
    "Inequality: y = (a != b), as bool. Shapes broadcast as in NumPy; dtypes are equal. True if "
    "either is NaN; -0.0 equals 0.0.",
    true);
constexpr ir::OpDef kLt = Comparison<LtFn>(
    "lt",
    "Order: y = (a < b), as bool. Shapes broadcast as in NumPy; dtypes are equal. False if either "
    "is NaN; -0.0 equals 0.0; false is less than true.",
    false);
constexpr ir::OpDef kLe = Comparison<LeFn>(
    "le",
    "Order: y = (a <= b), as bool. Shapes broadcast as in NumPy; dtypes are equal. False if either "
    "is NaN; -0.0 equals 0.0; false is less than true.",
    false);
constexpr ir::OpDef kGt = Comparison<GtFn>(
    "gt",
    "Order: y = (a > b), as bool. Shapes broadcast as in NumPy; dtypes are equal. False if either "
    "is NaN; -0.0 equals 0.0; false is less than true.",
    false);
constexpr ir::OpDef kGe = Comparison<GeFn>(
    "ge",
    "Order: y = (a >= b), as bool. Shapes broadcast as in NumPy; dtypes are equal. False if either "
    "is NaN; -0.0 equals 0.0; false is less than true.",
    false);

}  // namespace

GCOMP_DEFINE_OPS(compare, &kEq, &kNe, &kLt, &kLe, &kGt, &kGe)

}  // namespace gcomp::kernels
