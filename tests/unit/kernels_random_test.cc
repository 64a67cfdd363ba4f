// The random numbers: published vectors, positions beyond 32 bits, accuracy of the normal
// distribution, and statistics with fixed keys, whose bounds are computed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/philox.h"
#include "tests/unit/op_runner.h"

namespace gcomp {
namespace {

using ir::DType;
using kernels::DrawBlock;
using kernels::Philox;
using kernels::PhiloxBlock;
using kernels::RngKey;
using testing::OpCase;
using testing::TestTensor;

using Block = PhiloxBlock<uint32_t>;

void ExpectWords(const Block& got, const Block& want) {
  EXPECT_EQ(got.w0, want.w0);
  EXPECT_EQ(got.w1, want.w1);
  EXPECT_EQ(got.w2, want.w2);
  EXPECT_EQ(got.w3, want.w3);
}

// The vectors that the authors publish with Random123.
TEST(Philox, GivesTheKnownAnswers) {
  ExpectWords(Philox<uint32_t>({0, 0, 0, 0}, 0, 0),
              {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr uint32_t kOnes = 0xffffffff;
  ExpectWords(Philox<uint32_t>({kOnes, kOnes, kOnes, kOnes}, kOnes, kOnes),
              {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  ExpectWords(
      Philox<uint32_t>({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
      {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST(Philox, CountersAre128Bits) {
  const uint64_t key = 0x0123456789abcdef;
  const auto block = [&](uint32_t c0, uint32_t c1, uint32_t c2) {
    return Philox<uint32_t>({c0, c1, c2, 0}, 0x89abcdef, 0x01234567);
  };
  // Element 2^36 of a draw is in block 2^34.
  ExpectWords(DrawBlock<uint64_t>({key, 0}, uint64_t{1} << 34), block(0, 4, 0));
  ExpectWords(DrawBlock<uint64_t>({key, 0xffffffff}, 1), block(0, 1, 0));
  ExpectWords(DrawBlock<uint64_t>({key, ~uint64_t{0}}, 0), block(~0u, ~0u, 0));
  ExpectWords(DrawBlock<uint64_t>({key, ~uint64_t{0}}, 1), block(0, 0, 1));
  ExpectWords(DrawBlock<uint64_t>({key, ~uint64_t{0}}, (uint64_t{1} << 40) + 1),
              block(0, 1u << 8, 1));
}

// ---- Draws by the ops ---------------------------------------------------------------------------

std::vector<double> Draw(std::string_view op, DType dtype, int64_t n, RngKey<uint64_t> key) {
  auto made = OpCase::Create(op, {{testing::Spec(DType::kU64, {2})}},
                             {{"shape", ir::AttrList{ir::Expr(n)}}, {"dtype", dtype}});
  EXPECT_TRUE(made.ok()) << made.status().ToString();
  if (!made.ok()) return {};
  std::vector<TestTensor> operands((*made)->operands().begin(), (*made)->operands().end());
  operands[0].Set(0, {DType::kU64, key.key});
  operands[0].Set(1, {DType::kU64, key.counter});
  auto run = (*made)->Run(operands, CpuLevel::kV3);
  EXPECT_TRUE(run.ok()) << run.status().ToString();
  if (!run.ok()) return {};
  EXPECT_TRUE((*run)[0].GuardsIntact());
  std::vector<double> values;
  for (int64_t i = 0; i < n; ++i) values.push_back((*run)[0].Get(i).ToDouble());
  return values;
}

// A draw is a run of words that has no beginning: counter c is 4 c words further.
TEST(RngBits, ADrawFromALaterCounterIsTheSameWords) {
  const std::vector<double> all = Draw("rng.bits", DType::kU32, 4 * 700, {11, 0});
  for (uint64_t counter : {1, 17, 128, 511}) {
    const std::vector<double> later = Draw("rng.bits", DType::kU32, 600, {11, counter});
    const auto from = all.begin() + static_cast<std::ptrdiff_t>(4 * counter);
    EXPECT_TRUE(std::equal(later.begin(), later.end(), from)) << counter;
  }
}

TEST(RngBits, WordsAreThoseOfTheBlocks) {
  for (uint64_t counter : {uint64_t{0}, (uint64_t{1} << 32) - 3, ~uint64_t{0} - 1}) {
    const RngKey<uint64_t> key = {99, counter};
    const std::vector<double> words = Draw("rng.bits", DType::kU32, 1030, key);
    for (size_t i = 0; i < words.size(); ++i) {
      const Block block = DrawBlock<uint64_t>(key, i / 4);
      const uint32_t want[] = {block.w0, block.w1, block.w2, block.w3};
      ASSERT_EQ(words[i], want[i % 4]) << i;
    }
  }
}

// ---- Statistics ---------------------------------------------------------------------------------

constexpr int64_t kCount = 200000;

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double Moment(const std::vector<double>& values, double center, int power) {
  double sum = 0;
  for (double value : values) sum += std::pow(value - center, power);
  return sum / static_cast<double>(values.size());
}

// The greatest distance between the distribution of the values and `cdf` (Kolmogorov, Smirnov).
template <class Cdf>
double Distance(std::vector<double> values, Cdf cdf) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double distance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double p = cdf(values[i]);
    distance = std::max({distance, std::fabs(p - static_cast<double>(i) / n),
                         std::fabs(p - static_cast<double>(i + 1) / n)});
  }
  return distance;
}

// Exceeded with a probability of 0.001 by numbers that are right.
double DistanceBound() {
  return 1.95 / std::sqrt(static_cast<double>(kCount));
}

// Correlation of neighbors `lag` apart.
double Correlation(const std::vector<double>& values, size_t lag) {
  const double mean = Mean(values);
  double sum = 0;
  for (size_t i = lag; i < values.size(); ++i) sum += (values[i] - mean) * (values[i - lag] - mean);
  return sum / static_cast<double>(values.size()) / Moment(values, mean, 2);
}

// Five deviations of the mean of kCount numbers of deviation 1.
double MeanBound() {
  return 5 / std::sqrt(static_cast<double>(kCount));
}

TEST(RngUniform, IsUniform) {
  for (DType dtype : {DType::kF32, DType::kF64}) {
    for (uint64_t key : {1, 2, 3}) {
      const std::vector<double> u = Draw("rng.uniform", dtype, kCount, {key, 0});
      ASSERT_EQ(u.size(), static_cast<size_t>(kCount));
      EXPECT_GE(*std::min_element(u.begin(), u.end()), 0);
      EXPECT_LT(*std::max_element(u.begin(), u.end()), 1);
      EXPECT_NEAR(Mean(u), 0.5, MeanBound() / std::sqrt(12));
      EXPECT_NEAR(Moment(u, 0.5, 2), 1.0 / 12, MeanBound() / std::sqrt(180));
      EXPECT_LT(Distance(u, [](double x) { return x; }), DistanceBound());
      for (size_t lag : {1, 2, 3, 4, 128}) EXPECT_LT(std::fabs(Correlation(u, lag)), MeanBound());
    }
  }
}

TEST(RngNormal, IsNormal) {
  for (DType dtype : {DType::kF32, DType::kF64}) {
    for (uint64_t key : {1, 2, 3}) {
      const std::vector<double> z = Draw("rng.normal", dtype, kCount, {key, 0});
      ASSERT_EQ(z.size(), static_cast<size_t>(kCount));
      EXPECT_NEAR(Mean(z), 0, MeanBound());
      EXPECT_NEAR(Moment(z, 0, 2), 1, MeanBound() * std::sqrt(2.0));
      EXPECT_NEAR(Moment(z, 0, 3), 0, MeanBound() * std::sqrt(15.0));
      EXPECT_NEAR(Moment(z, 0, 4), 3, MeanBound() * std::sqrt(96.0));
      EXPECT_LT(Distance(z, [](double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }),
                DistanceBound());
      for (size_t lag : {1, 2, 3, 4, 128}) EXPECT_LT(std::fabs(Correlation(z, lag)), MeanBound());
    }
  }
}

TEST(RngFold, KeysOfOneKeyAreIndependent) {
  std::vector<double> first;
  for (int64_t i = 0; i < 20000; ++i) {
    const RngKey<uint64_t> folded = {kernels::FoldKey<uint64_t>({5, 0}, static_cast<uint64_t>(i)),
                                     0};
    first.push_back(kernels::UnitF32(DrawBlock<uint64_t>(folded, 0).w0));
  }
  const double bound = 5 / std::sqrt(20000.0);
  EXPECT_NEAR(Mean(first), 0.5, bound / std::sqrt(12));
  EXPECT_LT(std::fabs(Correlation(first, 1)), bound);
}

// ---- Accuracy of Box and Muller -----------------------------------------------------------------

struct Exact {
  long double first;
  long double second;
};

// From the definition, in long double; the quarter is taken off exactly before.
Exact BoxMullerOf(long double u, uint32_t turn) {
  const uint32_t quarter = (turn + (1u << 29)) >> 30;
  const auto rest = static_cast<int32_t>(turn - (quarter << 30));
  const long double angle = std::acos(-1.0L) * std::ldexp(static_cast<long double>(rest), -31);
  const long double c = std::cos(angle);
  const long double s = std::sin(angle);
  const long double cosines[] = {c, -s, -c, s};
  const long double sines[] = {s, c, -s, -c};
  const long double r = std::sqrt(-2 * std::log(u));
  return {r * cosines[quarter % 4], r * sines[quarter % 4]};
}

template <class T>
double Ulps(T got, long double want) {
  const T magnitude = std::fabs(static_cast<T>(want));
  const T unit = std::nextafter(magnitude, std::numeric_limits<T>::infinity()) - magnitude;
  return static_cast<double>(std::fabs(got - want) / unit);
}

template <class T>
double WorstError() {
  const uint32_t corners[] = {0,          1,          2,          0x1fffffff, 0x20000000,
                              0x20000001, 0x3fffffff, 0x40000000, 0x40000001, 0x7fffffff,
                              0x80000000, 0x80000001, 0xbfffffff, 0xc0000000, 0xfffffffe};
  double worst = 0;
  const auto check = [&](uint32_t w, uint32_t v) {
    const kernels::NormalPair<T> got = kernels::BoxMuller<T>(w, v);
    const T n = static_cast<T>(static_cast<double>(w) + 1);
    const Exact want = BoxMullerOf(std::ldexp(static_cast<long double>(n), -32), v);
    if (n == T(0x1p32)) {  // u = 1
      EXPECT_EQ(got.first, 0) << v;
      EXPECT_EQ(got.second, 0) << v;
      return;
    }
    worst = std::max({worst, Ulps(got.first, want.first), Ulps(got.second, want.second)});
  };
  for (uint32_t w : corners) {
    for (uint32_t v : corners) check(w, v);
  }
  for (uint32_t i = 0; i < 500000; ++i) check(i * 2654435761u, i * 3150001749u + 12345);
  return worst;
}

TEST(BoxMuller, IsAccurate) {
  EXPECT_LE(WorstError<float>(), 4);
  EXPECT_LE(WorstError<double>(), 4);
  EXPECT_EQ(kernels::BoxMuller<float>(0xffffffffu, 7u).first, 0.0f);
  EXPECT_FLOAT_EQ(kernels::BoxMuller<float>(0u, 0u).first, 6.6604371f);
}

}  // namespace
}  // namespace gcomp
