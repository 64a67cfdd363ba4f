// Row kernels over strips of points that are computed as they lie.
#include <algorithm>

#include "kernels/row_kernel.h"

namespace gcomp::kernels {
namespace {

// A row of a strip is at most this long: its 128 lanes stay in L2.
constexpr int64_t kStripRowBytes = 4096;

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
    ahead_bytes = x.access->io.bytes;
    StripMemory::Restart();
  }

  void Restart() override {
    ahead_x = nullptr;
    ahead_y = nullptr;
    in_.Start(x_.access->space.sizes, x_.access->space.strides, in_data_);
    out_.Start(y_.access->space.sizes, y_.access->space.strides, out_data_);
  }

  const void* Next() override {
    const char* row = in_.data();
    in_.Skip(1);
    if (x_.access->io.bytes == x_.stride) ahead_x = in_.data();
    if (x_.tile == nullptr) return row;
    x_.access->io.load(row, x_.stride, width_, x_.tile);
    return x_.tile;
  }

  void* Result() override {
    row_ = out_.data();
    out_.Skip(1);
    if (y_.access->io.bytes == y_.stride) ahead_y = out_.data();
    return y_.tile == nullptr ? static_cast<void*>(row_) : y_.tile;
  }

  void Put() override {
    if (y_.tile != nullptr) y_.access->io.store(y_.tile, width_, row_, y_.stride);
  }

 private:
  StripSide x_;
  StripSide y_;
  const void* in_data_;
  void* out_data_;
  char* row_ = nullptr;  // of the result
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
                .pacer = row.pacer,
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
        if (!row.pacer->Go(strip.width)) return;
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

std::unique_ptr<RowKernel> MakeColumnKernel(const ir::KernelCtx& ctx, StripLoop loop,
                                            const RowOptions& options) {
  return std::make_unique<ColumnKernel>(ctx, loop, options);
}

}  // namespace gcomp::kernels
