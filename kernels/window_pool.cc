#include "kernels/window_pool.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "kernels/cpu_target.h"
#include "kernels/pacer.h"
#include "kernels/reduce.h"
#include "kernels/scratch_plan.h"
#include "kernels/tile.h"

namespace gcomp::kernels {
namespace {

using ir::DType;

// The rows of x under a row of windows lie in `reach` elements; x fills `count` of them from `pad`
// on, what is around stands for taps outside.
struct Reach {
  int64_t reach;
  int64_t pad;
  int64_t count;

  explicit Reach(const WindowAxis& width)
      : reach((width.out - 1) * width.stride + (width.kernel - 1) * width.dilation + 1),
        pad(std::min(width.pad, std::max<int64_t>(reach, 0))),
        count(std::clamp<int64_t>(reach - pad, 0, width.in)) {}

  // All taps meet elements of x.
  bool full() const { return count == reach; }
};

// What a run works on: places in scratch are set by the kernel.
struct PoolRun {
  const PoolProblem& problem;
  const TileIo& io;
  Reach reach;
  bool dense_rows;      // rows of x are tiles as they lie
  bool counts_padding;  // of means
  int64_t tiled_rows;   // max: rows of outputs at once where windows tile x, see Tiles; else 0
  char* tile;           // a row of x
  char* row;            // what lies under a row of windows: Reach
  char* outputs;        // a row of results; mean: one per block of taps
  Pacer* pacer;
};

// Windows of more taps along the width are counted tap by tap, too.
constexpr int64_t kManyTaps = 8;

using RunFn = void (*)(const PoolRun& run, const void* x, void* y);

// Row (z, h) of the plane at `plane`, dense in S: where it lies, or brought into `tile`.
template <class S>
[[gnu::always_inline]] inline const S* RowAt(const PoolRun& run, const char* plane, int64_t z,
                                             int64_t h, S* tile) {
  const PoolProblem& p = run.problem;
  const char* row = plane + (z * p.x_strides[2] + h * p.x_strides[3]) * run.io.bytes;
  if (run.dense_rows) return reinterpret_cast<const S*>(row);
  run.io.load(row, p.x_strides[4] * run.io.bytes, run.reach.count, tile);
  return tile;
}

// outputs[i] = F(outputs[i], x[i * step]).
template <class F, class S>
[[gnu::always_inline]] inline void CombineTap(const S* x, int64_t step, S* outputs, int64_t n) {
  if (step == 1) {
    CombineRows<F>(outputs, x, n);
  } else if (step == 2) {
    GCOMP_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) outputs[i] = F{}(outputs[i], x[2 * i]);
  } else {
    for (int64_t i = 0; i < n; ++i) outputs[i] = F{}(outputs[i], x[i * step]);
  }
}

// Calls visit(z, h, first tap) for the rows of x under the windows at (d, h), in order, until the
// pacer stops it.
template <class Visit>
[[gnu::always_inline]] inline void ForRows(const PoolRun& run, int64_t d, int64_t h,
                                           const Visit& visit) {
  const PoolProblem& p = run.problem;
  for (int64_t kd = 0; kd < p.axes[0].kernel; ++kd) {
    const int64_t z = d * p.axes[0].stride + p.axes[0].Origin(kd);
    if (z < 0 || z >= p.axes[0].in) continue;
    for (int64_t kh = 0; kh < p.axes[1].kernel; ++kh) {
      const int64_t y = h * p.axes[1].stride + p.axes[1].Origin(kh);
      if (y < 0 || y >= p.axes[1].in) continue;
      if (!run.pacer->Go(p.axes[2].out * p.axes[2].kernel)) return;
      visit(z, y, (kd * p.axes[1].kernel + kh) * p.axes[2].kernel);
    }
  }
}

// Calls row(plane, d, h, outputs) for each row of results, and writes them to y, until the pacer
// stops it.
template <class S, class Row>
[[gnu::always_inline]] inline void ForOutputs(const PoolRun& run, const void* x, void* y,
                                              const Row& row) {
  const PoolProblem& p = run.problem;
  const int64_t width = p.axes[2].out;
  char* to = static_cast<char*>(y);
  for (int64_t n = 0; n < p.n; ++n) {
    for (int64_t c = 0; c < p.c; ++c) {
      const char* plane =
          static_cast<const char*>(x) + (n * p.x_strides[0] + c * p.x_strides[1]) * run.io.bytes;
      for (int64_t d = 0; d < p.axes[0].out; ++d) {
        for (int64_t h = 0; h < p.axes[1].out; ++h) {
          S* outputs = reinterpret_cast<S*>(run.io.direct ? to : run.outputs);
          row(plane, d, h, outputs);
          if (!run.pacer->Go(width)) return;
          if (!run.io.direct) run.io.store(outputs, width, to, run.io.bytes);
          to += width * run.io.bytes;
        }
      }
    }
  }
}

// ---- Max ----------------------------------------------------------------------------------------

// The least value of `dtype` in the type S that it is computed in.
template <class S>
S LeastOf(DType dtype) {
  if constexpr (std::is_floating_point_v<S>) {
    return -std::numeric_limits<S>::infinity();
  } else {
    if (!ir::IsSigned(dtype)) return 0;
    return static_cast<S>(std::numeric_limits<int64_t>::min() >> (64 - ir::BitsOf(dtype)));
  }
}

// to[i] = max(a[i], b[i]); to may be a.
template <class S>
[[gnu::always_inline]] inline void MaxOfRows(const PoolRun& run, const S* a, const S* b, S* to,
                                             int64_t n) {
  ForPieces(
      *run.pacer, n, [=](int64_t from, int64_t count) __attribute__((always_inline)) {
        GCOMP_INDEPENDENT
        for (int64_t i = from; i < from + count; ++i) to[i] = ir::Max(a[i], b[i]);
      });
}

// outputs[i] = max of the first kTaps taps of the window at x[i * step].
template <int kTaps, class S>
[[gnu::always_inline]] inline void MaxOfFirst(const S* x, int64_t step, int64_t dilation,
                                              S* outputs, int64_t n) {
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    const S* taps = x + i * step;
    S most = taps[0];
    if constexpr (kTaps > 1) most = ir::Max(most, taps[dilation]);
    if constexpr (kTaps > 2) most = ir::Max(most, taps[2 * dilation]);
    outputs[i] = most;
  }
}

// outputs[i] = max of the taps of window i along the width, in the row x under n windows: up to
// three taps in one pass, by loops of their own for the strides that vectors can take apart.
template <class S>
[[gnu::always_inline]] inline void MaxAlongPiece(const S* x, const WindowAxis& width, S* outputs,
                                                 int64_t n, Pacer& pacer) {
  const auto first = [&]<int kTaps>(std::integral_constant<int, kTaps>)
      __attribute__((always_inline)) {
    if (width.stride == 1) {
      MaxOfFirst<kTaps>(x, 1, width.dilation, outputs, n);
    } else if (width.stride == 2) {
      MaxOfFirst<kTaps>(x, 2, width.dilation, outputs, n);
    } else {
      MaxOfFirst<kTaps>(x, width.stride, width.dilation, outputs, n);
    }
  };
  if (width.kernel == 1) return first(std::integral_constant<int, 1>());
  if (width.kernel == 2) return first(std::integral_constant<int, 2>());
  first(std::integral_constant<int, 3>());
  for (int64_t k = 3; k < width.kernel; ++k) {
    CombineTap<MaxFn>(x + k * width.dilation, width.stride, outputs, n);
    if (width.kernel > kManyTaps && !pacer.Go(n)) return;
  }
}

// The same in pieces.
template <class S>
[[gnu::always_inline]] inline void MaxAlong(const PoolRun& run, const S* x, S* outputs, int64_t n) {
  const WindowAxis& width = run.problem.axes[2];
  ForPieces(
      *run.pacer, n, [&](int64_t from, int64_t count) __attribute__((always_inline)) {
        MaxAlongPiece(x + from * width.stride, width, outputs + from, count, *run.pacer);
      });
}

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

template <class S>
[[gnu::always_inline]] inline void RunTiledMax(const PoolRun& run, const S* x, S* y) {
  const PoolProblem& p = run.problem;
  const auto& [depth, height, width] = p.axes;
  S* column = reinterpret_cast<S*>(run.row);
  const int64_t all = p.n * p.c * depth.out * height.out;
  for (int64_t first = 0; first < all; first += run.tiled_rows) {
    const int64_t rows = std::min(run.tiled_rows, all - first);
    for (int64_t r = 0; r < rows; ++r) {
      const S* from = x + (first + r) * height.stride * width.in;
      S* to = column + r * width.in;
      MaxOfRows(run, from, from + (height.kernel > 1 ? width.in : 0), to, width.in);
      for (int64_t k = 2; k < height.kernel; ++k) {
        MaxOfRows(run, to, from + k * width.in, to, width.in);
      }
    }
    S* outputs = y + first * width.out;
    const int64_t n = rows * width.out;
    MaxAlong(run, column, outputs, n);
    if (run.pacer->stopped()) return;
  }
}

// In any order the maximum is the same: rows first, then along the width.
template <class S>
[[gnu::always_inline]] inline void RunMax(const PoolRun& run, const void* x, void* y) {
  const PoolProblem& p = run.problem;
  if (run.tiled_rows > 0) {
    return RunTiledMax(run, static_cast<const S*>(x), static_cast<S*>(y));
  }
  const WindowAxis& width = p.axes[2];
  const S least = LeastOf<S>(p.dtype);
  S* under = reinterpret_cast<S*>(run.row);
  S* inside = under + run.reach.pad;
  std::fill_n(under, run.reach.reach, least);
  ForOutputs<S>(
      run, x,
      y, [&](const char* plane, int64_t d, int64_t h, S* outputs) __attribute__((always_inline)) {
        const S* rows = nullptr;
        ForRows(
            run, d, h, [&](int64_t z, int64_t at, int64_t) __attribute__((always_inline)) {
              S* tile = rows == nullptr ? inside : reinterpret_cast<S*>(run.tile);
              const S* row = RowAt<S>(run, plane, z, at, tile);
              if (rows != nullptr) {
                MaxOfRows(run, rows, row, inside, run.reach.count);
                row = inside;
              }
              rows = row;
            });
        if (rows == nullptr) {
          std::fill_n(outputs, width.out, least);
          return;
        }
        if (!run.reach.full()) {
          if (rows != inside) std::copy_n(rows, run.reach.count, inside);
          rows = under;
        }
        MaxAlong(run, rows, outputs, width.out);
      });
}

template <class S>
GCOMP_TARGET_V3 void RunMaxV3(const PoolRun& run, const void* x, void* y) {
  RunMax<S>(run, x, y);
}

template <class S>
GCOMP_TARGET_V4 void RunMaxV4(const PoolRun& run, const void* x, void* y) {
  RunMax<S>(run, x, y);
}

// ---- Mean ---------------------------------------------------------------------------------------

// The number of taps of window i along an axis that fall inside of x.
[[gnu::always_inline]] inline int64_t TapsInside(const WindowAxis& axis, int64_t i) {
  const int64_t begin = i * axis.stride - axis.pad;
  const int64_t end = std::min(begin + axis.kernel, axis.in);
  return std::max<int64_t>(end - std::max<int64_t>(begin, 0), 0);
}

template <class S>
[[gnu::always_inline]] inline void RunMean(const PoolRun& run, const void* x, void* y) {
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
  RunFn run = WithComputeType(problem.dtype, [cpu](auto like) -> RunFn {
    using S = NumericOf<decltype(like)>;
    return PerCpu<RunFn>{RunMaxV3<S>, RunMaxV4<S>}.For(cpu);
  });
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
