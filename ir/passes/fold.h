// Constant folding: pure ops whose operands are all constants are run now and become `const`.
//
//   %i: f32[4] = iota()                    %y: f32[4] = const([0.0, 2.0, 4.0, 6.0])
//   %y: f32[4] = mul(%i, 2.0)       ->     return %y
//   return %y
//
// The op's own kernel computes the value, so the bits are those of a run. A folded value stays in
// the graph as numbers (up to 16), or as a splat where all elements have equal bits; one that fits
// neither form stays an op, though ops that use it may still fold (a sum over an iota). Left alone:
// ops with regions or callees; ops of class `pinned` or `free`, whose bits belong to the machine
// that computes them, while a folded graph may be run elsewhere; values of symbolic sizes or above
// kMaxFoldElements elements; ops whose kernel fails (the run reports it, if it gets there);
// functions that write in place.
//
// Requires: a module that verifies; `const` in the registry (else nothing folds). Ensures: it
// verifies and computes the same bits. What becomes unused is left for dce.
// Cost: one run of each op that folds; memory for the values of one function.
#pragma once

#include <cstdint>

#include "ir/passes/pass.h"

namespace gcomp::ir {

inline constexpr int64_t kMaxFoldElements = 65536;

StatusOr<bool> FoldConstants(Module& module, const PassContext& context);

inline constexpr Pass kFold = {
    "fold", "Runs pure ops on constant operands and puts the result in their place.",
    &FoldConstants};

}  // namespace gcomp::ir
