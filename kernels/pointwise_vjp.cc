#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {

using ir::Term;

Term PointwiseVjp::Widened(Term x) {
  bool narrow = x.dtype() == ir::DType::kF16 || x.dtype() == ir::DType::kBF16;
  return narrow ? ctx_.Cast(x, ir::DType::kF32) : x;
}

Term PointwiseVjp::x(size_t i) {
  if (operands_[i].present()) return operands_[i];
  Term operand = ctx_.operand(i);
  const ir::Value& value = ctx_.function().value(operand.id());
  if (value.kind == ir::Value::Kind::kLiteral) {
    const ir::Scalar literal = value.literal;
    operand =
        ctx_.CallGroups("const", {}, {{"splat", literal}}, ir::Type::Tensor(literal.dtype, {}));
  }
  operands_[i] = Widened(operand);
  return operands_[i];
}

std::optional<size_t> PointwiseVjp::IndexOfGroup(size_t g) const {
  const ir::Op& op = ctx_.op();
  if (op.group_begin[g] == op.group_begin[g + 1]) return std::nullopt;
  return op.group_begin[g];
}

Term PointwiseVjp::y() {
  if (!y_.present()) y_ = Widened(ctx_.result());
  return y_;
}

Term PointwiseVjp::dy() {
  if (!dy_.present()) dy_ = Widened(ctx_.cotangent());
  return dy_;
}

Term PointwiseVjp::Bounded(Term x, double low, double high) {
  return Call("min", {Call("max", {x, ctx_.Literal(low, x)}), ctx_.Literal(high, x)});
}

// With the greater of |x| and 1 taken out of the root.
Term PointwiseVjp::HypotOne(Term x) {
  Term a = Call("abs", {x});
  Term one = ctx_.Literal(1.0, a);
  Term great = Call("max", {a, one});
  Term ratio = Call("min", {a, one}) / great;
  return great * Call("sqrt", {1.0 + ratio * ratio});
}

void PointwiseVjp::Return(size_t i, Term gradient) {
  Term operand = ctx_.operand(i);
  const ir::Value& value = ctx_.function().value(operand.id());
  if (value.kind == ir::Value::Kind::kLiteral) return;
  ctx_.Return(i, ctx_.Cast(gradient, operand.dtype()));
}

namespace pointwise_internal {

bool HasGradient(ir::VjpCtx& ctx) {
  return ctx.cotangent().present() && ir::IsFloat(ctx.result().dtype());
}

}  // namespace pointwise_internal
}  // namespace gcomp::kernels
