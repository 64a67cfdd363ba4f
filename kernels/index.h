// IndexedOffsets: where the elements lie that index operands name.
//
// gather, scatter, index_select, index, index_put, embedding and one_hot all walk over positions of
// an iteration space and, at each, touch a place of one tensor that is
//   sum over dims of stride * position  +  sum over index operands of index * stride of its axis.
// This class reads the indices (any integer dtype, any strides, broadcast dims), counts negative
// ones from the end, checks them, and hands out byte offsets tile by tile in row-major order.
// Trailing dims along which no index changes and the tensor is dense become one run of bytes, so
// that rows are moved by memcpy.
//
// Errors: Check reads every index once, before anything is written; the first one that is out of
// range is E401 with op, operand, index, position and the bounds. ForEach checks again what it
// reads, so that it stays in bounds even if another thread writes the indices meanwhile.
// Cost: two passes over the indices, one over what they name; nothing is allocated.
// Thread safety: immutable after Make.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/status.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "kernels/cursor.h"
#include "kernels/pacer.h"
#include "kernels/tile.h"

namespace gcomp::kernels {

// The place that an index means; not in [0, size) if it is out of range.
template <class T>
GCOMP_INLINE uint64_t PlaceOf(T index, int64_t size) {
  if constexpr (std::is_signed_v<T>) {
    const int64_t wide = index;
    return static_cast<uint64_t>(wide < 0 ? wide + size : wide);
  } else {
    return index;
  }
}

// What is walked over, as an op describes it.
struct IndexedSpace {
  // The axis of the tensor that the indices of one operand name.
  struct Axis {
    size_t operand = 0;  // flat index
    std::string label;   // of the operand, for messages: "i", "is[1]"
    std::string bounds;  // what it is an index of, for messages: "axis 0 of x"
    int64_t size = 0;
    int64_t stride = 0;                    // bytes
    std::vector<int64_t> operand_strides;  // elements of the operand, per dim of the space
  };

  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;  // bytes of the tensor per dim, 0 where only indices move
  std::vector<Axis> axes;
  int64_t element_bytes = 0;  // of the tensor
};

// Loops over n dense indices, in the compute type of their dtype.
struct IndexLoops {
  // True if all are in [-size, size).
  bool (*all_inside)(const void* indices, int64_t n, int64_t size);
  // offsets[i] += place that index i means * stride; the same result.
  bool (*add_places)(const void* indices, int64_t n, int64_t size, int64_t stride,
                     int64_t* offsets);
};

class IndexedOffsets {
 public:
  // Fails with E802 for more index operands, or separate dims, than kMaxCursorRank.
  static StatusOr<IndexedOffsets> Make(const ir::KernelCtx& ctx, const IndexedSpace& space);

  // E401 unless every index lies in [-size, size) of its axis.
  Status Check(const ir::KernelArgs& args, Pacer& pacer) const;

  // Calls fn(offsets, n) for the points of the space in row-major order, n <= kTile at a time:
  // offsets[i] is the byte, counted from element [0, ..., 0] of the tensor at `origin`, where the
  // run of point i begins. fn gives a Status, and counts the bytes of long runs with the pacer.
  template <class Fn>
  Status ForEach(const ir::KernelArgs& args, const void* origin, Pacer& pacer, Fn fn) const {
    if (points_ == 0 || run_bytes_ == 0) return {};
    alignas(64) int64_t offsets[kTile];
    Cursor base(base_, origin);
    std::array<Cursor, kMaxCursorRank> cursors;
    for (size_t a = 0; a < axes_.size(); ++a) {
      cursors[a].Start(axes_[a].points.sizes, axes_[a].points.strides,
                       args.operand(axes_[a].operand));
    }
    for (int64_t done = 0; done < points_; done += kTile) {
      const int64_t n = std::min(kTile, points_ - done);
      StartTile(base, origin, n, offsets);
      for (size_t a = 0; a < axes_.size(); ++a) {
        GCOMP_RETURN_IF_ERROR(AddIndices(axes_[a], cursors[a], n, offsets));
      }
      GCOMP_RETURN_IF_ERROR(fn(static_cast<const int64_t*>(offsets), n));
      GCOMP_RETURN_IF_ERROR(pacer.Step(n));
    }
    return {};
  }

  // Dense bytes at each point.
  int64_t run_bytes() const { return run_bytes_; }

  // The points as a loop can take them that reads indices by itself: one index operand, i32 or i64,
  // whose elements lie one after the other in the order of the points.
  struct DirectIndices {
    size_t operand;
    ir::DType dtype;
    int64_t size;             // of the axis
    int64_t stride;           // of the axis, in bytes
    const CursorSpace* base;  // where the places are counted from, per point
  };

  // Nothing if they lie otherwise. Points into this object.
  std::optional<DirectIndices> Direct() const;

  // The error of indices that were in range when they were checked.
  Status WrittenMeanwhile(size_t operand) const;

 private:
  struct Axis {
    size_t operand;
    std::string what;  // "gather: operand `i`"
    std::string bounds;
    int64_t size;
    int64_t stride;
    ir::DType dtype;
    TileIo io;
    IndexLoops loops;
    std::vector<int64_t> sizes;  // of the operand
    CursorSpace own;             // its elements, each once
    CursorSpace points;          // its element at each point
  };

  void StartTile(Cursor& base, const void* origin, int64_t n, int64_t* offsets) const;
  // Adds index * stride for the next n points.
  Status AddIndices(const Axis& axis, Cursor& cursor, int64_t n, int64_t* offsets) const;

  static Status CheckAxis(const Axis& axis, const void* indices, Pacer& pacer);
  static Status OutOfRange(const Axis& axis, const void* tile, int64_t n, int64_t first);

  std::vector<Axis> axes_;
  CursorSpace base_;
  int64_t points_ = 0;
  int64_t run_bytes_ = 0;
};

// ---- Spaces of the ops --------------------------------------------------------------------------

// The sizes that the shapes of operands first, ..., first + count - 1 broadcast to.
std::vector<int64_t> BroadcastSizes(const ir::KernelCtx& ctx, size_t first, size_t count);

// The space of gather and scatter: the positions of operand `index`, which names the places along
// `axis` of `tensor`; along the other axes its own position counts. E504 if its sizes exceed those
// of the tensor there.
StatusOr<IndexedSpace> SpaceAlong(const ir::KernelCtx& ctx, const ir::TensorSpec& tensor,
                                  size_t index, int axis);

// The space of index and index_put: operands first, ..., first + count - 1 name the places along
// the leading axes of `tensor`, broadcast together to `points`; the other axes follow.
IndexedSpace SpaceOfPoints(const ir::KernelCtx& ctx, const ir::TensorSpec& tensor, size_t first,
                           size_t count, const std::vector<int64_t>& points);

// Fails with E504 unless the indices `i` have the rank of `x` and may have at most its sizes along
// all axes but `axis`.
Status CheckIndexShape(const ir::InferCtx& ctx, const ir::Type& x, const ir::Type& i, int axis);

// The dims of x[is...]: those of the index operands of group g, broadcast, and those of x that no
// index names. E504 if there are none or too many, or they do not broadcast.
StatusOr<ir::Dims> IndexedDims(const ir::InferCtx& ctx, const ir::Type& x, size_t g);

inline constexpr std::string_view kReadsByIndex =
    "reads by index values, which are checked when it runs";

}  // namespace gcomp::kernels
