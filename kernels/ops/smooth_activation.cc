// Smooth activations: sigmoid gelu silu softplus mish.
#include <cmath>
#include <memory>
#include <string>

#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/math_error.h"
#include "kernels/math_exp.h"
#include "kernels/math_hyperbolic.h"
#include "kernels/math_log.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

constexpr double kRootHalf = 0.70710678118654752440;  // 1 / sqrt(2)
constexpr double kOneOverRootTwoPi = 0.39894228040143267794;
constexpr double kRootTwoOverPi = 0.79788456080286535588;  // sqrt(2 / pi)
constexpr double kGeluCubic = 0.044715;

// x, but a large negative number for those below: gelu, silu and mish multiply x by a factor that
// is 0 there, and -inf * 0 would be NaN where the limit is -0.
template <class S>
GCOMP_INLINE S FiniteBelow(S x) {
  S least = ir::Constant(x, -1024);
  return ir::Select(ir::Lt(x, least), least, x);
}

GCOMP_UNARY_FN(Sigmoid, ir::kFloatDTypes, Sigmoid(x))

// 0.5 x (1 + erf(x / sqrt 2))
struct GeluFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    S half = ir::Mul(FiniteBelow(x), ir::Constant(x, 0.5));
    S e = Erf(ir::Mul(x, ir::Constant(x, kRootHalf)));
    return ir::Mul(half, ir::Add(ir::Constant(x, 1.0), e));
  }
};

// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
struct GeluTanhFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    S half = ir::Mul(FiniteBelow(x), ir::Constant(x, 0.5));
    S cube = ir::Mul(ir::Mul(ir::Constant(x, kGeluCubic), ir::Mul(x, x)), x);
    S inner = ir::Mul(ir::Constant(x, kRootTwoOverPi), ir::Add(x, cube));
    return ir::Mul(half, ir::Add(ir::Constant(x, 1.0), Tanh(inner)));
  }
};

GCOMP_UNARY_FN(Silu, ir::kFloatDTypes, ir::Mul(FiniteBelow(x), Sigmoid(x)))

// log(1 + e^(beta x)) / beta, as max(z, 0) + log(1 + e^-|z|): e^z does not overflow.
struct SoftplusFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes;
  double beta = 1;
  double threshold = 20;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    S b = ir::Constant(x, beta);
    S z = ir::Mul(x, b);
    S zero = ir::Constant(x, 0);
    S tail = Log1p(Exp(ir::Neg(ir::Abs(z))));
    S curve = ir::Add(ir::Select(ir::Lt(z, zero), zero, z), tail);
    return ir::Select(ir::Lt(ir::Constant(x, threshold), z), x, ir::Div(curve, b));
  }
};

// x tanh(log(1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2). Past 20 the factor rounds to 1.
struct MishFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    S most = ir::Constant(x, 20);
    S two = ir::Constant(x, 2);
    S e = Exp(ir::Select(ir::Lt(most, x), most, x));
    S n = ir::Mul(e, ir::Add(e, two));
    return ir::Mul(FiniteBelow(x), ir::Div(n, ir::Add(n, two)));
  }
};

// ---- Attributes ---------------------------------------------------------------------------------

constexpr ir::AttrSpec kGeluAttrs[] = {
    ir::StringAttr("approx", "none", "\"none\": by erf; \"tanh\": the approximation by tanh")};
constexpr ir::AttrSpec kSoftplusAttrs[] = {
    ir::FloatAttr("beta", 1.0, "factor of x; the result is divided by it"),
    ir::FloatAttr("threshold", 20.0, "y = x where beta * x is greater")};

Status InferGelu(ir::InferCtx& ctx) {
  std::string approx = ctx.attrs().String("approx");
  if (approx != "none" && approx != "tanh") {
    return ctx.Fail(Format("approx is \"{}\"; it may be \"none\" or \"tanh\"", approx),
                    ErrorId::E508);
  }
  return InferPointwise(ctx);
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareGelu(const ir::KernelCtx& ctx) {
  if (ctx.attrs.String("approx") == "tanh") return PreparePointwise(ctx, GeluTanhFn{});
  return PreparePointwise(ctx, GeluFn{});
}

Status LowerGelu(ir::LowerCtx& ctx) {
  if (ctx.attrs.String("approx") == "tanh") return LowerPointwise(ctx, GeluTanhFn{});
  return LowerPointwise(ctx, GeluFn{});
}

Status InferSoftplus(ir::InferCtx& ctx) {
  double beta = ctx.attrs().Float("beta");
  if (beta == 0 || std::isnan(beta) || std::isinf(beta)) {
    return ctx.Fail(
        Format("beta is {}; the result is divided by it: it must be finite and not 0", beta),
        ErrorId::E508);
  }
  return InferPointwise(ctx);
}

SoftplusFn SoftplusOf(const ir::AttrReader& attrs) {
  return {.beta = attrs.Float("beta"), .threshold = attrs.Float("threshold")};
}

// ---- Derivatives --------------------------------------------------------------------------------

// Past these bounds the derivatives of gelu, silu and mish are 0 or 1 in f64 too, and their
// formulas do not overflow in f32 inside them.
ir::Term Core(PointwiseVjp& v) {
  return v.Bounded(v.x(), -1024, 40);
}

void VjpOfGelu(PointwiseVjp& v) {
  ir::Term x = v.Bounded(v.x(), -40, 40);
  if (v.attrs().String("approx") == "tanh") {
    ir::Term t = v.Call("tanh", {kRootTwoOverPi * (x + kGeluCubic * (x * x * x))});
    ir::Term inner_slope = kRootTwoOverPi * (1.0 + 3 * kGeluCubic * (x * x));
    ir::Term outer = 0.5 * x * ((1.0 - t) * (1.0 + t));
    return v.Return(0, v.dy() * (0.5 * (1.0 + t) + outer * inner_slope));
  }
  ir::Term below = 0.5 * (1.0 + v.Call("erf", {x * kRootHalf}));
  ir::Term density = v.Call("exp", {x * x * -0.5}) * kOneOverRootTwoPi;
  v.Return(0, v.dy() * (below + x * density));
}

void VjpOfSilu(PointwiseVjp& v) {
  ir::Term x = Core(v);
  ir::Term s = v.Call("sigmoid", {x});
  v.Return(0, v.dy() * (s * (1.0 + x * (1.0 - s))));
}

// tanh(softplus) = n / d with n = e (e + 2), d = n + 2, and its derivative is 4 e (e + 1) / d^2.
void VjpOfMish(PointwiseVjp& v) {
  ir::Term x = Core(v);
  ir::Term e = v.Call("exp", {x});
  ir::Term n = e * (e + 2.0);
  ir::Term d = n + 2.0;
  v.Return(0, v.dy() * (n / d + x * (4.0 * (e / d) * ((e + 1.0) / d))));
}

void VjpOfSoftplus(PointwiseVjp& v) {
  ir::Term z = v.x() * v.attrs().Float("beta");
  ir::Term past = v.Compare("gt", z, v.attrs().Float("threshold"));
  v.Return(0, v.Select(past, v.dy(), v.dy() * v.Call("sigmoid", {z})));
}

// ---- Records ------------------------------------------------------------------------------------

constexpr ir::OpDef kSigmoid = Pointwise<SigmoidFn>({
    .name = "sigmoid",
    .doc = "Logistic function: y = 1 / (1 + e^-x), of the shape of x. sigmoid(-inf) = 0, "
           "sigmoid(inf) = 1.",
    .source = "kernels/math.h; special values: the limits",
    .tolerance = {.ulp = 2, .reason = "the function's own bound (kernels/math.h)"},
    .vjp = kVjpBy<[](PointwiseVjp& v) { v.Return(0, v.dy() * (v.y() * (1.0 - v.y()))); }>,
});

constexpr ir::OpDef kGelu{
    .name = "gelu",
    .doc =
        "Gaussian error linear unit: y = 0.5 x (1 + erf(x / sqrt(2))), or with approx = "
        "\"tanh\" y = 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))); of the shape of x. "
        "gelu(-inf) = -0.0.",
    .source =
        "D. Hendrycks and K. Gimpel, Gaussian Error Linear Units, https://arxiv.org/abs/1606.08415",
    .operands = kUnaryOperands<GeluFn>,
    .attrs = kGeluAttrs,
    .in_place_form = true,
    .any_result_layout = true,
    .tolerance = {.ulp = 4,
                  .rtol = 5e-7,
                  .reason = "1 + erf cancels below zero: the error is relative to x, not to y"},
    .infer = &InferGelu,
    .prepare = &PrepareGelu,
    .lowering = {.kind = ir::Lowering::Kind::kPointwise, .loops = &LowerGelu},
    .vjp = kVjpBy<VjpOfGelu>,
};

constexpr ir::OpDef kSilu = Pointwise<SiluFn>({
    .name = "silu",
    .doc = "Sigmoid linear unit (swish): y = x / (1 + e^-x), of the shape of x. silu(-inf) = -0.0.",
    .source = "S. Elfwing, E. Uchibe and K. Doya, Sigmoid-Weighted Linear Units for Neural Network "
              "Function Approximation in Reinforcement Learning, https://arxiv.org/abs/1702.03118",
    .tolerance = {.ulp = 3,
                  .rtol = 1e-40,
                  .reason = "sigmoid within 2 ulp, and one product; where sigmoid is a denormal, "
                            "its step times x"},
    .vjp = kVjpBy<VjpOfSilu>,
});

constexpr ir::OpDef kSoftplus{
    .name = "softplus",
    .doc =
        "Smooth rectifier: y = x if beta * x > threshold, else log(1 + e^(beta * x)) / beta; of "
        "the shape of x. softplus(-inf) = 0 for beta > 0. Derivative: 1 past the threshold.",
    .source =
        "C. Dugas et al., Incorporating Second-Order Functional Knowledge for Better Option "
        "Pricing, 2000",
    .operands = kUnaryOperands<SoftplusFn>,
    .attrs = kSoftplusAttrs,
    .in_place_form = true,
    .any_result_layout = true,
    .tolerance = {.ulp = 6,
                  .rtol = 2e-7,
                  .reason = "exp and log1p within 2 ulp, a sum and a quotient; beta * x rounds "
                            "before the exponential, which is relative to x"},
    .infer = &InferSoftplus,
    .prepare =
        [](const ir::KernelCtx& ctx) { return PreparePointwise(ctx, SoftplusOf(ctx.attrs)); },
    .lowering = {.kind = ir::Lowering::Kind::kPointwise,
                 .loops =
                     [](ir::LowerCtx& ctx) { return LowerPointwise(ctx, SoftplusOf(ctx.attrs)); }},
    .vjp = kVjpBy<VjpOfSoftplus>,
};

constexpr ir::OpDef kMish = Pointwise<MishFn>({
    .name = "mish",
    .doc = "Mish: y = x tanh(log(1 + e^x)), of the shape of x, computed as x n / (n + 2) with n = "
           "e^x (e^x + 2). mish(-inf) = -0.0.",
    .source = "D. Misra, Mish: A Self Regularized Non-Monotonic Activation Function, "
              "https://arxiv.org/abs/1908.08681",
    .tolerance = {.ulp = 6,
                  .rtol = 1e-40,
                  .reason = "exp within 2 ulp, then five rounded operations; where e^x is a "
                            "denormal, its step times x"},
    .vjp = kVjpBy<VjpOfMish>,
});

}  // namespace

GCOMP_DEFINE_OPS(smooth_activation, &kSigmoid, &kGelu, &kSilu, &kSoftplus, &kMish)

}  // namespace gcomp::kernels
