// RunNow: runs the kernel of a pure op while a function is prepared.
#pragma once

#include <span>

#include "base/status.h"
#include "ir/kernel.h"

namespace gcomp {

// The kernel calls no region. Allocates its scratch and state. Fails as the kernel does, and with
// E801.
Status RunNow(const ir::Kernel& kernel, std::span<void* const> operands,
              std::span<void* const> results);

}  // namespace gcomp
