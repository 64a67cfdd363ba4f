#include "jit/llvm/emit_kernel.h"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <utility>
#include <vector>

#include "jit/llvm/kernel_emitter.h"

namespace gcomp::codegen {
namespace {

llvm::Function* MakeFunction(std::string_view name, llvm::Module& module) {
  llvm::LLVMContext& context = module.getContext();
  llvm::Type* pointer = llvm::PointerType::getUnqual(context);
  llvm::Type* i64 = llvm::Type::getInt64Ty(context);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                       {pointer, pointer, pointer, i64, i64}, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  llvm::BasicBlock::Create(context, "entry", function);
  return function;
}

// Kernels without a row: the innermost axis is the vector axis.
class MapEmitter final : public KernelEmitter {
 public:
  using KernelEmitter::KernelEmitter;

  void Run() override {
    MapItems();
    builder_.CreateRetVoid();
  }

 private:
  void MapItems() {
    if (kernel_.axes.size() > 1) {
      loops_.For(begin_, end_, Const(1), [&](Value* item) {
        nodes_.EnterItem(Indices(item, kernel_.axes.size() - 1));
        const int64_t& inner = kernel_.axes.back();
        MapRun(Const(0), nodes_.Number(inner), KnownMultiple(inner, int64_t{unroll_} * lanes_));
      });
      return;
    }
    nodes_.EnterItem({nullptr});
    MapRun(begin_, end_, false);
  }

  void MapRun(Value* from, Value* to, bool exact) {
    std::vector<uint32_t> roots;
    for (const Store& store : kernel_.stores) {
      roots.push_back(store.node);
      nodes_.Prepare(store);
    }
    const std::vector<uint32_t> order = nodes_.Prepare(roots);
    ForVectors(from, to, unroll_, exact, [&](std::vector<NodeEmitter::Vector> vectors) {
      nodes_.SetVectors(std::move(vectors));
      nodes_.Emit(order);
      for (const Store& store : kernel_.stores) nodes_.EmitStore(store);
      nodes_.Forget(order);
    });
  }
};

}  // namespace

std::string EmitKernel(const FusedKernel& kernel, const Schedule& schedule, std::string_view name,
                       llvm::Module& module) {
  llvm::Function& function = *MakeFunction(name, module);
  if (!kernel.has_row) {
    MapEmitter(kernel, schedule, function).Run();
  } else if (kernel.order == ir::Stage::Order::kLanes) {
    MakeLaneRowEmitter(kernel, schedule, function)->Run();
  } else {
    MakeBlockRowEmitter(kernel, schedule, function)->Run();
  }
  return std::string(function.getName());
}

}  // namespace gcomp::codegen
