// CheckHazards: runs the buffer uses of a block's steps over its arena, and finds a step that reads
// what another one has written over, or what is not among the live-ins of its boundary. It trusts
// no lifetimes: it is what catches a wrong memory plan or a wrong order of steps. Builds without
// NDEBUG run it on every block that they prepare.
#pragma once

#include "base/status.h"
#include "runtime/specialization.h"

namespace gcomp {

// E999 with the step and the value. Cost: O(n log n) for n buffer uses.
Status CheckHazards(const BlockCode& code);

}  // namespace gcomp
