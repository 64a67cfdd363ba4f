#include "kernels/conv_loops.h"

#include <algorithm>
#include <utility>

#include "kernels/cpu_target.h"
#include "kernels/scratch_plan.h"
#include "kernels/strided_copy.h"
#include "kernels/sum_types.h"

namespace gcomp::kernels {
namespace {

using ir::DType;

std::array<int64_t, 4> Dense(int64_t b, int64_t c, int64_t d) {
  return {b * c * d, c * d, d, 1};
}

// Adds weight * x to the sums of one output row, for one tap.
template <class T, class Acc>
[[gnu::always_inline]] inline void AddTap(Acc weight, const T* x, int64_t step, Acc* sums,
                                          int64_t n) {
  if (step == 1) {
    GCOMP_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) sums[i] += weight * static_cast<Acc>(x[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) sums[i] += weight * static_cast<Acc>(x[i * step]);
  }
}

// The sums of output row y of image `x` (of one group) and output channel `w`.
template <class T, class Acc>
[[gnu::always_inline]] inline void RowSums(const ConvProblem& p, const T* x, const T* w, int64_t y,
                                           Acc* sums) {
  std::fill(sums, sums + p.w.out, Acc{0});
  for (int64_t c = 0; c < p.c / p.groups; ++c) {
    for (int64_t kh = 0; kh < p.h.kernel; ++kh) {
      const int64_t row = y * p.h.stride + p.h.Origin(kh);
      if (row < 0 || row >= p.h.in) continue;
      const T* x_row = x + c * p.x_strides[1] + row * p.x_strides[2];
      const T* w_row = w + c * p.w_strides[1] + kh * p.w_strides[2];
      for (int64_t kw = 0; kw < p.w.kernel; ++kw) {
        const WindowAxis::Range range = p.w.Inside(kw);
        if (range.begin == range.end) continue;
        const int64_t first = range.begin * p.w.stride + p.w.Origin(kw);
        AddTap<T, Acc>(static_cast<Acc>(w_row[kw * p.w_strides[3]]), x_row + first * p.x_strides[3],
                       p.w.stride * p.x_strides[3], sums + range.begin, range.end - range.begin);
      }
    }
  }
}

struct Buffers {
  const void* x;
  const void* w;
  const void* bias;
  void* y;
  void* row;  // w.out sums
};

template <class T, class Acc>
[[gnu::always_inline]] inline void Convolve(const ConvProblem& p, const Buffers& buffers) {
  const T* x = static_cast<const T*>(buffers.x);
  const T* w = static_cast<const T*>(buffers.w);
  const T* bias = static_cast<const T*>(buffers.bias);
  T* y = static_cast<T*>(buffers.y);
  Acc* sums = static_cast<Acc*>(buffers.row);
  const int64_t group_c = p.c / p.groups;
  const int64_t group_o = p.o / p.groups;
  for (int64_t n = 0; n < p.n; ++n) {
    for (int64_t o = 0; o < p.o; ++o) {
      const T* x_group = x + n * p.x_strides[0] + o / group_o * group_c * p.x_strides[1];
      const Acc b = p.has_bias ? static_cast<Acc>(bias[o * p.bias_stride]) : Acc{0};
      for (int64_t row = 0; row < p.h.out; ++row) {
        RowSums<T, Acc>(p, x_group, w + o * p.w_strides[0], row, sums);
        for (int64_t i = 0; i < p.w.out; ++i) {
          y[i] = static_cast<T>(p.has_bias ? sums[i] + b : sums[i]);
        }
        y += p.w.out;
      }
    }
  }
}

template <class T, class Acc>
GCOMP_TARGET_V3 void ConvolveV3(const ConvProblem& p, const Buffers& buffers) {
  Convolve<T, Acc>(p, buffers);
}

template <class T, class Acc>
GCOMP_TARGET_V4 void ConvolveV4(const ConvProblem& p, const Buffers& buffers) {
  Convolve<T, Acc>(p, buffers);
}

using ConvolveFn = void (*)(const ConvProblem&, const Buffers&);

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
    row_at_ = scratch.Take(static_cast<size_t>(p.w.out) * 8);
    if (half_) {
      auto widen = [&](std::array<int64_t, 4> sizes, std::array<int64_t, 4>& strides,
                       StridedCopy& copy) {
        const std::array<int64_t, 4> dense = Dense(sizes[1], sizes[2], sizes[3]);
        copy = StridedCopy::Make(sizes, strides, dense, 2);
        strides = dense;
        return scratch.Take(static_cast<size_t>(sizes[0] * dense[0]) * sizeof(float));
      };
      x_at_ = widen({p.n, p.c, p.h.in, p.w.in}, p.x_strides, copy_x_);
      w_at_ = widen({p.o, p.c / p.groups, p.h.kernel, p.w.kernel}, p.w_strides, copy_w_);
      const int64_t bias_size[] = {p.o};
      const int64_t bias_stride[] = {p.bias_stride};
      const int64_t one[] = {1};
      copy_bias_ = StridedCopy::Make(bias_size, bias_stride, one, 2);
      p.bias_stride = 1;
      bias_at_ = scratch.Take(static_cast<size_t>(p.o) * sizeof(float));
      num_results_ = p.n * p.o * p.h.out * p.w.out;
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
    if (!half_) {
      convolve_(p, buffers);
      return {};
    }
    copy_x_.RunWidening(p.dtype, buffers.x, reinterpret_cast<float*>(scratch + x_at_));
    copy_w_.RunWidening(p.dtype, buffers.w, reinterpret_cast<float*>(scratch + w_at_));
    if (p.has_bias) {
      copy_bias_.RunWidening(p.dtype, buffers.bias, reinterpret_cast<float*>(scratch + bias_at_));
    }
    float* y = reinterpret_cast<float*>(scratch + y_at_);
    convolve_(p, {scratch + x_at_, scratch + w_at_, scratch + bias_at_, y, buffers.row});
    NarrowFloats(p.dtype, y, args.result(0), num_results_);
    return {};
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
