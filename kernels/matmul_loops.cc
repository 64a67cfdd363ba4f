#include "kernels/matmul_loops.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/cpu_target.h"
#include "kernels/pacer.h"
#include "kernels/scratch_plan.h"
#include "kernels/strided_copy.h"
#include "kernels/sum_types.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using Batch = MatmulProblem::Batch;
using Matrix = MatmulProblem::Matrix;

// Batch dims of c with the strides of both operands, 0 where these are broadcast.
std::vector<Batch> BatchDims(const ir::TensorSpec& a, const ir::TensorSpec& b,
                             const ir::TensorSpec& c) {
  std::vector<Batch> dims;
  const size_t rank = c.sizes.size() - 2;
  auto stride_of = [&](const ir::TensorSpec& x, size_t d) -> int64_t {
    const size_t own = x.sizes.size() - 2;
    if (d + own < rank) return 0;
    const size_t i = d + own - rank;
    return x.sizes[i] == 1 ? 0 : x.strides[i];
  };
  for (size_t d = 0; d < rank; ++d) {
    if (c.sizes[d] == 1) continue;
    Batch dim = {c.sizes[d], stride_of(a, d), stride_of(b, d), c.strides[d]};
    if (!dims.empty()) {
      Batch& last = dims.back();
      if (last.a == dim.size * dim.a && last.b == dim.size * dim.b && last.c == dim.size * dim.c) {
        last = {last.size * dim.size, dim.a, dim.b, dim.c};
        continue;
      }
    }
    dims.push_back(dim);
  }
  return dims;
}

}  // namespace

bool MatmulProblem::empty() const {
  return m == 0 || n == 0 || num_batches() == 0;
}

int64_t MatmulProblem::num_batches() const {
  int64_t count = 1;
  for (const Batch& dim : batch) count *= dim.size;
  return count;
}

MatmulProblem MatmulProblem::Make(const ir::TensorSpec& a, const ir::TensorSpec& b,
                                  const ir::TensorSpec& c) {
  auto matrix = [](const ir::TensorSpec& x) {
    const size_t r = x.strides.size();
    return Matrix{x.strides[r - 2], x.strides[r - 1]};
  };
  MatmulProblem p;
  p.dtype = a.dtype;
  p.batch = BatchDims(a, b, c);
  p.m = a.sizes[a.sizes.size() - 2];
  p.k = a.sizes[a.sizes.size() - 1];
  p.n = b.sizes[b.sizes.size() - 1];
  p.a = matrix(a);
  p.b = matrix(b);
  p.c = matrix(c);
  while (!p.batch.empty()) {
    const Batch& inner = p.batch.back();
    const bool rows =
        inner.b == 0 && (p.m == 1 || (inner.a == p.m * p.a.row && inner.c == p.m * p.c.row));
    if (!rows) break;
    if (p.m == 1) {
      p.a.row = inner.a;
      p.c.row = inner.c;
    }
    p.m *= inner.size;
    p.batch.pop_back();
  }
  return p;
}

namespace {

// kRows x kColumns elements of c at a time stay in registers over the whole of k.
constexpr int64_t kRows = 4;

// The pacer is asked after so many products of a row and a column, and counts so many as a unit.
constexpr int64_t kDepth = 4096;
constexpr int64_t kProductsPerUnit = 4;

// c[i0.., j0..] for kRows (or fewer) rows and kColumns columns; rows of b are dense. False if the
// pacer stopped it.
template <class T, class Acc, int64_t kColumns>
[[gnu::always_inline]] inline bool Tile(const T* a, Matrix am, int64_t rows, const T* b,
                                        int64_t b_row, int64_t k, T* c, int64_t c_row,
                                        Pacer& pacer) {
  Acc sums[kRows][kColumns] = {};
  const T* a_rows[kRows];
  for (int64_t r = 0; r < kRows; ++r) a_rows[r] = a + std::min(r, rows - 1) * am.row;
  for (int64_t begin = 0; begin < k; begin += kDepth) {
    const int64_t end = std::min(begin + kDepth, k);
    for (int64_t p = begin; p < end; ++p) {
      const T* b_p = b + p * b_row;
      for (int64_t r = 0; r < kRows; ++r) {
        const Acc x = static_cast<Acc>(a_rows[r][p * am.column]);
        for (int64_t j = 0; j < kColumns; ++j) sums[r][j] += x * static_cast<Acc>(b_p[j]);
      }
    }
    if (!pacer.Go((end - begin) * (kRows * kColumns / kProductsPerUnit))) return false;
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < kColumns; ++j) c[r * c_row + j] = static_cast<T>(sums[r][j]);
  }
  return true;
}

// One product; rows of b and c are dense. False if the pacer stopped it.
template <class T, class Acc>
[[gnu::always_inline]] inline bool Product(const MatmulProblem& p, const T* a, const T* b,
                                           int64_t b_row, T* c, int64_t c_row, Pacer& pacer) {
  constexpr int64_t kColumns = 64 / sizeof(Acc);
  for (int64_t i = 0; i < p.m; i += kRows) {
    const int64_t rows = std::min(kRows, p.m - i);
    const T* a_i = a + i * p.a.row;
    T* c_i = c + i * c_row;
    int64_t j = 0;
    for (; j + kColumns <= p.n; j += kColumns) {
      if (!Tile<T, Acc, kColumns>(a_i, p.a, rows, b + j, b_row, p.k, c_i + j, c_row, pacer)) {
        return false;
      }
    }
    for (; j + 4 <= p.n; j += 4) {
      if (!Tile<T, Acc, 4>(a_i, p.a, rows, b + j, b_row, p.k, c_i + j, c_row, pacer)) return false;
    }
    for (; j < p.n; ++j) {
      if (!Tile<T, Acc, 1>(a_i, p.a, rows, b + j, b_row, p.k, c_i + j, c_row, pacer)) return false;
    }
  }
  return true;
}

template <class T, class Acc>
GCOMP_TARGET_V3 bool ProductV3(const MatmulProblem& p, const void* a, const void* b, int64_t b_row,
                               void* c, int64_t c_row, Pacer& pacer) {
  return Product<T, Acc>(p, static_cast<const T*>(a), static_cast<const T*>(b), b_row,
                         static_cast<T*>(c), c_row, pacer);
}

template <class T, class Acc>
GCOMP_TARGET_V4 bool ProductV4(const MatmulProblem& p, const void* a, const void* b, int64_t b_row,
                               void* c, int64_t c_row, Pacer& pacer) {
  return Product<T, Acc>(p, static_cast<const T*>(a), static_cast<const T*>(b), b_row,
                         static_cast<T*>(c), c_row, pacer);
}

using ProductFn = bool (*)(const MatmulProblem&, const void*, const void*, int64_t, void*, int64_t,
                           Pacer&);

ProductFn ChooseProduct(DType dtype, CpuLevel cpu) {
  return WithSumTypes(dtype, [cpu]<class T, class Acc>() {
    return PerCpu<ProductFn>{ProductV3<T, Acc>, ProductV4<T, Acc>}.For(cpu);
  });
}

class MatmulLoops final : public ir::Kernel {
 public:
  MatmulLoops(MatmulProblem problem, ProductFn product)
      : problem_(std::move(problem)), product_(product) {
    const MatmulProblem& p = problem_;
    half_ = p.dtype == DType::kF16 || p.dtype == DType::kBF16;
    bytes_ = ir::BytesOf(p.dtype);
    ScratchPlan scratch;
    auto pack = [&](int64_t rows, int64_t columns, Matrix from, StridedCopy& copy) {
      const int64_t sizes[] = {rows, columns};
      const int64_t strides[] = {from.row, from.column};
      const int64_t dense[] = {columns, 1};
      copy = StridedCopy::Make(sizes, strides, dense, bytes_);
      return scratch.Take(static_cast<size_t>(rows * columns * (half_ ? 4 : bytes_)));
    };
    pack_b_ = half_ || (p.b.column != 1 && p.n != 1);
    if (p.empty()) return;
    if (half_) {
      a_at_ = pack(p.m, p.k, p.a, copy_a_);
      c_at_ = scratch.Take(static_cast<size_t>(p.m * p.n * 4));
      problem_.a = {p.k, 1};
    }
    if (pack_b_) b_at_ = pack(p.k, p.n, p.b, copy_b_);
    scratch_bytes_ = scratch.bytes();
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  Status Run(const ir::KernelArgs& args) const override {
    if (problem_.empty()) return {};
    Pacer pacer(args.regions);
    return RunBatch(0, args.operand<char>(0), args.operand<char>(1), args.result<char>(0),
                    static_cast<char*>(args.scratch), pacer);
  }

 private:
  Status RunBatch(size_t dim, const char* a, const char* b, char* c, char* scratch,
                  Pacer& pacer) const {
    if (dim == problem_.batch.size()) return RunOne(a, b, c, scratch, pacer);
    const Batch& batch = problem_.batch[dim];
    for (int64_t i = 0; i < batch.size; ++i) {
      GCOMP_RETURN_IF_ERROR(RunBatch(dim + 1, a + i * batch.a * bytes_, b + i * batch.b * bytes_,
                                     c + i * batch.c * bytes_, scratch, pacer));
    }
    return {};
  }

  Status RunOne(const char* a, const char* b, char* c, char* scratch, Pacer& pacer) const {
    const MatmulProblem& p = problem_;
    if (half_) {
      float* wide_a = reinterpret_cast<float*>(scratch + a_at_);
      float* wide_b = reinterpret_cast<float*>(scratch + b_at_);
      float* wide_c = reinterpret_cast<float*>(scratch + c_at_);
      GCOMP_RETURN_IF_ERROR(copy_a_.RunWidening(p.dtype, a, wide_a, pacer));
      GCOMP_RETURN_IF_ERROR(copy_b_.RunWidening(p.dtype, b, wide_b, pacer));
      if (!product_(p, wide_a, wide_b, p.n, wide_c, p.n, pacer)) return pacer.status();
      for (int64_t i = 0; i < p.m; ++i) {
        GCOMP_RETURN_IF_ERROR(
            NarrowFloats(p.dtype, wide_c + i * p.n, c + i * p.c.row * bytes_, p.n, pacer));
      }
      return {};
    }
    if (pack_b_) {
      GCOMP_RETURN_IF_ERROR(copy_b_.Run(b, scratch + b_at_, pacer));
      b = scratch + b_at_;
    }
    const bool done = product_(p, a, b, pack_b_ ? p.n : p.b.row, c, p.c.row, pacer);
    return done ? Status() : pacer.status();
  }

  MatmulProblem problem_;
  ProductFn product_;
  int64_t bytes_ = 0;
  bool half_ = false;
  bool pack_b_ = false;
  StridedCopy copy_a_;
  StridedCopy copy_b_;
  size_t a_at_ = 0;
  size_t b_at_ = 0;
  size_t c_at_ = 0;
  size_t scratch_bytes_ = 0;
};

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> PrepareMatmulLoops(const MatmulProblem& problem,
                                                         CpuLevel cpu) {
  ProductFn product = ChooseProduct(problem.dtype, cpu);
  GCOMP_ENSURE(product != nullptr, "matmul of a numeric dtype");
  return std::unique_ptr<ir::Kernel>(std::make_unique<MatmulLoops>(problem, product));
}

}  // namespace gcomp::kernels
