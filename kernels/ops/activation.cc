// Piecewise activations: relu leaky_relu elu selu hard_sigmoid hard_swish.
#include "kernels/all_ops.h"
#include "kernels/math_exp.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

// The fixed point of mean 0 and variance 1, from the paper's formulas (14).
constexpr double kSeluScale = 1.0507009873554804934193349852946;
constexpr double kSeluAlpha = 1.6732632423543772848170429916717;

GCOMP_UNARY_FN(Relu, ir::kNumericDTypes,
               ir::Select(ir::Lt(x, ir::Constant(x, 0)), ir::Constant(x, 0), x))

struct LeakyReluFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes;
  double slope = 0.01;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    S below = ir::Mul(x, ir::Constant(x, slope));
    return ir::Select(ir::Lt(ir::Constant(x, 0), x), x, below);
  }
};

// above * x for x > 0, else below * (e^x - 1).
struct EluFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes;
  double above = 1;
  double below = 1;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    S line = ir::Mul(x, ir::Constant(x, above));
    S curve = ir::Mul(Expm1(x), ir::Constant(x, below));
    return ir::Select(ir::Lt(ir::Constant(x, 0), x), line, curve);
  }
};

template <class S>
GCOMP_INLINE S HardSigmoid(S x) {
  S line = ir::Add(ir::Div(x, ir::Constant(x, 6)), ir::Constant(x, 0.5));
  return ir::Min(ir::Max(line, ir::Constant(x, 0)), ir::Constant(x, 1));
}

GCOMP_UNARY_FN(HardSigmoid, ir::kFloatDTypes, HardSigmoid(x))

struct HardSwishFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    // Below -3 the second factor is 0: a finite first one keeps the product -0 at -inf.
    S least = ir::Constant(x, -3);
    return ir::Mul(ir::Select(ir::Lt(x, least), least, x), HardSigmoid(x));
  }
};

constexpr ir::AttrSpec kLeakyReluAttrs[] = {
    ir::FloatAttr("slope", 0.01, "factor of x where x <= 0")};
constexpr ir::AttrSpec kEluAttrs[] = {ir::FloatAttr("alpha", 1.0, "minus the limit at -inf")};

EluFn EluOf(const ir::AttrReader& attrs) {
  return {.above = 1, .below = attrs.Float("alpha")};
}

constexpr EluFn kSeluFn = {.above = kSeluScale, .below = kSeluScale * kSeluAlpha};

// The slope `above` where x > 0, else below e^x.
void VjpOfElu(PointwiseVjp& v, const EluFn& elu) {
  ir::Term curve = v.dy() * (v.Call("exp", {v.x()}) * elu.below);
  v.Return(0, v.Select(v.Compare("gt", v.x(), 0.0), v.dy() * elu.above, curve));
}

constexpr ir::OpDef kRelu = Pointwise<ReluFn>({
    .name = "relu",
    .doc = "Rectified linear unit: y = 0 if x < 0, else x; of the shape of x. relu(NaN) = NaN, "
           "relu(-0.0) = -0.0. Derivative: 0 at 0.",
    .source =
        "V. Nair and G. Hinton, Rectified Linear Units Improve Restricted Boltzmann Machines, "
        "2010",
    .tolerance = {.reason = "values are copied"},
    .vjp =
        kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.Where(v.Compare("gt", v.x(), 0.0), v.dy())); }>,
});

constexpr ir::OpDef kLeakyRelu{
    .name = "leaky_relu",
    .doc =
        "Leaky rectified linear unit: y = x if x > 0, else slope * x; of the shape of x. Zeros "
        "and NaN stay. Derivative: slope at 0.",
    .source =
        "A. Maas, A. Hannun and A. Ng, Rectifier Nonlinearities Improve Neural Network "
        "Acoustic Models, 2013",
    .operands = kUnaryOperands<LeakyReluFn>,
    .attrs = kLeakyReluAttrs,
    .in_place_form = true,
    .any_result_layout = true,
    .tolerance = {.reason = "one correctly rounded operation per element"},
    .infer = &InferPointwise,
    .prepare =
        [](const ir::KernelCtx& ctx) {
          return PreparePointwise(ctx, LeakyReluFn{.slope = ctx.attrs.Float("slope")});
        },
    .lowering = {.kind = ir::Lowering::Kind::kPointwise,
                 .loops =
                     [](ir::LowerCtx& ctx) {
                       return LowerPointwise(ctx, LeakyReluFn{.slope = ctx.attrs.Float("slope")});
                     }},
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      ir::Term below = v.dy() * v.attrs().Float("slope");
      v.Return(0, v.Select(v.Compare("gt", v.x(), 0.0), v.dy(), below));
    }>,
};

constexpr ir::OpDef kElu{
    .name = "elu",
    .doc =
        "Exponential linear unit: y = x if x > 0, else alpha * (e^x - 1); of the shape of x. "
        "elu(-inf) = -alpha. Derivative: alpha at 0.",
    .source =
        "D. Clevert, T. Unterthiner and S. Hochreiter, Fast and Accurate Deep Network Learning by "
        "Exponential Linear Units, https://arxiv.org/abs/1511.07289",
    .operands = kUnaryOperands<EluFn>,
    .attrs = kEluAttrs,
    .in_place_form = true,
    .any_result_layout = true,
    .tolerance = {.ulp = 3, .reason = "expm1 within 2 ulp, and one product"},
    .infer = &InferPointwise,
    .prepare = [](const ir::KernelCtx& ctx) { return PreparePointwise(ctx, EluOf(ctx.attrs)); },
    .lowering = {.kind = ir::Lowering::Kind::kPointwise,
                 .loops = [](ir::LowerCtx& ctx) { return LowerPointwise(ctx, EluOf(ctx.attrs)); }},
    .vjp = kVjpBy<[](PointwiseVjp& v) { VjpOfElu(v, EluOf(v.attrs())); }>,
};

constexpr ir::OpDef kSelu{
    .name = "selu",
    .doc =
        "Scaled exponential linear unit: y = scale * x if x > 0, else scale * alpha * (e^x - "
        "1), scale = 1.0507009873554805, alpha = 1.6732632423543772; of the shape of x. "
        "selu(-inf) = -scale * alpha. Derivative: scale * alpha at 0.",
    .source =
        "G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, Self-Normalizing Neural "
        "Networks, https://arxiv.org/abs/1706.02515",
    .operands = kUnaryOperands<EluFn>,
    .in_place_form = true,
    .any_result_layout = true,
    .tolerance = {.ulp = 4, .reason = "expm1 within 2 ulp, a rounded constant and one product"},
    .infer = &InferPointwise,
    .prepare = [](const ir::KernelCtx& ctx) { return PreparePointwise(ctx, kSeluFn); },
    .lowering = {.kind = ir::Lowering::Kind::kPointwise,
                 .loops = [](ir::LowerCtx& ctx) { return LowerPointwise(ctx, kSeluFn); }},
    .vjp = kVjpBy<[](PointwiseVjp& v) { VjpOfElu(v, kSeluFn); }>,
};

constexpr ir::OpDef kHardSigmoid = Pointwise<HardSigmoidFn>({
    .name = "hard_sigmoid",
    .doc = "Piecewise linear sigmoid: y = min(max(x / 6 + 0.5, 0), 1), of the shape of x. "
           "Derivative: 0 at -3 and 3.",
    .source = "A. Howard et al., Searching for MobileNetV3, https://arxiv.org/abs/1905.02244",
    .tolerance = {.ulp = 2,
                  .rtol = 2e-7,
                  .reason = "x / 6 + 0.5 cancels at -3: the error is relative to x"},
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      ir::Term inside = v.Compare("lt", v.Call("abs", {v.x()}), 3.0);
      v.Return(0, v.Where(inside, v.dy() / 6.0));
    }>,
});

constexpr ir::OpDef kHardSwish = Pointwise<HardSwishFn>({
    .name = "hard_swish",
    .doc = "Piecewise quadratic swish: y = x * min(max(x / 6 + 0.5, 0), 1), of the shape of x. "
           "-0.0 below -3, at -inf too. Derivative: 0 at -3, 1 at 3.",
    .source = "A. Howard et al., Searching for MobileNetV3, https://arxiv.org/abs/1905.02244",
    .tolerance = {.ulp = 3,
                  .rtol = 2e-7,
                  .reason = "x / 6 + 0.5 cancels at -3: the error is relative to x"},
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      ir::Term inside = v.dy() * (v.x() / 3.0 + 0.5);
      ir::Term below_three = v.Select(v.Compare("lt", v.x(), 3.0), inside, v.dy());
      v.Return(0, v.Where(v.Compare("gt", v.x(), -3.0), below_three));
    }>,
});

}  // namespace

GCOMP_DEFINE_OPS(activation, &kRelu, &kLeakyRelu, &kElu, &kSelu, &kHardSigmoid, &kHardSwish)

}  // namespace gcomp::kernels
