// CompiledKernel: machine code of a fused kernel, bound to sizes, as a step of a plan.
//
// Large ones run in pieces, on the threads of a pool where there is one; pieces do not depend on
// the number of threads, and bits not on the pieces. Between pieces the run may be stopped. A run
// allocates nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ir/kernel.h"
#include "jit/code.h"
#include "jit/fused_kernel.h"
#include "jit/schedule.h"

namespace gcomp {
class ThreadPool;
}

namespace gcomp::codegen {

// The machine code: work items [begin, end) on buffers, with the numbers of the kernel.
using KernelFunction = void (*)(void* const* buffers, const int64_t* numbers, void* scratch,
                                int64_t begin, int64_t end);

class CompiledKernel final : public ir::Kernel {
 public:
  // At most this many buffers.
  static constexpr size_t kMaxBuffers = 64;

  // `pool` may be null; it outlives the kernel.
  CompiledKernel(std::shared_ptr<const LoadedCode> code, KernelFunction function,
                 const FusedKernel& fused, const Schedule& schedule, ThreadPool* pool);

  size_t scratch_bytes() const override {
    return static_cast<size_t>(scratch_bytes_) * static_cast<size_t>(scratches_);
  }

  Status Run(const ir::KernelArgs& args) const override;

 private:
  struct Call;

  Status RunPieces(const Call& call, ir::RegionRunner* regions) const;

  std::shared_ptr<const LoadedCode> code_;
  KernelFunction function_;
  ThreadPool* pool_;
  std::vector<int64_t> numbers_;
  size_t operands_;
  size_t results_;
  int64_t items_;
  int64_t piece_;  // items of a piece; >= items_ where one call does all
  int64_t scratch_bytes_;
  int scratches_;
};

}  // namespace gcomp::codegen
