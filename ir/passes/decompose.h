// Decompose: puts the formula of an op in its place, for ops that are defined by others
// (Lowering::kDecompose).
//
//   %y: f32[] = mse_loss(%x, %t)    ->    %sub: f32[n] = sub(%x, %t)
//                                         %mul: f32[n] = mul(%sub, %sub)
//                                         %y: f32[] = reduce_mean(%mul)
//
// A session runs it when it loads a module, so every tier runs the same ops.
//
// An op with a formula may also have a kernel, for the attributes with which its formula returns
// nothing (batch_norm without training): then it stays.
//
// Requires: a module that verifies. Ensures: it verifies, no other op decomposes any more, and each
// value keeps its type; the last op of a formula has the name of the value it stands for, and all
// have the places of the op. Cost: O(ops).
#pragma once

#include "ir/passes/pass.h"

namespace gcomp::ir {

StatusOr<bool> DecomposeOps(Module& module, const PassContext& context);

inline constexpr Pass kDecompose = {
    "decompose", "Writes ops that are defined by other ops as those.", &DecomposeOps};

}  // namespace gcomp::ir
