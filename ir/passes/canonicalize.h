// Canonicalize: brings each op into one form, so that equal computations look equal.
//
//   %a: f32[4] = add(1.0, %x)                       %a: f32[4] = add(%x, 1.0)
//   %b: f32[2, 2] = reshape(%a, shape = [2, 2])     %y: f32[4, 1] = reshape(%a, shape = [4, 1])
//   %y: f32[4, 1] = reshape(%b, shape = [4, 1]) ->  %s: f32[4, 1] = softmax(%y)
//   %s: f32[4, 1] = softmax(%y, dim = 1)
//
// In this order for each op, until nothing changes: literals second in commutative ops; negative
// axes counted from the front; attributes equal to their defaults dropped; the record's own rewrite
// (OpDef::canonicalize); an op that gives back one of its operands (OpDef::simplify) goes, and its
// uses mean that operand.
//
// Requires: a module that verifies. Ensures: it verifies, computes the same bits, and a second run
// changes nothing; functions that write in place keep every value of their own. What becomes unused
// is left for dce. Cost: O(ops).
#pragma once

#include "ir/passes/pass.h"

namespace gcomp::ir {

StatusOr<bool> Canonicalize(Module& module, const PassContext& context);

inline constexpr Pass kCanonicalize = {
    "canonicalize", "Brings each op into its canonical form and drops ops that change nothing.",
    &Canonicalize};

}  // namespace gcomp::ir
