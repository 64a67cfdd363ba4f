#include "kernels/conv_loops.h"

#include <algorithm>
#include <utility>

#include "kernels/cpu_target.h"
#include "kernels/pacer.h"
#include "kernels/scratch_plan.h"
#include "kernels/strided_copy.h"
#include "kernels/sum_types.h"

namespace gcomp::kernels {
namespace {

using ir::DType;

std::array<int64_t, 5> Dense(const std::array<int64_t, 5>& sizes) {
  std::array<int64_t, 5> strides = {};
  int64_t stride = 1;
  for (size_t i = 5; i-- > 0;) {
    strides[i] = stride;
    stride *= sizes[i];
  }
  return strides;
}

int64_t Product(const std::array<int64_t, 5>& sizes) {
  return sizes[0] * sizes[1] * sizes[2] * sizes[3] * sizes[4];
}

// sums[i] += weight * x[i], elements apart as told, for one tap.
template <class T, class Acc>
[[gnu::always_inline]] inline void AddTap(Acc weight, const T* x, int64_t x_step, Acc* sums,
                                          int64_t sum_step, int64_t n) {
  if (x_step == 1 && sum_step == 1) {
    GCOMP_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) sums[i] += weight * static_cast<Acc>(x[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) {
      sums[i * sum_step] += weight * static_cast<Acc>(x[i * x_step]);
    }
  }
}

// The place of x that tap k brings to place `at` of the result along an axis; -1 = none.
[[gnu::always_inline]] inline int64_t SourceOf(const ConvProblem& p, const WindowAxis& axis,
                                               int64_t at, int64_t k) {
  if (!p.transposed) {
    const int64_t place = at * axis.stride + axis.Origin(k);
    return place >= 0 && place < axis.in ? place : -1;
  }
  const int64_t place = at - axis.Origin(k);
  if (place < 0 || place % axis.stride != 0) return -1;
  return place / axis.stride < axis.out ? place / axis.stride : -1;
}

// Adds a row of x, through a row of the kernel, to the sums of a row of the result.
template <class T, class Acc>
[[gnu::always_inline]] inline void AddRow(const ConvProblem& p, const T* x, const T* w, Acc* sums) {
  const WindowAxis& width = p.axes[2];
  for (int64_t k = 0; k < width.kernel; ++k) {
    const WindowAxis::Range range = width.Inside(k);
    if (range.begin == range.end) continue;
    const int64_t covered = range.begin * width.stride + width.Origin(k);
    const Acc weight = static_cast<Acc>(w[k * p.w_strides[4]]);
    const int64_t n = range.end - range.begin;
    if (p.transposed) {
      AddTap<T, Acc>(weight, x + range.begin * p.x_strides[4], p.x_strides[4], sums + covered,
                     width.stride, n);
    } else {
      AddTap<T, Acc>(weight, x + covered * p.x_strides[4], width.stride * p.x_strides[4],
                     sums + range.begin, 1, n);
    }
  }
}

// The sums of the row at (d, h) of the result, from the channels `x` and `w` of one group. False if
// the pacer stopped it.
template <class T, class Acc>
[[gnu::always_inline]] inline bool RowSums(const ConvProblem& p, const T* x, const T* w, int64_t d,
                                           int64_t h, Acc* sums, Pacer& pacer) {
  const int64_t row_work = p.axes[2].kernel * p.axes[2].out;
  std::fill(sums, sums + p.y_size(2), Acc{0});
  for (int64_t c = 0; c < p.group_c(); ++c) {
    for (int64_t kd = 0; kd < p.axes[0].kernel; ++kd) {
      const int64_t z = SourceOf(p, p.axes[0], d, kd);
      if (z < 0) continue;
      for (int64_t kh = 0; kh < p.axes[1].kernel; ++kh) {
        const int64_t y = SourceOf(p, p.axes[1], h, kh);
        if (y < 0) continue;
        AddRow<T, Acc>(p, x + c * p.x_strides[1] + z * p.x_strides[2] + y * p.x_strides[3],
                       w + c * p.w_strides[1] + kd * p.w_strides[2] + kh * p.w_strides[3], sums);
        if (!pacer.Go(row_work)) return false;
      }
    }
  }
  return true;
}

struct Buffers {
  const void* x;
  const void* w;
  const void* bias;
  void* y;
  void* row;  // the sums of one row
};

// False if the pacer stopped it.
template <class T, class Acc>
[[gnu::always_inline]] inline bool Convolve(const ConvProblem& p, const Buffers& buffers,
                                            Pacer& pacer) {
  const T* x = static_cast<const T*>(buffers.x);
  const T* w = static_cast<const T*>(buffers.w);
  const T* bias = static_cast<const T*>(buffers.bias);
  T* y = static_cast<T*>(buffers.y);
  Acc* sums = static_cast<Acc*>(buffers.row);
  for (int64_t n = 0; n < p.n; ++n) {
    for (int64_t o = 0; o < p.o; ++o) {
      const int64_t group = o / p.group_o();
      const T* x_group = x + n * p.x_strides[0] + group * p.group_c() * p.x_strides[1];
      const T* w_o = w + group * p.w_group_stride() + o % p.group_o() * p.w_strides[0];
      const Acc b = p.has_bias ? static_cast<Acc>(bias[o * p.bias_stride]) : Acc{0};
      for (int64_t d = 0; d < p.y_size(0); ++d) {
        for (int64_t h = 0; h < p.y_size(1); ++h) {
          if (!RowSums<T, Acc>(p, x_group, w_o, d, h, sums, pacer)) return false;
          for (int64_t i = 0; i < p.y_size(2); ++i) {
            y[i] = static_cast<T>(p.has_bias ? sums[i] + b : sums[i]);
          }
          y += p.y_size(2);
          if (!pacer.Go(p.y_size(2))) return false;
        }
      }
    }
  }
  return true;
}

template <class T, class Acc>
GCOMP_TARGET_V3 bool ConvolveV3(const ConvProblem& p, const Buffers& buffers, Pacer& pacer) {
  return Convolve<T, Acc>(p, buffers, pacer);
}

template <class T, class Acc>
GCOMP_TARGET_V4 bool ConvolveV4(const ConvProblem& p, const Buffers& buffers, Pacer& pacer) {
  return Convolve<T, Acc>(p, buffers, pacer);
}

using ConvolveFn = bool (*)(const ConvProblem&, const Buffers&, Pacer&);

ConvolveFn ChooseConvolve(DType dtype, CpuLevel cpu) {
  return WithSumTypes(dtype, [cpu]<class T, class Acc>() {
    return PerCpu<ConvolveFn>{ConvolveV3<T, Acc>, ConvolveV4<T, Acc>}.For(cpu);
  });
}

class ConvLoops final : public ir::Kernel {
 public:
  ConvLoops(const ConvProblem& problem, ConvolveFn convolve)
      : problem_(problem), convolve_(convolve) {
    ConvProblem& p = problem_;
    half_ = p.dtype == DType::kF16 || p.dtype == DType::kBF16;
    if (p.empty()) return;
    ScratchPlan scratch;
    // No accumulator is wider than 8 bytes.
    row_at_ = scratch.Take(static_cast<size_t>(p.y_size(2)) * 8);
    if (half_) {
      auto widen = [&](const std::array<int64_t, 5>& sizes, std::array<int64_t, 5>& strides,
                       StridedCopy& copy) {
        const std::array<int64_t, 5> dense = Dense(sizes);
        copy = StridedCopy::Make(sizes, strides, dense, 2);
        strides = dense;
        return scratch.Take(static_cast<size_t>(Product(sizes)) * sizeof(float));
      };
      x_at_ = widen({p.n, p.c, p.x_size(0), p.x_size(1), p.x_size(2)}, p.x_strides, copy_x_);
      w_at_ = widen({p.transposed ? p.group_o() : p.o, p.transposed ? p.c : p.group_c(),
                     p.axes[0].kernel, p.axes[1].kernel, p.axes[2].kernel},
                    p.w_strides, copy_w_);
      const int64_t bias_size[] = {p.o};
      const int64_t bias_stride[] = {p.bias_stride};
      const int64_t one[] = {1};
      copy_bias_ = StridedCopy::Make(bias_size, bias_stride, one, 2);
      p.bias_stride = 1;
      bias_at_ = scratch.Take(static_cast<size_t>(p.o) * sizeof(float));
      num_results_ = p.n * p.o * p.y_size(0) * p.y_size(1) * p.y_size(2);
      y_at_ = scratch.Take(static_cast<size_t>(num_results_) * sizeof(float));
    }
    scratch_bytes_ = scratch.bytes();
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  Status Run(const ir::KernelArgs& args) const override {
    const ConvProblem& p = problem_;
    if (p.empty()) return {};
    char* scratch = static_cast<char*>(args.scratch);
    Buffers buffers = {args.operand(0), args.operand(1), p.has_bias ? args.operand(2) : nullptr,
                       args.result(0), scratch + row_at_};
    Pacer pacer(args.regions);
    if (!half_) return convolve_(p, buffers, pacer) ? Status() : pacer.status();
    auto widen = [&](const StridedCopy& copy, const void* from, size_t at) {
      return copy.RunWidening(p.dtype, from, reinterpret_cast<float*>(scratch + at), pacer);
    };
    GCOMP_RETURN_IF_ERROR(widen(copy_x_, buffers.x, x_at_));
    GCOMP_RETURN_IF_ERROR(widen(copy_w_, buffers.w, w_at_));
    if (p.has_bias) GCOMP_RETURN_IF_ERROR(widen(copy_bias_, buffers.bias, bias_at_));
    float* y = reinterpret_cast<float*>(scratch + y_at_);
    buffers = {scratch + x_at_, scratch + w_at_, scratch + bias_at_, y, buffers.row};
    if (!convolve_(p, buffers, pacer)) return pacer.status();
    return NarrowFloats(p.dtype, y, args.result(0), num_results_, pacer);
  }

 private:
  ConvProblem problem_;
  ConvolveFn convolve_;
  bool half_ = false;
  StridedCopy copy_x_;
  StridedCopy copy_w_;
  StridedCopy copy_bias_;
  int64_t num_results_ = 0;
  size_t row_at_ = 0;
  size_t x_at_ = 0;
  size_t w_at_ = 0;
  size_t bias_at_ = 0;
  size_t y_at_ = 0;
  size_t scratch_bytes_ = 0;
};

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> PrepareConvLoops(const ConvProblem& problem, CpuLevel cpu) {
  ConvolveFn convolve = ChooseConvolve(problem.dtype, cpu);
  GCOMP_ENSURE(convolve != nullptr, "convolution of a numeric dtype");
  return std::unique_ptr<ir::Kernel>(std::make_unique<ConvLoops>(problem, convolve));
}

}  // namespace gcomp::kernels
