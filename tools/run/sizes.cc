#include "tools/run/sizes.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"

namespace gcomp::tools {

using ir::Expr;
using ir::Type;

std::string JoinNames(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

Status Sizes::Tell(const std::string& text) {
  size_t equals = text.find('=');
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const char* begin = equals == std::string::npos ? end : text.data() + equals + 1;
  auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || stop != end || value < 0) {
    return Status(ErrorId::E701, Format("--size={}: must be as in s0=8", text));
  }
  std::string name = text.substr(0, equals);
  ir::SymId symbol = function_.FindSymbol(name);
  if (!symbol.valid() || symbol.index() >= function_.num_symbol_params) {
    std::vector<std::string> names;
    for (size_t i = 0; i < function_.num_symbol_params; ++i) {
      names.push_back(function_.symbols[i].name);
    }
    return Status(ErrorId::E701, Format("--size={}: @{} has no size symbol {}; it has: {}", text,
                                        function_.name, name, JoinNames(names)));
  }
  if (known_[symbol.index()]) {
    return Status(ErrorId::E701, Format("--size={}: {} is told twice", text, name));
  }
  Set(symbol, value);
  return {};
}

void Sizes::LearnFrom(const Type& type, const Tensor& tensor) {
  if (type.kind() == Type::Kind::kInt && tensor.dtype() == DType::kI64 &&
      tensor.NumElements() == 1) {
    Learn(type.value(), *static_cast<const int64_t*>(tensor.data()));
  }
  if (!type.is_tensor() || type.rank() != tensor.rank()) return;
  for (int d = 0; d < type.rank(); ++d) Learn(type.dims()[d], tensor.sizes()[d]);
}

void Sizes::Complete() {
  for (size_t i = 0; i < function_.num_symbol_params; ++i) {
    if (known_[i]) continue;
    const ir::Symbol& symbol = function_.symbols[i];
    int64_t value = std::max<int64_t>(1, symbol.low.Evaluate(values_).value_or(1));
    int64_t step = std::max<int64_t>(1, symbol.multiple);
    Set(ir::SymId(i), (value - 1) / step * step + step);
  }
}

std::string Sizes::ToString() const {
  std::string text;
  for (size_t i = 0; i < function_.num_symbol_params; ++i) {
    text += Format("{}{} = {}", i == 0 ? "" : ", ", function_.symbols[i].name, values_[i]);
  }
  return text;
}

void Sizes::Learn(const Expr& dim, int64_t value) {
  if (dim.kind() == Expr::Kind::kSymbol && !known_[dim.symbol().index()]) Set(dim.symbol(), value);
}

void Sizes::Set(ir::SymId symbol, int64_t value) {
  values_[symbol.index()] = value;
  known_[symbol.index()] = true;
}

}  // namespace gcomp::tools
