// Common subexpression elimination: of equal pure ops in one block only the first stays.
//
//   %a: f32[4] = add(%x, %y)          %a: f32[4] = add(%x, %y)
//   %b: f32[4] = add(%y, %x)    ->    %c: f32[4] = mul(%a, %a)
//   %c: f32[4] = mul(%a, %b)
//
// Ops are equal when record, operands (of commutative ops in any order), attributes, callee, result
// types and regions are; regions are compared by structure, whatever their values are called.
//
// Requires: a module that verifies. Ensures: it verifies and computes the same bits; functions that
// write in place are left alone. Cost: O(ops), by hashing; equal hashes are compared in full.
#pragma once

#include "ir/passes/pass.h"

namespace gcomp::ir {

StatusOr<bool> EliminateCommonSubexpressions(Module& module, const PassContext& context);

inline constexpr Pass kCse = {"cse", "Keeps the first of equal pure ops of a block.",
                              &EliminateCommonSubexpressions};

}  // namespace gcomp::ir
