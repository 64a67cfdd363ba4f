// PointwiseVjp: what the derivative rule of a pointwise op sees, and the rules' shared formulas.
//
//   .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * (1.0 - v.y() * v.y())); }>
//
// Over ir::VjpCtx it takes care of what all pointwise rules need:
//   - f16 and bf16 are computed in f32, and each gradient rounds once before it is summed over
//     broadcast axes;
//   - a literal operand is given as a constant, so that formulas may combine it with numbers, and
//     gets no gradient;
//   - the rule is not called where the result has no cotangent or is no float: all is zero then.
//
// What only an unread gradient needs (that of a literal operand, of an input) is left to `dce`.
//
// Rules hold where the op has a derivative, and give the conventions of docs/numerics.md where it
// jumps. They prefer forms that do not overflow where the derivative does not.
#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "ir/vjp.h"

namespace gcomp::kernels {

// Thread safety: one thread; concerns one op.
class PointwiseVjp {
 public:
  explicit PointwiseVjp(ir::VjpCtx& ctx) : ctx_(ctx), operands_(ctx.num_operands()) {}

  PointwiseVjp(const PointwiseVjp&) = delete;
  PointwiseVjp& operator=(const PointwiseVjp&) = delete;

  const ir::AttrReader& attrs() const { return ctx_.attrs(); }

  // Operand i by flat index.
  ir::Term x(size_t i = 0);
  // The flat index of the operand in group g of the schema; nullopt if it is not given.
  std::optional<size_t> IndexOfGroup(size_t g) const;
  ir::Term y();
  ir::Term dy();

  ir::Term Call(std::string_view op, std::initializer_list<ir::Term> operands) {
    return ctx_.Call(op, operands);
  }

  ir::Term Literal(double value, ir::Term like) { return ctx_.Literal(value, like); }

  // A comparison (lt, le, gt, ge, eq) with a number.
  ir::Term Compare(std::string_view op, ir::Term a, double b) {
    return ctx_.Call(op, {a, ctx_.Literal(b, a)});
  }

  ir::Term Select(ir::Term p, ir::Term a, ir::Term b) { return ctx_.Select(p, a, b); }

  // a where p, else 0: without a product, which would make NaN of 0 * inf.
  ir::Term Where(ir::Term p, ir::Term a) { return ctx_.Select(p, a, ctx_.Literal(0.0, a)); }

  // x forced into [low, high]: keeps 0 * inf out of products that vanish past the bounds.
  ir::Term Bounded(ir::Term x, double low, double high);
  // sqrt(1 + x^2), without overflow of x^2.
  ir::Term HypotOne(ir::Term x);

  // The cotangent of operand i: as ir::VjpCtx::Return.
  void Return(size_t i, ir::Term gradient);

 private:
  ir::Term Widened(ir::Term x);

  ir::VjpCtx& ctx_;
  std::vector<ir::Term> operands_;  // those asked for so far
  ir::Term y_;
  ir::Term dy_;
};

namespace pointwise_internal {

// True if there is anything to give: the op has a floating result with a cotangent.
bool HasGradient(ir::VjpCtx& ctx);

}  // namespace pointwise_internal

// The rule that kRule, a function of PointwiseVjp&, writes.
template <auto kRule>
inline constexpr ir::Vjp kVjpBy = {.rule = [](ir::VjpCtx& ctx) {
  if (!pointwise_internal::HasGradient(ctx)) return;
  PointwiseVjp v(ctx);
  kRule(v);
}};

// Steps: flat wherever they have a derivative, and 0 by convention where they jump.
inline constexpr ir::Vjp kZeroVjp = {.rule = [](ir::VjpCtx&) {}};

}  // namespace gcomp::kernels
