#include "ir/emitter.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/format.h"

namespace gcomp::ir {
namespace {

const Type kNoType;

// Absent where a side is: a failure was told to its emitter when it happened.
Term Binary(std::string_view op, Term a, Term b) {
  if (!a.present() || !b.present()) return {};
  return a.emitter()->Call(op, {a, b});
}

Term Binary(std::string_view op, Term a, double b) {
  return a.present() ? Binary(op, a, a.emitter()->Literal(b, a)) : Term();
}

Term Binary(std::string_view op, double a, Term b) {
  return b.present() ? Binary(op, b.emitter()->Literal(a, b), b) : Term();
}

}  // namespace

// ---- Term ---------------------------------------------------------------------------------------

const Type& Term::type() const {
  return present() ? emitter_->function().value(id_).type : kNoType;
}

Expr Term::size(int axis) const {
  return axis >= 0 && axis < rank() ? sizes()[static_cast<size_t>(axis)] : Expr(1);
}

Term operator+(Term a, Term b) {
  return Binary("add", a, b);
}

Term operator+(Term a, double b) {
  return Binary("add", a, b);
}

Term operator+(double a, Term b) {
  return Binary("add", a, b);
}

Term operator-(Term a, Term b) {
  return Binary("sub", a, b);
}

Term operator-(Term a, double b) {
  return Binary("sub", a, b);
}

Term operator-(double a, Term b) {
  return Binary("sub", a, b);
}

Term operator*(Term a, Term b) {
  return Binary("mul", a, b);
}

Term operator*(Term a, double b) {
  return Binary("mul", a, b);
}

Term operator*(double a, Term b) {
  return Binary("mul", a, b);
}

Term operator/(Term a, Term b) {
  return Binary("div", a, b);
}

Term operator/(Term a, double b) {
  return Binary("div", a, b);
}

Term operator/(double a, Term b) {
  return Binary("div", a, b);
}

Term operator-(Term a) {
  return a.present() ? a.emitter()->Call("neg", {a}) : Term();
}

// ---- Attribute values ---------------------------------------------------------------------------

AttrValue IntsAttr(std::span<const int64_t> values) {
  AttrList list;
  for (int64_t value : values) list.push_back(Expr(value));
  return list;
}

AttrValue IntsAttr(std::initializer_list<int64_t> values) {
  return IntsAttr(std::span(values.begin(), values.size()));
}

AttrValue SizesAttr(const Dims& sizes) {
  AttrList list;
  for (const Expr& size : sizes) list.push_back(size);
  return list;
}

// ---- Emitter ------------------------------------------------------------------------------------

void Emitter::Fail(Status status) {
  if (status_.ok()) status_ = std::move(status);
}

std::vector<ValueId> Emitter::Add(std::string_view op, OpArgs args) {
  if (!status_.ok()) return {};
  StatusOr<std::vector<ValueId>> results = builder_.Add(op, std::move(args));
  if (results.ok()) return *std::move(results);
  Fail(std::move(results).status());
  return {};
}

Term Emitter::Call(std::string_view op, std::initializer_list<Term> operands, AttrDict attrs) {
  return Call(op, std::span(operands.begin(), operands.size()), std::move(attrs));
}

Term Emitter::Call(std::string_view op, std::span<const Term> operands, AttrDict attrs) {
  if (!status_.ok()) return {};
  std::vector<ValueId> ids;
  for (const Term& operand : operands) {
    if (!operand.present()) {
      Fail(Status(ErrorId::E999, Format("broken invariant: {} on an absent value", op)));
      return {};
    }
    ids.push_back(operand.id());
  }
  StatusOr<ValueId> result = builder_.Add1(op, std::move(ids), std::move(attrs));
  if (result.ok()) return Of(*result);
  Fail(std::move(result).status());
  return {};
}

Term Emitter::CallGroups(std::string_view op, std::initializer_list<std::vector<Term>> groups,
                         AttrDict attrs, Type type) {
  OpArgs args;
  args.attrs = std::move(attrs);
  if (type.kind() != Type::Kind::kNone) args.result_types.push_back(std::move(type));
  for (const std::vector<Term>& group : groups) {
    args.groups.emplace_back();
    for (const Term& operand : group) {
      if (operand.present()) args.groups.back().push_back(operand.id());
    }
  }
  std::vector<ValueId> results = Add(op, std::move(args));
  return results.empty() ? Term() : Of(results[0]);
}

std::vector<Term> Emitter::CallAll(std::string_view op,
                                   std::initializer_list<std::vector<Term>> groups,
                                   AttrDict attrs) {
  OpArgs args;
  args.attrs = std::move(attrs);
  for (const std::vector<Term>& group : groups) {
    args.groups.emplace_back();
    for (const Term& operand : group) {
      if (operand.present()) args.groups.back().push_back(operand.id());
    }
  }
  std::vector<Term> terms;
  for (ValueId id : Add(op, std::move(args))) terms.push_back(Of(id));
  return terms;
}

Term Emitter::Literal(double value, Term like) {
  if (!like.present()) return {};
  std::optional<Scalar> scalar = Scalar::FromDouble(like.dtype(), value);
  if (like.dtype() == DType::kBool) scalar = Scalar::FromBool(value != 0);
  if (!scalar) {
    Fail(Status(ErrorId::E504, Format("{} is no value of {}", value, NameOf(like.dtype()))));
    return {};
  }
  return Of(builder_.Literal(*scalar));
}

Term Emitter::Splat(double value, DType dtype, const Dims& sizes) {
  std::optional<Scalar> scalar = Scalar::FromDouble(dtype, value);
  if (dtype == DType::kBool) scalar = Scalar::FromBool(value != 0);
  if (!scalar) {
    Fail(Status(ErrorId::E504, Format("{} is no value of {}", value, NameOf(dtype))));
    return {};
  }
  return CallGroups("const", {}, {{"splat", *scalar}}, Type::Tensor(dtype, sizes));
}

Term Emitter::Iota(DType dtype, const Dims& sizes, int dim) {
  return CallGroups("iota", {}, {{"dim", Expr(dim)}}, Type::Tensor(dtype, sizes));
}

void Emitter::Check(const Expr& predicate, std::string message) {
  OpArgs args;
  args.attrs = {{"pred", predicate}, {"msg", std::move(message)}};
  Add("sym.check", std::move(args));
}

Term Emitter::SizeValue(const Expr& value, DType dtype) {
  if (value.is_const() && (dtype == DType::kF64 || dtype == DType::kF32)) {
    return Splat(static_cast<double>(value.value()), dtype, {});
  }
  return Cast(Call("sym.value", {}, {{"value", value}}), dtype);
}

Term Emitter::Cast(Term x, DType dtype) {
  if (!x.present() || x.dtype() == dtype) return x;
  return CallGroups("cast", {{x}}, {}, Type::Tensor(dtype, x.sizes()));
}

Term Emitter::Reshape(Term x, const Dims& sizes) {
  if (x.present() && x.sizes() == sizes) return x;
  return Call("reshape", {x}, {{"shape", SizesAttr(sizes)}});
}

Term Emitter::Expand(Term x, const Dims& sizes) {
  if (x.present() && x.sizes() == sizes) return x;
  return Call("expand", {x}, {{"shape", SizesAttr(sizes)}});
}

Term Emitter::Unsqueeze(Term x, int axis) {
  return Call("unsqueeze", {x}, {{"dim", Expr(axis)}});
}

Term Emitter::Transpose(Term x, std::initializer_list<int64_t> order) {
  return Call("transpose", {x}, {{"dims", IntsAttr(order)}});
}

Term Emitter::Select(Term p, Term a, Term b) {
  return Call("select", {p, a, b});
}

Term Emitter::ReduceSum(Term x, std::span<const int64_t> axes, bool keep_dims) {
  if (axes.empty()) return x;
  return Call("reduce_sum", {x}, {{"dims", IntsAttr(axes)}, {"keep_dims", keep_dims}});
}

}  // namespace gcomp::ir
