// Ops that pick a part of a tensor, and their scatters, which write that part: slice,
// select_index, narrow, split, diagonal, unfold, as_strided, copy.
//
// Each kind of part is a list of positions in x: picking reads them, scattering writes them.
#include <algorithm>

#include "base/format.h"
#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using ir::DType;

// A part of a tensor: its own sizes, and the row-major position of each of its elements.
struct Part {
  Sizes sizes;
  std::vector<size_t> positions;
};

Tensor Pick(const Tensor& x, const Part& part) {
  Tensor y = {x.dtype, part.sizes, {}};
  for (size_t position : part.positions) y.data.push_back(x.data[position]);
  return y;
}

StatusOr<Tensors> Picked(const Call& call, StatusOr<Part> part) {
  if (!part.ok()) return std::move(part).status();
  return One(Pick(call.operand(0), *part));
}

// x with the part replaced by operand 1, in its order.
StatusOr<Tensors> Scattered(const Call& call, StatusOr<Part> part) {
  if (!part.ok()) return std::move(part).status();
  const Tensor& s = call.operand(1);
  GCOMP_RETURN_IF_ERROR(call.Require(s.sizes == part->sizes, "s has not the sizes of the part"));
  Tensor y = {call.operand(0).dtype, call.operand(0).sizes, call.operand(0).data};
  for (size_t i = 0; i < s.data.size(); ++i) y.data[part->positions[i]] = s.data[i];
  return One(std::move(y));
}

// The part of sizes `sizes` whose element at an index is x at source(index).
template <class F>
Part PartOf(const Tensor& x, Sizes sizes, F source) {
  Part part;
  ForEach(sizes,
          [&](const Sizes& index) { part.positions.push_back(Position(x.sizes, source(index))); });
  part.sizes = std::move(sizes);
  return part;
}

// `length` elements of an axis: first, first + step, ...
Part Range(const Tensor& x, size_t axis, int64_t first, int64_t length, int64_t step) {
  Sizes sizes = x.sizes;
  sizes[axis] = length;
  return PartOf(x, sizes, [&](Sizes index) {
    index[axis] = first + index[axis] * step;
    return index;
  });
}

StatusOr<Part> SlicePart(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
  const int64_t n = x.sizes[axis];
  const int64_t step = call.attrs.Int("step", 1);
  if (step < 1) return call.Fail(ErrorId::E508, "step is less than 1");
  int64_t start = call.attrs.Int("start", 0);
  int64_t end = call.attrs.Int("end", n);
  start = std::clamp(start < 0 ? start + n : start, int64_t{0}, n);
  end = std::clamp(end < 0 ? end + n : end, int64_t{0}, n);
  int64_t length = 0;
  for (int64_t i = start; i < end; i += std::min(step, n)) ++length;
  return Range(x, axis, start, length, step);
}

StatusOr<Part> SelectPart(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
  const int64_t n = x.sizes[axis];
  const int64_t index = call.attrs.Int("index", 0);
  if (index < -n || index >= n) {
    return call.Fail(ErrorId::E401, Format("index {} of {} elements", index, n));
  }
  Part part = Range(x, axis, index < 0 ? index + n : index, 1, 1);
  part.sizes.erase(part.sizes.begin() + static_cast<std::ptrdiff_t>(axis));
  return part;
}

StatusOr<Part> NarrowPart(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
  const int64_t n = x.sizes[axis];
  const int64_t length = call.attrs.Int("length", 0);
  int64_t start = call.attrs.Int("start", 0);
  if (start < 0) start += n;
  if (start < 0 || length < 0 || start > n - length) {
    return call.Fail(ErrorId::E401, Format("{} elements from {} of {}", length, start, n));
  }
  return Range(x, axis, start, length, 1);
}

// The diagonal comes last: (i, i + offset) for offset >= 0, else (i - offset, i).
StatusOr<Part> DiagonalPart(const Call& call) {
  const Tensor& x = call.operand(0);
  const size_t rank = x.sizes.size();
  GCOMP_ASSIGN_OR_RETURN(size_t dim1, call.Axis(call.attrs.Int("dim1", 0), rank));
  GCOMP_ASSIGN_OR_RETURN(size_t dim2, call.Axis(call.attrs.Int("dim2", 1), rank));
  GCOMP_RETURN_IF_ERROR(call.Require(dim1 != dim2, "dim1 and dim2 are the same axis"));
  const int64_t offset = call.attrs.Int("offset", 0);
  const int64_t down = std::max<int64_t>(-offset, 0);
  const int64_t right = std::max<int64_t>(offset, 0);
  Sizes sizes;
  for (size_t d = 0; d < rank; ++d) {
    if (d != dim1 && d != dim2) sizes.push_back(x.sizes[d]);
  }
  sizes.push_back(std::max<int64_t>(std::min(x.sizes[dim1] - down, x.sizes[dim2] - right), 0));
  return PartOf(x, sizes, [&](const Sizes& index) {
    Sizes at(rank);
    size_t next = 0;
    for (size_t d = 0; d < rank; ++d) {
      if (d != dim1 && d != dim2) at[d] = index[next++];
    }
    at[dim1] = index.back() + down;
    at[dim2] = index.back() + right;
    return at;
  });
}

// Windows of `size` elements, `step` apart; the window comes last.
StatusOr<Part> UnfoldPart(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
  const int64_t size = call.attrs.Int("size", 1);
  const int64_t step = call.attrs.Int("step", 1);
  GCOMP_RETURN_IF_ERROR(
      call.Require(step >= 1 && size >= 0 && size <= x.sizes[axis], "the window does not fit"));
  Sizes sizes = x.sizes;
  sizes[axis] = (x.sizes[axis] - size) / step + 1;
  sizes.push_back(size);
  return PartOf(x, sizes, [&](const Sizes& index) {
    Sizes at(index.begin(), index.end() - 1);
    at[axis] = index[axis] * step + index.back();
    return at;
  });
}

// Strides and offset count elements of x in row-major order.
StatusOr<Part> StridedPart(const Call& call) {
  const Tensor& x = call.operand(0);
  const Sizes strides = call.attrs.Ints("strides").value_or(Sizes());
  const int64_t offset = call.attrs.Int("offset", 0);
  Part part = {call.attrs.Ints("shape").value_or(Sizes()), {}};
  GCOMP_RETURN_IF_ERROR(call.Require(part.sizes.size() == strides.size(), "a stride per axis"));
  bool inside = true;
  ForEach(part.sizes, [&](const Sizes& index) {
    int64_t at = offset;
    for (size_t d = 0; d < index.size(); ++d) at += index[d] * strides[d];
    inside = inside && at >= 0 && at < static_cast<int64_t>(x.data.size());
    part.positions.push_back(static_cast<size_t>(at));
  });
  GCOMP_RETURN_IF_ERROR(call.Require(inside, "reaches outside of x"));
  return part;
}

StatusOr<Tensors> Slice(const Call& call) {
  return Picked(call, SlicePart(call));
}

StatusOr<Tensors> SelectIndex(const Call& call) {
  return Picked(call, SelectPart(call));
}

StatusOr<Tensors> Narrow(const Call& call) {
  return Picked(call, NarrowPart(call));
}

StatusOr<Tensors> Diagonal(const Call& call) {
  return Picked(call, DiagonalPart(call));
}

StatusOr<Tensors> Unfold(const Call& call) {
  return Picked(call, UnfoldPart(call));
}

StatusOr<Tensors> AsStrided(const Call& call) {
  return Picked(call, StridedPart(call));
}

StatusOr<Tensors> SliceScatter(const Call& call) {
  return Scattered(call, SlicePart(call));
}

StatusOr<Tensors> SelectScatter(const Call& call) {
  return Scattered(call, SelectPart(call));
}

StatusOr<Tensors> DiagonalScatter(const Call& call) {
  return Scattered(call, DiagonalPart(call));
}

StatusOr<Tensors> AsStridedScatter(const Call& call) {
  return Scattered(call, StridedPart(call));
}

StatusOr<Tensors> Split(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
  Tensors results;
  int64_t first = 0;
  for (int64_t length : call.attrs.Ints("sizes").value_or(Sizes())) {
    GCOMP_RETURN_IF_ERROR(
        call.Require(length >= 0 && length <= x.sizes[axis] - first, "sizes exceed the axis"));
    results.push_back(Pick(x, Range(x, axis, first, length, 1)));
    first += length;
  }
  GCOMP_RETURN_IF_ERROR(call.Require(first == x.sizes[axis], "sizes do not fill the axis"));
  return results;
}

// x, or s broadcast to the sizes of x.
StatusOr<Tensors> Copy(const Call& call) {
  const Tensor& from = call.operands.back();
  return One(Generate(from.dtype, call.operand(0).sizes,
                      [&](const Sizes& index) { return AtBroadcast(from, index); }));
}

constexpr OpEntry kOps[] = {
    {"slice", Slice},
    {"select_index", SelectIndex},
    {"narrow", Narrow},
    {"diagonal", Diagonal},
    {"unfold", Unfold},
    {"as_strided", AsStrided},
    {"slice_scatter", SliceScatter},
    {"select_scatter", SelectScatter},
    {"diagonal_scatter", DiagonalScatter},
    {"as_strided_scatter", AsStridedScatter},
    {"split", Split},
    {"copy", Copy},
};

}  // namespace

std::span<const OpEntry> PickOps() {
  return kOps;
}

}  // namespace gcomp::reference
