#include "tools/run/generate.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/format.h"
#include "frontends/weights/weight_table.h"
#include "ir/scalar_value.h"

namespace gcomp::tools {
namespace {

using ir::Scalar;

// Bits of a float's significand, the hidden one included.
int SignificantBits(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return 11;
    case DType::kBF16:
      return 8;
    case DType::kF32:
      return 24;
    default:
      return 53;
  }
}

// Calls write(element address, random word) for each element in row-major order.
template <class Write>
void Fill(const Tensor& tensor, uint64_t seed, Write write) {
  std::mt19937_64 random(seed);
  auto* data = static_cast<std::byte*>(tensor.data());
  int64_t bytes = ir::BytesOf(tensor.dtype());
  for (int64_t i = 0; i < tensor.NumElements(); ++i) write(data + i * bytes, random());
}

std::optional<Scalar> ParseFloat(DType dtype, std::string_view text) {
  const char* end = text.data() + text.size();
  // A float has its own rounding: by way of a double it would be rounded twice.
  if (dtype == DType::kF32) {
    float value = 0;
    auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end) return std::nullopt;
    return Scalar{dtype, std::bit_cast<uint32_t>(value)};
  }
  double value = 0;
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return Scalar::FromDouble(dtype, value);
}

template <class T>
std::optional<T> ParseInt(std::string_view text) {
  T value = 0;
  auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Scalar> ParseElement(DType dtype, std::string_view text) {
  if (ir::IsFloat(dtype)) return ParseFloat(dtype, text);
  if (dtype == DType::kBool) {
    if (text == "true" || text == "1") return Scalar::FromBool(true);
    if (text == "false" || text == "0") return Scalar::FromBool(false);
    return std::nullopt;
  }
  if (ir::IsSigned(dtype)) {
    std::optional<int64_t> value = ParseInt<int64_t>(text);
    return value ? Scalar::FromInt(dtype, *value) : std::nullopt;
  }
  std::optional<uint64_t> value = ParseInt<uint64_t>(text);
  return value ? Scalar::FromUInt(dtype, *value) : std::nullopt;
}

}  // namespace

StatusOr<Tensor> RandomTensor(DType dtype, const std::vector<int64_t>& sizes, uint64_t seed) {
  if (!ir::kRealDTypes.Has(dtype)) {
    return Status(ErrorId::E511, Format("no random numbers of {} are made", ir::NameOf(dtype)));
  }
  GCOMP_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Empty(dtype, sizes));
  if (dtype == DType::kBool) {
    Fill(tensor, seed, [](std::byte* to, uint64_t u) { *to = static_cast<std::byte>(u >> 63); });
    return tensor;
  }
  if (ir::IsInteger(dtype)) {
    auto bytes = static_cast<size_t>(ir::BytesOf(dtype));
    Fill(tensor, seed, [bytes](std::byte* to, uint64_t u) {
      uint64_t value = u % 10;
      std::memcpy(to, &value, bytes);  // little-endian: the low bytes
    });
    return tensor;
  }
  int bits = SignificantBits(dtype);
  double scale = std::ldexp(1.0, 1 - bits);
  Fill(tensor, seed, [dtype, bits, scale](std::byte* to, uint64_t u) {
    // Exact in every step: the result has `bits` significant bits.
    double value = static_cast<double>(u >> (64 - bits)) * scale - 1;
    if (dtype == DType::kF32) {
      auto narrow = static_cast<float>(value);
      std::memcpy(to, &narrow, sizeof(narrow));
    } else if (dtype == DType::kF64) {
      std::memcpy(to, &value, sizeof(value));
    } else {
      auto half = dtype == DType::kF16 ? ir::FloatToHalf(static_cast<float>(value))
                                       : ir::FloatToBFloat16(static_cast<float>(value));
      std::memcpy(to, &half, sizeof(half));
    }
  });
  return tensor;
}

StatusOr<Tensor> IotaTensor(DType dtype, const std::vector<int64_t>& sizes) {
  if (!ir::kNumericDTypes.Has(dtype)) {
    return Status(ErrorId::E701, Format("iota makes no {}", ir::NameOf(dtype)));
  }
  GCOMP_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Empty(dtype, sizes));
  auto* data = static_cast<std::byte*>(tensor.data());
  for (int64_t i = 0; i < tensor.NumElements(); ++i) {
    std::optional<Scalar> element = Scalar::FromInt(dtype, i);
    if (!element || element->ToInt() != i) {
      return Status(ErrorId::E701, Format("iota: {} does not hold {}", ir::NameOf(dtype), i));
    }
    element->Store(data + i * ir::BytesOf(dtype));
  }
  return tensor;
}

StatusOr<Tensor> TensorFromText(DType dtype, const std::vector<int64_t>& sizes,
                                std::string_view text) {
  constexpr std::string_view kBetween = " ,[]\n\t";
  if (!ir::kRealDTypes.Has(dtype)) {
    return Status(ErrorId::E701, Format("elements of {} can't be written", ir::NameOf(dtype)));
  }
  std::vector<Scalar> elements;
  for (size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;) {
    size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    std::string_view word = text.substr(at, end - at);
    std::optional<Scalar> element = ParseElement(dtype, word);
    if (!element) {
      return Status(ErrorId::E701, Format("'{}' is no element of {}", word, ir::NameOf(dtype)));
    }
    elements.push_back(*element);
    at = text.find_first_not_of(kBetween, end);
  }
  GCOMP_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Empty(dtype, sizes));
  int64_t count = tensor.NumElements();
  if (elements.size() != 1 && static_cast<int64_t>(elements.size()) != count) {
    return Status(ErrorId::E701, Format("{} elements for {}, which takes {}, or 1 for all",
                                        elements.size(), tensor.TypeString(), count));
  }
  auto* data = static_cast<std::byte*>(tensor.data());
  for (int64_t i = 0; i < count; ++i) {
    elements[elements.size() == 1 ? 0 : static_cast<size_t>(i)].Store(data +
                                                                      i * ir::BytesOf(dtype));
  }
  return tensor;
}

StatusOr<std::shared_ptr<const WeightStore>> RandomWeights(const ir::Module& module,
                                                           uint64_t seed) {
  auto tensors = std::make_shared<std::vector<Tensor>>();
  std::vector<Weight> weights;
  std::unordered_set<std::string> names;
  for (const auto& function : module.functions) {
    if (!function->exported) continue;
    for (ir::ValueId id : function->params()) {
      const ir::Value& param = function->value(id);
      if (!param.annotations.weight || !names.insert(*param.annotations.weight).second) continue;
      // What is no tensor of known sizes is told by the session.
      if (!param.type.is_tensor() || !param.type.IsStatic()) continue;
      GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec, ir::BindType(param.type, {}));
      GCOMP_ASSIGN_OR_RETURN(Tensor tensor,
                             RandomTensor(spec.dtype, spec.sizes, seed + weights.size()));
      weights.push_back({*param.annotations.weight, spec.dtype, spec.sizes, tensor.data()});
      tensors->push_back(std::move(tensor));
    }
  }
  return WeightTable::Create(Format("random:{}", seed), std::move(weights), std::move(tensors));
}

}  // namespace gcomp::tools
