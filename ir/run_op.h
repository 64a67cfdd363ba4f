// RunOp: prepares one op alone and runs it once on memory. For constant folding and for tests that
// look at single ops; who runs a graph prepares once and runs often (runtime/).
#pragma once

#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "base/status.h"
#include "ir/kernel.h"
#include "ir/module.h"

namespace gcomp::ir {

// An operand or result of the run: its concrete form and the address of element [0, ..., 0].
struct OpBuffer {
  TensorSpec spec;
  void* data = nullptr;
  bool constant = false;  // an operand that the kernel may read while it is prepared
};

// True for ops that RunOp can run: those with a kernel of their own that calls no region or callee.
bool CanRunAlone(const Op& op);

// Runs the kernel of `op` (built for `cpu`) in the floating-point environment of docs/numerics.md.
// Results are written, operands are not changed; they must not overlap. Fails as prepare and the
// kernel do, and with E999 where buffers do not match the op's operands and results in number.
// Blocking; allocates scratch.
Status RunOp(const Function& function, const Op& op, std::span<const OpBuffer> operands,
             std::span<const OpBuffer> results, std::span<const int64_t> symbols, CpuLevel cpu);

}  // namespace gcomp::ir
