// Names of compiled functions for `perf report`: the file /tmp/perf-PID.map.
#pragma once

#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>

#include <memory>

namespace gcomp::codegen {

// A plugin that adds a line for each function linked, or null if the environment variable
// GCOMP_JIT_PERF_MAP is not 1 or the file can't be written.
std::shared_ptr<llvm::orc::ObjectLinkingLayer::Plugin> MakePerfMap();

}  // namespace gcomp::codegen
