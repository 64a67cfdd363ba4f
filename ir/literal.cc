#include "ir/literal.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "base/format.h"

namespace gcomp::ir {
namespace {

// The power of ten of the first digit that is not 0; 0 for zero. Tells overflow from underflow.
int64_t DecimalExponent(std::string_view text) {
  constexpr int64_t kFar = int64_t{1} << 40;
  size_t e = text.find_first_of("eE");
  std::string_view digits = text.substr(0, e);
  int64_t exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view written = text.substr(e + 1);
    bool negative = written.starts_with('-');
    if (negative || written.starts_with('+')) written.remove_prefix(1);
    auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), exponent);
    if (error != std::errc() || exponent > kFar) exponent = kFar;
    if (negative) exponent = -exponent;
  }
  size_t point = std::min(digits.find('.'), digits.size());
  size_t first = digits.find_first_of("123456789");
  if (first == std::string_view::npos) return 0;
  int64_t place = first < point ? static_cast<int64_t>(point - first) - 1
                                : static_cast<int64_t>(point) - static_cast<int64_t>(first);
  return exponent + place;
}

// The nearest T; infinity where it overflows, 0 where it underflows.
template <class T>
T ParseDecimal(std::string_view text) {
  T value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return DecimalExponent(text) > 0 ? std::numeric_limits<T>::infinity() : T(0);
  }
  return value;
}

Status NotIn(const Number& number, DType dtype, std::string_view why) {
  return Status(ErrorId::E504,
                Format("{} is not a value of {}: {}", number.ToString(), NameOf(dtype), why));
}

StatusOr<Scalar> FromDigits(const Number& number, DType dtype) {
  // f32 from its own digits: by way of f64 it would be rounded twice.
  double value = dtype == DType::kF32 ? static_cast<double>(ParseDecimal<float>(number.text))
                                      : ParseDecimal<double>(number.text);
  if (std::isinf(value)) return NotIn(number, dtype, "it is too large; write inf for infinity");
  std::optional<Scalar> scalar = Scalar::FromDouble(dtype, number.negative ? -value : value);
  if (!scalar.has_value()) {
    return NotIn(number, dtype,
                 IsInteger(dtype) ? "it is no integer in the range of the dtype"
                                  : "the dtype has no literals");
  }
  if (IsFloat(dtype) && BitsOf(dtype) < 32 && std::isinf(scalar->ToDouble())) {
    return NotIn(number, dtype, "it is too large; write inf for infinity");
  }
  return *scalar;
}

StatusOr<Scalar> FromInteger(const Number& number, DType dtype) {
  constexpr uint64_t kSignBit = uint64_t{1} << 63;
  std::optional<Scalar> scalar;
  if (!number.negative) {
    scalar = Scalar::FromUInt(dtype, number.magnitude);
  } else if (number.magnitude <= kSignBit) {
    scalar = Scalar::FromInt(dtype, static_cast<int64_t>(~number.magnitude + 1));
  }
  if (!scalar.has_value()) return NotIn(number, dtype, "it is out of the range of the dtype");
  if (IsFloat(dtype) && std::isinf(scalar->ToDouble())) {
    return NotIn(number, dtype, "it is too large; write inf for infinity");
  }
  return *scalar;
}

}  // namespace

std::string Number::ToString() const {
  std::string_view sign = negative ? "-" : "";
  switch (kind) {
    case Kind::kInt:
      return Format("{}{}", sign, magnitude);
    case Kind::kFloat:
      return Format("{}{}", sign, text);
    case Kind::kInfinity:
      return Format("{}inf", sign);
    case Kind::kNan:
      return "nan";
    case Kind::kBits:
      return Format("bits(0x{:x})", magnitude);
    case Kind::kBool:
      return magnitude != 0 ? "true" : "false";
  }
  return {};
}

StatusOr<Scalar> ScalarOf(const Number& number, DType dtype) {
  using Kind = Number::Kind;
  DTypeKind dtype_kind = InfoOf(dtype).kind;
  if (dtype_kind == DTypeKind::kComplex) return NotIn(number, dtype, "complex has no literals");
  if (dtype_kind == DTypeKind::kBool && number.kind != Kind::kBool) {
    return NotIn(number, dtype, "write true or false");
  }
  switch (number.kind) {
    case Kind::kBool:
      if (dtype_kind != DTypeKind::kBool) return NotIn(number, dtype, "write a number");
      return Scalar::FromBool(number.magnitude != 0);
    case Kind::kInt:
      return FromInteger(number, dtype);
    case Kind::kFloat:
      return FromDigits(number, dtype);
    case Kind::kInfinity:
    case Kind::kNan: {
      constexpr double kInf = std::numeric_limits<double>::infinity();
      double value = number.kind == Kind::kNan ? std::numeric_limits<double>::quiet_NaN()
                     : number.negative         ? -kInf
                                               : kInf;
      if (!IsFloat(dtype)) return NotIn(number, dtype, "only floats have it");
      std::optional<Scalar> scalar = Scalar::FromDouble(dtype, value);
      if (!scalar.has_value()) return NotIn(number, dtype, "the dtype does not have it");
      return *scalar;
    }
    case Kind::kBits:
      if (!IsFloat(dtype)) return NotIn(number, dtype, "bits are for floats");
      if (BitsOf(dtype) < 64 && (number.magnitude >> BitsOf(dtype)) != 0) {
        return NotIn(number, dtype, Format("it has more than {} bits", BitsOf(dtype)));
      }
      return Scalar{dtype, number.magnitude};
  }
  return NotIn(number, dtype, "it is no number");
}

std::optional<DType> LiteralDType(const Function& function, const Op& op, size_t group) {
  const OpDef& def = *op.def;
  if (group >= def.operands.size() || op.group_begin.size() != def.operands.size() + 1) {
    return std::nullopt;
  }
  const DTypeSet allowed = def.operands[group].dtypes;
  if (allowed.Count() == 1) return allowed.First();
  std::optional<DType> second_choice;
  bool only_literals = true;
  for (size_t g = 0; g < def.operands.size(); ++g) {
    const DTypeSet there = def.operands[g].dtypes;
    for (ValueId id : function.Group(op, g)) {
      const Value& value = function.value(id);
      if (value.kind == Value::Kind::kLiteral) continue;
      only_literals = false;
      if (!value.type.is_tensor()) continue;
      DType dtype = value.type.dtype();
      if (!allowed.Has(dtype)) continue;
      if (there == allowed) return dtype;
      if (there.Count() > 1 && !second_choice.has_value()) second_choice = dtype;
    }
  }
  if (only_literals && def.regions.empty() && !def.has_callee && !op.results.empty()) {
    const Type& result = function.value(op.results[0]).type;
    if (result.is_tensor() && allowed.Has(result.dtype())) return result.dtype();
  }
  return second_choice;
}

}  // namespace gcomp::ir
