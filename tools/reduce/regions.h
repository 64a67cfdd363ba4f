// Edits of ops with regions and of calls: inlined, with fewer operands and results.
#pragma once

#include "tools/reduce/reductions.h"

namespace gcomp::reduce {

// The ops of one region stand in for the op, where its last operands fit the region's parameters
// and its results what the region yields.
EditGroups InlineRegions(const Draft& draft);

// A function's body stands in for all calls of it, and the function goes.
EditGroups InlineCalls(const Draft& draft);

// An operand goes together with the parameter of each region that it is for, and with the result
// and yielded value where they are one to one (loops).
EditGroups DropRegionParams(const Draft& draft);

// A result goes together with what each region yields for it.
EditGroups DropRegionResults(const Draft& draft);

}  // namespace gcomp::reduce
