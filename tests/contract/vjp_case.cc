#include "tests/contract/vjp_case.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/format.h"
#include "ir/builder.h"
#include "ir/diagnostic.h"
#include "ir/verify.h"
#include "ir/vjp.h"

namespace gcomp::testing {
namespace {

using ir::DType;
using reference::Dual;
using Number = long double;

// In steps of the dtype.
constexpr Number kUnits = 32;

// Formulas that take a number near 1 from 1 (tanh, sigmoid and what is made of them), or round the
// argument of an exponential (erf, gelu, softplus), or a difference of operands (lerp).
bool IsRelativeToCotangent(std::string_view op) {
  static const std::set<std::string_view> ops = {"tanh", "sigmoid",  "gelu",       "silu", "mish",
                                                 "erf",  "softplus", "hard_swish", "lerp"};
  return ops.contains(op);
}

Number LeastNormal(DType dtype) {
  return dtype == DType::kF16 ? 0x1p-14L : dtype == DType::kF64 ? 0x1p-1022L : 0x1p-126L;
}

Number Largest(DType dtype) {
  return dtype == DType::kF16    ? 65504.0L
         : dtype == DType::kBF16 ? 0x1.FEp127L
         : dtype == DType::kF32  ? std::numeric_limits<float>::max()
                                 : std::numeric_limits<double>::max();
}

ir::Type TypeOf(const reference::Tensor& tensor) {
  return ir::Type::Tensor(tensor.dtype, ir::Dims(tensor.sizes.begin(), tensor.sizes.end()));
}

}  // namespace

Status Build(VjpCase& c, const VjpUse& use, const ir::OpRegistry& registry) {
  c.module.name = "vjp";
  ir::Function& function = c.module.AddFunction("main");
  function.exported = true;
  ir::Builder builder(c.module, function, registry);
  ir::OpArgs args;
  args.attrs = use.attrs;
  size_t next = 0;
  for (bool given : use.groups) {
    args.groups.emplace_back();
    if (!given) continue;
    const VjpOperand& operand = c.operands[next];
    args.groups.back().push_back(
        operand.literal
            ? builder.Literal(reference::ScalarOf(operand.value.dtype, operand.value.data[0]))
            : builder.Param(Format("x{}", next), TypeOf(operand.value)));
    ++next;
  }
  const ir::ValueId cotangent = builder.Param("dy", TypeOf(c.cotangent));
  if (c.def->name == "cast") args.result_types.push_back(TypeOf(c.cotangent));
  GCOMP_ASSIGN_OR_RETURN(std::vector<ir::ValueId> results, builder.Add(c.def->name, args));
  c.op = function.value(results[0]).op;
  const ir::Op op = function.op(c.op);
  GCOMP_ASSIGN_OR_RETURN(std::vector<ir::ValueId> gradients,
                         ir::BuildVjp(builder, function, op, {{cotangent}}));
  std::vector<ir::ValueId> returned;
  for (size_t i = 0; i < gradients.size(); ++i) {
    c.has_gradient.push_back(gradients[i].valid());
    if (!gradients[i].valid()) continue;
    const ir::Type& type = function.value(gradients[i]).type;
    if (type.dtype() != c.operands[i].value.dtype ||
        type.dims() != TypeOf(c.operands[i].value).dims()) {
      return Status(ErrorId::E504,
                    Format("gradient {} has type {}", i, type.ToString(function.Namer())));
    }
    returned.push_back(gradients[i]);
  }
  builder.Return(std::move(returned));
  ir::Diagnostics diagnostics("vjp", "");
  ir::Verify(c.module, diagnostics);
  return diagnostics.ok() ? Status() : Status(ErrorId::E999, diagnostics.Render());
}

namespace {

StatusOr<Tensor> ToTensor(const reference::Tensor& from) {
  GCOMP_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Empty(from.dtype, from.sizes));
  auto* bytes = static_cast<char*>(tensor.data());
  for (size_t i = 0; i < from.data.size(); ++i) {
    reference::ScalarOf(from.dtype, from.data[i])
        .Store(bytes + i * static_cast<size_t>(ir::BytesOf(from.dtype)));
  }
  return tensor;
}

}  // namespace

StatusOr<std::vector<reference::Tensor>> RunGradients(VjpCase& c,
                                                      const std::shared_ptr<Engine>& engine) {
  std::vector<reference::Tensor> gradients;
  for (const VjpOperand& operand : c.operands) {
    gradients.push_back({operand.value.dtype, operand.value.sizes,
                         std::vector<Number>(operand.value.data.size(), 0)});
  }
  if (std::none_of(c.has_gradient.begin(), c.has_gradient.end(), [](bool b) { return b; })) {
    return gradients;
  }
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<Session> session,
                         Session::Load(engine, std::move(c.module), nullptr, {}));
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Context> context, Context::Create(session, "main"));
  std::vector<Tensor> inputs;
  for (const VjpOperand& operand : c.operands) {
    if (operand.literal) continue;
    GCOMP_ASSIGN_OR_RETURN(Tensor input, ToTensor(operand.value));
    inputs.push_back(std::move(input));
  }
  GCOMP_ASSIGN_OR_RETURN(Tensor cotangent, ToTensor(c.cotangent));
  inputs.push_back(std::move(cotangent));
  std::vector<Tensor> outputs;
  GCOMP_RETURN_IF_ERROR(context->Run(inputs, outputs));
  size_t next = 0;
  for (size_t i = 0; i < c.operands.size(); ++i) {
    if (!c.has_gradient[i]) continue;
    gradients[i] = reference::Load(outputs[next].spec(), outputs[next].data());
    ++next;
  }
  return gradients;
}

namespace {

// The value of the op on x, and its derivative to operand `seed`.
Dual DerivativeAt(const VjpCase& c, std::vector<Number> x, size_t seed) {
  std::vector<Dual> duals(x.begin(), x.end());
  duals[seed].derivative = 1;
  if (c.def->name == "cast") return duals[0];
  std::optional<Dual> y = reference::EvaluatePointwise(c.function(), c.function().op(c.op), duals);
  if (!y.has_value()) ADD_FAILURE() << c.def->name << " has no derivative in the reference";
  return y.value_or(Dual());
}

// The position in `tensor` of the element that broadcasts to element `k` of `sizes`.
size_t PositionOf(const reference::Tensor& tensor, const std::vector<int64_t>& sizes, size_t k) {
  size_t position = 0;
  size_t stride = 1;
  size_t missing = sizes.size() - tensor.sizes.size();
  for (size_t d = sizes.size(); d-- > 0; k /= static_cast<size_t>(sizes[d])) {
    if (d < missing) continue;
    auto size = static_cast<size_t>(tensor.sizes[d - missing]);
    position += size == 1 ? 0 : k % static_cast<size_t>(sizes[d]) * stride;
    stride *= size;
  }
  return position;
}

// True where the sign of a^(b - 1) is lost, because b - 1 rounds to b.
bool LosesParity(const VjpCase& c, const std::vector<Number>& x) {
  return c.def->name == "pow" && x[0] < 0 && reference::Rounded(c.dtype, x[1] - 1) == x[1];
}

// The true gradient of one element, and what its error is relative to.
struct Expected {
  Number gradient = 0;
  Number scale = 0;
  bool known = true;  // finite, and so is the op's value at all points that count
};

std::vector<Expected> ExpectedGradient(const VjpCase& c, size_t i) {
  std::vector<Expected> expected(c.operands[i].value.data.size());
  for (size_t k = 0; k < c.cotangent.data.size(); ++k) {
    std::vector<Number> x;
    for (const VjpOperand& operand : c.operands) {
      x.push_back(operand.value.data[PositionOf(operand.value, c.cotangent.sizes, k)]);
    }
    const Dual y = DerivativeAt(c, x, i);
    const Number term = c.cotangent.data[k] * y.derivative;
    Expected& e = expected[PositionOf(c.operands[i].value, c.cotangent.sizes, k)];
    e.known = e.known && !LosesParity(c, x) && !std::isnan(y.value) && std::isfinite(term) &&
              std::fabs(term) <= Largest(c.dtype) / 2;
    e.gradient += term;
    e.scale += std::fabs(term);
    if (IsRelativeToCotangent(c.def->name)) e.scale += std::fabs(c.cotangent.data[k]);
  }
  return expected;
}

}  // namespace

size_t Check(VjpCase& c, const VjpUse& use, const std::shared_ptr<Engine>& engine) {
  Status built = Build(c, use, engine->ops());
  if (!built.ok()) {
    ADD_FAILURE() << c.def->name << " of " << NameOf(c.dtype) << ": " << built.ToString();
    return 0;
  }
  std::vector<std::vector<Expected>> wanted;
  for (size_t i = 0; i < c.operands.size(); ++i) wanted.push_back(ExpectedGradient(c, i));
  StatusOr<std::vector<reference::Tensor>> gradients = RunGradients(c, engine);
  if (!gradients.ok()) {
    ADD_FAILURE() << c.def->name << ": " << gradients.status().ToString();
    return 0;
  }
  const Number unit = reference::UlpAt(c.dtype, 1);
  size_t compared = 0;
  for (size_t i = 0; i < c.operands.size(); ++i) {
    EXPECT_FALSE(c.operands[i].literal && c.has_gradient[i]) << "of a literal";
    if (c.operands[i].literal || !ir::IsFloat(c.operands[i].value.dtype)) continue;
    const std::vector<Expected>& expected = wanted[i];
    for (size_t k = 0; k < expected.size(); ++k) {
      const Expected& want = expected[k];
      if (!want.known) continue;
      ++compared;
      const Number got = (*gradients)[i].data[k];
      const Number allowed = kUnits * unit * want.scale + LeastNormal(c.dtype);
      if (std::fabs(got - want.gradient) <= allowed) continue;  // false for NaN
      std::string at;
      for (const VjpOperand& operand : c.operands) {
        const auto& data = operand.value.data;
        at += Format(" {}", static_cast<double>(data[data.size() == expected.size() ? k : 0]));
      }
      ADD_FAILURE() << c.def->name << " of " << NameOf(c.dtype) << ", operand " << i << ", at" << at
                    << ": gradient " << static_cast<double>(got) << ", not "
                    << static_cast<double>(want.gradient);
      return compared;
    }
  }
  return compared;
}

}  // namespace gcomp::testing
