// CodeGenerator: a module of LLVM IR to an object file in memory, for one level of x86-64.
//
// Thread safety: any threads, each with a module in a context of its own.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/status.h"

namespace llvm {
class MemoryBuffer;
class Module;
class TargetMachine;
}  // namespace llvm

namespace gcomp::codegen {

class CodeGenerator {
 public:
  // `unwind_tables`: debuggers find the callers of a function without its frame pointer.
  static StatusOr<std::unique_ptr<CodeGenerator>> Create(CpuLevel level, bool unwind_tables);

  CodeGenerator(const CodeGenerator&) = delete;
  CodeGenerator& operator=(const CodeGenerator&) = delete;
  ~CodeGenerator();

  CpuLevel level() const { return level_; }

  // Sets the module's target, and what its functions say of it; then lets LLVM verify the module.
  Status Prepare(llvm::Module& module);

  // Changes the module on the way: it is of no use afterwards. Requires Prepare.
  StatusOr<std::unique_ptr<llvm::MemoryBuffer>> Compile(llvm::Module& module);

  // The same code as text. Keeps the module.
  StatusOr<std::string> Assembly(const llvm::Module& module);

 private:
  CodeGenerator(CpuLevel level, bool unwind_tables);

  // One of the free target machines, or a new one.
  StatusOr<std::unique_ptr<llvm::TargetMachine>> TakeMachine();
  void GiveMachine(std::unique_ptr<llvm::TargetMachine> machine);

  const CpuLevel level_;
  const bool unwind_tables_;
  std::mutex mutex_;
  // A target machine serves one thread at a time, and costs more to make than a small kernel.
  std::vector<std::unique_ptr<llvm::TargetMachine>> free_machines_;
};

}  // namespace gcomp::codegen
