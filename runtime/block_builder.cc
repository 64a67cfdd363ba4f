#include "runtime/block_builder.h"

#include <algorithm>
#include <utility>

#include "kernels/copy_pieces.h"
#include "runtime/hazard_check.h"

namespace gcomp {
namespace {

using ir::TensorSpec;
using ir::ValueId;

constexpr uint32_t kNoSlot = UINT32_MAX;

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
  GCOMP_RETURN_IF_ERROR(PlanArena());
  code_.values = std::move(value_of_);
  return {};
}

void BlockBuilder::Fail(Status status) {
  code_.failure = std::move(status);
  code_.instructions.clear();
  code_.child_lists.clear();
  code_.yields.clear();
  drafts_.clear();
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

// Decides how each yielded value reaches its destination.
Status BlockBuilder::Yields() {
  const std::vector<ValueId>& yields = function_.block(range_.block).yields;
  std::vector<uint32_t> last;  // results that go into parameters
  std::vector<uint32_t> read_at_end;
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
      const uint32_t from_slot = std::exchange(slot, AddSlot(to, {.kind = Kind::kComputed}));
      AddInstruction({.op = {},
                      .operands = {from_slot},
                      .results = {slot},
                      .children = {},
                      .kernel = std::move(copy)});
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
      read_at_end.push_back(slot);
    }
    if (!yield.direct && !yield.alias) {
      yield.copy = kernels::StridedCopy::Make(spec.sizes, spec.strides, destination.strides,
                                              ir::BytesOf(spec.dtype));
      (into ? last : code_.copies).push_back(i);
    }
    code_.yields.push_back(std::move(yield));
  }
  code_.copies.insert(code_.copies.end(), last.begin(), last.end());
  // Behind all instructions, also those that were added here.
  for (uint32_t slot : read_at_end) Use(slot, static_cast<uint32_t>(code_.instructions.size()));
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
      code_.arena_slots.push_back({owner[i], plan.offsets[i], requests[i].first, requests[i].last});
    }
  }
  code_.arena_bytes = plan.total_bytes;
  ListLives();
  if (parent_.target().compiler != nullptr) DropUnreadMoves();
  for (const PointerMove& move : all_moves_) {
    (IsFixed(move.operand) ? code_.fixed_moves : code_.moves).push_back(move);
  }
#ifndef NDEBUG
  GCOMP_RETURN_IF_ERROR(CheckHazards(code_));
#endif
  return {};
}

// What is made is live behind its step; a result that is written at its destination to the end.
void BlockBuilder::ListLives() {
  const auto end = static_cast<uint32_t>(code_.instructions.size());
  for (uint32_t slot : code_.params) {
    if (infos_[slot].kind != Kind::kConstant) {
      code_.lives.push_back({slot, 0, infos_[slot].last_use});
    }
  }
  for (uint32_t step = 0; step < end; ++step) {
    for (uint32_t slot : made_by_[step]) {
      const Info& info = infos_[slot];
      const uint32_t until = info.direct ? end : info.last_use;
      if (info.kind != Kind::kMoved && until > step) {
        code_.lives.push_back({slot, step + 1, until});
      }
    }
  }
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

void BlockBuilder::SetConstant(uint32_t slot, const void* data, bool told) {
  infos_[slot].kind = Kind::kConstant;
  infos_[slot].data = data;
  infos_[slot].constant = told ? data : nullptr;
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

}  // namespace gcomp
