// argmax and argmin: the position of an extreme value.
#include <algorithm>
#include <cstring>

#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/arg_loops.h"
#include "kernels/pacer.h"
#include "kernels/pointwise.h"
#include "kernels/reduce.h"
#include "kernels/scratch_plan.h"

namespace gcomp::kernels {
namespace {

constexpr int64_t kAheadBytes = 4096;  // of a row, asked for while the one before is searched

// ---- Kernels
// ------------------------------------------------------------------------------------

// The innermost axis is reduced: one point after the other, by chunks.
class ArgRowKernel final : public ir::Kernel {
 public:
  ArgRowKernel(const ArgLoops& loops, const TileIo& io, const TileIo& out, ReduceSpace space)
      : loops_(loops), io_(io), out_(out), space_(std::move(space)) {
    n_ = space_.reduced.NumElements();
    stride_ = space_.reduced.strides.empty() ? io_.bytes : space_.reduced.strides.back();
    in_place_ = io_.direct && space_.reduced.sizes.size() <= 1 && stride_ == io_.bytes;
  }

  size_t scratch_bytes() const override {
    return in_place_ ? 0 : static_cast<size_t>(std::min(n_, kReduceChunk) * io_.tile_bytes);
  }

  Status Run(const ir::KernelArgs& args) const override {
    Cursor in(space_.kept, args.operand(0));
    Cursor out(space_.kept_result, args.result(0));
    int64_t points = space_.kept.NumElements();
    Pacer pacer(args.regions);
    for (int64_t p = 0; p < points; ++p) {
      const char* data = in.data();
      in.Skip(1);
      if (p + 1 < points) Prefetch(in.data());
      int64_t where = Find(data, static_cast<std::byte*>(args.scratch), pacer);
      if (pacer.stopped()) return pacer.status();
      out_.store(&where, 1, out.data(), out_.bytes);
      out.Skip(1);
    }
    return Status();
  }

 private:
  // Asks for the beginning of the next row, which the processor does not foresee.
  void Prefetch(const char* data) const {
    if (stride_ != io_.bytes) return;
    const int64_t bytes = std::min(n_ * io_.bytes, kAheadBytes);
    for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(data + at, 0, 3);
  }

  // Until the pacer stops it.
  int64_t Find(const char* data, std::byte* tile, Pacer& pacer) const {
    alignas(8) std::byte best[8];
    int64_t where = 0;
    Cursor row(space_.reduced, data);
    for (int64_t from = 0; from < n_; from += kReduceChunk) {
      int64_t count = std::min(n_ - from, kReduceChunk);
      const void* values = data + from * io_.bytes;
      if (!in_place_) {
        values = tile;
        std::byte* to = tile;
        row.Walk(count, [&](const char* piece, int64_t m) {
          io_.load(piece, stride_, m, to);
          to += m * io_.tile_bytes;
        });
      }
      loops_.chunk(values, count, from, from == 0, best, &where);
      if (!pacer.Go(count)) break;
    }
    return where;
  }

  ArgLoops loops_;
  TileIo io_;
  TileIo out_;
  ReduceSpace space_;
  int64_t n_;
  int64_t stride_;
  bool in_place_;
};

// The innermost axis is kept: strips of it, row after row, by blocks of rows.
class ArgStripKernel final : public ir::Kernel {
 public:
  ArgStripKernel(const ArgLoops& loops, const TileIo& io, const TileIo& out, ReduceSpace space)
      : loops_(loops), io_(io), out_(out), space_(std::move(space)) {
    n_ = space_.reduced.NumElements();
    inner_ = space_.kept.sizes.back();
    in_stride_ = space_.kept.strides.back();
    out_stride_ = space_.kept_result.strides.back();
    for (CursorSpace* kept : {&space_.kept, &space_.kept_result}) {
      kept->sizes.pop_back();
      kept->strides.pop_back();
    }
    width_ = std::min(inner_, kTile);
    in_place_ = io_.direct && in_stride_ == io_.bytes;
    auto bytes = static_cast<size_t>(width_ * io_.tile_bytes);
    best_ = plan_.Take(bytes);
    block_best_ = plan_.Take(bytes);
    position_ = plan_.Take(bytes);
    tile_ = plan_.Take(bytes);
    where_ = plan_.Take(static_cast<size_t>(width_) * sizeof(int64_t));
  }

  size_t scratch_bytes() const override { return plan_.bytes(); }

  Status Run(const ir::KernelArgs& args) const override {
    auto* scratch = static_cast<std::byte*>(args.scratch);
    Cursor in(space_.kept, args.operand(0));
    Cursor out(space_.kept_result, args.result(0));
    int64_t points = space_.kept.NumElements();
    Pacer pacer(args.regions);
    for (int64_t p = 0; p < points; ++p) {
      for (int64_t from = 0; from < inner_; from += width_) {
        int64_t width = std::min(width_, inner_ - from);
        GCOMP_RETURN_IF_ERROR(Strip(in.data() + from * in_stride_, width, scratch, pacer));
        out_.store(scratch + where_, width, out.data() + from * out_stride_, out_stride_);
      }
      in.Skip(1);
      out.Skip(1);
    }
    return Status();
  }

 private:
  Status Strip(const char* data, int64_t width, std::byte* scratch, Pacer& pacer) const {
    Cursor row(space_.reduced, data);
    for (int64_t from = 0; from < n_; from += kReduceChunk) {
      int64_t count = std::min(n_ - from, kReduceChunk);
      for (int64_t k = 0; k < count; ++k) {
        const void* values = row.data();
        if (!in_place_) {
          io_.load(row.data(), in_stride_, width, scratch + tile_);
          values = scratch + tile_;
        }
        loops_.fold(values, width, k, scratch + block_best_, scratch + position_);
        row.Skip(1);
        GCOMP_RETURN_IF_ERROR(pacer.Step(width));
      }
      loops_.merge(scratch + block_best_, scratch + position_, width, from, scratch + best_,
                   reinterpret_cast<int64_t*>(scratch + where_));
    }
    return {};
  }

  ArgLoops loops_;
  TileIo io_;
  TileIo out_;
  ReduceSpace space_;  // kept: without the innermost dim
  int64_t n_;
  int64_t inner_;
  int64_t in_stride_;
  int64_t out_stride_;
  int64_t width_;
  bool in_place_;
  ScratchPlan plan_;
  size_t best_;
  size_t block_best_;
  size_t position_;
  size_t tile_;
  size_t where_;
};

// ---- Ops
// ----------------------------------------------------------------------------------------

// The axes: that of `dim`, or all.
std::vector<int> ArgAxes(const ir::AttrReader& attrs, int rank) {
  std::vector<int> axes;
  if (attrs.Has("dim")) {
    auto dim = static_cast<int>(attrs.Int("dim"));
    axes.push_back(dim < 0 ? dim + rank : dim);
  } else {
    for (int d = 0; d < rank; ++d) axes.push_back(d);
  }
  return axes;
}

Status Infer(ir::InferCtx& ctx) {
  int rank = ctx.operand(0).rank();
  if (ctx.attrs().Has("dim")) {
    GCOMP_RETURN_IF_ERROR(ctx.Axis(ctx.attrs().Int("dim"), rank, "dim").status());
  }
  return InferReduceOver(ctx, ArgAxes(ctx.attrs(), rank), false, ir::DType::kI64);
}

template <class Before>
StatusOr<std::unique_ptr<ir::Kernel>> Prepare(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  ReduceSpace space = ReduceSpaceOf(ctx, ArgAxes(ctx.attrs, x.rank()));
  GCOMP_RETURN_IF_ERROR(CheckCursorRank(ctx.op, space.Rank()));
  if (space.reduced.NumElements() == 0) {
    return Status(ErrorId::E504, Format("{}: a reduced axis is empty: there is no value to give",
                                        ctx.op.def->name));
  }
  TileIo io = TileIoOf(x.dtype, ctx.cpu);
  TileIo out = TileIoOf(ir::DType::kI64, ctx.cpu);
  ArgLoops loops = WithComputeType(
      x.dtype, [&](auto like) { return ArgLoopsOf<Before, NumericOf<decltype(like)>>(ctx.cpu); });
  std::unique_ptr<ir::Kernel> kernel;
  if (space.innermost_reduced) {
    kernel = std::make_unique<ArgRowKernel>(loops, io, out, std::move(space));
  } else {
    kernel = std::make_unique<ArgStripKernel>(loops, io, out, std::move(space));
  }
  return kernel;
}

// Two stages: the extreme, then the least position of a value that it does not come before.
template <class Before, class T>
void LowerTo(ir::LowerCtx& ctx) {
  constexpr ir::DType kType = ir::NativeDType<T>();
  ir::Stage extreme = ReduceStageOver(ctx, ArgAxes(ctx.attrs, ctx.operands[0].rank()));
  extreme.body_result = extreme.body.Param(0, kType);
  ir::Stage position = extreme;
  SetReduction<FirstFn<Before>, T>(extreme);
  ir::Expr points = 1;
  for (const ir::Expr& size : extreme.axes) points = ir::Expr::Mul(points, size);
  ctx.nest.temps.push_back({kType, points});
  extreme.store_buffer = ctx.nest.temp_buffer(ctx.nest.temps.size() - 1);
  extreme.store.coefs = ir::ContiguousStrides(extreme.axes);

  ir::Load at_extreme;
  at_extreme.buffer = extreme.store_buffer;
  at_extreme.otherwise.dtype = kType;
  at_extreme.offset.coefs = extreme.store.coefs;
  ir::Load index = LoadCount({});
  index.offset.base = 0;
  index.offset.coefs.resize(position.axes.size());
  for (const ir::Expr& stride : ir::ContiguousStrides(position.reduce_axes)) {
    index.offset.coefs.push_back(stride);
  }
  position.loads.push_back(std::move(at_extreme));
  position.loads.push_back(std::move(index));
  ir::Sym<T> x(&position.body, position.body.Param(0, kType));
  ir::Sym<T> best(&position.body, position.body.Param(1, kType));
  ir::Sym<int64_t> here(&position.body, position.body.Param(2, ir::DType::kI64));
  position.body_result = ir::Select(Before{}(best, x), ir::Constant(here, INT64_MAX), here).index();
  SetReduction<MinFn, int64_t>(position);
  ctx.nest.stages.push_back(std::move(extreme));
  ctx.nest.stages.push_back(std::move(position));
}

template <class Before>
Status Lower(ir::LowerCtx& ctx) {
  WithComputeType(ctx.operands[0].dtype,
                  [&](auto like) { LowerTo<Before, NumericOf<decltype(like)>>(ctx); });
  return Status();
}

constexpr ir::AttrSpec kAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand,
               {.name = "dim",
                .kind = ir::AttrKind::kInt,
                .doc = "the axis to search; absent = all, flattened in row-major order"}),
    ir::BoolAttr("keep_dims", false, "true: searched axes stay, with size 1"),
};

template <class Before>
constexpr ir::OpDef ArgReduction(std::string_view name, std::string_view doc) {
  return {
      .name = name,
      .doc = doc,
      .source = "docs/spec/ops.md",
      .operands = kReduceOperands,
      .attrs = kAttrs,
      .tolerance = {.reason = "positions: nothing rounds"},
      .infer = &Infer,
      .prepare = &Prepare<Before>,
      .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = &Lower<Before>},
      .vjp = ir::NotDifferentiable("the result is a position"),
  };
}

constexpr ir::OpDef kArgMax =
    ArgReduction<Greater>("argmax",
                          "Position of the greatest value along an axis, or in the "
                          "flattened tensor, the first one of "
                          "equals. x: [d0, ..., dn]; y: i64, without the axis (with "
                          "keep_dims, it stays with size 1). "
                          "NaN is the greatest value; -0.0 and 0.0 are equal. Searching an "
                          "empty axis is an error "
                          "(E504).");

constexpr ir::OpDef kArgMin =
    ArgReduction<Less>("argmin",
                       "Position of the least value along an axis, or in the flattened "
                       "tensor, the first one of "
                       "equals. x: [d0, ..., dn]; y: i64, without the axis (with "
                       "keep_dims, it stays with size 1). "
                       "NaN is the greatest value; -0.0 and 0.0 are equal. Searching an "
                       "empty axis is an error "
                       "(E504).");

}  // namespace

GCOMP_DEFINE_OPS(arg_reduce, &kArgMax, &kArgMin)

}  // namespace gcomp::kernels
