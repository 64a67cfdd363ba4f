// Tensors out of nothing, or of one number.
#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using ir::DType;

Tensor Filled(DType dtype, Sizes sizes, Number value) {
  return Generate(dtype, std::move(sizes), [=](const Sizes&) { return value; });
}

// The numbers of `v` (one or a list), or `splat`.
StatusOr<Tensors> Const(const Call& call) {
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, call.ResultSizes());
  if (call.attrs.Has("splat")) {
    return One(Filled(call.result_dtype(), sizes, call.attrs.Float("splat", 0)));
  }
  Tensor y = {call.result_dtype(), sizes, {}};
  if (const auto* list = call.attrs.Raw("v").As<ir::AttrList>()) {
    for (const ir::AttrValue& item : *list) {
      const auto* number = item.As<ir::Scalar>();
      GCOMP_RETURN_IF_ERROR(call.Require(number != nullptr, "v holds something else"));
      y.data.push_back(NumberOf(*number));
    }
  } else {
    y.data.push_back(call.attrs.Float("v", 0));
  }
  GCOMP_RETURN_IF_ERROR(
      call.Require(call.attrs.Has("v") && static_cast<int64_t>(y.data.size()) == Count(y.sizes),
                   "v does not fill the result"));
  return One(std::move(y));
}

StatusOr<Tensors> Iota(const Call& call) {
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, call.ResultSizes());
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), sizes.size()));
  const DType dtype = call.result_dtype();
  return One(Generate(dtype, sizes, [&](const Sizes& index) {
    return Cast(DType::kI64, dtype, static_cast<Number>(index[axis]));
  }));
}

StatusOr<Tensors> Full(const Call& call) {
  const Tensor& v = call.operand(0);
  GCOMP_RETURN_IF_ERROR(call.Require(v.data.size() == 1, "v is not one number"));
  return One(Filled(v.dtype, call.attrs.Ints("shape").value_or(Sizes()), v.data[0]));
}

// Contents of `empty` are not specified; whoever compares leaves them out.
StatusOr<Tensors> Empty(const Call& call) {
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, call.ResultSizes());
  return One(Filled(call.result_dtype(), sizes, 0));
}

StatusOr<Tensors> Fill(const Call& call) {
  const Tensor& v = call.operand(1);
  GCOMP_RETURN_IF_ERROR(call.Require(v.data.size() == 1, "v is not one number"));
  return One(Filled(call.operand(0).dtype, call.operand(0).sizes, v.data[0]));
}

StatusOr<Tensors> Zero(const Call& call) {
  return One(Filled(call.operand(0).dtype, call.operand(0).sizes, 0));
}

constexpr OpEntry kOps[] = {
    {"const", Const}, {"iota", Iota}, {"full", Full},
    {"empty", Empty}, {"fill", Fill}, {"zero", Zero},
};

}  // namespace

std::span<const OpEntry> CreationOps() {
  return kOps;
}

}  // namespace gcomp::reference
