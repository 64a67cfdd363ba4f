// Specialization: a function bound to concrete sizes, ready to run.
//
// All that depends on sizes alone is decided here, once: the spec of every value, a slot for every
// value, which buffers share memory, one prepared kernel per op, which results are written straight
// into the caller's memory. A run then only moves pointers and calls kernels.
//
// A function's regions and the functions it invokes are blocks of the same specialization. A callee
// that is invoked at the same sizes from several places is one block. Memory: each block has a
// fixed range in the frame's arena, past the ranges of all blocks that can be running when it runs.
//
// Sizes that only the run tells (`defines`, int parameters of regions) end what can be decided: the
// ops behind such an op, or the region whose types speak of such a size, are a LateBlock. A frame
// specializes it when it knows the sizes, and keeps what it made.
//
// Made for a Target with a compiler, ops that fuse (jit/fuse.h) are one instruction with a kernel
// that was compiled for them; values between them have no buffer.
//
// Ownership: immutable after Create and shared by frames; borrows the module and the weights, which
// the session keeps. Thread safety: may be read from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/status.h"
#include "ir/kernel.h"
#include "ir/module.h"
#include "kernels/strided_copy.h"
#include "runtime/target.h"
#include "runtime/tensor.h"

namespace gcomp {

// What is bound to sizes: the ops of a block from one of them on.
struct CodeRange {
  const ir::Function* function = nullptr;
  ir::BlockId block;
  size_t first_op = 0;
  std::vector<ir::ValueId> params;     // what comes from outside, in this order
  std::vector<const void*> constants;  // by parameter: its data where that never changes, else null
  // The forms in which results are asked for; where there is none, or it is not known, row-major.
  std::vector<ir::TensorSpec> destinations;
  bool entry =
      false;  // (the rest of) the body that a Context runs: `alias` and `into` mean its ports
  // Parameters may share memory with each other.
  bool params_overlap = false;
};

// Values of a function's symbols, as far as they are known.
struct SymbolValues {
  std::vector<int64_t> values;
  std::vector<bool> known;

  bool Knows(const ir::Expr& e) const;
  bool Knows(const ir::Type& type) const;
};

// Code that waits for sizes.
struct LateBlock {
  enum class Kind : uint8_t {
    kTail,    // the rest of the block, once its last op has defined `binds`
    kRegion,  // a region; `binds` are the symbols of its int parameters
    kCallee,  // a function that gets ints: its symbols are those of the arguments
  };
  Kind kind = Kind::kTail;
  CodeRange range;
  SymbolValues symbols;
  std::vector<ir::SymId> binds;
  std::vector<uint32_t> bind_params;            // kRegion: which parameter tells each of `binds`
  std::vector<ir::TensorSpec> argument_specs;   // kCallee
  std::vector<const void*> argument_constants;  // kCallee
  std::vector<int64_t> explicit_sizes;          // kCallee
};

// What an op runs: a block of the specialization, or a late one.
struct Child {
  uint32_t index;
  bool late;
};

// An op that runs a kernel.
struct Instruction {
  const ir::Kernel* kernel;
  uint32_t operands;           // begin of its operand slots in BlockCode::slot_lists
  uint32_t results;            // begin of its result slots there
  uint32_t end;                // ... and their end
  int64_t scratch_offset = 0;  // in the block's arena range; bytes
  uint32_t children = 0;       // begin of its blocks in BlockCode::child_lists
  uint32_t num_children = 0;
  ir::OpId op;                 // invalid where it is none of the function's, or several
  uint32_t fused = kNotFused;  // several: index in BlockCode::fused

  static constexpr uint32_t kNotFused = UINT32_MAX;
};

// The ops of one compiled kernel.
struct FusedOps {
  std::vector<ir::OpId> ops;  // in the order of the text
  int64_t operations = 0;     // of scalars, per run
};

// Two ops that are not one kernel though one reads what the other makes.
struct FusionNote {
  ir::OpId producer;
  ir::OpId consumer;
  std::string why;
};

// slots[result] = slots[operand] + byte_offset: what a view is at run time.
struct PointerMove {
  uint32_t result;
  uint32_t operand;
  int64_t byte_offset;
};

struct BlockCode {
  const ir::Function* function = nullptr;
  ir::BlockId block;
  std::vector<ir::TensorSpec> specs;  // by slot
  std::vector<ir::ValueId> values;    // by slot; invalid where it is none of the function's
  std::vector<uint32_t> params;       // their slots
  // The forms in which results are written; not IsKnown where only the run tells.
  std::vector<ir::TensorSpec> results;

  struct Yield {
    uint32_t slot;
    // The op that makes the value writes it at the destination; else it is copied there at the end.
    bool direct;
    bool alias;                 // stays where it is: the caller is told the address
    kernels::StridedCopy copy;  // to the destination, unless direct or alias
  };

  std::vector<Yield> yields;  // by result; empty if there is a tail
  // The order in which results are copied at the end: those that go `into` parameters last.
  std::vector<uint32_t> copies;

  struct ArenaSlot {
    uint32_t slot;
    int64_t offset;
    uint32_t first;  // instruction that writes it
    uint32_t last;   // ... that reads it last; past the end: read behind them
  };

  std::vector<ArenaSlot> arena_slots;

  // A value that a run may need to go on from the boundaries `from` to `until`: boundary i stands
  // before instruction i, the last one behind all. Parameters (from the first on) and what ops
  // make; constants and globals are there always, a view is where its storage is.
  struct Life {
    uint32_t slot;
    uint32_t from;
    uint32_t until;
  };

  std::vector<Life> lives;  // by `from`

  struct ConstantSlot {
    uint32_t slot;
    const void* data;
  };

  std::vector<ConstantSlot> constants;

  struct GlobalSlot {
    uint32_t slot;
    uint32_t global;  // index in the module
  };

  std::vector<GlobalSlot> globals;
  std::vector<PointerMove> fixed_moves;  // of buffers, constants, globals: done once per frame
  std::vector<PointerMove> moves;        // of parameters and destinations: done at each entry
  std::vector<Instruction> instructions;
  std::vector<FusedOps> fused;
  std::vector<FusionNote> cuts;
  std::vector<uint32_t> slot_lists;
  std::vector<Child> child_lists;

  // What comes after the last instruction, which defines the sizes that the rest needs.
  struct Tail {
    uint32_t late = 0;               // index of the late block
    std::vector<uint32_t> operands;  // slots, by parameter of the late block
  };

  std::optional<Tail> tail;
  // A check that is known to fail: the block can't run.
  std::optional<Status> failure;
  int64_t arena_bytes = 0;
  int64_t arena_offset = 0;

  // The live-in slots of a boundary: what must be in a frame that goes on from there.
  std::vector<uint32_t> LiveIn(size_t boundary) const;

  std::span<const uint32_t> OperandsOf(const Instruction& instruction) const {
    return std::span(slot_lists)
        .subspan(instruction.operands, instruction.results - instruction.operands);
  }

  std::span<const uint32_t> ResultsOf(const Instruction& instruction) const {
    return std::span(slot_lists)
        .subspan(instruction.results, instruction.end - instruction.results);
  }
};

// Where the data of a function's weight parameters are, by parameter; null for the others.
using BoundWeights = std::vector<const void*>;

class Specialization {
 public:
  // The body of `function`; `weights` belongs to it. Fails with E503 (a size is negative or not
  // known), E401 (a check fails at these sizes), E511 (a form that the interpreter can't run yet),
  // E801, and with what kernels say when prepared. What can't be compiled runs op by op.
  static StatusOr<std::shared_ptr<const Specialization>> Create(
      const ir::Module& module, const ir::Function& function, const BoundWeights& weights,
      std::vector<int64_t> symbols, bool params_overlap, const Target& target);

  // The same of any range.
  static StatusOr<std::shared_ptr<const Specialization>> Create(const ir::Module& module,
                                                                const CodeRange& range,
                                                                SymbolValues symbols,
                                                                const Target& target);

  const ir::Module& module() const { return *module_; }

  const Target& target() const { return *target_; }

  const std::vector<int64_t>& symbols() const { return symbols_.values; }

  bool knows(size_t symbol) const { return symbols_.known[symbol]; }

  // What it was made for beyond sizes.
  bool params_overlap() const { return params_overlap_; }

  // Block 0 is the whole range.
  const std::vector<std::unique_ptr<BlockCode>>& blocks() const { return blocks_; }

  const BlockCode& root() const { return *blocks_[0]; }

  const std::vector<std::unique_ptr<LateBlock>>& late_blocks() const { return late_blocks_; }

  int64_t arena_bytes() const { return arena_bytes_; }

 private:
  friend class Specializer;
  friend class BlockBuilder;
  Specialization() = default;

  const ir::Module* module_ = nullptr;
  const Target* target_ = nullptr;
  SymbolValues symbols_;
  bool params_overlap_ = false;
  std::vector<std::unique_ptr<BlockCode>> blocks_;
  std::vector<std::unique_ptr<LateBlock>> late_blocks_;
  std::vector<std::unique_ptr<ir::Kernel>> kernels_;
  std::vector<Tensor> constants_;
  int64_t arena_bytes_ = 0;
};

// "add, mul": the names of ops, in turn.
std::string NamesOf(const ir::Function& function, std::span<const ir::OpId> ops);

// "add", "fused: add, mul"; empty for a step of the runtime's own.
std::string NameOf(const BlockCode& code, const Instruction& instruction);

// Copies the elements of a tensor into another of the same sizes and dtype; both strided. Plans the
// copy anew at each call: for paths that are not hot.
void CopyElements(const ir::TensorSpec& from, const void* source, const ir::TensorSpec& to,
                  void* destination);

}  // namespace gcomp
