// Guards: do these tensors fit a function's parameters, and what sizes do its symbols have then?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "ir/kernel.h"
#include "ir/module.h"

namespace gcomp {

// One argument as it came: its spec, and its data where a host integer must be read (else null).
struct Argument {
  const ir::TensorSpec* spec;
  const void* data;
};

// The values of the function's symbols (those past the parameters are 0) for these arguments, one
// per parameter. A dim that is a symbol alone gives its value; `explicit_sizes`, where not empty,
// gives the first ones. Then every dim, range and divisor is checked. Fails with `id` and a message
// that names the parameter, what it asks and what came.
StatusOr<std::vector<int64_t>> BindSymbols(const ir::Function& function,
                                           std::span<const Argument> arguments,
                                           std::span<const int64_t> explicit_sizes, ErrorId id);

}  // namespace gcomp
