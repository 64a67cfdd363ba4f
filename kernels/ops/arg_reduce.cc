// argmax and argmin: the position of an extreme value.
#include <algorithm>
#include <cstring>

#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"
#include "kernels/reduce.h"
#include "kernels/scratch_plan.h"

namespace gcomp::kernels {
namespace {

// True if a comes before b: NaN is the greatest value, zeros of either sign are equal.
struct Greater {
  template <class S>
  GCOMP_INLINE ir::BoolOf<S> operator()(S a, S b) const {
    if constexpr (std::is_floating_point_v<ir::NativeOf<S>>) {
      return ir::Or(ir::Lt(b, a), ir::And(ir::Ne(a, a), ir::Eq(b, b)));
    } else {
      return ir::Lt(b, a);
    }
  }
};

struct Less {
  template <class S>
  GCOMP_INLINE ir::BoolOf<S> operator()(S a, S b) const {
    return Greater{}(b, a);
  }
};

// The one of two values that comes first, the left one of equals: as a reduction.
template <class Before>
struct FirstFn {
  static constexpr bool kAllowsEmpty = false;

  template <class S>
  GCOMP_INLINE S operator()(S a, S b) const {
    return ir::Select(Before{}(b, a), b, a);
  }

  // What comes after all others.
  template <class T>
  static constexpr T Identity() {
    if constexpr (std::is_same_v<Before, Greater>) return MaxFn::Identity<T>();
    if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::quiet_NaN();
    return std::numeric_limits<T>::max();
  }

  template <class T>
  static constexpr T Empty() {
    return Identity<T>();
  }
};

// ---- Loops --------------------------------------------------------------------------------------

// Positions inside a chunk or block, as wide as the elements so that loops keep one width.
template <class T>
using PositionOf = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

constexpr int64_t kFindStep = 128;
constexpr int64_t kAheadBytes = 4096;  // of a row, asked for while the one before is searched

// The first i < n with is(i); one is. By groups: first the group, then the place in it.
template <class T, class Is>
GCOMP_INLINE int64_t FindFirst(int64_t n, const Is& is) {
  using Position = PositionOf<T>;
  int64_t i = 0;
  for (; i + kFindStep <= n; i += kFindStep) {
    Position found = 0;
    for (int64_t j = 0; j < kFindStep; ++j) found |= is(i + j) ? Position{1} : Position{0};
    if (found != 0) break;
  }
  Position first = kFindStep;
  int64_t count = n - i < kFindStep ? n - i : kFindStep;
  for (int64_t j = 0; j < count; ++j) {
    Position here = is(i + j) ? static_cast<Position>(j) : Position{kFindStep};
    first = here < first ? here : first;
  }
  return i + static_cast<int64_t>(first);
}

// What comes first of numbers, by one instruction; and their sum, to see if all are.
template <class T>
struct ExtremeAndSum {
  T extreme;
  T sum;
};

template <class Before, class T>
GCOMP_INLINE ExtremeAndSum<T> ExtremeOfNumbers(const T* x, int64_t n) {
  constexpr bool kGreatest = std::is_same_v<Before, Greater>;

  struct First {
    GCOMP_INLINE T operator()(T a, T b) const {
      return kGreatest ? (a > b ? a : b) : (a < b ? a : b);
    }
  };

  alignas(64) T extremes[kReduceLanes];
  alignas(64) T sums[kReduceLanes];
  for (int64_t j = 0; j < kReduceLanes; ++j) extremes[j] = x[0];
  for (int64_t j = 0; j < kReduceLanes; ++j) sums[j] = SumFn::Identity<T>();
  auto step = [&](const T* from, int64_t count) __attribute__((always_inline)) {
    GCOMP_INDEPENDENT
    for (int64_t j = 0; j < count; ++j) {
      extremes[j] = First{}(from[j], extremes[j]);
      sums[j] = ir::Add(sums[j], from[j]);
    }
  };
  int64_t k = 0;
  for (; k + kReduceLanes <= n; k += kReduceLanes) step(x + k, kReduceLanes);
  step(x + k, n - k);
  return {CombineLanes<First>(extremes, kReduceLanes), CombineLanes<SumFn>(sums, kReduceLanes)};
}

// The extreme of n dense values and where it is, if it comes before *best (or `first`).
template <class Before, class T>
GCOMP_INLINE void ChunkBody(const void* values, int64_t n, int64_t base, bool first, void* best,
                            int64_t* where) {
  const T* x = static_cast<const T*>(values);
  T* b = static_cast<T*>(best);
  if constexpr (std::is_floating_point_v<T>) {
    auto [extreme, sum] = ExtremeOfNumbers<Before>(x, n);
    // No NaN is among them: one is among the terms of a sum that is NaN, or inf and -inf.
    if (sum == sum) {
      if (!first && !Before{}(extreme, *b)) return;
      *b = extreme;
      *where = base + FindFirst<T>(
                          n, [ x, extreme ](int64_t i)
                                 __attribute__((always_inline)) { return x[i] == extreme; });
      return;
    }
  }
  T extreme = ReduceChunk<FirstFn<Before>, T>(
      n, [x](int64_t i) __attribute__((always_inline)) { return x[i]; });
  if (!first && !Before{}(extreme, *b)) return;
  *b = extreme;
  *where = base + FindFirst<T>(
                      n, [ x, extreme ](int64_t i)
                             __attribute__((always_inline)) { return !Before{}(extreme, x[i]); });
}

// Row k of a block: best[i] and position[i] of n neighboring points.
template <class Before, class T>
GCOMP_INLINE void FoldBody(const void* values, int64_t n, int64_t k, void* best, void* position) {
  const T* x = static_cast<const T*>(values);
  T* b = static_cast<T*>(best);
  auto* p = static_cast<PositionOf<T>*>(position);
  auto here = static_cast<PositionOf<T>>(k);
  if (k == 0) {
    for (int64_t i = 0; i < n; ++i) b[i] = x[i];
    for (int64_t i = 0; i < n; ++i) p[i] = 0;
    return;
  }
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    bool before = Before{}(x[i], b[i]);
    b[i] = before ? x[i] : b[i];
    p[i] = before ? here : p[i];
  }
}

// A finished block into the best of all.
template <class Before, class T>
void Merge(const void* block_best, const void* position, int64_t n, int64_t base, void* best,
           int64_t* where) {
  const T* from = static_cast<const T*>(block_best);
  const auto* p = static_cast<const PositionOf<T>*>(position);
  T* b = static_cast<T*>(best);
  for (int64_t i = 0; i < n; ++i) {
    if (base > 0 && !Before{}(from[i], b[i])) continue;
    b[i] = from[i];
    where[i] = base + static_cast<int64_t>(p[i]);
  }
}

struct ArgLoops {
  void (*chunk)(const void* values, int64_t n, int64_t base, bool first, void* best,
                int64_t* where);
  void (*fold)(const void* values, int64_t n, int64_t k, void* best, void* position);
  void (*merge)(const void* block_best, const void* position, int64_t n, int64_t base, void* best,
                int64_t* where);
};

template <class Before, class T>
GCOMP_TARGET_V3 void ChunkV3(const void* values, int64_t n, int64_t base, bool first, void* best,
                             int64_t* where) {
  ChunkBody<Before, T>(values, n, base, first, best, where);
}

template <class Before, class T>
GCOMP_TARGET_V4 void ChunkV4(const void* values, int64_t n, int64_t base, bool first, void* best,
                             int64_t* where) {
  ChunkBody<Before, T>(values, n, base, first, best, where);
}

template <class Before, class T>
GCOMP_TARGET_V3 void FoldV3(const void* values, int64_t n, int64_t k, void* best, void* position) {
  FoldBody<Before, T>(values, n, k, best, position);
}

template <class Before, class T>
GCOMP_TARGET_V4 void FoldV4(const void* values, int64_t n, int64_t k, void* best, void* position) {
  FoldBody<Before, T>(values, n, k, best, position);
}

template <class Before, class T>
ArgLoops ArgLoopsOf(CpuLevel cpu) {
  bool v4 = cpu == CpuLevel::kV4;
  return {.chunk = v4 ? &ChunkV4<Before, T> : &ChunkV3<Before, T>,
          .fold = v4 ? &FoldV4<Before, T> : &FoldV3<Before, T>,
          .merge = &Merge<Before, T>};
}

// ---- Kernels ------------------------------------------------------------------------------------

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
    for (int64_t p = 0; p < points; ++p) {
      const char* data = in.data();
      in.Skip(1);
      if (p + 1 < points) Prefetch(in.data());
      int64_t where = Find(data, static_cast<std::byte*>(args.scratch));
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

  int64_t Find(const char* data, std::byte* tile) const {
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
    for (int64_t p = 0; p < points; ++p) {
      for (int64_t from = 0; from < inner_; from += width_) {
        int64_t width = std::min(width_, inner_ - from);
        Strip(in.data() + from * in_stride_, width, scratch);
        out_.store(scratch + where_, width, out.data() + from * out_stride_, out_stride_);
      }
      in.Skip(1);
      out.Skip(1);
    }
    return Status();
  }

 private:
  void Strip(const char* data, int64_t width, std::byte* scratch) const {
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
      }
      loops_.merge(scratch + block_best_, scratch + position_, width, from, scratch + best_,
                   reinterpret_cast<int64_t*>(scratch + where_));
    }
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

// ---- Ops ----------------------------------------------------------------------------------------

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

constexpr ir::OpDef kArgMax = ArgReduction<Greater>(
    "argmax",
    "Position of the greatest value along an axis, or in the flattened tensor, the first one of "
    "equals. x: [d0, ..., dn]; y: i64, without the axis (with keep_dims, it stays with size 1). "
    "NaN is the greatest value; -0.0 and 0.0 are equal. Searching an empty axis is an error "
    "(E504).");

constexpr ir::OpDef kArgMin = ArgReduction<Less>(
    "argmin",
    "Position of the least value along an axis, or in the flattened tensor, the first one of "
    "equals. x: [d0, ..., dn]; y: i64, without the axis (with keep_dims, it stays with size 1). "
    "NaN is the greatest value; -0.0 and 0.0 are equal. Searching an empty axis is an error "
    "(E504).");

}  // namespace

GCOMP_DEFINE_OPS(arg_reduce, &kArgMax, &kArgMin)

}  // namespace gcomp::kernels
