// VjpCtx: what the derivative rule of an op (OpDef::vjp) sees, and where it writes.
//
// A rule gives, for each operand that has a gradient, the cotangent of that operand: the vector-
// Jacobian product of the cotangents of the results, written as ops.
//
//   // y = tanh(x)
//   [](VjpCtx& ctx) { ctx.Return(0, ctx.cotangent() * (1.0 - ctx.result() * ctx.result())); }
//
// Where the derivative jumps, the conventions of docs/numerics.md hold.
#pragma once

#include <span>
#include <vector>

#include "ir/emitter.h"

namespace gcomp::ir {

// Thread safety: one thread; concerns one op.
class VjpCtx : public Emitter {
 public:
  // cotangents[r]: of result r; an invalid id = zero.
  VjpCtx(Builder& builder, Function& function, const Op& op, std::span<const ValueId> cotangents)
      : Emitter(builder, function),
        op_(op),
        attrs_(*op.def, op_),
        cotangents_(cotangents.begin(), cotangents.end()),
        gradients_(op.operands.size()) {}

  VjpCtx(const VjpCtx&) = delete;
  VjpCtx& operator=(const VjpCtx&) = delete;

  const Op& op() const { return op_; }

  const AttrReader& attrs() const { return attrs_; }

  size_t num_operands() const { return op_.operands.size(); }

  // By flat index.
  Term operand(size_t i) { return Of(op_.operands[i]); }

  // By group of the schema; absent if it is not given.
  Term group(size_t g) {
    std::span<const ValueId> ids = function().Group(op_, g);
    return ids.empty() ? Term() : Of(ids[0]);
  }

  Term result(size_t r = 0) { return Of(op_.results[r]); }

  // Absent = zero.
  Term cotangent(size_t r = 0) { return cotangents_[r].valid() ? Of(cotangents_[r]) : Term(); }

  // The cotangent of operand i (flat index), of the operand's dtype. Its shape is the operand's, or
  // one that the operand broadcasts to: it is summed over the broadcast axes then. Not called =
  // zero.
  void Return(size_t i, Term gradient);

  const std::vector<Term>& gradients() const { return gradients_; }

 private:
  const Op op_;  // a copy: writing ops moves those of the function
  AttrReader attrs_;
  std::vector<ValueId> cotangents_;
  std::vector<Term> gradients_;
};

// Writes the derivative of `op`: one value per operand, invalid where it is zero. Fails with E511
// where the op has no rule, saying why, and as the rule's ops do.
StatusOr<std::vector<ValueId>> BuildVjp(Builder& builder, Function& function, const Op& op,
                                        std::span<const ValueId> cotangents);

}  // namespace gcomp::ir
