// Compiler: machine code for fused kernels.
//
// Code is kept while a kernel uses it, and shared by kernels of equal structure: the first sizes of
// a structure are compiled as constants, from the second ones on the sizes are arguments. Kernels
// that are asked for together are compiled together, and their code is freed when the last of them
// goes.
//
// Thread safety: may be used from any thread, which waits while threads of the compiler's own work:
// as many as the pool has.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/status.h"
#include "ir/kernel.h"
#include "jit/code.h"
#include "jit/fuse.h"
#include "jit/fused_kernel.h"

namespace gcomp {
class ThreadPool;
}

namespace gcomp::codegen {

struct CompilerOptions {
  CpuLevel cpu = CpuLevel::kV3;
  int lanes = 0;               // virtual lanes of vector code: 4, 8, 16; 0 = as the CPU's level
  ThreadPool* pool = nullptr;  // runs parts of large kernels; outlives the compiler's kernels
  FusionOptions fusion = {};   // for who fuses
  CompileFault fault = CompileFault::kNone;
  std::string fault_in = {};  // the kernels whose names contain it have the fault
};

struct CompileRequest {
  const FusedKernel* fused = nullptr;
  std::string name;          // for people: profilers and debuggers show it
  CodeDump* dump = nullptr;  // if not null: gets the text
};

// The same with what the environment asks for, to find faults: GCOMP_VECTOR_LANES=4, 8 or 16 where
// `lanes` is 0; GCOMP_COMPILE=each compiles ops that fuse with none, too. Fails with E701 for other
// values.
StatusOr<CompilerOptions> WithEnvironment(CompilerOptions options);

class Compiler {
 public:
  // Fails with E511 in a build without LLVM, E901 where the machine can't run its code.
  static StatusOr<std::unique_ptr<Compiler>> Create(const CompilerOptions& options);
  virtual ~Compiler() = default;

  // How ops are to be fused for it.
  const FusionOptions& fusion() const { return fusion_; }

  // A kernel whose operands are the buffers that `fused` reads, and whose results are those it
  // writes, in the order of FusedKernel::buffers. `dump`, if not null, gets its text. Fails with
  // E902 (LLVM refuses the code), E801 (no memory for code).
  virtual StatusOr<std::unique_ptr<ir::Kernel>> Compile(const FusedKernel& fused,
                                                        CodeDump* dump = nullptr) = 0;

  // The same for all of them, in their order; each may fail alone.
  virtual std::vector<StatusOr<std::unique_ptr<ir::Kernel>>> CompileAll(
      std::span<const CompileRequest> requests);

  // Bytes of machine code that are loaded now.
  virtual int64_t code_bytes() const = 0;

 protected:
  explicit Compiler(const FusionOptions& fusion = {}) : fusion_(fusion) {}

 private:
  FusionOptions fusion_;
};

}  // namespace gcomp::codegen
