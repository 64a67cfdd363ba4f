// BlockBuilder: what an op runs (regions, callees, the rest of a block that waits for sizes), and
// which values may share memory.
#include <algorithm>
#include <optional>
#include <utility>

#include "ir/op_def.h"
#include "runtime/block_builder.h"
#include "runtime/guard.h"

namespace gcomp {

using ir::Function;
using ir::Op;
using ir::TensorSpec;
using ir::ValueId;

// ---- Writes and shared memory -------------------------------------------------------------------

bool BlockBuilder::MayShare(uint32_t a, uint32_t b) const {
  if (Root(a) == Root(b)) return true;
  // Parameters of a block that is entered later may be views of one value of the function.
  const ValueId x = value_of_[Root(a)];
  const ValueId y = value_of_[Root(b)];
  if (!x.valid() || !y.valid()) return false;
  const ValueId root_x = facts_.roots.root(x);
  const ValueId root_y = facts_.roots.root(y);
  if (root_x == root_y) return true;
  return range_.params_overlap && function_.value(root_x).kind == ir::Value::Kind::kParam &&
         function_.value(root_y).kind == ir::Value::Kind::kParam;
}

bool BlockBuilder::AnyShare(std::span<const uint32_t> slots) const {
  for (size_t i = 0; i < slots.size(); ++i) {
    if (infos_[slots[i]].kind == Kind::kConstant) continue;
    for (size_t j = 0; j < i; ++j) {
      if (infos_[slots[j]].kind != Kind::kConstant && MayShare(slots[i], slots[j])) return true;
    }
  }
  return false;
}

// KernelCtx::overlaps: operands that lie otherwise than operand 0 in memory that both may use.
uint64_t BlockBuilder::Overlaps(const Op& op, std::span<const uint32_t> operands) const {
  if (op.def->functional == nullptr || operands.empty()) return 0;
  const bool elementwise = op.def->functional->any_result_layout;
  const TensorSpec& target = code_.specs[operands[0]];
  uint64_t overlaps = 0;
  for (size_t i = 1; i < operands.size() && i < 64; ++i) {
    if (infos_[operands[i]].kind == Kind::kConstant || !MayShare(operands[0], operands[i])) {
      continue;
    }
    const TensorSpec& spec = code_.specs[operands[i]];
    const bool same_base = Root(operands[0]) == Root(operands[i]);
    if (same_base) {
      const bool same = spec.SameLayout(target) && spec.offset == target.offset;
      if (same && elementwise) continue;
      const int64_t bytes = ir::BytesOf(spec.dtype);
      const int64_t target_bytes = ir::BytesOf(target.dtype);
      const bool apart = spec.offset * bytes + spec.SpanBytes() <= target.offset * target_bytes ||
                         target.offset * target_bytes + target.SpanBytes() <= spec.offset * bytes;
      if (apart) continue;
    }
    overlaps |= uint64_t{1} << i;
  }
  return overlaps;
}

// ---- What an op runs ----------------------------------------------------------------------------

Status BlockBuilder::AddChildren(const Op& op, const OpSlots& slots, std::vector<Child>& children,
                                 std::vector<ir::KernelCtx::Region>& regions) {
  if (op.def->has_callee) {
    GCOMP_ASSIGN_OR_RETURN(Child child, CalleeChild(op, slots, regions.emplace_back()));
    children.push_back(child);
  }
  for (ir::BlockId region : op.regions) {
    GCOMP_ASSIGN_OR_RETURN(Child child, RegionChild(region, slots, regions.emplace_back()));
    children.push_back(child);
  }
  return {};
}

StatusOr<Child> BlockBuilder::RegionChild(ir::BlockId region, const OpSlots& slots,
                                          ir::KernelCtx::Region& described) {
  const ir::Block& block = function_.block(region);
  LateBlock late;
  late.kind = LateBlock::Kind::kRegion;
  late.range.function = &function_;
  late.range.block = region;
  late.range.params = block.params;
  late.range.params_overlap = facts_.roots.any_written() && AnyShare(slots.operands);
  if (block.yields.size() == slots.results.size()) {
    for (uint32_t slot : slots.results) late.range.destinations.push_back(code_.specs[slot]);
  }
  for (uint32_t i = 0; i < block.params.size(); ++i) {
    const ir::SymId symbol = LoneSymbol(function_.value(block.params[i]).type);
    if (!symbol.valid() || symbols_.known[symbol.index()] || !facts_.shapes[symbol.index()]) {
      continue;
    }
    late.binds.push_back(symbol);
    late.bind_params.push_back(i);
  }
  if (late.binds.empty()) {
    GCOMP_ASSIGN_OR_RETURN(uint32_t index, parent_.Block(late.range, symbols_));
    Describe(index, described);
    return Child{index, false};
  }
  std::vector<ir::Type> params;
  std::vector<ir::Type> results;
  for (ValueId id : block.params) params.push_back(function_.value(id).type);
  for (ValueId id : block.yields) results.push_back(function_.value(id).type);
  late.symbols = symbols_;
  GCOMP_RETURN_IF_ERROR(DescribeTypes(params, results, symbols_, described));
  return AddLate(std::move(late));
}

StatusOr<Child> BlockBuilder::CalleeChild(const Op& op, const OpSlots& slots,
                                          ir::KernelCtx::Region& described) {
  const Function* callee = parent_.module_.Find(op.callee);
  GCOMP_ENSURE(callee != nullptr, "a verified call has a callee");
  std::vector<int64_t> sizes;
  bool late_sizes = false;
  for (const ir::Expr& size : op.callee_sizes) {
    std::optional<int64_t> value = size.Evaluate(symbols_.values);
    if (!value) return Status(ErrorId::E503, "a size given to the callee can't be computed");
    sizes.push_back(*value);
  }
  std::vector<Argument> arguments;
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const uint32_t slot = slots.operands[i];
    arguments.push_back({&code_.specs[slot], infos_[slot].constant});
    const bool is_int = function_.value(op.operands[i]).type.kind() == ir::Type::Kind::kInt;
    late_sizes = late_sizes || (is_int && infos_[slot].constant == nullptr);
  }
  const bool overlap = AnyShare(slots.operands);
  if (!late_sizes) {
    GCOMP_ASSIGN_OR_RETURN(std::vector<int64_t> symbols,
                           BindSymbols(*callee, arguments, sizes, ErrorId::E506));
    GCOMP_ASSIGN_OR_RETURN(uint32_t index, parent_.Callee(*callee, std::move(symbols), overlap));
    Describe(index, described);
    return Child{index, false};
  }
  LateBlock late;
  late.kind = LateBlock::Kind::kCallee;
  late.range.function = callee;
  late.range.block = callee->body;
  late.range.params = callee->params();
  late.range.params_overlap = overlap;
  for (const Argument& argument : arguments) {
    late.argument_specs.push_back(*argument.spec);
    late.argument_constants.push_back(argument.data);
  }
  late.explicit_sizes = std::move(sizes);
  for (uint32_t slot : slots.results) late.range.destinations.push_back(code_.specs[slot]);
  // What is known here of the callee's types is what the op's own say.
  for (size_t i = 0; i < op.operands.size(); ++i) {
    described.params.push_back(code_.specs[slots.operands[i]]);
  }
  for (uint32_t slot : slots.results) described.results.push_back(code_.specs[slot]);
  return AddLate(std::move(late));
}

Child BlockBuilder::AddLate(LateBlock late) {
  auto& blocks = parent_.out_.late_blocks_;
  blocks.push_back(std::make_unique<LateBlock>(std::move(late)));
  return Child{static_cast<uint32_t>(blocks.size() - 1), true};
}

void BlockBuilder::Describe(uint32_t block, ir::KernelCtx::Region& described) const {
  const BlockCode& code = *parent_.out_.blocks_[block];
  for (uint32_t slot : code.params) described.params.push_back(code.specs[slot]);
  described.results = code.results;
}

Status BlockBuilder::DescribeTypes(const std::vector<ir::Type>& params,
                                   const std::vector<ir::Type>& results,
                                   const SymbolValues& symbols,
                                   ir::KernelCtx::Region& described) const {
  for (const ir::Type& type : params) {
    TensorSpec& spec = described.params.emplace_back(UnknownSpec(type));
    if (symbols.Knows(type)) {
      GCOMP_ASSIGN_OR_RETURN(spec, ir::BindType(type, symbols.values));
    }
  }
  for (const ir::Type& type : results) {
    TensorSpec& spec = described.results.emplace_back(UnknownSpec(type));
    if (symbols.Knows(type)) {
      GCOMP_ASSIGN_OR_RETURN(spec, ir::BindType(type, symbols.values));
      spec = RowMajor(std::move(spec));
    }
  }
  return {};
}

// The values that the ops from `next_op` on, and the block's results, read; literals are no values
// to hand on.
std::vector<ValueId> BlockBuilder::LiveBehind(size_t next_op) const {
  const ir::Block& block = function_.block(range_.block);
  std::vector<ValueId> live;
  std::vector<bool> taken(function_.values.size());
  auto take = [&](ValueId id) {
    if (!slot_of_.contains(id) || taken[id.index()]) return;
    if (function_.value(id).kind == ir::Value::Kind::kLiteral) return;
    taken[id.index()] = true;
    live.push_back(id);
  };
  for (size_t i = next_op; i < block.ops.size(); ++i) {
    for (ValueId id : function_.op(block.ops[i]).operands) take(id);
  }
  for (ValueId id : block.yields) take(id);
  // Integers tell symbols that later expressions may speak of.
  for (const auto& [symbol, slot] : slot_of_symbol_) take(value_of_[slot]);
  return live;
}

// The ops from `next_op` on, and the block's results, wait for the sizes that the op before
// defines.
Status BlockBuilder::AddTail(size_t next_op) {
  const ir::Block& block = function_.block(range_.block);
  LateBlock late;
  late.kind = LateBlock::Kind::kTail;
  late.range = range_;
  late.range.first_op = next_op;
  late.range.params = LiveBehind(next_op);
  late.range.constants.clear();
  late.range.destinations = code_.results;
  late.symbols = symbols_;
  late.binds = function_.op(block.ops[next_op - 1]).defines;
  BlockCode::Tail tail;
  for (ValueId id : late.range.params) {
    const uint32_t slot = slot_of_.at(id);
    late.range.constants.push_back(infos_[slot].constant);
    tail.operands.push_back(slot);
    Use(slot, static_cast<uint32_t>(code_.instructions.size()));
  }
  tail.late = AddLate(std::move(late)).index;
  code_.tail = std::move(tail);
  return {};
}

}  // namespace gcomp
