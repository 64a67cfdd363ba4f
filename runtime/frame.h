// Frame: the mutable half of a specialization: slots, buffers, states of kernels; one caller's.
//
// A slot holds the address of element [0, ..., 0] of one value. Addresses of buffers, constants and
// globals are set once; those of parameters and results at each run. So a run does no look-up by
// name, no hash, no allocation. Only where sizes come up while it runs (LateBlock) it may
// specialize and allocate; what it made is kept for the next time with these sizes.
//
// Ownership: owns its arena and the frames of its late blocks, keeps its specialization alive,
// borrows what its environment names.
// Thread safety: one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "ir/kernel.h"
#include "runtime/specialization.h"
#include "runtime/tensor.h"

namespace gcomp {

class Frame;

// A result that stays in the storage of a parameter.
struct AliasedResult {
  size_t result;
  void* address;
  ir::TensorSpec spec;
};

// What a frame needs of its surroundings; everything outlives it.
struct FrameEnvironment {
  const std::atomic<bool>* interrupt = nullptr;   // a run stops soon once it is set
  const int64_t* deadline_ns = nullptr;           // of the steady clock; a run stops then; 0 = none
  const Logger* log = nullptr;                    // gets what the graph prints
  std::span<void* const> globals;                 // their memory, by index in the module
  std::vector<AliasedResult>* aliases = nullptr;  // gets the results of an entry that are aliases
  const std::function<void(const Frame&)>* retire = nullptr;  // told of late frames that go
  bool profile = false;                                       // measure the time of each op
  bool check_effects = false;  // compare what each op leaves alone, before and after
};

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
  // Allocates the arena. Fails with E801.
  static StatusOr<std::unique_ptr<Frame>> Create(std::shared_ptr<const Specialization> code,
                                                 const FrameEnvironment& environment);

  ~Frame();

  const Specialization& code() const { return *code_; }

  // Bytes of the buffers, those of late blocks included.
  int64_t arena_bytes() const;

  // Runs the range on the addresses of its parameters (those of constants are ignored) and of its
  // results' destinations; null where `out` gives memory once the sizes are known. The
  // floating-point environment is the caller's business.
  Status Run(std::span<void* const> params, std::span<void* const> results,
             ir::RegionResults* out = nullptr);

  // Counters of the steps of block b since the frame was made; times only where it profiles.
  std::vector<StepCounter> Counters(size_t b) const;

  // This frame, then those of its late blocks.
  void ForEach(const std::function<void(const Frame&)>& visit) const;

 private:
  class Runner;
  class Definer;

  struct BlockFrame {
    const BlockCode* code = nullptr;
    std::vector<void*> slots;
    std::vector<Step> steps;               // without the one before the tail
    std::vector<uint32_t> dynamic_params;  // indices of the parameters that are not constants
    std::vector<void*> results;            // where some were placed by `out`
    uint64_t runs = 0;                     // completed
    std::vector<StepCounter> counters;     // empty unless the frame profiles

    // Before a tail: the op that defines its sizes, what it made, and what is passed on.
    std::vector<Step> defining;   // one or none
    std::vector<Tensor> defined;  // by result; memory of those whose sizes it finds out
    std::vector<int64_t> symbols;
    std::vector<void*> tail_params;
  };

  // The frames of one late block, the last used first.
  struct LateFrames {
    std::vector<std::pair<std::vector<int64_t>, std::unique_ptr<Frame>>> frames;
  };

  Frame() = default;
  Status MakeBlock(const BlockCode& code, BlockFrame& block);
  Status RunBlock(BlockFrame& block, std::span<void* const> params, std::span<void* const> results,
                  ir::RegionResults* out);
  Status Place(BlockFrame& block, std::span<void* const>& results, ir::RegionResults* out);

  // True if the run may have to stop: WhyStop() decides.
  bool MayStop() const {
    const std::atomic<bool>* interrupt = environment_.interrupt;
    return (interrupt != nullptr && interrupt->load(std::memory_order_relaxed)) ||
           (environment_.deadline_ns != nullptr && *environment_.deadline_ns != 0);
  }

  // OK to go on, or E803: interrupted, or past the deadline.
  Status WhyStop() const;
  void TellAliases(const BlockFrame& block);
  Status RunSteps(BlockFrame& block);
  Status RunStepsWatched(BlockFrame& block);
  Status RunStepChecked(const BlockFrame& block, size_t step);
  Status RunTail(BlockFrame& block, std::span<void* const> results, ir::RegionResults* out);
  Status RunLate(uint32_t late, std::span<void* const> params, std::span<void* const> results,
                 ir::RegionResults* out);
  // The frame of a late block for these sizes: `key` tells them apart, `symbols` are all of them.
  StatusOr<Frame*> LateFrame(uint32_t index, std::vector<int64_t> key, SymbolValues symbols);

  std::shared_ptr<const Specialization> code_;
  FrameEnvironment environment_;
  Tensor arena_;
  std::vector<BlockFrame> blocks_;
  std::vector<LateFrames> late_;
  std::vector<std::unique_ptr<Runner>> runners_;
  std::vector<std::unique_ptr<ir::KernelState>> states_;
};

}  // namespace gcomp
