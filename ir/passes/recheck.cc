#include "ir/passes/recheck.h"

#include "ir/diagnostic.h"
#include "ir/op_def.h"
#include "ir/verify_op.h"

namespace gcomp::ir {
namespace {

bool YieldsValues(const Function& function, const Block& block) {
  for (ValueId yield : block.yields) {
    if (function.value(yield).kind == Value::Kind::kLiteral) return false;
  }
  return true;
}

}  // namespace

bool StillVerifies(const Module& module, const Function& function, OpId id, SizeFacts& facts) {
  const Op& op = function.op(id);
  Diagnostics diagnostics;
  if (!CheckOpAgainstSchema(function, op, diagnostics)) return false;
  for (BlockId region : op.regions) {
    const size_t mark = facts.mark();
    for (OpId inner : function.block(region).ops) {
      if (!StillVerifies(module, function, inner, facts)) return false;
    }
    facts.Forget(mark);
    if (!YieldsValues(function, function.block(region))) return false;
  }
  InferCtx ctx(module, function, op, &facts);
  if (!op.def->infer(ctx).ok() || ctx.results().size() != op.results.size()) return false;
  for (size_t i = 0; i < op.results.size(); ++i) {
    if (function.value(op.results[i]).type != ctx.results()[i]) return false;
  }
  LearnSizes(op, facts);
  return true;
}

}  // namespace gcomp::ir
