#include "ir/kernel.h"

#include <algorithm>
#include <optional>

#include "base/format.h"

namespace gcomp::ir {
namespace {

// Of a tensor. So few that a kernel may count some 8-byte elements of scratch for each of its
// elements without a thought of 64 bits.
constexpr int64_t kMaxElements = int64_t{1} << 56;

StatusOr<int64_t> Bind(const Expr& expr, std::span<const int64_t> symbols, std::string_view what) {
  std::optional<int64_t> value = expr.Evaluate(symbols);
  if (!value) {
    return Status(ErrorId::E503, Format("{} is not known or overflows 64 bits", what));
  }
  if (*value < 0) return Status(ErrorId::E503, Format("{} is negative: {}", what, *value));
  return *value;
}

// A host value in the form of a tensor.
TensorSpec HostSpec(DType dtype, std::vector<int64_t> sizes = {}) {
  TensorSpec spec;
  spec.dtype = dtype;
  spec.strides = ContiguousStrides(sizes);
  spec.sizes = std::move(sizes);
  return spec;
}

// Elements between the first and the one past the last, or nullopt on overflow.
std::optional<int64_t> SpanElements(const TensorSpec& spec) {
  int64_t span = 1;
  for (size_t d = 0; d < spec.sizes.size(); ++d) {
    if (spec.sizes[d] == 0) return 0;
    int64_t reach = 0;
    if (__builtin_mul_overflow(spec.sizes[d] - 1, spec.strides[d], &reach) ||
        __builtin_add_overflow(span, reach, &span)) {
      return std::nullopt;
    }
  }
  return span;
}

}  // namespace

int64_t TensorSpec::NumElements() const {
  // Before multiplying: an empty tensor's other sizes may overflow.
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return 0;
  int64_t elements = 1;
  for (int64_t size : sizes) elements *= size;
  return elements;
}

bool TensorSpec::IsContiguous() const {
  if (NumElements() == 0) return true;
  int64_t expected = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    if (sizes[d] != 1 && strides[d] != expected) return false;
    expected *= sizes[d];
  }
  return true;
}

bool TensorSpec::SameLayout(const TensorSpec& other) const {
  if (dtype != other.dtype || sizes != other.sizes) return false;
  if (strides == other.strides || NumElements() == 0) return true;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] != 1 && strides[d] != other.strides[d]) return false;
  }
  return true;
}

int64_t TensorSpec::SpanBytes() const {
  return SpanElements(*this).value_or(0) * BytesOf(dtype);
}

std::string TensorSpec::ToString() const {
  std::string text = std::string(NameOf(dtype)) + "[";
  for (size_t d = 0; d < sizes.size(); ++d) {
    text += (d == 0 ? "" : ", ") + std::to_string(sizes[d]);
  }
  return text + "]";
}

std::vector<int64_t> ContiguousStrides(std::span<const int64_t> sizes) {
  std::vector<int64_t> strides(sizes.size());
  int64_t stride = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    strides[d] = stride;
    // An empty tensor's strides are never used; wrapping keeps hostile sizes harmless.
    stride = static_cast<int64_t>(static_cast<uint64_t>(stride) * static_cast<uint64_t>(sizes[d]));
  }
  return strides;
}

Status CheckBytes(const TensorSpec& spec) {
  int64_t elements = 1;
  bool over = false;
  for (int64_t size : spec.sizes) {
    if (size != 0) over = over || __builtin_mul_overflow(elements, size, &elements);
  }
  std::optional<int64_t> span = SpanElements(spec);
  if (over || elements > kMaxElements || !span || *span > kMaxElements) {
    return Status(ErrorId::E802, Format("{} exceeds 2^56 elements", spec.ToString()));
  }
  return {};
}

Status Kernel::RunDynamic(const KernelArgs& /*args*/, DynamicResults& /*out*/) const {
  return Status(ErrorId::E999, "a kernel that defines no sizes was asked to");
}

StatusOr<TensorSpec> BindType(const Type& type, std::span<const int64_t> symbols) {
  switch (type.kind()) {
    case Type::Kind::kInt:
      return HostSpec(DType::kI64);
    case Type::Kind::kFloat:
      return HostSpec(DType::kF64);
    case Type::Kind::kFlag:
      return HostSpec(DType::kBool);
    case Type::Kind::kRng:
      return HostSpec(DType::kU64, {2});
    case Type::Kind::kToken:
    case Type::Kind::kNone:
      return HostSpec(DType::kU8, {0});
    case Type::Kind::kTensor:
      break;
  }
  if (!kRealDTypes.Has(type.dtype())) {
    return Status(ErrorId::E511, Format("dtype {} is not run by this build", NameOf(type.dtype())));
  }
  TensorSpec spec;
  spec.dtype = type.dtype();
  for (const Expr& dim : type.dims()) {
    GCOMP_ASSIGN_OR_RETURN(int64_t size, Bind(dim, symbols, "a size"));
    spec.sizes.push_back(size);
  }
  const Layout& layout = type.layout();
  if (layout.kind == Layout::Kind::kPacked || layout.kind == Layout::Kind::kUnknown) {
    return Status(ErrorId::E511,
                  layout.kind == Layout::Kind::kPacked
                      ? "packed layouts are not run by this build"
                      : "strides that are known only at run time are not run by this build");
  }
  if (layout.kind == Layout::Kind::kContiguous) {
    spec.strides = ContiguousStrides(spec.sizes);
  } else {
    for (const Expr& expr : layout.strides) {
      GCOMP_ASSIGN_OR_RETURN(int64_t stride, Bind(expr, symbols, "a stride"));
      spec.strides.push_back(stride);
    }
    GCOMP_ASSIGN_OR_RETURN(spec.offset, Bind(layout.offset, symbols, "a storage offset"));
  }
  GCOMP_RETURN_IF_ERROR(CheckBytes(spec));
  return spec;
}

}  // namespace gcomp::ir
