// select: one of two values per element.
#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

struct SelectFn {
  static constexpr int kArity = 3;
  static constexpr size_t kPredicate = 0;
  static constexpr ir::DTypeSet kDTypes = ir::kRealDTypes;

  template <class S>
  GCOMP_INLINE S operator()(ir::BoolOf<S> p, S a, S b) const {
    return ir::Select(p, a, b);
  }
};

constexpr ir::OperandSpec kOperands[] = {{.name = "p", .dtypes = ir::kBoolDType},
                                         {.name = "a", .dtypes = ir::kRealDTypes},
                                         {.name = "b", .dtypes = ir::kRealDTypes}};

Status Infer(ir::InferCtx& ctx) {
  if (ctx.operand(1).dtype() != ctx.operand(2).dtype()) {
    return ctx.Fail(Format("values have dtypes {} and {}; they must be equal (use cast)",
                           NameOf(ctx.operand(1).dtype()), NameOf(ctx.operand(2).dtype())));
  }
  GCOMP_ASSIGN_OR_RETURN(ir::Dims dims, ir::BroadcastDims(ctx, ctx.op().operands));
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(ir::Type::Tensor(ctx.operand(1).dtype(), std::move(dims), {}, std::move(device)));
  return Status();
}

constexpr ir::OpDef kSelect = Pointwise<SelectFn, &Infer>({
    .name = "select",
    .doc = "Choice: y = a where p, else b. p is bool; a and b have equal dtypes; all three shapes "
           "broadcast as in NumPy.",
    .source = "the conditional operator, per element",
    .operands = kOperands,
    .tolerance = {.reason = "values are copied"},
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      v.Return(1, v.Where(v.x(0), v.dy()));
      v.Return(2, v.Select(v.x(0), v.Literal(0.0, v.dy()), v.dy()));
    }>,
});

}  // namespace

GCOMP_DEFINE_OPS(select, &kSelect)

}  // namespace gcomp::kernels
