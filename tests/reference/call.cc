#include "tests/reference/call.h"

#include <algorithm>

#include "base/format.h"

namespace gcomp::reference {
namespace {

// The number of an attribute: an integer or size, a float, a bool, an element of some dtype.
std::optional<Number> NumberIn(const ir::AttrValue& value, std::span<const int64_t> symbols) {
  if (const auto* size = value.As<ir::Expr>()) {
    std::optional<int64_t> number = size->Evaluate(symbols);
    if (number.has_value()) return static_cast<Number>(*number);
  }
  if (const auto* number = value.As<double>()) return *number;
  if (const auto* flag = value.As<bool>()) return *flag;
  if (const auto* scalar = value.As<ir::Scalar>()) return NumberOf(*scalar);
  return std::nullopt;
}

}  // namespace

int64_t Attributes::Int(std::string_view name, int64_t fallback) const {
  std::optional<Number> number = NumberIn(Raw(name), symbols_);
  return number.has_value() ? static_cast<int64_t>(*number) : fallback;
}

Number Attributes::Float(std::string_view name, Number fallback) const {
  // An element of some dtype, or a whole number, stands for itself.
  const bool exact = Raw(name).As<ir::Scalar>() != nullptr || Raw(name).As<ir::Expr>() != nullptr;
  const Number x = NumberIn(Raw(name), symbols_).value_or(fallback);
  return exact ? x : Rounded(compute_, x);
}

bool Attributes::Bool(std::string_view name, bool fallback) const {
  return Int(name, fallback ? 1 : 0) != 0;
}

std::string Attributes::String(std::string_view name, std::string fallback) const {
  const auto* text = Raw(name).As<std::string>();
  return text == nullptr ? fallback : *text;
}

std::optional<Sizes> Attributes::Ints(std::string_view name) const {
  const auto* list = Raw(name).As<ir::AttrList>();
  if (list == nullptr) return std::nullopt;
  Sizes numbers;
  for (const ir::AttrValue& item : *list) {
    numbers.push_back(static_cast<int64_t>(NumberIn(item, symbols_).value_or(0)));
  }
  return numbers;
}

const Tensor* Call::Find(std::string_view name) const {
  const int group = op.def->OperandIndex(name);
  if (group < 0) return nullptr;
  const size_t first = op.group_begin[static_cast<size_t>(group)];
  const size_t end = op.group_begin[static_cast<size_t>(group) + 1];
  return first == end ? nullptr : &operands[first];
}

ir::DType Call::result_dtype(size_t i) const {
  return function.value(op.results[i]).type.dtype();
}

StatusOr<Sizes> Call::ResultSizes(size_t i) const {
  Sizes sizes;
  for (const ir::Expr& dim : function.value(op.results[i]).type.dims()) {
    std::optional<int64_t> size = dim.Evaluate(symbols);
    GCOMP_RETURN_IF_ERROR(Require(size.has_value() && *size >= 0, "a size is not known"));
    sizes.push_back(*size);
  }
  return sizes;
}

Status Call::Fail(ErrorId id, std::string_view what) const {
  return Status(id, Format("{}: {}", op.def->name, what));
}

StatusOr<size_t> Call::Axis(int64_t axis, size_t rank) const {
  const int64_t n = static_cast<int64_t>(rank);
  if (axis < -n || axis >= n) {
    return Fail(ErrorId::E508, Format("axis {} of {} axes", axis, rank));
  }
  return static_cast<size_t>(axis < 0 ? axis + n : axis);
}

StatusOr<std::vector<size_t>> Call::Axes(std::string_view attr, size_t rank) const {
  std::vector<size_t> axes;
  if (std::optional<Sizes> written = attrs.Ints(attr)) {
    for (int64_t axis : *written) {
      GCOMP_ASSIGN_OR_RETURN(size_t d, Axis(axis, rank));
      axes.push_back(d);
    }
    std::sort(axes.begin(), axes.end());
    return axes;
  }
  for (size_t d = 0; d < rank; ++d) axes.push_back(d);
  return axes;
}

Status Call::Require(bool condition, std::string_view what) const {
  return condition ? Status() : Fail(ErrorId::E504, what);
}

int64_t Count(const Sizes& sizes) {
  int64_t n = 1;
  for (int64_t size : sizes) n *= size;
  return n;
}

void Advance(const Sizes& sizes, Sizes& index) {
  for (size_t d = sizes.size(); d-- > 0;) {
    if (++index[d] < sizes[d]) return;
    index[d] = 0;
  }
}

Number AtBroadcast(const Tensor& x, const Sizes& index) {
  const size_t added = index.size() - x.sizes.size();
  Sizes at(x.sizes.size());
  for (size_t d = 0; d < at.size(); ++d) at[d] = x.sizes[d] == 1 ? 0 : index[added + d];
  return At(x, at);
}

StatusOr<Sizes> BroadcastSizes(const Call& call, std::span<const Sizes> all) {
  size_t rank = 0;
  for (const Sizes& sizes : all) rank = std::max(rank, sizes.size());
  Sizes common(rank, 1);
  for (const Sizes& sizes : all) {
    for (size_t d = 0; d < sizes.size(); ++d) {
      int64_t& size = common[rank - sizes.size() + d];
      GCOMP_RETURN_IF_ERROR(call.Require(size == sizes[d] || size == 1 || sizes[d] == 1,
                                         Format("sizes {} and {} meet", size, sizes[d])));
      if (size == 1) size = sizes[d];
    }
  }
  return common;
}

}  // namespace gcomp::reference
