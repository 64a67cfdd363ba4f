// NodeEmitter: the nodes of a fused kernel as LLVM values, inside whatever loops run around them.
//
// A node that is the same for all elements of a work item is a scalar, made once per item, before
// the loops; others are vectors, made inside the loops. The caller tells the position: indices of
// the parallel axes, the vectors' first elements and masks, the row's position.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <map>
#include <span>
#include <vector>

#include "jit/fused_kernel.h"
#include "jit/llvm/vector_ops.h"
#include "jit/schedule.h"

namespace gcomp::codegen {

class NodeEmitter {
 public:
  // Reads what it needs of the function's arguments at the builder's place: its entry.
  NodeEmitter(const FusedKernel& kernel, const Schedule& schedule, llvm::IRBuilder<>& builder,
              llvm::Value* buffers, llvm::Value* numbers, llvm::Value* scratch);

  llvm::Value* Const(int64_t value) const { return b_.getInt64(static_cast<uint64_t>(value)); }

  // A field of the kernel as ForEachNumber visits it: a constant, or an argument of the code.
  llvm::Value* Number(const int64_t& field) const;

  // True if the node has a value per element of a work item.
  bool is_vector(uint32_t node) const { return is_vector_[node]; }

  VectorOps& vector_ops() { return vector_ops_; }

  // ---- The position -----------------------------------------------------------------------------

  // One vector: elements first + plus + [0, lanes) of the vector axis; null mask = all of them.
  struct Vector {
    llvm::Value* first = nullptr;
    int64_t plus = 0;
    llvm::Value* mask = nullptr;
  };

  // A new work item: forgets all values. That index of the vector axis, if it is a parallel one, is
  // not used.
  void EnterItem(std::vector<llvm::Value*> indices);

  // The vectors that are made from now on; row_index: where the row is not the vector axis.
  void SetVectors(std::vector<Vector> vectors, llvm::Value* row_index = nullptr);

  // Lanes below `active`.
  llvm::Value* LaneMask(llvm::Value* active);

  // ---- Values -----------------------------------------------------------------------------------

  // The vector nodes to compute for `roots`, in order, without those known already. Makes what they
  // need once per item here.
  std::vector<uint32_t> Prepare(std::span<const uint32_t> roots);

  void Prepare(const Store& store) { ItemAddress(store.offset, store.buffer); }

  // Computes the nodes for all vectors, side by side.
  void Emit(std::span<const uint32_t> nodes);
  void Forget(std::span<const uint32_t> nodes);

  // The value for vector u; a scalar in all lanes.
  llvm::Value* vector(uint32_t node, size_t u);

  void SetScalar(uint32_t node, llvm::Value* value) { scalars_[node] = value; }

  void SetVector(uint32_t node, size_t u, llvm::Value* value) { values_[node][u] = value; }

  // Writes the node's value for all vectors, or the scalar.
  void EmitStore(const Store& store);

  // What PrefetchNext asks for: loads that go through memory in order along the row, and whose next
  // work item, one further along parallel axis `axis`, lies elsewhere. Makes their addresses here:
  // outside the loops.
  void PreparePrefetch(size_t axis);

  // Asks for what those loads read for the current vectors in the next work item. (To ask for what
  // stores write as well was measured to gain nothing on one thread, and to take a softmax's whole
  // gain of a second.)
  void PrefetchNext();

  // A kept node's vectors into its row in scratch; once SetKept, Prepare reads them from there.
  void EmitKeep(uint32_t node);

  void SetKept(uint32_t node) { is_kept_[node] = true; }

  bool is_kept(uint32_t node) const { return is_kept_[node]; }

  // ---- Reductions -------------------------------------------------------------------------------

  llvm::Value* Combine(const Reduction& reduction, llvm::Value* left, llvm::Value* right,
                       bool one_lane = false);
  llvm::Value* Identity(uint32_t reduce_node, bool one_lane = false);
  // The address of partial value i (of elements of `type`) of a reduction.
  llvm::Value* Partial(size_t reduction, llvm::Type* type, llvm::Value* i) const;

 private:
  void FindVectors();
  void PrepareAccess(const Node& node);

  bool RowIsVector() const { return kernel_.has_row && kernel_.order == ir::Stage::Order::kLanes; }

  const Access& AccessOf(const Node& node) const { return kernel_.accesses[node.detail]; }

  llvm::Type* ElementType(uint32_t buffer) const;

  // Of an offset: what does not change inside a work item.
  llvm::Value* ItemBase(const Offset& offset);
  llvm::Value* ItemAddress(const Offset& offset, uint32_t buffer);
  // What the row's position adds to it, or null.
  llvm::Value* RowPart(const Offset& offset) const;
  const int64_t* VectorCoef(const Offset& offset) const;  // null = 0
  llvm::Value* Address(const Offset& offset, uint32_t buffer, const Vector* vector);

  llvm::Value* EmitNode(const Node& node, uint32_t id, const Vector* vector, size_t u);
  llvm::Value* EmitLoad(const Access& access, const Vector* vector);
  llvm::Value* EmitIndex(const Offset& offset, const Vector* vector);
  llvm::Value* InBounds(const Access& access, const Vector* vector);
  bool MovesByOne(const Offset& offset) const;
  llvm::Value* LanesBelow(const Offset& index, llvm::Value* limit, const Vector& vector);
  llvm::Value* EmitPositionTest(const Node& node, const Vector* vector);
  llvm::Value* KeptAddress(uint32_t node, const Vector& vector) const;

  VectorOps& OpsFor(const Vector* vector) { return vector == nullptr ? scalar_ops_ : vector_ops_; }

  const FusedKernel& kernel_;
  llvm::IRBuilder<>& b_;
  VectorOps scalar_ops_;
  VectorOps vector_ops_;
  size_t vector_axis_ = SIZE_MAX;  // index among the coefs
  std::map<const int64_t*, llvm::Value*> numbers_;
  std::vector<llvm::Value*> partials_;  // by reduction: address
  std::vector<llvm::Value*> kept_;      // by node: address
  std::vector<llvm::Value*> buffers_;
  std::vector<bool> is_vector_;
  std::vector<bool> is_kept_;

  // Of the work item.
  std::vector<llvm::Value*> indices_;
  std::map<const Offset*, llvm::Value*> item_bases_;
  std::map<const Offset*, llvm::Value*> item_addresses_;
  std::vector<llvm::Value*> scalars_;
  std::vector<llvm::Value*> splats_;

  struct NextItem {
    const Access* access;
    llvm::Value* distance;  // to the same place of the next item, in elements
  };

  std::vector<NextItem> prefetched_;
  std::vector<Vector> vectors_;
  llvm::Value* row_index_ = nullptr;
  std::vector<std::vector<llvm::Value*>> values_;  // by node, by vector
};

}  // namespace gcomp::codegen
