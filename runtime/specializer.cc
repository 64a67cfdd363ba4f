#include "runtime/specializer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/text.h"
#include "runtime/guard.h"

namespace gcomp {
namespace {

using ir::Function;
using ir::Op;
using ir::OpId;
using ir::TensorSpec;
using ir::ValueId;

// Deeper nesting of regions and calls than this is not run: each level is a level of C++ calls.
constexpr int kMaxDepth = 128;
// A function whose calls need more bodies at distinct sizes than this is not run: calls that double
// at every level would need 2^levels.
constexpr size_t kMaxBlocks = size_t{1} << 14;
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

  Status Poll() override { return {}; }
};

}  // namespace

// Builds the code of one block, op by op.
class Specializer::BlockBuilder {
 public:
  BlockBuilder(Specializer& parent, const Function& function, const std::vector<int64_t>& symbols,
               BlockCode& code)
      : parent_(parent), function_(function), symbols_(symbols), code_(code) {}

  Status Params(const std::vector<ValueId>& params, const BoundWeights* weights) {
    for (size_t i = 0; i < params.size(); ++i) {
      GCOMP_ASSIGN_OR_RETURN(uint32_t slot, NewSlot(params[i]));
      code_.params.push_back(slot);
      if (weights != nullptr && (*weights)[i] != nullptr) SetConstant(slot, (*weights)[i]);
    }
    return {};
  }

  Status Ops(const std::vector<OpId>& ops) {
    for (OpId id : ops) {
      const Op& op = function_.op(id);
      Status status = AddOp(id, op);
      if (!status.ok()) return AtOp(std::move(status), function_, op);
    }
    return {};
  }

  // Decides how each yielded value reaches its destination.
  Status Yields(const std::vector<ValueId>& yields, const std::vector<TensorSpec>& destinations) {
    for (size_t i = 0; i < yields.size(); ++i) {
      GCOMP_ASSIGN_OR_RETURN(uint32_t slot, SlotOf(yields[i]));
      const TensorSpec& spec = code_.specs[slot];
      TensorSpec destination = spec;
      destination.strides = ir::ContiguousStrides(spec.sizes);
      if (i < destinations.size() && destinations[i].dtype == spec.dtype &&
          destinations[i].sizes == spec.sizes) {
        destination = destinations[i];
      }
      Info& info = infos_[slot];
      bool direct = info.kind == Kind::kComputed && !info.direct && spec.SameLayout(destination);
      if (direct) {
        info.direct = true;
      } else {
        Use(slot, static_cast<uint32_t>(code_.instructions.size()));
      }
      kernels::StridedCopy copy;
      if (!direct) {
        copy = kernels::StridedCopy::Make(spec.sizes, spec.strides, destination.strides,
                                          ir::BytesOf(spec.dtype));
      }
      code_.yields.push_back({slot, direct, std::move(destination), std::move(copy)});
    }
    return {};
  }

  // Gives buffers and scratch their offsets, and sorts the pointer moves.
  Status PlanArena() {
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
        if (infos_[slot].direct) continue;
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

 private:
  enum class Kind : uint8_t { kParam, kComputed, kConstant, kMoved };

  // What is known of one value so far.
  struct Info {
    Kind kind = Kind::kParam;
    bool direct = false;             // written at its destination by its op
    uint32_t base = kNoSlot;         // kMoved: whose storage it shares
    uint32_t last_use = 0;           // index of the last instruction that needs its storage
    const void* constant = nullptr;  // its data, if known for good
  };

  StatusOr<uint32_t> NewSlot(ValueId id) {
    const ir::Value& value = function_.value(id);
    GCOMP_ASSIGN_OR_RETURN(TensorSpec spec, ir::BindType(value.type, symbols_));
    auto slot = static_cast<uint32_t>(code_.specs.size());
    code_.specs.push_back(std::move(spec));
    infos_.emplace_back();
    slot_of_.emplace(id, slot);
    return slot;
  }

  // The slot of an operand; a literal gets one at its first use.
  StatusOr<uint32_t> SlotOf(ValueId id) {
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

  void SetConstant(uint32_t slot, const void* data) {
    infos_[slot].kind = Kind::kConstant;
    infos_[slot].constant = data;
    code_.constants.push_back({slot, data});
  }

  // The storage of `slot`, and of what it is a view of, is needed at instruction `step`.
  void Use(uint32_t slot, uint32_t step) {
    for (uint32_t s = slot; s != kNoSlot; s = infos_[s].base) {
      infos_[s].last_use = std::max(infos_[s].last_use, step);
    }
  }

  // True if the address is the same at every run: buffers and constants.
  bool IsFixed(uint32_t slot) const {
    while (infos_[slot].kind == Kind::kMoved) slot = infos_[slot].base;
    const Info& info = infos_[slot];
    return info.kind == Kind::kConstant || (info.kind == Kind::kComputed && !info.direct);
  }

  Status AddOp(OpId id, const Op& op) {
    if (!op.defines.empty()) {
      return Status(ErrorId::E511, "sizes that depend on data are not run by this build");
    }
    std::vector<uint32_t> operands;
    operands.reserve(op.operands.size());
    for (ValueId operand : op.operands) {
      GCOMP_ASSIGN_OR_RETURN(uint32_t slot, SlotOf(operand));
      operands.push_back(slot);
    }
    std::vector<uint32_t> results;
    for (ValueId result : op.results) {
      GCOMP_ASSIGN_OR_RETURN(uint32_t slot, NewSlot(result));
      results.push_back(slot);
    }
    if (op.def->is_view()) {
      if (op.def->check != nullptr) GCOMP_RETURN_IF_ERROR(Check(op, operands, results));
      return AddView(operands[0], results[0]);
    }
    if (op.def->same_bytes && code_.specs[operands[0]].IsContiguous() &&
        code_.specs[results[0]].IsContiguous()) {
      return AddMove(operands[0], results[0], 0);
    }
    return AddKernel(id, op, operands, results);
  }

  Status AddView(uint32_t operand, uint32_t result) {
    const TensorSpec& from = code_.specs[operand];
    const TensorSpec& to = code_.specs[result];
    int64_t elements = to.offset - from.offset;
    return AddMove(operand, result, elements * ir::BytesOf(to.dtype));
  }

  Status AddMove(uint32_t operand, uint32_t result, int64_t byte_offset) {
    Info& info = infos_[result];
    const Info& from = infos_[operand];
    if (from.constant != nullptr) {
      SetConstant(result, static_cast<const char*>(from.constant) + byte_offset);
      return {};
    }
    info.kind = Kind::kMoved;
    info.base = operand;
    all_moves_.push_back({result, operand, byte_offset});
    return {};
  }

  Status AddKernel(OpId id, const Op& op, const std::vector<uint32_t>& operands,
                   const std::vector<uint32_t>& results) {
    std::vector<uint32_t> children;
    std::vector<ir::KernelCtx::Region> regions;
    GCOMP_RETURN_IF_ERROR(AddChildren(op, operands, results, children, regions));
    GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::Kernel> kernel,
                           Prepare(op, operands, results, regions));
    auto step = static_cast<uint32_t>(code_.instructions.size());
    for (uint32_t slot : results) infos_[slot].kind = Kind::kComputed;

    Instruction instruction{};
    instruction.kernel = kernel.get();
    instruction.op = id;
    instruction.operands = static_cast<uint32_t>(code_.slot_lists.size());
    code_.slot_lists.insert(code_.slot_lists.end(), operands.begin(), operands.end());
    instruction.results = static_cast<uint32_t>(code_.slot_lists.size());
    code_.slot_lists.insert(code_.slot_lists.end(), results.begin(), results.end());
    instruction.children = static_cast<uint32_t>(code_.child_lists.size());
    instruction.num_children = static_cast<uint32_t>(children.size());
    code_.child_lists.insert(code_.child_lists.end(), children.begin(), children.end());

    GCOMP_ASSIGN_OR_RETURN(bool folded, Fold(op, *kernel, instruction, results));
    if (folded) return {};
    for (uint32_t slot : operands) Use(slot, step);
    made_by_.push_back(results);
    code_.instructions.push_back(instruction);
    parent_.out_.kernels_.push_back(std::move(kernel));
    return {};
  }

  StatusOr<std::unique_ptr<ir::Kernel>> Prepare(const Op& op, const std::vector<uint32_t>& operands,
                                                const std::vector<uint32_t>& results,
                                                std::span<const ir::KernelCtx::Region> regions) {
    if (op.def->prepare == nullptr) {
      return Status(ErrorId::E511, Format("{} is not run by this build", op.def->name));
    }
    return WithCtx(op, operands, results, regions, op.def->prepare);
  }

  Status Check(const Op& op, const std::vector<uint32_t>& operands,
               const std::vector<uint32_t>& results) {
    return WithCtx(op, operands, results, {}, op.def->check);
  }

  // What `call` (of the op's record) gives for the op at the sizes of this specialization.
  template <class T>
  T WithCtx(const Op& op, const std::vector<uint32_t>& operands,
            const std::vector<uint32_t>& results, std::span<const ir::KernelCtx::Region> regions,
            T (*call)(const ir::KernelCtx&)) {
    std::vector<TensorSpec> operand_specs;
    std::vector<const void*> constants;
    for (uint32_t slot : operands) {
      operand_specs.push_back(code_.specs[slot]);
      constants.push_back(infos_[slot].constant);
    }
    std::vector<TensorSpec> result_specs;
    for (uint32_t slot : results) result_specs.push_back(code_.specs[slot]);
    return call(ir::KernelCtx{function_, op, ir::AttrReader(*op.def, op), operand_specs,
                              result_specs, constants, symbols_, parent_.cpu_, regions});
  }

  // Runs a pure op without operands now (const, iota): its result is the same for every run.
  StatusOr<bool> Fold(const Op& op, const ir::Kernel& kernel, const Instruction& instruction,
                      const std::vector<uint32_t>& results) {
    if (!op.operands.empty() || !op.def->effects.pure() || instruction.num_children > 0)
      return false;
    for (uint32_t slot : results) {
      if (code_.specs[slot].SpanBytes() > kMaxFoldedBytes) return false;
    }
    std::vector<void*> slots(code_.specs.size(), nullptr);
    for (uint32_t slot : results) {
      const TensorSpec& spec = code_.specs[slot];
      GCOMP_ASSIGN_OR_RETURN(Tensor data, Tensor::Empty(DType::kU8, {spec.SpanBytes()}));
      slots[slot] = data.data();
      SetConstant(slot, data.data());
      parent_.out_.constants_.push_back(std::move(data));
    }
    GCOMP_ASSIGN_OR_RETURN(
        Tensor scratch, Tensor::Empty(DType::kU8, {static_cast<int64_t>(kernel.scratch_bytes())}));
    GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::KernelState> state, kernel.NewState());
    NoRegions none;
    const uint32_t* lists = code_.slot_lists.data();
    GCOMP_RETURN_IF_ERROR(
        kernel.Run({slots.data(), lists + instruction.operands, lists + instruction.results,
                    scratch.data(), state.get(), &none}));
    return true;
  }

  // Builds the blocks that the op runs: its regions, or its callee.
  Status AddChildren(const Op& op, const std::vector<uint32_t>& operands,
                     const std::vector<uint32_t>& results, std::vector<uint32_t>& children,
                     std::vector<ir::KernelCtx::Region>& regions) {
    if (!op.callee.empty()) {
      GCOMP_ASSIGN_OR_RETURN(uint32_t child, CalleeOf(op, operands));
      children.push_back(child);
    }
    std::vector<TensorSpec> result_specs;
    for (uint32_t slot : results) result_specs.push_back(code_.specs[slot]);
    static const std::vector<TensorSpec> kRowMajor;
    for (ir::BlockId region : op.regions) {
      bool same_count = function_.block(region).yields.size() == results.size();
      GCOMP_ASSIGN_OR_RETURN(uint32_t child, parent_.Block(function_, region, symbols_, nullptr,
                                                           same_count ? result_specs : kRowMajor));
      children.push_back(child);
    }
    for (uint32_t child : children) {
      const BlockCode& code = *parent_.out_.blocks_[child];
      ir::KernelCtx::Region& region = regions.emplace_back();
      for (uint32_t slot : code.params) region.params.push_back(code.specs[slot]);
      for (const BlockCode::Yield& yield : code.yields) region.results.push_back(yield.destination);
    }
    return {};
  }

  StatusOr<uint32_t> CalleeOf(const Op& op, const std::vector<uint32_t>& operands) {
    const Function* callee = parent_.module_.Find(op.callee);
    GCOMP_ENSURE(callee != nullptr, "a verified call has a callee");
    std::vector<Argument> arguments;
    for (uint32_t slot : operands) arguments.push_back({&code_.specs[slot], infos_[slot].constant});
    std::vector<int64_t> sizes;
    for (const ir::Expr& size : op.callee_sizes) {
      std::optional<int64_t> value = size.Evaluate(symbols_);
      if (!value) return Status(ErrorId::E503, "a size given to the callee can't be computed");
      sizes.push_back(*value);
    }
    GCOMP_ASSIGN_OR_RETURN(std::vector<int64_t> symbols,
                           BindSymbols(*callee, arguments, sizes, ErrorId::E506));
    return parent_.Callee(*callee, std::move(symbols));
  }

  Specializer& parent_;
  const Function& function_;
  const std::vector<int64_t>& symbols_;
  BlockCode& code_;
  std::unordered_map<ValueId, uint32_t> slot_of_;
  std::vector<Info> infos_;                     // by slot
  std::vector<std::vector<uint32_t>> made_by_;  // result slots, by instruction
  std::vector<PointerMove> all_moves_;          // in the order of the text
};

Status Specializer::Build(const Function& function, const BoundWeights& weights) {
  GCOMP_ASSIGN_OR_RETURN([[maybe_unused]] uint32_t root,
                         Block(function, function.body, out_.symbols_, &weights, {}));
  return PlaceArenas();
}

StatusOr<uint32_t> Specializer::Callee(const Function& function, std::vector<int64_t> symbols) {
  auto key = std::make_pair(&function, symbols);
  if (auto known = callees_.find(key); known != callees_.end()) return known->second;
  std::vector<TensorSpec> destinations;
  for (const ir::Result& result : function.results) {
    GCOMP_ASSIGN_OR_RETURN(TensorSpec spec, ir::BindType(result.type, symbols));
    destinations.push_back(std::move(spec));
  }
  GCOMP_ASSIGN_OR_RETURN(uint32_t index,
                         Block(function, function.body, symbols, nullptr, destinations));
  callees_.emplace(std::move(key), index);
  return index;
}

StatusOr<uint32_t> Specializer::Block(const Function& function, ir::BlockId block_id,
                                      const std::vector<int64_t>& symbols,
                                      const BoundWeights* weights,
                                      const std::vector<TensorSpec>& destinations) {
  if (depth_ >= kMaxDepth) {
    return Status(ErrorId::E802, Format("regions and calls nest deeper than {}", kMaxDepth));
  }
  if (out_.blocks_.size() >= kMaxBlocks) {
    return Status(ErrorId::E802,
                  Format("a function needs more than {} bodies at distinct sizes", kMaxBlocks));
  }
  ++depth_;
  auto index = static_cast<uint32_t>(out_.blocks_.size());
  out_.blocks_.push_back(std::make_unique<BlockCode>());
  BlockCode& code = *out_.blocks_.back();
  code.function = &function;
  code.block = block_id;
  const ir::Block& block = function.block(block_id);
  BlockBuilder builder(*this, function, symbols, code);
  GCOMP_RETURN_IF_ERROR(builder.Params(block.params, weights));
  GCOMP_RETURN_IF_ERROR(builder.Ops(block.ops));
  GCOMP_RETURN_IF_ERROR(builder.Yields(block.yields, destinations));
  GCOMP_RETURN_IF_ERROR(builder.PlanArena());
  --depth_;
  return index;
}

// A block's range begins where the longest range of those who run it ends: one pass over the
// blocks, callers before what they run. The call graph has no cycles.
Status Specializer::PlaceArenas() {
  std::vector<uint32_t> order;  // callers before what they run
  std::vector<uint8_t> seen(out_.blocks_.size(), 0);
  std::vector<std::pair<uint32_t, size_t>> stack = {{0, 0}};
  seen[0] = 1;
  while (!stack.empty()) {
    auto& [block, next] = stack.back();
    const std::vector<uint32_t>& children = out_.blocks_[block]->child_lists;
    if (next == children.size()) {
      order.push_back(block);
      stack.pop_back();
    } else if (uint32_t child = children[next++]; seen[child] == 0) {
      seen[child] = 1;
      stack.emplace_back(child, 0);
    }
  }
  std::reverse(order.begin(), order.end());
  for (uint32_t index : order) {
    const BlockCode& code = *out_.blocks_[index];
    int64_t end = 0;
    if (__builtin_add_overflow(code.arena_offset, code.arena_bytes, &end)) {
      return Status(ErrorId::E801, "a function needs more than 2^63 bytes of buffers");
    }
    out_.arena_bytes_ = std::max(out_.arena_bytes_, end);
    for (uint32_t child : code.child_lists) {
      int64_t& offset = out_.blocks_[child]->arena_offset;
      offset = std::max(offset, end);
    }
  }
  return {};
}

}  // namespace gcomp
