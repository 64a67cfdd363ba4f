#include "runtime/specialization.h"

#include <utility>

#include "base/fp_environment.h"
#include "runtime/specializer.h"

namespace gcomp {

bool SymbolValues::Knows(const ir::Expr& e) const {
  bool known_all = true;
  e.ForEachSymbol([&](ir::SymId id) {
    known_all = known_all && id.index() < known.size() && known[id.index()];
  });
  return known_all;
}

bool SymbolValues::Knows(const ir::Type& type) const {
  if (!type.is_tensor()) return true;  // a host value has one form whatever its value is
  for (const ir::Expr& dim : type.dims()) {
    if (!Knows(dim)) return false;
  }
  for (const ir::Expr& stride : type.layout().strides) {
    if (!Knows(stride)) return false;
  }
  return Knows(type.layout().offset);
}

StatusOr<std::shared_ptr<const Specialization>> Specialization::Create(
    const ir::Module& module, const ir::Function& function, const BoundWeights& weights,
    std::vector<int64_t> symbols, bool params_overlap, CpuLevel cpu) {
  CodeRange range;
  range.function = &function;
  range.block = function.body;
  range.params = function.params();
  range.constants = weights;
  range.entry = true;
  range.params_overlap = params_overlap;
  SymbolValues values{std::move(symbols), std::vector<bool>(function.symbols.size(), false)};
  values.values.resize(function.symbols.size(), 0);
  for (size_t i = 0; i < function.num_symbol_params; ++i) values.known[i] = true;
  return Create(module, range, std::move(values), cpu);
}

StatusOr<std::shared_ptr<const Specialization>> Specialization::Create(const ir::Module& module,
                                                                       const CodeRange& range,
                                                                       SymbolValues symbols,
                                                                       CpuLevel cpu) {
  FpEnvironment environment;  // constants are computed here
  std::shared_ptr<Specialization> made(new Specialization());
  made->module_ = &module;
  made->cpu_ = cpu;
  made->symbols_ = std::move(symbols);
  made->params_overlap_ = range.params_overlap;
  Specializer specializer(module, cpu, *made);
  GCOMP_RETURN_IF_ERROR(specializer.Build(range));
  return std::shared_ptr<const Specialization>(std::move(made));
}

void CopyElements(const ir::TensorSpec& from, const void* source, const ir::TensorSpec& to,
                  void* destination) {
  kernels::StridedCopy::Make(from.sizes, from.strides, to.strides, ir::BytesOf(from.dtype))
      .Run(source, destination);
}

}  // namespace gcomp
