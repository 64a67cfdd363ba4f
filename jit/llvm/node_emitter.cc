#include "jit/llvm/node_emitter.h"

#include <algorithm>

namespace gcomp::codegen {
NodeEmitter::NodeEmitter(const FusedKernel& kernel, const Schedule& schedule,
                         llvm::IRBuilder<>& builder, llvm::Value* buffers, llvm::Value* numbers,
                         llvm::Value* scratch)
    : kernel_(kernel),
      b_(builder),
      scalar_ops_(builder, 1),
      vector_ops_(builder, schedule.lanes),
      is_kept_(kernel.nodes.size()) {
  if (RowIsVector()) {
    vector_axis_ = kernel.axes.size();
  } else if (!kernel.axes.empty()) {
    vector_axis_ = kernel.axes.size() - 1;
  }
  int64_t index = 0;
  auto read = [&](int64_t value) -> llvm::Value* {
    llvm::Value* at = b_.CreateConstGEP1_64(b_.getInt64Ty(), numbers, static_cast<uint64_t>(index));
    ++index;
    if (!schedule.sizes_as_arguments) return Const(value);
    return b_.CreateLoad(b_.getInt64Ty(), at);
  };
  kernel.ForEachNumber([&](const int64_t& field) {
    const bool structural = field == 0 || field == 1;
    numbers_[&field] = structural ? (++index, Const(field)) : read(field);
  });
  const ScratchLayout layout = LayOutScratch(kernel, schedule);
  auto in_scratch = [&](int64_t offset) {
    return b_.CreateGEP(b_.getInt8Ty(), scratch, read(offset));
  };
  for (int64_t offset : layout.partials) partials_.push_back(in_scratch(offset));
  for (int64_t offset : layout.kept) kept_.push_back(in_scratch(offset));
  for (size_t i = 0; i < kernel.buffers.size(); ++i) {
    buffers_.push_back(
        b_.CreateLoad(b_.getPtrTy(), b_.CreateConstGEP1_64(b_.getPtrTy(), buffers, i)));
  }
  FindVectors();
}

llvm::Value* NodeEmitter::Number(const int64_t& field) const {
  return numbers_.at(&field);
}

const int64_t* NodeEmitter::VectorCoef(const Offset& offset) const {
  if (vector_axis_ == SIZE_MAX || offset.coefs[vector_axis_] == 0) return nullptr;
  return &offset.coefs[vector_axis_];
}

void NodeEmitter::FindVectors() {
  is_vector_.resize(kernel_.nodes.size());
  for (size_t n = 0; n < kernel_.nodes.size(); ++n) {
    const Node& node = kernel_.nodes[n];
    bool vector = node.along_row;
    if (node.kind == Node::Kind::kLoad || node.kind == Node::Kind::kIndex) {
      vector = vector || VectorCoef(AccessOf(node).offset) != nullptr;
      for (const Bound& bound : AccessOf(node).bounds) {
        vector = vector || VectorCoef(bound.index) != nullptr;
      }
    } else if (node.kind == Node::Kind::kReduce) {
      vector = !RowIsVector();
    } else {
      for (int a = 0; a < node.arity(); ++a) {
        // A reduction by lanes ends in a scalar.
        vector = vector || is_vector_[node.args[a]];
      }
    }
    is_vector_[n] = vector;
  }
}

// ---- The position -------------------------------------------------------------------------------

void NodeEmitter::EnterItem(std::vector<llvm::Value*> indices) {
  indices_ = std::move(indices);
  item_bases_.clear();
  item_addresses_.clear();
  scalars_.assign(kernel_.nodes.size(), nullptr);
  splats_.assign(kernel_.nodes.size(), nullptr);
  values_.assign(kernel_.nodes.size(), {});
  vectors_.clear();
  row_index_ = nullptr;
  std::fill(is_kept_.begin(), is_kept_.end(), false);
}

void NodeEmitter::SetVectors(std::vector<Vector> vectors, llvm::Value* row_index) {
  vectors_ = std::move(vectors);
  row_index_ = row_index;
  for (std::vector<llvm::Value*>& values : values_) {
    values.resize(std::max(values.size(), vectors_.size()));
  }
}

llvm::Type* NodeEmitter::ElementType(uint32_t buffer) const {
  return b_.getIntNTy(static_cast<unsigned>(8 * ir::BytesOf(kernel_.buffers[buffer].dtype)));
}

llvm::Value* NodeEmitter::ItemBase(const Offset& offset) {
  if (auto known = item_bases_.find(&offset); known != item_bases_.end()) return known->second;
  llvm::Value* base = Number(offset.base);
  for (size_t i = 0; i < kernel_.axes.size(); ++i) {
    if (i == vector_axis_ || offset.coefs[i] == 0) continue;
    base = b_.CreateAdd(base, b_.CreateMul(indices_[i], Number(offset.coefs[i])));
  }
  item_bases_[&offset] = base;
  return base;
}

llvm::Value* NodeEmitter::ItemAddress(const Offset& offset, uint32_t buffer) {
  llvm::Value*& address = item_addresses_[&offset];
  if (address == nullptr) {
    address = b_.CreateGEP(ElementType(buffer), buffers_[buffer], ItemBase(offset));
  }
  return address;
}

llvm::Value* NodeEmitter::RowPart(const Offset& offset) const {
  if (!kernel_.has_row || RowIsVector() || row_index_ == nullptr) return nullptr;
  if (offset.coefs.back() == 0) return nullptr;
  return b_.CreateMul(row_index_, Number(offset.coefs.back()));
}

// The address of the element, or of a vector's first one.
llvm::Value* NodeEmitter::Address(const Offset& offset, uint32_t buffer, const Vector* vector) {
  llvm::Value* address = ItemAddress(offset, buffer);
  llvm::Type* element = ElementType(buffer);
  if (llvm::Value* part = RowPart(offset)) address = b_.CreateGEP(element, address, part);
  const int64_t* coef = VectorCoef(offset);
  if (vector == nullptr || coef == nullptr) return address;
  if (*coef == 1) {
    address = b_.CreateGEP(element, address, vector->first);
    return vector->plus == 0
               ? address
               : b_.CreateConstGEP1_64(element, address, static_cast<uint64_t>(vector->plus));
  }
  llvm::Value* at = b_.CreateAdd(vector->first, Const(vector->plus));
  return b_.CreateGEP(element, address, b_.CreateMul(at, Number(*coef)));
}

void NodeEmitter::PreparePrefetch(size_t axis) {
  prefetched_.clear();
  for (const Node& node : kernel_.nodes) {
    if (node.kind != Node::Kind::kLoad) continue;
    const Access& access = AccessOf(node);
    const int64_t* coef = VectorCoef(access.offset);
    if (coef == nullptr || *coef != 1 || access.offset.coefs[axis] == 0) continue;
    ItemAddress(access.offset, access.buffer);
    prefetched_.push_back({&access, Number(access.offset.coefs[axis])});
  }
}

void NodeEmitter::PrefetchNext() {
  for (const NextItem& next : prefetched_) {
    const Access& access = *next.access;
    llvm::Type* element = ElementType(access.buffer);
    const int64_t bytes = ir::BytesOf(kernel_.buffers[access.buffer].dtype);
    for (const Vector& vector : vectors_) {
      if (vector.plus * bytes % 64 != 0) continue;  // in the line of the vector before
      llvm::Value* address =
          b_.CreateGEP(element, Address(access.offset, access.buffer, &vector), next.distance);
      b_.CreateIntrinsic(llvm::Intrinsic::prefetch, {address->getType()},
                         {address, b_.getInt32(0), b_.getInt32(2), b_.getInt32(1)});
    }
  }
}

// ---- Values -------------------------------------------------------------------------------------

std::vector<uint32_t> NodeEmitter::Prepare(std::span<const uint32_t> roots) {
  const size_t count = kernel_.nodes.size();
  auto is_known = [&](size_t n) {
    if (!is_vector_[n]) return scalars_[n] != nullptr;
    return !values_[n].empty() && values_[n][0] != nullptr;
  };
  // What to make, from the roots down, and which scalars vectors read.
  std::vector<bool> needed(count);
  std::vector<bool> in_lanes(count);
  for (uint32_t root : roots) needed[root] = in_lanes[root] = true;
  for (size_t n = count; n-- > 0;) {
    if (!needed[n] || is_known(n) || is_kept_[n]) continue;
    const Node& node = kernel_.nodes[n];
    for (int a = 0; a < node.arity(); ++a) {
      needed[node.args[a]] = true;
      if (is_vector_[n]) in_lanes[node.args[a]] = true;
    }
  }
  std::vector<uint32_t> order;
  for (uint32_t n = 0; n < count; ++n) {
    if (!needed[n]) continue;
    if (!is_vector_[n]) {
      if (scalars_[n] == nullptr) scalars_[n] = EmitNode(kernel_.nodes[n], n, nullptr, 0);
      if (in_lanes[n] && splats_[n] == nullptr) splats_[n] = vector_ops_.Splat(scalars_[n]);
    } else if (!is_known(n)) {
      if (!is_kept_[n]) PrepareAccess(kernel_.nodes[n]);
      order.push_back(n);
    }
  }
  return order;
}

// What an access of a vector node needs once per item.
void NodeEmitter::PrepareAccess(const Node& node) {
  if (node.kind != Node::Kind::kLoad && node.kind != Node::Kind::kIndex) return;
  const Access& access = AccessOf(node);
  ItemBase(access.offset);
  if (node.kind == Node::Kind::kLoad) ItemAddress(access.offset, access.buffer);
  for (const Bound& bound : access.bounds) ItemBase(bound.index);
}

void NodeEmitter::Emit(std::span<const uint32_t> nodes) {
  for (uint32_t n : nodes) {
    for (size_t u = 0; u < vectors_.size(); ++u) {
      values_[n][u] = EmitNode(kernel_.nodes[n], n, &vectors_[u], u);
    }
  }
}

void NodeEmitter::Forget(std::span<const uint32_t> nodes) {
  for (uint32_t n : nodes) values_[n].assign(values_[n].size(), nullptr);
}

llvm::Value* NodeEmitter::vector(uint32_t node, size_t u) {
  return is_vector_[node] ? values_[node][u] : splats_[node];
}

llvm::Value* NodeEmitter::EmitNode(const Node& node, uint32_t id, const Vector* vector, size_t u) {
  if (vector != nullptr && is_kept_[id]) {
    return vector_ops_.Load(node.type, KeptAddress(id, *vector), nullptr);
  }
  auto arg = [&](int a) {
    return vector == nullptr ? scalars_[node.args[a]] : this->vector(node.args[a], u);
  };
  switch (node.kind) {
    case Node::Kind::kLoad:
      return EmitLoad(AccessOf(node), vector);
    case Node::Kind::kIndex:
      return EmitIndex(AccessOf(node).offset, vector);
    case Node::Kind::kRound:
      return OpsFor(vector).Round(node.stored, arg(0));
    case Node::Kind::kReduce:
      break;  // set by who runs the row
    case Node::Kind::kPrim: {
      if (node.prim == ir::Prim::kConst) return OpsFor(vector).Constant({node.type, node.imm});
      if (llvm::Value* test = EmitPositionTest(node, vector)) return test;
      std::vector<llvm::Value*> args;
      for (int a = 0; a < node.arity(); ++a) args.push_back(arg(a));
      const uint32_t typed = node.args[node.prim == ir::Prim::kSelect ? 1 : 0];
      ir::ScalarGraph::Node prim{node.prim, node.type, {0, 0, 0}, node.imm};
      return OpsFor(vector).Apply(prim, kernel_.nodes[typed].type, args);
    }
  }
  return llvm::PoisonValue::get(OpsFor(vector).TypeOf(node.type));
}

llvm::Value* NodeEmitter::EmitLoad(const Access& access, const Vector* vector) {
  VectorOps& ops = OpsFor(vector);
  const ir::DType dtype = kernel_.buffers[access.buffer].dtype;
  const ir::DType type = ir::ComputeTypeOf(dtype);
  llvm::Value* inside = InBounds(access, vector);
  llvm::Value* mask = inside;
  if (vector != nullptr && vector->mask != nullptr) {
    mask = mask == nullptr ? vector->mask : b_.CreateAnd(mask, vector->mask);
  }
  llvm::Value* address = Address(access.offset, access.buffer, vector);
  const int64_t* coef = VectorCoef(access.offset);
  llvm::Value* value = nullptr;
  const bool side_by_side = vector != nullptr && (coef == nullptr || *coef == 1);
  if (side_by_side && inside != nullptr) {
    // Where no lane reads, the address may be no memory: a load of one element must not touch it,
    // and a masked load is slow there.
    address = b_.CreateSelect(b_.CreateOrReduce(mask), address, buffers_[access.buffer]);
  }
  if (vector == nullptr) {
    value = ops.Load(dtype, address, mask);
  } else if (coef == nullptr) {
    value = ops.LoadSplat(dtype, address);
  } else if (*coef == 1) {
    value = ops.Load(dtype, address, mask);
  } else {
    value = ops.LoadStrided(dtype, address, Number(*coef), mask);
  }
  if (inside == nullptr) return value;
  return b_.CreateSelect(inside, value, ops.Constant({type, access.otherwise}));
}

void NodeEmitter::EmitStore(const Store& store) {
  const ir::DType dtype = kernel_.buffers[store.buffer].dtype;
  const int64_t* coef = VectorCoef(store.offset);
  if (coef == nullptr) {
    // The same for all lanes: nodes of a vector axis of one element are vectors all the same.
    const bool vector = is_vector_[store.node];
    llvm::Value* value = vector ? b_.CreateExtractElement(values_[store.node][0], uint64_t{0})
                                : scalars_[store.node];
    scalar_ops_.Store(dtype, value, Address(store.offset, store.buffer, nullptr));
    return;
  }
  for (size_t u = 0; u < vectors_.size(); ++u) {
    const Vector& at = vectors_[u];
    llvm::Value* address = Address(store.offset, store.buffer, &at);
    if (*coef == 1) {
      vector_ops_.Store(dtype, vector(store.node, u), address, at.mask);
    } else {
      vector_ops_.StoreStrided(dtype, vector(store.node, u), address, Number(*coef), at.mask);
    }
  }
}

llvm::Value* NodeEmitter::KeptAddress(uint32_t node, const Vector& vector) const {
  llvm::Type* element =
      b_.getIntNTy(static_cast<unsigned>(8 * ir::BytesOf(kernel_.nodes[node].type)));
  llvm::Value* at = b_.CreateGEP(element, kept_[node], vector.first);
  return b_.CreateConstGEP1_64(element, at, static_cast<uint64_t>(vector.plus));
}

// The row in scratch has room for whole vectors: no mask.
void NodeEmitter::EmitKeep(uint32_t node) {
  for (size_t u = 0; u < vectors_.size(); ++u) {
    vector_ops_.Store(kernel_.nodes[node].type, values_[node][u], KeptAddress(node, vectors_[u]));
  }
}

// ---- Reductions ---------------------------------------------------------------------------------

llvm::Value* NodeEmitter::Combine(const Reduction& reduction, llvm::Value* left, llvm::Value* right,
                                  bool one_lane) {
  VectorOps& ops = one_lane ? scalar_ops_ : vector_ops_;
  const std::vector<ir::ScalarGraph::Node>& nodes = reduction.combine.nodes();
  std::vector<llvm::Value*> values;
  for (size_t n = 0; n <= reduction.combine_result; ++n) {
    const ir::ScalarGraph::Node& node = nodes[n];
    if (node.prim == ir::Prim::kParam) {
      values.push_back(node.imm == 0 ? left : right);
    } else if (node.prim == ir::Prim::kConst) {
      values.push_back(ops.Constant({node.type, node.imm}));
    } else {
      std::vector<llvm::Value*> args;
      for (int a = 0; a < ir::ScalarGraph::Arity(node.prim); ++a) {
        args.push_back(values[node.args[a]]);
      }
      const uint32_t typed = node.args[node.prim == ir::Prim::kSelect ? 1 : 0];
      values.push_back(ops.Apply(node, nodes[typed].type, args));
    }
  }
  return values[reduction.combine_result];
}

llvm::Value* NodeEmitter::Identity(uint32_t reduce_node, bool one_lane) {
  const Node& node = kernel_.nodes[reduce_node];
  const ir::Scalar identity{node.type, kernel_.reductions[node.detail].identity};
  return (one_lane ? scalar_ops_ : vector_ops_).Constant(identity);
}

llvm::Value* NodeEmitter::Partial(size_t reduction, llvm::Type* type, llvm::Value* i) const {
  return b_.CreateGEP(type, partials_[reduction], i);
}

}  // namespace gcomp::codegen
