// The typed functions of the ops, frontends/trace/ops.h and ops.cc: as the records tell them.
#pragma once

#include <string>

#include "ir/op_def.h"

namespace gcomp::tools {

// C++; sorted by name; the same text for the same records. Ops with regions, callees, or attributes
// that only text can hold are left out: structure.h and creation.h have functions for them.
std::string OpsHeader(const ir::OpRegistry& ops);
std::string OpsSource(const ir::OpRegistry& ops);

}  // namespace gcomp::tools
