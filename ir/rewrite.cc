#include "ir/rewrite.h"

#include <string>

#include "base/format.h"

namespace gcomp::ir {

const Op* RewriteCtx::Producer(size_t i) const {
  const Value& value = function_.value(op().operands[i]);
  return value.kind == Value::Kind::kResult ? &function_.op(value.op) : nullptr;
}

void RewriteCtx::SetOperand(size_t i, ValueId value) {
  Op& op = function_.op(op_);
  ValueId old = op.operands[i];
  if (old == value) return;
  op.operands[i] = value;
  for (ValueId result : op.results) {
    ValueId& alias = function_.value(result).annotations.alias;
    if (alias == old) alias = value;
  }
  changed_ = true;
}

Status RewriteCtx::SetAttr(std::string_view name, AttrValue value) {
  Op& op = function_.op(op_);
  int index = op.def->AttrIndex(name);
  GCOMP_ENSURE(index >= 0, Format("{} has no attribute {}", op.def->name, name));
  auto at = static_cast<size_t>(index);
  if (at >= op.attrs.size()) op.attrs.resize(at + 1);
  if (op.attrs[at] == value) return {};
  op.attrs[at] = std::move(value);
  changed_ = true;
  return {};
}

}  // namespace gcomp::ir
