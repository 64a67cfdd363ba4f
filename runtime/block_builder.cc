#include "runtime/block_builder.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/text.h"
#include "kernels/copy_pieces.h"

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

constexpr uint32_t kNoSlot = UINT32_MAX;

Status AtOp(Status status, const Function& function, const Op& op) {
  status.AddNote(Format("in @{}: {}", function.name, ir::PrintOpLine(function, op)));
  return status;
}

// For ops that are run while a function is prepared: they have no regions.
class NoRegions final : public ir::RegionRunner {
 public:
  Status RunRegion(size_t, std::span<void* const>, std::span<void* const>) override {
    return Status(ErrorId::E999, "an op without regions asked for one");
  }

  Status RunRegion(size_t, std::span<void* const>, std::span<void* const>,
                   ir::RegionResults&) override {
    return Status(ErrorId::E999, "an op without regions asked for one");
  }

  Status Poll() override { return {}; }

  // Only pure ops run here.
  void Print(std::string_view) override {}
};

// An op that defines integers which no shape speaks of: runs it, then checks their ranges.
class RangeCheckedKernel final : public ir::Kernel {
 public:
  struct Range {
    size_t result;
    int64_t low;
    int64_t high;
    std::string symbol;
  };

  RangeCheckedKernel(std::unique_ptr<ir::Kernel> inner, std::vector<Range> ranges)
      : inner_(std::move(inner)), ranges_(std::move(ranges)) {}

  size_t scratch_bytes() const override { return inner_->scratch_bytes(); }

  StatusOr<std::unique_ptr<ir::KernelState>> NewState() const override {
    return inner_->NewState();
  }

  Status Run(const ir::KernelArgs& args) const override {
    GCOMP_RETURN_IF_ERROR(inner_->Run(args));
    for (const Range& range : ranges_) {
      const int64_t value = *args.result<int64_t>(range.result);
      if (value >= range.low && value <= range.high) continue;
      return Status(ErrorId::E401, Format("{} is {}, must lie in [{}, {}]", range.symbol, value,
                                          range.low, range.high));
    }
    return {};
  }

 private:
  std::unique_ptr<ir::Kernel> inner_;
  std::vector<Range> ranges_;
};

}  // namespace

BlockBuilder::BlockBuilder(Specializer& parent, const CodeRange& range, const SymbolValues& symbols,
                           BlockCode& code)
    : parent_(parent),
      range_(range),
      function_(*range.function),
      symbols_(symbols),
      facts_(parent.FactsOf(*range.function)),
      code_(code) {
  code_.function = &function_;
  code_.block = range.block;
}

ir::SymId BlockBuilder::LoneSymbol(const ir::Type& type) {
  if (type.kind() != ir::Type::Kind::kInt) return {};
  return type.value().kind() == ir::Expr::Kind::kSymbol ? type.value().symbol() : ir::SymId();
}

TensorSpec BlockBuilder::RowMajor(TensorSpec spec) {
  spec.strides = ir::ContiguousStrides(spec.sizes);
  spec.offset = 0;
  return spec;
}

TensorSpec BlockBuilder::UnknownSpec(const ir::Type& type) {
  TensorSpec spec;
  spec.dtype = type.is_tensor() ? type.dtype() : ir::DType::kI64;
  spec.sizes = {-1};
  spec.strides = {1};
  return spec;
}

Status BlockBuilder::Build() {
  GCOMP_RETURN_IF_ERROR(Results());
  GCOMP_RETURN_IF_ERROR(Params());
  GCOMP_RETURN_IF_ERROR(Ops());
  if (code_.failure.has_value()) return {};
  if (!code_.tail.has_value()) GCOMP_RETURN_IF_ERROR(Yields());
  return PlanArena();
}

void BlockBuilder::Fail(Status status) {
  code_.failure = std::move(status);
  code_.instructions.clear();
  code_.child_lists.clear();
  code_.yields.clear();
}

// ---- The block as a whole -----------------------------------------------------------------------

// The forms of the results: as asked for, else row-major.
Status BlockBuilder::Results() {
  const std::vector<ValueId>& yields = function_.block(range_.block).yields;
  for (size_t i = 0; i < yields.size(); ++i) {
    const ir::Type& type = function_.value(yields[i]).type;
    TensorSpec& spec = code_.results.emplace_back(UnknownSpec(type));
    if (!symbols_.Knows(type)) continue;
    GCOMP_ASSIGN_OR_RETURN(spec, ir::BindType(type, symbols_.values));
    if (range_.entry && function_.results[i].annotations.into.valid()) continue;
    if (i < range_.destinations.size() && ir::IsKnown(range_.destinations[i]) &&
        range_.destinations[i].dtype == spec.dtype && range_.destinations[i].sizes == spec.sizes) {
      spec = range_.destinations[i];
    } else {
      spec = RowMajor(std::move(spec));
    }
  }
  return {};
}

Status BlockBuilder::Params() {
  for (size_t i = 0; i < range_.params.size(); ++i) {
    const ValueId id = range_.params[i];
    GCOMP_ASSIGN_OR_RETURN(uint32_t slot, NewSlot(id));
    code_.params.push_back(slot);
    const void* constant = i < range_.constants.size() ? range_.constants[i] : nullptr;
    if (constant != nullptr && !Written(id)) SetConstant(slot, constant);
  }
  return {};
}

Status BlockBuilder::Ops() {
  const std::vector<OpId>& ops = function_.block(range_.block).ops;
  for (size_t i = range_.first_op; i < ops.size(); ++i) {
    const Op& op = function_.op(ops[i]);
    StatusOr<bool> fails = FailsForSure(op);
    if (!fails.ok()) return AtOp(std::move(fails).status(), function_, op);
    if (*fails) return {};
    Status status = AddOp(ops[i], op);
    if (!status.ok()) return AtOp(std::move(status), function_, op);
    if (NeedsTail(op)) return AddTail(i + 1);
  }
  return {};
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
  NoRegions none;
  Status status = check->Run({nullptr, nullptr, nullptr, nullptr, nullptr, &none});
  GCOMP_ENSURE(!status.ok(), "a predicate that does not hold fails its check");
  Fail(AtOp(std::move(status), function_, op));
  return true;
}

// Decides how each yielded value reaches its destination.
Status BlockBuilder::Yields() {
  const std::vector<ValueId>& yields = function_.block(range_.block).yields;
  std::vector<uint32_t> last;  // results that go into parameters
  for (uint32_t i = 0; i < yields.size(); ++i) {
    GCOMP_ASSIGN_OR_RETURN(uint32_t slot, SlotOf(yields[i]));
    const ir::Annotations annotations =
        range_.entry ? function_.results[i].annotations : ir::Annotations();
    const bool into = annotations.into.valid();
    if (into && function_.value(facts_.roots.root(yields[i])).kind == ir::Value::Kind::kParam) {
      // Another result may be stored over it first.
      const TensorSpec from = code_.specs[slot];
      const TensorSpec to = RowMajor(from);
      std::vector<kernels::PieceKernel::Piece> pieces(1);
      pieces[0].copy =
          kernels::StridedCopy::Make(from.sizes, from.strides, to.strides, ir::BytesOf(from.dtype));
      GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::Kernel> copy,
                             kernels::MakePieceKernel(std::move(pieces)));
      OpSlots slots;
      slots.operands = {slot};
      slot = AddSlot(to, {.kind = Kind::kComputed});
      slots.results = {slot};
      AddInstruction(OpId(), std::move(copy), slots, {});
    }
    const TensorSpec& spec = code_.specs[slot];
    const TensorSpec& destination = code_.results[i];
    Info& info = infos_[slot];
    BlockCode::Yield yield{slot, false, annotations.alias.valid(), {}};
    yield.direct = !into && !yield.alias && info.kind == Kind::kComputed && !info.direct &&
                   spec.SameLayout(destination);
    if (yield.direct) {
      info.direct = true;
    } else {
      Use(slot, static_cast<uint32_t>(code_.instructions.size()));
    }
    if (!yield.direct && !yield.alias) {
      yield.copy = kernels::StridedCopy::Make(spec.sizes, spec.strides, destination.strides,
                                              ir::BytesOf(spec.dtype));
      (into ? last : code_.copies).push_back(i);
    }
    code_.yields.push_back(std::move(yield));
  }
  code_.copies.insert(code_.copies.end(), last.begin(), last.end());
  return {};
}

// Gives buffers and scratch their offsets, and sorts the pointer moves.
Status BlockBuilder::PlanArena() {
  std::vector<BufferRequest> requests;
  std::vector<uint32_t> owner;  // slot, or kNoSlot for scratch of the instruction `first`
  for (size_t i = 0; i < code_.instructions.size(); ++i) {
    auto step = static_cast<uint32_t>(i);
    const Instruction& instruction = code_.instructions[i];
    if (size_t bytes = instruction.kernel->scratch_bytes(); bytes > 0) {
      requests.push_back({static_cast<int64_t>(bytes), step, step});
      owner.push_back(kNoSlot);
    }
    for (uint32_t slot : made_by_[i]) {
      if (infos_[slot].kind != Kind::kComputed || infos_[slot].direct) continue;
      requests.push_back(
          {code_.specs[slot].SpanBytes(), step, std::max(step, infos_[slot].last_use)});
      owner.push_back(slot);
    }
  }
  GCOMP_ASSIGN_OR_RETURN(MemoryPlan plan, PlanMemory(requests));
  for (size_t i = 0; i < requests.size(); ++i) {
    if (owner[i] == kNoSlot) {
      code_.instructions[requests[i].first].scratch_offset = plan.offsets[i];
    } else {
      code_.arena_slots.push_back({owner[i], plan.offsets[i]});
    }
  }
  code_.arena_bytes = plan.total_bytes;
  for (const PointerMove& move : all_moves_) {
    (IsFixed(move.operand) ? code_.fixed_moves : code_.moves).push_back(move);
  }
  return {};
}

// ---- Slots --------------------------------------------------------------------------------------

uint32_t BlockBuilder::AddSlot(TensorSpec spec, Info info) {
  auto slot = static_cast<uint32_t>(code_.specs.size());
  code_.specs.push_back(std::move(spec));
  infos_.push_back(info);
  value_of_.push_back(ValueId());
  return slot;
}

StatusOr<uint32_t> BlockBuilder::NewSlot(ValueId id) {
  const ir::Type& type = function_.value(id).type;
  const bool known = symbols_.Knows(type);
  TensorSpec spec = UnknownSpec(type);
  if (known) {
    GCOMP_ASSIGN_OR_RETURN(spec, ir::BindType(type, symbols_.values));
  }
  uint32_t slot = AddSlot(std::move(spec), {.kind = known ? Kind::kParam : Kind::kLate});
  slot_of_.emplace(id, slot);
  value_of_[slot] = id;
  if (ir::SymId symbol = LoneSymbol(type); symbol.valid() && !symbols_.known[symbol.index()]) {
    slot_of_symbol_[symbol] = slot;
  }
  return slot;
}

// The slot of an operand; a literal gets one at its first use.
StatusOr<uint32_t> BlockBuilder::SlotOf(ValueId id) {
  if (auto known = slot_of_.find(id); known != slot_of_.end()) return known->second;
  const ir::Value& value = function_.value(id);
  GCOMP_ENSURE(value.kind == ir::Value::Kind::kLiteral, "a value is used before it is made");
  GCOMP_ASSIGN_OR_RETURN(uint32_t slot, NewSlot(id));
  GCOMP_ASSIGN_OR_RETURN(Tensor data, Tensor::Empty(value.literal.dtype, {}));
  value.literal.Store(data.data());
  SetConstant(slot, data.data());
  parent_.out_.constants_.push_back(std::move(data));
  return slot;
}

void BlockBuilder::SetConstant(uint32_t slot, const void* data) {
  infos_[slot].kind = Kind::kConstant;
  infos_[slot].constant = data;
  code_.constants.push_back({slot, data});
}

// The storage of `slot`, and of what it is a view of, is needed at instruction `step`.
void BlockBuilder::Use(uint32_t slot, uint32_t step) {
  for (uint32_t s = slot; s != kNoSlot; s = infos_[s].base) {
    infos_[s].last_use = std::max(infos_[s].last_use, step);
  }
}

uint32_t BlockBuilder::Root(uint32_t slot) const {
  while (infos_[slot].kind == Kind::kMoved) slot = infos_[slot].base;
  return slot;
}

// True if the address is the same at every run: buffers, constants and globals.
bool BlockBuilder::IsFixed(uint32_t slot) const {
  const Info& info = infos_[Root(slot)];
  return info.kind == Kind::kConstant || info.kind == Kind::kGlobal ||
         (info.kind == Kind::kComputed && !info.direct);
}

// ---- Ops ----------------------------------------------------------------------------------------

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
      code_.specs[slots.results[0]].IsContiguous() && !Written(op.operands[0]) &&
      !Written(op.results[0])) {
    AddMove(slots.operands[0], slots.results[0], 0);
    return {};
  }
  return AddKernel(id, op, slots);
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
  if (from.constant != nullptr) {
    SetConstant(result, static_cast<const char*>(from.constant) + byte_offset);
    return;
  }
  info.kind = Kind::kMoved;
  info.base = operand;
  all_moves_.push_back({result, operand, byte_offset});
}

Status BlockBuilder::AddKernel(OpId id, const Op& op, const OpSlots& slots) {
  std::vector<Child> children;
  std::vector<ir::KernelCtx::Region> regions;
  GCOMP_RETURN_IF_ERROR(AddChildren(op, slots, children, regions));
  if (op.def->prepare == nullptr) {
    return Status(ErrorId::E511, Format("{} is not run by this build", op.def->name));
  }
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::Kernel> kernel,
                         WithCtx(op, slots, regions, op.def->prepare));
  if (!op.defines.empty() && !NeedsTail(op)) {
    std::vector<RangeCheckedKernel::Range> ranges;
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
    kernel = std::make_unique<RangeCheckedKernel>(std::move(kernel), std::move(ranges));
  }
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
  if (children.empty()) {
    GCOMP_ASSIGN_OR_RETURN(bool folded, Fold(op, *kernel, slots));
    if (folded) return {};
  }
  AddInstruction(id, std::move(kernel), slots, children);
  return {};
}

void BlockBuilder::AddInstruction(OpId id, std::unique_ptr<ir::Kernel> kernel, const OpSlots& slots,
                                  std::span<const Child> children) {
  const auto step = static_cast<uint32_t>(code_.instructions.size());
  Instruction instruction{};
  instruction.kernel = kernel.get();
  instruction.op = id;
  std::vector<uint32_t>& lists = code_.slot_lists;
  instruction.operands = static_cast<uint32_t>(lists.size());
  lists.insert(lists.end(), slots.operands.begin(), slots.operands.end());
  instruction.results = static_cast<uint32_t>(lists.size());
  lists.insert(lists.end(), slots.results.begin(), slots.results.end());
  instruction.children = static_cast<uint32_t>(code_.child_lists.size());
  instruction.num_children = static_cast<uint32_t>(children.size());
  code_.child_lists.insert(code_.child_lists.end(), children.begin(), children.end());
  for (uint32_t slot : slots.operands) Use(slot, step);
  made_by_.push_back(slots.results);
  code_.instructions.push_back(instruction);
  parent_.out_.kernels_.push_back(std::move(kernel));
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
                            constants, symbols_.values, parent_.cpu_, regions,
                            Overlaps(op, slots.operands), slots.late_symbols});
}

// Runs a pure op without operands now (const, iota): its result is the same for every run.
StatusOr<bool> BlockBuilder::Fold(const Op& op, const ir::Kernel& kernel, const OpSlots& slots) {
  if (!slots.operands.empty() || !op.def->effects.pure() || !op.defines.empty()) return false;
  for (size_t r = 0; r < slots.results.size(); ++r) {
    if (code_.specs[slots.results[r]].SpanBytes() > kMaxFoldedBytes) return false;
    if (Written(op.results[r])) return false;
  }
  std::vector<void*> memory;
  std::vector<uint32_t> order;
  for (uint32_t slot : slots.results) {
    const TensorSpec& spec = code_.specs[slot];
    GCOMP_ASSIGN_OR_RETURN(Tensor data, Tensor::Empty(DType::kU8, {spec.SpanBytes()}));
    order.push_back(static_cast<uint32_t>(memory.size()));
    memory.push_back(data.data());
    SetConstant(slot, data.data());
    parent_.out_.constants_.push_back(std::move(data));
  }
  GCOMP_ASSIGN_OR_RETURN(Tensor scratch,
                         Tensor::Empty(DType::kU8, {static_cast<int64_t>(kernel.scratch_bytes())}));
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::KernelState> state, kernel.NewState());
  NoRegions none;
  GCOMP_RETURN_IF_ERROR(
      kernel.Run({memory.data(), order.data(), order.data(), scratch.data(), state.get(), &none}));
  return true;
}

}  // namespace gcomp
