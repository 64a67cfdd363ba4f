// Activations and the elementary functions under them: relu exp tanh sigmoid erf gelu.
#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/math.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

struct ReluFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kNumericDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    S zero = ir::Constant(x, 0);
    return ir::Select(ir::Lt(x, zero), zero, x);
  }
};

#define GCOMP_FLOAT_FN(name)                                  \
  struct name##Fn {                                           \
    static constexpr int kArity = 1;                          \
    static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes; \
    template <class S>                                        \
    GCOMP_INLINE S operator()(S x) const {                    \
      return name(x);                                         \
    }                                                         \
  };
GCOMP_FLOAT_FN(Exp)
GCOMP_FLOAT_FN(Tanh)
GCOMP_FLOAT_FN(Sigmoid)
GCOMP_FLOAT_FN(Erf)
#undef GCOMP_FLOAT_FN

// 0.5 x (1 + erf(x / sqrt 2))
struct GeluFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    S half = ir::Mul(x, ir::Constant(x, 0.5));
    S e = Erf(ir::Mul(x, ir::Constant(x, 0.70710678118654752440)));
    return ir::Mul(half, ir::Add(ir::Constant(x, 1.0), e));
  }
};

// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
struct GeluTanhFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    S half = ir::Mul(x, ir::Constant(x, 0.5));
    S cube = ir::Mul(ir::Mul(ir::Constant(x, 0.044715), ir::Mul(x, x)), x);
    S inner = ir::Mul(ir::Constant(x, 0.79788456080286535588), ir::Add(x, cube));
    return ir::Mul(half, ir::Add(ir::Constant(x, 1.0), Tanh(inner)));
  }
};

constexpr ir::AttrSpec kGeluAttrs[] = {
    ir::StringAttr("approx", "none", "\"none\": by erf; \"tanh\": the approximation by tanh")};

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

constexpr std::string_view kAnnexF = "kernels/math.h; special values: ISO C17 Annex F";
constexpr ir::Tolerance kTwoUlp{.ulp = 2, .reason = "the function's own bound (kernels/math.h)"};

constexpr ir::OpDef kRelu = Pointwise<ReluFn>({
    .name = "relu",
    .doc = "Rectified linear unit: y = 0 if x < 0, else x; of the shape of x. relu(NaN) = NaN, "
           "relu(-0.0) = -0.0.",
    .source =
        "V. Nair and G. Hinton, Rectified Linear Units Improve Restricted Boltzmann Machines, "
        "2010",
    .tolerance = {.reason = "values are copied"},
});

constexpr ir::OpDef kExp = Pointwise<ExpFn>({
    .name = "exp",
    .doc = "Exponential: y = e^x, of the shape of x. exp(-inf) = 0, exp(inf) = inf; small results "
           "are denormals.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
});

constexpr ir::OpDef kTanh = Pointwise<TanhFn>({
    .name = "tanh",
    .doc =
        "Hyperbolic tangent: y = tanh(x), of the shape of x. tanh(+-0) = +-0, tanh(+-inf) = +-1.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
});

constexpr ir::OpDef kSigmoid = Pointwise<SigmoidFn>({
    .name = "sigmoid",
    .doc = "Logistic function: y = 1 / (1 + e^-x), of the shape of x. sigmoid(-inf) = 0, "
           "sigmoid(inf) = 1.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
});

constexpr ir::OpDef kErf = Pointwise<ErfFn>({
    .name = "erf",
    .doc =
        "Error function: y = 2 / sqrt(pi) * integral of e^(-t^2) over t from 0 to x, of the shape "
        "of x. erf(+-0) = +-0, erf(+-inf) = +-1.",
    .source = kAnnexF,
    .tolerance = kTwoUlp,
});

constexpr ir::OpDef kGelu{
    .name = "gelu",
    .doc =
        "Gaussian error linear unit: y = 0.5 x (1 + erf(x / sqrt(2))), or with approx = \"tanh\" "
        "y = 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))); of the shape of x. "
        "gelu(-inf) = NaN (-inf * 0).",
    .source =
        "D. Hendrycks and K. Gimpel, Gaussian Error Linear Units, https://arxiv.org/abs/1606.08415",
    .operands = kUnaryOperands<GeluFn>,
    .attrs = kGeluAttrs,
    .tolerance = {.ulp = 4,
                  .rtol = 5e-7,
                  .reason = "1 + erf cancels below zero: the error is relative to x, not to y"},
    .infer = &InferGelu,
    .prepare = &PrepareGelu,
    .lowering = {.kind = ir::Lowering::Kind::kPointwise, .loops = &LowerGelu},
    .vjp = ir::NotYet(kNoVjpYet),
};

}  // namespace

GCOMP_DEFINE_OPS(activation, &kRelu, &kExp, &kTanh, &kSigmoid, &kErf, &kGelu)

}  // namespace gcomp::kernels
