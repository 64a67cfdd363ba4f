// Derivative rules of pointwise ops against dual numbers (tests/reference/dual.h).
//
// For every pointwise record with a floating result: the rule exists; the function that it writes
// (operands and cotangent in, gradients out) verifies, runs in a session, and gives at each point
// the derivative that the op's second definition has there. Points are corners (kinks, zeros of
// both signs, tiny and huge numbers, equal operands) in all combinations; operands that broadcast
// get the sum. Limits at infinity, where dual numbers have none, are stated one by one.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"
#include "tests/contract/samples.h"
#include "tests/contract/vjp_case.h"

namespace gcomp {
namespace {

using ir::DType;
using testing::Check;
using Case = testing::VjpCase;
using Operand = testing::VjpOperand;
using Use = testing::VjpUse;
using Number = long double;

constexpr Number kInf = std::numeric_limits<Number>::infinity();

bool TakesFloats(const ir::OperandSpec& operand) {
  return operand.dtypes.Has(DType::kF32);
}

// Attributes and absent operands as the samples have them; else all operands and no attributes.
std::vector<Use> UsesOf(const ir::OpDef& def) {
  std::vector<Use> uses;
  std::set<std::string> seen;
  auto found = testing::AllSamples().find(def.name);
  if (found != testing::AllSamples().end()) {
    for (const testing::Sample& sample : found->second) {
      Use use{{}, sample.attrs};
      std::string key;
      for (const auto& group : sample.groups) use.groups.push_back(!group.empty());
      for (bool given : use.groups) key += given ? '1' : '0';
      for (const auto& [name, value] : use.attrs) {
        const double* number = value.As<double>();
        const std::string* text = value.As<std::string>();
        key += Format(" {} {}{}", name, number ? *number : 0, text ? *text : "");
      }
      if (seen.insert(key).second) uses.push_back(std::move(use));
    }
  }
  if (uses.empty()) uses.push_back({std::vector<bool>(def.operands.size(), true), {}});
  return uses;
}

// ---- Points -------------------------------------------------------------------------------------

const std::vector<double>& Points(size_t arity, DType dtype) {
  static const std::vector<double> one = [] {
    std::vector<double> points = {0.0, -0.0};
    for (double x :
         {1e-42, 1e-30, 1e-6, 0.1,  0.25, 0.5, 0.75, 0.9, 1.0,  1.25, 1.5, 2.0,  2.5,  3.0, 3.7,
          5.0,   8.0,   12.0, 20.0, 25.0, 50., 80.0, 88., 100., 1e3,  1e6, 1e10, 1e20, 3e38}) {
      points.push_back(x);
      points.push_back(-x);
    }
    return points;
  }();
  static const std::vector<double> one_f64 = [] {
    std::vector<double> points = one;
    for (double x : {5e-324, 1e-300, 700.0, 1e100, 1e300}) {
      points.push_back(x);
      points.push_back(-x);
    }
    return points;
  }();
  static const std::vector<double> two = {0.0,  -0.0, 1e-20, -1e-20, 0.3,  -0.3, 0.5, -0.5,
                                          1.0,  -1.0, 1.5,   -1.5,   2.0,  -2.0, 3.0, 7.5,
                                          -7.5, 20.0, 1e6,   -1e6,   1e19, -1e19};
  static const std::vector<double> three = {0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -8.0, 1e10};
  if (arity == 1) return dtype == DType::kF64 ? one_f64 : one;
  return arity == 2 ? two : three;
}

// All combinations of points, one after the other.
std::vector<Operand> AllCombinations(const std::vector<const ir::OperandSpec*>& specs,
                                     DType dtype) {
  const std::vector<double>& points = Points(specs.size(), dtype);
  size_t n = 1;
  for (size_t i = 0; i < specs.size(); ++i) n *= points.size();
  std::vector<Operand> operands;
  size_t period = 1;
  for (const ir::OperandSpec* spec : specs) {
    Operand operand;
    operand.value.dtype = TakesFloats(*spec) ? dtype : DType::kBool;
    operand.value.sizes = {static_cast<int64_t>(n)};
    for (size_t k = 0; k < n; ++k) {
      const double point = points[k / period % points.size()];
      operand.value.data.push_back(TakesFloats(*spec) ? reference::Rounded(dtype, point)
                                                      : Number(point > 0));
    }
    period *= points.size();
    operands.push_back(std::move(operand));
  }
  return operands;
}

// Of the result of `def` for operands of `dtype`.
reference::Tensor Cotangent(const ir::OpDef& def, DType dtype, std::vector<int64_t> sizes) {
  // The dtype that cast is asked for: another than the operand's.
  if (def.name == "cast") dtype = dtype == DType::kF64 ? DType::kF32 : DType::kF64;
  reference::Tensor dy{dtype, std::move(sizes), {}};
  int64_t n = 1;
  for (int64_t size : dy.sizes) n *= size;
  const Number values[] = {1, -0.75, 1.5, -2, 0.625};
  for (int64_t k = 0; k < n; ++k) dy.data.push_back(values[k % 5]);
  return dy;
}

// ---- Tests --------------------------------------------------------------------------------------

std::vector<const ir::OpDef*> FloatingOps() {
  std::vector<const ir::OpDef*> ops;
  for (const ir::OpDef* def : kernels::AllOps()) {
    if (def->lowering.kind != ir::Lowering::Kind::kPointwise) continue;
    if (!def->operands.empty() && !TakesFloats(def->operands.back())) continue;
    if (def->vjp.rule == nullptr && def->infer == &kernels::InferPredicate) continue;
    ops.push_back(def);
  }
  return ops;
}

class VjpTest : public ::testing::TestWithParam<const ir::OpDef*> {
 protected:
  void SetUp() override {
    StatusOr<std::shared_ptr<Engine>> engine = Engine::Create({});
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = *engine;
  }

  // The specs of the operands that `use` gives.
  static std::vector<const ir::OperandSpec*> Given(const Use& use) {
    std::vector<const ir::OperandSpec*> given;
    for (size_t g = 0; g < use.groups.size(); ++g) {
      if (use.groups[g]) given.push_back(&GetParam()->operands[g]);
    }
    return given;
  }

  std::shared_ptr<Engine> engine_;
};

TEST_P(VjpTest, HasARule) {
  EXPECT_NE(GetParam()->vjp.rule, nullptr)
      << GetParam()->name << " is pointwise on floats: " << GetParam()->vjp.reason;
}

TEST_P(VjpTest, EqualsTheDerivativeAtCorners) {
  if (GetParam()->vjp.rule == nullptr) GTEST_SKIP() << "reported by HasARule";
  for (DType dtype : {DType::kF64, DType::kF32}) {
    for (const Use& use : UsesOf(*GetParam())) {
      Case c{GetParam(), dtype, AllCombinations(Given(use), dtype), {}, {}, {}, {}};
      c.cotangent = Cotangent(*GetParam(), dtype, c.operands[0].value.sizes);
      EXPECT_GT(Check(c, use, engine_), 0u) << "nothing was compared";
      if (HasFailure()) return;
    }
  }
}

// Operand i of a case whose operands broadcast, with numbers in (low, low + 1).
Operand Tame(const ir::OperandSpec& spec, DType dtype, size_t i, double low) {
  const std::vector<int64_t> sizes[] = {{2, 1, 3}, {4, 1}, {}};
  Operand operand;
  operand.value.dtype = TakesFloats(spec) ? dtype : DType::kBool;
  operand.value.sizes = sizes[i % 3];
  int64_t n = 1;
  for (int64_t size : operand.value.sizes) n *= size;
  for (int64_t k = 0; k < n; ++k) {
    const double x =
        low + 0.125 * static_cast<double>((k * 3 + static_cast<int64_t>(i) * 2) % 7 + 1);
    operand.value.data.push_back(TakesFloats(spec) ? Number(x) : Number(k % 2));
  }
  return operand;
}

// Also with each operand as a literal, which has no gradient of its own.
TEST_P(VjpTest, SumsOverBroadcastAxes) {
  if (GetParam()->vjp.rule == nullptr) GTEST_SKIP() << "reported by HasARule";
  const double low = GetParam()->name == "acosh" ? 1 : 0;
  for (DType dtype : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16}) {
    for (const Use& use : UsesOf(*GetParam())) {
      const std::vector<const ir::OperandSpec*> specs = Given(use);
      for (size_t literal = 0; literal <= specs.size(); ++literal) {
        if (literal < specs.size() && (specs.size() == 1 || !TakesFloats(*specs[literal])))
          continue;
        Case c{GetParam(), dtype, {}, {}, {}, {}, {}};
        for (size_t i = 0; i < specs.size(); ++i) {
          c.operands.push_back(Tame(*specs[i], dtype, i == literal ? 2 : i, low));
          c.operands.back().literal = i == literal;
        }
        std::vector<int64_t> sizes = {2, 4, 3};
        if (specs.size() == 1 || literal == 1) sizes[1] = 1;
        if (literal == 0) sizes = {4, 1};
        c.cotangent = Cotangent(*GetParam(), dtype, sizes);
        EXPECT_GT(Check(c, use, engine_), 0u) << "nothing was compared";
        if (HasFailure()) return;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllOps, VjpTest, ::testing::ValuesIn(FloatingOps()),
                         [](const auto& test) { return std::string(test.param->name); });

// ---- Limits -------------------------------------------------------------------------------------

// Derivatives where an operand is infinite, for cotangent 1.
TEST(VjpLimitsTest, AtInfinity) {
  struct Limit {
    std::string_view op;
    Number at_minus, at_plus;
    ir::AttrDict attrs = {};
  };

  const Number nan = std::numeric_limits<Number>::quiet_NaN();  // not looked at
  const Limit limits[] = {
      {"abs", -1, 1},
      {"exp", 0, kInf},
      {"expm1", 0, kInf},
      {"log", nan, 0},
      {"log1p", nan, 0},
      {"log2", nan, 0},
      {"sqrt", nan, 0},
      {"rsqrt", nan, 0},
      {"reciprocal", 0, 0},
      {"atan", 0, 0},
      {"tanh", 0, 0},
      {"asinh", 0, 0},
      {"acosh", nan, 0},
      {"erf", 0, 0},
      {"sigmoid", 0, 0},
      {"relu", 0, 1},
      {"leaky_relu", 0.01L, 1},
      {"elu", 0, 1},
      {"selu", 0, 1.0507009873554804934L},
      {"gelu", 0, 1},
      {"gelu", 0, 1, {{"approx", std::string("tanh")}}},
      {"silu", 0, 1},
      {"softplus", 0, 1},
      {"hard_sigmoid", 0, 0},
      {"hard_swish", 0, 1},
      {"mish", 0, 1},
      {"sign", 0, 0},
  };
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create({});
  ASSERT_TRUE(engine.ok());
  for (const Limit& limit : limits) {
    for (DType dtype : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16}) {
      const ir::OpDef* def = (*engine)->ops().Find(limit.op);
      ASSERT_NE(def, nullptr) << limit.op;
      Case c{def, dtype, {{{dtype, {2}, {-kInf, kInf}}}}, {dtype, {2}, {1, 1}}, {}, {}, {}};
      Status built = testing::Build(c, {{true}, limit.attrs}, (*engine)->ops());
      ASSERT_TRUE(built.ok()) << limit.op << ": " << built.ToString();
      StatusOr<std::vector<reference::Tensor>> gradients = testing::RunGradients(c, *engine);
      ASSERT_TRUE(gradients.ok()) << limit.op << ": " << gradients.status().ToString();
      const Number want[] = {limit.at_minus, limit.at_plus};
      for (size_t k = 0; k < 2; ++k) {
        if (std::isnan(want[k])) continue;
        EXPECT_EQ((*gradients)[0].data[k], reference::Rounded(dtype, want[k]))
            << limit.op << " of " << NameOf(dtype) << " at " << (k == 0 ? "-inf" : "inf");
      }
    }
  }
}

TEST(VjpLimitsTest, EachOpWithoutARuleSaysWhy) {
  for (const ir::OpDef* def : kernels::AllOps()) {
    if (def->vjp.rule != nullptr) continue;
    EXPECT_FALSE(def->vjp.reason.empty()) << def->name;
  }
}

}  // namespace
}  // namespace gcomp
