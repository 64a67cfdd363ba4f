#include "ir/passes/canonicalize.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/passes/blocks.h"
#include "ir/passes/purity.h"
#include "ir/passes/value_map.h"
#include "ir/rewrite.h"

namespace gcomp::ir {
namespace {

// An op whose own rewrite goes on for more rounds than this is going in circles.
constexpr int kMaxRounds = 32;

bool IsLiteral(const Function& function, ValueId value) {
  return function.value(value).kind == Value::Kind::kLiteral;
}

bool PutLiteralSecond(const Function& function, Op& op) {
  if (!op.def->commutative || op.operands.size() < 2) return false;
  if (!IsLiteral(function, op.operands[0]) || IsLiteral(function, op.operands[1])) return false;
  std::swap(op.operands[0], op.operands[1]);
  return true;
}

// The rank that an attribute's axes count in; nullopt where it names none.
std::optional<int> AxisRank(const Function& function, const Op& op, const AttrSpec& spec) {
  if (spec.axis == AttrSpec::Axis::kNo) return std::nullopt;
  const std::vector<ValueId>& of =
      spec.axis == AttrSpec::Axis::kOfOperand ? op.operands : op.results;
  if (of.empty() || !function.value(of[0]).type.is_tensor()) return std::nullopt;
  return function.value(of[0]).type.rank();
}

int64_t FromFront(int64_t axis, int rank) {
  return axis < 0 ? axis + rank : axis;
}

bool CountFromFront(AttrValue& attr, int rank) {
  if (AttrList* list = attr.As<AttrList>()) {
    bool changed = false;
    for (AttrValue& element : *list) changed |= CountFromFront(element, rank);
    return changed;
  }
  Expr* axis = attr.As<Expr>();
  if (axis == nullptr || !axis->is_const() || axis->value() >= 0) return false;
  *axis = FromFront(axis->value(), rank);
  return true;
}

bool IsDefaultAt(const AttrValue& attr, const AttrSpec& spec, std::optional<int> rank) {
  const Expr* axis = attr.As<Expr>();
  if (rank && axis != nullptr && spec.default_kind == AttrSpec::Default::kInt) {
    return axis->IsConst(FromFront(spec.default_int, *rank));
  }
  return IsDefault(spec, attr);
}

bool NormalizeAttrs(const Function& function, Op& op) {
  bool changed = false;
  for (size_t i = 0; i < op.attrs.size() && i < op.def->attrs.size(); ++i) {
    AttrValue& attr = op.attrs[i];
    if (attr.empty()) continue;
    const AttrSpec& spec = op.def->attrs[i];
    std::optional<int> rank = AxisRank(function, op, spec);
    if (rank) changed |= CountFromFront(attr, *rank);
    if (IsDefaultAt(attr, spec, rank)) {
      attr = AttrValue();
      changed = true;
    }
  }
  return changed;
}

// What stands for result 0 of an op that computes nothing.
std::optional<ValueId> Simplified(const Function& function, const Op& op) {
  if (op.def->simplify == nullptr || op.results.size() != 1) return std::nullopt;
  std::optional<ValueId> value = op.def->simplify(function, op);
  // A literal is a rank-0 operand, which a result of a wider type can't become, and no terminator
  // may name one.
  if (!value || IsLiteral(function, *value)) return std::nullopt;
  const Type& type = function.value(op.results[0]).type;
  return function.value(*value).type == type ? value : std::nullopt;
}

StatusOr<bool> RewriteOp(Function& function, OpId id) {
  bool changed = false;
  for (int round = 0; round < kMaxRounds; ++round) {
    Op& op = function.op(id);
    bool again = PutLiteralSecond(function, op);
    again |= NormalizeAttrs(function, op);
    if (op.def->canonicalize != nullptr) {
      RewriteCtx ctx(function, id);
      GCOMP_RETURN_IF_ERROR(op.def->canonicalize(ctx));
      again |= ctx.changed();
    }
    if (!again) return changed;
    changed = true;
  }
  return Status(ErrorId::E999,
                Format("the rewrite of {} does not come to an end", function.op(id).def->name));
}

StatusOr<bool> CanonicalizeBlock(Function& function, BlockId block, ValueMap& map,
                                 bool may_replace) {
  bool changed = false;
  std::vector<OpId> kept;
  for (OpId id : std::vector<OpId>(function.block(block).ops)) {
    map.ApplyTo(function, function.op(id));
    GCOMP_ASSIGN_OR_RETURN(bool rewritten, RewriteOp(function, id));
    changed |= rewritten;
    std::optional<ValueId> value;
    if (may_replace) value = Simplified(function, function.op(id));
    if (value) {
      map.Replace(function.op(id).results[0], *value);
      changed = true;
    } else {
      kept.push_back(id);
    }
  }
  function.block(block).ops = std::move(kept);
  map.ApplyTo(function.block(block).yields);
  return changed;
}

}  // namespace

StatusOr<bool> Canonicalize(Module& module, const PassContext& /*context*/) {
  bool changed = false;
  for (const std::unique_ptr<Function>& function : module.functions) {
    ValueMap map(*function);
    bool may_replace = !WritesInPlace(module, *function);
    for (BlockId block : LiveBlocks(*function)) {
      GCOMP_ASSIGN_OR_RETURN(bool block_changed,
                             CanonicalizeBlock(*function, block, map, may_replace));
      changed |= block_changed;
    }
  }
  return changed;
}

}  // namespace gcomp::ir
