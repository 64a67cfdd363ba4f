#include "ir/builder.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "ir/diagnostic.h"
#include "ir/verify_op.h"

namespace gcomp::ir {

void Builder::OpenNames() {
  Names& names = names_.emplace_back();
  const Block& block = function_.block(block_);
  for (ValueId id : block.params) names.emplace(function_.value(id).name, 2);
  for (OpId op : block.ops) {
    for (ValueId id : function_.op(op).results) names.emplace(function_.value(id).name, 2);
  }
}

std::string Builder::FreshName(std::string_view stem) {
  Names& names = names_.back();
  std::string name(stem.empty() ? "v" : stem);
  auto [entry, fresh] = names.try_emplace(name, 2);
  if (fresh) return name;
  int& next = entry->second;  // stays where it is while others are added
  for (;;) {
    std::string numbered = Format("{}_{}", name, next++);
    if (names.try_emplace(numbered, 2).second) return numbered;
  }
}

ValueId Builder::Param(std::string name, Type type, Annotations annotations) {
  Value value;
  value.kind = Value::Kind::kParam;
  value.name = FreshName(name);
  value.type = std::move(type);
  value.annotations = std::move(annotations);
  value.block = block_;
  value.index = static_cast<uint32_t>(function_.block(block_).params.size());
  ValueId id = function_.AddValue(std::move(value));
  function_.block(block_).params.push_back(id);
  return id;
}

// Puts operands and attributes where the schema has them.
Status Builder::FillOp(const OpDef& def, OpArgs& args, Op* op) const {
  op->def = &def;
  if (args.groups.size() > def.operands.size()) {
    return Status(ErrorId::E504, Format("{}: takes {} operand groups, {} are given", def.name,
                                        def.operands.size(), args.groups.size()));
  }
  args.groups.resize(def.operands.size());
  op->group_begin.push_back(0);
  for (const std::vector<ValueId>& group : args.groups) {
    for (ValueId id : group) {
      if (!id.valid() || id.index() >= function_.values.size()) {
        return Status(ErrorId::E502,
                      Format("{}: an operand is no value of @{}", def.name, function_.name));
      }
      op->operands.push_back(id);
    }
    if (op->operands.size() > UINT16_MAX) {
      return Status(ErrorId::E802, Format("{}: more than {} operands", def.name, UINT16_MAX));
    }
    op->group_begin.push_back(static_cast<uint16_t>(op->operands.size()));
  }
  op->attrs.resize(def.attrs.size());
  for (auto& [name, value] : args.attrs) {
    int index = def.AttrIndex(name);
    if (index < 0) {
      return Status(ErrorId::E508, Format("{}: unknown attribute `{}`", def.name, name));
    }
    AttrValue& slot = op->attrs[static_cast<size_t>(index)];
    if (!slot.empty()) {
      return Status(ErrorId::E508, Format("{}: attribute `{}` is given twice", def.name, name));
    }
    slot = std::move(value);
  }
  // As canonical text has them.
  for (size_t i = 0; i < op->attrs.size(); ++i) {
    if (IsDefault(def.attrs[i], op->attrs[i])) op->attrs[i] = AttrValue();
  }
  while (!op->attrs.empty() && op->attrs.back().empty()) op->attrs.pop_back();
  if (const bool takes_name = def.has_callee || def.has_global; takes_name == args.callee.empty()) {
    return Status(ErrorId::E506,
                  Format("{}: {}", def.name, takes_name ? "needs a callee" : "takes no callee"));
  }
  op->callee = std::move(args.callee);
  op->callee_sizes = std::move(args.callee_sizes);
  op->regions = std::move(args.regions);
  op->defines = std::move(args.defines);
  for (BlockId region : op->regions) {
    if (!region.valid() || region.index() >= function_.blocks.size()) {
      return Status(ErrorId::E505,
                    Format("{}: a region is no block of @{}", def.name, function_.name));
    }
  }
  return {};
}

// Checks `op` and gives it results of the inferred types, without names. On failure some values may
// have been added behind those that the function had.
Status Builder::Infer(const OpArgs& args, Op* op) {
  const OpDef& def = *op->def;
  for (const Type& type : args.result_types) {
    Value value;
    value.kind = Value::Kind::kResult;
    value.type = type;
    op->results.push_back(function_.AddValue(std::move(value)));
  }
  Diagnostics diagnostics;
  if (!CheckOpAgainstSchema(function_, *op, diagnostics)) return diagnostics.ToStatus();
  InferCtx ctx(module_, function_, *op, &facts_);
  GCOMP_RETURN_IF_ERROR(def.infer(ctx));
  const std::vector<Type>& types = ctx.results();
  if (def.num_results >= 0 && types.size() != static_cast<size_t>(def.num_results)) {
    return Status(ErrorId::E999, Format("broken invariant: {} inferred {} results, not {}",
                                        def.name, types.size(), def.num_results));
  }
  if (op->results.size() > types.size()) {
    return ctx.Fail(Format("has {} results, {} types are given", types.size(), op->results.size()));
  }
  for (size_t i = 0; i < types.size(); ++i) {
    if (i == op->results.size()) op->results.push_back(function_.AddValue({}));
    Type& type = function_.value(op->results[i]).type;
    if (i < args.result_types.size() && type.kind() != Type::Kind::kNone && type != types[i]) {
      return ctx.Fail(
          Format("result {}: given {}, inferred {}", i, ctx.Show(type), ctx.Show(types[i])));
    }
    type = types[i];
  }
  return {};
}

StatusOr<std::vector<ValueId>> Builder::Add(std::string_view name, OpArgs args) {
  const OpDef* def = ops_.Find(name);
  if (def == nullptr) return Status(ErrorId::E510, Format("op {} is not known", name));
  Op op;
  GCOMP_RETURN_IF_ERROR(FillOp(*def, args, &op));
  const size_t num_values = function_.values.size();
  Status status = Infer(args, &op);
  if (!status.ok()) {
    function_.values.resize(num_values);
    return status;
  }
  for (size_t i = 0; i < op.results.size(); ++i) {
    Value& value = function_.value(op.results[i]);
    bool named = i < args.result_names.size() && !args.result_names[i].empty();
    value.name = FreshName(named ? std::string_view(args.result_names[i]) : name);
    int8_t source = i < std::size(def->effects.alias_of) ? def->effects.alias_of[i] : int8_t{-1};
    if (source >= 0 && static_cast<size_t>(source) < op.operands.size()) {
      ValueId base = op.operands[static_cast<size_t>(source)];
      // A literal has no name to say it by, and no storage that anyone could see.
      if (function_.value(base).kind != Value::Kind::kLiteral) value.annotations.alias = base;
    }
  }
  std::vector<ValueId> results = op.results;
  std::vector<BlockId> regions = op.regions;
  OpId id = function_.AddOp(std::move(op));
  for (BlockId region : regions) function_.block(region).parent = id;
  function_.block(block_).ops.push_back(id);
  Learn(function_.op(id));
  return results;
}

StatusOr<ValueId> Builder::Add1(std::string_view name, std::vector<ValueId> operands,
                                AttrDict attrs) {
  OpArgs args;
  args.attrs = std::move(attrs);
  size_t taken = 0;
  if (const OpDef* def = ops_.Find(name)) {
    for (const OperandSpec& spec : def->operands) {
      std::vector<ValueId>& group = args.groups.emplace_back();
      size_t left = operands.size() - taken;
      size_t count = 0;
      if (spec.kind == OperandKind::kRequired) count = std::min<size_t>(left, 1);
      if (spec.kind == OperandKind::kVariadic) count = left;
      for (; count > 0; --count) group.push_back(operands[taken++]);
    }
    if (taken < operands.size()) {
      return Status(ErrorId::E504, Format("{}: takes {} operands by position, {} are given", name,
                                          taken, operands.size()));
    }
    if (def->num_results >= 0 && def->num_results != 1) {
      return Status(ErrorId::E504, Format("{}: has {} results, not 1", name, def->num_results));
    }
  }
  GCOMP_ASSIGN_OR_RETURN(std::vector<ValueId> results, Add(name, std::move(args)));
  if (results.size() != 1) {
    return Status(ErrorId::E504, Format("{}: has {} results, not 1", name, results.size()));
  }
  return results[0];
}

void Builder::BeginRegion(std::string label) {
  open_.push_back(block_);
  marks_.push_back(facts_.mark());
  Block block;
  block.label = std::move(label);
  block_ = function_.AddBlock(std::move(block));
  OpenNames();
}

BlockId Builder::EndRegion(std::vector<ValueId> yields) {
  if (open_.empty()) return {};
  BlockId ended = block_;
  function_.block(ended).yields = std::move(yields);
  block_ = open_.back();
  open_.pop_back();
  names_.pop_back();
  facts_.Forget(marks_.back());
  marks_.pop_back();
  return ended;
}

void Builder::Return(std::vector<ValueId> values) {
  function_.results.clear();
  for (ValueId id : values) function_.results.push_back({function_.value(id).type, {}});
  function_.block(function_.body).yields = std::move(values);
}

}  // namespace gcomp::ir
