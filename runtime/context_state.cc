#include "runtime/context_state.h"

#include <string>
#include <utility>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/scalar_value.h"

namespace gcomp {
namespace {

// A global with its initial value: one number for all elements, or one for each.
StatusOr<Tensor> MakeGlobal(const ir::Global& global) {
  GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec, ir::BindType(global.type, {}));
  GCOMP_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Empty(spec.dtype, spec.sizes));
  char* data = static_cast<char*>(tensor.data());
  const int64_t bytes = ir::BytesOf(spec.dtype);
  if (global.init.As<std::string>() != nullptr) {
    return Status(ErrorId::E511, Format("@{}: this build has no store of blobs", global.name));
  }
  const auto* list = global.init.As<ir::AttrList>();
  const auto* splat = global.init.As<ir::Scalar>();
  for (int64_t i = 0; i < spec.NumElements(); ++i) {
    const ir::Scalar* value =
        list != nullptr ? (*list)[static_cast<size_t>(i)].As<ir::Scalar>() : splat;
    GCOMP_ENSURE(value != nullptr, "a verified global has a number for each element");
    value->Store(data + i * bytes);
  }
  return tensor;
}

}  // namespace

Status ContextState::Init(const ir::Module& module, const EntryPoint& entry) {
  const ir::Function& function = entry.function();
  for (uint32_t i : entry.buffers()) {
    GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec,
                           ir::BindType(function.value(function.params()[i]).type, {}));
    GCOMP_ASSIGN_OR_RETURN(Tensor buffer, Tensor::Copy(spec.dtype, spec.sizes, entry.bound()[i]));
    buffers_.push_back(std::move(buffer));
  }
  for (const ir::Global& global : module.globals) {
    GCOMP_ASSIGN_OR_RETURN(Tensor tensor, MakeGlobal(global));
    global_data_.push_back(tensor.data());
    globals_.push_back(std::move(tensor));
  }
  return {};
}

}  // namespace gcomp
