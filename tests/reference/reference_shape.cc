// Ops that give elements another place: views, reshapes, joins, repetitions, padding.
#include <algorithm>
#include <numeric>

#include "base/format.h"
#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using ir::DType;

// The elements of x in row-major order under other sizes.
Tensor WithSizes(const Tensor& x, Sizes sizes) {
  return {x.dtype, std::move(sizes), x.data};
}

StatusOr<Tensors> Same(const Call& call) {
  return One(WithSizes(call.operand(0), call.operand(0).sizes));
}

// shape, with -1 found from the number of elements. Beside a size of 0 that does not tell, and what
// the graph says counts: symbolic sizes that cancel do.
StatusOr<Tensors> Reshape(const Call& call) {
  const Tensor& x = call.operand(0);
  Sizes shape = call.attrs.Ints("shape").value_or(Sizes());
  int64_t known = 1;
  for (int64_t size : shape) known *= size == -1 ? 1 : size;
  for (int64_t& size : shape) {
    if (size == -1 && known != 0) size = Count(x.sizes) / known;
  }
  if (known == 0) {
    GCOMP_ASSIGN_OR_RETURN(shape, call.ResultSizes());
  }
  GCOMP_RETURN_IF_ERROR(
      call.Require(Count(shape) == Count(x.sizes), "the number of elements changes"));
  return One(WithSizes(x, std::move(shape)));
}

StatusOr<Tensors> Transpose(const Call& call) {
  const Tensor& x = call.operand(0);
  const size_t rank = x.sizes.size();
  std::vector<size_t> order(rank);
  for (size_t i = 0; i < rank; ++i) order[i] = rank - 1 - i;
  if (std::optional<Sizes> dims = call.attrs.Ints("dims")) {
    GCOMP_RETURN_IF_ERROR(call.Require(dims->size() == rank, "dims does not list every axis"));
    for (size_t i = 0; i < rank; ++i) {
      GCOMP_ASSIGN_OR_RETURN(order[i], call.Axis((*dims)[i], rank));
    }
  }
  Sizes sizes;
  for (size_t axis : order) sizes.push_back(x.sizes[axis]);
  return One(Generate(x.dtype, sizes, [&](const Sizes& index) {
    Sizes at(rank);
    for (size_t i = 0; i < rank; ++i) at[order[i]] = index[i];
    return At(x, at);
  }));
}

StatusOr<Tensors> Expand(const Call& call) {
  const Tensor& x = call.operand(0);
  Sizes shape = call.attrs.Ints("shape").value_or(Sizes());
  GCOMP_RETURN_IF_ERROR(call.Require(shape.size() >= x.sizes.size(), "shape has too few axes"));
  const size_t added = shape.size() - x.sizes.size();
  for (size_t d = 0; d < x.sizes.size(); ++d) {
    int64_t& size = shape[added + d];
    if (size == -1) size = x.sizes[d];
    GCOMP_RETURN_IF_ERROR(
        call.Require(size == x.sizes[d] || x.sizes[d] == 1, "only size 1 stretches"));
  }
  return One(Generate(x.dtype, shape, [&](const Sizes& index) { return AtBroadcast(x, index); }));
}

StatusOr<Tensors> Squeeze(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(std::vector<size_t> axes, call.Axes("dims", x.sizes.size()));
  const ir::Dims& dims = call.function.value(call.op.operands[0]).type.dims();
  Sizes sizes;
  for (size_t d = 0; d < x.sizes.size(); ++d) {
    // Without dims, a symbolic size stays even where it is 1.
    const bool dropped = call.attrs.Has("dims") ? std::binary_search(axes.begin(), axes.end(), d)
                                                : dims[d].IsConst(1);
    GCOMP_RETURN_IF_ERROR(call.Require(!dropped || x.sizes[d] == 1, "an axis is not of size 1"));
    if (!dropped) sizes.push_back(x.sizes[d]);
  }
  return One(WithSizes(x, std::move(sizes)));
}

StatusOr<Tensors> Unsqueeze(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size() + 1));
  Sizes sizes = x.sizes;
  sizes.insert(sizes.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  return One(WithSizes(x, std::move(sizes)));
}

// x at `axis` turned by the signed distance: element i comes from i - shift.
Tensor Rolled(const Tensor& x, size_t axis, int64_t shift) {
  return Generate(x.dtype, x.sizes, [&](const Sizes& index) {
    Sizes at = index;
    const int64_t n = x.sizes[axis];
    at[axis] = ((index[axis] - shift % n) % n + n) % n;
    return At(x, at);
  });
}

StatusOr<Tensors> Flip(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(std::vector<size_t> axes, call.Axes("dims", x.sizes.size()));
  return One(Generate(x.dtype, x.sizes, [&](const Sizes& index) {
    Sizes at = index;
    for (size_t axis : axes) at[axis] = x.sizes[axis] - 1 - index[axis];
    return At(x, at);
  }));
}

StatusOr<Tensors> Roll(const Call& call) {
  const Tensor& x = call.operand(0);
  const Sizes shifts = call.attrs.Ints("shifts").value_or(Sizes());
  const std::optional<Sizes> dims = call.attrs.Ints("dims");
  if (!dims.has_value()) {
    GCOMP_RETURN_IF_ERROR(call.Require(shifts.size() == 1, "one shift turns the flat tensor"));
    return One(WithSizes(Rolled(WithSizes(x, {Count(x.sizes)}), 0, shifts[0]), x.sizes));
  }
  GCOMP_RETURN_IF_ERROR(call.Require(shifts.size() == dims->size(), "a shift per axis"));
  Tensor y = WithSizes(x, x.sizes);
  for (size_t i = 0; i < shifts.size(); ++i) {
    GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis((*dims)[i], x.sizes.size()));
    y = Rolled(y, axis, shifts[i]);
  }
  return One(std::move(y));
}

// ---- Joins and repetitions ----------------------------------------------------------------------

StatusOr<Tensors> Join(const Call& call, const std::vector<Tensor>& xs, size_t axis) {
  Tensor y = {xs[0].dtype, xs[0].sizes, {}};
  y.sizes[axis] = 0;
  for (const Tensor& x : xs) {
    Sizes other = x.sizes;
    GCOMP_RETURN_IF_ERROR(call.Require(other.size() == y.sizes.size(), "ranks differ"));
    other[axis] = y.sizes[axis];
    GCOMP_RETURN_IF_ERROR(call.Require(other == y.sizes, "sizes differ"));
    y.sizes[axis] += x.sizes[axis];
  }
  y.data.resize(static_cast<size_t>(Count(y.sizes)));
  int64_t first = 0;
  for (const Tensor& x : xs) {
    ForEach(x.sizes, [&](const Sizes& index) {
      Sizes at = index;
      at[axis] += first;
      y.data[Position(y.sizes, at)] = At(x, index);
    });
    first += x.sizes[axis];
  }
  return One(std::move(y));
}

StatusOr<Tensors> Concat(const Call& call) {
  GCOMP_RETURN_IF_ERROR(call.Require(!call.operands.empty(), "needs an operand"));
  GCOMP_ASSIGN_OR_RETURN(size_t axis,
                         call.Axis(call.attrs.Int("dim", 0), call.operand(0).sizes.size()));
  return Join(call, {call.operands.begin(), call.operands.end()}, axis);
}

StatusOr<Tensors> Stack(const Call& call) {
  GCOMP_RETURN_IF_ERROR(call.Require(!call.operands.empty(), "needs an operand"));
  GCOMP_ASSIGN_OR_RETURN(size_t axis,
                         call.Axis(call.attrs.Int("dim", 0), call.operand(0).sizes.size() + 1));
  std::vector<Tensor> xs;
  for (const Tensor& x : call.operands) {
    GCOMP_RETURN_IF_ERROR(call.Require(x.sizes == call.operand(0).sizes, "sizes differ"));
    xs.push_back(x);
    Sizes& sizes = xs.back().sizes;
    sizes.insert(sizes.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  }
  return Join(call, xs, axis);
}

// x repeated along every axis of the longer of both lists, aligned at the last axis.
Tensor Repeated(const Tensor& x, const Sizes& repeats) {
  const size_t rank = std::max(repeats.size(), x.sizes.size());
  Sizes from(rank - x.sizes.size(), 1);
  from.insert(from.end(), x.sizes.begin(), x.sizes.end());
  Sizes sizes = from;
  const size_t skipped = rank - repeats.size();
  for (size_t d = 0; d < repeats.size(); ++d) sizes[skipped + d] *= repeats[d];
  const Tensor aligned = WithSizes(x, from);
  return Generate(x.dtype, sizes, [&](const Sizes& index) {
    Sizes at = index;
    for (size_t d = 0; d < rank; ++d) at[d] %= from[d];
    return At(aligned, at);
  });
}

StatusOr<Tensors> Tile(const Call& call) {
  return One(Repeated(call.operand(0), call.attrs.Ints("repeats").value_or(Sizes())));
}

StatusOr<Tensors> Repeat(const Call& call) {
  const Sizes repeats = call.attrs.Ints("repeats").value_or(Sizes());
  GCOMP_RETURN_IF_ERROR(call.Require(repeats.size() >= call.operand(0).sizes.size(),
                                     "repeats lists fewer numbers than x has axes"));
  return One(Repeated(call.operand(0), repeats));
}

// ---- Padding ------------------------------------------------------------------------------------

// The index inside [0, n) that stands at i outside of it; -1: the constant.
int64_t PadSource(std::string_view mode, int64_t i, int64_t n) {
  if (i >= 0 && i < n) return i;
  if (mode == "replicate" || mode == "edge") return i < 0 ? 0 : n - 1;
  if (mode == "circular") return (i % n + n) % n;
  if (mode == "reflect") {
    if (n == 1) return 0;
    const int64_t period = 2 * (n - 1);
    const int64_t at = (i % period + period) % period;
    return std::min(at, period - at);
  }
  return -1;
}

StatusOr<Tensors> Pad(const Call& call) {
  const Tensor& x = call.operand(0);
  const size_t rank = x.sizes.size();
  const std::string mode = call.attrs.String("mode", "constant");
  const Sizes low = call.attrs.Ints("low").value_or(Sizes(rank, 0));
  const Sizes high = call.attrs.Ints("high").value_or(Sizes(rank, 0));
  GCOMP_RETURN_IF_ERROR(call.Require(low.size() == rank && high.size() == rank, "a pad per axis"));
  Sizes sizes = x.sizes;
  for (size_t d = 0; d < rank; ++d) {
    sizes[d] += low[d] + high[d];
    GCOMP_RETURN_IF_ERROR(call.Require(sizes[d] >= 0, "crops more than there is"));
    GCOMP_RETURN_IF_ERROR(call.Require(mode == "constant" || x.sizes[d] > 0 || sizes[d] == 0,
                                       "no element to pad with"));
  }
  const Number value = Cast(DType::kF64, x.dtype, call.attrs.Float("value", 0));
  return One(Generate(x.dtype, sizes, [&](const Sizes& index) {
    Sizes at = index;
    for (size_t d = 0; d < rank; ++d) {
      at[d] = PadSource(mode, index[d] - low[d], x.sizes[d]);
      if (at[d] < 0) return value;
    }
    return At(x, at);
  }));
}

// ---- Triangles ----------------------------------------------------------------------------------

// x where keep(column - row), else 0.
template <class F>
StatusOr<Tensors> Triangle(const Call& call, F keep) {
  const Tensor& x = call.operand(0);
  const size_t rank = x.sizes.size();
  GCOMP_RETURN_IF_ERROR(call.Require(rank >= 2, "needs two axes"));
  return One(Generate(x.dtype, x.sizes, [&](const Sizes& index) {
    return keep(index[rank - 1] - index[rank - 2]) ? At(x, index) : Number(0);
  }));
}

StatusOr<Tensors> Tril(const Call& call) {
  const int64_t diagonal = call.attrs.Int("diagonal", 0);
  return Triangle(call, [=](int64_t right) { return right <= diagonal; });
}

StatusOr<Tensors> Triu(const Call& call) {
  const int64_t diagonal = call.attrs.Int("diagonal", 0);
  return Triangle(call, [=](int64_t right) { return right >= diagonal; });
}

constexpr OpEntry kOps[] = {
    {"view", Reshape},    {"reshape", Reshape},     {"transpose", Transpose}, {"expand", Expand},
    {"squeeze", Squeeze}, {"unsqueeze", Unsqueeze}, {"flip", Flip},           {"roll", Roll},
    {"pad", Pad},         {"concat", Concat},       {"stack", Stack},         {"tile", Tile},
    {"repeat", Repeat},   {"tril", Tril},           {"triu", Triu},           {"contiguous", Same},
    {"to_device", Same},
};

}  // namespace

std::span<const OpEntry> ShapeOps() {
  return kOps;
}

}  // namespace gcomp::reference
