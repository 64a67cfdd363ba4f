#include "runtime/guard.h"

#include <optional>
#include <string>

#include "base/format.h"

namespace gcomp {
namespace {

using ir::Expr;
using ir::Function;
using ir::Type;

// Collects symbol values from one function call.
class Binder {
 public:
  Binder(const Function& function, ErrorId id)
      : function_(function),
        id_(id),
        values_(function.symbols.size(), 0),
        bound_(function.symbols.size(), false) {}

  Status BindExplicit(std::span<const int64_t> sizes) {
    if (sizes.size() > function_.num_symbol_params) {
      return Status(id_, Format("@{} has {} size symbols, {} sizes were given", function_.name,
                                function_.num_symbol_params, sizes.size()));
    }
    for (size_t i = 0; i < sizes.size(); ++i) Bind(ir::SymId(i), sizes[i]);
    return {};
  }

  Status CheckForm(size_t i, const Type& type, const Argument& argument) {
    const ir::TensorSpec& got = *argument.spec;
    if (type.is_tensor()) {
      if (got.dtype != type.dtype() || got.rank() != type.rank()) return Mismatch(i, type, got, "");
      return {};
    }
    GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec want,
                           ir::BindType(type.kind() == Type::Kind::kInt ? Type::Int(0) : type, {}));
    if (got.dtype != want.dtype || got.sizes != want.sizes) return Mismatch(i, type, got, "");
    return {};
  }

  // Symbols that stand alone take the size that came.
  void BindFrom(const Type& type, const Argument& argument) {
    if (type.kind() == Type::Kind::kInt) {
      if (argument.data != nullptr)
        BindAlone(type.value(), *static_cast<const int64_t*>(argument.data));
      return;
    }
    if (!type.is_tensor()) return;
    for (int d = 0; d < type.rank(); ++d) BindAlone(type.dims()[d], argument.spec->sizes[d]);
  }

  Status CheckSizes(size_t i, const Type& type, const Argument& argument) {
    if (type.kind() == Type::Kind::kInt && argument.data != nullptr) {
      int64_t got = *static_cast<const int64_t*>(argument.data);
      std::optional<int64_t> want = type.value().Evaluate(values_);
      if (want == got) return {};
      return Mismatch(i, type, *argument.spec,
                      Format(": it is {}, must be {}", got,
                             want ? std::to_string(*want) : "a value that overflows"));
    }
    if (!type.is_tensor()) return {};
    for (int d = 0; d < type.rank(); ++d) {
      const Expr& dim = type.dims()[d];
      int64_t got = argument.spec->sizes[d];
      if (dim.IsConst(got)) continue;
      std::optional<int64_t> want = dim.Evaluate(values_);
      if (want != got) {
        std::string must = want ? std::to_string(*want) : "a value that overflows";
        return Mismatch(i, type, *argument.spec,
                        Format(": dim {} is {}, must be {}", d, got, must));
      }
    }
    return {};
  }

  Status CheckRanges() {
    for (size_t i = 0; i < function_.num_symbol_params; ++i) {
      const ir::Symbol& symbol = function_.symbols[i];
      if (!bound_[i]) {
        return Status(id_, Format("@{}: no dim and no given size tells the size symbol {}",
                                  function_.name, symbol.name));
      }
      int64_t value = values_[i];
      std::optional<int64_t> low = symbol.low.Evaluate(values_);
      std::optional<int64_t> high = symbol.high ? symbol.high->Evaluate(values_) : INT64_MAX;
      if (!low || !high || value < *low || value > *high) {
        std::string bound = symbol.high ? symbol.high->ToString(function_.Namer()) : "inf";
        return Status(
            id_, Format("@{}: the size {} is {}, must lie in [{}, {}]", function_.name, symbol.name,
                        value, symbol.low.ToString(function_.Namer()), bound));
      }
      if (symbol.multiple > 1 && value % symbol.multiple != 0) {
        return Status(id_, Format("@{}: the size {} is {}, must be a multiple of {}",
                                  function_.name, symbol.name, value, symbol.multiple));
      }
    }
    return {};
  }

  std::vector<int64_t> Take() && { return std::move(values_); }

 private:
  void Bind(ir::SymId symbol, int64_t value) {
    values_[symbol.index()] = value;
    bound_[symbol.index()] = true;
  }

  void BindAlone(const Expr& dim, int64_t value) {
    if (dim.kind() == Expr::Kind::kSymbol && !bound_[dim.symbol().index()])
      Bind(dim.symbol(), value);
  }

  Status Mismatch(size_t i, const Type& type, const ir::TensorSpec& got, std::string_view why) {
    const std::string& name = function_.value(function_.params()[i]).name;
    return Status(id_, Format("@{}: parameter %{} is {}, got {}{}", function_.name, name,
                              type.ToString(function_.Namer()), got.ToString(), why));
  }

  const Function& function_;
  ErrorId id_;
  std::vector<int64_t> values_;
  std::vector<bool> bound_;
};

}  // namespace

StatusOr<std::vector<int64_t>> BindSymbols(const Function& function,
                                           std::span<const Argument> arguments,
                                           std::span<const int64_t> explicit_sizes, ErrorId id) {
  const std::vector<ir::ValueId>& params = function.params();
  if (params.size() != arguments.size()) {
    return Status(id, Format("@{} takes {} arguments, got {}", function.name, params.size(),
                             arguments.size()));
  }
  Binder binder(function, id);
  GCOMP_RETURN_IF_ERROR(binder.BindExplicit(explicit_sizes));
  for (size_t i = 0; i < params.size(); ++i) {
    const Type& type = function.value(params[i]).type;
    GCOMP_RETURN_IF_ERROR(binder.CheckForm(i, type, arguments[i]));
    binder.BindFrom(type, arguments[i]);
  }
  for (size_t i = 0; i < params.size(); ++i) {
    GCOMP_RETURN_IF_ERROR(binder.CheckSizes(i, function.value(params[i]).type, arguments[i]));
  }
  GCOMP_RETURN_IF_ERROR(binder.CheckRanges());
  return std::move(binder).Take();
}

}  // namespace gcomp
