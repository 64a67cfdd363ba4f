// functional_call: a module called with other tensors in the place of its own, for this call.
//
//   gcomp::functional_call(linear, {{{"weight", w}, {"bias", b}}}, x);
//
// A module is a copyable callable whose fields are a tree (tree.h). Bindings name leaves by their
// paths ("layers.0.weight") and may come in several maps (parameters, buffers). In a trace the
// bound tensors are operands as any others; fields that are not bound are captured. The module
// itself stays as it is: what its call writes into fields of its own is lost but for writes into
// the storage of tensors.
#pragma once

#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "frontends/trace/structure_calls.h"
#include "frontends/trace/tree.h"

namespace gcomp {

using Bindings = std::map<std::string, Array>;

namespace internal {

// Puts the arrays of `bindings` into the leaves. E701 for a name that is no leaf, or comes twice.
Status Bind(const std::vector<Bindings>& bindings, Flattener& leaves);

}  // namespace internal

template <class M, class... A>
auto functional_call(const M& module, const std::vector<Bindings>& bindings, A&&... args) {
  using R = internal::ResultOf<std::invoke_result_t<M&, A...>>;
  M bound = module;
  internal::Flattener leaves("");
  leaves.Visit(bound);
  if (Status status = internal::Bind(bindings, leaves); !status.ok()) {
    return internal::FailedResult<R>(std::move(status));
  }
  return R(internal::Invoke(bound, std::forward<A>(args)...));
}

}  // namespace gcomp
