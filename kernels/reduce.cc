#include "kernels/reduce.h"

#include <algorithm>
#include <cstring>

#include "base/format.h"
#include "kernels/cursor.h"
#include "kernels/pacer.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

// Form 2 works on strips of this many bytes of partial values at most (it takes narrower strips
// where the reduced axes are long), and on at most kTile elements at once.
constexpr int64_t kMaxPartialBytes = int64_t{1} << 20;

// What form 1 asks for of the next row, if it lies dense.
constexpr int64_t kMaxAheadBytes = 1024;

// Rows that form 2 combines at once.
constexpr int64_t kFoldedRows = 8;

int64_t RoundUp(int64_t value, int64_t to) {
  return (value + to - 1) / to * to;
}

// What both forms share.
class ReduceKernel : public ir::Kernel {
 public:
  ReduceKernel(const ReduceLoops& loops, const TileIo& io, const TileIo& out, ReduceSpace space)
      : loops_(loops),
        io_(io),
        out_(out),
        space_(std::move(space)),
        n_(space_.reduced.NumElements()),
        points_(space_.kept.NumElements()) {}

 protected:
  // values[0] = the tree over `count` rows of `width` values each, `width` apart.
  void Tree(std::byte* values, int64_t count, int64_t width) const {
    ForTreeLevels(count, [&](int64_t half, int64_t pairs) {
      loops_.rows(values, values + half * width * loops_.partial_bytes, pairs * width);
    });
  }

  // Partial values to results.
  void Put(std::byte* values, int64_t count, void* to, int64_t stride) const {
    if (loops_.finish != nullptr) loops_.finish(values, count, n_);
    out_.store(values, count, to, stride);
  }

  ReduceLoops loops_;
  TileIo io_;   // of the operand
  TileIo out_;  // of the result
  ReduceSpace space_;
  int64_t n_;       // reduced elements per point
  int64_t points_;  // results
};

// Nothing is reduced: every result is the value of the empty reduction.
class EmptyReduceKernel final : public ReduceKernel {
 public:
  using ReduceKernel::ReduceKernel;

  Status Run(const ir::KernelArgs& args) const override {
    alignas(8) std::byte value[sizeof(loops_.empty)];
    std::memcpy(value, &loops_.empty, sizeof(value));
    Cursor out(space_.kept_result, args.result(0));
    Pacer pacer(args.regions);
    for (int64_t p = 0; p < points_; ++p) {
      out_.store(value, 1, out.data(), out_.bytes);
      out.Skip(1);
      GCOMP_RETURN_IF_ERROR(pacer.Step(1));
    }
    return Status();
  }
};

// Form 1: one point after the other.
class LanesKernel final : public ReduceKernel {
 public:
  LanesKernel(const ReduceLoops& loops, const TileIo& io, const TileIo& out, ReduceSpace space)
      : ReduceKernel(loops, io, out, std::move(space)), chunks_(NumChunks(n_)) {
    const CursorSpace& reduced = space_.reduced;
    const bool dense =
        reduced.sizes.empty() || (reduced.sizes.size() == 1 && reduced.strides[0] == io_.bytes);
    in_place_ = io_.direct && dense;
    ahead_ = dense ? std::min(n_ * io_.bytes, kMaxAheadBytes) : 0;
    tile_bytes_ = in_place_ ? 0 : RoundUp(std::min(n_, kReduceChunk) * io_.tile_bytes, 64);
  }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(tile_bytes_ +
                               (std::min(points_, kTile) - 1 + chunks_) * loops_.partial_bytes);
  }

  Status Run(const ir::KernelArgs& args) const override {
    auto* tile = static_cast<std::byte*>(args.scratch);
    std::byte* values = tile + tile_bytes_;
    Cursor in(space_.kept, args.operand(0));
    Cursor out(space_.kept_result, args.result(0));
    Pacer pacer(args.regions);
    for (int64_t done = 0; done < points_; done += kTile) {
      const int64_t count = std::min(kTile, points_ - done);
      for (int64_t p = 0; p < count; ++p) {
        const char* row = in.data();
        in.Skip(1);
        if (done + p + 1 < points_) Prefetch(in.data());
        GCOMP_RETURN_IF_ERROR(Reduce(row, tile, values + p * loops_.partial_bytes, pacer));
      }
      PutAll(values, count, out);
    }
    return Status();
  }

 private:
  // partials[0] = the reduction of a row.
  Status Reduce(const char* data, std::byte* tile, std::byte* partials, Pacer& pacer) const {
    Cursor row;
    if (!in_place_) row.Start(space_.reduced.sizes, space_.reduced.strides, data);
    for (int64_t c = 0; c < chunks_; ++c) {
      int64_t count = std::min(n_ - c * kReduceChunk, kReduceChunk);
      const void* values = tile;
      if (in_place_) {
        values = data + c * kReduceChunk * io_.bytes;
      } else {
        Gather(count, &row, tile);
      }
      loops_.chunk(values, count, partials + c * loops_.partial_bytes);
      GCOMP_RETURN_IF_ERROR(pacer.Step(count));
    }
    if (chunks_ > 1) Tree(partials, chunks_, 1);
    return Status();
  }

  // Asks for the beginning of the next row: the last operations on a row wait for each other, and
  // the memory would be idle meanwhile.
  void Prefetch(const char* row) const {
    for (int64_t at = 0; at < ahead_; at += 64) __builtin_prefetch(row + at);
  }

  // `count` partial values to the next results.
  void PutAll(std::byte* values, int64_t count, Cursor& out) const {
    const int64_t stride =
        space_.kept_result.strides.empty() ? out_.bytes : space_.kept_result.strides.back();
    if (loops_.finish != nullptr) loops_.finish(values, count, n_);
    out.Walk(count, [&](char* to, int64_t n) {
      out_.store(values, n, to, stride);
      values += n * out_.tile_bytes;
    });
  }

  void Gather(int64_t count, Cursor* row, std::byte* tile) const {
    int64_t stride = space_.reduced.strides.empty() ? io_.bytes : space_.reduced.strides.back();
    row->Walk(count, [&](const char* data, int64_t piece) {
      io_.load(data, stride, piece, tile);
      tile += piece * io_.tile_bytes;
    });
  }

  int64_t chunks_;
  int64_t tile_bytes_;
  bool in_place_;
  int64_t ahead_;  // bytes of a row that are asked for while the one before is reduced
};

// Form 2: strips of the innermost kept dim, row after row.
class BlocksKernel final : public ReduceKernel {
 public:
  BlocksKernel(const ReduceLoops& loops, const TileIo& io, const TileIo& out, ReduceSpace space)
      : ReduceKernel(loops, io, out, std::move(space)),
        blocks_((n_ + kReduceBlock - 1) / kReduceBlock) {
    inner_ = space_.kept.sizes.back();
    in_stride_ = space_.kept.strides.back();
    out_stride_ = space_.kept_result.strides.back();
    outer_ = space_.kept;
    outer_result_ = space_.kept_result;
    for (CursorSpace* outer : {&outer_, &outer_result_}) {
      outer->sizes.pop_back();
      outer->strides.pop_back();
    }
    int64_t fitting = kMaxPartialBytes / (blocks_ * loops_.partial_bytes);
    width_ = std::min(inner_, std::clamp<int64_t>(fitting, 16, kTile));
    in_place_ = io_.direct && in_stride_ == io_.bytes;
    tile_ = RoundUp(blocks_ * width_ * loops_.partial_bytes, 64);
  }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(tile_ + kFoldedRows * width_ * io_.tile_bytes);
  }

  Status Run(const ir::KernelArgs& args) const override {
    auto* partials = static_cast<std::byte*>(args.scratch);
    Cursor in(outer_, args.operand(0));
    Cursor out(outer_result_, args.result(0));
    Pacer pacer(args.regions);
    int64_t outer_points = points_ / inner_;
    for (int64_t p = 0; p < outer_points; ++p) {
      for (int64_t from = 0; from < inner_; from += width_) {
        int64_t width = std::min(width_, inner_ - from);
        GCOMP_RETURN_IF_ERROR(Strip(in.data() + from * in_stride_, width, partials, pacer));
        Put(partials, width, out.data() + from * out_stride_, out_stride_);
      }
      in.Skip(1);
      out.Skip(1);
    }
    return Status();
  }

 private:
  // partials[0 .. width) = the reduction of `width` neighboring points.
  Status Strip(const char* data, int64_t width, std::byte* partials, Pacer& pacer) const {
    std::byte* tile = partials + tile_;
    Cursor row(space_.reduced, data);
    for (int64_t b = 0; b < blocks_; ++b) {
      std::byte* partial = partials + b * width * loops_.partial_bytes;
      const int64_t begin = b * kReduceBlock;
      const int64_t end = std::min(begin + kReduceBlock, n_);
      for (int64_t k = begin; k < end; k += kFoldedRows) {
        const int64_t rows = std::min(kFoldedRows, end - k);
        const void* values[kFoldedRows];
        for (int64_t r = 0; r < rows; ++r) {
          values[r] = row.data();
          if (!in_place_) {
            values[r] = tile + r * width * io_.tile_bytes;
            io_.load(row.data(), in_stride_, width, tile + r * width * io_.tile_bytes);
          }
          row.Skip(1);
        }
        loops_.fold(partial, values, rows, width, k == begin);
        GCOMP_RETURN_IF_ERROR(pacer.Step(rows * width));
      }
    }
    if (blocks_ > 1) Tree(partials, blocks_, width);
    return {};
  }

  int64_t blocks_;
  int64_t inner_;
  int64_t in_stride_;
  int64_t out_stride_;
  CursorSpace outer_;
  CursorSpace outer_result_;
  int64_t width_;
  int64_t tile_;  // where the tile lies in scratch
  bool in_place_;
};

}  // namespace

ReduceSpace ReduceSpaceOf(const ir::KernelCtx& ctx, const std::vector<int>& axes) {
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& y = ctx.results[0];
  bool keep_dims = ctx.attrs.Bool("keep_dims");
  int64_t x_bytes = ir::BytesOf(x.dtype);
  int64_t y_bytes = ir::BytesOf(y.dtype);
  ReduceSpace space;
  size_t y_dim = 0;
  for (size_t d = 0; d < x.sizes.size(); ++d) {
    bool is_reduced = std::ranges::binary_search(axes, static_cast<int>(d));
    if (is_reduced) {
      AppendDim(x.sizes[d], {{&space.reduced, x.strides[d] * x_bytes}});
    } else {
      AppendDim(x.sizes[d], {{&space.kept, x.strides[d] * x_bytes},
                             {&space.kept_result, y.strides[y_dim] * y_bytes}});
    }
    if (!is_reduced || keep_dims) ++y_dim;
    if (x.sizes[d] != 1) space.innermost_reduced = is_reduced;
  }
  return space;
}

std::vector<int> ReducedAxes(const ir::AttrReader& attrs, int rank) {
  std::vector<int> axes;
  std::optional<std::vector<int64_t>> dims = attrs.Ints("dims");
  for (int d = 0; d < rank; ++d) {
    bool named = !dims.has_value();
    if (dims.has_value()) {
      named = std::ranges::any_of(*dims,
                                  [&](int64_t dim) { return (dim < 0 ? dim + rank : dim) == d; });
    }
    if (named) axes.push_back(d);
  }
  return axes;
}

Status InferReduce(ir::InferCtx& ctx, bool allows_empty, std::optional<ir::DType> dtype) {
  const ir::Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(std::vector<int> axes, ctx.Axes("dims", x.rank()));
  return InferReduceOver(ctx, axes, allows_empty, dtype.value_or(x.dtype()));
}

Status InferReduceOver(ir::InferCtx& ctx, const std::vector<int>& axes, bool allows_empty,
                       ir::DType dtype) {
  const ir::Type& x = ctx.operand(0);
  bool keep_dims = ctx.attrs().Bool("keep_dims");
  ir::Dims dims;
  for (int d = 0; d < x.rank(); ++d) {
    const ir::Expr& size = x.dims()[static_cast<size_t>(d)];
    if (!std::ranges::binary_search(axes, d)) {
      dims.push_back(size);
      continue;
    }
    if (keep_dims) dims.push_back(1);
    if (!allows_empty && size.IsConst(0)) {
      return ctx.Fail(Format("axis {} of {} is empty: there is no value to give", d, ctx.Show(x)));
    }
  }
  ctx.Return(ir::Type::Tensor(dtype, std::move(dims), {}, x.device()));
  return Status();
}

StatusOr<std::unique_ptr<ir::Kernel>> MakeReduceKernel(const ir::KernelCtx& ctx,
                                                       const ReduceLoops& loops) {
  const ir::TensorSpec& x = ctx.operands[0];
  ReduceSpace space = ReduceSpaceOf(ctx, ReducedAxes(ctx.attrs, x.rank()));
  GCOMP_RETURN_IF_ERROR(CheckCursorRank(ctx.op, space.Rank()));
  TileIo io = TileIoOf(x.dtype, ctx.cpu);
  TileIo out = TileIoOf(ctx.results[0].dtype, ctx.cpu);
  bool empty = space.reduced.NumElements() == 0;
  if (empty && !loops.allows_empty) {
    return Status(ErrorId::E504, Format("{}: a reduced axis is empty: there is no value to give",
                                        ctx.op.def->name));
  }
  std::unique_ptr<ir::Kernel> kernel;
  if (empty || space.kept.NumElements() == 0) {
    kernel = std::make_unique<EmptyReduceKernel>(loops, io, out, std::move(space));
  } else if (space.innermost_reduced) {
    kernel = std::make_unique<LanesKernel>(loops, io, out, std::move(space));
  } else {
    kernel = std::make_unique<BlocksKernel>(loops, io, out, std::move(space));
  }
  return kernel;
}

Status CheckCursorRank(const ir::Op& op, size_t rank) {
  if (rank <= kMaxCursorRank) return Status();
  return Status(ErrorId::E802, Format("{}: the operands need {} separate dims; the limit is {}",
                                      op.def->name, rank, kMaxCursorRank));
}

ir::Stage ReduceStage(const ir::LowerCtx& ctx) {
  return ReduceStageOver(ctx, ReducedAxes(ctx.attrs, ctx.operands[0].rank()));
}

ir::Stage ReduceStageOver(const ir::LowerCtx& ctx, const std::vector<int>& axes) {
  const ir::LowerCtx::Tensor& x = ctx.operands[0];
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  bool keep_dims = ctx.attrs.Bool("keep_dims");
  ir::Stage stage;
  stage.kind = ir::Stage::Kind::kReduce;
  ir::Load load;
  load.otherwise.dtype = x.dtype;
  std::vector<ir::Expr> reduced_strides;
  size_t y_dim = 0;
  for (size_t d = 0; d < x.sizes.size(); ++d) {
    bool is_reduced = std::ranges::binary_search(axes, static_cast<int>(d));
    if (!x.sizes[d].IsConst(1)) {
      stage.order = is_reduced ? ir::Stage::Order::kLanes : ir::Stage::Order::kBlocks;
      if (is_reduced) {
        stage.reduce_axes.push_back(x.sizes[d]);
        reduced_strides.push_back(x.strides[d]);
      } else {
        stage.axes.push_back(x.sizes[d]);
        load.offset.coefs.push_back(x.strides[d]);
        stage.store.coefs.push_back(y.strides[y_dim]);
      }
    }
    if (!is_reduced || keep_dims) ++y_dim;
  }
  load.offset.coefs.insert(load.offset.coefs.end(), reduced_strides.begin(), reduced_strides.end());
  stage.loads.push_back(std::move(load));
  stage.store_buffer = ctx.result_buffer(0);
  return stage;
}

ir::Load LoadCount(const std::vector<ir::Expr>& sizes) {
  ir::Load load;
  load.buffer = ir::Load::kIndex;
  load.otherwise.dtype = ir::DType::kI64;
  load.offset.base = 1;
  for (const ir::Expr& size : sizes) load.offset.base = ir::Expr::Mul(load.offset.base, size);
  return load;
}

bool ReducesNothing(const ir::Stage& stage) {
  return std::ranges::any_of(stage.reduce_axes, [](const ir::Expr& n) { return n.IsConst(0); });
}

}  // namespace gcomp::kernels
