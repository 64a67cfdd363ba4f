// Numbers of every dtype in long double: rounding, wrapping, sums, comparison with tolerance.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <span>

#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using ir::DType;
using ir::DTypeKind;

static_assert(LDBL_MANT_DIG >= 64, "a long double must hold every 64-bit integer");

// A binary floating-point format: p digits, exponents of the least normal and greatest numbers.
struct Format {
  int digits;
  int least_exponent;  // least normal = 2^least_exponent
  int greatest_exponent;

  Number greatest() const {
    return std::ldexp(2 - std::ldexp(Number(1), 1 - digits), greatest_exponent);
  }

  // The exponent of the last place of numbers like x.
  int LastPlace(Number x) const {
    const int exponent = x == 0 ? least_exponent : std::ilogb(x);
    return std::clamp(exponent, least_exponent, greatest_exponent) - (digits - 1);
  }
};

Format FormatOf(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return {11, -14, 15};
    case DType::kBF16:
      return {8, -126, 127};
    case DType::kF32:
      return {24, -126, 127};
    default:
      return {53, -1022, 1023};
  }
}

Number RoundedToFloat(const Format& format, Number x) {
  if (!std::isfinite(x) || x == 0) return x;
  const int place = format.LastPlace(x);
  // The scaled number is exact: its own last place is at least 2^-64 below 1, or it is below half.
  const Number y = std::ldexp(std::nearbyint(std::ldexp(x, -place)), place);
  if (std::fabs(y) <= format.greatest()) return y;
  return std::copysign(std::numeric_limits<Number>::infinity(), x);
}

Number RoundedToInteger(DType dtype, Number x) {
  if (std::isnan(x)) return 0;
  const int bits = ir::BitsOf(dtype) - (ir::IsSigned(dtype) ? 1 : 0);
  const Number low = ir::IsSigned(dtype) ? -std::ldexp(Number(1), bits) : Number(0);
  const Number high = std::ldexp(Number(1), bits) - 1;
  const Number y = std::trunc(std::clamp(x, low, high));
  return y == 0 ? 0 : y;  // integers have no -0
}

bool SameBits(Number a, Number b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b && std::signbit(a) == std::signbit(b);
}

Number GreatestFinite(std::span<const Number> numbers, Number so_far) {
  for (Number x : numbers) {
    if (std::isfinite(x)) so_far = std::max(so_far, std::fabs(x));
  }
  return so_far;
}

}  // namespace

Number Rounded(DType dtype, Number x) {
  if (ir::IsFloat(dtype)) return RoundedToFloat(FormatOf(dtype), x);
  if (dtype == DType::kBool) return x != 0;
  return RoundedToInteger(dtype, x);
}

Number UlpAt(DType dtype, Number x) {
  const Format format = FormatOf(dtype);
  const Number finite = std::isfinite(x) ? x : format.greatest();
  return std::ldexp(Number(1), format.LastPlace(finite));
}

Number Wrapped(DType dtype, Wide x) {
  if (dtype == DType::kBool) return x != 0;
  const Wide mask = (Wide(1) << ir::BitsOf(dtype)) - 1;
  const Wide low = x & mask;
  if (ir::IsSigned(dtype) && (low >> (ir::BitsOf(dtype) - 1)) != 0) {
    return -static_cast<Number>(mask - low + 1);
  }
  return static_cast<Number>(low);
}

Number NumberOf(ir::Scalar scalar) {
  if (ir::IsFloat(scalar.dtype)) return scalar.ToDouble();
  if (ir::IsSigned(scalar.dtype)) return static_cast<Number>(scalar.ToInt());
  return static_cast<Number>(scalar.bits);
}

ir::Scalar ScalarOf(DType dtype, Number x) {
  const Number y = Rounded(dtype, x);
  if (ir::IsFloat(dtype)) {
    // Exact: y is a number of dtype.
    return ir::Scalar::FromDouble(dtype, static_cast<double>(y)).value_or(ir::Scalar{dtype, 0});
  }
  const Wide mask = (Wide(1) << ir::BitsOf(dtype)) - 1;
  return {dtype, static_cast<uint64_t>(WideOf(y) & mask)};
}

Tensor Load(const ir::TensorSpec& spec, const void* data) {
  return Generate(spec.dtype, spec.sizes, [&](const Sizes& index) {
    int64_t at = 0;
    for (size_t d = 0; d < index.size(); ++d) at += index[d] * spec.strides[d];
    const char* element = static_cast<const char*>(data) + at * ir::BytesOf(spec.dtype);
    return NumberOf(ir::Scalar::Load(spec.dtype, element));
  });
}

std::optional<Mismatch> Compare(const ir::OpDef& def, std::span<const Tensor> operands,
                                const Tensor& got, const Tensor& want) {
  const Number infinity = std::numeric_limits<Number>::infinity();
  if (got.dtype != want.dtype || got.sizes != want.sizes || got.data.size() != want.data.size()) {
    return Mismatch{-1, 0, 0, static_cast<double>(infinity)};
  }
  const bool is_float = ir::IsFloat(want.dtype);
  const bool exact = !is_float || (def.tolerance.ulp == 0 && def.tolerance.rtol == 0);
  Number magnitude = GreatestFinite(want.data, want.largest_term);
  for (const Tensor& operand : operands) magnitude = GreatestFinite(operand.data, magnitude);
  for (size_t i = 0; i < want.data.size(); ++i) {
    const Number g = got.data[i];
    const Number w = want.data[i];
    const Number rounded = Rounded(want.dtype, w);
    if (SameBits(g, rounded) || (i < want.undetermined.size() && want.undetermined[i])) continue;
    const Number ulp = is_float ? UlpAt(want.dtype, w) : Number(1);
    Number error = infinity;
    if (!std::isnan(g) && !std::isnan(w) && !std::isinf(w)) {
      error = std::fabs(g - w);
      if (std::isinf(g) && (g > 0) == (w > 0)) {
        // From half a unit past the greatest number on, all rounds to infinity.
        const Number greatest = FormatOf(want.dtype).greatest();
        error = std::max<Number>(0, greatest + UlpAt(want.dtype, greatest) / 2 - std::fabs(w));
      }
    }
    const Number allowed =
        std::max<Number>(def.tolerance.ulp * ulp, def.tolerance.rtol * magnitude);
    if (exact || !(error <= allowed)) {
      return Mismatch{static_cast<int64_t>(i), g, rounded, static_cast<double>(error / ulp)};
    }
  }
  return std::nullopt;
}

// ---- Sums, order --------------------------------------------------------------------------------

void Sum::AddProduct(Number a, Number b) {
  if (!ir::IsFloat(dtype_)) {
    whole_ += WideOf(a) * WideOf(b);
    return;
  }
  const Number term = a * b;
  sum_ += term;
  if (std::isfinite(term)) largest_ = std::max(largest_, std::fabs(term));
}

Number Sum::Result() const {
  return ir::IsFloat(dtype_) ? sum_ : Wrapped(dtype_, whole_);
}

void Factors::Add(Number x) {
  const Number magnitude = std::fabs(x);
  if (magnitude > 1) large_ *= magnitude;
  if (magnitude < 1 && magnitude != 0) small_ *= magnitude;
}

bool Factors::InRange(DType dtype) const {
  if (!ir::IsFloat(dtype)) return true;
  const Format format = FormatOf(ComputeDType(dtype));
  return large_ <= format.greatest() && small_ >= std::ldexp(Number(1), format.least_exponent);
}

void NoteTerm(Tensor& y, Number term) {
  if (std::isfinite(term)) y.largest_term = std::max(y.largest_term, std::fabs(term));
}

Number Cast(DType from, DType to, Number x) {
  if (ir::IsInteger(to) && !ir::IsFloat(from)) return Wrapped(to, WideOf(x));
  return Rounded(to, x);
}

Number RoundedQuotient(DType dtype, Number a, Number b) {
  if (dtype == DType::kF64) return static_cast<double>(a) / static_cast<double>(b);
  return static_cast<float>(a) / static_cast<float>(b);
}

bool LessInOrder(Number a, Number b) {
  if (std::isnan(b)) return !std::isnan(a);
  return a < b;
}

Number Minimum(Number a, Number b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<Number>::quiet_NaN();
  if (a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

Number Maximum(Number a, Number b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<Number>::quiet_NaN();
  if (a == b) return std::signbit(a) ? b : a;
  return a < b ? b : a;
}

}  // namespace gcomp::reference
