// The page docs/ops.md: every op as its record tells it, with counts.
#pragma once

#include <string>

#include "ir/op_def.h"

namespace gcomp::tools {

// Markdown; sorted by name; the same text for the same records.
std::string OpsPage(const ir::OpRegistry& ops);

}  // namespace gcomp::tools
