// Frame: the mutable half of a specialization: slots, buffers, states of kernels; one caller's.
//
// A slot holds the address of element [0, ..., 0] of one value. Addresses of buffers and constants
// are set once; those of parameters and results at each run. So a run does no look-up by name, no
// hash, no allocation.
//
// Ownership: owns its arena, keeps its specialization alive, borrows the flag that interrupts it.
// Thread safety: one thread at a time; Interrupt may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "ir/kernel.h"
#include "runtime/specialization.h"
#include "runtime/tensor.h"

namespace gcomp {

// One op, ready to run: a call with its arguments.
struct Step {
  const ir::Kernel* kernel;
  ir::KernelArgs args;
};

struct StepCounter {
  uint64_t calls = 0;
  uint64_t time_ns = 0;
};

class Frame {
 public:
  // Allocates the arena. `interrupt`, if not null, outlives the frame: a run stops at the next op
  // once it is set. Fails with E801.
  static StatusOr<std::unique_ptr<Frame>> Create(std::shared_ptr<const Specialization> code,
                                                 const std::atomic<bool>* interrupt, bool profile);

  ~Frame();

  const Specialization& code() const { return *code_; }

  int64_t arena_bytes() const { return code_->arena_bytes(); }

  // Runs the function on the addresses of its parameters (weights' entries are ignored) and of its
  // results' destinations. The floating-point environment is the caller's business.
  Status Run(std::span<void* const> params, std::span<void* const> results);

  // Counters of the steps of block b since the frame was made; times only where it profiles.
  std::vector<StepCounter> Counters(size_t b) const;

 private:
  class Runner;

  struct BlockFrame {
    const BlockCode* code = nullptr;
    std::vector<void*> slots;
    std::vector<Step> steps;
    std::vector<uint32_t> dynamic_params;  // indices of the parameters that are not constants
    uint64_t runs = 0;                     // completed
    std::vector<StepCounter> counters;     // empty unless the frame profiles
  };

  Frame() = default;
  Status MakeBlock(const BlockCode& code, BlockFrame& block);
  Status RunBlock(BlockFrame& block, std::span<void* const> params, std::span<void* const> results);
  Status RunSteps(BlockFrame& block);
  Status RunStepsTimed(BlockFrame& block);

  std::shared_ptr<const Specialization> code_;
  const std::atomic<bool>* interrupt_ = nullptr;
  bool profile_ = false;
  Tensor arena_;
  std::vector<BlockFrame> blocks_;
  std::vector<std::unique_ptr<Runner>> runners_;
  std::vector<std::unique_ptr<ir::KernelState>> states_;
};

}  // namespace gcomp
