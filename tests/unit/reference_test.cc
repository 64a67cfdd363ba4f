// The reference evaluator against numbers worked out by hand or published: who checks the kernels
// must be right alone.
#include "tests/reference/reference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace gcomp::reference {
namespace {

using ir::AttrKind;
using ir::AttrSpec;
using ir::DType;
using ir::OperandKind;

using Numbers = std::vector<Number>;
using Sizes = std::vector<int64_t>;

constexpr Number kInfinity = std::numeric_limits<Number>::infinity();
constexpr Number kNan = std::numeric_limits<Number>::quiet_NaN();

Tensor F32(std::vector<int64_t> sizes, std::vector<Number> data) {
  return {DType::kF32, std::move(sizes), std::move(data)};
}

Tensor I64(std::vector<int64_t> sizes, std::vector<Number> data) {
  return {DType::kI64, std::move(sizes), std::move(data)};
}

ir::AttrValue List(const std::vector<int64_t>& numbers) {
  ir::AttrList list;
  for (int64_t number : numbers) list.push_back(ir::Expr(number));
  return list;
}

ir::AttrValue Int(int64_t number) {
  return ir::Expr(number);
}

// An op with a record made up on the spot, so that the reference is tested apart from the records.
class Case {
 public:
  explicit Case(std::string_view name) { def_.name = name; }

  // The next operand group.
  Case& In(Tensor x, std::string_view name = "x") {
    operand_specs_.push_back({.name = name});
    ir::Value value;
    value.type = ir::Type::Tensor(x.dtype, ir::Dims(x.sizes.begin(), x.sizes.end()));
    op_.operands.push_back(function_.AddValue(value));
    operands_.push_back(std::move(x));
    return *this;
  }

  Case& Attr(std::string_view name, ir::AttrValue value) {
    attr_specs_.push_back({name, AttrKind::kInt});
    op_.attrs.push_back(std::move(value));
    return *this;
  }

  // The type of result 0 as written in the text.
  Case& Out(DType dtype, std::vector<int64_t> sizes) {
    ir::Value value;
    value.type = ir::Type::Tensor(dtype, ir::Dims(sizes.begin(), sizes.end()));
    op_.results.push_back(function_.AddValue(value));
    return *this;
  }

  // The values of size symbols.
  Case& Symbols(std::vector<int64_t> symbols) {
    symbols_ = std::move(symbols);
    return *this;
  }

  StatusOr<std::vector<Tensor>> Run() {
    Prepare();
    return Evaluate(function_, op_, operands_, symbols_);
  }

  // All elements of result r.
  std::vector<Number> Values(size_t r = 0) {
    auto results = Run();
    EXPECT_TRUE(results.ok()) << results.status().ToString();
    if (!results.ok() || r >= results->size()) return {};
    sizes_ = (*results)[r].sizes;
    return (*results)[r].data;
  }

  // The sizes of what Values returned last.
  const std::vector<int64_t>& sizes() const { return sizes_; }

  ErrorId Error() {
    auto results = Run();
    EXPECT_FALSE(results.ok());
    return results.ok() ? ErrorId::E999 : results.status().id();
  }

  std::optional<Dual> Derivative(const std::vector<Dual>& x) {
    Prepare();
    return EvaluatePointwise(function_, op_, x);
  }

 private:
  void Prepare() {
    def_.operands = operand_specs_;
    def_.attrs = attr_specs_;
    op_.def = &def_;
    op_.group_begin.clear();
    for (size_t i = 0; i <= operand_specs_.size(); ++i) {
      op_.group_begin.push_back(static_cast<uint16_t>(i));
    }
  }

  ir::OpDef def_;
  std::vector<ir::OperandSpec> operand_specs_;
  std::vector<AttrSpec> attr_specs_;
  ir::Function function_;
  ir::Op op_;
  std::vector<Tensor> operands_;
  std::vector<int64_t> symbols_;
  std::vector<int64_t> sizes_;
};

void ExpectNear(const Numbers& got, const Numbers& want, Number error = 1e-15L) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(want[i])) {
      EXPECT_TRUE(std::isnan(got[i])) << i;
    } else {
      EXPECT_NEAR(static_cast<double>(got[i]), static_cast<double>(want[i]),
                  static_cast<double>(error))
          << i;
    }
  }
}

// ---- Numbers ------------------------------------------------------------------------------------

TEST(ReferenceNumbers, RoundOnceToNearestEven) {
  EXPECT_EQ(Rounded(DType::kF32, 1 + 0x1p-24L), 1);  // a tie, to even
  EXPECT_EQ(Rounded(DType::kF32, 1 + 0x1p-24L + 0x1p-60L), 1 + 0x1p-23L);
  EXPECT_EQ(Rounded(DType::kF32, 1 + 3 * 0x1p-24L), 1 + 0x1p-22L);
  EXPECT_EQ(Rounded(DType::kF32, 0x1p-150L), 0);  // half of the least
  EXPECT_EQ(Rounded(DType::kF32, 0x1.8p-150L), 0x1p-149L);
  EXPECT_EQ(Rounded(DType::kF16, 65519), 65504);
  EXPECT_EQ(Rounded(DType::kF16, -65520), -kInfinity);
  EXPECT_EQ(Rounded(DType::kBF16, 257), 256);
  EXPECT_EQ(Rounded(DType::kF64, 1 + 0x1p-53L + 0x1p-63L), 1 + 0x1p-52L);
  EXPECT_TRUE(std::signbit(Rounded(DType::kF32, -0x1p-200L)));
}

TEST(ReferenceNumbers, IntegersSaturateOrWrap) {
  EXPECT_EQ(Rounded(DType::kI8, 127.9L), 127);
  EXPECT_EQ(Rounded(DType::kI8, -1000), -128);
  EXPECT_EQ(Rounded(DType::kU64, kInfinity), 18446744073709551615.0L);
  EXPECT_EQ(Rounded(DType::kI64, -kInfinity), -9223372036854775808.0L);
  EXPECT_EQ(Rounded(DType::kI32, kNan), 0);
  EXPECT_EQ(Rounded(DType::kBool, kNan), 1);
  const Tensor least = {DType::kI8, {1}, {-128}};
  EXPECT_EQ(Case("neg").In(least).Values(), Numbers{-128});
  EXPECT_EQ(Case("cast").In({DType::kI32, {2}, {300, -1}}).Out(DType::kU8, {2}).Values(),
            (Numbers{44, 255}));
  EXPECT_EQ(ScalarOf(DType::kF16, 1.5L).bits, 0x3e00u);
  EXPECT_EQ(ScalarOf(DType::kI16, -2).bits, 0xfffeu);
  EXPECT_EQ(NumberOf(ScalarOf(DType::kU64, 18446744073709551615.0L)), 18446744073709551615.0L);
}

TEST(ReferenceNumbers, UlpFollowsTheExponent) {
  EXPECT_EQ(UlpAt(DType::kF32, 1.5L), 0x1p-23L);
  EXPECT_EQ(UlpAt(DType::kF32, -2), 0x1p-22L);
  EXPECT_EQ(UlpAt(DType::kF32, 0), 0x1p-149L);
  EXPECT_EQ(UlpAt(DType::kF16, 60000), 32);
  EXPECT_EQ(UlpAt(DType::kF64, 1), 0x1p-52L);
}

TEST(ReferenceNumbers, TensorsAreReadByTheirStrides) {
  const float memory[] = {1, 2, 3, 4, 5, 6};
  ir::TensorSpec spec;
  spec.dtype = DType::kF32;
  spec.sizes = {3, 2};
  spec.strides = {1, 3};
  EXPECT_EQ(Load(spec, memory).data, (Numbers{1, 4, 2, 5, 3, 6}));
}

TEST(ReferenceNumbers, AttributesMayBeSizes) {
  const ir::Expr s1 = ir::Expr::Symbol(ir::SymId(1u));
  EXPECT_EQ(Case("sym.value").Attr("value", ir::Expr::Mul(s1, 2)).Symbols({0, 7}).Values(),
            Numbers{14});
  EXPECT_EQ(Case("narrow").In(F32({3}, {1, 2, 3})).Attr("length", s1).Symbols({0, 2}).Values(),
            (Numbers{1, 2}));
}

// ---- Comparison ---------------------------------------------------------------------------------

ir::OpDef Tolerant(double ulp, double rtol = 0) {
  ir::OpDef def;
  def.name = "op";
  def.tolerance = {.ulp = ulp, .rtol = rtol};
  return def;
}

TEST(ReferenceCompare, ExactOpsNeedEqualBits) {
  const ir::OpDef exact = Tolerant(0);
  EXPECT_FALSE(Compare(exact, {}, F32({2}, {kNan, 0}), F32({2}, {-kNan, 0})).has_value());
  auto zero = Compare(exact, {}, F32({2}, {1, 0}), F32({2}, {1, -0.0L}));
  ASSERT_TRUE(zero.has_value());
  EXPECT_EQ(zero->index, 1);
  // What is wanted is rounded first.
  EXPECT_FALSE(Compare(exact, {}, F32({1}, {1}), F32({1}, {1 + 0x1p-25L})).has_value());
  EXPECT_TRUE(Compare(exact, {}, F32({1}, {1 + 0x1p-23L}), F32({1}, {1})).has_value());
  EXPECT_EQ(Compare(exact, {}, F32({1}, {1}), F32({}, {1}))->index, -1);
}

TEST(ReferenceCompare, UnitsAreThoseOfTheDType) {
  const ir::OpDef def = Tolerant(2);
  EXPECT_FALSE(Compare(def, {}, F32({1}, {1 + 2 * 0x1p-23L}), F32({1}, {1})).has_value());
  auto off = Compare(def, {}, F32({1}, {1 + 3 * 0x1p-23L}), F32({1}, {1}));
  ASSERT_TRUE(off.has_value());
  EXPECT_EQ(off->error_ulp, 3);
  EXPECT_FALSE(Compare(def, {}, F32({1}, {0.0L}), F32({1}, {-0.0L})).has_value());
  EXPECT_TRUE(Compare(def, {}, F32({1}, {kNan}), F32({1}, {1})).has_value());
  // Integers have no tolerance.
  EXPECT_TRUE(Compare(def, {}, I64({1}, {4}), I64({1}, {5})).has_value());
}

TEST(ReferenceCompare, RelativeToWhatWasSummed) {
  const ir::OpDef def = Tolerant(0, 1e-3);
  Tensor want = F32({1}, {1});
  EXPECT_TRUE(Compare(def, {}, F32({1}, {1.5L}), want).has_value());
  const Tensor operand = F32({2}, {-1000, kInfinity});
  EXPECT_FALSE(Compare(def, {&operand, 1}, F32({1}, {1.5L}), want).has_value());
  want.largest_term = 1000;
  EXPECT_FALSE(Compare(def, {}, F32({1}, {1.5L}), want).has_value());
}

TEST(ReferenceCompare, OverflowWithinTheTolerance) {
  const ir::OpDef def = Tolerant(2);
  const Number greatest = 65504;  // units of 32; from 65520 on, numbers round to infinity
  const auto half = [](Number x) { return Tensor{DType::kF16, {1}, {x}}; };
  EXPECT_FALSE(Compare(def, {}, half(kInfinity), half(greatest)).has_value());
  EXPECT_FALSE(Compare(def, {}, half(greatest), half(65530)).has_value());
  EXPECT_TRUE(Compare(def, {}, half(kInfinity), half(65000)).has_value());
  EXPECT_TRUE(Compare(def, {}, half(-kInfinity), half(greatest)).has_value());
  EXPECT_TRUE(Compare(def, {}, half(greatest), half(kInfinity)).has_value());
}

// ---- Pointwise ----------------------------------------------------------------------------------

TEST(ReferencePointwise, KnownValues) {
  ExpectNear(Case("gelu").In(F32({2}, {1, -1})).Values(),
             {0.841344746068542949L, -0.158655253931457051L});
  ExpectNear(Case("softplus").In(F32({2}, {0, 30})).Values(), {0.693147180559945309L, 30});
  ExpectNear(Case("mish").In(F32({1}, {1})).Values(), {0.865098388267310272L});
  ExpectNear(Case("selu").In(F32({1}, {-kInfinity})).Values(), {-1.758099340847376624L});
  ExpectNear(Case("hard_swish").In(F32({3}, {-4, 1, 4})).Values(), {0, 2 / 3.0L, 4});
  for (const char* op : {"gelu", "silu", "mish", "hard_swish"}) {
    EXPECT_EQ(Case(op).In(F32({1}, {-kInfinity})).Values(), Numbers{0}) << op;
  }
  EXPECT_EQ(Case("round").In(F32({4}, {0.5L, 1.5L, -2.5L, 2.4L})).Values(), (Numbers{0, 2, -2, 2}));
  EXPECT_EQ(Case("sign").In(F32({2}, {-3, -0.0L})).Values(), (Numbers{-1, 0}));
  // 0.01 is a number of f32 here.
  EXPECT_EQ(Case("leaky_relu").In(F32({1}, {-2})).Values(), Numbers{-2 * Number(0.01f)});
}

TEST(ReferencePointwise, RemaindersAndQuotients) {
  const Numbers a = {7, -7, 7, -7, 6, -6};
  const Numbers b = {3, 3, -3, -3, -3, 3};
  for (DType dtype : {DType::kF32, DType::kI32}) {
    const auto run = [&](std::string_view op) {
      return Case(op).In({dtype, {6}, a}).In({dtype, {6}, b}).Values();
    };
    EXPECT_EQ(run("fmod"), (Numbers{1, -1, 1, -1, 0, 0}));
    EXPECT_EQ(run("rem"), (Numbers{1, 2, -2, -1, 0, 0}));
    EXPECT_EQ(run("floor_div"), (Numbers{2, -3, -3, 2, -2, -2}));
  }
  // 0.1 is more than a tenth, so it goes into 1 only nine times.
  const Tensor one = {DType::kF64, {1}, {1}};
  const Tensor tenth = {DType::kF64, {1}, {0.1}};
  EXPECT_EQ(Case("floor_div").In(one).In(tenth).Values(), Numbers{9});
}

TEST(ReferencePointwise, IntegersWrap) {
  const auto run = [](std::string_view op, DType dtype, Number a, Number b) {
    return Case(op).In({dtype, {}, {a}}).In({dtype, {}, {b}}).Values()[0];
  };
  const Number max_u64 = 18446744073709551615.0L;
  EXPECT_EQ(run("mul", DType::kU64, max_u64, max_u64), 1);
  EXPECT_EQ(run("div", DType::kI32, -7, 2), -3);
  EXPECT_EQ(run("div", DType::kI32, -2147483648.0L, -1), -2147483648.0L);
  EXPECT_EQ(run("div", DType::kI32, 5, 0), 0);
  EXPECT_EQ(run("pow", DType::kI8, 3, 5), 243 - 256);
  EXPECT_EQ(run("pow", DType::kI32, 2, -1), 0);
  EXPECT_EQ(run("pow", DType::kI32, -1, -3), -1);
  EXPECT_EQ(run("shl", DType::kU8, 255, 4), 240);
  EXPECT_EQ(run("shl", DType::kI32, 1, 32), 0);
  EXPECT_EQ(run("shr", DType::kI16, -5, 40), -1);
  EXPECT_EQ(run("xor", DType::kI8, -1, 5), -6);
  EXPECT_EQ(Case("bitwise_not").In({DType::kU8, {}, {1}}).Values(), Numbers{254});
  EXPECT_EQ(Case("not").In({DType::kBool, {2}, {1, 0}}).Values(), (Numbers{0, 1}));
}

TEST(ReferencePointwise, F64OperationsRoundOnce) {
  // 1 + (2^-53 + 2^-116): a long double gives 1 + 2^-53, a tie, and then 1.
  const Tensor one = {DType::kF64, {}, {1}};
  const Tensor tiny = {DType::kF64, {}, {0x1p-53L + 0x1p-105L}};
  EXPECT_EQ(Case("add").In(one).In(tiny).Values(), Numbers{1 + 0x1p-52L});
}

TEST(ReferencePointwise, BroadcastAndBounds) {
  Case add("add");
  EXPECT_EQ(add.In(F32({2, 1}, {1, 2})).In(F32({3}, {10, 20, 30})).Values(),
            (Numbers{11, 21, 31, 12, 22, 32}));
  EXPECT_EQ(add.sizes(), (Sizes{2, 3}));
  EXPECT_EQ(Case("clamp").In(F32({3}, {-5, 0, 5})).In(F32({}, {1}), "max").Values(),
            (Numbers{-5, 0, 1}));
  EXPECT_EQ(
      Case("clamp").In(F32({1}, {0})).In(F32({}, {3}), "min").In(F32({}, {1}), "max").Values(),
      Numbers{1});
  // max(-0.0, 0.0) = 0.0.
  EXPECT_FALSE(
      std::signbit(Case("clamp").In(F32({}, {-0.0L})).In(F32({}, {0}), "min").Values()[0]));
  EXPECT_EQ(Case("add").In(F32({2}, {1, 2})).In(F32({3}, {1, 2, 3})).Error(), ErrorId::E504);
}

TEST(ReferencePointwise, DualNumbersFollowTheConventions) {
  const auto slope = [](Case op, std::vector<Dual> x) {
    auto y = op.Derivative(x);
    EXPECT_TRUE(y.has_value());
    return y.has_value() ? y->derivative : kNan;
  };
  const auto at = [&](std::string_view op, Number x) {
    return slope(Case(op).In(F32({}, {0})), {{x, 1}});
  };
  EXPECT_EQ(at("relu", 0), 0);
  EXPECT_EQ(at("abs", 0), 0);
  EXPECT_EQ(at("sign", 3), 0);
  EXPECT_EQ(at("frac", 0.5L), 1);
  EXPECT_EQ(at("leaky_relu", 0), 0.01);
  EXPECT_EQ(slope(Case("elu").In(F32({}, {0})).Attr("alpha", 3.0), {{0, 1}}), 3);
  ExpectNear({at("sigmoid", 0), at("tanh", 0), at("gelu", 0), at("sqrt", 4), at("log2", 1)},
             {0.25L, 1, 0.5L, 0.25L, 1.442695040888963407L});
  const auto binary = [&](std::string_view op, Dual a, Dual b) {
    return slope(Case(op).In(F32({}, {0})).In(F32({}, {0})), {a, b});
  };
  EXPECT_EQ(binary("max", {2, 1}, {2, 0}), 0.5L);
  EXPECT_EQ(binary("min", {1, 1}, {2, 5}), 1);
  EXPECT_EQ(binary("fmod", {7, 0}, {3, 1}), -2);
  EXPECT_EQ(binary("rem", {-7, 0}, {3, 1}), 3);
  EXPECT_EQ(binary("pow", {3, 1}, {2, 0}), 6);
  EXPECT_EQ(binary("pow", {0, 0}, {2, 1}), 0);
  EXPECT_EQ(binary("div", {1, 0}, {2, 1}), -0.25L);
  Case clamp("clamp");
  clamp.In(F32({}, {0})).In(F32({}, {0}), "min").In(F32({}, {0}), "max");
  EXPECT_EQ(slope(clamp, {{1, 1}, {1, 10}, {3, 100}}), 1);
  EXPECT_EQ(slope(clamp, {{0, 1}, {1, 10}, {3, 100}}), 10);
  EXPECT_EQ(slope(clamp, {{9, 1}, {1, 10}, {3, 100}}), 100);
  EXPECT_FALSE(Case("softmax").In(F32({}, {0})).Derivative({{1, 1}}).has_value());
}

// The slope of each function that has one is the limit of differences.
TEST(ReferencePointwise, SlopesAreLimitsOfDifferences) {
  const std::pair<const char*, Number> points[] = {
      {"exp", 0.7L},        {"expm1", 0.3L},       {"log", 1.7L},      {"log1p", 0.4L},
      {"log2", 3.1L},       {"sqrt", 2.3L},        {"rsqrt", 2.3L},    {"reciprocal", -1.9L},
      {"sin", 1.1L},        {"cos", 0.9L},         {"tan", 0.8L},      {"asin", 0.4L},
      {"acos", -0.3L},      {"atan", 1.4L},        {"sinh", 0.6L},     {"cosh", 0.6L},
      {"tanh", 0.6L},       {"asinh", 1.2L},       {"acosh", 2.2L},    {"atanh", -0.4L},
      {"erf", 0.5L},        {"sigmoid", -0.7L},    {"elu", -0.7L},     {"selu", -0.2L},
      {"gelu", 0.4L},       {"silu", -1.3L},       {"softplus", 0.6L}, {"mish", 0.3L},
      {"hard_swish", 1.2L}, {"hard_sigmoid", 0.1L}};
  const Number h = 1e-6L;
  for (auto [name, x] : points) {
    Case op(name);
    op.In(F32({}, {0}));
    const Number above = op.Derivative({{x + h, 0}})->value;
    const Number below = op.Derivative({{x - h, 0}})->value;
    const Number slope = op.Derivative({{x, 1}})->derivative;
    EXPECT_NEAR(static_cast<double>(slope), static_cast<double>((above - below) / (2 * h)), 1e-9)
        << name;
  }
}

// ---- Reductions ---------------------------------------------------------------------------------

TEST(ReferenceReduce, SumsAndStatistics) {
  const Tensor x = F32({2, 3}, {1, 2, 3, 4, 5, 9});
  Case sum("reduce_sum");
  EXPECT_EQ(sum.In(x).Attr("dims", List({-1})).Attr("keep_dims", true).Values(), (Numbers{6, 18}));
  EXPECT_EQ(sum.sizes(), (Sizes{2, 1}));
  EXPECT_EQ(Case("reduce_sum").In({DType::kU8, {2}, {200, 100}}).Values(), Numbers{44});
  EXPECT_EQ(Case("reduce_mean").In(x).Values(), Numbers{4});
  EXPECT_EQ(Case("var").In(x).Attr("dims", List({1})).Values(), (Numbers{1, 7}));
  EXPECT_EQ(Case("var").In(F32({1}, {2})).Values().size(), 1u);
  ExpectNear(Case("var").In(F32({1}, {2})).Values(), {kNan});
  EXPECT_EQ(Case("norm").In(F32({2}, {3, -4})).Values(), Numbers{5});
  ExpectNear(Case("norm").In(F32({2}, {1, -2})).Attr("p", 3.0).Values(), {std::cbrt(9.0L)});
  ExpectNear(Case("logsumexp").In(F32({2}, {1000, 1000})).Values(), {1000.693147180559945L},
             1e-12L);
  EXPECT_EQ(Case("logsumexp").In(F32({0}, {})).Values(), Numbers{-kInfinity});
  EXPECT_EQ(Case("reduce_prod").In(F32({0}, {})).Values(), Numbers{1});
  EXPECT_EQ(Case("reduce_max").In(F32({0, 2}, {})).Error(), ErrorId::E504);
  EXPECT_EQ(Case("cumsum").In(x).Attr("dim", Int(1)).Values(), (Numbers{1, 3, 6, 4, 9, 18}));
  EXPECT_EQ(Case("cumprod").In(x).Values(), (Numbers{1, 2, 3, 4, 10, 27}));
}

// 1e30 * 1e30 is past f32, so the result depends on where the small factor stands.
TEST(ReferenceReduce, ProductsThatLeaveTheRangeAreNotCompared) {
  const Tensor x = F32({4}, {1e30L, 2, 1e30L, 1e-30L});
  auto scan = Case("cumprod").In(x).Run();
  ASSERT_TRUE(scan.ok()) << scan.status().ToString();
  EXPECT_EQ((*scan)[0].undetermined, (std::vector<bool>{false, false, true, true}));
  const Number one_off = (*scan)[0].data[1] * 1.5L;
  EXPECT_FALSE(Compare(Tolerant(1), {}, F32({4}, {1e30f, 2e30f, 7, kNan}), (*scan)[0]).has_value());
  auto off = Compare(Tolerant(1), {}, F32({4}, {1e30f, one_off, 7, 7}), (*scan)[0]);
  ASSERT_TRUE(off.has_value());
  EXPECT_EQ(off->index, 1);
  auto product = Case("reduce_prod").In(x).Run();
  ASSERT_TRUE(product.ok()) << product.status().ToString();
  EXPECT_EQ((*product)[0].undetermined, std::vector<bool>{true});
}

TEST(ReferenceReduce, OrderPutsNanLast) {
  const Tensor x = F32({4}, {2, kNan, 1, 2});
  EXPECT_EQ(Case("argmax").In(x).Values(), Numbers{1});
  EXPECT_EQ(Case("argmin").In(x).Values(), Numbers{2});
  EXPECT_EQ(Case("argmax").In(F32({2}, {-0.0L, 0.0L})).Values(), Numbers{0});
  EXPECT_EQ(Case("sort").In(x).Values(1), (Numbers{2, 0, 3, 1}));
  EXPECT_EQ(Case("sort").In(x).Attr("descending", true).Values(1), (Numbers{1, 0, 3, 2}));
  EXPECT_EQ(Case("topk").In(x).Attr("k", Int(2)).Attr("largest", false).Values(), (Numbers{1, 2}));
}

// ---- Shapes and indices -------------------------------------------------------------------------

TEST(ReferenceShape, MovesElements) {
  const Tensor x = F32({2, 3}, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(Case("transpose").In(x).Attr("dims", List({1, 0})).Values(),
            (Numbers{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(Case("roll").In(x).Attr("shifts", List({1})).Values(), (Numbers{5, 0, 1, 2, 3, 4}));
  EXPECT_EQ(Case("roll").In(x).Attr("shifts", List({-1})).Attr("dims", List({1})).Values(),
            (Numbers{1, 2, 0, 4, 5, 3}));
  EXPECT_EQ(Case("tile").In(F32({2}, {1, 2})).Attr("repeats", List({2, 2})).Values(),
            (Numbers{1, 2, 1, 2, 1, 2, 1, 2}));
  EXPECT_EQ(
      Case("slice").In(x).Attr("dim", Int(1)).Attr("start", Int(-2)).Attr("end", Int(9)).Values(),
      (Numbers{1, 2, 4, 5}));
  EXPECT_EQ(Case("diagonal").In(x).Attr("offset", Int(1)).Values(), (Numbers{1, 5}));
  EXPECT_EQ(Case("unfold").In(x).Attr("dim", Int(1)).Attr("size", Int(2)).Values(),
            (Numbers{0, 1, 1, 2, 3, 4, 4, 5}));
  EXPECT_EQ(Case("split").In(x).Attr("dim", Int(1)).Attr("sizes", List({1, 2})).Values(1),
            (Numbers{1, 2, 4, 5}));
  EXPECT_EQ(Case("tril").In(x).Values(), (Numbers{0, 0, 0, 3, 4, 0}));
  EXPECT_EQ(Case("as_strided")
                .In(x)
                .Attr("shape", List({2, 2}))
                .Attr("strides", List({1, 2}))
                .Attr("offset", Int(1))
                .Values(),
            (Numbers{1, 3, 2, 4}));
  EXPECT_EQ(Case("select_scatter")
                .In(x)
                .In(F32({2}, {8, 9}), "s")
                .Attr("dim", Int(1))
                .Attr("index", Int(-1))
                .Values(),
            (Numbers{0, 1, 8, 3, 4, 9}));
}

TEST(ReferenceShape, PadModes) {
  const auto pad = [](const char* mode, int64_t low, int64_t high) {
    return Case("pad")
        .In(F32({3}, {1, 2, 3}))
        .Attr("low", List({low}))
        .Attr("high", List({high}))
        .Attr("mode", std::string(mode))
        .Attr("value", 7.0)
        .Values();
  };
  EXPECT_EQ(pad("constant", 1, -1), (Numbers{7, 1, 2}));
  EXPECT_EQ(pad("reflect", 2, 1), (Numbers{3, 2, 1, 2, 3, 2}));
  EXPECT_EQ(pad("replicate", 1, 2), (Numbers{1, 1, 2, 3, 3, 3}));
  EXPECT_EQ(pad("circular", 1, 2), (Numbers{3, 1, 2, 3, 1, 2}));
}

TEST(ReferenceIndex, ReadsAndWrites) {
  const Tensor x = F32({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(Case("gather").In(x).In(I64({2, 1}, {-1, 0})).Attr("dim", Int(1)).Values(),
            (Numbers{2, 3}));
  EXPECT_EQ(Case("scatter")
                .In(x)
                .In(I64({1, 2}, {1, 1}))
                .In(F32({1, 2}, {10, 20}))
                .Attr("reduce", std::string("add"))
                .Values(),
            (Numbers{1, 2, 13, 24}));
  EXPECT_EQ(Case("index").In(x).In(I64({2}, {0, 1})).In(I64({}, {1})).Values(), (Numbers{2, 4}));
  EXPECT_EQ(Case("index_put")
                .In(x)
                .In(F32({}, {5}))
                .In(I64({3}, {0, 0, -1}))
                .Attr("accumulate", true)
                .Values(),
            (Numbers{11, 12, 8, 9}));
  EXPECT_EQ(Case("embedding").In(x).In(I64({1, 2}, {1, 0})).Values(), (Numbers{3, 4, 1, 2}));
  EXPECT_EQ(
      Case("one_hot").In(I64({2}, {2, 0})).Attr("depth", Int(3)).Out(DType::kI64, {2, 3}).Values(),
      (Numbers{0, 0, 1, 1, 0, 0}));
  EXPECT_EQ(Case("index_select").In(x).In(I64({1}, {2})).Error(), ErrorId::E401);
}

// ---- Products and windows -----------------------------------------------------------------------

TEST(ReferenceLinalg, Products) {
  const Tensor a = F32({2, 2}, {1, 2, 3, 4});
  const Tensor b = F32({2, 2}, {5, 6, 7, 8});
  EXPECT_EQ(Case("matmul").In(a).In(b).Values(), (Numbers{19, 22, 43, 50}));
  EXPECT_EQ(Case("addmm")
                .In(F32({2}, {kNan, 1}))
                .In(a)
                .In(b)
                .Attr("beta", 0.0)
                .Attr("alpha", 2.0)
                .Values(),
            (Numbers{38, 44, 86, 100}));
  EXPECT_EQ(Case("linear").In(a).In(b).In(F32({2}, {1, 0}), "bias").Values(),
            (Numbers{18, 23, 40, 53}));
  const auto einsum = [&](const char* equation, std::vector<Tensor> xs) {
    Case op("einsum");
    for (Tensor& x : xs) op.In(std::move(x));
    return op.Attr("equation", std::string(equation)).Values();
  };
  EXPECT_EQ(einsum("ij,jk->ki", {a, b}), (Numbers{19, 43, 22, 50}));
  EXPECT_EQ(einsum("ii", {a}), Numbers{5});
  EXPECT_EQ(einsum("ba", {a}), (Numbers{1, 3, 2, 4}));
  EXPECT_EQ(einsum("...j->...", {a}), (Numbers{3, 7}));
}

TEST(ReferenceWindow, ConvolutionsAndPools) {
  const Tensor x = F32({1, 1, 4}, {1, 2, 3, 4});
  const Tensor w = F32({1, 1, 2}, {1, 10});
  EXPECT_EQ(Case("conv1d").In(x).In(w).Attr("padding", List({1, 0})).Values(),
            (Numbers{10, 21, 32, 43}));
  EXPECT_EQ(Case("conv_transpose")
                .In(F32({1, 1, 2}, {1, 2}))
                .In(w)
                .Attr("stride", List({2}))
                .Attr("output_padding", List({1}))
                .Values(),
            (Numbers{1, 10, 2, 20, 0}));
  EXPECT_EQ(Case("max_pool").In(x).Attr("kernel", List({3})).Attr("ceil_mode", true).Values(),
            (Numbers{3, 4}));
  const auto average = [&](bool include) {
    return Case("avg_pool")
        .In(x)
        .Attr("kernel", List({2}))
        .Attr("padding", List({1, 1}))
        .Attr("count_include_pad", include)
        .Values();
  };
  EXPECT_EQ(average(true), (Numbers{0.5L, 2.5L, 2}));
  EXPECT_EQ(average(false), (Numbers{1, 2.5L, 4}));
  EXPECT_EQ(Case("adaptive_avg_pool").In(x).Attr("size", List({3})).Values(),
            (Numbers{1.5L, 2.5L, 3.5L}));
  EXPECT_EQ(Case("interpolate")
                .In(F32({1, 1, 2}, {0, 4}))
                .Attr("size", List({4}))
                .Attr("mode", std::string("linear"))
                .Values(),
            (Numbers{0, 1, 3, 4}));
  EXPECT_EQ(Case("interpolate").In(x).Attr("size", List({3})).Values(), (Numbers{1, 2, 3}));
}

// <conv(x, w), g> = <x, conv_transpose(g, w)> for whatever strides, paddings and groups.
TEST(ReferenceWindow, TransposeIsTheAdjoint) {
  const auto numbers = [](std::vector<int64_t> sizes, int64_t seed) {
    int64_t n = 1;
    for (int64_t size : sizes) n *= size;
    Tensor x = F32(std::move(sizes), {});
    for (int64_t i = 0; i < n; ++i) x.data.push_back(static_cast<Number>((i * i + seed) % 7 - 3));
    return x;
  };
  const auto inner = [](const Numbers& a, const Numbers& b) {
    EXPECT_EQ(a.size(), b.size());
    Number sum = 0;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += a[i] * b[i];
    return sum;
  };
  const Tensor x = numbers({2, 4, 7, 6}, 1);
  const Tensor w = numbers({6, 2, 3, 2}, 2);
  const auto with = [](Case op) {
    return op.Attr("stride", List({2, 1}))
        .Attr("padding", List({1, 0, 0, 2}))
        .Attr("dilation", List({1, 2}))
        .Attr("groups", Int(2));
  };
  Case forward = with(Case("conv2d").In(x).In(w));
  const Numbers y = forward.Values();
  ASSERT_EQ(forward.sizes(), (Sizes{2, 6, 3, 6}));
  const Tensor g = numbers({2, 6, 3, 6}, 3);
  Case backward = with(Case("conv_transpose").In(g).In(w));
  const Numbers back = backward.Attr("output_padding", List({1, 0})).Values();
  ASSERT_EQ(backward.sizes(), x.sizes);
  EXPECT_EQ(inner(y, g.data), inner(x.data, back));
  EXPECT_NE(inner(y, g.data), 0);
}

// ---- Several steps ------------------------------------------------------------------------------

TEST(ReferenceComposite, NormsAndSoftmax) {
  ExpectNear(Case("softmax").In(F32({2}, {0, std::log(3.0L)})).Values(), {0.25L, 0.75L});
  ExpectNear(Case("softmax").In(F32({1}, {-kInfinity})).Values(), {kNan});
  ExpectNear(Case("layer_norm").In(F32({2}, {1, 3})).Attr("eps", 0.0).Values(), {-1, 1});
  ExpectNear(Case("rms_norm").In(F32({2}, {3, 4})).Attr("eps", 0.0).Values(),
             {3 / std::sqrt(12.5L), 4 / std::sqrt(12.5L)});
  ExpectNear(Case("group_norm")
                 .In(F32({1, 4, 1}, {1, 3, 10, 30}))
                 .Attr("groups", Int(2))
                 .Attr("eps", 0.0)
                 .Values(),
             {-1, 1, -1, 1});
  Case batch("batch_norm");
  batch.In(F32({2, 1}, {1, 3}))
      .In(F32({1}, {2}), "weight")
      .In(F32({1}, {5}), "bias")
      .In(F32({1}, {10}), "mean")
      .In(F32({1}, {20}), "var")
      .Attr("training", true)
      .Attr("eps", 0.0)
      .Attr("momentum", 0.5);
  ExpectNear(batch.Values(0), {3, 7});
  ExpectNear(batch.Values(1), {6});
  ExpectNear(batch.Values(2), {11});
}

TEST(ReferenceComposite, AttentionLossesQuantization) {
  const Tensor q = F32({2, 1}, {0, 0});
  const Tensor v = F32({2, 1}, {2, 4});
  Case attention("scaled_dot_product_attention");
  attention.In(q).In(q, "k").In(v, "v").Attr("causal", true);
  ExpectNear(attention.Values(), {2, 3});
  const Tensor logits = F32({2, 2}, {0, 0, 0, 0});
  const Number log2 = std::log(2.0L);
  ExpectNear(Case("cross_entropy").In(logits).In(I64({2}, {1, -100})).Values(), {log2});
  ExpectNear(Case("cross_entropy").In(logits).In(F32({2, 2}, {1, 0, 0.5L, 0.5L})).Values(), {log2});
  EXPECT_EQ(Case("cross_entropy").In(logits).In(I64({2}, {1, 2})).Error(), ErrorId::E401);
  EXPECT_EQ(Case("mse_loss").In(F32({2}, {1, 2})).In(F32({2}, {3, 2})).Values(), Numbers{2});
  const Tensor zero_point = {DType::kI32, {}, {10}};
  EXPECT_EQ(Case("quantize")
                .In(F32({3}, {1, 3, 1000}))
                .In(F32({}, {2}))
                .In(zero_point)
                .Out(DType::kU8, {3})
                .Values(),
            (Numbers{10, 12, 255}));
  EXPECT_EQ(
      Case("dequantize").In({DType::kU8, {2}, {10, 9}}).In(F32({}, {2})).In(zero_point).Values(),
      (Numbers{0, -2}));
}

// The known answers published with Random123 for philox4x32-10.
TEST(ReferenceRandom, KnownAnswers) {
  const auto key = [](uint64_t low, uint64_t high) {
    return Tensor{DType::kU64, {2}, {static_cast<Number>(low), static_cast<Number>(high)}};
  };
  EXPECT_EQ(Case("rng.bits").In(key(0, 0)).Attr("shape", List({4})).Out(DType::kU32, {4}).Values(),
            (Numbers{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const auto fold = [&](Tensor k, uint64_t i) {
    return Case("rng.fold")
        .In(std::move(k))
        .In({DType::kU64, {}, {static_cast<Number>(i)}})
        .Values()[0];
  };
  EXPECT_EQ(fold(key(~uint64_t{0}, ~uint64_t{0}), ~uint64_t{0}), Number(0x41c83b0e408f276d));
  EXPECT_EQ(fold(key(0x299f31d0a4093822, 0x0370734413198a2e), 0x85a308d3243f6a88),
            Number(0x94fdccebd16cfe09));
  Case uniform("rng.uniform");
  uniform.In(key(0, 0)).Attr("shape", List({1})).Attr("low", -1.0).Out(DType::kF32, {1});
  EXPECT_EQ(uniform.Values(), Numbers{Number(0x6627e8) * 0x1p-23L - 1});
  Case normal("rng.normal");
  normal.In(key(0, 0)).Attr("shape", List({2})).Out(DType::kF64, {2});
  const Numbers pair = normal.Values();
  const Number square = pair[0] * pair[0] + pair[1] * pair[1];
  ExpectNear({square}, {-2 * std::log((0x6627e8d5 + 1.0L) * 0x1p-32L)});
}

// ---- Sizes that the data tell -------------------------------------------------------------------

TEST(ReferenceDynamic, ElementsThatArePicked) {
  Case nonzero("nonzero");
  nonzero.In(F32({2, 2}, {-0.0L, 3, std::nan(""), 0}));
  EXPECT_EQ(nonzero.Values(), (Numbers{0, 1, 1, 0}));
  EXPECT_EQ(nonzero.sizes(), (std::vector<int64_t>{2, 2}));
  Case selected("masked_select");
  selected.In(F32({2, 1}, {5, 6})).In({DType::kBool, {3}, {1, 0, 1}}, "mask");
  EXPECT_EQ(selected.Values(), (Numbers{5, 5, 6, 6}));
  Case unique("unique");
  unique.In(F32({2, 2}, {7, 0, -0.0L, 7}));
  EXPECT_EQ(unique.Values(0), (Numbers{0, 7}));
  EXPECT_FALSE(std::signbit(unique.Values(0)[0]));
  EXPECT_EQ(unique.Values(1), (Numbers{1, 0, 0, 1}));
  EXPECT_EQ(unique.Values(2), (Numbers{2, 2}));
}

TEST(ReferenceDynamic, SizesAndHandles) {
  EXPECT_EQ(Case("item").In(I64({1}, {-3})).Values(), Numbers{-3});
  EXPECT_EQ(Case("item").In(I64({2}, {1, 2})).Error(), ErrorId::E504);
  EXPECT_EQ(Case("item").In({DType::kU64, {}, {0x1p63L}}).Error(), ErrorId::E401);
  const ir::Expr s0 = ir::Expr::Symbol(ir::SymId(0u));
  EXPECT_EQ(Case("sym.check").Attr("pred", ir::Expr::Lt(s0, 4)).Symbols({4}).Error(),
            ErrorId::E401);
  EXPECT_TRUE(Case("sym.check").Attr("pred", ir::Expr::Lt(s0, 4)).Symbols({3}).Run().ok());
  EXPECT_EQ(Case("sym.refine").In(I64({2}, {1, 2})).Out(DType::kI64, {3}).Error(), ErrorId::E401);
  EXPECT_EQ(Case("set_").In(I64({1}, {1})).In(I64({2}, {2, 3}), "s").Values(), (Numbers{2, 3}));
  EXPECT_EQ(Case("resize_").In(I64({2}, {1, 2})).Attr("shape", List({3})).Values(),
            (Numbers{1, 2, 0}));
}

// ---- The whole list -----------------------------------------------------------------------------

// The names of docs/spec/ops.md: `name: operands ; attributes | name: ...` between the fences.
std::vector<std::string> NamesOfThePage() {
  std::ifstream file(std::string(GCOMP_SOURCE_DIR) + "/docs/spec/ops.md");
  std::vector<std::string> names;
  std::string line;
  bool inside = false;
  while (std::getline(file, line)) {
    if (line.starts_with("```") || line.ends_with("```")) inside = !inside;
    std::istringstream words(inside ? "| " + line : "");
    std::string previous;
    for (std::string word; words >> word; previous = word) {
      if (previous == "|" && word.ends_with(":")) names.push_back(word.substr(0, word.size() - 1));
    }
  }
  return names;
}

TEST(ReferenceOps, KnowsEveryOpOfThePage) {
  const std::vector<std::string> names = NamesOfThePage();
  EXPECT_GT(names.size(), 130u);
  for (const std::string& name : names) {
    EXPECT_TRUE(Knows(name)) << name;
  }
  EXPECT_FALSE(Knows("invoke"));
  EXPECT_EQ(Case("no_such_op").Error(), ErrorId::E510);
}

}  // namespace
}  // namespace gcomp::reference
