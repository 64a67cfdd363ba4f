// Edits of ops: removed, replaced by what they read, reading something simpler.
#pragma once

#include "tools/reduce/reductions.h"

namespace gcomp::reduce {

// Another value of the body is returned, and what is not needed for it goes.
EditGroups ReturnEarlier(const Draft& draft);

// Ops without used results go.
EditGroups DropDeadOps(const Draft& draft);

// Ops go; their results are replaced by earlier values of the same shape. What has none, and in a
// second group everything, becomes a parameter of the function.
EditGroups DropOps(const Draft& draft);

// An op goes and its result is replaced by one of its operands.
EditGroups ReplaceOpsByOperands(const Draft& draft);

// Operands and what terminators name become the first value of the same shape; operands become
// literals.
EditGroups SimplifyOperands(const Draft& draft);

// Optional and variadic operands go, and attributes that are written.
EditGroups DropOperandsAndAttributes(const Draft& draft);

}  // namespace gcomp::reduce
