// Recheck: whether ops that were put among other values and sizes still verify where they stand.
//
// Types that inference gives for symbols need not be those it gives for what the symbols stand for,
// and a literal may fit one operand and not another; so a pass that moves ops between functions
// asks before it commits.
#pragma once

#include "ir/module.h"
#include "ir/size_facts.h"

namespace gcomp::ir {

// True if the op fits its schema and its results, and those of the ops in its regions, have the
// types that inference gives. Adds to `facts` what holds after the op. Cost: as verifying the op.
bool StillVerifies(const Module& module, const Function& function, OpId op, SizeFacts& facts);

}  // namespace gcomp::ir
