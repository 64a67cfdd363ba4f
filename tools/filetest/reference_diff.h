// DiffReference: what a run computed, op by op, against the meaning of each op written a second
// time (tests/reference/reference.h).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/module.h"
#include "runtime/engine.h"
#include "tools/filetest/random_data.h"

namespace gcomp::filetest {

// Runs `function` of the module `text` so that the values of all ops of its body come out, and asks
// the reference for each op's result from the values that the op really had, so that errors do not
// add up. Returns one line per result outside the op's documented tolerance. Passed over: ops that
// the reference does not know or whose operands can't be seen (weights, calls, regions); and, where
// an op's tolerance is relative to what it sums, operands that are not finite or so large that a
// sum in between may overflow. Fails where the function can't be run.
StatusOr<std::vector<std::string>> DiffReference(const std::shared_ptr<Engine>& engine,
                                                 const std::string& text,
                                                 const std::shared_ptr<const WeightStore>& weights,
                                                 const ir::Function& function,
                                                 std::span<const Tensor> inputs,
                                                 std::span<const int64_t> symbols);

}  // namespace gcomp::filetest
