// group_norm and batch_norm: normalization of channels, [n, c, ...]. group_norm, and batch_norm in
// training, are formulas of other ops.
#include "kernels/batch_norm.h"

#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/decompose.h"
#include "ir/loops.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

// OK if operand group g is absent or [c] in the dtype of x, where x is [n, c, ...].
Status CheckChannels(const ir::InferCtx& ctx, size_t g) {
  if (!ctx.has_operand(g)) return Status();
  const ir::Type& x = ctx.operand(0);
  const ir::Type& type = ctx.group_type(g);
  std::string_view name = ctx.op().def->operands[g].name;
  if (type.dtype() != x.dtype()) {
    return ctx.Fail(Format("{} has dtype {} and x has {}; they must be equal (use cast)", name,
                           NameOf(type.dtype()), NameOf(x.dtype())));
  }
  if (type.rank() == 1 && ctx.SameSize(type.dims()[0], x.dims()[1])) return Status();
  return ctx.Fail(Format("{} is {}; it must be [c] where x is [n, c, ...], and x is {}", name,
                         ctx.Show(type), ctx.Show(x)));
}

Status CheckImage(const ir::InferCtx& ctx, size_t num_operands) {
  const ir::Type& x = ctx.operand(0);
  if (x.rank() < 2) {
    return ctx.Fail(Format("x is {}; it must be [n, c, ...]", ctx.Show(x)));
  }
  for (size_t g = 1; g < num_operands; ++g) GCOMP_RETURN_IF_ERROR(CheckChannels(ctx, g));
  double eps = ctx.attrs().Float("eps");
  if (!(eps >= 0)) {
    return ctx.Fail(Format("eps is {}; it must not be negative", eps), ErrorId::E508);
  }
  return Status();
}

// [c] as [c, 1, ...], which broadcasts over x = [n, c, ...].
ir::Term PerChannel(ir::DecomposeCtx& ctx, ir::Term v, int rank) {
  ir::Dims sizes(static_cast<size_t>(rank - 1), 1);
  sizes[0] = v.size(0);
  return ctx.Reshape(v, sizes);
}

constexpr ir::AttrSpec kEps = ir::FloatAttr("eps", 1e-5, "added to the variance; not negative");

// ---- group_norm ---------------------------------------------------------------------------------

Status InferGroupNorm(ir::InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckImage(ctx, 3));
  const ir::Type& x = ctx.operand(0);
  int64_t groups = ctx.attrs().Int("groups");
  if (groups < 1) {
    return ctx.Fail(Format("groups is {}; it must be at least 1", groups), ErrorId::E508);
  }
  if (!ir::Expr::Mod(x.dims()[1], groups).IsConst(0)) {
    return ctx.Fail(Format("the {} channels of x: {} are not known to divide into {} groups",
                           ctx.Show(x.dims()[1]), ctx.Show(x), groups));
  }
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(ir::Type::Tensor(x.dtype(), x.dims(), {}, std::move(device)));
  return Status();
}

void DecomposeGroupNorm(ir::DecomposeCtx& ctx) {
  ir::Term x = ctx.Widened(ctx.operand(0));
  if (!x.present()) return;
  int64_t groups = ctx.attrs().Int("groups");
  ir::Dims sizes = x.sizes();
  ir::Expr row = ir::Expr::FloorDiv(x.size(1), groups);
  for (int d = 2; d < x.rank(); ++d) row = ir::Expr::Mul(row, x.size(d));
  ir::Term rows = ctx.Reshape(x, {x.size(0), groups, row});
  ir::Term y = ctx.Call("layer_norm", {rows},
                        {{"dims", ir::IntsAttr({2})}, {"eps", ctx.attrs().Float("eps")}});
  y = ctx.Reshape(y, sizes);
  int rank = static_cast<int>(sizes.size());
  ir::Term weight = ctx.Widened(ctx.operand(1));
  if (weight.present()) y = y * PerChannel(ctx, weight, rank);
  ir::Term bias = ctx.Widened(ctx.operand(2));
  if (bias.present()) y = y + PerChannel(ctx, bias, rank);
  ctx.Return(y);
}

constexpr ir::OperandSpec kGroupNormOperands[] = {
    {.name = "x", .dtypes = ir::kFloatDTypes},
    {.name = "weight", .kind = ir::OperandKind::kOptional, .dtypes = ir::kFloatDTypes},
    {.name = "bias", .kind = ir::OperandKind::kOptional, .dtypes = ir::kFloatDTypes},
};
constexpr ir::AttrSpec kGroupNormAttrs[] = {
    ir::IntAttr("groups", 1, "parts into which the channels are divided evenly"), kEps};

constexpr ir::OpDef kGroupNorm{
    .name = "group_norm",
    .doc =
        "Group normalization: the c channels of x are divided into `groups` groups of c / groups "
        "neighbors; each group of each of the n images is normalized as one row of layer_norm; "
        "then * weight and + bias of the channel, where given. x, y: [n, c, ...]; weight, bias: "
        "[c]. f16 and bf16 are computed in f32 and rounded once. Stands for reshape, layer_norm, "
        "mul, add.",
    .source = "Y. Wu, K. He, Group Normalization, https://arxiv.org/abs/1803.08494",
    .operands = kGroupNormOperands,
    .attrs = kGroupNormAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "rounded sums, x - mean cancels; relative to the largest magnitude of "
                            "x / sqrt(var + eps) * weight and bias"},
    .infer = &InferGroupNorm,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = &DecomposeGroupNorm},
    .vjp = ir::NotYet(),
};

// ---- batch_norm ---------------------------------------------------------------------------------

Status InferBatchNorm(ir::InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckImage(ctx, 5));
  const ir::Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(ir::Type::Tensor(x.dtype(), x.dims(), {}, device));
  if (!ctx.attrs().Bool("training")) return Status();
  for (int i = 0; i < 2; ++i) {
    ctx.Return(ir::Type::Tensor(x.dtype(), {x.dims()[1]}, {}, device));
  }
  return Status();
}

// Training is a formula that ends in the op without it.
void DecomposeBatchNorm(ir::DecomposeCtx& ctx) {
  if (!ctx.attrs().Bool("training")) return;
  ir::Term x = ctx.Widened(ctx.operand(0));
  ir::Term mean = ctx.Widened(ctx.operand(3));
  ir::Term var = ctx.Widened(ctx.operand(4));
  if (!x.present() || !mean.present() || !var.present()) return;
  double momentum = ctx.attrs().Float("momentum");
  std::vector<int64_t> axes = {0};
  for (int d = 2; d < x.rank(); ++d) axes.push_back(d);
  auto variance = [&](int64_t correction) {
    return ctx.Call("var", {x},
                    {{"dims", ir::IntsAttr(axes)}, {"correction", ir::Expr(correction)}});
  };
  ir::Term batch_mean = ctx.Call("reduce_mean", {x}, {{"dims", ir::IntsAttr(axes)}});
  ir::Term new_mean = mean * (1 - momentum) + batch_mean * momentum;
  ir::Term new_var = var * (1 - momentum) + variance(1) * momentum;
  ctx.Return(ctx.Call(
      "batch_norm",
      {x, ctx.Widened(ctx.operand(1)), ctx.Widened(ctx.operand(2)), batch_mean, variance(0)},
      {{"eps", ctx.attrs().Float("eps")}}));
  ctx.Return(new_mean);
  ctx.Return(new_var);
}

template <class T>
void LowerBatchNormTo(ir::LowerCtx& ctx) {
  ir::Stage map;
  map.axes = ctx.results[0].sizes;
  map.loads.push_back(
      {.buffer = 0, .offset = {0, ctx.operands[0].strides}, .guards = {}, .otherwise = {}});
  for (size_t i = 1; i < ctx.operands.size(); ++i) {
    ir::Load load = {
        .buffer = i, .offset = {0, ir::Dims(map.axes.size())}, .guards = {}, .otherwise = {}};
    load.offset.coefs[1] = ctx.operands[i].strides[0];
    map.loads.push_back(std::move(load));
  }
  const auto param = [&](size_t i) {
    return ir::Sym<T>(&map.body, map.body.Param(i, ir::NativeDType<T>()));
  };
  const ir::Sym<T> x = param(0);
  const ir::Sym<T> eps = ir::Constant(x, static_cast<T>(ctx.attrs.Float("eps")));
  const ir::Sym<T> r = InverseDeviation(param(4), eps, ir::Constant(x, T{1}));
  map.body_result = NormalizeByChannel{}(x, param(1), param(2), param(3), r).index();
  map.store_buffer = ctx.result_buffer(0);
  map.store = {0, ctx.results[0].strides};
  ctx.nest.stages.push_back(std::move(map));
}

Status LowerBatchNorm(ir::LowerCtx& ctx) {
  GCOMP_ENSURE(!ctx.attrs.Bool("training"), "training is a formula");
  if (ctx.operands[0].dtype == ir::DType::kF64) {
    LowerBatchNormTo<double>(ctx);
  } else {
    LowerBatchNormTo<float>(ctx);
  }
  return Status();
}

constexpr ir::OperandSpec kBatchNormOperands[] = {
    {.name = "x", .dtypes = ir::kFloatDTypes},    {.name = "weight", .dtypes = ir::kFloatDTypes},
    {.name = "bias", .dtypes = ir::kFloatDTypes}, {.name = "mean", .dtypes = ir::kFloatDTypes},
    {.name = "var", .dtypes = ir::kFloatDTypes},
};
constexpr ir::AttrSpec kBatchNormAttrs[] = {
    kEps,
    ir::BoolAttr("training", false, "true: normalize by the batch, and give new mean and var"),
    ir::FloatAttr("momentum", 0.1, "share of the batch in the new mean and var"),
};

constexpr ir::OpDef kBatchNorm{
    .name = "batch_norm",
    .doc =
        "Batch normalization: r = 1 / sqrt(var + eps); y = (x - mean) * r * weight + bias, by "
        "channel. x, y: [n, c, ...]; the others: [c]. With training, mean and var are those of "
        "the batch (reduce_mean, and var with correction 0, over all axes but 1), and there are "
        "two further results: (1 - momentum) * mean + momentum * batch mean, and the same of var "
        "with the batch's var of correction 1. f16 and bf16 are computed in f32 and rounded once. "
        "Training stands for these ops, and batch_norm without it.",
    .source = "S. Ioffe, C. Szegedy, Batch Normalization, https://arxiv.org/abs/1502.03167",
    .operands = kBatchNormOperands,
    .attrs = kBatchNormAttrs,
    .num_results = -1,
    .tolerance = {.ulp = 4,
                  .rtol = 1e-5,
                  .reason = "rounded sums, x - mean cancels; relative to the largest magnitude of "
                            "x / sqrt(var + eps) * weight and bias"},
    .infer = &InferBatchNorm,
    .prepare = &PrepareBatchNorm,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose,
                 .loops = &LowerBatchNorm,
                 .decompose = &DecomposeBatchNorm},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(batch_norm, &kGroupNorm, &kBatchNorm)

}  // namespace gcomp::kernels
