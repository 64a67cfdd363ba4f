// RewriteCtx: what an op's own rewrite (OpDef::canonicalize) sees and may change.
//
// A rewrite changes its op in place: other operands, other attributes. It keeps the number and the
// types of the results, so nothing else in the function has to follow. Values that nobody uses
// afterwards are left for dead code elimination.
#pragma once

#include <string_view>
#include <utility>

#include "base/status.h"
#include "ir/module.h"
#include "ir/op_def.h"

namespace gcomp::ir {

// Thread safety: one thread; concerns one function.
class RewriteCtx {
 public:
  RewriteCtx(Function& function, OpId op) : function_(function), op_(op) {}

  const Function& function() const { return function_; }

  const Op& op() const { return function_.op(op_); }

  AttrReader attrs() const { return {*op().def, op()}; }

  const Type& operand_type(size_t i) const { return function_.value(op().operands[i]).type; }

  const Type& result_type(size_t i) const { return function_.value(op().results[i]).type; }

  // The op that makes operand i; null for parameters and literals.
  const Op* Producer(size_t i) const;

  // Reads `value` as operand i from now on; `alias` facts of the results that named the old operand
  // name the new one.
  void SetOperand(size_t i, ValueId value);

  // Writes an attribute by its name in the schema; an empty value takes it away (the default
  // holds). Fails with E999 for a name that the schema does not have.
  Status SetAttr(std::string_view name, AttrValue value);

  bool changed() const { return changed_; }

 private:
  Function& function_;
  OpId op_;
  bool changed_ = false;
};

}  // namespace gcomp::ir
