// Loops and branches of LLVM IR with values that go from turn to turn.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <span>
#include <utility>
#include <vector>

namespace gcomp::codegen {

using Values = std::vector<llvm::Value*>;

class LoopBuilder {
 public:
  explicit LoopBuilder(llvm::IRBuilderBase& builder) : b_(builder) {}

  // for (i = from; i < to; i += step) carried = body(i, carried): signed, to may be below from.
  // Returns what is carried at the end; code goes on behind the loop.
  template <class Body>
  Values For(llvm::Value* from, llvm::Value* to, llvm::Value* step, Values carried,
             const Body& body) {
    llvm::Function* function = b_.GetInsertBlock()->getParent();
    llvm::BasicBlock* before = b_.GetInsertBlock();
    llvm::BasicBlock* loop = llvm::BasicBlock::Create(b_.getContext(), "loop", function);
    llvm::BasicBlock* after = llvm::BasicBlock::Create(b_.getContext(), "after", function);
    b_.CreateCondBr(b_.CreateICmpSLT(from, to), loop, after);
    b_.SetInsertPoint(loop);
    llvm::PHINode* i = b_.CreatePHI(from->getType(), 2, "i");
    std::vector<llvm::PHINode*> phis;
    for (llvm::Value* value : carried) phis.push_back(b_.CreatePHI(value->getType(), 2));
    Values next = body(static_cast<llvm::Value*>(i), Values(phis.begin(), phis.end()));
    llvm::Value* stepped = b_.CreateAdd(i, step, "next", /*HasNUW=*/false, /*HasNSW=*/true);
    llvm::BasicBlock* end = b_.GetInsertBlock();
    b_.CreateCondBr(b_.CreateICmpSLT(stepped, to), loop, after);
    i->addIncoming(from, before);
    i->addIncoming(stepped, end);
    for (size_t c = 0; c < carried.size(); ++c) {
      phis[c]->addIncoming(carried[c], before);
      phis[c]->addIncoming(next[c], end);
    }
    b_.SetInsertPoint(after);
    Values result;
    for (size_t c = 0; c < carried.size(); ++c) {
      llvm::PHINode* phi = b_.CreatePHI(carried[c]->getType(), 2);
      phi->addIncoming(carried[c], before);
      phi->addIncoming(next[c], end);
      result.push_back(phi);
    }
    return result;
  }

  // The same with nothing carried.
  template <class Body>
  void For(llvm::Value* from, llvm::Value* to, llvm::Value* step, const Body& body) {
    For(from, to, step, {}, [&](llvm::Value* i, const Values&) {
      body(i);
      return Values();
    });
  }

  // condition ? then() : otherwise, where then() may add code.
  template <class Then>
  Values If(llvm::Value* condition, Values otherwise, const Then& then) {
    llvm::Function* function = b_.GetInsertBlock()->getParent();
    llvm::BasicBlock* before = b_.GetInsertBlock();
    llvm::BasicBlock* inside = llvm::BasicBlock::Create(b_.getContext(), "then", function);
    llvm::BasicBlock* after = llvm::BasicBlock::Create(b_.getContext(), "after", function);
    b_.CreateCondBr(condition, inside, after);
    b_.SetInsertPoint(inside);
    Values values = then();
    llvm::BasicBlock* end = b_.GetInsertBlock();
    b_.CreateBr(after);
    b_.SetInsertPoint(after);
    for (size_t v = 0; v < values.size(); ++v) {
      llvm::PHINode* phi = b_.CreatePHI(values[v]->getType(), 2);
      phi->addIncoming(otherwise[v], before);
      phi->addIncoming(values[v], end);
      values[v] = phi;
    }
    return values;
  }

 private:
  llvm::IRBuilderBase& b_;
};

}  // namespace gcomp::codegen
