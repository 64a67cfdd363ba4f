#include "kernels/rows.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernels/cursor.h"
#include "kernels/reduce.h"

namespace gcomp::kernels {
namespace {

// A strip of rows takes at most this many bytes of scratch, and this many points.
constexpr int64_t kMaxStripBytes = int64_t{1} << 20;
constexpr int64_t kMaxStripPoints = 64;
// The next row is asked for while a row computes if it is at most this long: both stay in L2.
constexpr int64_t kMaxAheadBytes = int64_t{1} << 18;
// A row of a strip that is computed as it lies is at most this long: its 128 lanes stay in L2. It
// is at least kMinStripWidth points.
constexpr int64_t kStripRowBytes = 4096;
constexpr int64_t kMinStripWidth = 16;
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

// One tensor along the row axes.
struct RowAccess {
  TileIo io;
  CursorSpace space;

  // True if rows are dense.
  bool IsDense() const {
    return space.sizes.empty() || (space.sizes.size() == 1 && space.strides[0] == io.bytes);
  }

  // True if rows are dense in the compute type.
  bool InPlace() const { return io.direct && IsDense(); }

  void Gather(const void* data, int64_t n, std::byte* tile) const {
    Cursor(space, data).Walk(n, [&](const char* piece, int64_t count) {
      io.load(piece, Stride(), count, tile);
      tile += count * io.tile_bytes;
    });
  }

  void Scatter(const std::byte* tile, int64_t n, void* data) const {
    Cursor(space, data).Walk(n, [&](char* piece, int64_t count) {
      io.store(tile, count, piece, Stride());
      tile += count * io.tile_bytes;
    });
  }

  int64_t Stride() const { return space.strides.empty() ? io.bytes : space.strides.back(); }
};

// A weight or bias: dense as it lies, or copied to scratch by each run.
struct RowParameter {
  int operand = -1;
  RowAccess access;
  int64_t scratch = -1;  // -1 = as it lies

  const void* Fetch(const ir::KernelArgs& args, int64_t n, std::byte* base) const {
    if (operand < 0) return nullptr;
    const void* data = args.operand(static_cast<size_t>(operand));
    if (scratch < 0) return data;
    access.Gather(data, n, base + scratch);
    return base + scratch;
  }
};

class RowKernel : public ir::Kernel {
 public:
  RowKernel(const ir::KernelCtx& ctx, RowLoop loop, const RowOptions& options)
      : loop_(loop), options_(options) {
    const ir::TensorSpec& x = ctx.operands[0];
    const ir::TensorSpec& y = ctx.results[0];
    x_.io = TileIoOf(x.dtype, ctx.cpu);
    y_.io = TileIoOf(y.dtype, ctx.cpu);
    size_t y_dim = 0;
    for (size_t d = 0; d < x.sizes.size(); ++d) {
      bool in_row = std::ranges::binary_search(options.axes, static_cast<int>(d));
      if (!in_row) {
        AppendDim(x.sizes[d], {{&points_, x.strides[d] * x_.io.bytes},
                               {&result_points_, y.strides[y_dim] * y_.io.bytes}});
      } else {
        AppendDim(x.sizes[d], {{&x_.space, x.strides[d] * x_.io.bytes}});
        if (!options.value_per_row) {
          AppendDim(x.sizes[d], {{&y_.space, y.strides[d] * y_.io.bytes}});
        }
      }
      if (!in_row || !options.value_per_row || options.keep_dims) ++y_dim;
    }
    n_ = x_.space.NumElements();
    num_points_ = points_.NumElements();
    for (auto [parameter, operand] :
         {std::pair{&weight_, options.weight}, {&bias_, options.bias}}) {
      if (operand >= 0) Bind(ctx, operand, parameter);
    }
    partials_ = Take(NumChunks(n_) * x_.io.tile_bytes);
  }

  size_t Rank() const {
    size_t rank = 0;
    for (const CursorSpace* space : {&points_, &result_points_, &x_.space, &y_.space,
                                     &weight_.access.space, &bias_.access.space}) {
      rank = std::max(rank, space->sizes.size());
    }
    return rank;
  }

  // True if neighboring points lie closer together than the elements of a row.
  bool PointsAreDenser() const {
    return n_ > 1 && num_points_ > 1 && !x_.InPlace() &&
           std::abs(points_.strides.back()) < std::abs(x_.space.strides.back());
  }

  // True if that pays where vectors go across points.
  bool PointsFillVectors() const {
    return PointsAreDenser() && points_.sizes.back() >= kMinStripWidth;
  }

  size_t scratch_bytes() const override { return static_cast<size_t>(scratch_bytes_); }

  Status Run(const ir::KernelArgs& args) const override {
    if (num_points_ == 0 || (n_ == 0 && !options_.value_per_row)) return Status();
    auto* scratch = static_cast<std::byte*>(args.scratch);
    Row row{.x = nullptr,
            .y = nullptr,
            .n = n_,
            .weight = weight_.Fetch(args, n_, scratch),
            .bias = bias_.Fetch(args, n_, scratch),
            .eps = options_.eps,
            .correction = options_.correction,
            .partials = scratch + partials_,
            .next_x = nullptr,
            .next_y = nullptr,
            .next_bytes = x_.io.bytes};
    RunPoints(args, row);
    return Status();
  }

 protected:
  virtual void RunPoints(const ir::KernelArgs& args, Row& row) const = 0;

  // A part of scratch, aligned to 64 bytes.
  int64_t Take(int64_t bytes) {
    int64_t at = scratch_bytes_;
    scratch_bytes_ += RoundUp(bytes, 64);
    return at;
  }

  void Bind(const ir::KernelCtx& ctx, int operand, RowParameter* parameter) {
    const ir::TensorSpec& spec = ctx.operands[static_cast<size_t>(operand)];
    RowAccess& access = parameter->access;
    parameter->operand = operand;
    access.io = TileIoOf(spec.dtype, ctx.cpu);
    for (size_t d = 0; d < spec.sizes.size(); ++d) {
      AppendDim(spec.sizes[d], {{&access.space, spec.strides[d] * access.io.bytes}});
    }
    if (!access.InPlace()) parameter->scratch = Take(n_ * access.io.tile_bytes);
  }

  RowLoop loop_;
  RowOptions options_;
  CursorSpace points_;
  CursorSpace result_points_;
  RowAccess x_;
  RowAccess y_;  // of a value per row: no dims
  RowParameter weight_;
  RowParameter bias_;
  int64_t n_ = 0;
  int64_t num_points_ = 0;
  int64_t partials_ = 0;
  int64_t scratch_bytes_ = 0;
};

// One row after the other. What is not used as it lies shares one row of scratch.
class SingleRowKernel final : public RowKernel {
 public:
  SingleRowKernel(const ir::KernelCtx& ctx, RowLoop loop, const RowOptions& options)
      : RowKernel(ctx, loop, options) {
    tile_ = Take(std::max<int64_t>(n_, 1) * x_.io.tile_bytes);
  }

 private:
  void RunPoints(const ir::KernelArgs& args, Row& row) const override {
    std::byte* tile = static_cast<std::byte*>(args.scratch) + tile_;
    bool x_in_place = x_.InPlace();
    bool y_in_place = y_.InPlace();
    bool ahead = n_ * x_.io.bytes <= kMaxAheadBytes;
    bool ahead_x = ahead && x_.IsDense();
    bool ahead_y = ahead && !options_.value_per_row && y_.IsDense();
    Cursor in(points_, args.operand(0));
    Cursor out(result_points_, args.result(0));
    for (int64_t p = 0; p < num_points_; ++p) {
      if (!x_in_place) x_.Gather(in.data(), n_, tile);
      row.x = x_in_place ? static_cast<const void*>(in.data()) : tile;
      row.y = y_in_place ? static_cast<void*>(out.data()) : tile;
      char* result = out.data();
      in.Skip(1);
      out.Skip(1);
      bool last = p + 1 == num_points_;
      row.next_x = ahead_x && !last ? in.data() : nullptr;
      row.next_y = ahead_y && !last ? out.data() : nullptr;
      loop_(row);
      if (!y_in_place) y_.Scatter(tile, options_.value_per_row ? 1 : n_, result);
    }
  }

  int64_t tile_;
};

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
        Gather(in.data() + from * in_stride_, width, scratch);
        RunStrip(width, row, scratch);
        Scatter(out.data() + from * out_stride_, width, scratch);
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
  void Gather(const char* data, int64_t width, std::byte* scratch) const {
    int64_t bytes = x_.io.tile_bytes;
    if (x_direct_) {
      int64_t stride = x_.space.strides[0];
      for (int64_t k = 0; k < n_; k += kTurn) {
        Prefetch<0>(data, stride, k + kAhead, width * bytes);
        turn_(data + k * stride, stride / bytes, scratch + strip_ + k * bytes, row_,
              std::min(kTurn, n_ - k), width);
      }
      return;
    }
    Cursor at(x_.space, data);
    for (int64_t k = 0; k < n_; k += kTurn) {
      int64_t count = std::min(kTurn, n_ - k);
      for (int64_t i = 0; i < count; ++i) {
        x_.io.load(at.data(), in_stride_, width, scratch + tile_ + i * width * bytes);
        at.Skip(1);
      }
      turn_(scratch + tile_, width, scratch + strip_ + k * bytes, row_, count, width);
    }
  }

  void Scatter(char* data, int64_t width, std::byte* scratch) const {
    if (options_.value_per_row) return y_.io.store(scratch + tile_, width, data, out_stride_);
    int64_t bytes = x_.io.tile_bytes;
    if (y_direct_) {
      int64_t stride = y_.space.strides[0];
      for (int64_t k = 0; k < n_; k += kTurn) {
        Prefetch<1>(data, stride, k + kAhead, width * bytes);
        TurnBack(scratch + strip_ + k * bytes, width, std::min(kTurn, n_ - k), data + k * stride,
                 stride / bytes);
      }
      return;
    }
    Cursor at(y_.space, data);
    for (int64_t k = 0; k < n_; k += kTurn) {
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

// A tensor that a strip is part of.
struct StripSide {
  const RowAccess* access;
  int64_t stride;   // bytes from point to point
  std::byte* tile;  // null: rows are used as they lie
};

class StripMemory final : public StripIo {
 public:
  StripMemory(const StripSide& x, const void* in, const StripSide& y, void* out, int64_t width)
      : x_(x), y_(y), in_data_(in), out_data_(out), width_(width) {
    StripMemory::Restart();
  }

  void Restart() override {
    in_.Start(x_.access->space.sizes, x_.access->space.strides, in_data_);
    out_.Start(y_.access->space.sizes, y_.access->space.strides, out_data_);
  }

  const void* Next() override {
    const char* row = in_.data();
    in_.Skip(1);
    if (x_.access->io.bytes == x_.stride)
      Prefetch<0>(row + x_.access->Stride(), width_ * x_.stride);
    if (x_.tile == nullptr) return row;
    x_.access->io.load(row, x_.stride, width_, x_.tile);
    return x_.tile;
  }

  void* Result() override { return y_.tile == nullptr ? static_cast<void*>(out_.data()) : y_.tile; }

  void Put() override {
    char* row = out_.data();
    out_.Skip(1);
    if (y_.access->io.bytes == y_.stride)
      Prefetch<1>(row + y_.access->Stride(), width_ * y_.stride);
    if (y_.tile != nullptr) y_.access->io.store(y_.tile, width_, row, y_.stride);
  }

 private:
  // Asks for what is likely the row after this one: the processor foresees little of other pages.
  template <int kWrite>
  static void Prefetch(const char* data, int64_t bytes) {
    for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(data + at, kWrite, 3);
  }

  StripSide x_;
  StripSide y_;
  const void* in_data_;
  void* out_data_;
  int64_t width_;
  Cursor in_;
  Cursor out_;
};

// Strips of points along their innermost dim, computed as they lie.
class ColumnKernel final : public RowKernel {
 public:
  ColumnKernel(const ir::KernelCtx& ctx, StripLoop loop, const RowOptions& options)
      : RowKernel(ctx, nullptr, options),
        strip_loop_(loop),
        outer_(points_),
        outer_result_(result_points_) {
    inner_ = points_.sizes.back();
    for (CursorSpace* outer : {&outer_, &outer_result_}) {
      outer->sizes.pop_back();
      outer->strides.pop_back();
    }
    width_ = std::min(inner_, kStripRowBytes / x_.io.tile_bytes);
    const int64_t row = width_ * x_.io.tile_bytes;
    lanes_ = Take(std::min(n_, kReduceLanes) * row);
    strip_partials_ = Take(NumChunks(n_) * row);
    first_ = Take(row);
    second_ = Take(row);
    x_tile_ = SideTile(x_, points_, row);
    y_tile_ = SideTile(y_, result_points_, row);
  }

 private:
  // A tile for rows of a side that cannot be used as they lie, else -1.
  int64_t SideTile(const RowAccess& access, const CursorSpace& points, int64_t bytes) {
    return access.io.direct && points.strides.back() == access.io.bytes ? -1 : Take(bytes);
  }

  void RunPoints(const ir::KernelArgs& args, Row& row) const override {
    auto* scratch = static_cast<std::byte*>(args.scratch);
    StripSide x{&x_, points_.strides.back(), x_tile_ < 0 ? nullptr : scratch + x_tile_};
    StripSide y{&y_, result_points_.strides.back(), y_tile_ < 0 ? nullptr : scratch + y_tile_};
    Strip strip{.io = nullptr,
                .n = n_,
                .width = 0,
                .weight = row.weight,
                .bias = row.bias,
                .eps = row.eps,
                .correction = row.correction,
                .lanes = scratch + lanes_,
                .partials = scratch + strip_partials_,
                .first = scratch + first_,
                .second = scratch + second_};
    Cursor in(outer_, args.operand(0));
    Cursor out(outer_result_, args.result(0));
    for (int64_t p = 0; p < num_points_ / inner_; ++p) {
      for (int64_t from = 0; from < inner_; from += width_) {
        strip.width = std::min(width_, inner_ - from);
        StripMemory memory(x, in.data() + from * x.stride, y, out.data() + from * y.stride,
                           strip.width);
        strip.io = &memory;
        strip_loop_(strip);
      }
      in.Skip(1);
      out.Skip(1);
    }
  }

  StripLoop strip_loop_;
  int64_t inner_;
  CursorSpace outer_;
  CursorSpace outer_result_;
  int64_t width_;
  int64_t lanes_;
  int64_t strip_partials_;
  int64_t first_;
  int64_t second_;
  int64_t x_tile_;
  int64_t y_tile_;
};

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> MakeRowKernel(const ir::KernelCtx& ctx, const RowLoops& loops,
                                                    const RowOptions& options) {
  std::unique_ptr<RowKernel> kernel =
      std::make_unique<SingleRowKernel>(ctx, loops.row.For(ctx.cpu), options);
  if (StripLoop strip = loops.strip.For(ctx.cpu); strip != nullptr && kernel->PointsFillVectors()) {
    kernel = std::make_unique<ColumnKernel>(ctx, strip, options);
  } else if (kernel->PointsAreDenser()) {
    kernel = std::make_unique<StripKernel>(ctx, loops.row.For(ctx.cpu), options);
  }
  GCOMP_RETURN_IF_ERROR(CheckCursorRank(ctx.op, kernel->Rank()));
  return std::unique_ptr<ir::Kernel>(std::move(kernel));
}

}  // namespace gcomp::kernels
