// The elementary functions against MPFR: the largest errors are printed, and must be at most 2 ulp.
//
// GCOMP_MATH_DENSE=1 runs the long sweeps too (minutes): 2^26 bit patterns per f32 function against
// the double functions of libm, and a million points per function against MPFR.
#include <gtest/gtest.h>
#include <mpfr.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "kernels/math.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

using MpfrUnary = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
using MpfrBinary = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);

constexpr mpfr_prec_t kPrecision = 140;

class Mpfr {
 public:
  Mpfr() { mpfr_init2(value_, kPrecision); }

  explicit Mpfr(double x) : Mpfr() { mpfr_set_d(value_, x, MPFR_RNDN); }

  Mpfr(const Mpfr&) = delete;
  Mpfr& operator=(const Mpfr&) = delete;

  ~Mpfr() { mpfr_clear(value_); }

  mpfr_ptr get() { return value_; }

 private:
  mpfr_t value_;
};

int MpfrSigmoid(mpfr_ptr out, mpfr_srcptr x, mpfr_rnd_t round) {
  mpfr_neg(out, x, round);
  mpfr_exp(out, out, round);
  mpfr_add_ui(out, out, 1, round);
  return mpfr_ui_div(out, 1, out, round);
}

double SigmoidOfDouble(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

// C Annex F has no 1/sqrt; that of -0 is -inf as IEEE 754's rSqrt has it.
int MpfrRsqrt(mpfr_ptr out, mpfr_srcptr x, mpfr_rnd_t round) {
  mpfr_sqrt(out, x, round);
  return mpfr_ui_div(out, 1, out, round);
}

// Every function of one argument: name, MPFR's, that of libm in double.
#define GCOMP_UNARY_FUNCTIONS(X)              \
  X(Exp, mpfr_exp, std::exp(x))               \
  X(Expm1, mpfr_expm1, std::expm1(x))         \
  X(Log, mpfr_log, std::log(x))               \
  X(Log1p, mpfr_log1p, std::log1p(x))         \
  X(Log2, mpfr_log2, std::log2(x))            \
  X(Sin, mpfr_sin, std::sin(x))               \
  X(Cos, mpfr_cos, std::cos(x))               \
  X(Tan, mpfr_tan, std::tan(x))               \
  X(Asin, mpfr_asin, std::asin(x))            \
  X(Acos, mpfr_acos, std::acos(x))            \
  X(Atan, mpfr_atan, std::atan(x))            \
  X(Sinh, mpfr_sinh, std::sinh(x))            \
  X(Cosh, mpfr_cosh, std::cosh(x))            \
  X(Tanh, mpfr_tanh, std::tanh(x))            \
  X(Asinh, mpfr_asinh, std::asinh(x))         \
  X(Acosh, mpfr_acosh, std::acosh(x))         \
  X(Atanh, mpfr_atanh, std::atanh(x))         \
  X(Erf, mpfr_erf, std::erf(x))               \
  X(Sigmoid, MpfrSigmoid, SigmoidOfDouble(x)) \
  X(Rsqrt, MpfrRsqrt, 1 / std::sqrt(x))       \
  X(Floor, mpfr_rint_floor, std::floor(x))    \
  X(Ceil, mpfr_rint_ceil, std::ceil(x))       \
  X(Trunc, mpfr_rint_trunc, std::trunc(x))

#define GCOMP_UNARY_FUNCTOR(name, mpfr, fast)     \
  struct name##Fn {                               \
    template <class S>                            \
    GCOMP_INLINE S operator()(S x) const {        \
      return name(x);                             \
    }                                             \
    static double Fast(double x) { return fast; } \
  };
GCOMP_UNARY_FUNCTIONS(GCOMP_UNARY_FUNCTOR)
#undef GCOMP_UNARY_FUNCTOR

#define GCOMP_BINARY_FUNCTOR(name)              \
  struct name##Fn {                             \
    template <class S>                          \
    GCOMP_INLINE S operator()(S x, S y) const { \
      return name(x, y);                        \
    }                                           \
  };
GCOMP_BINARY_FUNCTOR(Pow)
GCOMP_BINARY_FUNCTOR(Atan2)
GCOMP_BINARY_FUNCTOR(Fmod)
GCOMP_BINARY_FUNCTOR(Rem)
GCOMP_BINARY_FUNCTOR(FloorDiv)
#undef GCOMP_BINARY_FUNCTOR

// A function under test in all the forms in which it runs.
template <class T>
struct Function {
  const char* name;
  MpfrUnary unary = nullptr;
  MpfrBinary binary = nullptr;
  double (*fast)(double) = nullptr;
  PerCpu<PointwiseLoop> loop;
  uint32_t (*graph)(ir::ScalarGraph* graph) = nullptr;
};

template <class F, class T>
uint32_t UnaryGraph(ir::ScalarGraph* graph) {
  return F{}(ir::Sym<T>(graph, graph->Param(0, ir::NativeDType<T>()))).index();
}

template <class F, class T>
uint32_t BinaryGraph(ir::ScalarGraph* graph) {
  ir::Sym<T> x(graph, graph->Param(0, ir::NativeDType<T>()));
  ir::Sym<T> y(graph, graph->Param(1, ir::NativeDType<T>()));
  return F{}(x, y).index();
}

template <class T>
std::vector<Function<T>> UnaryFunctions() {
  return {
#define GCOMP_CASE(name, mpfr, fast)                                                           \
  Function<T>{                                                                                 \
      #name,                                                                                   \
      [](mpfr_ptr r, mpfr_srcptr a, mpfr_rnd_t m) { return static_cast<int>(mpfr(r, a, m)); }, \
      nullptr,                                                                                 \
      &name##Fn::Fast,                                                                         \
      PointwiseLoopOf<name##Fn, T>(),                                                          \
      &UnaryGraph<name##Fn, T>},
      GCOMP_UNARY_FUNCTIONS(GCOMP_CASE)
#undef GCOMP_CASE
  };
}

template <class F, class T>
Function<T> BinaryFunction(const char* name, MpfrBinary reference) {
  return {name, nullptr, reference, nullptr, PointwiseLoopOf<F, T, T>(), &BinaryGraph<F, T>};
}

template <class T>
std::vector<Function<T>> BinaryFunctions() {
  return {BinaryFunction<PowFn, T>("Pow", &mpfr_pow),
          BinaryFunction<Atan2Fn, T>("Atan2", &mpfr_atan2),
          BinaryFunction<FmodFn, T>("Fmod", &mpfr_fmod), BinaryFunction<RemFn, T>("Rem", nullptr),
          BinaryFunction<FloorDivFn, T>("FloorDiv", nullptr)};
}

// ---- Arguments ----------------------------------------------------------------------------------

template <class T>
using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

template <class T>
std::vector<T> SpecialValues() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> values;
  for (T x : {T{0}, Limits::denorm_min(), T(3 * Limits::denorm_min()), T(Limits::min() / 2),
              Limits::min(), Limits::epsilon(), T{0.25}, T{0.5}, T{1}, T{1.5}, T{2}, T{2.5}, T{3},
              T{4}, T{7}, T{10}, T{100}, T{16777215}, T{16777216}, T(1e15), T(1e30), Limits::max(),
              Limits::infinity(),
              // The neighbors of multiples of pi / 2 that are hardest to tell from them.
              T(std::ldexp(16367173.0L, 72)),
              T(sizeof(T) == 4 ? 1 : std::ldexp(6381956970095103.0L, 797)),
              T(std::log(static_cast<long double>(Limits::max()))),
              T(std::log(static_cast<long double>(Limits::denorm_min())))}) {
    for (T y : {x, std::nextafter(x, T{0}), std::nextafter(x, Limits::infinity())}) {
      values.push_back(y);
      values.push_back(-y);
    }
  }
  values.push_back(Limits::quiet_NaN());
  // A NaN with a payload in its low bits.
  values.push_back(
      std::bit_cast<T>(std::bit_cast<Bits<T>>(Limits::quiet_NaN()) | Bits<T>{0x1234567}));
  return values;
}

// Random arguments of every kind that some function finds hard.
template <class T>
T RandomArgument(std::mt19937_64& random, uint64_t kind) {
  constexpr bool kF32 = sizeof(T) == 4;
  auto uniform = [&](double low, double high) {
    return low + (high - low) * (static_cast<double>(random() >> 11) * 0x1p-53);
  };
  T any = std::bit_cast<T>(static_cast<Bits<T>>(random()));
  double sign = (random() & 1) != 0 ? 1 : -1;
  switch (kind % 8) {
    case 0:
      return any;
    case 1:  // every exponent about 1
      return static_cast<T>(sign * std::ldexp(uniform(1, 2), static_cast<int>(random() % 40) - 30));
    case 2:
      return static_cast<T>(uniform(-1, 1));
    case 3:
      return static_cast<T>(uniform(-25, 25));
    case 4:  // where exp overflows and vanishes
      return static_cast<T>(kF32 ? uniform(-110, 110) : uniform(-760, 760));
    case 5: {  // next to a multiple of pi / 4
      auto k = static_cast<long double>(random() >> (random() % 62 + 2));
      T x = static_cast<T>(k * 0.785398163397448309615660845819875721L);
      return std::nextafter(x, (random() & 1) != 0 ? T{0} : std::numeric_limits<T>::infinity());
    }
    case 6:  // about 1
      return static_cast<T>(1 +
                            sign * std::ldexp(uniform(1, 2), -static_cast<int>(random() % 54) - 1));
    default:  // any exponent, a short significand
      return std::bit_cast<T>(
          static_cast<Bits<T>>(std::bit_cast<Bits<T>>(any) &
                               ~((Bits<T>{1} << (std::numeric_limits<T>::digits - 6)) - 1)));
  }
}

template <class T>
std::vector<T> Arguments(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<T> values = SpecialValues<T>();
  while (values.size() < count) values.push_back(RandomArgument<T>(random, values.size()));
  return values;
}

// ---- Errors -------------------------------------------------------------------------------------

constexpr double kWrong = std::numeric_limits<double>::infinity();

// The exponent of a unit in the last place of T for a magnitude in [2^(e - 1), 2^e).
template <class T>
int LastPlace(int64_t e) {
  using Limits = std::numeric_limits<T>;
  return static_cast<int>(std::max<int64_t>(e, Limits::min_exponent)) - Limits::digits;
}

// How far `got` is from `want` in units in the last place of T. An infinite `got` counts as the
// power of two past the largest number; signs of zeros and NaN must agree.
template <class T>
double UlpError(T got, mpfr_ptr want) {
  if (mpfr_nan_p(want)) return std::isnan(got) ? 0 : kWrong;
  if (std::isnan(got) || std::signbit(got) != (mpfr_signbit(want) != 0)) return kWrong;
  if (mpfr_zero_p(want)) return got == 0 ? 0 : kWrong;
  if (mpfr_inf_p(want)) return std::isinf(got) ? 0 : kWrong;
  constexpr int kTop = std::numeric_limits<T>::max_exponent;
  if (mpfr_get_exp(want) > kTop && std::isinf(got)) return 0;
  Mpfr difference;
  if (std::isinf(got)) {
    mpfr_set_si_2exp(difference.get(), got > 0 ? 1 : -1, kTop, MPFR_RNDN);
  } else {
    mpfr_set_d(difference.get(), static_cast<double>(got), MPFR_RNDN);
  }
  mpfr_sub(difference.get(), difference.get(), want, MPFR_RNDN);
  mpfr_mul_2si(difference.get(), difference.get(), -LastPlace<T>(mpfr_get_exp(want)), MPFR_RNDN);
  return std::fabs(mpfr_get_d(difference.get(), MPFR_RNDN));
}

// The same against a double, for the long sweeps: signs of zeros are not looked at.
double UlpErrorOfFloat(float got, double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : kWrong;
  auto nearest = static_cast<float>(want);
  if (got == nearest) return 0;
  if (std::isnan(got) || std::isinf(nearest)) return kWrong;
  if (std::isinf(got)) got = std::copysign(std::numeric_limits<float>::max(), got);
  uint32_t exponent = std::max(1u, std::bit_cast<uint32_t>(nearest) >> 23 & 255);
  auto unit = std::bit_cast<double>(uint64_t{exponent + 1023 - 150} << 52);
  return std::fabs(static_cast<double>(got) - want) / unit;
}

bool Dense() {
  const char* text = std::getenv("GCOMP_MATH_DENSE");
  return text != nullptr && std::string(text) == "1";
}

// The largest error found, and where.
template <class T>
struct Worst {
  double error = 0;
  T x = 0;
  T y = 0;

  void Add(double e, T a, T b = 0) {
    if (e > error) *this = {e, a, b};
  }
};

template <class T>
std::vector<T> RunLoop(const Function<T>& f, CpuLevel cpu, const std::vector<T>& x,
                       const std::vector<T>& y = {}) {
  std::vector<T> out(x.size());
  const void* in[] = {x.data(), y.data()};
  char state = 0;
  f.loop.For(cpu)(static_cast<int64_t>(x.size()), in, out.data(), &state);
  return out;
}

CpuLevel BestCpu() {
  StatusOr<CpuLevel> level = DetectCpuLevel();
  return level.ok() ? *level : CpuLevel::kV3;
}

template <class T>
void Report(const char* name, const Worst<T>& worst, size_t points, double limit) {
  std::printf("  %-8s %s  %.3f ulp of %zu at %a, %a\n", name, sizeof(T) == 4 ? "f32" : "f64",
              worst.error, points, static_cast<double>(worst.x), static_cast<double>(worst.y));
  std::fflush(stdout);
  EXPECT_LE(worst.error, limit) << name;
}

template <class T>
class MathTest : public ::testing::Test {};

using Floats = ::testing::Types<float, double>;
TYPED_TEST_SUITE(MathTest, Floats);

TYPED_TEST(MathTest, UnaryFunctionsAreWithinTwoUlp) {
  using T = TypeParam;
  std::vector<T> x = Arguments<T>(Dense() ? 1000000 : 20000, 1);
  Mpfr want;
  for (const Function<T>& f : UnaryFunctions<T>()) {
    std::vector<T> got = RunLoop(f, BestCpu(), x);
    Worst<T> worst;
    for (size_t i = 0; i < x.size(); ++i) {
      Mpfr argument(static_cast<double>(x[i]));
      f.unary(want.get(), argument.get(), MPFR_RNDN);
      worst.Add(UlpError(got[i], want.get()), x[i]);
    }
    Report(f.name, worst, x.size(), 2.0);
  }
}

TYPED_TEST(MathTest, BinaryFunctionsAreWithinTwoUlp) {
  using T = TypeParam;
  size_t count = Dense() ? 1000000 : 8000;
  // All pairs of special values first.
  std::vector<T> special = SpecialValues<T>();
  std::vector<T> x;
  std::vector<T> y;
  for (T a : special) {
    for (T b : special) {
      x.push_back(a);
      y.push_back(b);
    }
  }
  std::mt19937_64 random(5);
  for (size_t i = 0; i < count; ++i) {
    x.push_back(RandomArgument<T>(random, random() >> 7));
    y.push_back(RandomArgument<T>(random, random() >> 7));
    // Powers near overflow and underflow.
    if (i % 4 != 0) continue;
    double a = std::fabs(static_cast<double>(x.back()));
    double e = static_cast<double>(random() >> 11) * 0x1p-52 - 1;
    if (a > 0 && a < 1e300)
      y.back() = static_cast<T>(e * (sizeof(T) == 4 ? 150 : 1080) / std::log2(a));
  }
  Mpfr want;
  for (const Function<T>& f : BinaryFunctions<T>()) {
    if (f.binary == nullptr) continue;
    std::vector<T> got = RunLoop(f, BestCpu(), x, y);
    Worst<T> worst;
    for (size_t i = 0; i < x.size(); ++i) {
      Mpfr a(static_cast<double>(x[i]));
      Mpfr b(static_cast<double>(y[i]));
      f.binary(want.get(), a.get(), b.get(), MPFR_RNDN);
      worst.Add(UlpError(got[i], want.get()), x[i], y[i]);
    }
    Report(f.name, worst, x.size(), 2.0);
  }
}

// 2^26 bit patterns of f32: all exponents, both signs, every 64th significand and a random offset.
TEST(MathDenseTest, UnaryFunctionsOfF32) {
  if (!Dense()) GTEST_SKIP() << "GCOMP_MATH_DENSE is not 1";
  constexpr size_t kBlock = 1 << 16;
  std::vector<float> x(kBlock);
  for (const Function<float>& f : UnaryFunctions<float>()) {
    std::mt19937_64 random(11);
    Worst<float> worst;
    for (uint32_t block = 0; block < 1024; ++block) {
      for (uint32_t i = 0; i < kBlock; ++i) {
        x[i] = std::bit_cast<float>((block << 22 | i << 6) + static_cast<uint32_t>(random() & 63));
      }
      std::vector<float> got = RunLoop(f, BestCpu(), x);
      for (size_t i = 0; i < kBlock; ++i) {
        worst.Add(UlpErrorOfFloat(got[i], f.fast(static_cast<double>(x[i]))), x[i]);
      }
    }
    Report(f.name, worst, size_t{1} << 26, 2.0);
  }
}

// ---- Equal bits ---------------------------------------------------------------------------------

template <class T>
bool SameBits(T a, T b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<Bits<T>>(a) == std::bit_cast<Bits<T>>(b);
}

template <class T>
void ExpectSame(const Function<T>& f, const std::vector<T>& got, const std::vector<T>& want,
                const std::vector<T>& x, const std::vector<T>& y) {
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_TRUE(SameBits(got[i], want[i]))
        << f.name << "(" << x[i] << ", " << y[i] << ") = " << got[i] << ", not " << want[i];
  }
}

TYPED_TEST(MathTest, GraphsAndBothCpuLevelsGiveTheSameBits) {
  using T = TypeParam;
  std::vector<T> x = Arguments<T>(1500, 2);
  std::vector<T> y = Arguments<T>(1500, 3);
  std::shuffle(y.begin(), y.end(), std::mt19937_64(4));
  std::vector<Function<T>> functions = UnaryFunctions<T>();
  for (const Function<T>& f : BinaryFunctions<T>()) functions.push_back(f);
  std::vector<uint64_t> params(2 * x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    params[i] = std::bit_cast<Bits<T>>(x[i]);
    params[x.size() + i] = std::bit_cast<Bits<T>>(y[i]);
  }
  for (const Function<T>& f : functions) {
    std::vector<T> v3 = RunLoop(f, CpuLevel::kV3, x, y);
    if (BestCpu() == CpuLevel::kV4) ExpectSame(f, RunLoop(f, CpuLevel::kV4, x, y), v3, x, y);
    ir::ScalarGraph graph;
    uint32_t result = f.graph(&graph);
    std::vector<uint64_t> bits(x.size());
    graph.Evaluate(result, params, static_cast<int>(x.size()), bits);
    std::vector<T> values(x.size());
    for (size_t i = 0; i < x.size(); ++i)
      values[i] = std::bit_cast<T>(static_cast<Bits<T>>(bits[i]));
    ExpectSame(f, values, v3, x, y);
  }
}

// ---- Division with remainder
// ----------------------------------------------------------------------

struct DivisionCase {
  double a, b, floor_div, rem;
};

// What Python and NumPy give.
TYPED_TEST(MathTest, FloorDivAndRemFollowPython) {
  using T = TypeParam;
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const DivisionCase cases[] = {
      {7, 2, 3, 1},           {-7, 2, -4, 1},         {7, -2, -4, -1},
      {-7, -2, 3, -1},        {6, 3, 2, 0.0},         {6, -3, -2, -0.0},
      {-6, 3, -2, 0.0},       {0.0, 3, 0.0, 0.0},     {0.0, -3, -0.0, -0.0},
      {-0.0, 3, -0.0, 0.0},   {-0.0, -3, 0.0, -0.0},  {0.5, 2, 0.0, 0.5},
      {-0.5, 2, -1, 1.5},     {1, kInf, 0.0, 1},      {-1, kInf, -1, kInf},
      {1, -kInf, -1, -kInf},  {kInf, 1, kNan, kNan},  {1, 0.0, kInf, kNan},
      {-1, 0.0, -kInf, kNan}, {1, -0.0, -kInf, kNan}, {0.0, 0.0, kNan, kNan},
      {kNan, 1, kNan, kNan},  {1, kNan, kNan, kNan},  {kInf, 0.0, kInf, kNan}};
  for (const DivisionCase& c : cases) {
    auto a = static_cast<T>(c.a);
    auto b = static_cast<T>(c.b);
    EXPECT_TRUE(SameBits(FloorDiv(a, b), static_cast<T>(c.floor_div))) << a << " // " << b;
    EXPECT_TRUE(SameBits(Rem(a, b), static_cast<T>(c.rem))) << a << " rem " << b;
  }
}

TEST(MathDivisionTest, FloorDivOfFloatsIsTheFloorOfTheExactQuotient) {
  std::mt19937_64 random(9);
  for (int i = 0; i < 20000; ++i) {
    auto a = RandomArgument<float>(random, 3);
    auto b = RandomArgument<float>(random, 1);
    // A long double tells such a quotient from an integer; greater ones round by more than 1/2.
    long double quotient = static_cast<long double>(a) / static_cast<long double>(b);
    if (std::fabs(quotient) >= 0x1p20L) continue;
    ASSERT_EQ(FloorDiv(a, b), static_cast<float>(std::floor(quotient))) << a << " // " << b;
  }
}

template <class T>
class IntDivisionTest : public ::testing::Test {};

using Ints = ::testing::Types<int32_t, uint32_t, int64_t, uint64_t>;
TYPED_TEST_SUITE(IntDivisionTest, Ints);

TYPED_TEST(IntDivisionTest, QuotientsAndRemaindersOfIntegers) {
  using T = TypeParam;
  using Limits = std::numeric_limits<T>;
  std::vector<T> values = {Limits::min(), T(Limits::min() + 1), Limits::max(),
                           T(Limits::max() - 1)};
  for (int i = -20; i <= 20; ++i) values.push_back(static_cast<T>(i));
  for (T a : values) {
    for (T b : values) {
      if (b == 0) {
        EXPECT_EQ(FloorDiv(a, b), T{0});
        EXPECT_EQ(Rem(a, b), T{0});
        EXPECT_EQ(Fmod(a, b), T{0});
        continue;
      }
      // Exact in 128 bits, then wrapped.
      __int128 quotient = static_cast<__int128>(a) / b;
      __int128 fmod = static_cast<__int128>(a) % b;
      __int128 floor = quotient - (fmod != 0 && (fmod < 0) != (b < T{0}) ? 1 : 0);
      EXPECT_EQ(FloorDiv(a, b), static_cast<T>(floor)) << a << " // " << b;
      EXPECT_EQ(Rem(a, b), static_cast<T>(a - floor * b)) << a << " rem " << b;
      EXPECT_EQ(Fmod(a, b), static_cast<T>(fmod)) << a << " fmod " << b;
    }
  }
}

TYPED_TEST(IntDivisionTest, GraphsEqualNativeFunctions) {
  using T = TypeParam;
  std::mt19937_64 random(6);
  auto check = [&](auto f) {
    ir::ScalarGraph graph;
    ir::Sym<T> x(&graph, graph.Param(0, ir::NativeDType<T>()));
    ir::Sym<T> y(&graph, graph.Param(1, ir::NativeDType<T>()));
    uint32_t result = f(x, y).index();
    for (int i = 0; i < 500; ++i) {
      auto a = static_cast<T>(random() >> (random() % 64));
      auto b = static_cast<T>(static_cast<T>(random() >> (random() % 64)) - T{3});
      uint64_t params[] = {ir::ScalarOf(a).bits, ir::ScalarOf(b).bits};
      uint64_t bits = 0;
      graph.Evaluate(result, params, 1, {&bits, 1});
      ASSERT_EQ(bits, ir::ScalarOf(f(a, b)).bits) << a << ", " << b;
    }
  };
  check(FloorDivFn{});
  check(RemFn{});
  check(FmodFn{});
}

// The short form is next to the long one: the same bits in f64, as near as it says in f32.
template <class T>
void ExpectShortExp(T x) {
  const T got = ExpOfDifference(x);
  if constexpr (std::is_same_v<T, double>) {
    const T want = Exp(x);
    ASSERT_TRUE(std::bit_cast<uint64_t>(got) == std::bit_cast<uint64_t>(want) ||
                (got != got && want != want))
        << x << ": " << got << ", " << want;
  } else if (x != x) {
    ASSERT_NE(got, got);
  } else {
    const double want = std::exp(double{x});
    const double ulp = std::ldexp(1.0, std::max(std::ilogb(want), -126) - 23);
    ASSERT_NEAR(got, want, ulp + (want == 0 ? 0 : want * 2.8e-9 * std::abs(x))) << x;
  }
  if (!(x >= kLeastNormalExp<T>)) return;
  ExpParts<T> parts = PartsOfExpOfDifference(x);
  ASSERT_GE(got, std::numeric_limits<T>::min()) << x;
  ASSERT_EQ(parts.p * parts.scale, got) << x;
}

TEST(MathExp, OfDifferencesIsAsNearAsItSays) {
  std::mt19937_64 random(8);
  for (float x :
       {0.0f, -0.0f, -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()}) {
    ExpectShortExp(x);
    ExpectShortExp(static_cast<double>(x));
  }
  for (uint32_t bits = 0x80000000u; bits <= 0xff800000u - 0x400;
       bits += static_cast<uint32_t>(random() % 0x400)) {
    ExpectShortExp(std::bit_cast<float>(bits));
  }
  for (int i = 0; i < 1000000; ++i) {
    double unit = static_cast<double>(random() >> 11) * 0x1p-53;
    ExpectShortExp(static_cast<float>(-110 * unit));
    ExpectShortExp(-(i % 2 == 0 ? 760 : 45) * unit);
    ExpectShortExp(std::bit_cast<double>(random() | uint64_t{1} << 63));
  }
}

}  // namespace
}  // namespace gcomp::kernels
