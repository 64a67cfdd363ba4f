// Fusion: which ops of a block run as one kernel, and why others do not.
//
// Ops join the kernel of what they read when the whole can be told as one FusedKernel: pointwise
// ops, casts, pads, concats and copies in any chain or tree; what a reduction reads; what reads a
// reduction, also of the same rows again (softmax, layer_norm). Views between them fold into index
// maps. What is read from outside the kernel is stored as well (several results).
//
// Greedy, in the order of the text: an op tries the groups of its operands, and joins where the
// kernel of all costs no more than the kernels apart (jit/cost.h). Every op is in one group; what a
// kernel computes more than once (a broadcast, a loop over a row again) counts as often.
//
// A group grows by what joins it (jit/compose.h), so that a block takes time about linear in its
// ops.
//
// The bits stay: a kernel computes each op's own loop nest (Lowering::loops), in its types and
// order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ir/kernel.h"
#include "ir/module.h"
#include "jit/fused_kernel.h"

namespace gcomp::codegen {

// A value of the block, at concrete sizes.
struct FusionTensor {
  ir::TensorSpec spec;
  // The tensor in whose memory it lies (itself, unless it is a view), and the bytes from that one's
  // element [0, ..., 0] to its own.
  uint32_t storage = 0;
  int64_t byte_offset = 0;
  // Read by someone beside the ops of the graph: a result of the block, what runs behind it.
  bool escapes = false;
  // The value, if it is a literal of rank 0: kernels hold it themselves.
  std::optional<ir::Scalar> literal = {};
};

struct FusionOp {
  const ir::Function* function = nullptr;
  const ir::Op* op = nullptr;
  std::vector<uint32_t> operands;  // tensors
  std::vector<uint32_t> results;   // tensors that it makes
  std::vector<uint32_t> after;  // earlier ops that must run before it, beside those it reads from
  // Why it stays alone whatever its record says (it writes memory that others see, ...); empty = it
  // may fuse.
  std::string alone = {};
};

// The ops of a block in the order of the text. Views are no ops here: they are tensors.
struct FusionGraph {
  std::vector<FusionTensor> tensors;
  std::vector<FusionOp> ops;
  // Values of the function's size symbols, which attributes may speak of; those that no op which
  // may fuse speaks of may be any.
  std::vector<int64_t> symbols = {};
};

// What runs as one step: one op by its own kernel, or several as one fused kernel.
struct FusionUnit {
  std::vector<uint32_t> ops;          // indices into FusionGraph::ops, ascending
  std::optional<FusedKernel> kernel;  // where there are several
};

// An op did not join the kernel of what it reads.
struct FusionCut {
  uint32_t producer;
  uint32_t consumer;
  std::string why;
};

struct Fusion {
  std::vector<FusionUnit> units;  // in an order that keeps all dependences
  std::vector<FusionCut> cuts;
};

struct FusionOptions {
  // An op that fuses with none gets a kernel, if it can be one, from so many elements on: eager
  // kernels run on one thread. From 0 on: whatever it costs.
  int64_t alone_from = INT64_MAX;
  size_t max_ops = 256;     // per kernel
  size_t max_buffers = 32;  // per kernel
};

Fusion Fuse(const FusionGraph& graph, const FusionOptions& options = {});

}  // namespace gcomp::codegen
