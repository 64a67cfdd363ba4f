#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <random>

#include "base/format.h"
#include "kernels/pointwise.h"
#include "tests/unit/op_runner.h"
#include "tests/unit/vector_runner.h"

namespace gcomp {
namespace {

using ir::DType;
using testing::OpCase;
using testing::Spec;
using testing::Strided;
using testing::TestTensor;

using testing::kInf;
using testing::kNan;
using testing::Number;
using testing::RunOp;
using testing::Vector;

// ---- Against an independent calculation ---------------------------------------------------------

// The distance between floats of `dtype` at `value`.
long double UlpAt(DType dtype, long double value) {
  int digits = dtype == DType::kF16    ? 11
               : dtype == DType::kBF16 ? 8
               : dtype == DType::kF32  ? 24
                                       : 53;
  int least = dtype == DType::kF16 ? -13 : dtype == DType::kF64 ? -1021 : -125;
  int exponent = 0;
  std::frexp(value, &exponent);
  return std::ldexp(1.0L, std::max(exponent, least) - digits);
}

using Reference = std::function<long double(const std::vector<long double>&)>;

const std::map<std::string_view, Reference>& References() {
  using V = std::vector<long double>;
  static const auto* references = new std::map<std::string_view, Reference>{
      {"add", [](const V& v) { return v[0] + v[1]; }},
      {"sub", [](const V& v) { return v[0] - v[1]; }},
      {"mul", [](const V& v) { return v[0] * v[1]; }},
      {"div", [](const V& v) { return v[0] / v[1]; }},
      {"min", [](const V& v) { return std::min(v[0], v[1]); }},
      {"max", [](const V& v) { return std::max(v[0], v[1]); }},
      {"neg", [](const V& v) { return -v[0]; }},
      {"abs", [](const V& v) { return std::fabs(v[0]); }},
      {"sqrt", [](const V& v) { return std::sqrt(v[0]); }},
      {"relu", [](const V& v) { return v[0] > 0 ? v[0] : 0; }},
      {"exp", [](const V& v) { return std::exp(v[0]); }},
      {"tanh", [](const V& v) { return std::tanh(v[0]); }},
      {"sigmoid", [](const V& v) { return 1 / (1 + std::exp(-v[0])); }},
      {"erf", [](const V& v) { return std::erf(v[0]); }},
      {"gelu", [](const V& v) { return 0.5L * v[0] * std::erfc(-v[0] / std::sqrt(2.0L)); }},
      {"eq", [](const V& v) { return v[0] == v[1] ? 1.0L : 0.0L; }},
      {"ne", [](const V& v) { return v[0] != v[1] ? 1.0L : 0.0L; }},
      {"lt", [](const V& v) { return v[0] < v[1] ? 1.0L : 0.0L; }},
      {"le", [](const V& v) { return v[0] <= v[1] ? 1.0L : 0.0L; }},
      {"gt", [](const V& v) { return v[0] > v[1] ? 1.0L : 0.0L; }},
      {"ge", [](const V& v) { return v[0] >= v[1] ? 1.0L : 0.0L; }},
  };
  return *references;
}

class PointwiseReferenceTest : public ::testing::TestWithParam<std::string_view> {};

TEST_P(PointwiseReferenceTest, IsWithinItsTolerance) {
  ir::OpRegistry registry(kernels::AllOps());
  const ir::OpDef& def = *registry.Find(GetParam());
  const Reference& reference = References().at(GetParam());
  std::mt19937_64 random(11);
  for (DType dtype : {DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    size_t arity = def.operands.size();
    std::vector<TestTensor> operands;
    for (size_t i = 0; i < arity; ++i) {
      operands.emplace_back(i == 0 ? Spec(dtype, {7, 150}) : Spec(dtype, {150}));
      for (int64_t k = 0; k < operands[i].spec().NumElements(); ++k) {
        double value = static_cast<double>(random() % 20000) / 2000 - 5;
        operands[i].Set(k, Number(dtype, GetParam() == "sqrt" ? std::fabs(value) : value));
      }
    }
    std::vector<double> got = RunOp(GetParam(), operands);
    ASSERT_EQ(got.size(), 7u * 150u);
    for (int64_t k = 0; k < 7 * 150; ++k) {
      std::vector<long double> values;
      long double magnitude = 0;
      for (size_t i = 0; i < arity; ++i) {
        values.push_back(operands[i].Get(i == 0 ? k : k % 150).ToDouble());
        magnitude = std::max(magnitude, std::fabs(values[i]));
      }
      long double want = reference(values);
      // Rounding to the dtype itself costs half a unit.
      long double allowed = std::max<long double>(def.tolerance.ulp, 0.501L) * UlpAt(dtype, want);
      allowed = std::max(allowed, static_cast<long double>(def.tolerance.rtol) * magnitude);
      ASSERT_LE(std::fabs(got[static_cast<size_t>(k)] - want), allowed)
          << def.name << " of " << NameOf(dtype) << " " << static_cast<double>(values[0]);
    }
  }
}

std::vector<std::string_view> ReferenceNames() {
  std::vector<std::string_view> names;
  for (const auto& [name, reference] : References()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Ops, PointwiseReferenceTest, ::testing::ValuesIn(ReferenceNames()),
                         [](const auto& test) { return std::string(test.param); });

// ---- Corners ------------------------------------------------------------------------------------

TEST(PointwiseKernels, IntegersWrapInTheirOwnWidth) {
  EXPECT_EQ(RunOp("add", {Vector(DType::kI8, {127, -128}), Vector(DType::kI8, {1, -1})}),
            (std::vector<double>{-128, 127}));
  EXPECT_EQ(RunOp("mul", {Vector(DType::kU16, {65535, 256}), Vector(DType::kU16, {2, 256})}),
            (std::vector<double>{65534, 0}));
  EXPECT_EQ(RunOp("sub", {Vector(DType::kU8, {0, 5}), Vector(DType::kU8, {1, 3})}),
            (std::vector<double>{255, 2}));
  EXPECT_EQ(RunOp("neg", {Vector(DType::kI32, {-2147483648.0, 3})}),
            (std::vector<double>{-2147483648.0, -3}));
}

TEST(PointwiseKernels, IntegerDivisionNeverTraps) {
  for (DType dtype : {DType::kI8, DType::kI16, DType::kI32, DType::kI64}) {
    double least = -std::ldexp(1.0, ir::BitsOf(dtype) - 1);
    EXPECT_EQ(
        RunOp("div", {Vector(dtype, {7, -7, 5, least, least}), Vector(dtype, {2, 2, 0, -1, 0})}),
        (std::vector<double>{3, -3, 0, least, 0}))
        << NameOf(dtype);
  }
  EXPECT_EQ(RunOp("div", {Vector(DType::kU8, {200, 9}), Vector(DType::kU8, {3, 0})}),
            (std::vector<double>{66, 0}));
}

TEST(PointwiseKernels, MinAndMaxPropagateNanAndOrderZeros) {
  for (DType dtype : {DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    std::vector<TestTensor> operands = {Vector(dtype, {kNan, 1, -0.0, 0.0, -kInf}),
                                        Vector(dtype, {1, kNan, 0.0, -0.0, kInf})};
    std::vector<double> low = RunOp("min", operands);
    std::vector<double> high = RunOp("max", operands);
    EXPECT_TRUE(std::isnan(low[0]) && std::isnan(low[1]));
    EXPECT_TRUE(std::isnan(high[0]) && std::isnan(high[1]));
    EXPECT_TRUE(std::signbit(low[2]) && std::signbit(low[3])) << NameOf(dtype);
    EXPECT_FALSE(std::signbit(high[2]) || std::signbit(high[3])) << NameOf(dtype);
    EXPECT_EQ(low[4], -kInf);
    EXPECT_EQ(high[4], kInf);
  }
}

TEST(PointwiseKernels, ComparisonsOfNanAreFalseButNe) {
  std::vector<TestTensor> operands = {Vector(DType::kF32, {kNan, 1, -0.0}),
                                      Vector(DType::kF32, {kNan, kNan, 0.0})};
  EXPECT_EQ(RunOp("eq", operands), (std::vector<double>{0, 0, 1}));
  EXPECT_EQ(RunOp("ne", operands), (std::vector<double>{1, 1, 0}));
  EXPECT_EQ(RunOp("lt", operands), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(RunOp("ge", operands), (std::vector<double>{0, 0, 1}));
}

TEST(PointwiseKernels, ReluKeepsNan) {
  std::vector<double> y = RunOp("relu", {Vector(DType::kF32, {kNan, -1, 2, -kInf})});
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ((std::vector<double>(y.begin() + 1, y.end())), (std::vector<double>{0, 2, 0}));
}

TEST(PointwiseKernels, GeluByTanhIsNearGelu) {
  std::vector<double> x = {-6, -2, -0.5, 0, 0.5, 2, 6};
  std::vector<double> y =
      RunOp("gelu", {Vector(DType::kF64, x)}, {{"approx", std::string("tanh")}});
  for (size_t i = 0; i < x.size(); ++i) {
    double inner = std::sqrt(2 / std::acos(-1.0)) * (x[i] + 0.044715 * x[i] * x[i] * x[i]);
    EXPECT_NEAR(y[i], 0.5 * x[i] * (1 + std::tanh(inner)), 1e-14);
  }
}

TEST(PointwiseKernels, SelectBroadcastsItsPredicate) {
  TestTensor p(Spec(DType::kBool, {3, 1}));
  for (int64_t i = 0; i < 3; ++i) p.Set(i, ir::Scalar::FromBool(i == 1));
  EXPECT_EQ(RunOp("select", {p, Vector(DType::kI16, {1, 2}), Vector(DType::kI16, {-1, -2})}),
            (std::vector<double>{-1, -2, 1, 2, -1, -2}));
}

TEST(PointwiseKernels, LogicIsBitwiseOnIntegers) {
  EXPECT_EQ(RunOp("xor", {Vector(DType::kU8, {12, 255}), Vector(DType::kU8, {10, 255})}),
            (std::vector<double>{6, 0}));
  EXPECT_EQ(RunOp("not", {Vector(DType::kU8, {0, 254})}), (std::vector<double>{255, 1}));
  EXPECT_EQ(RunOp("not", {Vector(DType::kBool, {0, 1})}), (std::vector<double>{1, 0}));
}

TEST(PointwiseKernels, AnyNonZeroByteIsTrue) {
  TestTensor x(Spec(DType::kBool, {3}));
  const unsigned char bytes[] = {0, 2, 255};
  std::memcpy(x.data(), bytes, sizeof(bytes));
  EXPECT_EQ(RunOp("not", {x}), (std::vector<double>{1, 0, 0}));
  EXPECT_EQ(RunOp("and", {x, x}), (std::vector<double>{0, 1, 1}));
}

TEST(PointwiseKernels, ShiftsPastTheWidthGiveZeroOrTheSign) {
  for (DType dtype : {DType::kI8, DType::kI16, DType::kI32, DType::kI64}) {
    double bits = ir::BitsOf(dtype);
    std::vector<TestTensor> operands = {Vector(dtype, {3, 3, -3, -3, -3, 1}),
                                        Vector(dtype, {1, bits, bits, -1, 1, bits - 1})};
    EXPECT_EQ(RunOp("shl", operands),
              (std::vector<double>{6, 0, 0, 0, -6, -std::ldexp(1.0, ir::BitsOf(dtype) - 1)}))
        << NameOf(dtype);
    EXPECT_EQ(RunOp("shr", operands), (std::vector<double>{1, 0, -1, -1, -2, 0})) << NameOf(dtype);
  }
  EXPECT_EQ(RunOp("shr", {Vector(DType::kU8, {200, 200, 200}), Vector(DType::kU8, {1, 8, 255})}),
            (std::vector<double>{100, 0, 0}));
}

TEST(PointwiseKernels, IntegerDivisionRoundsDown) {
  for (DType dtype : {DType::kI8, DType::kI16, DType::kI32, DType::kI64}) {
    double least = -std::ldexp(1.0, ir::BitsOf(dtype) - 1);
    std::vector<TestTensor> operands = {Vector(dtype, {7, -7, 7, -7, 6, 5, -5, least, least}),
                                        Vector(dtype, {2, 2, -2, -2, -3, 0, 0, -1, 1})};
    EXPECT_EQ(RunOp("floor_div", operands),
              (std::vector<double>{3, -4, -4, 3, -2, 0, 0, least, least}))
        << NameOf(dtype);
    EXPECT_EQ(RunOp("rem", operands), (std::vector<double>{1, 1, -1, -1, 0, 0, 0, 0, 0}))
        << NameOf(dtype);
    EXPECT_EQ(RunOp("fmod", operands), (std::vector<double>{1, -1, 1, -1, 0, 0, 0, 0, 0}))
        << NameOf(dtype);
  }
}

TEST(PointwiseKernels, IntegerPowersWrap) {
  EXPECT_EQ(RunOp("pow", {Vector(DType::kI8, {2, 2, -2, -1, -1, 1, 5, 0, 0}),
                          Vector(DType::kI8, {6, 7, 7, -3, 127, -9, -1, 0, -1})}),
            (std::vector<double>{64, -128, -128, -1, -1, 1, 0, 1, 0}));
  EXPECT_EQ(RunOp("pow", {Vector(DType::kU64, {3, 2, 2, 0}), Vector(DType::kU64, {20, 63, 64, 0})}),
            (std::vector<double>{3486784401.0, 0x1p63, 0, 1}));
}

TEST(PointwiseKernels, FmaRoundsOnce) {
  double tiny = 0x1p-30;
  double x = 1 + 0x1p-12;
  EXPECT_EQ(RunOp("fma", {Vector(DType::kF32, {x}), Vector(DType::kF32, {x}),
                          Vector(DType::kF32, {-1 - 0x1p-11})})[0],
            0x1p-24);
  EXPECT_EQ(RunOp("fma", {Vector(DType::kF64, {1 + tiny}), Vector(DType::kF64, {1 - tiny}),
                          Vector(DType::kF64, {-1})})[0],
            -tiny * tiny);
}

TEST(PointwiseKernels, ClampWithCrossedBoundsGivesTheUpper) {
  StatusOr<std::unique_ptr<OpCase>> none =
      OpCase::Create("clamp", {{Spec(DType::kF32, {2})}, {}, {}});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.status().id(), ErrorId::E504);
  EXPECT_EQ(RunOp("clamp", {Vector(DType::kF32, {-5, 5, 1.5}), Vector(DType::kF32, {3}),
                            Vector(DType::kF32, {1})}),
            (std::vector<double>{1, 1, 1}));
}

TEST(PointwiseKernels, ActivationsVanishAtMinusInfinity) {
  for (std::string_view op : {"gelu", "silu", "mish", "hard_swish"}) {
    for (DType dtype : {DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
      std::vector<double> y = RunOp(op, {Vector(dtype, {-kInf, -1e4, kInf, kNan})});
      EXPECT_EQ(y[0], 0) << op;
      EXPECT_TRUE(std::signbit(y[0]) && std::signbit(y[1])) << op << " of " << NameOf(dtype);
      EXPECT_EQ(y[2], kInf) << op;
      EXPECT_TRUE(std::isnan(y[3])) << op;
    }
  }
}

TEST(PointwiseKernels, SignOfZeroAndNan) {
  std::vector<double> y = RunOp("sign", {Vector(DType::kF32, {-0.0, kNan, -kInf, 1e-40})});
  EXPECT_TRUE(y[0] == 0 && !std::signbit(y[0]));
  EXPECT_TRUE(std::isnan(y[1]));
  EXPECT_EQ(y[2], -1);
  EXPECT_EQ(y[3], 1);
}

// ---- Types and identities -----------------------------------------------------------------------

TEST(PointwiseInfer, DifferentDTypesAreRejected) {
  StatusOr<std::unique_ptr<OpCase>> op =
      OpCase::Create("add", {{Spec(DType::kF32, {2})}, {Spec(DType::kF64, {2})}});
  ASSERT_FALSE(op.ok());
  EXPECT_EQ(op.status().id(), ErrorId::E504);
}

TEST(PointwiseInfer, ShapesThatDoNotBroadcastAreRejected) {
  StatusOr<std::unique_ptr<OpCase>> op =
      OpCase::Create("mul", {{Spec(DType::kF32, {2, 3})}, {Spec(DType::kF32, {2})}});
  ASSERT_FALSE(op.ok());
  EXPECT_EQ(op.status().id(), ErrorId::E504);
}

TEST(PointwiseInfer, UnknownApproxOfGeluIsRejected) {
  StatusOr<std::unique_ptr<OpCase>> op =
      OpCase::Create("gelu", {{Spec(DType::kF32, {2})}}, {{"approx", std::string("erf")}});
  ASSERT_FALSE(op.ok());
  EXPECT_EQ(op.status().id(), ErrorId::E508);
}

TEST(PointwiseInfer, SoftplusNeedsABetaToDivideBy) {
  for (double beta : {0.0, kNan, kInf}) {
    StatusOr<std::unique_ptr<OpCase>> op =
        OpCase::Create("softplus", {{Spec(DType::kF32, {2})}}, {{"beta", beta}});
    ASSERT_FALSE(op.ok());
    EXPECT_EQ(op.status().id(), ErrorId::E508);
  }
}

TEST(PointwiseInfer, StridedOperandsGiveAContiguousResult) {
  StatusOr<std::unique_ptr<OpCase>> op = OpCase::Create(
      "add", {{Strided(DType::kF32, {4, 3}, {1, 4})}, {Strided(DType::kF32, {4, 3}, {1, 4})}});
  ASSERT_TRUE(op.ok());
  EXPECT_TRUE((*op)->results()[0].IsContiguous());
}

// The operand that op(x, literal) is replaced by: 0, 1, or -1 for none.
int Simplified(std::string_view name, double literal, bool literal_first = false) {
  ir::OpRegistry registry(kernels::AllOps());
  ir::Module module;
  ir::Function& function = module.AddFunction("main");
  ir::Builder builder(module, function, registry);
  ir::ValueId x = builder.Param("x", testing::TypeOf(Spec(DType::kF32, {3})));
  ir::ValueId c = builder.Literal(*ir::Scalar::FromDouble(DType::kF32, literal));
  StatusOr<ir::ValueId> y = builder.Add1(
      name, literal_first ? std::vector<ir::ValueId>{c, x} : std::vector<ir::ValueId>{x, c});
  if (!y.ok()) {
    ADD_FAILURE() << y.status().ToString();
    return -2;
  }
  const ir::Op& op = function.op(function.value(*y).op);
  std::optional<ir::ValueId> value = op.def->simplify(function, op);
  if (!value.has_value()) return -1;
  return *value == op.operands[0] ? 0 : 1;
}

TEST(PointwiseSimplify, OnlyExactIdentitiesAreTaken) {
  EXPECT_EQ(Simplified("mul", 1), 0);
  EXPECT_EQ(Simplified("mul", 1, true), 1);
  EXPECT_EQ(Simplified("mul", 0), -1);
  EXPECT_EQ(Simplified("div", 1), 0);
  EXPECT_EQ(Simplified("div", 1, true), -1);
  EXPECT_EQ(Simplified("sub", 0), 0);
  EXPECT_EQ(Simplified("sub", -0.0), -1);
  EXPECT_EQ(Simplified("add", 0), -1);  // -0.0 + 0.0 is 0.0
  EXPECT_EQ(Simplified("add", -0.0), 0);
}

}  // namespace
}  // namespace gcomp
