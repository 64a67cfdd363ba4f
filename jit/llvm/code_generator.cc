#include "jit/llvm/code_generator.h"

#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/DiagnosticHandler.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/DiagnosticPrinter.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Target/TargetOptions.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <mutex>
#include <utility>

#include "base/format.h"
#include "jit/llvm/compile_thread.h"

namespace gcomp::codegen {
namespace {

constexpr char kTriple[] = "x86_64-unknown-linux-gnu";

// Keeps what LLVM would print (and, for errors, end the process after).
class ErrorCollector : public llvm::DiagnosticHandler {
 public:
  explicit ErrorCollector(std::string* errors) : errors_(errors) {}

  bool handleDiagnostics(const llvm::DiagnosticInfo& info) override {
    if (info.getSeverity() != llvm::DS_Error) return true;
    llvm::raw_string_ostream stream(*errors_);
    if (!errors_->empty()) stream << "; ";
    llvm::DiagnosticPrinterRawOStream printer(stream);
    info.print(printer);
    return true;
  }

 private:
  std::string* errors_;
};

const llvm::Target* FindTarget(std::string* error) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  return llvm::TargetRegistry::lookupTarget(kTriple, *error);
}

StatusOr<std::unique_ptr<llvm::TargetMachine>> MakeMachine(CpuLevel level) {
  std::string error;
  const llvm::Target* target = FindTarget(&error);
  if (target == nullptr) {
    return Status(ErrorId::E902, Format("LLVM was built without {}: {}", kTriple, error));
  }
  llvm::TargetOptions options;
  // docs/numerics.md: fma only where it is written.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      kTriple, NameOf(level), "", options, llvm::Reloc::PIC_, llvm::CodeModel::Small,
      llvm::CodeGenOptLevel::Default, /*JIT=*/true));
  if (machine == nullptr) {
    return Status(ErrorId::E902, Format("LLVM makes no target machine for {}", NameOf(level)));
  }
  return machine;
}

// Adds the code of `module`, as `type`, to `stream`.
Status Generate(llvm::TargetMachine& machine, llvm::Module& module, llvm::CodeGenFileType type,
                llvm::raw_pwrite_stream& stream) {
  std::string errors;
  llvm::LLVMContext& context = module.getContext();
  std::unique_ptr<llvm::DiagnosticHandler> previous = context.getDiagnosticHandler();
  context.setDiagnosticHandler(std::make_unique<ErrorCollector>(&errors));
  // No passes on the IR: it comes without waste, and EarlyCSE was measured to gain nothing.
  llvm::legacy::PassManager passes;
  passes.add(llvm::createTargetTransformInfoWrapperPass(machine.getTargetIRAnalysis()));
  bool unsupported = machine.addPassesToEmitFile(passes, stream, nullptr, type);
  Status status = unsupported ? Status() : CallLlvm([&] { passes.run(module); });
  context.setDiagnosticHandler(std::move(previous));
  GCOMP_RETURN_IF_ERROR(std::move(status));
  if (unsupported) return Status(ErrorId::E902, "LLVM generates no code of the kind asked for");
  if (!errors.empty()) return Status(ErrorId::E902, "LLVM can't compile the kernel: " + errors);
  return Status();
}

}  // namespace

CodeGenerator::CodeGenerator(CpuLevel level, bool unwind_tables)
    : level_(level), unwind_tables_(unwind_tables) {}

CodeGenerator::~CodeGenerator() = default;

StatusOr<std::unique_ptr<CodeGenerator>> CodeGenerator::Create(CpuLevel level, bool unwind_tables) {
  auto generator = std::unique_ptr<CodeGenerator>(new CodeGenerator(level, unwind_tables));
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, MakeMachine(level));
  generator->GiveMachine(std::move(machine));
  return generator;
}

StatusOr<std::unique_ptr<llvm::TargetMachine>> CodeGenerator::TakeMachine() {
  {
    std::lock_guard lock(mutex_);
    if (!free_machines_.empty()) {
      std::unique_ptr<llvm::TargetMachine> machine = std::move(free_machines_.back());
      free_machines_.pop_back();
      return machine;
    }
  }
  return MakeMachine(level_);
}

void CodeGenerator::GiveMachine(std::unique_ptr<llvm::TargetMachine> machine) {
  std::lock_guard lock(mutex_);
  free_machines_.push_back(std::move(machine));
}

Status CodeGenerator::Prepare(llvm::Module& module) {
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, TakeMachine());
  module.setTargetTriple(kTriple);
  module.setDataLayout(machine->createDataLayout());
  GiveMachine(std::move(machine));
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    function.setDoesNotThrow();
    if (unwind_tables_) function.setUWTableKind(llvm::UWTableKind::Async);
    // The tuning of x86-64-v4 would split vectors of 512 bits.
    if (level_ == CpuLevel::kV4) function.addFnAttr("prefer-vector-width", "512");
  }
  std::string errors;
  llvm::raw_string_ostream stream(errors);
  if (llvm::verifyModule(module, &stream)) {
    return Status(ErrorId::E999, "LLVM finds the module broken: " + errors);
  }
  return Status();
}

StatusOr<std::unique_ptr<llvm::MemoryBuffer>> CodeGenerator::Compile(llvm::Module& module) {
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, TakeMachine());
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  Status status = Generate(*machine, module, llvm::CodeGenFileType::ObjectFile, stream);
  GiveMachine(std::move(machine));
  GCOMP_RETURN_IF_ERROR(std::move(status));
  return std::unique_ptr<llvm::MemoryBuffer>(std::make_unique<llvm::SmallVectorMemoryBuffer>(
      std::move(object), module.getName(), /*RequiresNullTerminator=*/false));
}

StatusOr<std::string> CodeGenerator::Assembly(const llvm::Module& module) {
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, TakeMachine());
  llvm::SmallVector<char, 0> text;
  llvm::raw_svector_ostream stream(text);
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(module);
  Status status = Generate(*machine, *copy, llvm::CodeGenFileType::AssemblyFile, stream);
  GiveMachine(std::move(machine));
  GCOMP_RETURN_IF_ERROR(std::move(status));
  return std::string(text.begin(), text.end());
}

}  // namespace gcomp::codegen
