// BlockBuilder: the ops of a block: their slots, kernels and instructions.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/text.h"
#include "runtime/block_builder.h"
#include "runtime/range_check.h"
#include "runtime/run_now.h"

namespace gcomp {
namespace {

using ir::Function;
using ir::Op;
using ir::OpId;
using ir::TensorSpec;
using ir::ValueId;

// A constant up to this size is computed once per specialization; a larger one at each run, from
// the planned buffers, so that specializations stay small.
constexpr int64_t kMaxFoldedBytes = int64_t{1} << 20;

Status AtOp(Status status, const Function& function, const Op& op) {
  status.AddNote(Format("in @{}: {}", function.name, ir::PrintOpLine(function, op)));
  return status;
}

}  // namespace

Status BlockBuilder::Ops() {
  const std::vector<OpId>& ops = function_.block(range_.block).ops;
  for (size_t i = range_.first_op; i < ops.size(); ++i) {
    const Op& op = function_.op(ops[i]);
    StatusOr<bool> fails = FailsForSure(op);
    if (!fails.ok()) return AtOp(std::move(fails).status(), function_, op);
    if (*fails) return {};
    Status status = AddOp(ops[i], op);
    if (!status.ok()) return AtOp(std::move(status), function_, op);
    if (!NeedsTail(op)) continue;
    GCOMP_RETURN_IF_ERROR(PlaceDrafts(LiveBehind(i + 1), /*keep_last=*/true));
    return AddTail(i + 1);
  }
  return PlaceDrafts(function_.block(range_.block).yields, /*keep_last=*/false);
}

// A size that a later shape speaks of: what follows is made when it is known.
bool BlockBuilder::NeedsTail(const Op& op) const {
  return std::any_of(op.defines.begin(), op.defines.end(),
                     [&](ir::SymId id) { return facts_.shapes[id.index()]; });
}

// True if the op is a check that fails at the sizes known now. Then nothing behind it is built: its
// shapes may make no sense.
StatusOr<bool> BlockBuilder::FailsForSure(const Op& op) {
  if (op.def->states_fact < 0) return false;
  const auto at = static_cast<size_t>(op.def->states_fact);
  const ir::Expr* fact = at < op.attrs.size() ? op.attrs[at].As<ir::Expr>() : nullptr;
  if (fact == nullptr || !symbols_.Knows(*fact)) return false;
  if (fact->Evaluate(symbols_.values) == 1) return false;
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::Kernel> check,
                         WithCtx(op, OpSlots{}, {}, op.def->prepare));
  Status status = RunNow(*check, {}, {});
  GCOMP_ENSURE(!status.ok(), "a predicate that does not hold fails its check");
  Fail(AtOp(std::move(status), function_, op));
  return true;
}

// ---- Ops ----------------------------------------------------------------------------------------

// Where parameters overlap, what is written of one may be another.
bool BlockBuilder::MayBeWritten(ValueId id) const {
  const ir::Value& root = function_.value(facts_.roots.root(id));
  return Written(id) || (range_.params_overlap && facts_.roots.any_written() &&
                         root.kind == ir::Value::Kind::kParam);
}

Status BlockBuilder::AddOp(OpId id, const Op& op) {
  GCOMP_ASSIGN_OR_RETURN(OpSlots slots, SlotsOf(op));
  if (op.def->is_view()) {
    if (op.def->check != nullptr) {
      GCOMP_RETURN_IF_ERROR(WithCtx(op, slots, {}, op.def->check));
    }
    const auto from = static_cast<size_t>(op.def->effects.alias_of[0]);
    return AddView(slots.operands[from], slots.results[0]);
  }
  // The two may be one piece of memory only where no one could tell.
  if (op.def->same_bytes && code_.specs[slots.operands[0]].IsContiguous() &&
      code_.specs[slots.results[0]].IsContiguous() && !MayBeWritten(op.operands[0]) &&
      !Written(op.results[0])) {
    AddMove(slots.operands[0], slots.results[0], 0);
    return {};
  }
  return AddKernel(id, op, std::move(slots));
}

StatusOr<BlockBuilder::OpSlots> BlockBuilder::SlotsOf(const Op& op) {
  OpSlots slots;
  for (ValueId operand : op.operands) {
    GCOMP_ASSIGN_OR_RETURN(uint32_t slot, SlotOf(operand));
    slots.operands.push_back(slot);
  }
  GCOMP_RETURN_IF_ERROR(AddLateOperands(op, slots));
  if (op.def->has_global) {
    const std::vector<ir::Global>& globals = parent_.module_.globals;
    auto global = std::find_if(globals.begin(), globals.end(),
                               [&](const ir::Global& g) { return g.name == op.callee; });
    GCOMP_ENSURE(global != globals.end(), "a verified op names a global that is there");
    GCOMP_ASSIGN_OR_RETURN(TensorSpec spec, ir::BindType(global->type, {}));
    const uint32_t slot = AddSlot(std::move(spec), {.kind = Kind::kGlobal});
    code_.globals.push_back({slot, static_cast<uint32_t>(global - globals.begin())});
    slots.operands.push_back(slot);
  }
  for (ValueId result : op.results) {
    GCOMP_ASSIGN_OR_RETURN(uint32_t slot, NewSlot(result));
    slots.results.push_back(slot);
  }
  return slots;
}

// Symbols that the run tells, in expressions that the kernel evaluates when it runs.
Status BlockBuilder::AddLateOperands(const Op& op, OpSlots& slots) {
  std::vector<ir::SymId>& late = slots.late_symbols;
  for (size_t i = 0; i < op.attrs.size() && i < op.def->attrs.size(); ++i) {
    const ir::Expr* e = op.attrs[i].As<ir::Expr>();
    if (e == nullptr) continue;
    e->ForEachSymbol([&](ir::SymId id) {
      const bool listed = std::find(late.begin(), late.end(), id) != late.end();
      if (!symbols_.known[id.index()] && !listed) late.push_back(id);
    });
  }
  for (ir::SymId id : late) {
    auto slot = slot_of_symbol_.find(id);
    GCOMP_ENSURE(slot != slot_of_symbol_.end(), "a size that is not known is an integer's value");
    slots.operands.push_back(slot->second);
  }
  return {};
}

Status BlockBuilder::AddView(uint32_t operand, uint32_t result) {
  const TensorSpec& from = code_.specs[operand];
  const TensorSpec& to = code_.specs[result];
  AddMove(operand, result, (to.offset - from.offset) * ir::BytesOf(to.dtype));
  return {};
}

void BlockBuilder::AddMove(uint32_t operand, uint32_t result, int64_t byte_offset) {
  Info& info = infos_[result];
  const Info& from = infos_[operand];
  if (from.data != nullptr) {
    SetConstant(result, static_cast<const char*>(from.data) + byte_offset,
                from.constant != nullptr);
    return;
  }
  info.kind = Kind::kMoved;
  info.base = operand;
  all_moves_.push_back({result, operand, byte_offset});
}

Status BlockBuilder::AddKernel(OpId id, const Op& op, OpSlots slots) {
  OpDraft draft;
  draft.op = id;
  std::vector<ir::KernelCtx::Region> regions;
  GCOMP_RETURN_IF_ERROR(AddChildren(op, slots, draft.children, regions));
  GCOMP_ASSIGN_OR_RETURN(draft.kernel, MakeKernel(op, slots, regions));
  const bool in_place = op.def->effects.write == ir::WriteKind::kData &&
                        op.def->effects.alias_of[0] == 0 && !slots.results.empty();
  for (size_t r = 0; r < slots.results.size(); ++r) {
    Info& info = infos_[slots.results[r]];
    if (in_place && r == 0) {
      AddMove(slots.operands[0], slots.results[0], 0);
    } else if (info.kind != Kind::kLate) {
      info.kind = Kind::kComputed;
    }
  }
  if (draft.children.empty()) {
    GCOMP_ASSIGN_OR_RETURN(bool folded, Fold(op, *draft.kernel, slots));
    if (folded) return {};
  }
  draft.operands = std::move(slots.operands);
  draft.results = std::move(slots.results);
  if (parent_.target().compiler != nullptr) {
    drafts_.push_back(std::move(draft));
  } else {
    AddInstruction(std::move(draft));
  }
  return {};
}

StatusOr<std::unique_ptr<ir::Kernel>> BlockBuilder::MakeKernel(
    const Op& op, const OpSlots& slots, std::span<const ir::KernelCtx::Region> regions) const {
  if (op.def->prepare == nullptr) {
    return Status(ErrorId::E511, Format("{} is not run by this build", op.def->name));
  }
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::Kernel> kernel,
                         WithCtx(op, slots, regions, op.def->prepare));
  if (op.defines.empty() || NeedsTail(op)) return kernel;
  std::vector<IntegerRange> ranges;
  for (size_t r = 0; r < op.results.size(); ++r) {
    const ir::SymId symbol = LoneSymbol(function_.value(op.results[r]).type);
    if (std::find(op.defines.begin(), op.defines.end(), symbol) == op.defines.end()) continue;
    const ir::Symbol& defined = function_.symbols[symbol.index()];
    std::optional<int64_t> low = defined.low.Evaluate(symbols_.values);
    std::optional<int64_t> high =
        defined.high.has_value() ? defined.high->Evaluate(symbols_.values) : INT64_MAX;
    if (!low || !high) return Status(ErrorId::E503, "a range can't be computed");
    ranges.push_back({r, *low, *high, defined.name});
  }
  return RangeChecked(std::move(kernel), std::move(ranges));
}

void BlockBuilder::AddInstruction(OpDraft draft) {
  const auto step = static_cast<uint32_t>(code_.instructions.size());
  Instruction instruction{};
  instruction.kernel = draft.kernel.get();
  instruction.op = draft.op;
  std::vector<uint32_t>& lists = code_.slot_lists;
  instruction.operands = static_cast<uint32_t>(lists.size());
  lists.insert(lists.end(), draft.operands.begin(), draft.operands.end());
  instruction.results = static_cast<uint32_t>(lists.size());
  lists.insert(lists.end(), draft.results.begin(), draft.results.end());
  instruction.end = static_cast<uint32_t>(lists.size());
  instruction.children = static_cast<uint32_t>(code_.child_lists.size());
  instruction.num_children = static_cast<uint32_t>(draft.children.size());
  code_.child_lists.insert(code_.child_lists.end(), draft.children.begin(), draft.children.end());
  for (uint32_t slot : draft.operands) Use(slot, step);
  made_by_.push_back(std::move(draft.results));
  code_.instructions.push_back(instruction);
  parent_.out_.kernels_.push_back(std::move(draft.kernel));
}

// What `call` (of the op's record) gives for the op at the sizes of this specialization.
template <class T>
T BlockBuilder::WithCtx(const Op& op, const OpSlots& slots,
                        std::span<const ir::KernelCtx::Region> regions,
                        T (*call)(const ir::KernelCtx&)) const {
  std::vector<TensorSpec> operand_specs;
  std::vector<const void*> constants;
  for (uint32_t slot : slots.operands) {
    operand_specs.push_back(code_.specs[slot]);
    constants.push_back(infos_[slot].constant);
  }
  std::vector<TensorSpec> result_specs;
  for (uint32_t slot : slots.results) result_specs.push_back(code_.specs[slot]);
  return call(ir::KernelCtx{function_, op, ir::AttrReader(*op.def, op), operand_specs, result_specs,
                            constants, symbols_.values, parent_.target().cpu, regions,
                            Overlaps(op, slots.operands), slots.late_symbols});
}

// Runs a pure op whose operands are all constants now: its result is the same for every run. The
// interpreter does so only where there are no operands (const, iota): to prepare it is to be quick.
StatusOr<bool> BlockBuilder::Fold(const Op& op, const ir::Kernel& kernel, const OpSlots& slots) {
  if (!op.def->effects.pure() || op.def->effects.data_dependent || !op.defines.empty()) {
    return false;
  }
  if (!slots.operands.empty() && parent_.target().compiler == nullptr) return false;
  int64_t bytes = 0;
  std::vector<void*> operands;
  for (uint32_t slot : slots.operands) {
    if (infos_[slot].data == nullptr) return false;
    bytes += code_.specs[slot].SpanBytes();
    operands.push_back(const_cast<void*>(infos_[slot].data));  // operands are only read
  }
  for (size_t r = 0; r < slots.results.size(); ++r) {
    bytes += code_.specs[slots.results[r]].SpanBytes();
    if (bytes > kMaxFoldedBytes || Written(op.results[r])) return false;
  }
  std::vector<Tensor> made;
  std::vector<void*> results;
  for (uint32_t slot : slots.results) {
    GCOMP_ASSIGN_OR_RETURN(Tensor data, Tensor::Empty(DType::kU8, {code_.specs[slot].SpanBytes()}));
    results.push_back(data.data());
    made.push_back(std::move(data));
  }
  Status status = RunNow(kernel, operands, results);
  // An op that fails may never be reached.
  if (!status.ok() && !slots.operands.empty()) return false;
  GCOMP_RETURN_IF_ERROR(std::move(status));
  for (size_t r = 0; r < made.size(); ++r) {
    // Whether an operand is a constant may change the bits of a pinned op, so that it must be one
    // in all tiers or in none.
    SetConstant(slots.results[r], made[r].data(), /*told=*/slots.operands.empty());
    parent_.out_.constants_.push_back(std::move(made[r]));
  }
  return true;
}

}  // namespace gcomp
