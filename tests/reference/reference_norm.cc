// Normalizations: by layer, root mean square, group of channels, batch.
#include <cmath>

#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using Elements = std::vector<Number>;

Number MeanOf(const Elements& x) {
  Number sum = 0;
  for (Number v : x) sum += v;
  return sum / static_cast<Number>(x.size());
}

// (sum of (x - mean)^2) / n.
Number VarianceOf(const Elements& x) {
  const Number mean = MeanOf(x);
  Number sum = 0;
  for (Number v : x) sum += (v - mean) * (v - mean);
  return sum / static_cast<Number>(x.size());
}

Number MeanSquareOf(const Elements& x) {
  Number sum = 0;
  for (Number v : x) sum += v * v;
  return sum / static_cast<Number>(x.size());
}

// The statistics of the elements that are normalized together; axes that were reduced have size 1.
struct Statistics {
  Tensor mean;
  Tensor square;  // what stands under the root, without eps
};

Statistics StatisticsOf(const Tensor& x, const std::vector<size_t>& axes) {
  return {ReduceAxes(x, axes, true, x.dtype, MeanOf),
          ReduceAxes(x, axes, true, x.dtype, VarianceOf)};
}

// The index of x along some of its axes.
Sizes Along(const Sizes& index, const std::vector<size_t>& axes) {
  Sizes at;
  for (size_t axis : axes) at.push_back(index[axis]);
  return at;
}

// (x - mean) / sqrt(square + eps) * weight + bias, weight and bias along the given axes of x.
StatusOr<Tensor> Normalized(const Call& call, const Tensor& x, const Statistics& s, Number eps,
                            const std::vector<size_t>& weight_axes) {
  const Tensor* weight = call.Find("weight");
  const Tensor* bias = call.Find("bias");
  for (const Tensor* given : {weight, bias}) {
    GCOMP_RETURN_IF_ERROR(
        call.Require(given == nullptr || given->sizes == Along(x.sizes, weight_axes),
                     "weight or bias has not the sizes of its axes"));
  }
  Number largest = 0;
  Tensor y = Generate(x.dtype, x.sizes, [&](const Sizes& index) {
    const Number scale = 1 / std::sqrt(AtBroadcast(s.square, index) + eps) *
                         (weight == nullptr ? 1 : At(*weight, Along(index, weight_axes)));
    const Number product = (At(x, index) - AtBroadcast(s.mean, index)) * scale;
    const Number uncentered = std::fabs(At(x, index) * scale);
    if (std::isfinite(uncentered)) largest = std::max(largest, uncentered);
    return bias == nullptr ? product : product + At(*bias, Along(index, weight_axes));
  });
  y.largest_term = largest;
  return y;
}

StatusOr<Tensors> LayerNorm(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(std::vector<size_t> axes, call.Axes("dims", x.sizes.size()));
  GCOMP_ASSIGN_OR_RETURN(
      Tensor y, Normalized(call, x, StatisticsOf(x, axes), call.attrs.Float("eps", 1e-5L), axes));
  return One(std::move(y));
}

StatusOr<Tensors> RmsNorm(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_RETURN_IF_ERROR(call.Require(!x.sizes.empty(), "x has no axis"));
  GCOMP_ASSIGN_OR_RETURN(std::vector<size_t> axes, call.Axes("dims", x.sizes.size()));
  if (!call.attrs.Has("dims")) axes = {x.sizes.size() - 1};
  const Statistics s = {ReduceAxes(x, axes, true, x.dtype, [](const Elements&) { return 0; }),
                        ReduceAxes(x, axes, true, x.dtype, MeanSquareOf)};
  GCOMP_ASSIGN_OR_RETURN(Tensor y, Normalized(call, x, s, call.attrs.Float("eps", 1e-5L), axes));
  return One(std::move(y));
}

// Each sample and group of channels for itself.
StatusOr<Tensors> GroupNorm(const Call& call) {
  const Tensor& x = call.operand(0);
  const int64_t groups = call.attrs.Int("groups", 1);
  GCOMP_RETURN_IF_ERROR(call.Require(x.sizes.size() >= 2 && groups >= 1 && x.sizes[1] % groups == 0,
                                     "the channels do not fall into groups"));
  Tensor grouped = x;  // [n, groups, c / groups, ...]
  grouped.sizes[1] /= groups;
  grouped.sizes.insert(grouped.sizes.begin() + 1, groups);
  std::vector<size_t> axes;
  for (size_t d = 2; d < grouped.sizes.size(); ++d) axes.push_back(d);
  Statistics s = StatisticsOf(grouped, axes);
  // Back to one number per channel.
  const auto per_channel = [&](const Tensor& of_group) {
    Sizes sizes(x.sizes.size(), 1);
    sizes[0] = x.sizes[0];
    sizes[1] = x.sizes[1];
    return Generate(x.dtype, sizes, [&](const Sizes& index) {
      const int64_t group = index[1] / grouped.sizes[2];
      return of_group.data[static_cast<size_t>(index[0] * groups + group)];
    });
  };
  s = {per_channel(s.mean), per_channel(s.square)};
  GCOMP_ASSIGN_OR_RETURN(Tensor y, Normalized(call, x, s, call.attrs.Float("eps", 1e-5L), {1}));
  return One(std::move(y));
}

// new = (1 - momentum) * old + momentum * batch.
Tensor Moved(const Tensor& old, const Elements& batch, Number momentum) {
  Tensor moved = {old.dtype, old.sizes, {}};
  for (size_t c = 0; c < batch.size(); ++c) {
    moved.data.push_back((1 - momentum) * old.data[c] + momentum * batch[c]);
  }
  return moved;
}

StatusOr<Tensors> BatchNorm(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_RETURN_IF_ERROR(call.Require(x.sizes.size() >= 2, "x has no channels"));
  for (size_t i = 1; i < 5; ++i) {
    GCOMP_RETURN_IF_ERROR(
        call.Require(i < call.operands.size() && call.operand(i).sizes == Sizes{x.sizes[1]},
                     "weight, bias, mean and var are not of size c"));
  }
  const Tensor& mean = call.operand(3);
  const Tensor& var = call.operand(4);
  const Number eps = call.attrs.Float("eps", 1e-5L);
  Sizes channels(x.sizes.size(), 1);
  channels[1] = x.sizes[1];
  if (!call.attrs.Bool("training", false)) {
    const Statistics s = {{x.dtype, channels, mean.data}, {x.dtype, channels, var.data}};
    GCOMP_ASSIGN_OR_RETURN(Tensor y, Normalized(call, x, s, eps, {1}));
    return One(std::move(y));
  }
  std::vector<size_t> axes;
  for (size_t d = 0; d < x.sizes.size(); ++d) {
    if (d != 1) axes.push_back(d);
  }
  const Statistics s = StatisticsOf(x, axes);
  Tensors results;
  GCOMP_ASSIGN_OR_RETURN(Tensor y, Normalized(call, x, s, eps, {1}));
  results.push_back(std::move(y));
  const Number momentum = call.attrs.Float("momentum", 0.1L);
  Number n = 1;
  for (size_t axis : axes) n *= static_cast<Number>(x.sizes[axis]);
  Elements unbiased;
  for (Number v : s.square.data) unbiased.push_back(v * n / (n - 1));
  results.push_back(Moved(mean, s.mean.data, momentum));
  results.push_back(Moved(var, unbiased, momentum));
  for (Tensor& result : results) {
    for (Number v : x.data) NoteTerm(result, v * v);
  }
  return results;
}

constexpr OpEntry kOps[] = {
    {"layer_norm", LayerNorm},
    {"rms_norm", RmsNorm},
    {"group_norm", GroupNorm},
    {"batch_norm", BatchNorm},
};

}  // namespace

std::span<const OpEntry> NormOps() {
  return kOps;
}

}  // namespace gcomp::reference
