#include "jit/llvm/kernel_emitter.h"

#include <algorithm>

namespace gcomp::codegen {

KernelEmitter::KernelEmitter(const FusedKernel& kernel, const Schedule& schedule,
                             llvm::Function& function)
    : kernel_(kernel),
      schedule_(schedule),
      builder_(&function.getEntryBlock()),
      loops_(builder_),
      begin_(function.getArg(3)),
      end_(function.getArg(4)),
      nodes_(kernel, schedule, builder_, function.getArg(0), function.getArg(1),
             function.getArg(2)),
      lanes_(schedule.lanes),
      unroll_(schedule.interleave) {
  for (const Node& node : kernel.nodes) levels_ = std::max(levels_, node.level);
}

std::vector<Value*> KernelEmitter::Indices(Value* p, size_t count) {
  std::vector<Value*> indices(kernel_.axes.size(), nullptr);
  for (size_t i = count; i-- > 0;) {
    if (i == 0) {
      indices[i] = p;
      break;
    }
    Value* size = nodes_.Number(kernel_.axes[i]);
    indices[i] = builder_.CreateURem(p, size);
    p = builder_.CreateUDiv(p, size);
  }
  return indices;
}

KernelEmitter::Level KernelEmitter::LevelOf(uint32_t level) const {
  Level result;
  for (uint32_t n = 0; n < kernel_.nodes.size(); ++n) {
    const Node& node = kernel_.nodes[n];
    if (node.kind != Node::Kind::kReduce || node.level != level + 1) continue;
    result.reduces.push_back(n);
    result.roots.push_back(node.args[0]);
  }
  for (const Store& store : kernel_.stores) {
    if (!AlongRow(store) || kernel_.nodes[store.node].level != level) continue;
    result.stores.push_back(&store);
    result.roots.push_back(store.node);
  }
  return result;
}

std::vector<NodeEmitter::Vector> KernelEmitter::Vectors(Value* first, int count,
                                                        Value* mask) const {
  std::vector<NodeEmitter::Vector> vectors;
  for (int u = 0; u < count; ++u) vectors.push_back({first, int64_t{u} * lanes_, mask});
  return vectors;
}

void KernelEmitter::Tree(uint32_t reduce, llvm::Type* type, Value* count, int64_t stride,
                         bool one_lane) {
  Value* last = builder_.CreateSub(count, Const(1));
  Value* zeros = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::ctlz, last, builder_.getFalse());
  // bit_ceil(count) / 2, and 0 for a count of 1.
  Value* bits = builder_.CreateSub(Const(64), zeros);
  Value* half = builder_.CreateLShr(builder_.CreateShl(Const(1), bits), Const(1));
  llvm::Function* function = builder_.GetInsertBlock()->getParent();
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  llvm::LLVMContext& context = builder_.getContext();
  llvm::BasicBlock* loop = llvm::BasicBlock::Create(context, "tree", function);
  llvm::BasicBlock* after = llvm::BasicBlock::Create(context, "after", function);
  builder_.CreateCondBr(builder_.CreateICmpEQ(half, Const(0)), after, loop);
  builder_.SetInsertPoint(loop);
  llvm::PHINode* h = builder_.CreatePHI(half->getType(), 2);
  llvm::PHINode* left = builder_.CreatePHI(half->getType(), 2);
  loops_.For(Const(0), builder_.CreateSub(left, h), Const(1), [&](Value* i) {
    for (int64_t s = 0; s < stride; ++s) {
      auto at = [&](Value* index) {
        Value* element = builder_.CreateAdd(builder_.CreateMul(index, Const(stride)), Const(s));
        return PartialOf(reduce, type, element);
      };
      Value* to = at(i);
      Value* value =
          nodes_.Combine(ReductionOf(reduce), builder_.CreateLoad(type, to),
                         builder_.CreateLoad(type, at(builder_.CreateAdd(i, h))), one_lane);
      builder_.CreateStore(value, to);
    }
  });
  Value* next = builder_.CreateLShr(h, Const(1));
  llvm::BasicBlock* end = builder_.GetInsertBlock();
  builder_.CreateCondBr(builder_.CreateICmpEQ(next, Const(0)), after, loop);
  h->addIncoming(half, before);
  h->addIncoming(next, end);
  left->addIncoming(count, before);
  left->addIncoming(h, end);
  builder_.SetInsertPoint(after);
}

}  // namespace gcomp::codegen
