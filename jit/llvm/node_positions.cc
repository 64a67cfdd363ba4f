// NodeEmitter: positions along the axes, and which lanes lie within bounds.
#include "jit/llvm/node_emitter.h"

namespace gcomp::codegen {

llvm::Value* NodeEmitter::LaneMask(llvm::Value* active) {
  const auto lanes = static_cast<unsigned>(vector_ops_.lanes());
  llvm::SmallVector<llvm::Constant*, 16> numbers;
  for (unsigned l = 0; l < lanes; ++l) numbers.push_back(b_.getInt32(l));
  // Both sides are far below 2^31: what is more than a vector is all of it.
  llvm::Value* some = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, active, Const(lanes));
  llvm::Value* bound = b_.CreateVectorSplat(lanes, b_.CreateTrunc(some, b_.getInt32Ty()));
  return b_.CreateICmpSLT(llvm::ConstantVector::get(numbers), bound);
}

llvm::Value* NodeEmitter::EmitIndex(const Offset& offset, const Vector* vector) {
  llvm::Value* value = ItemBase(offset);
  if (llvm::Value* part = RowPart(offset)) value = b_.CreateAdd(value, part);
  if (vector == nullptr) return value;
  const int64_t* coef = VectorCoef(offset);
  if (coef == nullptr) return vector_ops_.Splat(value);
  llvm::SmallVector<llvm::Constant*, 16> numbers;
  for (int l = 0; l < vector_ops_.lanes(); ++l) {
    numbers.push_back(b_.getInt64(static_cast<uint64_t>(vector->plus + l)));
  }
  llvm::Value* at = vector_ops_.Splat(vector->first);
  llvm::Value* iota = vector_ops_.lanes() == 1 ? static_cast<llvm::Value*>(numbers[0])
                                               : llvm::ConstantVector::get(numbers);
  at = b_.CreateMul(b_.CreateAdd(at, iota), vector_ops_.Splat(Number(*coef)));
  return b_.CreateAdd(vector_ops_.Splat(value), at);
}

llvm::Value* NodeEmitter::InBounds(const Access& access, const Vector* vector) {
  llvm::Value* inside = nullptr;
  for (const Bound& bound : access.bounds) {
    llvm::Value* limit = Number(bound.limit);
    llvm::Value* holds = nullptr;
    if (vector != nullptr && MovesByOne(bound.index)) {
      holds = b_.CreateAnd(b_.CreateNot(LanesBelow(bound.index, Const(0), *vector)),
                           LanesBelow(bound.index, limit, *vector));
    } else {
      llvm::Value* index = EmitIndex(bound.index, vector);
      llvm::Value* zero = Const(0);
      if (vector != nullptr) {
        limit = vector_ops_.Splat(limit);
        zero = vector_ops_.Splat(zero);
      }
      holds = b_.CreateAnd(b_.CreateICmpSGE(index, zero), b_.CreateICmpSLT(index, limit));
    }
    inside = inside == nullptr ? holds : b_.CreateAnd(inside, holds);
  }
  return inside;
}

bool NodeEmitter::MovesByOne(const Offset& offset) const {
  const int64_t* coef = VectorCoef(offset);
  return coef != nullptr && *coef == 1;
}

// The lanes whose index, of those that move by one, is below `limit`. Compares numbers of lanes in
// 32 bits: positions take four times the registers.
llvm::Value* NodeEmitter::LanesBelow(const Offset& index, llvm::Value* limit,
                                     const Vector& vector) {
  llvm::Value* first = ItemBase(index);
  if (llvm::Value* part = RowPart(index)) first = b_.CreateAdd(first, part);
  first = b_.CreateAdd(first, b_.CreateAdd(vector.first, Const(vector.plus)));
  llvm::Value* count = b_.CreateSub(limit, first);
  return LaneMask(b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, count, Const(0)));
}

// A comparison of a position with a constant, if it is one that LanesBelow can tell; else null.
llvm::Value* NodeEmitter::EmitPositionTest(const Node& node, const Vector* vector) {
  if (vector == nullptr || (node.prim != ir::Prim::kLt && node.prim != ir::Prim::kLe)) {
    return nullptr;
  }
  const Node& left = kernel_.nodes[node.args[0]];
  const Node& right = kernel_.nodes[node.args[1]];
  auto is_position = [&](const Node& n) {
    return n.kind == Node::Kind::kIndex && MovesByOne(AccessOf(n).offset);
  };
  auto is_constant = [](const Node& n) {
    // Far from where a sum with 1 would overflow.
    constexpr int64_t kFar = int64_t{1} << 60;
    const auto value = static_cast<int64_t>(n.imm);
    return n.kind == Node::Kind::kPrim && n.prim == ir::Prim::kConst && value > -kFar &&
           value < kFar;
  };
  const int64_t or_equal = node.prim == ir::Prim::kLe ? 1 : 0;
  if (is_position(left) && is_constant(right)) {
    const int64_t limit = static_cast<int64_t>(right.imm) + or_equal;
    return LanesBelow(AccessOf(left).offset, Const(limit), *vector);
  }
  if (is_constant(left) && is_position(right)) {
    const int64_t limit = static_cast<int64_t>(left.imm) + 1 - or_equal;
    return b_.CreateNot(LanesBelow(AccessOf(right).offset, Const(limit), *vector));
  }
  return nullptr;
}

}  // namespace gcomp::codegen
