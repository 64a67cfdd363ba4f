#include "ir/vjp.h"

#include <cstdint>

#include "base/format.h"

namespace gcomp::ir {

void VjpCtx::Return(size_t i, Term gradient) {
  if (!gradient.present()) return;
  const Dims sizes = operand(i).sizes();
  const Dims& wide = gradient.sizes();
  std::vector<int64_t> summed;
  for (size_t d = 0; d < wide.size(); ++d) {
    size_t added = wide.size() - sizes.size();  // axes that broadcasting put in front
    if (d < added || (sizes[d - added].IsConst(1) && !wide[d].IsConst(1))) {
      summed.push_back(static_cast<int64_t>(d));
    }
  }
  gradients_[i] = Reshape(ReduceSum(gradient, summed, false), sizes);
}

StatusOr<std::vector<ValueId>> BuildVjp(Builder& builder, Function& function, const Op& op,
                                        std::span<const ValueId> cotangents) {
  const OpDef& def = *op.def;
  if (def.vjp.rule == nullptr) {
    return Status(ErrorId::E511, Format("{} has no derivative: {}", def.name, def.vjp.reason));
  }
  VjpCtx ctx(builder, function, op, cotangents);
  def.vjp.rule(ctx);
  GCOMP_RETURN_IF_ERROR(ctx.TakeStatus());
  std::vector<ValueId> gradients;
  for (const Term& gradient : ctx.gradients()) {
    gradients.push_back(gradient.present() ? gradient.id() : ValueId());
  }
  return gradients;
}

}  // namespace gcomp::ir
