#include "kernels/resample.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/format.h"
#include "kernels/aligned_buffer.h"
#include "kernels/cpu_target.h"
#include "kernels/pacer.h"
#include "kernels/scratch_plan.h"
#include "kernels/tile.h"

namespace gcomp::kernels {
namespace {

// ---- Places -------------------------------------------------------------------------------------

// One axis: output i lies at or after element low[i], `weight` of the way to high[i]. 32-bit places
// are what vectors gather by.
struct Places {
  bool kept = true;  // output i is element i: no tables
  AlignedBuffer low;
  AlignedBuffer high;
  AlignedBuffer weight;  // in the compute type

  int64_t Low(int64_t i) const { return kept ? i : lows()[i]; }

  const int32_t* lows() const { return static_cast<const int32_t*>(low.data()); }

  const int32_t* highs() const { return static_cast<const int32_t*>(high.data()); }

  template <class S>
  const S* weights() const {
    return static_cast<const S*>(weight.data());
  }
};

using AllPlaces = std::array<Places, 3>;

// Tables for axes that change, filled by fill(places, in, out).
template <class Fill>
StatusOr<AllPlaces> MakePlaces(const ResampleProblem& p, int64_t weight_bytes, const Fill& fill) {
  AllPlaces all;
  for (size_t d = 0; d < 3; ++d) {
    if (p.in[d] == p.out[d] || p.out[d] == 0) continue;
    if (p.in[d] == 0) {
      return Status(ErrorId::E401, Format("interpolate: x has size 0 along a spatial axis that is "
                                          "to have size {}: there is no element to take",
                                          p.out[d]));
    }
    constexpr int64_t kLimit = std::numeric_limits<int32_t>::max();
    if (std::max(p.in[d], p.out[d]) > kLimit) {
      return Status(ErrorId::E802,
                    Format("interpolate: a spatial axis goes from size {} to {}; the limit is {}",
                           p.in[d], p.out[d], kLimit));
    }
    Places& places = all[d];
    places.kept = false;
    const auto n = static_cast<size_t>(p.out[d]);
    GCOMP_ASSIGN_OR_RETURN(places.low, AlignedBuffer::Create(n * sizeof(int32_t)));
    if (weight_bytes > 0) {
      GCOMP_ASSIGN_OR_RETURN(places.high, AlignedBuffer::Create(n * sizeof(int32_t)));
      GCOMP_ASSIGN_OR_RETURN(places.weight,
                             AlignedBuffer::Create(n * static_cast<size_t>(weight_bytes)));
    }
    fill(places, p.in[d], p.out[d]);
  }
  return all;
}

void FillNearest(Places& places, int64_t in, int64_t out) {
  auto* low = static_cast<int32_t*>(places.low.data());
  for (int64_t i = 0; i < out; ++i) low[i] = static_cast<int32_t>(i * in / out);
}

// place = num / den: i * (in - 1) / (out - 1), or (i + 0.5) * in / out - 0.5, at least 0. Exact:
// sizes have 31 bits.
template <class S>
void FillLinear(Places& places, int64_t in, int64_t out, bool align_corners) {
  auto* low = static_cast<int32_t*>(places.low.data());
  auto* high = static_cast<int32_t*>(places.high.data());
  auto* weight = static_cast<S*>(places.weight.data());
  const int64_t den = align_corners ? std::max<int64_t>(out - 1, 1) : 2 * out;
  for (int64_t i = 0; i < out; ++i) {
    const int64_t num = align_corners ? i * (in - 1) : std::max<int64_t>((2 * i + 1) * in - out, 0);
    const int64_t floor = num / den;
    const int64_t rest = num % den;
    low[i] = static_cast<int32_t>(floor);
    high[i] = static_cast<int32_t>(std::min(floor + 1, in - 1));
    weight[i] = static_cast<S>(static_cast<double>(rest) / static_cast<double>(den));
  }
}

// Calls visit(first element of x) for each plane of [n, c], until one is false.
template <class Visit>
[[gnu::always_inline]] inline void ForPlanes(const ResampleProblem& p, const char* x,
                                             int64_t element_bytes, const Visit& visit) {
  for (int64_t n = 0; n < p.n; ++n) {
    for (int64_t c = 0; c < p.c; ++c) {
      if (!visit(x + (n * p.x_strides[0] + c * p.x_strides[1]) * element_bytes)) return;
    }
  }
}

bool HasNoResult(const ResampleProblem& p) {
  return p.n == 0 || p.c == 0 || p.out[0] == 0 || p.out[1] == 0 || p.out[2] == 0;
}

// ---- Nearest ------------------------------------------------------------------------------------

struct NearestRun {
  const ResampleProblem& problem;
  const AllPlaces& places;
  Pacer& pacer;
};

using NearestFn = void (*)(const NearestRun& run, const char* x, char* y);

template <class T>
[[gnu::always_inline]] inline void PickRow(const NearestRun& run, const T* x, T* y) {
  const int64_t n = run.problem.out[2];
  const int64_t step = run.problem.x_strides[4];
  const Places& places = run.places[2];
  const int32_t* from = places.lows();
  ForPieces(
      run.pacer, n, [&](int64_t first, int64_t count) __attribute__((always_inline)) {
        const int64_t end = first + count;
        if (places.kept && step == 1) {
          std::memcpy(y + first, x + first, static_cast<size_t>(count) * sizeof(T));
        } else if (places.kept) {
          for (int64_t i = first; i < end; ++i) y[i] = x[i * step];
        } else if (step == 1 && n == 2 * run.problem.in[2]) {  // each twice: no gathering
          GCOMP_INDEPENDENT
          for (int64_t i = first / 2; i < end / 2; ++i) {  // pieces are even
            y[2 * i] = x[i];
            y[2 * i + 1] = x[i];
          }
        } else if (step == 1) {
          GCOMP_INDEPENDENT
          for (int64_t i = first; i < end; ++i) y[i] = x[from[i]];
        } else {
          for (int64_t i = first; i < end; ++i) y[i] = x[from[i] * step];
        }
      });
}

template <class T>
[[gnu::always_inline]] inline void RunNearest(const NearestRun& run, const char* x, char* y) {
  const ResampleProblem& p = run.problem;
  const int64_t row = p.out[2];
  const int64_t slice = p.out[1] * row;
  T* to = reinterpret_cast<T*>(y);
  ForPlanes(
      p, x, sizeof(T), [&](const char* plane) __attribute__((always_inline)) {
        int64_t last_z = -1;
        for (int64_t d = 0; d < p.out[0]; ++d, to += slice) {
          const int64_t z = run.places[0].Low(d);
          if (z == std::exchange(last_z, z)) {
            const auto bytes = slice * static_cast<int64_t>(sizeof(T));
            if (!CopyBytes(to, to - slice, bytes, run.pacer).ok()) return false;
            continue;
          }
          int64_t last_h = -1;
          for (int64_t i = 0; i < p.out[1]; ++i) {
            const int64_t h = run.places[1].Low(i);
            T* y_row = to + i * row;
            if (h == std::exchange(last_h, h)) {
              std::memcpy(y_row, y_row - row, static_cast<size_t>(row) * sizeof(T));
            } else {
              PickRow(run,
                      reinterpret_cast<const T*>(plane) + z * p.x_strides[2] + h * p.x_strides[3],
                      y_row);
            }
            if (!run.pacer.Go(row)) return false;
          }
        }
        return true;
      });
}

template <class T>
GCOMP_TARGET_V3 void NearestV3(const NearestRun& run, const char* x, char* y) {
  RunNearest<T>(run, x, y);
}

template <class T>
GCOMP_TARGET_V4 void NearestV4(const NearestRun& run, const char* x, char* y) {
  RunNearest<T>(run, x, y);
}

template <class T>
NearestFn NearestFor(CpuLevel cpu) {
  return PerCpu<NearestFn>{&NearestV3<T>, &NearestV4<T>}.For(cpu);
}

class NearestKernel final : public ir::Kernel {
 public:
  NearestKernel(const ResampleProblem& problem, AllPlaces places, NearestFn run)
      : problem_(problem), places_(std::move(places)), run_(run) {}

  Status Run(const ir::KernelArgs& args) const override {
    if (HasNoResult(problem_)) return {};
    Pacer pacer(args.regions);
    run_({problem_, places_, pacer}, args.operand<char>(0), args.result<char>(0));
    return pacer.status();
  }

 private:
  ResampleProblem problem_;
  AllPlaces places_;
  NearestFn run_;
};

// ---- Linear -------------------------------------------------------------------------------------

struct LinearRun {
  const ResampleProblem& problem;
  const AllPlaces& places;
  const TileIo& io;
  bool dense_rows;    // rows of x are tiles as they lie
  char* loaded[2];    // rows of x that are to be combined along the depth
  char* combined[2];  // rows combined along the depth: even and odd ones
  char* row;          // a row combined along the height
  char* outputs;      // a row of results
  Pacer& pacer;
};

using LinearFn = void (*)(const LinearRun& run, const char* x, char* y);

// y[i] = a[i] + w * (b[i] - a[i]); w is not 0.
template <class S>
[[gnu::always_inline]] inline void MixRows(Pacer& pacer, const S* a, const S* b, S w, int64_t n,
                                           S* y) {
  ForPieces(
      pacer, n, [=](int64_t from, int64_t count) __attribute__((always_inline)) {
        GCOMP_INDEPENDENT
        for (int64_t i = from; i < from + count; ++i) y[i] = a[i] + w * (b[i] - a[i]);
      });
}

// The same along a row. A weight of 0 reads only low, whatever high is.
template <class S>
[[gnu::always_inline]] inline void MixWidth(Pacer& pacer, const S* x, const Places& places,
                                            int64_t n, S* y) {
  const int32_t* low = places.lows();
  const int32_t* high = places.highs();
  const S* weight = places.weights<S>();
  ForPieces(
      pacer, n, [=](int64_t from, int64_t count) __attribute__((always_inline)) {
        GCOMP_INDEPENDENT
        for (int64_t i = from; i < from + count; ++i) {
          const S a = x[low[i]];
          const S b = x[high[i]];
          const S w = weight[i];
          const S mixed = a + w * (b - a);
          y[i] = w == 0 ? a : mixed;
        }
      });
}

// The rows of one slice of outputs, combined along the depth.
template <class S>
class DepthRows {
 public:
  [[gnu::always_inline]] DepthRows(const LinearRun& run, const char* plane, int64_t d)
      : run_(run), plane_(plane), d_(d) {}

  // Row h. It stays until a row of the same parity is asked for.
  [[gnu::always_inline]] const S* Row(int64_t h) {
    const auto slot = static_cast<size_t>(h & 1);
    if (at_[slot] == h) return rows_[slot];
    at_[slot] = h;
    return rows_[slot] = Make(h, reinterpret_cast<S*>(run_.combined[slot]));
  }

 private:
  [[gnu::always_inline]] const S* Make(int64_t h, S* to) const {
    const Places& depth = run_.places[0];
    const int64_t z = depth.Low(d_);
    const S w = depth.kept ? S(0) : depth.weights<S>()[d_];
    if (w == 0) return Load(z, h, to);
    const S* a = Load(z, h, reinterpret_cast<S*>(run_.loaded[0]));
    const S* b = Load(depth.highs()[d_], h, reinterpret_cast<S*>(run_.loaded[1]));
    MixRows(run_.pacer, a, b, w, run_.problem.in[2], to);
    return to;
  }

  // Row (z, h) of x, dense in S: where it lies, or brought to `to`.
  [[gnu::always_inline]] const S* Load(int64_t z, int64_t h, S* to) const {
    const ResampleProblem& p = run_.problem;
    const char* row = plane_ + (z * p.x_strides[2] + h * p.x_strides[3]) * run_.io.bytes;
    if (run_.dense_rows) return reinterpret_cast<const S*>(row);
    run_.io.load(row, p.x_strides[4] * run_.io.bytes, p.in[2], to);
    return to;
  }

  const LinearRun& run_;
  const char* plane_;
  int64_t d_;
  int64_t at_[2] = {-1, -1};
  const S* rows_[2] = {};
};

template <class S>
[[gnu::always_inline]] inline void RunLinear(const LinearRun& run, const char* x, char* y) {
  const ResampleProblem& p = run.problem;
  const auto& [depth, height, width] = run.places;
  const int64_t n = p.out[2];
  ForPlanes(
      p, x, run.io.bytes, [&](const char* plane) __attribute__((always_inline)) {
        for (int64_t d = 0; d < p.out[0]; ++d) {
          DepthRows<S> rows(run, plane, d);
          for (int64_t i = 0; i < p.out[1]; ++i, y += n * run.io.bytes) {
            S* outputs = reinterpret_cast<S*>(run.io.direct ? y : run.outputs);
            const S* row = rows.Row(height.Low(i));
            const S w = height.kept ? S(0) : height.weights<S>()[i];
            if (w != 0) {
              S* mixed = width.kept ? outputs : reinterpret_cast<S*>(run.row);
              MixRows(run.pacer, row, rows.Row(height.highs()[i]), w, p.in[2], mixed);
              row = mixed;
            }
            if (!width.kept) {
              MixWidth(run.pacer, row, width, n, outputs);
            } else if (row != outputs) {
              std::copy_n(row, n, outputs);
            }
            if (!run.io.direct) run.io.store(outputs, n, y, run.io.bytes);
            if (!run.pacer.Go(n + p.in[2])) return false;
          }
        }
        return true;
      });
}

template <class S>
GCOMP_TARGET_V3 void LinearV3(const LinearRun& run, const char* x, char* y) {
  RunLinear<S>(run, x, y);
}

template <class S>
GCOMP_TARGET_V4 void LinearV4(const LinearRun& run, const char* x, char* y) {
  RunLinear<S>(run, x, y);
}

class LinearKernel final : public ir::Kernel {
 public:
  LinearKernel(const ResampleProblem& problem, AllPlaces places, CpuLevel cpu)
      : problem_(problem), places_(std::move(places)), io_(TileIoOf(problem.dtype, cpu)) {
    run_ = problem.dtype == ir::DType::kF64
               ? PerCpu<LinearFn>{&LinearV3<double>, &LinearV4<double>}.For(cpu)
               : PerCpu<LinearFn>{&LinearV3<float>, &LinearV4<float>}.For(cpu);
    if (HasNoResult(problem_)) return;
    dense_rows_ = io_.direct && (problem_.x_strides[4] == 1 || problem_.in[2] == 1);
    ScratchPlan scratch;
    const auto row_of = [&](int64_t n) { return static_cast<size_t>(n * io_.tile_bytes); };
    for (size_t& at : rows_at_) at = scratch.Take(row_of(problem_.in[2]));
    outputs_at_ = scratch.Take(io_.direct ? 0 : row_of(problem_.out[2]));
    scratch_bytes_ = scratch.bytes();
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  Status Run(const ir::KernelArgs& args) const override {
    if (HasNoResult(problem_)) return {};
    char* scratch = static_cast<char*>(args.scratch);
    Pacer pacer(args.regions);
    const auto row = [&](size_t i) { return scratch + rows_at_[i]; };
    run_({problem_,
          places_,
          io_,
          dense_rows_,
          {row(0), row(1)},
          {row(2), row(3)},
          row(4),
          scratch + outputs_at_,
          pacer},
         args.operand<char>(0), args.result<char>(0));
    return pacer.status();
  }

 private:
  ResampleProblem problem_;
  AllPlaces places_;
  TileIo io_;
  LinearFn run_ = nullptr;
  bool dense_rows_ = false;
  std::array<size_t, 5> rows_at_ = {};
  size_t outputs_at_ = 0;
  size_t scratch_bytes_ = 0;
};

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> PrepareNearest(const ResampleProblem& problem, CpuLevel cpu) {
  GCOMP_ASSIGN_OR_RETURN(AllPlaces places, MakePlaces(problem, 0, FillNearest));
  NearestFn run = nullptr;
  switch (ir::BytesOf(problem.dtype)) {
    case 1:
      run = NearestFor<uint8_t>(cpu);
      break;
    case 2:
      run = NearestFor<uint16_t>(cpu);
      break;
    case 4:
      run = NearestFor<uint32_t>(cpu);
      break;
    default:
      run = NearestFor<uint64_t>(cpu);
  }
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<NearestKernel>(problem, std::move(places), run));
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareLinear(const ResampleProblem& problem,
                                                    bool align_corners, CpuLevel cpu) {
  const bool wide = problem.dtype == ir::DType::kF64;
  GCOMP_ASSIGN_OR_RETURN(AllPlaces places,
                         MakePlaces(problem, wide ? sizeof(double) : sizeof(float),
                                    [&](Places& axis, int64_t in, int64_t out) {
                                      if (wide) {
                                        FillLinear<double>(axis, in, out, align_corners);
                                      } else {
                                        FillLinear<float>(axis, in, out, align_corners);
                                      }
                                    }));
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<LinearKernel>(problem, std::move(places), cpu));
}

}  // namespace gcomp::kernels
