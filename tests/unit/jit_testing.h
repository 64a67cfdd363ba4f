// Helpers of the tests of jit/llvm: functions of LLVM IR, built in a few lines and called.
#pragma once

#include <gtest/gtest.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/format.h"
#include "jit/llvm/compile_thread.h"
#include "jit/llvm/llvm_engine.h"

namespace gcomp::codegen {

// A module under construction.
class ModuleBuilder {
 public:
  ModuleBuilder()
      : context_(std::make_unique<llvm::LLVMContext>()),
        module_(std::make_unique<llvm::Module>("test", *context_)),
        builder_(*context_) {}

  llvm::IRBuilder<>& builder() { return builder_; }

  llvm::Module& module() { return *module_; }

  // Begins void name(ptr, ..., ptr). Returns its arguments.
  std::vector<llvm::Value*> Begin(const std::string& name, size_t num_args) {
    std::vector<llvm::Type*> types(num_args, builder_.getPtrTy());
    auto* type = llvm::FunctionType::get(builder_.getVoidTy(), types, false);
    auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, *module_);
    builder_.SetInsertPoint(llvm::BasicBlock::Create(*context_, "", function));
    std::vector<llvm::Value*> args;
    for (llvm::Argument& arg : function->args()) args.push_back(&arg);
    return args;
  }

  void End() { builder_.CreateRetVoid(); }

  StatusOr<std::shared_ptr<LoadedCode>> Compile(LlvmEngine& engine,
                                                const CompileOptions& options = {}) {
    return engine.Compile(std::move(context_), std::move(module_), options);
  }

 private:
  std::unique_ptr<llvm::LLVMContext> context_;
  std::unique_ptr<llvm::Module> module_;
  llvm::IRBuilder<> builder_;
};

// The levels that this machine can run.
inline std::vector<CpuLevel> TestedLevels() {
  std::vector<CpuLevel> levels = {CpuLevel::kV3};
  StatusOr<CpuLevel> level = DetectCpuLevel();
  if (level.ok() && *level == CpuLevel::kV4) levels.push_back(CpuLevel::kV4);
  return levels;
}

inline std::unique_ptr<LlvmEngine> MakeEngine(CpuLevel level = CpuLevel::kV3) {
  StatusOr<std::unique_ptr<LlvmEngine>> engine = LlvmEngine::Create(level);
  EXPECT_TRUE(engine.ok()) << engine.status().ToString();
  return *std::move(engine);
}

// Adds void name(float* out, const float* a, const float* b) to the module: eight sums.
inline void BuildAdd(ModuleBuilder& built, const std::string& name) {
  llvm::IRBuilder<>& builder = built.builder();
  llvm::Type* type = llvm::FixedVectorType::get(builder.getFloatTy(), 8);
  std::vector<llvm::Value*> args = built.Begin(name, 3);
  llvm::Value* a = builder.CreateAlignedLoad(type, args[1], llvm::Align(4));
  llvm::Value* b = builder.CreateAlignedLoad(type, args[2], llvm::Align(4));
  builder.CreateAlignedStore(builder.CreateFAdd(a, b), args[0], llvm::Align(4));
  built.End();
}

inline StatusOr<std::shared_ptr<LoadedCode>> CompileAdd(LlvmEngine& engine, const std::string& name,
                                                        const CompileOptions& options = {}) {
  ModuleBuilder built;
  BuildAdd(built, name);
  return built.Compile(engine, options);
}

// A module of many such functions.
inline StatusOr<std::shared_ptr<LoadedCode>> CompileAdds(LlvmEngine& engine, int count) {
  ModuleBuilder built;
  GCOMP_RETURN_IF_ERROR(CallLlvm([&] {
    for (int i = 0; i < count; ++i) BuildAdd(built, Format("add{}", i));
  }));
  return built.Compile(engine);
}

using AddFunction = void (*)(float*, const float*, const float*);

struct ProcessMemory {
  size_t resident_bytes = 0;
  size_t data_bytes = 0;  // what RLIMIT_DATA counts, and the stack
};

inline ProcessMemory MemoryOfThisProcess() {
  std::ifstream file("/proc/self/statm");
  size_t pages[6] = {};  // size, resident, shared, text, unused, data
  for (size_t& field : pages) file >> field;
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return {pages[1] * page, pages[5] * page};
}

}  // namespace gcomp::codegen
