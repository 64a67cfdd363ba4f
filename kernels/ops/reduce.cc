// Reductions: reduce_sum reduce_max reduce_min.
#include "kernels/reduce.h"

#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

constexpr std::string_view kOrder = "docs/numerics.md, The order of a reduction";

constexpr ir::OpDef kReduceSum = Reduction<SumFn>({
    .name = "reduce_sum",
    .doc =
        "Sum over axes: y[...] = sum of x over `dims`, without those axes (with keep_dims, they "
        "stay with size 1). x: [d0, ..., dn]. Added in the fixed order of docs/numerics.md; f16 "
        "and bf16 in f32, rounded once; integers wrap in their own width. The sum of no elements "
        "is 0.",
    .source = kOrder,
    .tolerance = {.ulp = 1,
                  .rtol = 1e-5,
                  .reason = "each addition rounds; relative to the sum of magnitudes"},
    .vjp = ir::NotYet(kNoVjpYet),
});

constexpr ir::OpDef kReduceMax = Reduction<MaxFn>({
    .name = "reduce_max",
    .doc = "Greatest value over axes: y[...] = max of x over `dims`, without those axes (with "
           "keep_dims, they stay with size 1). x: [d0, ..., dn]. NaN if any is NaN; -0.0 is less "
           "than 0.0. Reducing an empty axis is an error (E504).",
    .source = kOrder,
    .tolerance = {.reason = "one of the values is copied"},
    .vjp = ir::NotYet(kNoVjpYet),
});

constexpr ir::OpDef kReduceMin = Reduction<MinFn>({
    .name = "reduce_min",
    .doc = "Least value over axes: y[...] = min of x over `dims`, without those axes (with "
           "keep_dims, they stay with size 1). x: [d0, ..., dn]. NaN if any is NaN; -0.0 is less "
           "than 0.0. Reducing an empty axis is an error (E504).",
    .source = kOrder,
    .tolerance = {.reason = "one of the values is copied"},
    .vjp = ir::NotYet(kNoVjpYet),
});

}  // namespace

GCOMP_DEFINE_OPS(reduce, &kReduceSum, &kReduceMax, &kReduceMin)

}  // namespace gcomp::kernels
