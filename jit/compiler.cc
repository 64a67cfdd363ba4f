#include "jit/compiler.h"

#include <cstdlib>
#include <string_view>

#include "base/format.h"

namespace gcomp::codegen {

StatusOr<CompilerOptions> WithEnvironment(CompilerOptions options) {
  if (const char* text = std::getenv("GCOMP_VECTOR_LANES")) {
    const std::string_view lanes = text;
    if (lanes != "4" && lanes != "8" && lanes != "16") {
      return Status(ErrorId::E701,
                    Format("GCOMP_VECTOR_LANES is '{}'; it may be 4, 8, 16 or not set", lanes));
    }
    if (options.lanes == 0) options.lanes = std::atoi(text);
  }
  if (const char* text = std::getenv("GCOMP_COMPILE")) {
    if (std::string_view(text) != "each") {
      return Status(ErrorId::E701,
                    Format("GCOMP_COMPILE is '{}'; it may be each or not set", text));
    }
    options.fusion.alone_from = 0;
  }
  return options;
}

std::vector<StatusOr<std::unique_ptr<ir::Kernel>>> Compiler::CompileAll(
    std::span<const CompileRequest> requests) {
  std::vector<StatusOr<std::unique_ptr<ir::Kernel>>> kernels;
  for (const CompileRequest& request : requests) {
    kernels.push_back(Compile(*request.fused, request.dump));
  }
  return kernels;
}

#ifndef GCOMP_LLVM
StatusOr<std::unique_ptr<Compiler>> Compiler::Create(const CompilerOptions&) {
  return Status(ErrorId::E511, "this build has no LLVM, so that it can't compile graphs");
}
#endif

}  // namespace gcomp::codegen
