#include "runtime/specialization.h"

#include "base/fp_environment.h"
#include "runtime/specializer.h"

namespace gcomp {

StatusOr<std::shared_ptr<const Specialization>> Specialization::Create(const ir::Module& module,
                                                                       const ir::Function& function,
                                                                       const BoundWeights& weights,
                                                                       std::vector<int64_t> symbols,
                                                                       CpuLevel cpu) {
  FpEnvironment environment;  // constants are computed here
  std::shared_ptr<Specialization> made(new Specialization());
  made->symbols_ = std::move(symbols);
  Specializer specializer(module, cpu, *made);
  GCOMP_RETURN_IF_ERROR(specializer.Build(function, weights));
  return std::shared_ptr<const Specialization>(std::move(made));
}

void CopyElements(const ir::TensorSpec& from, const void* source, const ir::TensorSpec& to,
                  void* destination) {
  kernels::StridedCopy::Make(from.sizes, from.strides, to.strides, ir::BytesOf(from.dtype))
      .Run(source, destination);
}

}  // namespace gcomp
