#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "kernels/math.h"

namespace gcomp::kernels {
namespace {

// How far `got` is from `want`, in units in the last place of T at `want`.
template <class T>
double UlpError(T got, long double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : std::numeric_limits<double>::infinity();
  auto nearest = static_cast<T>(want);
  if (got == nearest) return 0;
  if (std::isinf(got) || std::isinf(nearest)) return std::numeric_limits<double>::infinity();
  int exponent = 0;
  std::frexp(nearest, &exponent);
  constexpr int kDigits = std::numeric_limits<T>::digits;
  int last = std::max(exponent - kDigits, std::numeric_limits<T>::min_exponent - kDigits);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - want) /
                             std::ldexp(1.0L, last));
}

// The largest error of `f` on evenly spaced points of [low, high], and on random magnitudes in it.
template <class T, class F, class G>
double MaxUlpError(F f, G reference, double low, double high) {
  constexpr int kPoints = 60000;
  std::mt19937_64 random(7);
  double worst = 0;
  for (int i = 0; i < kPoints; ++i) {
    double x = low + (high - low) * (i + 0.37) / kPoints;
    if (i % 4 == 0) {
      double mantissa = 1 + static_cast<double>(random() >> 12) * 0x1p-52;
      x = std::ldexp((random() & 1) != 0 ? mantissa : -mantissa,
                     static_cast<int>(random() % 70) - 60);
      x = std::clamp(x, low, high);
    }
    auto argument = static_cast<T>(x);
    worst = std::max(worst, UlpError(f(argument), reference(static_cast<long double>(argument))));
  }
  return worst;
}

long double SigmoidReference(long double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

template <class T>
class MathTest : public ::testing::Test {
 protected:
  static constexpr bool kF32 = sizeof(T) == 4;
  static constexpr T kInf = std::numeric_limits<T>::infinity();
  static constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  static constexpr T kDenormal = std::numeric_limits<T>::denorm_min();
  // exp is 0 below -kOver, and inf above it.
  static constexpr double kOver = kF32 ? 110 : 760;
};

using Floats = ::testing::Types<float, double>;
TYPED_TEST_SUITE(MathTest, Floats);

template <class T>
bool IsNegativeZero(T x) {
  return x == 0 && std::signbit(x);
}

TYPED_TEST(MathTest, ExpIsWithinOneUlp) {
  using T = TypeParam;
  auto f = [](T x) { return Exp(x); };
  auto reference = [](long double x) { return std::exp(x); };
  double over = TestFixture::kOver;
  EXPECT_LE((MaxUlpError<T>(f, reference, -over, over)), 1.0);
  EXPECT_LE((MaxUlpError<T>(f, reference, -1, 1)), 1.0);
  // The denormal results.
  EXPECT_LE((MaxUlpError<T>(f, reference, -over, TestFixture::kF32 ? -87 : -708)), 1.0);
}

TYPED_TEST(MathTest, TanhIsWithinTwoUlp) {
  using T = TypeParam;
  auto f = [](T x) { return Tanh(x); };
  auto reference = [](long double x) { return std::tanh(x); };
  EXPECT_LE((MaxUlpError<T>(f, reference, -1, 1)), 2.0);
  EXPECT_LE((MaxUlpError<T>(f, reference, -25, 25)), 2.0);
}

TYPED_TEST(MathTest, SigmoidIsWithinTwoUlp) {
  using T = TypeParam;
  auto f = [](T x) { return Sigmoid(x); };
  double over = TestFixture::kOver;
  EXPECT_LE((MaxUlpError<T>(f, SigmoidReference, -over, over)), 2.0);
  EXPECT_LE((MaxUlpError<T>(f, SigmoidReference, -10, 10)), 2.0);
}

TYPED_TEST(MathTest, ErfIsWithinTwoUlp) {
  using T = TypeParam;
  auto f = [](T x) { return Erf(x); };
  auto reference = [](long double x) { return std::erf(x); };
  EXPECT_LE((MaxUlpError<T>(f, reference, -1.2, 1.2)), 2.0);
  EXPECT_LE((MaxUlpError<T>(f, reference, -7, 7)), 2.0);
}

TYPED_TEST(MathTest, ExpOfSpecialValuesFollowsAnnexF) {
  using T = TypeParam;
  EXPECT_EQ(Exp(T{0}), T{1});
  EXPECT_EQ(Exp(T{-0.0}), T{1});
  EXPECT_EQ(Exp(TestFixture::kInf), TestFixture::kInf);
  EXPECT_EQ(Exp(-TestFixture::kInf), T{0});
  EXPECT_FALSE(std::signbit(Exp(-TestFixture::kInf)));
  EXPECT_TRUE(std::isnan(Exp(TestFixture::kNan)));
  EXPECT_EQ(Exp(std::numeric_limits<T>::max()), TestFixture::kInf);
  EXPECT_EQ(Exp(std::numeric_limits<T>::lowest()), T{0});
  EXPECT_EQ(Exp(TestFixture::kDenormal), T{1});
}

TYPED_TEST(MathTest, ExpOverflowsAndVanishesWhereTheTrueValueDoes) {
  using T = TypeParam;
  T last = static_cast<T>(std::log(static_cast<long double>(std::numeric_limits<T>::max())));
  T inside = std::nextafter(last, T{0});
  T outside = std::nextafter(last, TestFixture::kInf);
  EXPECT_TRUE(std::isfinite(Exp(inside)));
  EXPECT_EQ(Exp(outside), TestFixture::kInf);
  // e^x rounds to the least denormal, not to 0, down to half of it.
  T small = static_cast<T>(std::log(static_cast<long double>(TestFixture::kDenormal)));
  EXPECT_EQ(Exp(small), TestFixture::kDenormal);
  EXPECT_EQ(Exp(static_cast<T>(small - T{0.625})), TestFixture::kDenormal);
  EXPECT_EQ(Exp(static_cast<T>(small - T{0.75})), T{0});
}

TYPED_TEST(MathTest, OddFunctionsKeepSignsOfZeroAndSaturate) {
  using T = TypeParam;
  auto check = [](auto f) {
    EXPECT_TRUE(IsNegativeZero(f(T{-0.0})));
    EXPECT_FALSE(std::signbit(f(T{0})));
    EXPECT_EQ(f(TestFixture::kInf), T{1});
    EXPECT_EQ(f(-TestFixture::kInf), T{-1});
    EXPECT_EQ(f(std::numeric_limits<T>::max()), T{1});
    EXPECT_TRUE(std::isnan(f(TestFixture::kNan)));
    EXPECT_EQ(f(TestFixture::kDenormal), TestFixture::kDenormal);
    EXPECT_EQ(f(-TestFixture::kDenormal), -TestFixture::kDenormal);
  };
  check([](T x) { return Tanh(x); });
  check([](T x) { return Erf(x); });
}

TYPED_TEST(MathTest, SigmoidOfSpecialValuesIsItsLimit) {
  using T = TypeParam;
  EXPECT_EQ(Sigmoid(T{0}), T{0.5});
  EXPECT_EQ(Sigmoid(TestFixture::kInf), T{1});
  EXPECT_EQ(Sigmoid(-TestFixture::kInf), T{0});
  EXPECT_TRUE(std::isnan(Sigmoid(TestFixture::kNan)));
  // Below the normal range the result is e^x, a denormal.
  T x = TestFixture::kF32 ? T{-100} : T{-740};
  EXPECT_GT(Sigmoid(x), T{0});
  EXPECT_LT(Sigmoid(x), std::numeric_limits<T>::min());
  EXPECT_EQ(Sigmoid(x), Exp(x));
}

// The same text on symbols gives a graph whose values are the same bits.
template <class T, class F>
void ExpectGraphEquals(F f) {
  ir::ScalarGraph graph;
  ir::Sym<T> x(&graph, graph.Param(0, ir::NativeDType<T>()));
  uint32_t result = f(x).index();
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    T value =
        i % 2 == 0
            ? static_cast<T>(static_cast<double>(random() % 4000) / 100 - 20)
            : std::bit_cast<T>(
                  static_cast<std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>(random()));
    uint64_t param = ir::ScalarOf(value).bits;
    uint64_t bits = 0;
    graph.Evaluate(result, {&param, 1}, 1, {&bits, 1});
    T eager = f(value);
    if (std::isnan(eager)) {
      ir::Scalar scalar{ir::NativeDType<T>(), bits};
      EXPECT_TRUE(std::isnan(scalar.ToDouble())) << value;
    } else {
      ASSERT_EQ(bits, ir::ScalarOf(eager).bits) << value;
    }
  }
}

TYPED_TEST(MathTest, GraphsEqualNativeFunctions) {
  using T = TypeParam;
  ExpectGraphEquals<T>([](auto x) { return Exp(x); });
  ExpectGraphEquals<T>([](auto x) { return Tanh(x); });
  ExpectGraphEquals<T>([](auto x) { return Sigmoid(x); });
  ExpectGraphEquals<T>([](auto x) { return Erf(x); });
}

}  // namespace
}  // namespace gcomp::kernels
