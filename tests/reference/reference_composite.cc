// Softmax, attention, losses and quantization: several steps with one meaning.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/format.h"
#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using ir::DType;
using Elements = std::vector<Number>;

constexpr Number kInfinity = std::numeric_limits<Number>::infinity();

// ---- Softmax ------------------------------------------------------------------------------------

// e^(x - m) / sum, or its logarithm; m = the greatest element.
Elements SoftmaxOf(const Elements& x, bool logarithm) {
  Number m = -kInfinity;
  for (Number v : x) m = Maximum(m, v);
  Number sum = 0;
  for (Number v : x) sum += std::exp(v - m);
  Elements y;
  for (Number v : x) y.push_back(logarithm ? v - m - std::log(sum) : std::exp(v - m) / sum);
  return y;
}

StatusOr<Tensors> SoftmaxAlong(const Call& call, bool logarithm) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", -1), x.sizes.size()));
  return One(MapLines(x, axis, x.sizes[axis], x.dtype,
                      [&](const Elements& line) { return SoftmaxOf(line, logarithm); }));
}

StatusOr<Tensors> Softmax(const Call& call) {
  return SoftmaxAlong(call, false);
}

StatusOr<Tensors> LogSoftmax(const Call& call) {
  return SoftmaxAlong(call, true);
}

// ---- Attention ----------------------------------------------------------------------------------

// Row `index` ([.., i, *]) of softmax(scale * q k^T + mask).
Elements Attention(const Call& call, const Sizes& index, Number scale, Number& largest) {
  const Tensor& q = call.operand(0);
  const Tensor& k = call.operand(1);
  const Tensor* mask = call.Find("mask");
  const size_t rank = index.size();
  Elements scores;
  for (int64_t j = 0; j < k.sizes[k.sizes.size() - 2]; ++j) {
    Sizes left = index;
    Sizes right = index;
    right[rank - 2] = j;
    Number dot = 0;
    for (int64_t e = 0; e < q.sizes.back(); ++e) {
      left[rank - 1] = e;
      right[rank - 1] = e;
      const Number term = AtBroadcast(q, left) * AtBroadcast(k, right);
      dot += term;
      if (std::isfinite(term * scale)) largest = std::max(largest, std::fabs(term * scale));
    }
    Number score = dot * scale;
    if (call.attrs.Bool("causal", false) && j > index[rank - 2]) score = -kInfinity;
    if (mask != nullptr) {
      Sizes at = index;
      at[rank - 1] = j;
      const Number m = AtBroadcast(*mask, at);
      if (mask->dtype != DType::kBool) {
        score += m;
      } else if (m == 0) {
        score = -kInfinity;
      }
    }
    scores.push_back(score);
  }
  return SoftmaxOf(scores, false);
}

// q: [.., L, E], k: [.., S, E], v: [.., S, Ev] -> [.., L, Ev].
StatusOr<Tensors> ScaledDotProductAttention(const Call& call) {
  const Tensor& q = call.operand(0);
  const Tensor& k = call.operand(1);
  const Tensor& v = call.operand(2);
  std::vector<Sizes> batches;
  for (size_t i = 0; i < 3; ++i) {
    const Sizes& sizes = call.operand(i).sizes;
    GCOMP_RETURN_IF_ERROR(call.Require(sizes.size() >= 2, "an operand is no matrix"));
    batches.emplace_back(sizes.begin(), sizes.end() - 2);
  }
  GCOMP_RETURN_IF_ERROR(
      call.Require(q.sizes.back() == k.sizes.back() && k.sizes.end()[-2] == v.sizes.end()[-2],
                   "q, k and v do not agree"));
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, BroadcastSizes(call, batches));
  sizes.push_back(q.sizes.end()[-2]);
  sizes.push_back(1);
  const Number scale =
      call.attrs.Float("scale", 1 / std::sqrt(static_cast<Number>(q.sizes.back())));
  Number largest = 1;
  std::vector<Elements> rows;
  ForEach(sizes,
          [&](const Sizes& index) { rows.push_back(Attention(call, index, scale, largest)); });
  sizes.back() = v.sizes.back();
  size_t next = 0;
  Tensor y = Generate(q.dtype, sizes, [&](const Sizes& index) {
    const Elements& row = rows[next++ / static_cast<size_t>(sizes.back())];
    Number sum = 0;
    Sizes at = index;
    for (size_t j = 0; j < row.size(); ++j) {
      at[at.size() - 2] = static_cast<int64_t>(j);
      sum += row[j] * AtBroadcast(v, at);
    }
    return sum;
  });
  // An error of a score is one of its weight, and that one of the result in units of v.
  for (Number value : v.data) NoteTerm(y, value * largest);
  return One(std::move(y));
}

// ---- Losses -------------------------------------------------------------------------------------

StatusOr<Tensors> ReducedLoss(const Call& call, Tensor losses, Number counted) {
  const std::string how = call.attrs.String("reduction", "mean");
  if (how == "none") return One(std::move(losses));
  if (how != "mean" && how != "sum") return call.Fail(ErrorId::E508, "unknown reduction " + how);
  Number sum = 0;
  Number largest = losses.largest_term;
  for (Number loss : losses.data) {
    sum += loss;
    if (std::isfinite(loss)) largest = std::max(largest, std::fabs(loss));
  }
  Tensor y = {losses.dtype, {}, {how == "sum" ? sum : sum / counted}};
  y.largest_term = largest;
  return One(std::move(y));
}

// t: classes [n, ...], -100 ignored, or probabilities of the shape of x [n, c, ...].
StatusOr<Tensors> CrossEntropy(const Call& call) {
  const Tensor& x = call.operand(0);
  const Tensor& t = call.operand(1);
  GCOMP_RETURN_IF_ERROR(call.Require(!x.sizes.empty(), "x has no classes"));
  const size_t axis = x.sizes.size() == 1 ? 0 : 1;
  const int64_t classes = x.sizes[axis];
  const bool indices = !ir::IsFloat(t.dtype);
  Sizes sizes = x.sizes;
  sizes.erase(sizes.begin() + static_cast<std::ptrdiff_t>(axis));
  GCOMP_RETURN_IF_ERROR(call.Require(t.sizes == (indices ? sizes : x.sizes), "t does not fit x"));
  const Tensor log_p = MapLines(x, axis, classes, x.dtype,
                                [](const Elements& line) { return SoftmaxOf(line, true); });
  Number counted = 0;
  Status status;
  Tensor losses = Generate(x.dtype, sizes, [&](const Sizes& index) {
    Sizes at = index;
    at.insert(at.begin() + static_cast<std::ptrdiff_t>(axis), 0);
    Number loss = 0;
    const Number target = indices ? At(t, index) : 0;
    if (indices && target == -100) return loss;
    ++counted;
    if (indices && (target < 0 || target >= static_cast<Number>(classes))) {
      status =
          call.Fail(ErrorId::E401, Format("class {} of {}", static_cast<int64_t>(target), classes));
      return loss;
    }
    for (; at[axis] < classes; ++at[axis]) {
      if (!indices) loss -= At(t, at) * At(log_p, at);
      if (indices && at[axis] == static_cast<int64_t>(target)) loss = -At(log_p, at);
    }
    return loss;
  });
  GCOMP_RETURN_IF_ERROR(std::move(status));
  return ReducedLoss(call, std::move(losses), counted);
}

StatusOr<Tensors> MseLoss(const Call& call) {
  const Tensor& x = call.operand(0);
  const Tensor& t = call.operand(1);
  const Sizes both[] = {x.sizes, t.sizes};
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, BroadcastSizes(call, both));
  Tensor losses = Generate(x.dtype, sizes, [&](const Sizes& index) {
    const Number d = AtBroadcast(x, index) - AtBroadcast(t, index);
    return d * d;
  });
  const Number n = static_cast<Number>(losses.data.size());
  return ReducedLoss(call, std::move(losses), n);
}

// ---- Quantization -------------------------------------------------------------------------------

// The number of scale or zero_point that holds at an index of x.
Number PerAxis(const Tensor& parameter, const Sizes& index, std::optional<size_t> axis) {
  return parameter.data[axis.has_value() ? static_cast<size_t>(index[*axis]) : 0];
}

StatusOr<std::optional<size_t>> QuantizedAxis(const Call& call) {
  const Tensor& x = call.operand(0);
  std::optional<size_t> axis;
  if (call.attrs.Has("dim")) {
    GCOMP_ASSIGN_OR_RETURN(axis, call.Axis(call.attrs.Int("dim", 0), x.sizes.size()));
  }
  for (size_t i = 1; i < 3; ++i) {
    GCOMP_RETURN_IF_ERROR(
        call.Require(static_cast<int64_t>(call.operand(i).data.size()) ==
                         (axis.has_value() ? x.sizes[*axis] : 1),
                     "scale and zero_point have not one number each, or one per index of dim"));
  }
  return axis;
}

// round(x / scale) + zero_point, half to even, saturated.
StatusOr<Tensors> Quantize(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(const std::optional<size_t> axis, QuantizedAxis(call));
  const DType dtype = call.result_dtype();
  const Tensor& scale = call.operand(1);
  const DType compute = scale.dtype == DType::kF64 ? scale.dtype : x.dtype;
  return One(Generate(dtype, x.sizes, [&](const Sizes& index) {
    const Number steps = RoundedQuotient(compute, At(x, index), PerAxis(scale, index, axis));
    const Number q = std::nearbyint(steps) + PerAxis(call.operand(2), index, axis);
    return Rounded(dtype, q);
  }));
}

// (q - zero_point) * scale.
StatusOr<Tensors> Dequantize(const Call& call) {
  const Tensor& q = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(const std::optional<size_t> axis, QuantizedAxis(call));
  return One(Generate(call.operand(1).dtype, q.sizes, [&](const Sizes& index) {
    return (At(q, index) - PerAxis(call.operand(2), index, axis)) *
           PerAxis(call.operand(1), index, axis);
  }));
}

constexpr OpEntry kOps[] = {
    {"softmax", Softmax},
    {"log_softmax", LogSoftmax},
    {"scaled_dot_product_attention", ScaledDotProductAttention},
    {"cross_entropy", CrossEntropy},
    {"mse_loss", MseLoss},
    {"quantize", Quantize},
    {"dequantize", Dequantize},
};

}  // namespace

std::span<const OpEntry> CompositeOps() {
  return kOps;
}

}  // namespace gcomp::reference
