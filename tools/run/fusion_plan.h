// FusionPlans: which ops of each function the compiled tier runs as one kernel, without compiling.
#pragma once

#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/status.h"
#include "ir/module.h"
#include "ir/op_def.h"

namespace gcomp::tools {

// The plan (runtime/describe_plan.h) of each function of a verified module, at these values of size
// symbols ("s0=8"; the others as gcomp-run takes them). Ops that are formulas are written as those,
// as a session does; weights are taken for inputs. Fails with E701 for a size that no function has,
// and as preparing does.
StatusOr<std::string> FusionPlans(ir::Module& module, const ir::OpRegistry& ops, CpuLevel cpu,
                                  const std::vector<std::string>& sizes);

}  // namespace gcomp::tools
