// DiffReference: what a run computed, op by op, against the meaning of each op written a second
// time (tests/reference/reference.h), on one plain model of memory (tests/reference/machine.h).
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

// Runs `function` of the module `text` with a copy taken of every tensor that an op of its body
// makes or may change, right after the op, and of operands in storage that is written somewhere,
// right before it. Two things are asked:
// - Each op's result is what the reference makes of the operands that the op really had, within the
//   op's documented tolerance, so that errors do not add up.
// - Who sees which write: what the ops made goes into the model of memory; whatever is read after
//   that (operands, views, outputs, `mut` parameters at the end) must be what the model holds, bit
//   for bit. `outputs`: what the function itself gave and left on the same inputs, as Executor
//   orders it.
// Bodies of calls and of regions that run once are run in the model from end to end; there,
// elements that an op with a tolerance had a part in are not compared.
//
// Returns one line per difference. Passed over: results of ops that the reference does not know or
// whose operands can't be seen; and, where an op's tolerance is relative to what it sums, operands
// that are not finite or so large that a sum in between may overflow. Fails where the function
// can't be run.
StatusOr<std::vector<std::string>> DiffReference(const std::shared_ptr<Engine>& engine,
                                                 const std::string& text,
                                                 const std::shared_ptr<const WeightStore>& weights,
                                                 const ir::Function& function,
                                                 std::span<const Tensor> inputs,
                                                 std::span<const int64_t> symbols,
                                                 std::span<const Tensor> outputs);

}  // namespace gcomp::filetest
