// Ops that read or write at positions which a tensor gives.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using ir::DType;

// The position that an index means on an axis of n elements; E401 outside.
StatusOr<int64_t> Resolve(const Call& call, Number index, int64_t n) {
  const Number size = static_cast<Number>(n);
  if (index < -size || index >= size) {
    return call.Fail(ErrorId::E401,
                     Format("index {} of {} elements", static_cast<double>(index), n));
  }
  return static_cast<int64_t>(index < 0 ? index + size : index);
}

// All indices of a tensor resolved against n.
StatusOr<Tensor> ResolveAll(const Call& call, const Tensor& i, int64_t n) {
  Tensor resolved = i;
  for (Number& index : resolved.data) {
    GCOMP_ASSIGN_OR_RETURN(int64_t position, Resolve(call, index, n));
    index = static_cast<Number>(position);
  }
  return resolved;
}

int64_t IndexAt(const Tensor& i, const Sizes& index) {
  return static_cast<int64_t>(At(i, index));
}

// Sums and products of writes: each is rounded to the dtype, by definition.
Number Add(DType dtype, Number a, Number b) {
  if (dtype == DType::kF64) return static_cast<double>(a) + static_cast<double>(b);
  if (ir::IsFloat(dtype)) return Rounded(dtype, a + b);
  return Wrapped(dtype, WideOf(a) + WideOf(b));
}

Number Mul(DType dtype, Number a, Number b) {
  if (dtype == DType::kF64) return static_cast<double>(a) * static_cast<double>(b);
  if (ir::IsFloat(dtype)) return Rounded(dtype, a * b);
  return Wrapped(dtype, WideOf(a) * WideOf(b));
}

// What a write of `s` makes of an element.
StatusOr<Number> Combine(const Call& call, const std::string& how, DType dtype, Number old,
                         Number s) {
  if (how == "none") return s;
  if (how == "add") return Add(dtype, old, s);
  if (how == "mul") return Mul(dtype, old, s);
  if (how == "max") return Maximum(old, s);
  if (how == "min") return Minimum(old, s);
  return call.Fail(ErrorId::E508, "unknown reduce " + how);
}

StatusOr<Tensors> Gather(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
  GCOMP_ASSIGN_OR_RETURN(Tensor i, ResolveAll(call, call.operand(1), x.sizes[axis]));
  bool fits = i.sizes.size() == x.sizes.size();
  for (size_t d = 0; fits && d < x.sizes.size(); ++d) {
    fits = d == axis || i.sizes[d] <= x.sizes[d];
  }
  GCOMP_RETURN_IF_ERROR(call.Require(fits, "the sizes of i exceed those of x"));
  return One(Generate(x.dtype, i.sizes, [&](const Sizes& index) {
    Sizes at = index;
    at[axis] = IndexAt(i, index);
    return At(x, at);
  }));
}

StatusOr<Tensors> Scatter(const Call& call) {
  const Tensor& x = call.operand(0);
  const Tensor& s = call.operand(2);
  const std::string how = call.attrs.String("reduce", "none");
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
  GCOMP_ASSIGN_OR_RETURN(Tensor i, ResolveAll(call, call.operand(1), x.sizes[axis]));
  bool fits = i.sizes.size() == x.sizes.size() && s.sizes.size() == x.sizes.size();
  for (size_t d = 0; fits && d < x.sizes.size(); ++d) {
    fits = (d == axis || i.sizes[d] <= x.sizes[d]) && i.sizes[d] <= s.sizes[d];
  }
  GCOMP_RETURN_IF_ERROR(call.Require(fits, "the sizes of i exceed those of x or s"));
  Tensor y = {x.dtype, x.sizes, x.data};
  Status status;
  ForEach(i.sizes, [&](const Sizes& index) {
    Sizes at = index;
    at[axis] = IndexAt(i, index);
    Number& element = y.data[Position(y.sizes, at)];
    StatusOr<Number> combined = Combine(call, how, x.dtype, element, At(s, index));
    if (!combined.ok()) {
      status = std::move(combined).status();
      return;
    }
    element = *combined;
    NoteTerm(y, element);
  });
  GCOMP_RETURN_IF_ERROR(std::move(status));
  return One(std::move(y));
}

StatusOr<Tensors> IndexSelect(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
  GCOMP_ASSIGN_OR_RETURN(Tensor i, ResolveAll(call, call.operand(1), x.sizes[axis]));
  GCOMP_RETURN_IF_ERROR(call.Require(i.sizes.size() == 1, "i is not of rank 1"));
  Sizes sizes = x.sizes;
  sizes[axis] = i.sizes[0];
  return One(Generate(x.dtype, sizes, [&](const Sizes& index) {
    Sizes at = index;
    at[axis] = IndexAt(i, {index[axis]});
    return At(x, at);
  }));
}

// Where each element of x[is...] lies in x: the sizes of the result, and the positions.
struct Places {
  Sizes sizes;
  std::vector<size_t> positions;
};

StatusOr<Places> PlacesOf(const Call& call, const Tensor& x, std::span<const Tensor> given) {
  GCOMP_RETURN_IF_ERROR(
      call.Require(!given.empty() && given.size() <= x.sizes.size(), "one index per leading axis"));
  std::vector<Tensor> is;
  std::vector<Sizes> all;
  for (size_t d = 0; d < given.size(); ++d) {
    GCOMP_ASSIGN_OR_RETURN(Tensor i, ResolveAll(call, given[d], x.sizes[d]));
    all.push_back(i.sizes);
    is.push_back(std::move(i));
  }
  Places places;
  GCOMP_ASSIGN_OR_RETURN(const Sizes common, BroadcastSizes(call, all));
  places.sizes = common;
  places.sizes.insert(places.sizes.end(), x.sizes.begin() + static_cast<std::ptrdiff_t>(is.size()),
                      x.sizes.end());
  ForEach(places.sizes, [&](const Sizes& index) {
    const auto split = index.begin() + static_cast<std::ptrdiff_t>(common.size());
    const Sizes outer(index.begin(), split);
    Sizes at;
    for (const Tensor& i : is) at.push_back(static_cast<int64_t>(AtBroadcast(i, outer)));
    at.insert(at.end(), split, index.end());
    places.positions.push_back(Position(x.sizes, at));
  });
  return places;
}

StatusOr<Tensors> Index(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(Places places, PlacesOf(call, x, call.operands.subspan(1)));
  Tensor y = {x.dtype, places.sizes, {}};
  for (size_t position : places.positions) y.data.push_back(x.data[position]);
  return One(std::move(y));
}

StatusOr<Tensors> IndexPut(const Call& call) {
  const Tensor& x = call.operand(0);
  const Tensor& v = call.operand(1);
  GCOMP_ASSIGN_OR_RETURN(Places places, PlacesOf(call, x, call.operands.subspan(2)));
  const Sizes both[] = {places.sizes, v.sizes};
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, BroadcastSizes(call, both));
  GCOMP_RETURN_IF_ERROR(call.Require(sizes == places.sizes, "v does not broadcast to x[is]"));
  const bool accumulate = call.attrs.Bool("accumulate", false);
  Tensor y = {x.dtype, x.sizes, x.data};
  size_t next = 0;
  ForEach(places.sizes, [&](const Sizes& index) {
    Number& element = y.data[places.positions[next++]];
    const Number value = AtBroadcast(v, index);
    element = accumulate ? Add(x.dtype, element, value) : value;
    NoteTerm(y, element);
  });
  return One(std::move(y));
}

StatusOr<Tensors> Embedding(const Call& call) {
  const Tensor& w = call.operand(0);
  GCOMP_RETURN_IF_ERROR(call.Require(w.sizes.size() == 2, "w is not of rank 2"));
  GCOMP_ASSIGN_OR_RETURN(Tensor i, ResolveAll(call, call.operand(1), w.sizes[0]));
  Sizes sizes = i.sizes;
  sizes.push_back(w.sizes[1]);
  return One(Generate(w.dtype, sizes, [&](const Sizes& index) {
    return At(w, {IndexAt(i, Sizes(index.begin(), index.end() - 1)), index.back()});
  }));
}

StatusOr<Tensors> OneHot(const Call& call) {
  const int64_t depth = call.attrs.Int("depth", 0);
  GCOMP_ASSIGN_OR_RETURN(Tensor i, ResolveAll(call, call.operand(0), depth));
  Sizes sizes = i.sizes;
  sizes.push_back(depth);
  return One(Generate(call.result_dtype(), sizes, [&](const Sizes& index) {
    return Number(IndexAt(i, Sizes(index.begin(), index.end() - 1)) == index.back());
  }));
}

constexpr OpEntry kOps[] = {
    {"gather", Gather},  {"scatter", Scatter},    {"index_select", IndexSelect},
    {"index", Index},    {"index_put", IndexPut}, {"embedding", Embedding},
    {"one_hot", OneHot},
};

}  // namespace

std::span<const OpEntry> IndexOps() {
  return kOps;
}

}  // namespace gcomp::reference
