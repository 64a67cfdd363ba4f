#include "kernels/rows.h"

#include <algorithm>

#include "kernels/row_kernel.h"

namespace gcomp::kernels {
namespace {

// The next row is asked for while a row computes if it is at most this long: both stay in L2.
constexpr int64_t kMaxAheadBytes = int64_t{1} << 18;

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
