// Owners of oneDNN's C handles, and its status as ours. Only for files of this folder.
#pragma once

#include <dnnl.h>

#include <memory>
#include <string_view>
#include <type_traits>

#include "base/format.h"
#include "base/status.h"

namespace gcomp::kernels::onednn {

// A handle that is destroyed by `destroy`.
template <class T, dnnl_status_t (*destroy)(T*)>
struct Destroy {
  void operator()(T* handle) const { static_cast<void>(destroy(handle)); }
};

using Stream = std::unique_ptr<dnnl_stream, Destroy<dnnl_stream, dnnl_stream_destroy>>;
using Memory = std::unique_ptr<dnnl_memory, Destroy<dnnl_memory, dnnl_memory_destroy>>;
using Primitive = std::unique_ptr<dnnl_primitive, Destroy<dnnl_primitive, dnnl_primitive_destroy>>;
using PrimitiveDesc =
    std::unique_ptr<dnnl_primitive_desc, Destroy<dnnl_primitive_desc, dnnl_primitive_desc_destroy>>;
using Attr =
    std::unique_ptr<dnnl_primitive_attr, Destroy<dnnl_primitive_attr, dnnl_primitive_attr_destroy>>;

std::string_view NameOf(dnnl_status_t status);

// E902 with the name of the call, unless it succeeded.
inline Status Check(dnnl_status_t status, std::string_view call) {
  if (status == dnnl_success) [[likely]] {
    return {};
  }
  return Status(ErrorId::E902, Format("oneDNN: {} failed: {}", call, NameOf(status)));
}

}  // namespace gcomp::kernels::onednn

// GCOMP_DNNL(dnnl_stream_wait(stream)): returns E902 if the call fails.
#define GCOMP_DNNL(call) GCOMP_RETURN_IF_ERROR(::gcomp::kernels::onednn::Check((call), #call))
