// Kernels with rows by lanes: the row is the vector axis; a work item is one row.
#include <algorithm>
#include <utility>
#include <vector>

#include "jit/llvm/kernel_emitter.h"

namespace gcomp::codegen {
namespace {

class LaneRowEmitter final : public KernelEmitter {
 public:
  using KernelEmitter::KernelEmitter;

  void Run() override {
    loops_.For(begin_, end_, Const(1), [&](Value* item) { RowByLanes(item); });
    builder_.CreateRetVoid();
  }

 private:
  void RowByLanes(Value* item) {
    nodes_.EnterItem(Indices(item, kernel_.axes.size()));
    FindDearest();
    for (uint32_t level = 0; level <= levels_; ++level) {
      const Level todo = LevelOf(level);
      if (todo.roots.empty()) continue;
      for (const Store* store : todo.stores) nodes_.Prepare(*store);
      const std::vector<uint32_t> order = nodes_.Prepare(todo.roots);
      ask_ = level == dearest_;
      if (ask_) nodes_.PreparePrefetch(kernel_.axes.size() - 1);
      if (todo.reduces.empty()) {
        ForVectors(Const(0), nodes_.Number(kernel_.row), unroll_,
                   KnownMultiple(kernel_.row, int64_t{unroll_} * lanes_),
                   [&](std::vector<NodeEmitter::Vector> vectors) {
                     RowPart(todo, order, std::move(vectors));
                     nodes_.Forget(order);
                   });
      } else {
        ReduceByLanes(todo, order, schedule_.apart[level]);
      }
      for (uint32_t n : order) {
        if (schedule_.kept[n]) nodes_.SetKept(n);
      }
    }
    for (const Store& store : kernel_.stores) {
      if (AlongRow(store)) continue;
      nodes_.Prepare(std::span(&store.node, 1));
      nodes_.EmitStore(store);
    }
  }

  // The loop over the row that computes the most is the one that asks for the next row: the others
  // wait for memory themselves.
  void FindDearest() {
    std::vector<int> work(levels_ + 1, 0);
    for (const Node& node : kernel_.nodes) {
      if (node.along_row && node.kind == Node::Kind::kPrim) ++work[node.level];
    }
    dearest_ = static_cast<uint32_t>(std::max_element(work.begin(), work.end()) - work.begin());
    if (kernel_.axes.empty()) dearest_ = UINT32_MAX;
  }

  // The nodes of one part of the row, their stores, and what later loops read again.
  void RowPart(const Level& todo, const std::vector<uint32_t>& order,
               std::vector<NodeEmitter::Vector> vectors) {
    nodes_.SetVectors(std::move(vectors));
    if (ask_) nodes_.PrefetchNext();
    nodes_.Emit(order);
    for (const Store* store : todo.stores) nodes_.EmitStore(*store);
    for (uint32_t n : order) {
      if (schedule_.kept[n] && !nodes_.is_kept(n)) nodes_.EmitKeep(n);
    }
  }

  void ReduceByLanes(const Level& todo, const std::vector<uint32_t>& order, bool apart) {
    const bool one_chunk = !schedule_.sizes_as_arguments && kernel_.row <= kChunk;
    Value* row = nodes_.Number(kernel_.row);
    if (one_chunk) {
      const Values sums = Chunk(todo, order, apart, Const(0), row);
      for (size_t r = 0; r < todo.reduces.size(); ++r) nodes_.SetScalar(todo.reduces[r], sums[r]);
      return;
    }
    loops_.For(Const(0), row, Const(kChunk), [&](Value* from) {
      Value* to = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin,
                                                 builder_.CreateAdd(from, Const(kChunk)), row);
      const Values sums = Chunk(todo, order, apart, from, to);
      Value* chunk = builder_.CreateUDiv(from, Const(kChunk));
      for (size_t r = 0; r < todo.reduces.size(); ++r) {
        builder_.CreateStore(sums[r], PartialOf(todo.reduces[r], sums[r]->getType(), chunk));
      }
    });
    Value* chunks = builder_.CreateUDiv(builder_.CreateAdd(row, Const(kChunk - 1)), Const(kChunk));
    for (uint32_t reduce : todo.reduces) {
      llvm::Type* type = nodes_.Identity(reduce, true)->getType();
      Tree(reduce, type, chunks, 1, true);
      nodes_.SetScalar(reduce, builder_.CreateLoad(type, PartialOf(reduce, type, Const(0))));
    }
  }

  // One chunk: 128 lanes in registers, the rest of the chunk under masks, then the tree over lanes.
  // Returns a scalar per reduction.
  Values Chunk(const Level& todo, const std::vector<uint32_t>& order, bool apart, Value* from,
               Value* to) {
    if (apart) return ChunkApart(todo, order, from, to);
    const auto registers = static_cast<size_t>(kChunkLanes / lanes_);
    const size_t reduces = todo.reduces.size();
    Values sums;  // by reduction, by register
    for (uint32_t reduce : todo.reduces) {
      sums.insert(sums.end(), registers, nodes_.Identity(reduce));
    }
    Value* rest = builder_.CreateSRem(builder_.CreateSub(to, from), Const(kChunkLanes));
    Value* main = builder_.CreateSub(to, rest);
    if (schedule_.sizes_as_arguments || kernel_.row >= kChunkLanes) {
      SumLanes(todo, order, from, main, sums);
    }
    if (!KnownMultiple(kernel_.row, kChunkLanes)) {
      sums = loops_.If(builder_.CreateICmpSLT(main, to), sums,
                       [&] { return AddRest(todo, order, main, to, sums); });
    }
    Values results;
    for (size_t r = 0; r < reduces; ++r) {
      results.push_back(TreeOfLanes(ReductionOf(todo.reduces[r]), &sums[r * registers], registers));
    }
    return results;
  }

  // First the values into scratch, then their combination.
  Values ChunkApart(const Level& todo, const std::vector<uint32_t>& order, Value* from, Value* to) {
    ForVectors(from, to, unroll_, KnownMultiple(kernel_.row, int64_t{unroll_} * lanes_),
               [&](std::vector<NodeEmitter::Vector> vectors) {
                 RowPart(todo, order, std::move(vectors));
                 nodes_.Forget(order);
               });
    ask_ = false;
    Level combining;
    combining.reduces = todo.reduces;
    combining.roots.assign(todo.roots.begin(),
                           todo.roots.begin() + static_cast<std::ptrdiff_t>(todo.reduces.size()));
    for (uint32_t n : order) {
      if (schedule_.kept[n]) nodes_.SetKept(n);
    }
    return Chunk(combining, nodes_.Prepare(combining.roots), false, from, to);
  }

  // Adds whole groups of 128 elements: so many registers of sums at a time as the machine has room
  // for, each time over all groups.
  void SumLanes(const Level& todo, const std::vector<uint32_t>& order, Value* from, Value* to,
                Values& sums) {
    const auto registers = static_cast<size_t>(kChunkLanes / lanes_);
    const size_t count = std::min<size_t>(registers, 8);
    for (size_t first = 0; first < registers; first += count) {
      Values part;
      for (size_t r = 0; r < todo.reduces.size(); ++r) {
        for (size_t v = 0; v < count; ++v) part.push_back(sums[r * registers + first + v]);
      }
      part =
          loops_.For(from, to, Const(kChunkLanes), std::move(part), [&](Value* i, Values carried) {
            AddLanes(todo, order, i, first, count, carried);
            return carried;
          });
      for (size_t r = 0; r < todo.reduces.size(); ++r) {
        for (size_t v = 0; v < count; ++v) sums[r * registers + first + v] = part[r * count + v];
      }
    }
  }

  // Of the 128 elements from i on, those of `count` registers from `first` on, to their sums.
  void AddLanes(const Level& todo, const std::vector<uint32_t>& order, Value* i, size_t first,
                size_t count, Values& sums) {
    // Half the vectors side by side where the sums need registers as well.
    const auto unroll = static_cast<size_t>(order.size() > 4 ? std::max(1, unroll_ / 2) : unroll_);
    const size_t batch = std::min(unroll, count);
    for (size_t v = 0; v < count; v += batch) {
      std::vector<NodeEmitter::Vector> vectors;
      for (size_t u = 0; u < batch; ++u) {
        vectors.push_back({i, static_cast<int64_t>(first + v + u) * lanes_, nullptr});
      }
      RowPart(todo, order, std::move(vectors));
      for (size_t r = 0; r < todo.reduces.size(); ++r) {
        for (size_t u = 0; u < batch; ++u) {
          Value*& sum = sums[r * count + v + u];
          sum = nodes_.Combine(ReductionOf(todo.reduces[r]), sum, nodes_.vector(todo.roots[r], u));
        }
      }
      nodes_.Forget(order);
    }
  }

  // Fewer than 128 elements: vector by vector, the sums in memory meanwhile.
  Values AddRest(const Level& todo, const std::vector<uint32_t>& order, Value* from, Value* to,
                 const Values& sums) {
    const auto registers = static_cast<size_t>(kChunkLanes / lanes_);
    std::vector<Value*> memory;
    for (size_t r = 0; r < todo.reduces.size(); ++r) {
      llvm::Type* type = sums[r * registers]->getType();
      llvm::BasicBlock& entry = builder_.GetInsertBlock()->getParent()->getEntryBlock();
      llvm::IRBuilder<> at_entry(&entry, entry.begin());
      memory.push_back(at_entry.CreateAlloca(type, at_entry.getInt64(registers)));
      for (size_t v = 0; v < registers; ++v) {
        builder_.CreateStore(sums[r * registers + v],
                             builder_.CreateConstGEP1_64(type, memory[r], v));
      }
    }
    loops_.For(from, to, Const(lanes_), [&](Value* i) {
      Value* mask = nodes_.LaneMask(builder_.CreateSub(to, i));
      RowPart(todo, order, {{i, 0, mask}});
      Value* v = builder_.CreateUDiv(builder_.CreateSub(i, from), Const(lanes_));
      for (size_t r = 0; r < todo.reduces.size(); ++r) {
        llvm::Type* type = sums[r * registers]->getType();
        Value* address = builder_.CreateGEP(type, memory[r], v);
        Value* value = builder_.CreateSelect(mask, nodes_.vector(todo.roots[r], 0),
                                             nodes_.Identity(todo.reduces[r]));
        value =
            nodes_.Combine(ReductionOf(todo.reduces[r]), builder_.CreateLoad(type, address), value);
        builder_.CreateStore(value, address);
      }
      nodes_.Forget(order);
    });
    Values result;
    for (size_t r = 0; r < todo.reduces.size(); ++r) {
      llvm::Type* type = sums[r * registers]->getType();
      for (size_t v = 0; v < registers; ++v) {
        result.push_back(
            builder_.CreateLoad(type, builder_.CreateConstGEP1_64(type, memory[r], v)));
      }
    }
    return result;
  }

  // Lanes i and i + half: whole registers first, then within the last one.
  Value* TreeOfLanes(const Reduction& reduction, Value* const* registers, size_t count) {
    std::vector<Value*> values(registers, registers + count);
    for (size_t half = count / 2; half > 0; half /= 2) {
      for (size_t i = 0; i < half; ++i) {
        values[i] = nodes_.Combine(reduction, values[i], values[i + half]);
      }
    }
    Value* sum = values[0];
    for (int half = lanes_ / 2; half > 0; half /= 2) {
      llvm::SmallVector<int, 16> shuffle;
      for (int l = 0; l < lanes_; ++l) shuffle.push_back((l + half) % lanes_);
      sum = nodes_.Combine(reduction, sum, builder_.CreateShuffleVector(sum, shuffle));
    }
    return builder_.CreateExtractElement(sum, uint64_t{0});
  }

  uint32_t dearest_ = 0;  // level
  bool ask_ = false;      // the loop that is emitted is that one
};

}  // namespace

std::unique_ptr<KernelEmitter> MakeLaneRowEmitter(const FusedKernel& kernel,
                                                  const Schedule& schedule,
                                                  llvm::Function& function) {
  return std::make_unique<LaneRowEmitter>(kernel, schedule, function);
}

}  // namespace gcomp::codegen
