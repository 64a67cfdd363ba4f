// Compiler over LLVM: schedule, emit, compile, and the cache of code by structure.
#include <map>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/thread_pool.h"
#include "jit/compiled_kernel.h"
#include "jit/compiler.h"
#include "jit/llvm/code_cache.h"
#include "jit/llvm/compile_kernels.h"
#include "jit/llvm/compile_thread.h"
#include "jit/llvm/llvm_engine.h"
#include "jit/schedule.h"

namespace gcomp::codegen {
namespace {

// For another kernel of the same structure.
StatusOr<KernelCode> CopyOf(const StatusOr<KernelCode>& code) {
  if (code.ok()) return *code;
  return Status(code.status().id(), code.status().message());
}

class LlvmCompiler final : public Compiler {
 public:
  LlvmCompiler(const CompilerOptions& options, std::unique_ptr<LlvmEngine> engine)
      : Compiler(options.fusion), options_(options), engine_(std::move(engine)) {}

  StatusOr<std::unique_ptr<ir::Kernel>> Compile(const FusedKernel& fused, CodeDump* dump) override {
    const CompileRequest request = {&fused, "kernel", dump};
    return std::move(CompileAll({&request, 1})[0]);
  }

  std::vector<StatusOr<std::unique_ptr<ir::Kernel>>> CompileAll(
      std::span<const CompileRequest> requests) override {
    std::vector<Schedule> schedules;
    std::vector<StatusOr<KernelCode>> codes = CodesFor(requests, schedules);
    std::vector<StatusOr<std::unique_ptr<ir::Kernel>>> kernels;
    for (size_t i = 0; i < requests.size(); ++i) {
      kernels.push_back(MakeKernel(*requests[i].fused, schedules[i], std::move(codes[i])));
    }
    return kernels;
  }

  int64_t code_bytes() const override { return static_cast<int64_t>(engine_->live_bytes()); }

 private:
  std::vector<StatusOr<KernelCode>> CodesFor(std::span<const CompileRequest> requests,
                                             std::vector<Schedule>& schedules);

  KernelSource SourceOf(const CompileRequest& request, const Schedule& schedule) const {
    const bool faulty = request.name.find(options_.fault_in) != std::string::npos;
    return {request.fused, schedule, request.name, request.dump,
            faulty ? options_.fault : CompileFault::kNone};
  }

  StatusOr<std::unique_ptr<ir::Kernel>> MakeKernel(const FusedKernel& fused,
                                                   const Schedule& schedule,
                                                   StatusOr<KernelCode> code) const {
    if (!code.ok()) return std::move(code).status();
    if (fused.buffers.size() > CompiledKernel::kMaxBuffers) {
      return Status(ErrorId::E802, Format("a kernel takes {} buffers at most, not {}",
                                          CompiledKernel::kMaxBuffers, fused.buffers.size()));
    }
    auto function = reinterpret_cast<KernelFunction>(code->module->Symbol(code->symbol));
    GCOMP_ENSURE(function != nullptr, "compiled code has its entry");
    return std::unique_ptr<ir::Kernel>(
        std::make_unique<CompiledKernel>(code->module, function, fused, schedule, options_.pool));
  }

  const CompilerOptions options_;
  std::unique_ptr<LlvmEngine> engine_;
  CodeCache cache_;
};

// The code of each, from the cache or compiled; sets how each is run.
std::vector<StatusOr<KernelCode>> LlvmCompiler::CodesFor(std::span<const CompileRequest> requests,
                                                         std::vector<Schedule>& schedules) {
  std::vector<StatusOr<KernelCode>> codes;
  std::vector<KernelSource> sources;  // what is to be compiled
  std::vector<CodeCache::Key> keys;   // of the sources
  std::map<CodeCache::Key, size_t> source_of;
  std::vector<std::pair<size_t, size_t>> missing;  // request, source
  for (size_t i = 0; i < requests.size(); ++i) {
    const CompileRequest& request = requests[i];
    const CodeCache::Key key = cache_.KeyOf(*request.fused);
    Schedule schedule = MakeSchedule(*request.fused, options_.cpu, options_.lanes);
    schedule.sizes_as_arguments = key.sizes_as_arguments;
    schedules.push_back(schedule);
    codes.push_back(cache_.Find(key));
    if (codes.back()->module != nullptr && request.dump == nullptr) continue;
    auto [source, is_new] = source_of.try_emplace(key, sources.size());
    if (is_new || request.dump != nullptr) {
      source->second = sources.size();
      sources.push_back(SourceOf(request, schedule));
      keys.push_back(key);
    }
    missing.emplace_back(i, source->second);
  }
  const size_t threads =
      options_.pool == nullptr ? 1 : static_cast<size_t>(options_.pool->threads());
  const std::vector<StatusOr<KernelCode>> compiled = CompileKernels(*engine_, sources, threads);
  for (size_t i = 0; i < compiled.size(); ++i) {
    if (compiled[i].ok()) cache_.Add(keys[i], *compiled[i]);
  }
  for (auto [request, source] : missing) codes[request] = CopyOf(compiled[source]);
  return codes;
}

}  // namespace

StatusOr<std::unique_ptr<Compiler>> Compiler::Create(const CompilerOptions& options) {
  GCOMP_ASSIGN_OR_RETURN(CompilerOptions chosen, WithEnvironment(options));
  if (chosen.lanes == 0) chosen.lanes = chosen.cpu == CpuLevel::kV4 ? 16 : 8;
  if (chosen.lanes != 4 && chosen.lanes != 8 && chosen.lanes != 16) {
    return Status(ErrorId::E701, Format("vectors have 4, 8 or 16 lanes, not {}", chosen.lanes));
  }
  std::unique_ptr<LlvmEngine> engine;
  CompileThread thread([&]() -> Status {
    GCOMP_ASSIGN_OR_RETURN(engine, LlvmEngine::Create(chosen.cpu));
    return {};
  });
  GCOMP_RETURN_IF_ERROR(thread.Wait());
  return std::unique_ptr<Compiler>(std::make_unique<LlvmCompiler>(chosen, std::move(engine)));
}

}  // namespace gcomp::codegen
