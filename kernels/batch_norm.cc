#include "kernels/batch_norm.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/format.h"
#include "kernels/cpu_target.h"
#include "kernels/cursor.h"
#include "kernels/pacer.h"
#include "kernels/scratch_plan.h"
#include "kernels/tile.h"

namespace gcomp::kernels {
namespace {

// weight, bias, mean and r of the channels, in the compute type, one after the other.
enum Parameter : size_t { kWeight, kBias, kMean, kScale, kNumParameters };

// One channel along a plane of [n, c, ...], or n = 1 element of each of neighboring channels.
struct NormLoops {
  // y[i] by the channel whose parameters are *parameters[p]; y may be x.
  void (*plane)(const void* x, const void* const* parameters, int64_t n, void* y);
  // y[i] by channel i.
  void (*channels)(const void* x, const void* const* parameters, int64_t n, void* y);
  // r[i] = 1 / sqrt(var[i] + eps), in place.
  void (*scales)(void* var, int64_t n, double eps);
};

template <class S, int64_t kStep>
GCOMP_INLINE void NormLoop(const void* x, const void* const* parameters, int64_t n, void* y) {
  const S* from = static_cast<const S*>(x);
  const S* weight = static_cast<const S*>(parameters[kWeight]);
  const S* bias = static_cast<const S*>(parameters[kBias]);
  const S* mean = static_cast<const S*>(parameters[kMean]);
  const S* scale = static_cast<const S*>(parameters[kScale]);
  S* to = static_cast<S*>(y);
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    const int64_t c = i * kStep;
    to[i] = NormalizeByChannel{}(from[i], weight[c], bias[c], mean[c], scale[c]);
  }
}

template <class S>
GCOMP_INLINE void ScalesLoop(void* var, int64_t n, double eps) {
  S* r = static_cast<S*>(var);
  for (int64_t i = 0; i < n; ++i) r[i] = InverseDeviation(r[i], static_cast<S>(eps), S{1});
}

template <class S, int64_t kStep>
GCOMP_TARGET_V3 void NormV3(const void* x, const void* const* parameters, int64_t n, void* y) {
  NormLoop<S, kStep>(x, parameters, n, y);
}

template <class S, int64_t kStep>
GCOMP_TARGET_V4 void NormV4(const void* x, const void* const* parameters, int64_t n, void* y) {
  NormLoop<S, kStep>(x, parameters, n, y);
}

template <class S>
GCOMP_TARGET_V3 void ScalesV3(void* var, int64_t n, double eps) {
  ScalesLoop<S>(var, n, eps);
}

template <class S>
GCOMP_TARGET_V4 void ScalesV4(void* var, int64_t n, double eps) {
  ScalesLoop<S>(var, n, eps);
}

template <class S>
NormLoops NormLoopsFor(CpuLevel cpu) {
  return PerCpu<NormLoops>{{&NormV3<S, 0>, &NormV3<S, 1>, &ScalesV3<S>},
                           {&NormV4<S, 0>, &NormV4<S, 1>, &ScalesV4<S>}}
      .For(cpu);
}

// Without training. Each run brings the parameters of all channels into scratch first.
class BatchNormKernel final : public ir::Kernel {
 public:
  explicit BatchNormKernel(const ir::KernelCtx& ctx)
      : io_(TileIoOf(ctx.operands[0].dtype, ctx.cpu)), eps_(ctx.attrs.Float("eps")) {
    const ir::TensorSpec& x = ctx.operands[0];
    const ir::TensorSpec& y = ctx.results[0];
    loops_ =
        x.dtype == ir::DType::kF64 ? NormLoopsFor<double>(ctx.cpu) : NormLoopsFor<float>(ctx.cpu);
    n_ = x.sizes[0];
    channels_ = x.sizes[1];
    for (size_t d = 0; d < 2; ++d) {
      x_steps_[d] = x.strides[d] * io_.bytes;
      y_steps_[d] = y.strides[d] * io_.bytes;
    }
    for (size_t d = 2; d < x.sizes.size(); ++d) {
      AppendDim(x.sizes[d],
                {{&x_plane_, x.strides[d] * io_.bytes}, {&y_plane_, y.strides[d] * io_.bytes}});
    }
    plane_ = x_plane_.NumElements();
    constexpr size_t kOperands[] = {1, 2, 3, 4};  // var, at last, becomes r
    for (size_t p = 0; p < kNumParameters; ++p) {
      parameter_steps_[p] = ctx.operands[kOperands[p]].strides[0] * io_.bytes;
      parameters_at_[p] = scratch_.Take(static_cast<size_t>(channels_ * io_.tile_bytes));
    }
  }

  size_t scratch_bytes() const override { return scratch_.bytes(); }

  Status Run(const ir::KernelArgs& args) const override {
    if (n_ == 0 || channels_ == 0 || plane_ == 0) return {};
    const void* parameters[kNumParameters];
    for (size_t p = 0; p < kNumParameters; ++p) {
      char* to = static_cast<char*>(args.scratch) + parameters_at_[p];
      io_.load(args.operand(1 + p), parameter_steps_[p], channels_, to);
      if (p == kScale) loops_.scales(to, channels_, eps_);
      parameters[p] = to;
    }
    Pacer pacer(args.regions);
    for (int64_t i = 0; i < n_; ++i) {
      const char* x = args.operand<char>(0) + i * x_steps_[0];
      char* y = args.result<char>(0) + i * y_steps_[0];
      if (plane_ == 1) {
        GCOMP_RETURN_IF_ERROR(RunChannels(x, parameters, y, pacer));
      } else {
        GCOMP_RETURN_IF_ERROR(RunPlanes(x, parameters, y, pacer));
      }
    }
    return {};
  }

 private:
  // All channels of an image of one element.
  Status RunChannels(const char* x, const void* const* all, char* y, Pacer& pacer) const {
    alignas(64) std::byte tile[kTile * 8];
    for (int64_t c = 0; c < channels_; c += kTile) {
      const int64_t count = std::min(kTile, channels_ - c);
      const void* parameters[kNumParameters];
      Advance(all, c, parameters);
      io_.load(x + c * x_steps_[1], x_steps_[1], count, tile);
      loops_.channels(tile, parameters, count, tile);
      io_.store(tile, count, y + c * y_steps_[1], y_steps_[1]);
      GCOMP_RETURN_IF_ERROR(pacer.Step(count));
    }
    return {};
  }

  Status RunPlanes(const char* x, const void* const* all, char* y, Pacer& pacer) const {
    alignas(64) std::byte tile[kTile * 8];
    const bool dense = x_plane_.sizes.size() == 1 && io_.direct &&
                       x_plane_.strides[0] == io_.bytes && y_plane_.strides[0] == io_.bytes;
    for (int64_t c = 0; c < channels_; ++c, x += x_steps_[1], y += y_steps_[1]) {
      const void* parameters[kNumParameters];
      Advance(all, c, parameters);
      if (dense) {
        const bool done = ForPieces(pacer, plane_, [&](int64_t first, int64_t count) {
          loops_.plane(x + first * io_.bytes, parameters, count, y + first * io_.bytes);
        });
        if (!done) return pacer.status();
        continue;
      }
      Cursor from(x_plane_, x);
      Cursor to(y_plane_, y);
      for (int64_t done = 0; done < plane_; done += kTile) {
        const int64_t count = std::min(kTile, plane_ - done);
        std::byte* at = tile;
        from.Walk(count, [&](const char* data, int64_t n) {
          io_.load(data, x_plane_.strides.back(), n, at);
          at += n * io_.tile_bytes;
        });
        loops_.plane(tile, parameters, count, tile);
        at = tile;
        to.Walk(count, [&](char* data, int64_t n) {
          io_.store(at, n, data, y_plane_.strides.back());
          at += n * io_.tile_bytes;
        });
        GCOMP_RETURN_IF_ERROR(pacer.Step(count));
      }
    }
    return {};
  }

  // The parameters from channel c on.
  void Advance(const void* const* all, int64_t c, const void** parameters) const {
    for (size_t p = 0; p < kNumParameters; ++p) {
      parameters[p] = static_cast<const char*>(all[p]) + c * io_.tile_bytes;
    }
  }

  TileIo io_;
  double eps_;
  NormLoops loops_;
  int64_t n_ = 0;
  int64_t channels_ = 0;
  int64_t plane_ = 0;
  int64_t x_steps_[2] = {};  // bytes from an image, and from a channel, to the next
  int64_t y_steps_[2] = {};
  CursorSpace x_plane_;
  CursorSpace y_plane_;
  int64_t parameter_steps_[kNumParameters] = {};
  size_t parameters_at_[kNumParameters] = {};
  ScratchPlan scratch_;
};

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> PrepareBatchNorm(const ir::KernelCtx& ctx) {
  if (ctx.attrs.Bool("training")) {
    return Status(ErrorId::E511, "batch_norm: training runs as a formula; write it by `decompose`");
  }
  if (ctx.operands[0].sizes.size() > kMaxCursorRank) {
    return Status(ErrorId::E802, Format("batch_norm: x has rank {}; the limit is {}",
                                        ctx.operands[0].rank(), kMaxCursorRank));
  }
  return std::unique_ptr<ir::Kernel>(std::make_unique<BatchNormKernel>(ctx));
}

}  // namespace gcomp::kernels
