#include "frontends/trace/array.h"

#include <bit>
#include <cstring>

#include "base/format.h"
#include "frontends/trace/tracer.h"
#include "ir/scalar_value.h"

namespace gcomp {

using internal::Call1;
using internal::OpCall;
using internal::Tracer;
using ir::Expr;
using ir::Type;

std::string SymInt::ToString() const {
  if (Tracer* tracer = Tracer::Current(); tracer != nullptr) return tracer->Show(expr_);
  return expr_.ToString([](ir::SymId id) { return Format("s{}", id.index()); });
}

SymBool::operator bool() const {
  if (Tracer* tracer = Tracer::Current(); tracer != nullptr) return tracer->Decide(*this);
  return is_const() && expr_.value() != 0;
}

// ---- Making -------------------------------------------------------------------------------------

Array::Array(Tensor tensor) {
  auto rep = std::make_shared<internal::ArrayRep>();
  rep->tensor = std::move(tensor);
  if (rep->tensor.defined()) kind_ = Kind::kConcrete;
  rep_ = std::move(rep);
}

Array::Array(const SymInt& size) {
  if (size.is_const()) {
    SetInt(size.expr().value());
    return;
  }
  auto rep = std::make_shared<internal::ArrayRep>();
  rep->size = size;
  kind_ = Kind::kSize;
  rep_ = std::move(rep);
}

void Array::SetInt(int64_t number) {
  kind_ = Kind::kInt;
  bits_ = static_cast<uint64_t>(number);
}

void Array::SetFloat(double number) {
  kind_ = Kind::kFloat;
  bits_ = std::bit_cast<uint64_t>(number);
}

void Array::SetBool(bool flag) {
  kind_ = Kind::kBool;
  bits_ = flag ? 1 : 0;
}

Array Array::OfType(DType dtype, std::vector<int64_t> sizes) {
  auto rep = std::make_shared<internal::ArrayRep>();
  rep->type = Type::Tensor(dtype, ir::Dims(sizes.begin(), sizes.end()));
  Array array;
  array.kind_ = Kind::kType;
  array.rep_ = std::move(rep);
  return array;
}

Array Array::Failed(Status status) {
  auto rep = std::make_shared<internal::ArrayRep>();
  rep->failure = std::move(status);
  Array array;
  array.kind_ = Kind::kFailed;
  array.rep_ = std::move(rep);
  return array;
}

Array Array::FromData(DType dtype, std::vector<int64_t> sizes, const void* data, size_t count) {
  ir::TensorSpec spec;
  spec.dtype = dtype;
  spec.sizes = sizes;
  spec.strides = ir::ContiguousStrides(sizes);
  if (Status status = ir::CheckBytes(spec); !status.ok()) return Failed(std::move(status));
  if (spec.NumElements() != static_cast<int64_t>(count)) {
    return Failed(Status(ErrorId::E701, Format("{} has {} elements, {} values are given",
                                               spec.ToString(), spec.NumElements(), count)));
  }
  StatusOr<Tensor> tensor = Tensor::Copy(dtype, std::move(sizes), data);
  if (!tensor.ok()) return Failed(std::move(tensor).status());
  return Array(*std::move(tensor));
}

// ---- Asking -------------------------------------------------------------------------------------

Type Array::type() const {
  switch (kind()) {
    case Kind::kConcrete: {
      const Tensor& tensor = rep_->tensor;
      return Type::Tensor(tensor.dtype(), ir::Dims(tensor.sizes().begin(), tensor.sizes().end()));
    }
    case Kind::kType:
      return rep_->type;
    case Kind::kInt:
    case Kind::kSize:
      return Type::Tensor(DType::kI64, {});
    case Kind::kFloat:
      return Type::Tensor(DType::kF32, {});
    case Kind::kBool:
      return Type::Tensor(DType::kBool, {});
    case Kind::kTraced:
      if (Tracer* tracer = Tracer::Current(); tracer != nullptr && tracer->id() == bits_) {
        return tracer->TypeOf(*this);
      }
      return {};
    default:
      return {};
  }
}

SymInt Array::size(int axis) const {
  const Type t = type();
  const int rank = t.rank();
  const int at = axis < 0 ? axis + rank : axis;
  if (at >= 0 && at < rank) return SymInt(t.dims()[static_cast<size_t>(at)]);
  if (Tracer* tracer = Tracer::Current(); tracer != nullptr && tracer->ok()) {
    tracer->Fail(Status(ErrorId::E508, Format("size({}) of {}", axis, tracer->Show(t))));
  }
  return {};
}

std::vector<SymInt> Array::sizes() const {
  std::vector<SymInt> sizes;
  const Type t = type();
  for (const Expr& dim : t.dims()) sizes.push_back(SymInt(dim));
  return sizes;
}

SymInt Array::NumElements() const {
  return SymInt(type().NumElements());
}

Array::Kind Array::KindOfRecorded() const {
  return rep_->tensor.defined() ? Kind::kConcrete : Kind::kTraced;
}

const Tensor* internal::TensorOf(const Array& array) {
  return array.concrete() ? &array.rep_->tensor : nullptr;
}

StatusOr<Tensor> Array::tensor() const {
  if (Tracer* tracer = Tracer::Current(); tracer != nullptr) {
    GCOMP_RETURN_IF_ERROR(tracer->BeforeRead(*this));
  }
  if (concrete()) return rep_->tensor;
  if (kind_ == Kind::kFailed) return Status(rep_->failure.id(), rep_->failure.message());
  return Status(ErrorId::E705,
                "the array has no data: it is a value of a trace, a number, an "
                "example argument or absent");
}

std::vector<double> Array::ReadDoubles() const {
  std::vector<double> values;
  if (kind_ == Kind::kInt) return {static_cast<double>(static_cast<int64_t>(bits_))};
  if (kind_ == Kind::kFloat) return {std::bit_cast<double>(bits_)};
  if (kind_ == Kind::kBool) return {bits_ != 0 ? 1.0 : 0.0};
  StatusOr<Tensor> read = this->tensor();
  if (!read.ok()) {
    // Host code that is about to learn of its failed trace may count on as many values as there
    // are.
    if (traced()) values.resize(static_cast<size_t>(NumElements().value().value_or(1)));
    return values;
  }
  const Tensor& tensor = *read;
  const int64_t n = tensor.NumElements();
  std::vector<int64_t> at(tensor.sizes().size());
  const char* base = static_cast<const char*>(tensor.data());
  values.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    int64_t offset = 0;
    for (size_t d = 0; d < at.size(); ++d) offset += at[d] * tensor.strides()[d];
    const void* element = base + offset * ir::BytesOf(tensor.dtype());
    values.push_back(ir::Scalar::Load(tensor.dtype(), element).ToDouble());
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < tensor.sizes()[d]) break;
      at[d] = 0;
    }
  }
  return values;
}

// ---- Ops ----------------------------------------------------------------------------------------

namespace {

Array Unary(std::string_view op, const Array& x, ir::AttrDict attrs = {}) {
  OpCall call;
  call.groups = {{x}};
  call.attrs = std::move(attrs);
  return Call1(op, std::move(call));
}

Array Binary(std::string_view op, const Array& a, const Array& b) {
  OpCall call;
  call.groups = {{a}, {b}};
  return Call1(op, std::move(call));
}

ir::AttrDict Shape(const std::vector<SymInt>& shape) {
  ir::AttrList list;
  for (const SymInt& size : shape) list.emplace_back(size.expr());
  ir::AttrDict attrs;
  attrs.emplace_back("shape", std::move(list));
  return attrs;
}

}  // namespace

Array Array::cast(DType dtype) const {
  const Type from = type();
  OpCall call;
  call.groups = {{*this}};
  call.result_types.push_back(Type::Tensor(dtype, from.dims()));
  return Call1("cast", std::move(call));
}

Array Array::view(std::vector<SymInt> shape) const {
  return Unary("view", *this, Shape(shape));
}

Array Array::reshape(std::vector<SymInt> shape) const {
  return Unary("reshape", *this, Shape(shape));
}

Array Array::t() const {
  const int n = rank();
  ir::AttrList dims;
  for (int d = 0; d < n; ++d) dims.emplace_back(Expr(d < n - 2 ? d : (d == n - 1 ? n - 2 : n - 1)));
  ir::AttrDict attrs;
  attrs.emplace_back("dims", std::move(dims));
  return Unary("transpose", *this, std::move(attrs));
}

Array Array::clone() const {
  return Unary("copy", *this);
}

Array Array::slice(int dim, const SymInt& start, const SymInt& end) const {
  ir::AttrDict attrs;
  attrs.emplace_back("dim", Expr(dim));
  attrs.emplace_back("start", start.expr());
  attrs.emplace_back("length", Expr::Sub(end.expr(), start.expr()));
  return Unary("narrow", *this, std::move(attrs));
}

Array Array::add_(const Array& v) const {
  return Binary("add_", *this, v);
}

Array Array::mul_(const Array& v) const {
  return Binary("mul_", *this, v);
}

Array Array::copy_(const Array& v) const {
  return Binary("copy_", *this, v);
}

Array operator+(const Array& a, const Array& b) {
  return Binary("add", a, b);
}

Array operator-(const Array& a, const Array& b) {
  return Binary("sub", a, b);
}

Array operator*(const Array& a, const Array& b) {
  return Binary("mul", a, b);
}

Array operator/(const Array& a, const Array& b) {
  return Binary("div", a, b);
}

Array operator-(const Array& a) {
  return Unary("neg", a);
}

Array operator<(const Array& a, const Array& b) {
  return Binary("lt", a, b);
}

Array operator<=(const Array& a, const Array& b) {
  return Binary("le", a, b);
}

Array operator>(const Array& a, const Array& b) {
  return Binary("gt", a, b);
}

Array operator>=(const Array& a, const Array& b) {
  return Binary("ge", a, b);
}

}  // namespace gcomp
