#include "kernels/reshape_sizes.h"

#include <algorithm>

#include "base/format.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Type;

// The size that -1 stands for: what is left of x's sizes after the other sizes of the shape. Equal
// sizes cancel first, so that [s0, s1, 8] -> [s0, -1] finds 8 * s1 although s0 may be 0.
StatusOr<Expr> MissingSize(const InferCtx& ctx, const Type& x, const Dims& shape) {
  Dims have = x.dims();
  Expr rest = 1;
  for (const Expr& size : shape) {
    if (size.IsConst(-1)) continue;
    auto it = std::find(have.begin(), have.end(), size);
    if (it != have.end() && !size.IsConst(0)) {
      have.erase(it);
    } else {
      rest = Expr::Mul(rest, size);
    }
  }
  Expr total = 1;
  for (const Expr& size : have) total = Expr::Mul(total, size);
  if (rest.IsConst(0)) {
    return ctx.Fail("shape has both -1 and 0: the size of -1 is not determined", ErrorId::E508);
  }
  Expr size = rest.IsConst(1) ? total : Expr::FloorDiv(total, rest);
  if (Expr::Mul(size, rest) != total) {
    return ctx.Fail(Format("size of -1 would be {} / {}, which is not known to be whole; x is {}",
                           ctx.Show(total), ctx.Show(rest), ctx.Show(x)));
  }
  return size;
}

}  // namespace

StatusOr<Dims> ReshapeSizes(const InferCtx& ctx, const Type& x) {
  Dims shape = ctx.attrs().Sizes("shape").value_or(Dims());
  size_t missing = shape.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i].IsConst(-1)) {
      if (missing != shape.size()) return ctx.Fail("shape has more than one -1", ErrorId::E508);
      missing = i;
    } else if (ir::RangeOf(shape[i], ctx.function().Ranger()).high < 0) {
      return ctx.Fail(Format("size {} of axis {} is negative", ctx.Show(shape[i]), i),
                      ErrorId::E508);
    }
  }
  if (missing != shape.size()) {
    GCOMP_ASSIGN_OR_RETURN(shape[missing], MissingSize(ctx, x, shape));
  }
  const Expr total = Type::Tensor(x.dtype(), shape).NumElements();
  if (total.is_poison()) {
    return ctx.Fail("the number of elements of shape overflows 64 bits", ErrorId::E503);
  }
  if (!ctx.SameSize(total, x.NumElements())) {
    return ctx.Fail(Format("shape has {} elements, x {} has {}", ctx.Show(total), ctx.Show(x),
                           ctx.Show(x.NumElements())));
  }
  return shape;
}

}  // namespace gcomp::kernels
