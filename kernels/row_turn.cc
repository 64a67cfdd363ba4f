// Row kernels over strips of points that are turned in cache.
#include <algorithm>

#include "kernels/row_kernel.h"

namespace gcomp::kernels {
namespace {

// A strip of rows takes at most this many bytes of scratch, and this many points.
constexpr int64_t kMaxStripBytes = int64_t{1} << 20;
constexpr int64_t kMaxStripPoints = 64;
// Elements of a strip that are turned at once.
constexpr int64_t kTurn = 8;
// Elements from those that are turned to those that are asked for.
constexpr int64_t kAhead = 16;

int64_t RoundUp(int64_t value, int64_t to) {
  return (value + to - 1) / to * to;
}

using Words [[gnu::vector_size(32)]] = uint32_t;

// to[j * to_stride + i] = from[i * from_stride + j], for i < 8 and j < 8 elements of 4 bytes: pairs
// of rows, then of pairs, inside the halves of registers, then the halves. The attribute stands on
// what holds registers: they are split where the target lacks them before functions are inlined.
GCOMP_TARGET_V3 GCOMP_INLINE void Turn8x8(const uint32_t* from, int64_t from_stride, uint32_t* to,
                                          int64_t to_stride) {
  Words a[8];
  Words b[8];
  for (int i = 0; i < 8; ++i) __builtin_memcpy(&a[i], from + i * from_stride, sizeof(Words));
  for (int i = 0; i < 8; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int g = 0; g < 8; g += 4) {
    for (int i = 0; i < 2; ++i) {
      Words low = b[g + i];
      Words high = b[g + i + 2];
      a[g + 2 * i] = __builtin_shufflevector(low, high, 0, 1, 8, 9, 4, 5, 12, 13);
      a[g + 2 * i + 1] = __builtin_shufflevector(low, high, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int i = 0; i < 4; ++i) {
    b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    b[i + 4] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (int i = 0; i < 8; ++i) __builtin_memcpy(to + i * to_stride, &b[i], sizeof(Words));
}

// to[j * to_stride + i] = from[i * from_stride + j] for i < m, j < n.
template <class T>
GCOMP_TARGET_V3 void Turn(const void* source, int64_t from_stride, void* target, int64_t to_stride,
                          int64_t m, int64_t n) {
  const T* from = static_cast<const T*>(source);
  T* to = static_cast<T*>(target);
  int64_t j = 0;
  if constexpr (sizeof(T) == 4) {
    for (; m == kTurn && j + kTurn <= n; j += kTurn) {
      Turn8x8(from + j, from_stride, to + j * to_stride, to_stride);
    }
  }
  for (; j < n; ++j) {
    for (int64_t i = 0; i < m; ++i) to[j * to_stride + i] = from[i * from_stride + j];
  }
}

using TurnFn = void (*)(const void* from, int64_t from_stride, void* to, int64_t to_stride,
                        int64_t m, int64_t n);

// Strips of points along their innermost dim.
class StripKernel final : public RowKernel {
 public:
  StripKernel(const ir::KernelCtx& ctx, RowLoop loop, const RowOptions& options)
      : RowKernel(ctx, loop, options) {
    inner_ = points_.sizes.back();
    in_stride_ = points_.strides.back();
    out_stride_ = result_points_.strides.back();
    outer_ = points_;
    outer_result_ = result_points_;
    for (CursorSpace* outer : {&outer_, &outer_result_}) {
      outer->sizes.pop_back();
      outer->strides.pop_back();
    }
    // An odd number of cache lines apart, rows of a strip do not compete for the same sets.
    int64_t bytes = x_.io.tile_bytes;
    row_ = (RoundUp(n_ * bytes, 64) | 64) / bytes;
    width_ =
        std::clamp<int64_t>(kMaxStripBytes / (row_ * bytes), 1, std::min(inner_, kMaxStripPoints));
    if (width_ > kTurn) width_ -= width_ % kTurn;
    strip_ = Take(width_ * row_ * bytes);
    tile_ = Take(kTurn * kMaxStripPoints * bytes);
    x_direct_ = IsDirect(x_, in_stride_);
    y_direct_ = !options.value_per_row && IsDirect(y_, out_stride_);
    turn_ = bytes == 8 ? &Turn<uint64_t> : &Turn<uint32_t>;
  }

 private:
  void RunPoints(const ir::KernelArgs& args, Row& row) const override {
    auto* scratch = static_cast<std::byte*>(args.scratch);
    Cursor in(outer_, args.operand(0));
    Cursor out(outer_result_, args.result(0));
    for (int64_t p = 0; p < num_points_ / inner_; ++p) {
      for (int64_t from = 0; from < inner_; from += width_) {
        int64_t width = std::min(width_, inner_ - from);
        Gather(in.data() + from * in_stride_, width, scratch, *row.pacer);
        RunStrip(width, row, scratch);
        if (row.pacer->stopped()) return;
        Scatter(out.data() + from * out_stride_, width, scratch, *row.pacer);
      }
      in.Skip(1);
      out.Skip(1);
    }
  }

  void RunStrip(int64_t width, Row& row, std::byte* scratch) const {
    for (int64_t j = 0; j < width; ++j) {
      std::byte* data = scratch + strip_ + j * row_ * x_.io.tile_bytes;
      row.x = data;
      row.y = options_.value_per_row ? scratch + tile_ + j * x_.io.tile_bytes : data;
      loop_(row);
      if (!row.pacer->Go(std::min(n_, kReduceChunk) + 1)) return;
    }
  }

  // True if what is at `space` can be turned as it lies: points are dense in the compute type, and
  // rows are one dim.
  static bool IsDirect(const RowAccess& access, int64_t point_stride) {
    return access.io.direct && point_stride == access.io.bytes && access.space.sizes.size() == 1 &&
           access.space.strides[0] % access.io.bytes == 0;
  }

  // Asks for elements [k, k + 8) of `bytes` bytes of neighboring points, which lie in as many
  // pages: the processor foresees no such walk by itself. kWrite: they will be written.
  template <int kWrite>
  void Prefetch(const char* data, int64_t stride, int64_t k, int64_t bytes) const {
    for (int64_t i = k; i < std::min(k + kTurn, n_); ++i) {
      for (int64_t at = 0; at < bytes; at += 64) {
        __builtin_prefetch(data + i * stride + at, kWrite, 2);
      }
    }
  }

  // Eight elements of `width` rows at a time, through a tile of 8 x width unless they are direct.
  void Gather(const char* data, int64_t width, std::byte* scratch, Pacer& pacer) const {
    int64_t bytes = x_.io.tile_bytes;
    if (x_direct_) {
      int64_t stride = x_.space.strides[0];
      for (int64_t k = 0; k < n_ && pacer.Go(kTurn * width); k += kTurn) {
        Prefetch<0>(data, stride, k + kAhead, width * bytes);
        turn_(data + k * stride, stride / bytes, scratch + strip_ + k * bytes, row_,
              std::min(kTurn, n_ - k), width);
      }
      return;
    }
    Cursor at(x_.space, data);
    for (int64_t k = 0; k < n_ && pacer.Go(kTurn * width); k += kTurn) {
      int64_t count = std::min(kTurn, n_ - k);
      for (int64_t i = 0; i < count; ++i) {
        x_.io.load(at.data(), in_stride_, width, scratch + tile_ + i * width * bytes);
        at.Skip(1);
      }
      turn_(scratch + tile_, width, scratch + strip_ + k * bytes, row_, count, width);
    }
  }

  void Scatter(char* data, int64_t width, std::byte* scratch, Pacer& pacer) const {
    if (options_.value_per_row) return y_.io.store(scratch + tile_, width, data, out_stride_);
    int64_t bytes = x_.io.tile_bytes;
    if (y_direct_) {
      int64_t stride = y_.space.strides[0];
      for (int64_t k = 0; k < n_ && pacer.Go(kTurn * width); k += kTurn) {
        Prefetch<1>(data, stride, k + kAhead, width * bytes);
        TurnBack(scratch + strip_ + k * bytes, width, std::min(kTurn, n_ - k), data + k * stride,
                 stride / bytes);
      }
      return;
    }
    Cursor at(y_.space, data);
    for (int64_t k = 0; k < n_ && pacer.Go(kTurn * width); k += kTurn) {
      int64_t count = std::min(kTurn, n_ - k);
      TurnBack(scratch + strip_ + k * bytes, width, count, scratch + tile_, width);
      for (int64_t i = 0; i < count; ++i) {
        y_.io.store(scratch + tile_ + i * width * bytes, width, at.data(), out_stride_);
        at.Skip(1);
      }
    }
  }

  // to[i * stride + j] = element i of row j.
  void TurnBack(const std::byte* rows, int64_t width, int64_t count, void* to,
                int64_t stride) const {
    int64_t bytes = x_.io.tile_bytes;
    for (int64_t j = 0; j < width; j += kTurn) {
      turn_(rows + j * row_ * bytes, row_, static_cast<std::byte*>(to) + j * bytes, stride,
            std::min(kTurn, width - j), count);
    }
  }

  int64_t inner_;
  int64_t in_stride_;
  int64_t out_stride_;
  CursorSpace outer_;
  CursorSpace outer_result_;
  int64_t row_;    // elements from one row of a strip to the next
  int64_t width_;  // points of a strip
  int64_t strip_;  // where it lies in scratch
  int64_t tile_;
  TurnFn turn_;
  bool x_direct_;
  bool y_direct_;
};

}  // namespace

std::unique_ptr<RowKernel> MakeTurnedStripKernel(const ir::KernelCtx& ctx, RowLoop loop,
                                                 const RowOptions& options) {
  return std::make_unique<StripKernel>(ctx, loop, options);
}

}  // namespace gcomp::kernels
