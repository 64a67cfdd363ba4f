#include "kernels/dynamic_size.h"

#include <optional>
#include <string>

#include "base/format.h"

namespace gcomp::kernels {

StatusOr<ir::Expr> DefinedSize(const ir::InferCtx& ctx, const ir::Expr& least,
                               const ir::Expr& most) {
  const std::vector<ir::SymId>& defines = ctx.op().defines;
  if (defines.size() != 1) {
    return ctx.Fail(
        Format("defines one size symbol, `defines u in [..]`; found {}", defines.size()),
        ErrorId::E503);
  }
  GCOMP_ENSURE(defines[0].index() < ctx.function().symbols.size(), "symbols are in their table");
  const ir::Symbol& symbol = ctx.function().symbols[defines[0].index()];
  auto ranger = ctx.function().Ranger();
  const bool too_high =
      !most.is_poison() && ir::RangeOf(symbol.low, ranger).low > ir::RangeOf(most, ranger).high;
  const bool too_low = symbol.high.has_value() &&
                       ir::RangeOf(*symbol.high, ranger).high < ir::RangeOf(least, ranger).low;
  if (too_high || too_low) {
    return ctx.Fail(Format("the range of {} leaves out all of [{}, {}], where its values lie",
                           symbol.name, ctx.Show(least), ctx.Show(most)),
                    ErrorId::E503);
  }
  return ir::Expr::Symbol(defines[0]);
}

Status DynamicKernel::Run(const ir::KernelArgs& /*args*/) const {
  return Status(ErrorId::E999, "a kernel was run without a place for results of unknown sizes");
}

}  // namespace gcomp::kernels
