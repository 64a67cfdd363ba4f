// KernelEmitter: what the emitters of all kinds of fused kernels share: the function, the loops
// over vectors, the levels of a row, the tree over partial values. Part of jit/llvm/emit_kernel.h
// alone.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "jit/fused_kernel.h"
#include "jit/llvm/loop_builder.h"
#include "jit/llvm/node_emitter.h"
#include "jit/schedule.h"

namespace gcomp::codegen {

using llvm::Value;

class KernelEmitter {
 public:
  KernelEmitter(const FusedKernel& kernel, const Schedule& schedule, llvm::Function& function);
  virtual ~KernelEmitter() = default;

  // The whole body.
  virtual void Run() = 0;

 protected:
  Value* Const(int64_t value) const { return nodes_.Const(value); }

  // The indices of the first `count` parallel axes at point p of them.
  std::vector<Value*> Indices(Value* p, size_t count);

  // True if it writes an element per position of the row; the value may be the same for all.
  bool AlongRow(const Store& store) const {
    return kernel_.nodes[store.node].along_row || store.offset.coefs.back() != 0;
  }

  // What a loop at `level` computes for reductions and stores, and those themselves.
  struct Level {
    std::vector<uint32_t> roots;
    std::vector<uint32_t> reduces;  // nodes
    std::vector<const Store*> stores;
  };

  Level LevelOf(uint32_t level) const;

  std::vector<NodeEmitter::Vector> Vectors(Value* first, int count, Value* mask = nullptr) const;

  // Calls body(list of vectors) for all of [from, to): `unroll` whole ones at a time, then one by
  // one under a mask. `exact`: to - from is a multiple of all of them.
  template <class Body>
  void ForVectors(Value* from, Value* to, int unroll, bool exact, const Body& body) {
    const int64_t step = int64_t{unroll} * lanes_;
    Value* main = to;
    if (!exact) {
      Value* length = builder_.CreateSub(to, from);
      main = builder_.CreateSub(to, builder_.CreateSRem(length, Const(step)));
    }
    loops_.For(from, main, Const(step), [&](Value* i) { body(Vectors(i, unroll)); });
    if (exact) return;
    loops_.For(main, to, Const(lanes_),
               [&](Value* i) { body(Vectors(i, 1, nodes_.LaneMask(builder_.CreateSub(to, i)))); });
  }

  bool KnownMultiple(int64_t size, int64_t of) const {
    return !schedule_.sizes_as_arguments && size % of == 0;
  }

  Value* PartialOf(uint32_t reduce, llvm::Type* type, Value* i) const {
    return nodes_.Partial(kernel_.nodes[reduce].detail, type, i);
  }

  const Reduction& ReductionOf(uint32_t reduce) const {
    return kernel_.reductions[kernel_.nodes[reduce].detail];
  }

  // In place over `count` partial values, `stride` apart: pairs i, i + half; what is missing up to
  // the next power of two is the identity, which changes nothing.
  void Tree(uint32_t reduce, llvm::Type* type, Value* count, int64_t stride, bool one_lane);

  const FusedKernel& kernel_;
  const Schedule& schedule_;
  llvm::IRBuilder<> builder_;
  LoopBuilder loops_;
  Value* begin_;
  Value* end_;
  NodeEmitter nodes_;
  int lanes_;
  int unroll_;
  uint32_t levels_ = 0;
};

// One for each kind of kernel.
std::unique_ptr<KernelEmitter> MakeLaneRowEmitter(const FusedKernel& kernel,
                                                  const Schedule& schedule,
                                                  llvm::Function& function);
std::unique_ptr<KernelEmitter> MakeBlockRowEmitter(const FusedKernel& kernel,
                                                   const Schedule& schedule,
                                                   llvm::Function& function);

}  // namespace gcomp::codegen
