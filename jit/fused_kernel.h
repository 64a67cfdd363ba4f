// FusedKernel: one loop nest that computes several ops of a graph, as a single expression.
//
// Fusion (jit/fuse.h) makes it from the loop nests of ops: values that only the group reads become
// nodes and live in registers; an index of an op becomes an affine function of the kernel's own
// axes. A back end (jit/llvm) makes machine code of it.
//
//   softmax of f32[n, m]:  axes [n], row of m by lanes
//     n0 = load x                      n3 = exp(n0 - n1)        n5 = 1 / n4
//     n1 = reduce max(n0)              n4 = reduce sum(n3)      store y = n3 * n5
//
// A node that depends on the row's position is computed once per element, others once per point of
// the parallel axes. A node's level is the number of reductions, one after the other, that must be
// finished before it: a back end makes one loop over the row per level.
//
// Sizes, strides and offsets are numbers here: they are those of one specialization. A back end may
// take them as arguments (ForEachNumber), so that one code serves many sizes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/loops.h"
#include "ir/scalar.h"

namespace gcomp::codegen {

// base + sum(coefs[i] * axis i), parallel axes first, the row's position last if there is a row.
struct Offset {
  int64_t base = 0;
  std::vector<int64_t> coefs;

  bool operator==(const Offset&) const = default;
  auto operator<=>(const Offset&) const = default;
};

// Holds where 0 <= index < limit.
struct Bound {
  Offset index;
  int64_t limit = 0;

  bool operator==(const Bound&) const = default;
  auto operator<=>(const Bound&) const = default;
};

struct Access {
  uint32_t buffer = 0;  // index into FusedKernel::buffers
  Offset offset;        // in elements
  // A load where one does not hold reads no memory and gives `otherwise` (of the compute type).
  std::vector<Bound> bounds;
  uint64_t otherwise = 0;

  bool operator==(const Access&) const = default;
};

struct Node {
  enum class Kind : uint8_t {
    kLoad,    // access
    kIndex,   // the value of `offset` of the access, i64
    kPrim,    // prim of args; kConst with imm
    kReduce,  // args[0] combined along the row: reduction
    kRound,   // args[0] as it comes back from memory of dtype `stored`
  };

  Kind kind = Kind::kPrim;
  ir::DType type = ir::DType::kF32;  // a compute type
  ir::Prim prim = ir::Prim::kConst;
  uint32_t args[3] = {0, 0, 0};
  uint64_t imm = 0;
  uint32_t detail = 0;  // index into accesses or reductions
  ir::DType stored = ir::DType::kF32;

  // Set by Analyze: what it depends on, and how many reductions in turn stand before it.
  bool along_row = false;
  uint32_t level = 0;

  // How many of args it has.
  int arity() const;

  bool operator==(const Node&) const = default;
};

// combine(param 0 = left, param 1 = right) in the fixed order of docs/numerics.md.
struct Reduction {
  ir::ScalarGraph combine;
  uint32_t combine_result = 0;
  uint64_t identity = 0;
};

struct Store {
  uint32_t node = 0;
  uint32_t buffer = 0;
  Offset offset;
};

struct Buffer {
  uint32_t tensor = 0;  // whose memory it is: index into FusionGraph::tensors
  ir::DType dtype = ir::DType::kF32;
  bool written = false;
};

struct FusedKernel {
  std::vector<int64_t> axes;  // parallel, outermost first
  bool has_row = false;
  int64_t row = 1;  // elements that a reduction combines
  // kLanes: the row is the vector axis. kBlocks: the innermost parallel axis is.
  ir::Stage::Order order = ir::Stage::Order::kLanes;
  std::vector<Buffer> buffers;  // those that are read first, then those that are written
  std::vector<Access> accesses;
  std::vector<Reduction> reductions;
  std::vector<Node> nodes;  // arguments before their users
  std::vector<Store> stores;

  // Sets along_row and level of the nodes.
  void Analyze();
  // Points of the parallel axes.
  int64_t Points() const;
  // Operations per element (nodes along the row, or all of them where there is no row).
  int64_t PrimsPerElement() const;
  // Calls visit for every number that another size would change, in a fixed order.
  void ForEachNumber(const std::function<void(const int64_t&)>& visit) const;
  // All but the numbers (0 and 1 are told apart from others): equal text, equal code.
  std::string StructureKey() const;
  // For people: axes, nodes, stores.
  std::string ToString() const;
};

}  // namespace gcomp::codegen
