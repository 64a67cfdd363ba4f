// Kernels with rows by blocks: lanes are columns; a work item is a few vectors of columns.
#include <algorithm>
#include <utility>
#include <vector>

#include "jit/llvm/kernel_emitter.h"

namespace gcomp::codegen {
namespace {

class BlockRowEmitter final : public KernelEmitter {
 public:
  using KernelEmitter::KernelEmitter;

  void Run() override {
    loops_.For(begin_, end_, Const(1), [&](Value* item) { RowByBlocks(item); });
    builder_.CreateRetVoid();
  }

 private:
  void RowByBlocks(Value* item) {
    const int64_t columns = int64_t{unroll_} * lanes_;
    if (kernel_.axes.empty()) {
      nodes_.EnterItem({});
      Columns(Vectors(Const(0), unroll_, nodes_.LaneMask(Const(1))));
      return;
    }
    const int64_t& inner_size = kernel_.axes.back();
    Value* inner = nodes_.Number(inner_size);
    Value* groups =
        builder_.CreateUDiv(builder_.CreateAdd(inner, Const(columns - 1)), Const(columns));
    nodes_.EnterItem(Indices(builder_.CreateUDiv(item, groups), kernel_.axes.size() - 1));
    Value* first = builder_.CreateMul(builder_.CreateURem(item, groups), Const(columns));
    std::vector<NodeEmitter::Vector> vectors = Vectors(first, unroll_);
    if (!KnownMultiple(inner_size, columns)) {
      Value* left = builder_.CreateSub(inner, first);
      for (int u = 0; u < unroll_; ++u) {
        vectors[static_cast<size_t>(u)].mask = nodes_.LaneMask(builder_.CreateBinaryIntrinsic(
            llvm::Intrinsic::smax, builder_.CreateSub(left, Const(int64_t{u} * lanes_)), Const(0)));
      }
    }
    Columns(std::move(vectors));
  }

  void Columns(const std::vector<NodeEmitter::Vector>& vectors) {
    Value* row = nodes_.Number(kernel_.row);
    for (uint32_t level = 0; level <= levels_; ++level) {
      nodes_.SetVectors(vectors);
      PrepareItem(level);
      const Level todo = LevelOf(level);
      if (todo.roots.empty()) continue;
      for (const Store* store : todo.stores) nodes_.Prepare(*store);
      const std::vector<uint32_t> order = nodes_.Prepare(todo.roots);
      if (todo.reduces.empty()) {
        loops_.For(Const(0), row, Const(1), [&](Value* k) { RowStep(todo, order, vectors, k); });
      } else {
        ReduceByBlocks(todo, order, vectors);
      }
    }
    nodes_.SetVectors(vectors);
    for (const Store& store : kernel_.stores) {
      if (AlongRow(store)) continue;
      nodes_.Prepare(store);
      const std::vector<uint32_t> order = nodes_.Prepare(std::span(&store.node, 1));
      nodes_.Emit(order);
      nodes_.EmitStore(store);
    }
  }

  // Values per column that the loops of this level read: before them.
  void PrepareItem(uint32_t level) {
    std::vector<uint32_t> roots;
    for (uint32_t n = 0; n < kernel_.nodes.size(); ++n) {
      const Node& node = kernel_.nodes[n];
      if (!node.along_row && node.level == level && node.kind != Node::Kind::kReduce) {
        roots.push_back(n);
      }
    }
    nodes_.Emit(nodes_.Prepare(roots));
  }

  void RowStep(const Level& todo, const std::vector<uint32_t>& order,
               const std::vector<NodeEmitter::Vector>& vectors, Value* k) {
    nodes_.SetVectors(vectors, k);
    nodes_.Emit(order);
    for (const Store* store : todo.stores) nodes_.EmitStore(*store);
    nodes_.Forget(order);
  }

  void ReduceByBlocks(const Level& todo, const std::vector<uint32_t>& order,
                      const std::vector<NodeEmitter::Vector>& vectors) {
    const size_t width = vectors.size();
    Value* row = nodes_.Number(kernel_.row);
    auto block = [&](Value* from, Value* to) {
      Values sums;
      for (uint32_t reduce : todo.reduces) sums.insert(sums.end(), width, nodes_.Identity(reduce));
      return loops_.For(from, to, Const(1), std::move(sums), [&](Value* k, Values carried) {
        nodes_.SetVectors(vectors, k);
        nodes_.Emit(order);
        for (const Store* store : todo.stores) nodes_.EmitStore(*store);
        for (size_t r = 0; r < todo.reduces.size(); ++r) {
          for (size_t u = 0; u < width; ++u) {
            Value*& sum = carried[r * width + u];
            sum =
                nodes_.Combine(ReductionOf(todo.reduces[r]), sum, nodes_.vector(todo.roots[r], u));
          }
        }
        nodes_.Forget(order);
        return carried;
      });
    };
    auto set = [&](const Values& sums) {
      nodes_.SetVectors(vectors);
      for (size_t r = 0; r < todo.reduces.size(); ++r) {
        for (size_t u = 0; u < width; ++u) {
          nodes_.SetVector(todo.reduces[r], u, sums[r * width + u]);
        }
      }
    };
    if (!schedule_.sizes_as_arguments && kernel_.row <= kBlock) return set(block(Const(0), row));
    loops_.For(Const(0), row, Const(kBlock), [&](Value* from) {
      Value* to = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin,
                                                 builder_.CreateAdd(from, Const(kBlock)), row);
      const Values sums = block(from, to);
      Value* at = builder_.CreateMul(builder_.CreateUDiv(from, Const(kBlock)), Const(width));
      for (size_t i = 0; i < sums.size(); ++i) {
        Value* element = builder_.CreateAdd(at, Const(static_cast<int64_t>(i % width)));
        builder_.CreateStore(sums[i],
                             PartialOf(todo.reduces[i / width], sums[i]->getType(), element));
      }
    });
    Value* blocks = builder_.CreateUDiv(builder_.CreateAdd(row, Const(kBlock - 1)), Const(kBlock));
    Values sums;
    for (uint32_t reduce : todo.reduces) {
      llvm::Type* type = nodes_.Identity(reduce)->getType();
      Tree(reduce, type, blocks, static_cast<int64_t>(width), false);
      for (size_t u = 0; u < width; ++u) {
        Value* at = PartialOf(reduce, type, Const(static_cast<int64_t>(u)));
        sums.push_back(builder_.CreateLoad(type, at));
      }
    }
    set(sums);
  }
};

}  // namespace

std::unique_ptr<KernelEmitter> MakeBlockRowEmitter(const FusedKernel& kernel,
                                                   const Schedule& schedule,
                                                   llvm::Function& function) {
  return std::make_unique<BlockRowEmitter>(kernel, schedule, function);
}

}  // namespace gcomp::codegen
