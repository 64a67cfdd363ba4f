// The inside of Engine: what sessions use.
#pragma once

#include <memory>
#include <mutex>

#include "base/status.h"
#include "base/thread_pool.h"
#include "jit/compiler.h"
#include "runtime/engine.h"

namespace gcomp {

// Makes the compiler of an engine. For tests: one that fails, counts or has faults.
class CompilerFactory {
 public:
  virtual ~CompilerFactory() = default;

  virtual StatusOr<std::unique_ptr<codegen::Compiler>> Make(
      const codegen::CompilerOptions& options) const = 0;
};

struct Engine::Impl {
  Engine& engine;
  codegen::CompilerOptions options;
  std::shared_ptr<const CompilerFactory> factory;  // null = codegen::Compiler::Create
  std::unique_ptr<ThreadPool> pool;                // null = the caller's thread alone
  std::once_flag made;
  std::unique_ptr<codegen::Compiler> made_compiler;  // set under `made`; null = there is none

  // Made at the first call. Null where this build or machine has none: an event tells why, once.
  // Thread safety: may be called from any thread.
  codegen::Compiler* compiler();
};

}  // namespace gcomp
