// LoopNest: what an op computes, as stages of loops with scalar bodies, for code generators.
//
// A stage is one perfect nest: parallel axes outside, reduced axes inside. Each iteration loads
// elements by affine offsets, computes the body, and either stores it (map) or combines it into an
// accumulator in the fixed order of docs/numerics.md (reduce), whose finished value is stored once
// per point of the parallel axes, or into one whose value is stored at each step (scan). Stages run
// one after the other; a temporary is written by one stage and read by later ones.
//
//   softmax of x[n, m] over m:      stage 0: axes n | reduce m: max of x            -> t0[n]
//                                   stage 1: axes n | reduce m: sum of exp(x - t0)  -> t1[n]
//                                   stage 2: axes n, m: exp(x - t0) / t1            -> y[n, m]
//
// Offsets, sizes and strides are Exprs, so that one nest serves symbolic sizes.
//
// EvaluateLoops is the slow definition: it runs a nest on memory with a chosen number of virtual
// lanes, the way a vector machine would (lanes along the innermost axis, masked tails, the first
// levels of a reduction's tree as whole-register operations) and of threads (parallel axes split at
// fixed borders; where there are too few points, the chunks or blocks of a reduction or scan). A
// lowering is right when it equals the eager kernel bit for bit at 4, 8 and 16 lanes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/kernel.h"
#include "ir/module.h"
#include "ir/scalar.h"

namespace gcomp::ir {

// An element offset that is affine in the stage's axes: base + sum(coefs[i] * axis i), parallel
// axes first, then reduced ones.
struct Affine {
  Expr base;
  std::vector<Expr> coefs;
};

// A load is in bounds where 0 <= index < limit for each guard; elsewhere it gives `otherwise`.
struct Guard {
  Affine index;
  Expr limit;
};

struct Load {
  // A load that reads no memory: the parameter is the value of `offset` itself, in i64.
  static constexpr size_t kIndex = SIZE_MAX;

  size_t buffer = 0;  // operands first, then results, then temporaries; or kIndex
  Affine offset;      // in elements of the buffer
  std::vector<Guard> guards;
  Scalar otherwise;  // of the buffer's dtype; i64 for kIndex
};

struct Stage {
  enum class Kind : uint8_t { kMap, kReduce, kScan };
  // The order of a reduction or scan: docs/numerics.md.
  enum class Order : uint8_t {
    // Form 1, the innermost axis is reduced (scanned): chunks of 4096; in a chunk, a reduction has
    // 128 lanes and balanced trees, a scan groups of 16.
    kLanes,
    // Form 2, the innermost axis is kept: blocks of 64 in sequence, then the tree; a scan: chunks
    // of 4096 in sequence.
    kBlocks,
  };

  Kind kind = Kind::kMap;
  Order order = Order::kLanes;
  std::vector<Expr> axes;         // sizes of the parallel axes
  std::vector<Expr> reduce_axes;  // flattened in this (logical) order; kScan: the scanned axis
  std::vector<Load> loads;        // load i is parameter i of `body`
  ScalarGraph body;
  uint32_t body_result = 0;
  // kReduce, kScan: combine(param 0 = left, param 1 = right), its identity, in the body's type;
  // then finish(param 0 = the combined value), in which further parameters 1 + i are
  // finish_loads[i]. A scan finishes and stores at every point of axes and reduce_axes.
  ScalarGraph combine;
  uint32_t combine_result = 0;
  Scalar identity;
  std::vector<Load> finish_loads;
  ScalarGraph finish;
  uint32_t finish_result = 0;
  size_t store_buffer = 0;
  Affine store;
};

struct TempBuffer {
  DType dtype = DType::kF32;
  Expr elements;
};

struct LoopNest {
  size_t num_operands = 0;
  size_t num_results = 0;
  std::vector<TempBuffer> temps;
  std::vector<Stage> stages;

  size_t temp_buffer(size_t i) const { return num_operands + num_results + i; }
};

// What `lower` sees: types of operands and results with sizes and strides as Exprs; it fills
// `nest`.
class LowerCtx {
 public:
  // One operand or result as a lowering sees it.
  struct Tensor {
    DType dtype = DType::kF32;
    Dims sizes;
    Dims strides;

    int rank() const { return static_cast<int>(sizes.size()); }
  };

  LowerCtx(const Function& function, const Op& op, std::vector<Tensor> operands,
           std::vector<Tensor> results)
      : function(function),
        op(op),
        attrs(*op.def, op),
        operands(std::move(operands)),
        results(std::move(results)) {
    nest.num_operands = this->operands.size();
    nest.num_results = this->results.size();
  }

  const Function& function;
  const Op& op;
  AttrReader attrs;
  std::vector<Tensor> operands;
  std::vector<Tensor> results;
  LoopNest nest;

  size_t result_buffer(size_t r) const { return operands.size() + r; }
};

// The loops of an op at concrete shapes. Fails with E511 for ops without loops.
StatusOr<LoopNest> LowerOp(const Function& function, const Op& op,
                           std::span<const TensorSpec> operands,
                           std::span<const TensorSpec> results);

// Runs `nest` on memory. buffers[i]: element [0, ..., 0] of operand i, then of result i; dtypes as
// given. `lanes` is 4, 8 or 16; each stage runs on `threads` threads, 1 to 64 (work whose thread
// does not start runs on the caller's). Temporaries are allocated. Test and definition only: slow.
Status EvaluateLoops(const LoopNest& nest, std::span<const DType> dtypes,
                     std::span<void* const> buffers, std::span<const int64_t> symbols, int lanes,
                     int threads = 1);

// Readable form for dumps and tests.
std::string ToString(const LoopNest& nest, const std::function<std::string(SymId)>& name);

}  // namespace gcomp::ir
