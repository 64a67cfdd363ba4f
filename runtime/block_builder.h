// BlockBuilder: builds the code of one block for concrete sizes, op by op.
//
// For the interpreter each op becomes an instruction where it stands. For the compiled tier the ops
// are collected as drafts, and become instructions when all are known (PlaceDrafts): those that
// fuse as one, by a kernel that is compiled for them.
#pragma once

#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "ir/kernel.h"
#include "ir/module.h"
#include "jit/code.h"
#include "runtime/block_fusion.h"
#include "runtime/specialization.h"
#include "runtime/specializer.h"

namespace gcomp {

class BlockBuilder {
 public:
  // All outlive the builder; `code` is empty.
  BlockBuilder(Specializer& parent, const CodeRange& range, const SymbolValues& symbols,
               BlockCode& code);

  Status Build();

  // The form of a value of this type whose sizes are not known.
  static ir::TensorSpec UnknownSpec(const ir::Type& type);
  // The lone symbol that an int type binds; invalid if it is none.
  static ir::SymId LoneSymbol(const ir::Type& type);
  static ir::TensorSpec RowMajor(ir::TensorSpec spec);

 private:
  enum class Kind : uint8_t { kParam, kComputed, kConstant, kMoved, kGlobal, kLate };

  // What is known of one value so far.
  struct Info {
    Kind kind = Kind::kParam;
    bool direct = false;             // written at its destination by its op
    uint32_t base = UINT32_MAX;      // kMoved: whose storage it shares
    uint32_t last_use = 0;           // index of the last instruction that needs its storage
    const void* data = nullptr;      // if it is computed already: the same at every run
    const void* constant = nullptr;  // the same, if kernels may count on it
  };

  // The values of an op by slot.
  struct OpSlots {
    std::vector<uint32_t> operands;  // the op's own, then one for each late symbol, then the global
    std::vector<uint32_t> results;
    std::vector<ir::SymId> late_symbols;
  };

  // A unit of fusion as it comes from the compiler.
  struct CompiledUnit {
    std::vector<ir::OpId> ops;
    std::unique_ptr<ir::Kernel> kernel;  // null: the ops run one by one
    codegen::CodeDump text;              // where somebody asks for it
  };

  Status Params();
  Status Ops();
  Status Results();
  Status Yields();
  Status PlanArena();
  void ListLives();
  // Nothing can run behind an op that fails for sure: the block keeps the reason.
  void Fail(Status status);

  StatusOr<uint32_t> NewSlot(ir::ValueId id);
  StatusOr<uint32_t> SlotOf(ir::ValueId id);
  uint32_t AddSlot(ir::TensorSpec spec, Info info);
  // `told`: kernels see that it is a constant.
  void SetConstant(uint32_t slot, const void* data, bool told = true);
  void Use(uint32_t slot, uint32_t step);
  uint32_t Root(uint32_t slot) const;
  bool IsFixed(uint32_t slot) const;

  bool Written(ir::ValueId id) const { return facts_.roots.written(id); }

  bool MayBeWritten(ir::ValueId id) const;

  bool NeedsTail(const ir::Op& op) const;
  StatusOr<bool> FailsForSure(const ir::Op& op);
  Status AddOp(ir::OpId id, const ir::Op& op);
  StatusOr<OpSlots> SlotsOf(const ir::Op& op);
  Status AddLateOperands(const ir::Op& op, OpSlots& slots);
  Status AddView(uint32_t operand, uint32_t result);
  void AddMove(uint32_t operand, uint32_t result, int64_t byte_offset);
  Status AddKernel(ir::OpId id, const ir::Op& op, OpSlots slots);
  StatusOr<std::unique_ptr<ir::Kernel>> MakeKernel(
      const ir::Op& op, const OpSlots& slots, std::span<const ir::KernelCtx::Region> regions) const;
  void AddInstruction(OpDraft draft);
  StatusOr<bool> Fold(const ir::Op& op, const ir::Kernel& kernel, const OpSlots& slots);
  std::vector<ir::ValueId> LiveBehind(size_t next_op) const;
  Status AddTail(size_t next_op);
  std::vector<SlotFacts> FactsOfSlots(std::span<const ir::ValueId> read_behind,
                                      std::span<const uint32_t> read_by_last) const;
  Status PlaceDrafts(std::span<const ir::ValueId> read_behind, bool keep_last);
  std::vector<CompiledUnit> CompileUnits(std::span<const codegen::FusionUnit> units,
                                         std::span<const OpDraft> drafts);
  void PlaceFused(const codegen::FusionUnit& unit, CompiledUnit compiled);
  void DropUnreadMoves();
  uint64_t Overlaps(const ir::Op& op, std::span<const uint32_t> operands) const;
  bool MayShare(uint32_t a, uint32_t b) const;
  bool AnyShare(std::span<const uint32_t> slots) const;

  Status AddChildren(const ir::Op& op, const OpSlots& slots, std::vector<Child>& children,
                     std::vector<ir::KernelCtx::Region>& regions);
  StatusOr<Child> RegionChild(ir::BlockId region, const OpSlots& slots,
                              ir::KernelCtx::Region& described);
  StatusOr<Child> CalleeChild(const ir::Op& op, const OpSlots& slots,
                              ir::KernelCtx::Region& described);
  Child AddLate(LateBlock late);
  void Describe(uint32_t block, ir::KernelCtx::Region& described) const;
  Status DescribeTypes(const std::vector<ir::Type>& params, const std::vector<ir::Type>& results,
                       const SymbolValues& symbols, ir::KernelCtx::Region& described) const;

  template <class T>
  T WithCtx(const ir::Op& op, const OpSlots& slots, std::span<const ir::KernelCtx::Region> regions,
            T (*call)(const ir::KernelCtx&)) const;

  Specializer& parent_;
  const CodeRange& range_;
  const ir::Function& function_;
  const SymbolValues& symbols_;
  const Specializer::FunctionFacts& facts_;
  BlockCode& code_;
  std::unordered_map<ir::ValueId, uint32_t> slot_of_;
  std::unordered_map<ir::SymId, uint32_t> slot_of_symbol_;  // the int that tells a late symbol
  std::vector<ir::ValueId> value_of_;                       // by slot; invalid = of no value
  std::vector<Info> infos_;                                 // by slot
  std::vector<std::vector<uint32_t>> made_by_;              // result slots, by instruction
  std::vector<PointerMove> all_moves_;                      // in the order of the text
  std::vector<OpDraft> drafts_;                             // compiled tier: not placed yet
};

}  // namespace gcomp
