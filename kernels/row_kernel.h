// What the kernels of row ops (kernels/rows.h) share: the walk over points and the access to rows.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "kernels/cursor.h"
#include "kernels/reduce.h"
#include "kernels/rows.h"

namespace gcomp::kernels {

// A row of a strip that is computed as it lies is at least this many points.
inline constexpr int64_t kMinStripWidth = 16;

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

  // The next n elements of a row, into a tile and back.
  void Gather(Cursor* row, int64_t n, std::byte* tile) const {
    row->Walk(n, [&](const char* piece, int64_t count) {
      io.load(piece, Stride(), count, tile);
      tile += count * io.tile_bytes;
    });
  }

  void Scatter(const std::byte* tile, int64_t n, Cursor* row) const {
    row->Walk(n, [&](char* piece, int64_t count) {
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

  const void* Fetch(const ir::KernelArgs& args, int64_t n, std::byte* base, Pacer& pacer) const {
    if (operand < 0) return nullptr;
    const void* data = args.operand(static_cast<size_t>(operand));
    if (scratch < 0) return data;
    Cursor row(access.space, data);
    ForPieces(pacer, n, [&](int64_t from, int64_t count) {
      access.Gather(&row, count, base + scratch + from * access.io.tile_bytes);
    });
    return base + scratch;
  }
};

// The kernel of a row op without the order in which it takes its points.
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
    Pacer pacer(args.regions);
    Row row{.x = nullptr,
            .y = nullptr,
            .n = n_,
            .weight = weight_.Fetch(args, n_, scratch, pacer),
            .bias = bias_.Fetch(args, n_, scratch, pacer),
            .eps = options_.eps,
            .correction = options_.correction,
            .partials = scratch + partials_,
            .io = nullptr,
            .pacer = &pacer,
            .next_x = nullptr,
            .next_y = nullptr,
            .next_bytes = x_.io.bytes};
    RunPoints(args, row);
    return pacer.status();
  }

 protected:
  // Until row.pacer stops it.
  virtual void RunPoints(const ir::KernelArgs& args, Row& row) const = 0;

  // A part of scratch, aligned to 64 bytes.
  int64_t Take(int64_t bytes) {
    int64_t at = scratch_bytes_;
    scratch_bytes_ += (bytes + 63) / 64 * 64;
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

// Strips of points along their innermost dim: turned in cache, for a loop over rows; and computed
// as they lie. Both require PointsAreDenser.
std::unique_ptr<RowKernel> MakeTurnedStripKernel(const ir::KernelCtx& ctx, RowLoop loop,
                                                 const RowOptions& options);
std::unique_ptr<RowKernel> MakeColumnKernel(const ir::KernelCtx& ctx, StripLoop loop,
                                            const RowOptions& options);

}  // namespace gcomp::kernels
