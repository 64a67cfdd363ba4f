// Emitter and Term: graphs written as formulas, for rules that put ops in the place of an op
// (ir/decompose.h) or beside it (ir/vjp.h).
//
//   Term s = ctx.Call("sigmoid", {x});
//   ctx.Return(dy * s * (1.0 + x * (1.0 - s)));
//
// A failure is kept: the first one makes every later Term absent and is what TakeStatus() gives,
// so a rule reads as its formula and the one who called it checks once.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/builder.h"
#include "ir/module.h"
#include "ir/op_def.h"

namespace gcomp::ir {

class Emitter;

// A value of the graph that is being written. Copies are cheap; valid as long as its Emitter.
class Term {
 public:
  Term() = default;  // absent: an optional operand that is not given, or the outcome of a failure

  bool present() const { return emitter_ != nullptr; }

  ValueId id() const { return id_; }

  // Null if absent.
  Emitter* emitter() const { return emitter_; }

  // Of an absent term: Type().
  const Type& type() const;

  DType dtype() const { return type().dtype(); }

  int rank() const { return type().rank(); }

  const Dims& sizes() const { return type().dims(); }

  // Requires 0 <= axis < rank(); else 1.
  Expr size(int axis) const;

 private:
  friend class Emitter;

  Term(Emitter* emitter, ValueId id) : emitter_(emitter), id_(id) {}

  Emitter* emitter_ = nullptr;
  ValueId id_;
};

// The ops add, sub, mul, div, neg; a number is a literal of the other side's dtype.
Term operator+(Term a, Term b);
Term operator+(Term a, double b);
Term operator+(double a, Term b);
Term operator-(Term a, Term b);
Term operator-(Term a, double b);
Term operator-(double a, Term b);
Term operator*(Term a, Term b);
Term operator*(Term a, double b);
Term operator*(double a, Term b);
Term operator/(Term a, Term b);
Term operator/(Term a, double b);
Term operator/(double a, Term b);
Term operator-(Term a);

// Lists as attribute values.
AttrValue IntsAttr(std::span<const int64_t> values);
AttrValue IntsAttr(std::initializer_list<int64_t> values);
AttrValue SizesAttr(const Dims& sizes);

// Thread safety: one thread.
class Emitter {
 public:
  Emitter(Builder& builder, Function& function) : builder_(builder), function_(function) {}

  // A value that the function has.
  Term Of(ValueId id) { return {this, id}; }

  // One result; operands by position (required, then variadic ones). An absent operand fails.
  Term Call(std::string_view op, std::initializer_list<Term> operands, AttrDict attrs = {});
  Term Call(std::string_view op, std::span<const Term> operands, AttrDict attrs = {});
  // Operands by group of the schema: absent terms are left out. One result. `type`: for ops that
  // take their type from the text.
  Term CallGroups(std::string_view op, std::initializer_list<std::vector<Term>> groups,
                  AttrDict attrs = {}, Type type = {});
  // All results. Empty after a failure.
  std::vector<Term> CallAll(std::string_view op, std::initializer_list<std::vector<Term>> groups,
                            AttrDict attrs = {});

  // `value` as a rank-0 operand of the dtype of `like`. E504 where that can't hold it.
  Term Literal(double value, Term like);
  // const(splat = value) of this type.
  Term Splat(double value, DType dtype, const Dims& sizes);
  // iota: 0, 1, 2, ... along `dim`.
  Term Iota(DType dtype, const Dims& sizes, int dim);

  // The size `value` as a rank-0 tensor of `dtype`.
  Term SizeValue(const Expr& value, DType dtype);

  // sym.check: ends the run where `predicate` does not hold. Below it, sizes that it says are equal
  // are equal.
  void Check(const Expr& predicate, std::string message);

  // Shorter names for what rules use most. Axes count from 0.
  Term Cast(Term x, DType dtype);  // x itself if it has this dtype
  Term Reshape(Term x, const Dims& sizes);
  Term Expand(Term x, const Dims& sizes);
  Term Unsqueeze(Term x, int axis);
  Term Transpose(Term x, std::initializer_list<int64_t> order);
  Term Select(Term p, Term a, Term b);
  Term ReduceSum(Term x, std::span<const int64_t> axes, bool keep_dims);

  // Remembers the first failure.
  void Fail(Status status);

  bool ok() const { return status_.ok(); }

  // The first failure, once.
  Status TakeStatus() { return std::move(status_); }

  Function& function() { return function_; }

  const Function& function() const { return function_; }

 private:
  std::vector<ValueId> Add(std::string_view op, OpArgs args);

  Builder& builder_;
  Function& function_;
  Status status_;
};

}  // namespace gcomp::ir
