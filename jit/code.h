// Machine code in memory, as the runtime sees it: who compiled it is not its business.
//
// Thread safety: all of a LoadedCode and of a CodeBytes may be used from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gcomp::codegen {

// The code of one module, ready to be called. Destroying it frees the memory: nobody may be inside
// any more, and pointers from Symbol are dead.
class LoadedCode {
 public:
  LoadedCode() = default;
  LoadedCode(const LoadedCode&) = delete;
  LoadedCode& operator=(const LoadedCode&) = delete;
  virtual ~LoadedCode();

  // The function of that name, or null if the module defines none.
  virtual void* Symbol(std::string_view name) const = 0;

  // Memory held, in whole pages.
  virtual size_t bytes() const = 0;
};

// What a module was compiled from and to, for people.
struct CodeDump {
  std::string llvm;      // before any pass
  std::string assembly;  // AT&T syntax
};

// Errors of a compile on purpose, for tests: each takes the path that the real error takes.
enum class CompileFault : uint8_t {
  kNone,
  kBrokenModule,   // the module breaks a rule of LLVM
  kCodegen,        // a function can't be compiled for the target
  kMemory,         // no memory for the code
  kMissingSymbol,  // the code calls what does not exist
  kFatal,          // LLVM meets what it can't go on from
};

// The bytes of all code of one engine that lives now.
class CodeBytes {
 public:
  size_t live() const { return live_.load(std::memory_order_relaxed); }

  void Add(size_t bytes) { live_.fetch_add(bytes, std::memory_order_relaxed); }

  void Remove(size_t bytes) { live_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  std::atomic<size_t> live_ = 0;
};

}  // namespace gcomp::codegen
