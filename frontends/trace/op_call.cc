#include "frontends/trace/op_call.h"

#include <utility>

namespace gcomp::internal {
namespace {

ir::AttrValue One(int64_t value) {
  return ir::Expr(value);
}

ir::AttrValue One(double value) {
  return value;
}

ir::AttrValue One(const SymInt& value) {
  return value.expr();
}

ir::AttrValue One(const std::string& value) {
  return value;
}

template <class T>
ir::AttrValue All(const std::vector<T>& values) {
  ir::AttrList list;
  for (const T& value : values) list.push_back(One(value));
  return list;
}

}  // namespace

void Put(OpCall& call, std::string_view name, int64_t value) {
  call.attrs.emplace_back(name, One(value));
}

void Put(OpCall& call, std::string_view name, double value) {
  call.attrs.emplace_back(name, One(value));
}

void Put(OpCall& call, std::string_view name, bool value) {
  call.attrs.emplace_back(name, value);
}

void Put(OpCall& call, std::string_view name, DType value) {
  call.attrs.emplace_back(name, value);
}

void Put(OpCall& call, std::string_view name, const std::string& value) {
  call.attrs.emplace_back(name, One(value));
}

void Put(OpCall& call, std::string_view name, const SymInt& value) {
  call.attrs.emplace_back(name, One(value));
}

void Put(OpCall& call, std::string_view name, const std::vector<int64_t>& value) {
  call.attrs.emplace_back(name, All(value));
}

void Put(OpCall& call, std::string_view name, const std::vector<double>& value) {
  call.attrs.emplace_back(name, All(value));
}

void Put(OpCall& call, std::string_view name, const std::vector<SymInt>& value) {
  call.attrs.emplace_back(name, All(value));
}

void Put(OpCall& call, std::string_view name, const std::vector<std::string>& value) {
  call.attrs.emplace_back(name, All(value));
}

void Result(OpCall& call, DType dtype, const Array& like) {
  call.result_types.push_back(ir::Type::Tensor(dtype, like.type().dims()));
}

void Result(OpCall& call, DType dtype, const std::vector<SymInt>& sizes) {
  ir::Dims dims;
  for (const SymInt& size : sizes) dims.push_back(size.expr());
  call.result_types.push_back(ir::Type::Tensor(dtype, std::move(dims)));
}

}  // namespace gcomp::internal
