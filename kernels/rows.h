// Row kernels: ops that normalize along some axes (softmax, layer_norm) or need more than one pass
// over them (var, logsumexp), one row at a time in cache.
//
// A row is the elements along the row axes, flattened in logical order; the other axes are points.
// A row that is dense in its compute type is used as it lies; others pass through tiles. Where
// neighboring points lie closer together than the elements of a row (softmax over an outer axis),
// memory is walked in its own order by strips, several points at once: ops that can do so compute a
// strip as it lies, vectors across its points, in more passes over memory; for others strips are
// gathered and turned in cache.
#pragma once

#include <memory>
#include <vector>

#include "ir/kernel.h"
#include "ir/loops.h"
#include "kernels/cpu_target.h"
#include "kernels/pacer.h"
#include "kernels/tile.h"

namespace gcomp::kernels {

// How a pass over a row reads x.
enum class RowRead { kFirst, kAgain, kNot };

// The memory of a row that does not lie as it is computed. A pass goes through it in order.
class RowIo {
 public:
  // Elements [from, from + count) of x, at most a chunk (kernels/reduce.h), until the next Load.
  virtual const void* Load(RowRead read, int64_t from, int64_t count) = 0;
  // Where elements of y from `from` on are to be written, which may be where Load's are; Store ends
  // [from, from + count).
  virtual void* Result(int64_t from) = 0;
  virtual void Store(int64_t from, int64_t count) = 0;

 protected:
  ~RowIo() = default;
};

// One row, dense, in the compute type T of the operand.
struct Row {
  const void* x;       // n elements; null: only io has them
  void* y;             // n elements, which may be x; or one, for ops with a value per row.
                       // With io, these do not reach memory: its Result does
  int64_t n;           // at least 1; or 0, for ops with a value per row
  const void* weight;  // n elements, or null
  const void* bias;    // n elements, or null
  double eps;
  int64_t correction;
  void* partials;  // NumChunks(n) elements (kernels/reduce.h)
  RowIo* io;       // null: x and y are all
  Pacer* pacer;    // asked between the chunks of a row; what is left when it stops does not matter
  // Where x and y of the next row lie in memory; null where asking for them early is of no use.
  const char* next_x;
  const char* next_y;
  int64_t next_bytes;  // of an element there
};

using RowLoop = void (*)(const Row& row);

// The memory of a strip of neighboring points: an operand row and a result row per element along
// the row axes, in order.
class StripIo {
 public:
  // Goes to the first row, for another pass.
  virtual void Restart() = 0;
  // The next row of the operand, dense in its compute type.
  virtual const void* Next() = 0;
  // Where the next row of the result is to be written, which may be where Next's is; Put ends it.
  virtual void* Result() = 0;
  virtual void Put() = 0;

  // Where the rows after these two lie in memory, to be asked for; null where that is of no use.
  const char* ahead_x = nullptr;
  const char* ahead_y = nullptr;
  int64_t ahead_bytes = 0;  // of an element there

 protected:
  ~StripIo() = default;
};

// A strip of points, in the compute type T of the operand. A result of a value per row is one row.
struct Strip {
  StripIo* io;
  Pacer* pacer;        // asked for each row, as in Row
  int64_t n;           // rows: elements of a point; at least 1, or 0 as in Row
  int64_t width;       // elements of a row: points
  const void* weight;  // n elements, as in Row
  const void* bias;
  double eps;
  int64_t correction;
  void* lanes;     // min(n, kReduceLanes) rows
  void* partials;  // NumChunks(n) rows
  void* first;     // a row for the loop's own use
  void* second;
};

using StripLoop = void (*)(const Strip& strip);

struct RowOptions {
  std::vector<int> axes;  // of operand 0, sorted
  int weight = -1;        // operand indices; -1 = none. Their dims are the row axes.
  int bias = -1;
  double eps = 0;
  int64_t correction = 0;
  // One value per row: the result has the points' dims, and row axes of size 1 if keep_dims.
  bool value_per_row = false;
  bool keep_dims = false;
};

struct RowLoops {
  PerCpu<RowLoop> row;
  PerCpu<StripLoop> strip = {};  // null: none
};

// A kernel that runs a loop on every row of operand 0, whose dtype is a float.
StatusOr<std::unique_ptr<ir::Kernel>> MakeRowKernel(const ir::KernelCtx& ctx, const RowLoops& loops,
                                                    const RowOptions& options);

template <class Body, class T>
GCOMP_TARGET_V3 void RowLoopV3(const Row& row) {
  Body::template Run<T>(row);
}

template <class Body, class T>
GCOMP_TARGET_V4 void RowLoopV4(const Row& row) {
  Body::template Run<T>(row);
}

template <class Body, class T>
GCOMP_TARGET_V3 void StripLoopV3(const Strip& strip) {
  Body::template RunStrip<T>(strip);
}

template <class Body, class T>
GCOMP_TARGET_V4 void StripLoopV4(const Strip& strip) {
  Body::template RunStrip<T>(strip);
}

template <class Body, class T>
RowLoops RowLoopsOf() {
  RowLoops loops{.row = {&RowLoopV3<Body, T>, &RowLoopV4<Body, T>}};
  if constexpr (requires(const Strip& strip) { Body::template RunStrip<T>(strip); }) {
    loops.strip = {&StripLoopV3<Body, T>, &StripLoopV4<Body, T>};
  }
  return loops;
}

// The kernel of a loop that is written for float and double: Body::Run<T>(row) and, if there is
// one, Body::RunStrip<T>(strip), which gives the same bits; always inlined.
template <class Body>
StatusOr<std::unique_ptr<ir::Kernel>> PrepareRows(const ir::KernelCtx& ctx,
                                                  const RowOptions& options) {
  if (ctx.operands[0].dtype == ir::DType::kF64) {
    return MakeRowKernel(ctx, RowLoopsOf<Body, double>(), options);
  }
  return MakeRowKernel(ctx, RowLoopsOf<Body, float>(), options);
}

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
  // axes; the number of elements of a row, in i64.
  ir::Load LoadX() const;
  ir::Load LoadTemp(size_t temp) const;
  ir::Load LoadAlongRow(size_t operand) const;
  ir::Load LoadRowLength() const;

  // Adds a temporary, makes `stage` store to it, and returns its index.
  size_t StoreToTemp(ir::Stage& stage) const;
  // Makes `stage` store one value per point to result 0.
  void StoreToResult(ir::Stage& stage, bool keep_dims) const;

 private:
  ir::LowerCtx& ctx_;
  ir::DType compute_type_;
  std::vector<int> point_axes_;
  std::vector<int> row_axes_;
};

// Parameter i of a scalar graph.
template <class T>
ir::Sym<T> ParamOf(ir::ScalarGraph& graph, size_t i) {
  return {&graph, graph.Param(i, ir::NativeDType<T>())};
}

}  // namespace gcomp::kernels
