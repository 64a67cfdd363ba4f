#include "jit/llvm/emit_kernel.h"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "jit/llvm/loop_builder.h"
#include "jit/llvm/node_emitter.h"

namespace gcomp::codegen {
namespace {

using llvm::Value;

llvm::Function* MakeFunction(llvm::Module& module) {
  llvm::LLVMContext& context = module.getContext();
  llvm::Type* pointer = llvm::PointerType::getUnqual(context);
  llvm::Type* i64 = llvm::Type::getInt64Ty(context);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                       {pointer, pointer, pointer, i64, i64}, false);
  auto* function =
      llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, kKernelSymbol, module);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  llvm::BasicBlock::Create(context, "entry", function);
  return function;
}

class KernelEmitter {
 public:
  KernelEmitter(const FusedKernel& kernel, const Schedule& schedule, llvm::Function& function)
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

  void Run() {
    if (!kernel_.has_row) {
      MapItems();
    } else if (kernel_.order == ir::Stage::Order::kLanes) {
      loops_.For(begin_, end_, Const(1), [&](Value* item) { RowByLanes(item); });
    } else {
      loops_.For(begin_, end_, Const(1), [&](Value* item) { RowByBlocks(item); });
    }
    builder_.CreateRetVoid();
  }

 private:
  Value* Const(int64_t value) const { return nodes_.Const(value); }

  // The indices of the first `count` parallel axes at point p of them.
  std::vector<Value*> Indices(Value* p, size_t count) {
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

  Level LevelOf(uint32_t level) const {
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

  std::vector<NodeEmitter::Vector> Vectors(Value* first, int count, Value* mask = nullptr) const {
    std::vector<NodeEmitter::Vector> vectors;
    for (int u = 0; u < count; ++u) vectors.push_back({first, int64_t{u} * lanes_, mask});
    return vectors;
  }

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

  // ---- No row -----------------------------------------------------------------------------------

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

  // ---- Rows by lanes ----------------------------------------------------------------------------

  void RowByLanes(Value* item) {
    nodes_.EnterItem(Indices(item, kernel_.axes.size()));
    for (uint32_t level = 0; level <= levels_; ++level) {
      const Level todo = LevelOf(level);
      if (todo.roots.empty()) continue;
      for (const Store* store : todo.stores) nodes_.Prepare(*store);
      const std::vector<uint32_t> order = nodes_.Prepare(todo.roots);
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
      if (!AlongRow(store)) nodes_.EmitStore(store);
    }
  }

  // The nodes of one part of the row, their stores, and what later loops read again.
  void RowPart(const Level& todo, const std::vector<uint32_t>& order,
               std::vector<NodeEmitter::Vector> vectors) {
    nodes_.SetVectors(std::move(vectors));
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

  Value* PartialOf(uint32_t reduce, llvm::Type* type, Value* i) const {
    return nodes_.Partial(kernel_.nodes[reduce].detail, type, i);
  }

  const Reduction& ReductionOf(uint32_t reduce) const {
    return kernel_.reductions[kernel_.nodes[reduce].detail];
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
    const size_t batch = std::min(static_cast<size_t>(unroll_), count);
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

  // In place over `count` partial values, `stride` apart: pairs i, i + half; what is missing up to
  // the next power of two is the identity, which changes nothing.
  void Tree(uint32_t reduce, llvm::Type* type, Value* count, int64_t stride, bool one_lane) {
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

  // ---- Rows by blocks ---------------------------------------------------------------------------

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

}  // namespace

std::unique_ptr<llvm::Module> EmitKernel(const FusedKernel& kernel, const Schedule& schedule,
                                         llvm::LLVMContext& context) {
  auto module = std::make_unique<llvm::Module>("gcomp", context);
  KernelEmitter(kernel, schedule, *MakeFunction(*module)).Run();
  return module;
}

}  // namespace gcomp::codegen
