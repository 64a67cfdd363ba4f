#include "kernels/window_pool.h"

#include <algorithm>
#include <bit>

#include "kernels/cpu_target.h"
#include "kernels/pacer.h"
#include "kernels/scratch_plan.h"
#include "kernels/tile.h"
#include "kernels/window_pool_run.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using window_pool::CombineTap;
using window_pool::ForOutputs;
using window_pool::ForRows;
using window_pool::PoolRun;
using window_pool::Reach;
using window_pool::RowAt;
using window_pool::RunFn;

// ---- Mean ---------------------------------------------------------------------------------------

// The number of taps of window i along an axis that fall inside of x.
GCOMP_INLINE int64_t TapsInside(const WindowAxis& axis, int64_t i) {
  const int64_t begin = i * axis.stride - axis.pad;
  const int64_t end = std::min(begin + axis.kernel, axis.in);
  return std::max<int64_t>(end - std::max<int64_t>(begin, 0), 0);
}

template <class S>
GCOMP_INLINE void RunMean(const PoolRun& run, const void* x, void* y) {
  const PoolProblem& p = run.problem;
  const int64_t width = p.axes[2].out;
  const int64_t blocks = (p.NumTaps() + kReduceBlock - 1) / kReduceBlock;
  S* sums = reinterpret_cast<S*>(run.outputs);
  S* under = reinterpret_cast<S*>(run.row);
  S* inside = under + run.reach.pad;
  std::fill_n(under, run.reach.reach, SumFn::Identity<S>());
  ForOutputs<S>(
      run, x,
      y, [&](const char* plane, int64_t d, int64_t h, S* outputs) __attribute__((always_inline)) {
        std::fill_n(sums, blocks * width, SumFn::Identity<S>());
        ForRows(
            run, d, h, [&](int64_t z, int64_t at, int64_t tap) __attribute__((always_inline)) {
              const S* row = RowAt<S>(run, plane, z, at, inside);
              if (!run.reach.full()) {
                if (row != inside) std::copy_n(row, run.reach.count, inside);
                row = under;
              }
              for (int64_t k = 0; k < p.axes[2].kernel; ++k) {
                S* block = sums + (tap + k) / kReduceBlock * width;
                CombineTap<SumFn>(row + k, p.axes[2].stride, block, width);
                if (width * p.axes[2].kernel > Pacer::kPiece && !run.pacer->Go(width)) return;
              }
            });
        auto leaves = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(blocks)));
        for (int64_t half = leaves / 2, left = blocks; half > 0; half /= 2) {
          const int64_t pairs = std::max<int64_t>(std::min(half, left - half), 0);
          CombineRows<SumFn>(sums, sums + half * width, pairs * width);
          left = std::min(half, left);
        }
        const int64_t plane_taps = TapsInside(p.axes[0], d) * TapsInside(p.axes[1], h);
        for (int64_t i = 0; i < width; ++i) {
          const int64_t taps =
              run.counts_padding ? p.NumTaps() : plane_taps * TapsInside(p.axes[2], i);
          outputs[i] = ir::Div(ir::Add(sums[i], S{0}), static_cast<S>(taps));
        }
      });
}

template <class S>
GCOMP_TARGET_V3 void RunMeanV3(const PoolRun& run, const void* x, void* y) {
  RunMean<S>(run, x, y);
}

template <class S>
GCOMP_TARGET_V4 void RunMeanV4(const PoolRun& run, const void* x, void* y) {
  RunMean<S>(run, x, y);
}

// ---- Kernel -------------------------------------------------------------------------------------

// True if x is dense and its windows lie side by side: rows of outputs, of all planes, follow each
// other as the rows of x under them do, so that many short rows are worked on as one.
bool Tiles(const PoolProblem& p) {
  const auto& [depth, height, width] = p.axes;
  for (const WindowAxis& axis : {height, width}) {
    const bool side_by_side = axis.pad == 0 && axis.dilation == 1 && axis.kernel <= axis.stride &&
                              axis.in == axis.stride * axis.out;
    if (!side_by_side) return false;
  }
  const int64_t row = width.in;
  const int64_t plane = height.in * row;
  return depth.kernel == 1 && depth.in == depth.out && depth.pad == 0 &&
         p.x_strides == std::array<int64_t, 5>{p.c * depth.in * plane, depth.in * plane,
                                               depth.in == 1 ? p.x_strides[2] : plane, row, 1};
}

class PoolKernel final : public ir::Kernel {
 public:
  PoolKernel(const PoolProblem& problem, RunFn run, int64_t output_rows, bool counts_padding,
             bool tiles, CpuLevel cpu)
      : problem_(problem),
        run_(run),
        io_(TileIoOf(problem.dtype, cpu)),
        reach_(problem.axes[2]),
        counts_padding_(counts_padding) {
    const WindowAxis& width = problem_.axes[2];
    empty_ = problem_.n == 0 || problem_.c == 0 || problem_.axes[0].out == 0 ||
             problem_.axes[1].out == 0 || width.out == 0;
    if (empty_) return;
    dense_rows_ = io_.direct && (problem_.x_strides[4] == 1 || width.in == 1);
    if (tiles && dense_rows_) tiled_rows_ = std::max<int64_t>(kTile / width.in, 1);
    ScratchPlan scratch;
    const auto row_of = [&](int64_t n) { return static_cast<size_t>(n * io_.tile_bytes); };
    tile_at_ = scratch.Take(dense_rows_ ? 0 : row_of(width.in));
    row_at_ = scratch.Take(row_of(std::max(reach_.reach, width.in * tiled_rows_)));
    outputs_at_ = scratch.Take(row_of(width.out * output_rows));
    scratch_bytes_ = scratch.bytes();
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  Status Run(const ir::KernelArgs& args) const override {
    if (empty_) return {};
    char* scratch = static_cast<char*>(args.scratch);
    Pacer pacer(args.regions);
    run_({problem_, io_, reach_, dense_rows_, counts_padding_, tiled_rows_, scratch + tile_at_,
          scratch + row_at_, scratch + outputs_at_, &pacer},
         args.operand(0), args.result(0));
    return pacer.status();
  }

 private:
  PoolProblem problem_;
  RunFn run_;
  TileIo io_;
  Reach reach_;
  bool empty_ = false;
  bool dense_rows_ = false;
  bool counts_padding_ = false;
  int64_t tiled_rows_ = 0;
  size_t tile_at_ = 0;
  size_t row_at_ = 0;
  size_t outputs_at_ = 0;
  size_t scratch_bytes_ = 0;
};

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> PrepareMaxPool(const PoolProblem& problem, CpuLevel cpu) {
  const RunFn run = window_pool::MaxPoolLoop(problem.dtype, cpu);
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<PoolKernel>(problem, run, 1, false, Tiles(problem), cpu));
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareMeanPool(const PoolProblem& problem,
                                                      bool counts_padding, CpuLevel cpu) {
  const PerCpu<RunFn> f32 = {RunMeanV3<float>, RunMeanV4<float>};
  const PerCpu<RunFn> f64 = {RunMeanV3<double>, RunMeanV4<double>};
  const RunFn run = (problem.dtype == DType::kF64 ? f64 : f32).For(cpu);
  const int64_t blocks = (problem.NumTaps() + kReduceBlock - 1) / kReduceBlock;
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<PoolKernel>(problem, run, blocks, counts_padding, false, cpu));
}

}  // namespace gcomp::kernels
