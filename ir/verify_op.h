// The part of Verify that compares one op with its record; internal to ir/verify*.cc.
#pragma once

#include "ir/diagnostic.h"
#include "ir/module.h"

namespace gcomp::ir {

// Operands, literals, attributes and regions of a known op against the schema. Reports each broken
// rule; false if there was one.
bool CheckOpAgainstSchema(const Function& function, const Op& op, Diagnostics& diagnostics);

}  // namespace gcomp::ir
