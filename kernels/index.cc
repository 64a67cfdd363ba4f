#include "kernels/index.h"

#include <cstddef>
#include <type_traits>

#include "base/format.h"
#include "kernels/cpu_target.h"

namespace gcomp::kernels {
namespace {

// Calls f(T{}) with the type in which indices of `dtype` lie in tiles.
template <class F>
auto WithIndexType(ir::DType dtype, F f) {
  switch (ir::ComputeTypeOf(dtype)) {
    case ir::DType::kI32:
      return f(int32_t{});
    case ir::DType::kU32:
      return f(uint32_t{});
    case ir::DType::kU64:
      return f(uint64_t{});
    default:
      return f(int64_t{});
  }
}

// True if all of n indices are in range.
template <class T>
GCOMP_INLINE bool AllInside(const void* data, int64_t n, int64_t size) {
  const T* indices = static_cast<const T*>(data);
  uint64_t outside = 0;
  for (int64_t i = 0; i < n; ++i) {
    outside |= PlaceOf(indices[i], size) >= static_cast<uint64_t>(size) ? 1 : 0;
  }
  return outside == 0;
}

// offsets[i] += place of index i * stride. False if one is out of range.
template <class T>
GCOMP_INLINE bool AddPlaces(const void* data, int64_t n, int64_t size, int64_t stride,
                            int64_t* offsets) {
  const T* indices = static_cast<const T*>(data);
  const auto step = static_cast<uint64_t>(stride);  // wraps where an index is out of range
  uint64_t outside = 0;
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t place = PlaceOf(indices[i], size);
    outside |= place >= static_cast<uint64_t>(size) ? 1 : 0;
    offsets[i] = static_cast<int64_t>(static_cast<uint64_t>(offsets[i]) + place * step);
  }
  return outside == 0;
}

template <class T>
GCOMP_TARGET_V3 bool AllInsideV3(const void* data, int64_t n, int64_t size) {
  return AllInside<T>(data, n, size);
}

template <class T>
GCOMP_TARGET_V4 bool AllInsideV4(const void* data, int64_t n, int64_t size) {
  return AllInside<T>(data, n, size);
}

template <class T>
GCOMP_TARGET_V3 bool AddPlacesV3(const void* data, int64_t n, int64_t size, int64_t stride,
                                 int64_t* offsets) {
  return AddPlaces<T>(data, n, size, stride, offsets);
}

template <class T>
GCOMP_TARGET_V4 bool AddPlacesV4(const void* data, int64_t n, int64_t size, int64_t stride,
                                 int64_t* offsets) {
  return AddPlaces<T>(data, n, size, stride, offsets);
}

IndexLoops LoopsFor(ir::DType dtype, CpuLevel cpu) {
  return WithIndexType(dtype, [&](auto like) {
    using T = decltype(like);
    return PerCpu<IndexLoops>{{&AllInsideV3<T>, &AddPlacesV3<T>},
                              {&AllInsideV4<T>, &AddPlacesV4<T>}}
        .For(cpu);
  });
}

// Calls visit(indices, count) for the next n indices, in pieces that are dense in the compute type:
// as they lie, or brought into a tile. Requires n <= kTile.
template <class Visit>
void ForIndices(const TileIo& io, const CursorSpace& space, Cursor& cursor, int64_t n,
                const Visit& visit) {
  alignas(64) std::byte tile[kTile * 8];
  const int64_t stride = space.strides.empty() ? 0 : space.strides.back();
  cursor.Walk(n, [&](const char* data, int64_t count) {
    if (io.direct && stride == io.bytes) return visit(data, count);
    io.load(data, stride, count, tile);
    visit(tile, count);
  });
}

std::string ShowPosition(const std::vector<int64_t>& sizes, int64_t position) {
  std::string text;
  for (size_t d = sizes.size(); d-- > 0; position /= sizes[d]) {
    text = Format("{}{}{}", position % sizes[d], text.empty() ? "" : ", ", text);
  }
  return "[" + text + "]";
}

// The name of flat operand `operand`: "i" for a single one, "is[2]" for one of several.
std::string LabelOf(const ir::Op& op, size_t operand) {
  size_t g = 0;
  while (static_cast<size_t>(op.group_begin[g + 1]) <= operand) ++g;
  const ir::OperandSpec& spec = op.def->operands[g];
  if (spec.kind != ir::OperandKind::kVariadic) return std::string(spec.name);
  return Format("{}[{}]", spec.name, operand - static_cast<size_t>(op.group_begin[g]));
}

std::string BoundsOf(const ir::Op& op, int axis) {
  return Format("axis {} of `{}`", axis, op.def->operands[0].name);
}

// Element strides of a tensor along the dims of `sizes`, to which it broadcasts.
std::vector<int64_t> StridesOver(const ir::TensorSpec& spec, const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size(), 0);
  const size_t shift = sizes.size() - spec.sizes.size();
  for (size_t d = 0; d < spec.sizes.size(); ++d) {
    if (spec.sizes[d] != 1) strides[shift + d] = spec.strides[d];
  }
  return strides;
}

}  // namespace

StatusOr<IndexedOffsets> IndexedOffsets::Make(const ir::KernelCtx& ctx, const IndexedSpace& space) {
  IndexedOffsets made;
  // The dims from `split` on are one dense run that no index moves.
  size_t split = space.sizes.size();
  made.run_bytes_ = space.element_bytes;
  while (split > 0) {
    const size_t d = split - 1;
    const bool dense = space.sizes[d] == 1 || space.strides[d] == made.run_bytes_;
    const bool fixed = std::ranges::all_of(space.axes, [&](const IndexedSpace::Axis& axis) {
      return space.sizes[d] == 1 || axis.operand_strides[d] == 0;
    });
    if (!dense || !fixed) break;
    made.run_bytes_ *= space.sizes[d];
    split = d;
  }
  made.points_ = 1;
  for (size_t d = 0; d < split; ++d) {
    made.points_ *= space.sizes[d];
    AppendDim(space.sizes[d], {{&made.base_, space.strides[d]}});
  }
  size_t rank = std::max(space.axes.size(), made.base_.sizes.size());
  for (const IndexedSpace::Axis& from : space.axes) {
    const ir::TensorSpec& spec = ctx.operands[from.operand];
    Axis axis{from.operand,
              Format("{}: operand `{}`", ctx.op.def->name, from.label),
              from.bounds,
              from.size,
              from.stride,
              spec.dtype,
              TileIoOf(spec.dtype, ctx.cpu),
              LoopsFor(spec.dtype, ctx.cpu),
              spec.sizes,
              {},
              {}};
    const int64_t bytes = ir::BytesOf(spec.dtype);
    for (size_t d = 0; d < spec.sizes.size(); ++d) {
      AppendDim(spec.sizes[d], {{&axis.own, spec.strides[d] * bytes}});
    }
    for (size_t d = 0; d < split; ++d) {
      AppendDim(space.sizes[d], {{&axis.points, from.operand_strides[d] * bytes}});
    }
    rank = std::max({rank, axis.own.sizes.size(), axis.points.sizes.size()});
    made.axes_.push_back(std::move(axis));
  }
  if (rank > kMaxCursorRank) {
    return Status(ErrorId::E802, Format("{}: needs {} separate dims or index operands; the limit "
                                        "is {}",
                                        ctx.op.def->name, rank, kMaxCursorRank));
  }
  return made;
}

Status IndexedOffsets::Check(const ir::KernelArgs& args, Pacer& pacer) const {
  for (const Axis& axis : axes_) {
    GCOMP_RETURN_IF_ERROR(CheckAxis(axis, args.operand(axis.operand), pacer));
  }
  return {};
}

Status IndexedOffsets::CheckAxis(const Axis& axis, const void* indices, Pacer& pacer) {
  const int64_t total = axis.own.NumElements();
  if (total == 0) return {};
  Cursor cursor(axis.own, indices);
  for (int64_t done = 0; done < total; done += kTile) {
    Status status;
    int64_t at = done;
    ForIndices(axis.io, axis.own, cursor, std::min(kTile, total - done),
               [&](const void* piece, int64_t n) {
                 if (status.ok() && !axis.loops.all_inside(piece, n, axis.size)) {
                   status = OutOfRange(axis, piece, n, at);
                 }
                 at += n;
               });
    GCOMP_RETURN_IF_ERROR(std::move(status));
    GCOMP_RETURN_IF_ERROR(pacer.Step(std::min(kTile, total - done)));
  }
  return {};
}

Status IndexedOffsets::OutOfRange(const Axis& axis, const void* tile, int64_t n, int64_t first) {
  return WithIndexType(axis.dtype, [&](auto like) {
    using T = decltype(like);
    const T* indices = static_cast<const T*>(tile);
    int64_t at = 0;
    while (at + 1 < n && PlaceOf(indices[at], axis.size) < static_cast<uint64_t>(axis.size)) ++at;
    const std::string range = axis.size == 0
                                  ? "none is in range"
                                  : Format("it must lie in [{}, {}]",
                                           std::is_signed_v<T> ? -axis.size : 0, axis.size - 1);
    return Status(
        ErrorId::E401,
        Format("{} has the index {} at {}, but {} has size {}: {}", axis.what, indices[at],
               ShowPosition(axis.sizes, first + at), axis.bounds, axis.size, range));
  });
}

void IndexedOffsets::StartTile(Cursor& base, const void* origin, int64_t n,
                               int64_t* offsets) const {
  const int64_t stride = base_.strides.empty() ? 0 : base_.strides.back();
  base.Walk(n, [&](const char* data, int64_t count) {
    const int64_t first = data - static_cast<const char*>(origin);
    for (int64_t i = 0; i < count; ++i) offsets[i] = first + i * stride;
    offsets += count;
  });
}

Status IndexedOffsets::AddIndices(const Axis& axis, Cursor& cursor, int64_t n,
                                  int64_t* offsets) const {
  bool inside = true;
  ForIndices(axis.io, axis.points, cursor, n, [&](const void* indices, int64_t count) {
    inside &= axis.loops.add_places(indices, count, axis.size, axis.stride, offsets);
    offsets += count;
  });
  return inside ? Status() : WrittenMeanwhile(axis.operand);
}

std::optional<IndexedOffsets::DirectIndices> IndexedOffsets::Direct() const {
  if (axes_.size() != 1) return std::nullopt;
  const Axis& axis = axes_[0];
  const bool wide = axis.dtype == ir::DType::kI32 || axis.dtype == ir::DType::kI64;
  const bool dense = axis.points.sizes.size() == 1 && axis.points.strides[0] == axis.io.bytes;
  if (!wide || !dense || base_.sizes.empty()) return std::nullopt;
  return DirectIndices{axis.operand, axis.dtype, axis.size, axis.stride, &base_};
}

Status IndexedOffsets::WrittenMeanwhile(size_t operand) const {
  const auto axis =
      std::ranges::find_if(axes_, [&](const Axis& a) { return a.operand == operand; });
  return Status(ErrorId::E401,
                Format("{} was written by another thread during the run", axis->what));
}

// ---- Spaces of the ops --------------------------------------------------------------------------

std::vector<int64_t> BroadcastSizes(const ir::KernelCtx& ctx, size_t first, size_t count) {
  std::vector<int64_t> sizes;
  for (size_t i = first; i < first + count; ++i) {
    const std::vector<int64_t>& next = ctx.operands[i].sizes;
    if (next.size() > sizes.size()) sizes.insert(sizes.begin(), next.size() - sizes.size(), 1);
    const size_t shift = sizes.size() - next.size();
    for (size_t d = 0; d < next.size(); ++d) {
      if (next[d] != 1) sizes[shift + d] = next[d];
    }
  }
  return sizes;
}

StatusOr<IndexedSpace> SpaceAlong(const ir::KernelCtx& ctx, const ir::TensorSpec& tensor,
                                  size_t index, int axis) {
  const ir::TensorSpec& i = ctx.operands[index];
  GCOMP_ENSURE(i.sizes.size() == tensor.sizes.size(), "indices have the rank of the tensor");
  const auto at = static_cast<size_t>(axis);
  IndexedSpace space;
  space.element_bytes = ir::BytesOf(tensor.dtype);
  space.sizes = i.sizes;
  for (size_t d = 0; d < i.sizes.size(); ++d) {
    if (d != at && i.sizes[d] > tensor.sizes[d]) {
      return Status(ErrorId::E504, Format("{}: `{}` is {}, which is larger than {} along axis {}",
                                          ctx.op.def->name, LabelOf(ctx.op, index), i.ToString(),
                                          tensor.ToString(), d));
    }
    space.strides.push_back(d == at ? 0 : tensor.strides[d] * space.element_bytes);
  }
  space.axes.push_back({index, LabelOf(ctx.op, index), BoundsOf(ctx.op, axis), tensor.sizes[at],
                        tensor.strides[at] * space.element_bytes, StridesOver(i, i.sizes)});
  return space;
}

IndexedSpace SpaceOfPoints(const ir::KernelCtx& ctx, const ir::TensorSpec& tensor, size_t first,
                           size_t count, const std::vector<int64_t>& points) {
  IndexedSpace space;
  space.element_bytes = ir::BytesOf(tensor.dtype);
  space.sizes = points;
  space.strides.assign(points.size(), 0);
  for (size_t d = count; d < tensor.sizes.size(); ++d) {
    space.sizes.push_back(tensor.sizes[d]);
    space.strides.push_back(tensor.strides[d] * space.element_bytes);
  }
  for (size_t k = 0; k < count; ++k) {
    std::vector<int64_t> strides = StridesOver(ctx.operands[first + k], points);
    strides.resize(space.sizes.size(), 0);
    space.axes.push_back({first + k, LabelOf(ctx.op, first + k),
                          BoundsOf(ctx.op, static_cast<int>(k)), tensor.sizes[k],
                          tensor.strides[k] * space.element_bytes, std::move(strides)});
  }
  return space;
}

Status CheckIndexShape(const ir::InferCtx& ctx, const ir::Type& x, const ir::Type& i, int axis) {
  if (i.rank() != x.rank()) {
    return ctx.Fail(Format("the indices must have the rank of x, but are {} and x is {}",
                           ctx.Show(i), ctx.Show(x)));
  }
  const auto ranges = ctx.function().Ranger();
  for (int d = 0; d < x.rank(); ++d) {
    const ir::Expr& size = i.dims()[static_cast<size_t>(d)];
    const ir::Expr& limit = x.dims()[static_cast<size_t>(d)];
    if (d == axis || ir::RangeOf(size, ranges).low <= ir::RangeOf(limit, ranges).high) continue;
    return ctx.Fail(Format("the indices have size {} along axis {}, more than x has there, {}",
                           ctx.Show(size), d, ctx.Show(limit)));
  }
  return {};
}

StatusOr<ir::Dims> IndexedDims(const ir::InferCtx& ctx, const ir::Type& x, size_t g) {
  const size_t count = ctx.group(g).size();
  if (count == 0 || count > x.dims().size()) {
    return ctx.Fail(Format("takes 1 to {} index tensors for {}, but {} are given", x.rank(),
                           ctx.Show(x), count));
  }
  GCOMP_ASSIGN_OR_RETURN(ir::Dims dims, ir::BroadcastDims(ctx, ctx.group(g)));
  dims.insert(dims.end(), x.dims().begin() + static_cast<std::ptrdiff_t>(count), x.dims().end());
  return dims;
}

}  // namespace gcomp::kernels
