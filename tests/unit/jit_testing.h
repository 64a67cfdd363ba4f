// Helpers of the tests of jit/llvm: functions of LLVM IR, built in a few lines and called.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <memory>
#include <string>
#include <vector>

#include "base/cpu.h"
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

}  // namespace gcomp::codegen
