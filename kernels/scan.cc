#include "kernels/scan.h"

#include <algorithm>

#include "kernels/pacer.h"
#include "kernels/scratch_plan.h"

namespace gcomp::kernels {
namespace {

// The scanned axis and the other dims, collapsed, of operand and result.
struct ScanSpace {
  CursorSpace kept;
  CursorSpace kept_result;
  int64_t n = 1;
  int64_t stride = 0;  // in bytes, along the axis
  int64_t result_stride = 0;
  bool innermost = true;  // form 1
};

ScanSpace SpaceOf(const ir::KernelCtx& ctx, int axis) {
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& y = ctx.results[0];
  int64_t bytes = ir::BytesOf(x.dtype);
  ScanSpace space;
  for (size_t d = 0; d < x.sizes.size(); ++d) {
    bool scanned = d == static_cast<size_t>(axis);
    if (scanned) {
      space.n = x.sizes[d];
      space.stride = x.strides[d] * bytes;
      space.result_stride = y.strides[d] * bytes;
    } else {
      AppendDim(x.sizes[d],
                {{&space.kept, x.strides[d] * bytes}, {&space.kept_result, y.strides[d] * bytes}});
    }
    if (x.sizes[d] != 1) space.innermost = scanned;
  }
  return space;
}

// Form 1: one row after the other, by chunks.
class ScanRowKernel final : public ir::Kernel {
 public:
  ScanRowKernel(const ScanLoops& loops, const TileIo& io, ScanSpace space)
      : loops_(loops), io_(io), space_(std::move(space)) {
    in_place_ = io_.direct && (space_.n == 1 || space_.stride == io_.bytes);
    out_in_place_ = io_.direct && (space_.n == 1 || space_.result_stride == io_.bytes);
  }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(std::min(space_.n, kScanChunk) * io_.tile_bytes);
  }

  Status Run(const ir::KernelArgs& args) const override {
    int64_t points = space_.kept.NumElements();
    if (points == 0 || space_.n == 0) return Status();
    Cursor in(space_.kept, args.operand(0));
    Cursor out(space_.kept_result, args.result(0));
    Pacer pacer(args.regions);
    for (int64_t p = 0; p < points; ++p) {
      GCOMP_RETURN_IF_ERROR(ScanRow(in.data(), out.data(), args.scratch, pacer));
      in.Skip(1);
      out.Skip(1);
    }
    return Status();
  }

 private:
  Status ScanRow(const char* from, char* to, void* tile, Pacer& pacer) const {
    uint64_t offset = loops_.identity;
    for (int64_t k = 0; k < space_.n; k += kScanChunk) {
      int64_t count = std::min(space_.n - k, kScanChunk);
      const char* x = from + k * space_.stride;
      char* y = to + k * space_.result_stride;
      const void* values = x;
      if (!in_place_) {
        io_.load(x, space_.stride, count, tile);
        values = tile;
      }
      uint64_t total = 0;
      loops_.chunk(values, count, &offset, out_in_place_ ? y : tile, &total);
      if (!out_in_place_) io_.store(tile, count, y, space_.result_stride);
      loops_.rows(&offset, &total, 1);
      GCOMP_RETURN_IF_ERROR(pacer.Step(count));
    }
    return {};
  }

  ScanLoops loops_;
  TileIo io_;
  ScanSpace space_;
  bool in_place_;
  bool out_in_place_;
};

// Elements of a strip, form 2: whole pages of rows, while its sums and offsets stay in L1.
constexpr int64_t kStrip = 2048;

// Form 2: strips of the innermost kept dim, row after row.
class ScanStripKernel final : public ir::Kernel {
 public:
  ScanStripKernel(const ScanLoops& loops, const TileIo& io, ScanSpace space)
      : loops_(loops), io_(io), space_(std::move(space)) {
    inner_ = space_.kept.sizes.back();
    in_stride_ = space_.kept.strides.back();
    out_stride_ = space_.kept_result.strides.back();
    for (CursorSpace* kept : {&space_.kept, &space_.kept_result}) {
      kept->sizes.pop_back();
      kept->strides.pop_back();
    }
    width_ = std::min(inner_, kStrip);
    in_place_ = io_.direct && in_stride_ == io_.bytes;
    out_in_place_ = io_.direct && out_stride_ == io_.bytes;
    auto bytes = static_cast<size_t>(width_ * io_.tile_bytes);
    offset_ = plan_.Take(bytes);
    local_ = plan_.Take(bytes);
    tile_ = plan_.Take(bytes);
  }

  size_t scratch_bytes() const override { return plan_.bytes(); }

  Status Run(const ir::KernelArgs& args) const override {
    int64_t points = space_.kept.NumElements();
    if (points == 0 || inner_ == 0 || space_.n == 0) return Status();
    auto* scratch = static_cast<std::byte*>(args.scratch);
    Cursor in(space_.kept, args.operand(0));
    Cursor out(space_.kept_result, args.result(0));
    Pacer pacer(args.regions);
    for (int64_t p = 0; p < points; ++p) {
      for (int64_t from = 0; from < inner_; from += width_) {
        GCOMP_RETURN_IF_ERROR(Strip(in.data() + from * in_stride_, out.data() + from * out_stride_,
                                    std::min(width_, inner_ - from), scratch, pacer));
      }
      in.Skip(1);
      out.Skip(1);
    }
    return Status();
  }

 private:
  Status Strip(const char* from, char* to, int64_t width, std::byte* scratch, Pacer& pacer) const {
    std::byte* tile = scratch + tile_;
    Fill(width, scratch + offset_);
    Fill(width, scratch + local_);
    for (int64_t k = 0; k < space_.n; ++k) {
      if (k > 0 && k % kScanChunk == 0) {
        loops_.rows(scratch + offset_, scratch + local_, width);
        Fill(width, scratch + local_);
      }
      const char* x = from + k * space_.stride;
      char* y = to + k * space_.result_stride;
      const void* values = x;
      if (!in_place_) {
        io_.load(x, in_stride_, width, tile);
        values = tile;
      }
      loops_.row(values, width, scratch + offset_, scratch + local_,
                 out_in_place_ ? static_cast<void*>(y) : tile);
      if (!out_in_place_) io_.store(tile, width, y, out_stride_);
      GCOMP_RETURN_IF_ERROR(pacer.Step(width));
    }
    return {};
  }

  void Fill(int64_t width, std::byte* values) const {
    auto bytes = static_cast<size_t>(io_.tile_bytes);
    for (int64_t i = 0; i < width; ++i) {
      std::memcpy(values + i * io_.tile_bytes, &loops_.identity, bytes);
    }
  }

  ScanLoops loops_;
  TileIo io_;
  ScanSpace space_;  // kept: without the innermost dim
  int64_t inner_;
  int64_t in_stride_;
  int64_t out_stride_;
  int64_t width_;
  bool in_place_;
  bool out_in_place_;
  ScratchPlan plan_;
  size_t offset_;
  size_t local_;
  size_t tile_;
};

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> MakeScanKernel(const ir::KernelCtx& ctx,
                                                     const ScanLoops& loops, int axis) {
  ScanSpace space = SpaceOf(ctx, axis);
  GCOMP_RETURN_IF_ERROR(CheckCursorRank(ctx.op, space.kept.sizes.size()));
  TileIo io = TileIoOf(ctx.operands[0].dtype, ctx.cpu);
  std::unique_ptr<ir::Kernel> kernel;
  if (space.innermost) {
    kernel = std::make_unique<ScanRowKernel>(loops, io, std::move(space));
  } else {
    kernel = std::make_unique<ScanStripKernel>(loops, io, std::move(space));
  }
  return kernel;
}

ir::Stage ScanStage(const ir::LowerCtx& ctx, int axis) {
  const ir::LowerCtx::Tensor& x = ctx.operands[0];
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  auto scanned = static_cast<size_t>(axis);
  ir::Stage stage;
  stage.kind = ir::Stage::Kind::kScan;
  ir::Load load;
  load.otherwise.dtype = x.dtype;
  for (size_t d = 0; d < x.sizes.size(); ++d) {
    if (x.sizes[d].IsConst(1)) continue;
    stage.order = d == scanned ? ir::Stage::Order::kLanes : ir::Stage::Order::kBlocks;
    if (d == scanned) continue;
    stage.axes.push_back(x.sizes[d]);
    load.offset.coefs.push_back(x.strides[d]);
    stage.store.coefs.push_back(y.strides[d]);
  }
  stage.reduce_axes = {x.sizes[scanned]};
  load.offset.coefs.push_back(x.strides[scanned]);
  stage.store.coefs.push_back(y.strides[scanned]);
  stage.loads.push_back(std::move(load));
  stage.store_buffer = ctx.result_buffer(0);
  return stage;
}

}  // namespace gcomp::kernels
