// MatmulProblem: one batched matrix product in its simplest form, and gcomp's own loops for it.
//
// The loops serve the dtypes that oneDNN does not, and all dtypes in a build without it. Each
// element of the result is one sum over k in order, from 0: the same bits on each processor.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/status.h"
#include "ir/kernel.h"

namespace gcomp::kernels {

// c[.., m, n] = sum over k of a[.., m, k] * b[.., k, n]. Strides count elements.
struct MatmulProblem {
  struct Batch {
    int64_t size;
    int64_t a;  // strides; 0 where the operand is broadcast
    int64_t b;
    int64_t c;
  };

  // A matrix: rows x columns with any strides.
  struct Matrix {
    int64_t row;     // stride from a row to the next
    int64_t column;  // stride from a column to the next
  };

  ir::DType dtype = ir::DType::kF32;
  std::vector<Batch> batch;  // outermost first; sizes > 1, merged where they lie evenly
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  Matrix a = {};
  Matrix b = {};
  Matrix c = {};

  bool empty() const;  // the result has no elements

  int64_t num_batches() const;

  // From the specs of a: [..., m, k], b: [..., k, n], c: [..., m, n], batch dims broadcast. Where b
  // has no batch of its own, evenly lying batches of a become rows: one large product.
  static MatmulProblem Make(const ir::TensorSpec& a, const ir::TensorSpec& b,
                            const ir::TensorSpec& c);
};

// The product by plain loops, for numeric dtypes. Scratch: a packed b of one batch where its rows
// are not dense; f16 and bf16: operands and result as f32 (computed in f32, rounded once).
StatusOr<std::unique_ptr<ir::Kernel>> PrepareMatmulLoops(const MatmulProblem& problem,
                                                         CpuLevel cpu);

}  // namespace gcomp::kernels
