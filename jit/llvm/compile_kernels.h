// CompileKernels: fused kernels as functions of few modules, which are compiled at the same time.
//
// What a module costs however small it is (passes set up, an object file, a link) is paid once for
// all its kernels. Its code is freed as a whole.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "jit/code.h"
#include "jit/fused_kernel.h"
#include "jit/llvm/llvm_engine.h"
#include "jit/schedule.h"

namespace gcomp::codegen {

struct KernelSource {
  const FusedKernel* fused = nullptr;
  Schedule schedule;
  std::string name;          // for people; its symbol tells of it
  CodeDump* dump = nullptr;  // if not null: a module of its own, whose text goes there
  CompileFault fault = CompileFault::kNone;
};

// A function of a module that is loaded.
struct KernelCode {
  std::shared_ptr<const LoadedCode> module;
  std::string symbol;
};

// The code of each, in their order; as many modules as `threads`, each compiled on a CompileThread.
// If a module can't be compiled, its kernels are compiled one by one, so that one which fails takes
// no others with it.
std::vector<StatusOr<KernelCode>> CompileKernels(LlvmEngine& engine,
                                                 std::span<const KernelSource> kernels,
                                                 size_t threads);

}  // namespace gcomp::codegen
