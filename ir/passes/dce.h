// Dead code elimination: removes pure ops whose results nobody uses, in all blocks.
//
//   %a: f32[4] = exp(%x)              %b: f32[4] = tanh(%x)
//   %b: f32[4] = tanh(%x)       ->    return %b
//   return %b
//
// Requires: a module that verifies. Ensures: it verifies and computes the same; ops with effects
// (ordered, random, writing, host reads) and ops that define size symbols are all still there, in
// order; region ops and calls go when everything inside them is pure. Functions stay, also uncalled
// ones. Cost: O(ops).
#pragma once

#include "ir/passes/pass.h"

namespace gcomp::ir {

StatusOr<bool> EliminateDeadCode(Module& module, const PassContext& context);

inline constexpr Pass kDce = {"dce", "Removes pure ops whose results nobody uses.",
                              &EliminateDeadCode};

}  // namespace gcomp::ir
