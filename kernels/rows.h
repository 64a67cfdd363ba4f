// Row kernels: ops that normalize along some axes (softmax, layer_norm), one row at a time in
// cache.
//
// A row is the elements along the row axes, flattened in logical order; the other axes are points.
// A row that is dense in its compute type is used as it lies; others are gathered into scratch, and
// results are scattered from it.
#pragma once

#include <memory>
#include <vector>

#include "ir/kernel.h"
#include "ir/loops.h"
#include "kernels/cpu_target.h"
#include "kernels/tile.h"

namespace gcomp::kernels {

// One row, dense, in the compute type T of the operand.
struct Row {
  const void* x;       // n elements
  void* y;             // n elements; may be x
  int64_t n;           // at least 1
  const void* weight;  // n elements, or null
  const void* bias;    // n elements, or null
  double eps;
  void* partials;  // NumChunks(n) elements (kernels/reduce.h)
};

using RowLoop = void (*)(const Row& row);

struct RowOptions {
  std::vector<int> axes;  // of operand 0, sorted
  int weight = -1;        // operand indices; -1 = none. Their dims are the row axes.
  int bias = -1;
  double eps = 0;
};

// A kernel that runs `loop` on every row of operand 0.
StatusOr<std::unique_ptr<ir::Kernel>> MakeRowKernel(const ir::KernelCtx& ctx, RowLoop loop,
                                                    const RowOptions& options);

// The pieces from which the loop nest of such an op is put together: stages whose parallel axes are
// the points and whose reduced (or further parallel) axes are the row axes of operand 0, and a
// temporary per reduce stage with one element per point. Reductions are form 1, whatever the axes.
class RowLowering {
 public:
  RowLowering(ir::LowerCtx& ctx, std::vector<int> axes, ir::DType compute_type);

  // A reduce stage over rows, and a map stage over all elements that stores to result 0: without
  // loads and scalar graphs.
  ir::Stage ReduceStage() const;
  ir::Stage MapStage() const;

  // Loads for stages of either kind: operand 0, a temporary, an operand whose dims are the row
  // axes.
  ir::Load LoadX() const;
  ir::Load LoadTemp(size_t temp) const;
  ir::Load LoadAlongRow(size_t operand) const;

  // Adds a temporary, makes `stage` store to it, and returns its index.
  size_t StoreToTemp(ir::Stage& stage) const;

  // The number of elements of a row. E511 if it is symbolic.
  StatusOr<int64_t> RowLength() const;

 private:
  ir::LowerCtx& ctx_;
  ir::DType compute_type_;
  std::vector<int> point_axes_;
  std::vector<int> row_axes_;
};

}  // namespace gcomp::kernels
