#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "ir/expr.h"
#include "ir/text.h"

namespace gcomp::ir {
namespace {

std::string Text(const Expr& e) {
  return e.ToString([](SymId id) { return "s" + std::to_string(id.index()); });
}

Expr S(uint32_t i) {
  return Expr::Symbol(SymId(i));
}

TEST(Expr, PolynomialIsSortedByDegreeWithConstantLast) {
  Expr e = Expr::Add(1, Expr::Add(Expr::Mul(2, S(0)), Expr::Mul(S(1), S(0))));
  EXPECT_EQ(Text(e), "s0 * s1 + 2 * s0 + 1");
  EXPECT_EQ(Text(Expr::Sub(S(0), 1)), "s0 - 1");
  EXPECT_EQ(Text(Expr::Sub(Expr::Sub(1, S(0)), Expr::Mul(3, S(1)))), "-s0 - 3 * s1 + 1");
}

TEST(Expr, EqualPolynomialsAreEqual) {
  Expr left = Expr::Mul(Expr::Add(S(0), 1), Expr::Sub(S(0), 1));
  Expr right = Expr::Sub(Expr::Mul(S(0), S(0)), 1);
  EXPECT_EQ(left, right);
  EXPECT_EQ(Expr::Sub(left, right), Expr(0));
  EXPECT_FALSE(left == Expr::Mul(S(0), S(0)));
}

TEST(Expr, DivisionFloorsAndSimplifiesWhereExact) {
  EXPECT_EQ(Expr::FloorDiv(-7, 2), Expr(-4));
  EXPECT_EQ(Expr::FloorDiv(7, -2), Expr(-4));
  EXPECT_EQ(Expr::Mod(-7, 2), Expr(1));
  EXPECT_EQ(Expr::Mod(7, -2), Expr(-1));
  EXPECT_EQ(Expr::FloorDiv(Expr::Add(Expr::Mul(4, S(0)), 2), 2), Expr::Add(Expr::Mul(2, S(0)), 1));
  EXPECT_EQ(Expr::Mod(Expr::Mul(4, S(0)), 2), Expr(0));
  EXPECT_EQ(Expr::FloorDiv(Expr::Mul(Expr::Mul(16, S(0)), S(1)), Expr::Mul(4, S(0))),
            Expr::Mul(4, S(1)));
  EXPECT_EQ(Text(Expr::FloorDiv(Expr::Add(S(0), 1), 2)), "(s0 + 1) / 2");
}

TEST(Expr, ParenthesesAreMinimalAndKeepTheMeaning) {
  Expr half = Expr::FloorDiv(S(0), 2);
  EXPECT_EQ(Text(Expr::FloorDiv(half, 3)), "s0 / 2 / 3");
  EXPECT_EQ(Text(Expr::Mul(2, half)), "2 * (s0 / 2)");
  EXPECT_EQ(Text(Expr::Mul(-1, half)), "-(s0 / 2)");
  EXPECT_EQ(Text(Expr::FloorDiv(Expr::Mul(-1, S(0)), 2)), "-s0 / 2");
  EXPECT_EQ(Text(Expr::Sub(S(1), half)), "s1 - s0 / 2");
  EXPECT_EQ(Text(Expr::FloorDiv(S(0), Expr::Mul(2, S(1)))), "s0 / (2 * s1)");
  EXPECT_EQ(Text(Expr::FloorDiv(S(1), half)), "s1 / (s0 / 2)");
}

TEST(Expr, ExtremesDropWhatNeverWins) {
  EXPECT_EQ(Text(Expr::Min(4, S(0))), "min(s0, 4)");
  EXPECT_EQ(Expr::Min(Expr::Min(S(0), 4), 7), Expr::Min(S(0), 4));
  EXPECT_EQ(Expr::Max(Expr::Add(S(0), 1), S(0)), Expr::Add(S(0), 1));
  EXPECT_EQ(Expr::Min(S(1), Expr::Min(S(0), S(1))), Expr::Min(S(0), S(1)));
}

TEST(Expr, PredicatesKeepTheirOrderAndFold) {
  Expr p = Expr::And(Expr::Lt(S(1), S(0)), Expr::Eq(Expr::Mod(S(0), 2), 0));
  EXPECT_EQ(Text(p), "s1 < s0 and s0 % 2 == 0");
  EXPECT_EQ(Expr::And(p, Expr::Lt(S(1), S(0))), p);
  EXPECT_EQ(Text(Expr::Or(p, Expr::Le(S(0), 3))), "s1 < s0 and s0 % 2 == 0 or s0 <= 3");
  EXPECT_EQ(Text(Expr::And(Expr::Or(Expr::Lt(S(0), 1), Expr::Lt(S(1), 1)), Expr::Ne(S(0), 5))),
            "(s0 < 1 or s1 < 1) and s0 != 5");
  EXPECT_EQ(Expr::Not(Expr::Lt(S(0), S(1))), Expr::Le(S(1), S(0)));
  EXPECT_EQ(Text(Expr::Not(p)), "not (s1 < s0 and s0 % 2 == 0)");
  EXPECT_EQ(Expr::Lt(S(0), Expr::Add(S(0), 1)), Expr(1));
  EXPECT_EQ(Expr::Eq(S(0), S(0)), Expr(1));
  EXPECT_EQ(Expr::Eq(S(1), S(0)), Expr::Eq(S(0), S(1)));
  EXPECT_EQ(Expr::And(p, 0), Expr(0));
}

TEST(Expr, OverflowAndMixedKindsArePoison) {
  EXPECT_TRUE(Expr::Add(INT64_MAX, 1).is_poison());
  EXPECT_TRUE(Expr::Mul(Expr::Mul(S(0), INT64_MAX), 2).is_poison());
  EXPECT_TRUE(Expr::FloorDiv(INT64_MIN, -1).is_poison());
  EXPECT_EQ(Expr::Mod(INT64_MIN, -1), Expr(0));
  EXPECT_TRUE(Expr::FloorDiv(S(0), 0).is_poison());
  EXPECT_TRUE(Expr::Mod(S(0), 0).is_poison());
  EXPECT_TRUE(Expr::Add(Expr::Poison(), 1).is_poison());
  EXPECT_TRUE(Expr::Add(Expr::Lt(S(0), S(1)), 1).is_poison());
  EXPECT_TRUE(Expr::Not(S(0)).is_poison());
  EXPECT_TRUE(Expr::And(Expr::Lt(S(0), S(1)), 2).is_poison());
}

TEST(Expr, GrowthIsBounded) {
  Expr square = Expr::Add(S(0), S(1));
  Expr sum = 0;
  for (uint32_t i = 0; i < 40; ++i) sum = Expr::Add(sum, S(i));
  Expr power = sum;
  for (int i = 0; i < 64; ++i) {
    square = Expr::Mul(square, square);
    power = Expr::Mul(power, sum);
  }
  EXPECT_TRUE(square.is_poison());
  EXPECT_TRUE(power.is_poison());
  Expr deep = S(0);
  for (int i = 0; i < 1000; ++i) deep = Expr::FloorDiv(Expr::Add(deep, 1), 3);
  EXPECT_TRUE(deep.is_poison());
  Expr wide = S(0);
  for (int i = 0; i < 63; ++i) wide = Expr::FloorDiv(Expr::Mul(wide, Expr::Add(wide, 1)), 3);
  EXPECT_TRUE(wide.is_poison());
}

TEST(Expr, EvaluateChecksEveryStep) {
  int64_t values[] = {5, INT64_MAX};
  EXPECT_EQ(Expr::FloorDiv(Expr::Sub(S(0), 12), 2).Evaluate(values), -4);
  EXPECT_EQ(Expr::Add(S(1), 1).Evaluate(values), std::nullopt);
  EXPECT_EQ(Expr::Add(Expr::Sub(S(1), S(0)), 5).Evaluate(values), INT64_MAX);
  EXPECT_EQ(S(2).Evaluate(values), std::nullopt);
  EXPECT_EQ(Expr::FloorDiv(7, Expr::Sub(S(0), 5)).Evaluate(values), std::nullopt);
  // An `and` ends at the first false: the division by zero is not reached.
  Expr guarded = Expr::And(Expr::Ne(S(0), 5), Expr::Lt(Expr::FloorDiv(7, Expr::Sub(S(0), 5)), 3));
  EXPECT_EQ(guarded.Evaluate(values), 0);
}

// Expressions made at random: evaluation and substitution of numbers give the value that the steps
// gave, every value lies in the range, and the text parses back to the same expression.
class ExprRandom : public testing::Test {
 protected:
  struct Sample {
    Expr e;
    std::optional<int64_t> value;
  };

  int64_t Pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  Sample Make(int depth) {
    if (depth == 0 || Pick(0, 4) == 0) {
      if (Pick(0, 1) == 0) {
        int64_t c = Pick(-4, 4);
        return {c, c};
      }
      auto i = static_cast<uint32_t>(Pick(0, 2));
      return {S(i), values_[i]};
    }
    Sample a = Make(depth - 1);
    Sample b = Make(depth - 1);
    bool known = a.value.has_value() && b.value.has_value();
    int64_t x = a.value.value_or(0);
    int64_t y = b.value.value_or(0);
    auto floor = [](int64_t p, int64_t q) { return p / q - (p % q != 0 && (p < 0) != (q < 0)); };
    std::optional<int64_t> none;
    switch (Pick(0, 6)) {
      case 0:
        return {Expr::Add(a.e, b.e), known ? std::optional(x + y) : none};
      case 1:
        return {Expr::Sub(a.e, b.e), known ? std::optional(x - y) : none};
      case 2:
        return {Expr::Mul(a.e, b.e), known ? std::optional(x * y) : none};
      case 3:
        return {Expr::FloorDiv(a.e, b.e), known && y != 0 ? std::optional(floor(x, y)) : none};
      case 4:
        return {Expr::Mod(a.e, b.e), known && y != 0 ? std::optional(x - y * floor(x, y)) : none};
      case 5:
        return {Expr::Min(a.e, b.e), known ? std::optional(std::min(x, y)) : none};
      default:
        return {Expr::Max(a.e, b.e), known ? std::optional(std::max(x, y)) : none};
    }
  }

  std::mt19937 random_{7};
  std::vector<int64_t> values_;
};

TEST_F(ExprRandom, ValueSubstitutionAndRangeAgree) {
  int compared = 0;
  for (int round = 0; round < 20000; ++round) {
    values_ = {Pick(-5, 5), Pick(0, 9), Pick(1, 3)};
    Sample sample = Make(4);
    if (!sample.value.has_value() || sample.e.is_poison()) continue;
    ++compared;
    ASSERT_EQ(sample.e.Evaluate(values_), sample.value) << Text(sample.e);
    Expr number = sample.e.Substitute([&](SymId id) { return Expr(values_[id.index()]); });
    ASSERT_EQ(number, Expr(*sample.value)) << Text(sample.e);
    ASSERT_EQ(sample.e.Substitute([](SymId id) { return Expr::Symbol(id); }), sample.e)
        << Text(sample.e);
    Interval range = RangeOf(sample.e, [](SymId id) {
      constexpr Interval kRanges[] = {{-5, 5}, {0, 9}, {1, 3}};
      return kRanges[id.index()];
    });
    ASSERT_LE(range.low, *sample.value) << Text(sample.e);
    ASSERT_GE(range.high, *sample.value) << Text(sample.e);
    Interval half_open = RangeOf(sample.e, [](SymId id) {
      return id.index() == 0 ? Interval{INT64_MIN, 5} : Interval{0, Interval::kUnbounded};
    });
    ASSERT_LE(half_open.low, *sample.value) << Text(sample.e);
    ASSERT_GE(half_open.high, *sample.value) << Text(sample.e);
  }
  EXPECT_GT(compared, 5000);
}

TEST_F(ExprRandom, TextParsesBackToTheSame) {
  OpRegistry ops({});
  for (int round = 0; round < 2000; ++round) {
    values_ = {1, 1, 1};
    Expr e = Make(4).e;
    if (e.is_poison() || e.is_const()) continue;  // a size can't be a negative number
    std::string text =
        "gir 1 module @m\n\nfunc @f<s0, s1, s2>(%x: f32[" + Text(e) + "]) -> () {\n  return\n}\n";
    Diagnostics diagnostics("test.ir", text);
    Module module = Parse(text, ops, diagnostics);
    ASSERT_TRUE(diagnostics.ok()) << diagnostics.Render();
    const Function& f = *module.functions.at(0);
    ASSERT_EQ(f.value(f.params().at(0)).type.dims().at(0), e) << Text(e);
  }
}

TEST(RangeOf, IsTightForCommonForms) {
  auto ranges = [](SymId) { return Interval{1, 10}; };
  EXPECT_EQ(RangeOf(Expr::Add(Expr::Mul(-2, S(0)), 3), ranges), (Interval{-17, 1}));
  EXPECT_EQ(RangeOf(Expr::FloorDiv(S(0), 3), ranges), (Interval{0, 3}));
  EXPECT_EQ(RangeOf(Expr::Mod(S(0), 4), ranges), (Interval{0, 3}));
  EXPECT_EQ(RangeOf(Expr::Lt(S(0), 11), ranges), (Interval{1, 1}));
  EXPECT_EQ(RangeOf(Expr::Lt(S(0), 1), ranges), (Interval{0, 0}));
  auto unbounded = [](SymId) { return Interval{0, Interval::kUnbounded}; };
  EXPECT_EQ(RangeOf(Expr::Sub(S(0), S(1)), unbounded), (Interval{INT64_MIN, INT64_MAX}));
  EXPECT_EQ(RangeOf(Expr::Mul(S(0), S(1)), unbounded), (Interval{0, INT64_MAX}));
}

}  // namespace
}  // namespace gcomp::ir
