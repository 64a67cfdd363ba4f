#include "tools/filetest/random_data.h"

#include <cmath>
#include <iterator>
#include <limits>

#include "ir/scalar_value.h"

namespace gcomp::filetest {
namespace {

using ir::DType;
using ir::Scalar;

class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

Scalar Typical(DType dtype, uint64_t word) {
  if (dtype == DType::kBool) return Scalar::FromBool(word & 1);
  if (ir::IsFloat(dtype)) {
    double unit = static_cast<double>(word >> 11) * 0x1p-53;
    return *Scalar::FromDouble(dtype, 8 * unit - 4);
  }
  auto small = static_cast<int64_t>((word >> 33) % 17);
  return *Scalar::FromInt(dtype, ir::IsSigned(dtype) ? small - 8 : small);
}

Scalar SpecialFloat(DType dtype, uint64_t word) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr double kValues[] = {kInf,   -kInf, std::numeric_limits<double>::quiet_NaN(),
                                0.0,    -0.0,  1.0,
                                -1.0,   0.5,   100.0,
                                -100.0, 1e-3,  7.5e4,
                                -3e38,  88.0,  -104.0,
                                709.0};
  constexpr size_t kTable = std::size(kValues);
  size_t pick = word % (kTable + 3);
  if (pick < kTable) {
    // What is too large for f16 becomes infinite there.
    return Scalar::FromDouble(dtype, kValues[pick]).value_or(*Scalar::FromDouble(dtype, kInf));
  }
  int bits = ir::BitsOf(dtype);
  uint64_t sign = (word >> 40 & 1) << (bits - 1);
  if (pick == kTable) return {dtype, sign | 1};                        // the least denormal
  if (pick == kTable + 1) return {dtype, sign | (word >> 42 & 0x3f)};  // a small denormal
  return {dtype, word & (bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1)};
}

Scalar SpecialInteger(DType dtype, uint64_t word) {
  int bits = ir::BitsOf(dtype);
  uint64_t mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
  const uint64_t values[] = {0, 1, mask, mask >> 1, (mask >> 1) + 1, mask - 1, word >> 8 & mask};
  return {dtype, values[word % std::size(values)]};
}

Scalar Special(DType dtype, uint64_t word) {
  if (dtype == DType::kBool) return Scalar::FromBool(word & 1);
  return ir::IsFloat(dtype) ? SpecialFloat(dtype, word) : SpecialInteger(dtype, word);
}

Scalar Infinite(DType dtype, uint64_t word) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const double values[] = {kInf, -kInf, std::numeric_limits<double>::quiet_NaN()};
  return *Scalar::FromDouble(dtype, values[word % 3]);
}

}  // namespace

std::string_view NameOf(RandomKind kind) {
  switch (kind) {
    case RandomKind::kTypical:
      return "typical";
    case RandomKind::kSpecial:
      return "special";
    case RandomKind::kInfinite:
      return "infinite";
  }
  return "?";
}

void FillRandom(RandomKind kind, uint64_t seed, DType dtype, int64_t n, void* data) {
  SplitMix64 random(seed);
  auto* bytes = static_cast<char*>(data);
  for (int64_t i = 0; i < n; ++i) {
    uint64_t word = random.Next();
    uint64_t choice = random.Next() & 3;
    Scalar scalar = Typical(dtype, word);
    if (kind == RandomKind::kSpecial && choice < 2) scalar = Special(dtype, word);
    if (kind == RandomKind::kInfinite && choice == 0 && ir::IsFloat(dtype)) {
      scalar = Infinite(dtype, word);
    }
    scalar.Store(bytes + i * ir::BytesOf(dtype));
  }
}

}  // namespace gcomp::filetest
