// Target: what the code of functions is made for, and who is told of it.
#pragma once

#include <functional>
#include <string>

#include "base/cpu.h"
#include "base/events.h"
#include "runtime/engine.h"

namespace gcomp {
namespace codegen {
class Compiler;
}

// Outlives what is made for it. Thread safety: may be used from any thread.
struct Target {
  CpuLevel cpu = CpuLevel::kV3;
  codegen::Compiler* compiler = nullptr;  // null = each op is run by its own kernel
  CodeSink code_sink = {};                // may be empty
  // Told what was compiled and what was not; may be empty.
  std::function<void(Reason reason, std::string subject, std::string detail)> tell = {};
};

}  // namespace gcomp
