#include "jit/llvm/perf_map.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/format.h"

namespace gcomp::codegen {
namespace {

class PerfMap : public llvm::orc::ObjectLinkingLayer::Plugin {
 public:
  explicit PerfMap(std::FILE* file) : file_(file) {}

  ~PerfMap() override { std::fclose(file_); }

  void modifyPassConfig(llvm::orc::MaterializationResponsibility& /*responsibility*/,
                        llvm::jitlink::LinkGraph& /*graph*/,
                        llvm::jitlink::PassConfiguration& config) override {
    config.PostFixupPasses.push_back([this](llvm::jitlink::LinkGraph& graph) {
      std::lock_guard lock(mutex_);
      for (const llvm::jitlink::Symbol* symbol : graph.defined_symbols()) {
        if (!symbol->hasName() || !symbol->isCallable()) continue;
        std::string line = Format("{:x} {:x} {}\n", symbol->getAddress().getValue(),
                                  symbol->getSize(), std::string_view(symbol->getName()));
        std::fwrite(line.data(), 1, line.size(), file_);
      }
      std::fflush(file_);
      return llvm::Error::success();
    });
  }

  llvm::Error notifyFailed(llvm::orc::MaterializationResponsibility& /*unused*/) override {
    return llvm::Error::success();
  }

  llvm::Error notifyRemovingResources(llvm::orc::JITDylib& /*dylib*/,
                                      llvm::orc::ResourceKey /*key*/) override {
    return llvm::Error::success();
  }

  void notifyTransferringResources(llvm::orc::JITDylib& /*dylib*/, llvm::orc::ResourceKey /*to*/,
                                   llvm::orc::ResourceKey /*from*/) override {}

 private:
  std::FILE* file_;
  std::mutex mutex_;
};

}  // namespace

std::shared_ptr<llvm::orc::ObjectLinkingLayer::Plugin> MakePerfMap() {
  const char* wanted = std::getenv("GCOMP_JIT_PERF_MAP");
  if (wanted == nullptr || std::string_view(wanted) != "1") return nullptr;
  // Engines of one process add to one file.
  std::FILE* file = std::fopen(Format("/tmp/perf-{}.map", getpid()).c_str(), "a");
  return file == nullptr ? nullptr : std::make_shared<PerfMap>(file);
}

}  // namespace gcomp::codegen
