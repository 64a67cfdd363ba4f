// DiffOps: each op alone: its eager kernels against the slow evaluator of its loops.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/status.h"
#include "ir/module.h"
#include "tools/filetest/random_data.h"

namespace gcomp::filetest {

// For each op of `function`, in regions too, that has loops (pointwise, reductions, data movement):
// runs its kernel for each of `levels`, and EvaluateLoops at 4, 8 and 16 lanes, on the same random
// operands in memory laid out as the types say, and compares all results bit by bit. Memory around
// the results is checked to be untouched. Returns one line per difference; ops whose sizes depend
// on more than `symbols` are passed over. Fails where an op can't be run at all.
StatusOr<std::vector<std::string>> DiffOps(const ir::Function& function,
                                           std::span<const int64_t> symbols, RandomKind kind,
                                           uint64_t seed, std::span<const CpuLevel> levels);

}  // namespace gcomp::filetest
