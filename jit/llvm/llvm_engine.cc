#include "jit/llvm/llvm_engine.h"

#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/Process.h>
#include <llvm/Support/raw_ostream.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/format.h"
#include "jit/llvm/code_generator.h"
#include "jit/llvm/code_memory.h"
#include "jit/llvm/compile_thread.h"
#include "jit/llvm/gdb_registration.h"
#include "jit/llvm/perf_map.h"

namespace gcomp::codegen {
namespace {

namespace orc = llvm::orc;

// Milliseconds since the last call.
class Stopwatch {
 public:
  double Lap() {
    auto now = std::chrono::steady_clock::now();
    std::chrono::duration<double, std::milli> lap = now - begin_;
    begin_ = now;
    return lap.count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// Makes the module one that fails as `fault` says.
void Inject(CompileFault fault, llvm::Module& module) {
  if (fault == CompileFault::kNone || fault == CompileFault::kMemory) return;
  llvm::LLVMContext& context = module.getContext();
  llvm::IRBuilder<> builder(context);
  llvm::FunctionType* type = llvm::FunctionType::get(builder.getDoubleTy(), false);
  auto* function =
      llvm::Function::Create(type, llvm::Function::ExternalLinkage, "gcomp_fault", module);
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "", function));
  if (fault == CompileFault::kBrokenModule) return;  // a block without an end
  if (fault == CompileFault::kCodegen) function->addFnAttr("target-features", "-sse,-sse2");
  llvm::Value* result = llvm::ConstantFP::get(builder.getDoubleTy(), 1.0);
  if (fault == CompileFault::kMissingSymbol) {
    result = builder.CreateCall(module.getOrInsertFunction("gcomp_no_such_function", type));
  }
  if (fault == CompileFault::kFatal) {  // an instruction that the target does not have
    builder.CreateIntrinsic(llvm::Intrinsic::aarch64_hint, {}, {builder.getInt32(0)});
  }
  builder.CreateRet(result);
}

// The functions that generated code may call.
orc::SymbolMap RuntimeFunctions(orc::ExecutionSession& session) {
  orc::SymbolMap functions;
  auto add = [&](const char* name, auto* function) {
    functions[session.intern(name)] = {
        orc::ExecutorAddr::fromPtr(function),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  };
  add("fmod", static_cast<double (*)(double, double)>(&::fmod));
  add("fmodf", &::fmodf);
  add("memcpy", &std::memcpy);
  add("memmove", &std::memmove);
  add("memset", &std::memset);
  return functions;
}

}  // namespace

class LlvmEngine::Impl {
 public:
  Impl(std::unique_ptr<CodeGenerator> generator,
       std::unique_ptr<orc::ExecutorProcessControl> process, std::unique_ptr<CodeBytes> bytes,
       CodeMemory* memory)
      : generator_(std::move(generator)),
        bytes_(std::move(bytes)),
        memory_(memory),
        session_(std::move(process)),
        layer_(session_),
        runtime_(session_.createBareJITDylib("runtime")) {
    session_.setErrorReporter([this](llvm::Error error) {
      if (!link_errors_.empty()) link_errors_ += "; ";
      link_errors_ += llvm::toString(std::move(error));
    });
    if (auto perf_map = MakePerfMap()) layer_.addPlugin(std::move(perf_map));
    if (WantsGdb()) layer_.addPlugin(MakeGdbRegistration());
  }

  ~Impl() { llvm::consumeError(session_.endSession()); }

  Status Initialize() {
    if (llvm::Error error = runtime_.define(orc::absoluteSymbols(RuntimeFunctions(session_)))) {
      return Status(ErrorId::E902, "LLVM: " + llvm::toString(std::move(error)));
    }
    return Status();
  }

  CodeGenerator& generator() { return *generator_; }

  const CodeBytes& bytes() const { return *bytes_; }

  // Links `object` into a new dylib, and finds the addresses of `functions`.
  StatusOr<std::shared_ptr<LoadedCode>> Link(const std::shared_ptr<Impl>& self,
                                             std::unique_ptr<llvm::MemoryBuffer> object,
                                             const std::vector<std::string>& functions,
                                             CompileFault fault);

  // Frees all that was linked into `dylib`, unless a thread that is parked may hold the session.
  void Remove(orc::JITDylib& dylib) {
    Turn::Holder turn(link_turn_);
    if (!turn.lost() && !RemoveInTurn(dylib).ok()) turn.Abandon();
  }

 private:
  llvm::Expected<orc::SymbolMap> LinkInto(orc::JITDylib& dylib,
                                          std::unique_ptr<llvm::MemoryBuffer> object,
                                          const std::vector<std::string>& functions) {
    dylib.addToLinkOrder(runtime_);
    orc::SymbolLookupSet names;
    for (const std::string& function : functions) names.add(session_.intern(function));
    if (llvm::Error error = layer_.add(dylib, std::move(object))) return error;
    return session_.lookup({{&dylib, orc::JITDylibLookupFlags::MatchExportedSymbolsOnly}},
                           std::move(names));
  }

  // Fails for want of memory: then the session may be left locked.
  Status RemoveInTurn(orc::JITDylib& dylib) {
    return CallLlvm([&] {
      llvm::consumeError(session_.removeJITDylib(dylib));
      session_.getSymbolStringPool()->clearDeadEntries();
    });
  }

  std::unique_ptr<CodeGenerator> generator_;
  std::unique_ptr<CodeBytes> bytes_;
  CodeMemory* memory_;  // the session's
  orc::ExecutionSession session_;
  orc::ObjectLinkingLayer layer_;
  orc::JITDylib& runtime_;
  // Linking takes few percent of a compile: one at a time, so that what the session reports belongs
  // to the link under way. Nobody enters the session without the turn, and so waits for its locks.
  Turn link_turn_;
  std::string link_errors_;
  uint64_t num_linked_ = 0;
};

class LlvmEngine::Code : public LoadedCode {
 public:
  Code(std::shared_ptr<Impl> impl, orc::JITDylib* dylib, size_t bytes,
       std::unordered_map<std::string, void*> symbols)
      : impl_(std::move(impl)), dylib_(dylib), bytes_(bytes), symbols_(std::move(symbols)) {}

  ~Code() override { impl_->Remove(*dylib_); }

  void* Symbol(std::string_view name) const override {
    auto found = symbols_.find(std::string(name));
    return found == symbols_.end() ? nullptr : found->second;
  }

  size_t bytes() const override { return bytes_; }

 private:
  std::shared_ptr<Impl> impl_;
  orc::JITDylib* dylib_;
  size_t bytes_;
  std::unordered_map<std::string, void*> symbols_;
};

StatusOr<std::shared_ptr<LoadedCode>> LlvmEngine::Impl::Link(
    const std::shared_ptr<Impl>& self, std::unique_ptr<llvm::MemoryBuffer> object,
    const std::vector<std::string>& functions, CompileFault fault) {
  const Turn::Holder turn(link_turn_);
  if (turn.lost()) {
    return Status(ErrorId::E902, "LLVM met a fatal error while it linked other code");
  }
  link_errors_.clear();
  size_t refused = memory_->refused();
  size_t added = memory_->added();
  memory_->Refuse(fault == CompileFault::kMemory);
  orc::JITDylib* dylib = nullptr;
  std::optional<llvm::Expected<orc::SymbolMap>> found;
  Status status = CallLlvm([&] {
    dylib = &session_.createBareJITDylib(Format("code{}", num_linked_++));
    found.emplace(LinkInto(*dylib, std::move(object), functions));
  });
  memory_->Refuse(false);
  GCOMP_RETURN_IF_ERROR(std::move(status));
  if (!*found) {
    std::string message = llvm::toString(found->takeError());
    static_cast<void>(RemoveInTurn(*dylib));  // on this thread it parks where it fails
    if (!link_errors_.empty()) message += ": " + link_errors_;
    bool no_memory = memory_->refused() != refused;
    return Status(no_memory ? ErrorId::E801 : ErrorId::E902,
                  "can't link compiled code: " + message);
  }
  std::unordered_map<std::string, void*> symbols;
  for (const auto& [name, symbol] : **found) {
    symbols[std::string(*name)] = symbol.getAddress().toPtr<void*>();
  }
  return std::shared_ptr<LoadedCode>(
      std::make_shared<Code>(self, dylib, memory_->added() - added, std::move(symbols)));
}

LlvmEngine::LlvmEngine(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

LlvmEngine::~LlvmEngine() = default;

StatusOr<std::unique_ptr<LlvmEngine>> LlvmEngine::Create(CpuLevel level) {
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<CodeGenerator> generator,
                         CodeGenerator::Create(level, /*unwind_tables=*/WantsGdb()));
  llvm::Expected<unsigned> page_size = llvm::sys::Process::getPageSize();
  if (!page_size) {
    return Status(ErrorId::E902, "LLVM: " + llvm::toString(page_size.takeError()));
  }
  auto bytes = std::make_unique<CodeBytes>();
  auto memory = std::make_unique<CodeMemory>(*page_size, bytes.get());
  CodeMemory* memory_of_session = memory.get();
  // All work is done by the calling thread.
  auto process = orc::SelfExecutorProcessControl::Create(
      nullptr, std::make_unique<orc::InPlaceTaskDispatcher>(), std::move(memory));
  if (!process) return Status(ErrorId::E902, "LLVM: " + llvm::toString(process.takeError()));
  auto impl = std::make_shared<Impl>(std::move(generator), std::move(*process), std::move(bytes),
                                     memory_of_session);
  GCOMP_RETURN_IF_ERROR(impl->Initialize());
  return std::unique_ptr<LlvmEngine>(new LlvmEngine(std::move(impl)));
}

StatusOr<std::shared_ptr<LoadedCode>> LlvmEngine::Compile(
    std::unique_ptr<llvm::LLVMContext> context, std::unique_ptr<llvm::Module> module,
    const CompileOptions& options) {
  // What a thread that is parked here uses lives on: it is held by its stack. The module must go
  // before its context.
  const std::shared_ptr<Impl> impl = impl_;
  std::unique_ptr<llvm::LLVMContext> owned_context = std::move(context);
  std::unique_ptr<llvm::Module> owned = std::move(module);
  CompileTimes times;
  Stopwatch watch;
  Inject(options.fault, *owned);
  CodeGenerator& generator = impl->generator();
  GCOMP_RETURN_IF_ERROR(generator.Prepare(*owned));
  times.verify = watch.Lap();
  if (options.dump != nullptr) {
    options.dump->llvm.clear();
    llvm::raw_string_ostream stream(options.dump->llvm);
    owned->print(stream, nullptr);
    GCOMP_ASSIGN_OR_RETURN(options.dump->assembly, generator.Assembly(*owned));
    watch.Lap();
  }
  std::vector<std::string> functions;
  for (const llvm::Function& function : *owned) {
    if (!function.isDeclaration() && function.hasExternalLinkage()) {
      functions.emplace_back(function.getName());
    }
  }
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<llvm::MemoryBuffer> object, generator.Compile(*owned));
  times.codegen = watch.Lap();
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<LoadedCode> code,
                         impl->Link(impl, std::move(object), functions, options.fault));
  times.link = watch.Lap();
  if (options.times != nullptr) *options.times = times;
  return code;
}

CpuLevel LlvmEngine::level() const {
  return impl_->generator().level();
}

size_t LlvmEngine::live_bytes() const {
  return impl_->bytes().live();
}

}  // namespace gcomp::codegen
