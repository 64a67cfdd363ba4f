// BlockFusion: what the fusion of a block's ops (jit/fuse.h) must know and keep to.
//
// Ops may move past each other as far as nobody can tell: writes, reads of memory that is written,
// ordered effects and checks keep their order, all else follows from who reads whose results. An op
// that does more than compute new tensors from others stays alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/kernel.h"
#include "ir/module.h"
#include "jit/fuse.h"
#include "runtime/specialization.h"

namespace gcomp {

// An op of a block that runs a kernel, not yet in its place.
struct OpDraft {
  ir::OpId op;
  std::vector<uint32_t> operands;  // slots: the op's own, then those of late symbols and the global
  std::vector<uint32_t> results;   // slots
  std::vector<Child> children;
  std::unique_ptr<ir::Kernel> kernel;
};

// A slot of the block.
struct SlotFacts {
  static constexpr uint32_t kNeverWritten = UINT32_MAX;

  uint32_t storage = 0;     // the slot in whose memory it lies
  int64_t byte_offset = 0;  // in it, from element [0, ..., 0] to element [0, ..., 0]
  // Equal for slots that may share memory which is written in place.
  uint32_t written_storage = kNeverWritten;
  bool known = true;  // the sizes are
  bool escapes = false;
};

struct FusionInput {
  const ir::Module& module;
  const ir::Function& function;
  std::span<const ir::TensorSpec> specs;  // by slot
  std::span<const SlotFacts> slots;
  std::span<const OpDraft> ops;           // in the order of the text
  std::span<const int64_t> symbols = {};  // values of the function's
};

// Drops ops that compute what nobody reads. Only those made of loops, which can't fail.
void DropDead(const ir::Function& function, std::span<const SlotFacts> slots,
              std::vector<OpDraft>& ops);

// Its tensors are the slots.
codegen::FusionGraph MakeFusionGraph(const FusionInput& input);

}  // namespace gcomp
