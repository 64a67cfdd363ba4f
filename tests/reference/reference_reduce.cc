// Reductions, scans and sorting.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/format.h"
#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using ir::DType;
using Elements = std::vector<Number>;

constexpr Number kInfinity = std::numeric_limits<Number>::infinity();

// Over the axes of `dims`: reduce(elements, largest_term) gives each result.
template <class F>
StatusOr<Tensors> Reduce(const Call& call, DType dtype, F reduce) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(std::vector<size_t> axes, call.Axes("dims", x.sizes.size()));
  Number largest = 0;
  Tensor y = ReduceAxes(x, axes, call.attrs.Bool("keep_dims", false), dtype,
                        [&](const Elements& elements) { return reduce(elements, largest); });
  y.largest_term = largest;
  return One(std::move(y));
}

Number SumOf(DType dtype, const Elements& elements) {
  Sum sum(dtype);
  for (Number x : elements) sum.Add(x);
  return sum.Result();
}

StatusOr<Tensors> ReduceSum(const Call& call) {
  const DType dtype = call.operand(0).dtype;
  return Reduce(call, dtype, [=](const Elements& x, Number&) { return SumOf(dtype, x); });
}

StatusOr<Tensors> ReduceMean(const Call& call) {
  const DType dtype = call.operand(0).dtype;
  GCOMP_RETURN_IF_ERROR(call.Require(ir::IsFloat(dtype), "a mean of integers is not defined"));
  return Reduce(call, dtype, [=](const Elements& x, Number&) {
    return SumOf(dtype, x) / static_cast<Number>(x.size());
  });
}

Number Times(DType dtype, Number a, Number b) {
  return ir::IsFloat(dtype) ? a * b : Wrapped(dtype, WideOf(a) * WideOf(b));
}

StatusOr<Tensors> ReduceProd(const Call& call) {
  const DType dtype = call.operand(0).dtype;
  std::vector<bool> undetermined;
  StatusOr<Tensors> y = Reduce(call, dtype, [&](const Elements& x, Number&) {
    Number product = 1;
    Factors factors;
    for (Number factor : x) {
      product = Times(dtype, product, factor);
      factors.Add(factor);
    }
    undetermined.push_back(!factors.InRange(dtype));
    return product;
  });
  if (y.ok()) (*y)[0].undetermined = std::move(undetermined);
  return y;
}

// E504 where an axis that is reduced is empty and there are results.
template <class F>
StatusOr<Tensors> ReduceSome(const Call& call, DType dtype, F reduce) {
  bool empty = false;
  StatusOr<Tensors> y = Reduce(call, dtype, [&](const Elements& x, Number&) {
    if (!x.empty()) return reduce(x);
    empty = true;
    return Number(0);
  });
  GCOMP_RETURN_IF_ERROR(call.Require(!empty, "reduces an empty axis"));
  return y;
}

StatusOr<Tensors> ReduceMax(const Call& call) {
  return ReduceSome(call, call.operand(0).dtype, [](const Elements& x) {
    return std::accumulate(x.begin() + 1, x.end(), x[0], Maximum);
  });
}

StatusOr<Tensors> ReduceMin(const Call& call) {
  return ReduceSome(call, call.operand(0).dtype, [](const Elements& x) {
    return std::accumulate(x.begin() + 1, x.end(), x[0], Minimum);
  });
}

StatusOr<Tensors> ReduceAny(const Call& call) {
  return Reduce(call, DType::kBool, [](const Elements& x, Number&) {
    return Number(std::any_of(x.begin(), x.end(), [](Number v) { return v != 0; }));
  });
}

StatusOr<Tensors> ReduceAll(const Call& call) {
  return Reduce(call, DType::kBool, [](const Elements& x, Number&) {
    return Number(std::all_of(x.begin(), x.end(), [](Number v) { return v != 0; }));
  });
}

// The first position of the element that no other precedes.
template <class Before>
StatusOr<Tensors> ArgExtreme(const Call& call, Before before) {
  const Tensor& x = call.operand(0);
  std::vector<size_t> axes(x.sizes.size());
  std::iota(axes.begin(), axes.end(), size_t{0});
  if (call.attrs.Has("dim")) {
    GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
    axes = {axis};
  }
  bool empty = false;
  Tensor y = ReduceAxes(x, axes, call.attrs.Bool("keep_dims", false), DType::kI64,
                        [&](const Elements& elements) {
                          empty = empty || elements.empty();
                          size_t best = 0;
                          for (size_t i = 1; i < elements.size(); ++i) {
                            if (before(elements[i], elements[best])) best = i;
                          }
                          return static_cast<Number>(best);
                        });
  GCOMP_RETURN_IF_ERROR(call.Require(!empty, "looks for an element of an empty axis"));
  return One(std::move(y));
}

StatusOr<Tensors> ArgMax(const Call& call) {
  return ArgExtreme(call, [](Number a, Number b) { return LessInOrder(b, a); });
}

StatusOr<Tensors> ArgMin(const Call& call) {
  return ArgExtreme(call, [](Number a, Number b) { return LessInOrder(a, b); });
}

StatusOr<Tensors> Var(const Call& call) {
  const DType dtype = call.operand(0).dtype;
  const Number correction = call.attrs.Float("correction", 1);
  return Reduce(call, dtype, [=](const Elements& x, Number& largest) {
    const Number n = static_cast<Number>(x.size());
    const Number mean = SumOf(dtype, x) / n;
    Number sum = 0;
    for (Number v : x) {
      sum += (v - mean) * (v - mean);
      // x - mean is known to a rounding of x, so the square to one of x times it.
      const Number term = std::fabs(v) * std::fabs(v - mean);
      if (std::isfinite(term)) largest = std::max(largest, term);
    }
    return sum / std::max(Number(0), n - correction);
  });
}

StatusOr<Tensors> LogSumExp(const Call& call) {
  return Reduce(call, call.operand(0).dtype, [](const Elements& x, Number&) {
    const Number m = std::accumulate(x.begin(), x.end(), -kInfinity, Maximum);
    if (!std::isfinite(m)) return m;  // also NaN, and no elements
    Number sum = 0;
    for (Number v : x) sum += std::exp(v - m);
    return m + std::log(sum);
  });
}

Number NormOf(const Elements& x, Number p) {
  Number y = p == -kInfinity ? kInfinity : 0;
  for (Number v : x) {
    const Number magnitude = std::fabs(v);
    if (p == kInfinity) {
      y = Maximum(y, magnitude);
    } else if (p == -kInfinity) {
      y = Minimum(y, magnitude);
    } else if (p == 0) {
      y += v != 0 ? 1 : 0;
    } else {
      y += p == 2 ? v * v : p == 1 ? magnitude : std::pow(magnitude, p);
    }
  }
  if (std::isinf(p) || p == 0 || p == 1) return y;
  return p == 2 ? std::sqrt(y) : std::pow(y, 1 / p);
}

StatusOr<Tensors> Norm(const Call& call) {
  const Number p = call.attrs.Float("p", 2);
  if (std::isnan(p)) return call.Fail(ErrorId::E508, "p is NaN");
  const DType dtype = call.operand(0).dtype;
  if (std::isinf(p))
    return ReduceSome(call, dtype, [=](const Elements& x) { return NormOf(x, p); });
  return Reduce(call, dtype, [=](const Elements& x, Number&) { return NormOf(x, p); });
}

// ---- Scans --------------------------------------------------------------------------------------

template <class F>
StatusOr<Tensors> Scan(const Call& call, F combine) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
  Tensor y = MapLines(x, axis, x.sizes[axis], x.dtype, [&](const Elements& line) {
    Elements scanned = line;
    for (size_t i = 1; i < line.size(); ++i) scanned[i] = combine(scanned[i - 1], line[i]);
    return scanned;
  });
  // Each partial sum is a term of the next one.
  for (Number v : y.data) {
    if (std::isfinite(v)) y.largest_term = std::max(y.largest_term, std::fabs(v));
  }
  return One(std::move(y));
}

StatusOr<Tensors> CumSum(const Call& call) {
  const DType dtype = call.operand(0).dtype;
  return Scan(call, [=](Number a, Number b) {
    return ir::IsFloat(dtype) ? a + b : Wrapped(dtype, WideOf(a) + WideOf(b));
  });
}

StatusOr<Tensors> CumProd(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(Tensors y,
                         Scan(call, [&](Number a, Number b) { return Times(x.dtype, a, b); }));
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
  const Tensor left_range =
      MapLines(x, axis, x.sizes[axis], DType::kBool, [&](const Elements& line) {
        Factors factors;
        Elements left;
        for (Number factor : line) {
          factors.Add(factor);
          left.push_back(!factors.InRange(x.dtype));
        }
        return left;
      });
  y[0].undetermined.assign(left_range.data.begin(), left_range.data.end());
  return y;
}

// ---- Sorting ------------------------------------------------------------------------------------

// The positions of the elements in sorted order; equal elements keep theirs.
std::vector<size_t> Order(const Elements& x, bool descending) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t j) {
    return descending ? LessInOrder(x[j], x[i]) : LessInOrder(x[i], x[j]);
  });
  return order;
}

// The first `length` (all if negative) of each sorted line, and their positions.
StatusOr<Tensors> FirstSorted(const Call& call, int64_t length, bool descending) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", -1), x.sizes.size()));
  if (length < 0) length = x.sizes[axis];
  GCOMP_RETURN_IF_ERROR(call.Require(length <= x.sizes[axis],
                                     Format("asks for {} of {} elements", length, x.sizes[axis])));
  Tensors results;
  for (bool positions : {false, true}) {
    results.push_back(
        MapLines(x, axis, length, positions ? DType::kI64 : x.dtype, [&](const Elements& line) {
          Elements sorted;
          for (size_t i : Order(line, descending)) {
            sorted.push_back(positions ? static_cast<Number>(i) : line[i]);
          }
          return sorted;
        }));
  }
  return results;
}

StatusOr<Tensors> TopK(const Call& call) {
  const int64_t k = call.attrs.Int("k", 1);
  if (k < 0) return call.Fail(ErrorId::E508, "k is negative");
  return FirstSorted(call, k, call.attrs.Bool("largest", true));
}

StatusOr<Tensors> Sort(const Call& call) {
  const Tensor& x = call.operand(0);
  if (x.sizes.empty()) {  // one element is sorted
    return Tensors{x, Tensor{DType::kI64, {}, {0}}};
  }
  return FirstSorted(call, -1, call.attrs.Bool("descending", false));
}

constexpr OpEntry kOps[] = {
    {"reduce_sum", ReduceSum},
    {"reduce_mean", ReduceMean},
    {"reduce_prod", ReduceProd},
    {"reduce_max", ReduceMax},
    {"reduce_min", ReduceMin},
    {"reduce_any", ReduceAny},
    {"reduce_all", ReduceAll},
    {"argmax", ArgMax},
    {"argmin", ArgMin},
    {"var", Var},
    {"logsumexp", LogSumExp},
    {"norm", Norm},
    {"cumsum", CumSum},
    {"cumprod", CumProd},
    {"topk", TopK},
    {"sort", Sort},
};

}  // namespace

std::span<const OpEntry> ReduceOps() {
  return kOps;
}

}  // namespace gcomp::reference
