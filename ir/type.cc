#include "ir/type.h"

#include <algorithm>
#include <utility>

#include "ir/lexer.h"

namespace gcomp::ir {
namespace {

bool AllConst(const Dims& dims) {
  return std::all_of(dims.begin(), dims.end(), [](const Expr& e) { return e.is_const(); });
}

void Normalize(const Dims& dims, Layout* layout) {
  if (layout->kind != Layout::Kind::kStrided || layout->strides.size() != dims.size()) return;
  Dims contiguous = ContiguousStrides(dims);
  bool empty =
      std::any_of(dims.begin(), dims.end(), [](const Expr& dim) { return dim.IsConst(0); });
  for (size_t i = 0; i < dims.size(); ++i) {
    if (empty || dims[i].IsConst(1)) layout->strides[i] = contiguous[i];
  }
  if (layout->offset.IsConst(0) && layout->strides == contiguous) *layout = Layout();
}

void AppendList(const Dims& dims, const std::function<std::string(SymId)>& name,
                std::string* text) {
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) *text += ", ";
    *text += dims[i].ToString(name);
  }
}

void AppendLayout(const Layout& layout, const std::function<std::string(SymId)>& name,
                  std::string* text) {
  switch (layout.kind) {
    case Layout::Kind::kContiguous:
      return;
    case Layout::Kind::kUnknown:
      *text += "{?}";
      return;
    case Layout::Kind::kPacked:
      *text += "{packed " + Quote(layout.packed) + "}";
      return;
    case Layout::Kind::kStrided:
      break;
  }
  *text += '{';
  AppendList(layout.strides, name, text);
  if (!layout.offset.IsConst(0)) {
    *text += "; offset " + layout.offset.ToString(name);
  }
  *text += '}';
}

}  // namespace

Type Type::Tensor(DType dtype, Dims dims, Layout layout, Device device) {
  Normalize(dims, &layout);
  Type type;
  type.kind_ = Kind::kTensor;
  type.dtype_ = dtype;
  type.dims_ = std::move(dims);
  type.layout_ = std::move(layout);
  type.device_ = std::move(device);
  return type;
}

Type Type::Int(Expr value) {
  Type type;
  type.kind_ = Kind::kInt;
  type.dims_.push_back(std::move(value));
  return type;
}

Dims Type::Strides() const {
  return layout_.kind == Layout::Kind::kStrided ? layout_.strides : ContiguousStrides(dims_);
}

Expr Type::NumElements() const {
  Expr product = 1;
  if (!is_tensor()) return product;
  for (const Expr& dim : dims_) {
    if (dim.IsConst(0)) return 0;  // whatever the others are
    product = Expr::Mul(product, dim);
  }
  return product;
}

bool Type::IsStatic() const {
  return AllConst(dims_) && AllConst(layout_.strides) && layout_.offset.is_const() &&
         layout_.kind != Layout::Kind::kUnknown;
}

Type Type::Substitute(const std::function<Expr(SymId)>& replace) const {
  auto map = [&replace](const Dims& dims) {
    Dims mapped;
    mapped.reserve(dims.size());
    for (const Expr& dim : dims) mapped.push_back(dim.Substitute(replace));
    return mapped;
  };
  Type type = *this;
  type.dims_ = map(dims_);
  type.layout_.strides = map(layout_.strides);
  type.layout_.offset = layout_.offset.Substitute(replace);
  if (is_tensor()) Normalize(type.dims_, &type.layout_);
  return type;
}

std::string Type::ToString(const std::function<std::string(SymId)>& name) const {
  switch (kind_) {
    case Kind::kNone:
      return "none";
    case Kind::kInt:
      return "int<" + value().ToString(name) + ">";
    case Kind::kFloat:
      return "float";
    case Kind::kFlag:
      return "flag";
    case Kind::kRng:
      return "rng";
    case Kind::kToken:
      return "token";
    case Kind::kTensor:
      break;
  }
  std::string text(NameOf(dtype_));
  text += '[';
  AppendList(dims_, name, &text);
  text += ']';
  AppendLayout(layout_, name, &text);
  if (!device_.name.empty()) {
    text += "@" + device_.name;
    if (device_.index >= 0) text += ":" + std::to_string(device_.index);
  }
  return text;
}

Dims ContiguousStrides(const Dims& dims) {
  Dims strides(dims.size());
  Expr stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    if (i > 0) stride = Expr::Mul(stride, dims[i]);
  }
  return strides;
}

}  // namespace gcomp::ir
