// Ops on sizes, ops whose results are as large as the data say, and ops that give a tensor other
// storage.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using ir::DType;

// The indices at which picked(index) holds.
template <class F>
std::vector<Sizes> IndicesWhere(const Sizes& sizes, F picked) {
  std::vector<Sizes> indices;
  ForEach(sizes, [&](const Sizes& index) {
    if (picked(index)) indices.push_back(index);
  });
  return indices;
}

StatusOr<Tensors> Nonzero(const Call& call) {
  const Tensor& x = call.operand(0);
  const std::vector<Sizes> indices =
      IndicesWhere(x.sizes, [&](const Sizes& index) { return !(At(x, index) == 0); });
  const auto rank = static_cast<int64_t>(x.sizes.size());
  return One(
      Generate(DType::kI64, {static_cast<int64_t>(indices.size()), rank}, [&](const Sizes& at) {
        const Sizes& index = indices[static_cast<size_t>(at[0])];
        return static_cast<Number>(index[static_cast<size_t>(at[1])]);
      }));
}

StatusOr<Tensors> MaskedSelect(const Call& call) {
  const Tensor& x = call.operand(0);
  const Tensor& mask = call.operand(1);
  const Sizes both[] = {x.sizes, mask.sizes};
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, BroadcastSizes(call, both));
  Tensor y = {x.dtype, {}, {}};
  for (const Sizes& index :
       IndicesWhere(sizes, [&](const Sizes& at) { return AtBroadcast(mask, at) != 0; })) {
    y.data.push_back(AtBroadcast(x, index));
  }
  y.sizes = {static_cast<int64_t>(y.data.size())};
  return One(std::move(y));
}

// True if neither comes before the other in the order of sort.
bool Equal(Number a, Number b) {
  return !LessInOrder(a, b) && !LessInOrder(b, a);
}

StatusOr<Tensors> Unique(const Call& call) {
  const Tensor& x = call.operand(0);
  Tensor values = {x.dtype, {}, {}};
  for (Number element : x.data) {
    // Before the first that is not less; the one that came first stays.
    auto place = std::lower_bound(values.data.begin(), values.data.end(), element, LessInOrder);
    if (place == values.data.end() || !Equal(*place, element)) values.data.insert(place, element);
  }
  const auto count = static_cast<int64_t>(values.data.size());
  values.sizes = {count};
  Tensor inverse = {DType::kI64, x.sizes, {}};
  Tensor counts = {DType::kI64, {count}, std::vector<Number>(values.data.size(), 0)};
  for (Number element : x.data) {
    auto place = std::find_if(values.data.begin(), values.data.end(),
                              [&](Number value) { return Equal(value, element); });
    const auto which = static_cast<size_t>(place - values.data.begin());
    inverse.data.push_back(static_cast<Number>(which));
    counts.data[which] += 1;
  }
  return Tensors{std::move(values), std::move(inverse), std::move(counts)};
}

// The kind of result 0; a tensor if it is not told.
ir::Type::Kind ResultKind(const Call& call) {
  if (call.op.results.empty()) return ir::Type::Kind::kTensor;
  return call.function.value(call.op.results[0]).type.kind();
}

// A value of the host has the dtype of its kind.
StatusOr<Tensors> Item(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_RETURN_IF_ERROR(call.Require(x.data.size() == 1, "x has not one element"));
  const ir::Type::Kind kind = ResultKind(call);
  const DType dtype = kind == ir::Type::Kind::kFloat  ? DType::kF64
                      : kind == ir::Type::Kind::kFlag ? DType::kBool
                                                      : DType::kI64;
  if (dtype == DType::kI64 && x.data[0] >= 0x1p63L) {
    return call.Fail(ErrorId::E401, "x does not fit 64 bits with sign");
  }
  return One({dtype, {}, {x.data[0]}});
}

StatusOr<Tensors> SymValue(const Call& call) {
  const bool is_flag = ResultKind(call) == ir::Type::Kind::kFlag;
  const auto value = static_cast<Number>(call.attrs.Int("value", 0));
  return One({is_flag ? DType::kBool : DType::kI64, {}, {value}});
}

StatusOr<Tensors> SymCheck(const Call& call) {
  if (call.attrs.Int("pred", 0) == 0) return call.Fail(ErrorId::E401, "pred does not hold");
  return Tensors();
}

StatusOr<Tensors> SymRefine(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, call.ResultSizes());
  if (sizes != x.sizes) return call.Fail(ErrorId::E401, "the sizes are not those of x");
  return One(x);
}

StatusOr<Tensors> SetHandle(const Call& call) {
  return One(call.operand(1));
}

StatusOr<Tensors> Resize(const Call& call) {
  const Tensor& x = call.operand(0);
  Tensor y = {x.dtype, call.attrs.Ints("shape").value_or(Sizes()), x.data};
  y.data.resize(static_cast<size_t>(Count(y.sizes)), 0);
  return One(std::move(y));
}

constexpr OpEntry kOps[] = {
    {"nonzero", Nonzero},      {"masked_select", MaskedSelect},
    {"unique", Unique},        {"item", Item},
    {"sym.value", SymValue},   {"sym.check", SymCheck},
    {"sym.refine", SymRefine}, {"set_", SetHandle},
    {"resize_", Resize},
};

}  // namespace

std::span<const OpEntry> DynamicOps() {
  return kOps;
}

}  // namespace gcomp::reference
