// VectorOps: the primitives of ir/scalar.h, loads and stores as vector IR of LLVM.
//
// Each call adds instructions at the builder's insertion point, on values of `lanes` elements (with
// one lane: on plain scalars). What they compute has the bits that ir/scalar.h defines, but for the
// payload and sign of NaNs; so no instruction has a fast-math flag, none is poison or undefined for
// any input, and calls of libm are left to what is exact (fmod).
//
// Bits are kept in any order of lanes and at any width: a kernel of 16 lanes equals one of 4.
//
// Types: ir::ComputeTypeOf(dtype) says in which type elements of a dtype are computed; bool is i1,
// signed and unsigned integers are the same LLVM type. Only dtypes of ir::kRealDTypes are allowed.
#pragma once

#include <span>
#include <vector>

#include "ir/dtype.h"
#include "ir/scalar.h"

namespace llvm {
class IRBuilderBase;
class Type;
class Value;
}  // namespace llvm

namespace gcomp::codegen {

class VectorOps {
 public:
  // lanes: 1, 4, 8 or 16. The builder must live as long; its fast-math flags must be clear.
  VectorOps(llvm::IRBuilderBase& builder, int lanes) : builder_(builder), lanes_(lanes) {}

  int lanes() const { return lanes_; }

  // The type of values computed in `compute`: <lanes x T>, or T with one lane.
  llvm::Type* TypeOf(ir::DType compute) const;

  // `value`, of a compute type, in all lanes.
  llvm::Value* Constant(const ir::Scalar& value) const;

  // A scalar of LLVM in all lanes.
  llvm::Value* Splat(llvm::Value* scalar) const;

  // One primitive, but kConst and kParam. arg_type: of the node's first argument, of kSelect's
  // second.
  llvm::Value* Apply(const ir::ScalarGraph::Node& node, ir::DType arg_type,
                     std::span<llvm::Value* const> args);

  // `value`, of the compute type of `dtype`, as it comes back from memory of `dtype`.
  llvm::Value* Round(ir::DType dtype, llvm::Value* value) {
    return FromMemory(dtype, ToMemory(dtype, value));
  }

  // ---- Memory: elements of a dtype, aligned to their own size --------------------------------
  // mask: i1 per lane, or null for all lanes. Lanes that are masked off touch no memory; loads give
  // 0 there.

  // Lane l is the element at address + l elements, in its compute type.
  llvm::Value* Load(ir::DType dtype, llvm::Value* address, llvm::Value* mask = nullptr);

  // Lane l is the element at address + l * stride_elements (i64) elements.
  llvm::Value* LoadStrided(ir::DType dtype, llvm::Value* address, llvm::Value* stride_elements,
                           llvm::Value* mask = nullptr);

  // The element at `address` in all lanes.
  llvm::Value* LoadSplat(ir::DType dtype, llvm::Value* address);

  // Converts from the compute type. streaming: past the caches; then the address must be aligned to
  // lanes elements and mask be null.
  void Store(ir::DType dtype, llvm::Value* value, llvm::Value* address, llvm::Value* mask = nullptr,
             bool streaming = false);

  void StoreStrided(ir::DType dtype, llvm::Value* value, llvm::Value* address,
                    llvm::Value* stride_elements, llvm::Value* mask = nullptr);

 private:
  // <lanes x scalar>, or the scalar.
  llvm::Type* Vector(llvm::Type* scalar) const;
  // The element as it lies in memory: integers of its width, f32 or f64.
  llvm::Type* MemoryType(ir::DType dtype) const;

  llvm::Value* ApplyFloat(ir::Prim prim, std::span<llvm::Value* const> args);
  llvm::Value* ApplyInteger(ir::Prim prim, ir::DType type, std::span<llvm::Value* const> args);
  llvm::Value* Compare(ir::Prim prim, ir::DType type, llvm::Value* a, llvm::Value* b);
  llvm::Value* FloatMinMax(bool min, llvm::Value* a, llvm::Value* b);
  llvm::Value* Divide(bool is_signed, llvm::Value* a, llvm::Value* b);
  llvm::Value* Shift(ir::Prim prim, bool is_signed, llvm::Value* a, llvm::Value* b);
  llvm::Value* MulHigh(llvm::Value* a, llvm::Value* b);
  llvm::Value* Convert(llvm::Value* a, ir::DType from, ir::DType to);
  llvm::Value* FloatToInteger(llvm::Value* a, bool is_signed, llvm::Type* type);

  // Between the form in memory and the compute type; of scalars and vectors alike.
  llvm::Value* FromMemory(ir::DType dtype, llvm::Value* raw);
  llvm::Value* ToMemory(ir::DType dtype, llvm::Value* value);
  // The address of each lane's element, one by one and as a vector.
  std::vector<llvm::Value*> LaneAddresses(ir::DType dtype, llvm::Value* address,
                                          llvm::Value* stride);
  llvm::Value* VectorOfAddresses(ir::DType dtype, llvm::Value* address, llvm::Value* stride);
  // Masked intrinsics want vectors: one lane is a vector of one.
  llvm::Value* AsVector(llvm::Value* value);

  llvm::IRBuilderBase& builder_;
  int lanes_;
};

}  // namespace gcomp::codegen
