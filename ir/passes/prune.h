// Prune: what no call uses goes from private functions, and what their bodies do not use from the
// calls.
//
//   func @f(%a: f32[4], %b: f32[4])                func @f(%a: f32[4]) -> (f32[4]) {
//       -> (f32[4], f32[4]) {                        %p: f32[4] = exp(%a)
//     %p: f32[4] = exp(%a)                  ->       return %p
//     %q: f32[4] = mul(%a, %b)                     }
//     return %p, %q
//   }   ...  %u: f32[4], %v: f32[4] = invoke @f(%x, %y)   with %v unused
//
// One search for what is live runs through all functions at once: the results of exported functions
// and ops with effects are live, a live call makes its callee's effects live, a live result of a
// call makes that result of the callee live, and a live parameter the operand of each live call. So
// chains and cross-overs of calls need no second round. Then pure ops, results and parameters that
// are not live go, and size symbols that nothing speaks of any more, unless their range checks what
// callers do not prove; what a parameter bound and the body still needs is written: @f<s0>.
// Parameters that are written (`mut`) are used by who writes them. Functions that are named by
// anything but calls keep their signature. Private functions that nobody live calls go; in a module
// that exports nothing, functions without a call site are taken as what it is for.
//
// Requires: a module that verifies. Ensures: it verifies, exported functions compute the same bits
// and have the same effects in the same order. Cost: O(size of the module).
#pragma once

#include "ir/passes/pass.h"

namespace gcomp::ir {

StatusOr<bool> PruneFunctions(Module& module, const PassContext& context);

inline constexpr Pass kPrune = {
    "prune", "Drops unused results and parameters of private functions, and what only they need.",
    &PruneFunctions};

}  // namespace gcomp::ir
