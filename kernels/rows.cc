#include "kernels/rows.h"

#include <algorithm>

#include "kernels/row_kernel.h"

namespace gcomp::kernels {
namespace {

// The next row is asked for while a row computes if it is at most this long: both stay in L2.
constexpr int64_t kMaxAheadBytes = int64_t{1} << 18;

// A row on its way through tiles. Long dense rows pass one chunk after the other, in each pass
// again: reading a narrow chunk once more is cheaper than keeping a wide row outside L1. Other rows
// are gathered whole in the first pass.
class RowMemory final : public RowIo {
 public:
  // Tiles of a row and of a chunk.
  RowMemory(const RowAccess* x, const RowAccess* y, int64_t n, std::byte* row, std::byte* chunk)
      : x_(x),
        y_(y),
        x_in_place_(x->InPlace()),
        y_in_place_(y->InPlace()),
        by_chunks_(x->IsDense() && n > kReduceChunk),
        row_(row),
        chunk_(chunk) {}

  void Start(const char* x, char* y) {
    from_ = x;
    to_ = y;
    in_.Start(x_->space.sizes, x_->space.strides, x);
    out_.Start(y_->space.sizes, y_->space.strides, y);
  }

  const void* Load(RowRead read, int64_t from, int64_t count) override {
    if (x_in_place_) return from_ + from * x_->io.bytes;
    if (by_chunks_) {
      x_->io.load(from_ + from * x_->io.bytes, x_->io.bytes, count, chunk_);
      return chunk_;
    }
    std::byte* tile = row_ + from * x_->io.tile_bytes;
    if (read == RowRead::kFirst) x_->Gather(&in_, count, tile);
    return tile;
  }

  void* Result(int64_t from) override {
    return y_in_place_ ? static_cast<void*>(to_ + from * y_->io.bytes) : chunk_;
  }

  void Store(int64_t /*from*/, int64_t count) override {
    if (!y_in_place_) y_->Scatter(chunk_, count, &out_);
  }

 private:
  const RowAccess* x_;
  const RowAccess* y_;
  bool x_in_place_;
  bool y_in_place_;
  bool by_chunks_;
  std::byte* row_;
  std::byte* chunk_;
  const char* from_ = nullptr;
  char* to_ = nullptr;
  Cursor in_;
  Cursor out_;
};

// One row after the other. What is not used as it lies shares one row of scratch.
class SingleRowKernel final : public RowKernel {
 public:
  SingleRowKernel(const ir::KernelCtx& ctx, RowLoop loop, const RowOptions& options)
      : RowKernel(ctx, loop, options) {
    const int64_t bytes = x_.io.tile_bytes;
    in_place_ = x_.InPlace() && (y_.InPlace() || options.value_per_row);
    tile_ = Take(std::max<int64_t>(n_, 1) * bytes);
    chunk_ = Take(std::min(n_, kReduceChunk) * bytes);
  }

 private:
  void RunPoints(const ir::KernelArgs& args, Row& row) const override {
    auto* scratch = static_cast<std::byte*>(args.scratch);
    RowMemory memory(&x_, &y_, n_, scratch + tile_, scratch + chunk_);
    const bool y_in_place = y_.InPlace();
    const bool ahead = n_ * x_.io.bytes <= kMaxAheadBytes;
    const bool ahead_x = ahead && x_.IsDense();
    const bool ahead_y = ahead && !options_.value_per_row && y_.IsDense();
    if (!in_place_) row.io = &memory;
    Cursor in(points_, args.operand(0));
    Cursor out(result_points_, args.result(0));
    for (int64_t p = 0; p < num_points_; ++p) {
      char* result = out.data();
      memory.Start(in.data(), result);
      row.x = in_place_ ? in.data() : nullptr;
      row.y = y_in_place ? static_cast<void*>(result) : scratch + tile_;
      in.Skip(1);
      out.Skip(1);
      bool last = p + 1 == num_points_;
      row.next_x = ahead_x && !last ? in.data() : nullptr;
      row.next_y = ahead_y && !last ? out.data() : nullptr;
      loop_(row);
      if (!row.pacer->Go(std::min(n_, kReduceChunk) + 1)) return;
      if (options_.value_per_row && !y_in_place) y_.io.store(row.y, 1, result, y_.io.bytes);
    }
  }

  bool in_place_;
  int64_t tile_;
  int64_t chunk_;
};

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> MakeRowKernel(const ir::KernelCtx& ctx, const RowLoops& loops,
                                                    const RowOptions& options) {
  std::unique_ptr<RowKernel> kernel =
      std::make_unique<SingleRowKernel>(ctx, loops.row.For(ctx.cpu), options);
  if (StripLoop strip = loops.strip.For(ctx.cpu); strip != nullptr && kernel->PointsFillVectors()) {
    kernel = MakeColumnKernel(ctx, strip, options);
  } else if (kernel->PointsAreDenser()) {
    kernel = MakeTurnedStripKernel(ctx, loops.row.For(ctx.cpu), options);
  }
  GCOMP_RETURN_IF_ERROR(CheckCursorRank(ctx.op, kernel->Rank()));
  return std::unique_ptr<ir::Kernel>(std::move(kernel));
}

}  // namespace gcomp::kernels
