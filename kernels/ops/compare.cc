// Comparisons: eq ne lt le gt ge. The result is bool.
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

GCOMP_BINARY_FN(Eq, ir::kRealDTypes, ir::Eq(a, b))
GCOMP_BINARY_FN(Ne, ir::kRealDTypes, ir::Ne(a, b))
GCOMP_BINARY_FN(Lt, ir::kRealDTypes, ir::Lt(a, b))
GCOMP_BINARY_FN(Le, ir::kRealDTypes, ir::Le(a, b))
GCOMP_BINARY_FN(Gt, ir::kRealDTypes, ir::Lt(b, a))
GCOMP_BINARY_FN(Ge, ir::kRealDTypes, ir::Le(b, a))

template <class F>
constexpr ir::OpDef Comparison(std::string_view name, std::string_view doc, bool commutative) {
  return Pointwise<F, &InferPredicate>({
      .name = name,
      .doc = doc,
      .source = "IEEE 754-2019, 5.11 details of comparison predicates",
      .commutative = commutative,
      .tolerance = {.reason = "a comparison is exact"},
      .vjp = ir::NotDifferentiable("the result is bool"),
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
