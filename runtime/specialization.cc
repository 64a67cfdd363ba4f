#include "runtime/specialization.h"

#include <cstring>

#include "runtime/specializer.h"

namespace gcomp {

StatusOr<std::shared_ptr<const Specialization>> Specialization::Create(const ir::Module& module,
                                                                       const ir::Function& function,
                                                                       const BoundWeights& weights,
                                                                       std::vector<int64_t> symbols,
                                                                       CpuLevel cpu) {
  std::shared_ptr<Specialization> made(new Specialization());
  made->symbols_ = std::move(symbols);
  Specializer specializer(module, cpu, *made);
  GCOMP_RETURN_IF_ERROR(specializer.Build(function, weights));
  return std::shared_ptr<const Specialization>(std::move(made));
}

namespace {

// Copies dims [dim, rank); `bytes` is the size of an element.
void CopyDims(const ir::TensorSpec& from, const char* source, const ir::TensorSpec& to,
              char* destination, int dim, int64_t bytes) {
  if (dim == from.rank()) {
    std::memcpy(destination, source, static_cast<size_t>(bytes));
    return;
  }
  int64_t size = from.sizes[dim];
  bool last = dim + 1 == from.rank();
  if (last && from.strides[dim] == 1 && to.strides[dim] == 1) {
    std::memcpy(destination, source, static_cast<size_t>(size * bytes));
    return;
  }
  for (int64_t i = 0; i < size; ++i) {
    CopyDims(from, source + i * from.strides[dim] * bytes, to,
             destination + i * to.strides[dim] * bytes, dim + 1, bytes);
  }
}

}  // namespace

void CopyElements(const ir::TensorSpec& from, const void* source, const ir::TensorSpec& to,
                  void* destination) {
  int64_t elements = from.NumElements();
  if (elements == 0 || source == destination) return;
  int64_t bytes = ir::BytesOf(from.dtype);
  if (from.IsContiguous() && to.IsContiguous()) {
    std::memcpy(destination, source, static_cast<size_t>(elements * bytes));
    return;
  }
  CopyDims(from, static_cast<const char*>(source), to, static_cast<char*>(destination), 0, bytes);
}

}  // namespace gcomp
