// DecomposeCtx: what an op's decomposition sees (Lowering::kDecompose), and where it writes.
//
//   void DecomposeMseLoss(DecomposeCtx& ctx) {
//     Term d = ctx.Widened(ctx.operand(0)) - ctx.Widened(ctx.operand(1));
//     ctx.Return(ctx.Call("reduce_mean", {d * d}));
//   }
//
// Ops that are formulas of other ops need no kernel: the pass `decompose` puts the formula in their
// place when a session loads the module, before anything runs, so that all tiers see the same ops
// and the same bits. A formula that returns nothing leaves the op as it is, which then must have a
// kernel (batch_norm in inference).
//
// f16 and bf16: an op rounds once. Widened() gives an operand in f32, and Return() rounds to the
// dtype of the result.
#pragma once

#include <vector>

#include "ir/emitter.h"

namespace gcomp::ir {

// Thread safety: one thread; concerns one op.
class DecomposeCtx : public Emitter {
 public:
  DecomposeCtx(Builder& builder, Function& function, const Op& op)
      : Emitter(builder, function), op_(op), attrs_(*op.def, op_) {}

  DecomposeCtx(const DecomposeCtx&) = delete;
  DecomposeCtx& operator=(const DecomposeCtx&) = delete;

  const Op& op() const { return op_; }

  const AttrReader& attrs() const { return attrs_; }

  // The operand of group g of the schema; absent if it is not given.
  Term operand(size_t g);
  // All operands of group g.
  std::vector<Term> operands(size_t g);

  const Type& result_type(size_t i = 0) const { return function().value(op_.results[i]).type; }

  // f16 and bf16 as f32; others, and absent terms, as they are.
  Term Widened(Term x);

  // The next result, cast to the dtype that the op has for it.
  void Return(Term result);

  // The next result as it is: of the op's own type already.
  void ReturnAsIs(Term result) { returned_.push_back(result); }

  // Takes the last result back, for a formula that goes on from another op's.
  Term TakeReturned() {
    Term last = returned_.empty() ? Term() : returned_.back();
    if (!returned_.empty()) returned_.pop_back();
    return last;
  }

  const std::vector<Term>& returned() const { return returned_; }

 private:
  const Op op_;  // a copy: writing ops moves those of the function
  AttrReader attrs_;
  std::vector<Term> returned_;
};

}  // namespace gcomp::ir
