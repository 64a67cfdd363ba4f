#include "kernels/rows.h"

#include <algorithm>

#include "base/format.h"
#include "kernels/cursor.h"
#include "kernels/reduce.h"

namespace gcomp::kernels {
namespace {

// One tensor along the row axes.
struct RowAccess {
  TileIo io;
  CursorSpace space;
  bool in_place = false;  // rows are dense in the compute type
  int64_t scratch = -1;   // where its row lies in scratch, unless in place

  void Finish(int64_t n, int64_t* scratch_bytes) {
    in_place = io.direct &&
               (space.sizes.empty() || (space.sizes.size() == 1 && space.strides[0] == io.bytes));
    if (in_place) return;
    scratch = *scratch_bytes;
    *scratch_bytes += (n * io.tile_bytes + 63) / 64 * 64;
  }

  // The row at `data`: itself, or its copy in scratch.
  const void* Fetch(const void* data, int64_t n, std::byte* base) const {
    if (in_place) return data;
    std::byte* tile = base + scratch;
    Cursor(space, data).Walk(n, [&](const char* piece, int64_t count) {
      io.load(piece, Stride(), count, tile);
      tile += count * io.tile_bytes;
    });
    return base + scratch;
  }

  void Put(void* data, int64_t n, const std::byte* base) const {
    if (in_place) return;
    const std::byte* tile = base + scratch;
    Cursor(space, data).Walk(n, [&](char* piece, int64_t count) {
      io.store(tile, count, piece, Stride());
      tile += count * io.tile_bytes;
    });
  }

  int64_t Stride() const { return space.strides.empty() ? io.bytes : space.strides.back(); }
};

class RowKernel final : public ir::Kernel {
 public:
  RowKernel(const ir::KernelCtx& ctx, RowLoop loop, const RowOptions& options)
      : loop_(loop), options_(options) {
    const ir::TensorSpec& x = ctx.operands[0];
    const ir::TensorSpec& y = ctx.results[0];
    x_.io = TileIoOf(x.dtype, ctx.cpu);
    y_.io = TileIoOf(y.dtype, ctx.cpu);
    for (size_t d = 0; d < x.sizes.size(); ++d) {
      bool in_row = std::ranges::binary_search(options.axes, static_cast<int>(d));
      AppendDim(x.sizes[d], {{in_row ? &x_.space : &points_, x.strides[d] * x_.io.bytes}});
      AppendDim(x.sizes[d], {{in_row ? &y_.space : &result_points_, y.strides[d] * y_.io.bytes}});
    }
    n_ = x_.space.NumElements();
    num_points_ = points_.NumElements();
    x_.Finish(n_, &scratch_bytes_);
    y_.Finish(n_, &scratch_bytes_);
    for (auto [access, operand] : {std::pair{&weight_, options.weight}, {&bias_, options.bias}}) {
      if (operand < 0) continue;
      const ir::TensorSpec& spec = ctx.operands[static_cast<size_t>(operand)];
      access->io = TileIoOf(spec.dtype, ctx.cpu);
      for (size_t d = 0; d < spec.sizes.size(); ++d) {
        AppendDim(spec.sizes[d], {{&access->space, spec.strides[d] * access->io.bytes}});
      }
      access->Finish(n_, &scratch_bytes_);
    }
    partials_ = scratch_bytes_;
    scratch_bytes_ += NumChunks(n_) * x_.io.tile_bytes;
  }

  size_t Rank() const {
    size_t rank = 0;
    for (const CursorSpace* space :
         {&points_, &result_points_, &x_.space, &y_.space, &weight_.space, &bias_.space}) {
      rank = std::max(rank, space->sizes.size());
    }
    return rank;
  }

  size_t scratch_bytes() const override { return static_cast<size_t>(scratch_bytes_); }

  Status Run(const ir::KernelArgs& args) const override {
    if (n_ == 0 || num_points_ == 0) return Status();
    auto* scratch = static_cast<std::byte*>(args.scratch);
    Row row{.x = nullptr,
            .y = nullptr,
            .n = n_,
            .weight = nullptr,
            .bias = nullptr,
            .eps = options_.eps,
            .partials = scratch + partials_};
    if (options_.weight >= 0) {
      row.weight = weight_.Fetch(args.operand(static_cast<size_t>(options_.weight)), n_, scratch);
    }
    if (options_.bias >= 0) {
      row.bias = bias_.Fetch(args.operand(static_cast<size_t>(options_.bias)), n_, scratch);
    }
    Cursor in(points_, args.operand(0));
    Cursor out(result_points_, args.result(0));
    for (int64_t p = 0; p < num_points_; ++p) {
      row.x = x_.Fetch(in.data(), n_, scratch);
      row.y = y_.in_place ? static_cast<void*>(out.data()) : scratch + y_.scratch;
      loop_(row);
      y_.Put(out.data(), n_, scratch);
      in.Skip(1);
      out.Skip(1);
    }
    return Status();
  }

 private:
  RowLoop loop_;
  RowOptions options_;
  CursorSpace points_;
  CursorSpace result_points_;
  RowAccess x_;
  RowAccess y_;
  RowAccess weight_;
  RowAccess bias_;
  int64_t n_ = 0;
  int64_t num_points_ = 0;
  int64_t partials_ = 0;
  int64_t scratch_bytes_ = 0;
};

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> MakeRowKernel(const ir::KernelCtx& ctx, RowLoop loop,
                                                    const RowOptions& options) {
  auto kernel = std::make_unique<RowKernel>(ctx, loop, options);
  if (kernel->Rank() > kMaxCursorRank) {
    return Status(ErrorId::E802, Format("{}: the operands need {} separate dims; the limit is {}",
                                        ctx.op.def->name, kernel->Rank(), kMaxCursorRank));
  }
  return std::unique_ptr<ir::Kernel>(std::move(kernel));
}

RowLowering::RowLowering(ir::LowerCtx& ctx, std::vector<int> axes, ir::DType compute_type)
    : ctx_(ctx), compute_type_(compute_type), row_axes_(std::move(axes)) {
  for (int d = 0; d < ctx.operands[0].rank(); ++d) {
    if (!std::ranges::binary_search(row_axes_, d)) point_axes_.push_back(d);
  }
}

namespace {

std::vector<ir::Expr> Pick(const std::vector<ir::Expr>& exprs, const std::vector<int>& first,
                           const std::vector<int>& second) {
  std::vector<ir::Expr> picked;
  for (int d : first) picked.push_back(exprs[static_cast<size_t>(d)]);
  for (int d : second) picked.push_back(exprs[static_cast<size_t>(d)]);
  return picked;
}

}  // namespace

ir::Stage RowLowering::ReduceStage() const {
  ir::Stage stage;
  stage.kind = ir::Stage::Kind::kReduce;
  stage.order = ir::Stage::Order::kLanes;
  stage.axes = Pick(ctx_.operands[0].sizes, point_axes_, {});
  stage.reduce_axes = Pick(ctx_.operands[0].sizes, row_axes_, {});
  return stage;
}

ir::Stage RowLowering::MapStage() const {
  ir::Stage stage;
  stage.axes = Pick(ctx_.operands[0].sizes, point_axes_, row_axes_);
  stage.store_buffer = ctx_.result_buffer(0);
  stage.store.coefs = Pick(ctx_.results[0].strides, point_axes_, row_axes_);
  return stage;
}

ir::Load RowLowering::LoadX() const {
  ir::Load load;
  load.otherwise.dtype = ctx_.operands[0].dtype;
  load.offset.coefs = Pick(ctx_.operands[0].strides, point_axes_, row_axes_);
  return load;
}

ir::Load RowLowering::LoadTemp(size_t temp) const {
  ir::Load load;
  load.buffer = ctx_.nest.temp_buffer(temp);
  load.otherwise.dtype = compute_type_;
  load.offset.coefs = ir::ContiguousStrides(Pick(ctx_.operands[0].sizes, point_axes_, {}));
  load.offset.coefs.resize(point_axes_.size() + row_axes_.size());
  return load;
}

ir::Load RowLowering::LoadAlongRow(size_t operand) const {
  ir::Load load;
  load.buffer = operand;
  load.otherwise.dtype = ctx_.operands[operand].dtype;
  load.offset.coefs.resize(point_axes_.size());
  const ir::Dims& strides = ctx_.operands[operand].strides;
  load.offset.coefs.insert(load.offset.coefs.end(), strides.begin(), strides.end());
  return load;
}

size_t RowLowering::StoreToTemp(ir::Stage& stage) const {
  std::vector<ir::Expr> sizes = Pick(ctx_.operands[0].sizes, point_axes_, {});
  ir::Expr elements = 1;
  for (const ir::Expr& size : sizes) elements = ir::Expr::Mul(elements, size);
  ctx_.nest.temps.push_back({compute_type_, elements});
  stage.store_buffer = ctx_.nest.temp_buffer(ctx_.nest.temps.size() - 1);
  stage.store.coefs = ir::ContiguousStrides(sizes);
  return ctx_.nest.temps.size() - 1;
}

StatusOr<int64_t> RowLowering::RowLength() const {
  ir::Expr elements = 1;
  for (int d : row_axes_) {
    elements = ir::Expr::Mul(elements, ctx_.operands[0].sizes[static_cast<size_t>(d)]);
  }
  if (!elements.is_const()) {
    return Status(ErrorId::E511, Format("{}: loops are built for a row length that is a number",
                                        ctx_.op.def->name));
  }
  return elements.value();
}

}  // namespace gcomp::kernels
