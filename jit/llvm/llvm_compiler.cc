// Compiler over LLVM: schedule, emit, compile, and the cache of code by structure.
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "base/format.h"
#include "jit/compiled_kernel.h"
#include "jit/compiler.h"
#include "jit/llvm/emit_kernel.h"
#include "jit/llvm/llvm_engine.h"
#include "jit/schedule.h"

namespace gcomp::codegen {
namespace {

// Structures that are remembered; past it those without living code go.
constexpr size_t kMaxFamilies = 4096;

class LlvmCompiler final : public Compiler {
 public:
  LlvmCompiler(const CompilerOptions& options, std::unique_ptr<LlvmEngine> engine)
      : Compiler(options.fusion), options_(options), engine_(std::move(engine)) {}

  StatusOr<std::unique_ptr<ir::Kernel>> Compile(const FusedKernel& fused, CodeDump* dump) override {
    if (fused.buffers.size() > CompiledKernel::kMaxBuffers) {
      return Status(ErrorId::E802, Format("a kernel takes {} buffers at most, not {}",
                                          CompiledKernel::kMaxBuffers, fused.buffers.size()));
    }
    Schedule schedule = MakeSchedule(fused, options_.cpu, options_.lanes);
    std::vector<int64_t> numbers;
    fused.ForEachNumber([&](int64_t number) { numbers.push_back(number); });
    const std::string key = fused.StructureKey();
    std::shared_ptr<LoadedCode> code;
    {
      std::lock_guard lock(mutex_);
      DropDead();
      Family& family = families_[key];
      if (family.first_numbers.empty()) family.first_numbers = numbers;
      schedule.sizes_as_arguments = numbers != family.first_numbers;
      code = (schedule.sizes_as_arguments ? family.any_size : family.first_size).lock();
    }
    if (code == nullptr || dump != nullptr) {
      GCOMP_ASSIGN_OR_RETURN(code, MakeCode(fused, schedule, dump));
      std::lock_guard lock(mutex_);
      Family& family = families_[key];
      (schedule.sizes_as_arguments ? family.any_size : family.first_size) = code;
    }
    auto function = reinterpret_cast<KernelFunction>(code->Symbol(kKernelSymbol));
    GCOMP_ENSURE(function != nullptr, "compiled code has its entry");
    return std::unique_ptr<ir::Kernel>(std::make_unique<CompiledKernel>(
        std::move(code), function, fused, schedule, options_.pool));
  }

  int64_t code_bytes() const override { return static_cast<int64_t>(engine_->live_bytes()); }

 private:
  // Kernels of one structure: code for the sizes that came first, and for any.
  struct Family {
    std::vector<int64_t> first_numbers;
    std::weak_ptr<LoadedCode> first_size;
    std::weak_ptr<LoadedCode> any_size;
  };

  StatusOr<std::shared_ptr<LoadedCode>> MakeCode(const FusedKernel& fused, const Schedule& schedule,
                                                 CodeDump* dump) {
    auto context = std::make_unique<llvm::LLVMContext>();
    std::unique_ptr<llvm::Module> module = EmitKernel(fused, schedule, *context);
    CompileOptions options;
    options.dump = dump;
    options.fault = options_.fault;
    return engine_->Compile(std::move(context), std::move(module), options);
  }

  void DropDead() {
    if (families_.size() < kMaxFamilies) return;
    std::erase_if(families_, [](const auto& entry) {
      return entry.second.first_size.expired() && entry.second.any_size.expired();
    });
  }

  const CompilerOptions options_;
  std::unique_ptr<LlvmEngine> engine_;
  std::mutex mutex_;
  std::map<std::string, Family> families_;  // guarded by mutex_
};

}  // namespace

StatusOr<std::unique_ptr<Compiler>> Compiler::Create(const CompilerOptions& options) {
  GCOMP_ASSIGN_OR_RETURN(CompilerOptions chosen, WithEnvironment(options));
  if (chosen.lanes == 0) chosen.lanes = chosen.cpu == CpuLevel::kV4 ? 16 : 8;
  if (chosen.lanes != 4 && chosen.lanes != 8 && chosen.lanes != 16) {
    return Status(ErrorId::E701, Format("vectors have 4, 8 or 16 lanes, not {}", chosen.lanes));
  }
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<LlvmEngine> engine, LlvmEngine::Create(chosen.cpu));
  return std::unique_ptr<Compiler>(std::make_unique<LlvmCompiler>(chosen, std::move(engine)));
}

}  // namespace gcomp::codegen
