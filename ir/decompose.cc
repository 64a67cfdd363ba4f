#include "ir/decompose.h"

#include "base/format.h"

namespace gcomp::ir {

Term DecomposeCtx::operand(size_t g) {
  std::vector<Term> all = operands(g);
  return all.empty() ? Term() : all[0];
}

std::vector<Term> DecomposeCtx::operands(size_t g) {
  std::vector<Term> terms;
  for (ValueId id : function().Group(op_, g)) terms.push_back(Of(id));
  return terms;
}

Term DecomposeCtx::Widened(Term x) {
  if (!x.present()) return x;
  bool half = x.dtype() == DType::kF16 || x.dtype() == DType::kBF16;
  return half ? Cast(x, DType::kF32) : x;
}

void DecomposeCtx::Return(Term result) {
  size_t index = returned_.size();
  if (!result.present() && ok()) {
    Fail(Status(ErrorId::E999, Format("broken invariant: the formula of {} returns an absent value",
                                      op_.def->name)));
  }
  if (result.present() && index < op_.results.size()) {
    result = Cast(result, result_type(index).dtype());
  }
  returned_.push_back(result);
}

}  // namespace gcomp::ir
