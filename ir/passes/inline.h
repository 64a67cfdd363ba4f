// Inline: puts bodies in the place of the ops that run them once: regions of `wrap`, and private
// functions that are called from one place or are small.
//
//   func @twice(%a: f32[4]) -> (f32[4]) {       %x2: f32[4] = add(%x, %x)
//     %b: f32[4] = add(%a, %a)             ->   return %x2
//     return %b
//   }   ...   %x2: f32[4] = invoke @twice(%x)
//
// Which: ops that OpDef::body names. A region goes unless the op has `keep = true`; checkpoint,
// hints and strict stay, since differentiation and tiers read them. A function goes if it is
// private, named by calls alone, has no attributes (options of its own), and has one call site or
// at most kMaxInlinedOps ops. A call costs about as much as an op: arguments, a frame, and a copy
// of each result that lies in a parameter; a body of up to 4 ops is prepared once more per call
// site for that. Larger bodies are worth more shared: prepared, differentiated and compiled once.
// Callees come first, so a function's ops are counted after those that it calls went into it.
//
// How: size symbols of the callee become the call's sizes; those that it defines become the call's,
// others get names of their own. Names of values are made unique: %h, %h_2; the value that a result
// stands for takes the result's name. Places of the callee's ops are followed by the call's. The
// op's comments go to the first and last op of the body; the function's own are lost with it.
// In-place writes to parameters write the operands, as they did. A result is storage of its own:
// where the body returns what lies in an operand, or one storage twice, and anything may be written
// to either, a `copy` stays.
//
// A call stays where its body would not verify in the caller, or would lose a check: sizes that the
// caller does not prove to be in the ranges of the callee's symbols, results whose layout a copy
// can't give, bodies that change sizes or storage of their handles in place (`transpose_`, `set_`).
// A function that went into all its callers is taken out of the module.
//
// Requires: a module that verifies. Ensures: it verifies and computes the same bits; program order
// of effects is kept. Cost: O(size of the module + ops that are copied).
#pragma once

#include <cstddef>

#include "ir/passes/pass.h"

namespace gcomp::ir {

inline constexpr size_t kMaxInlinedOps = 4;

StatusOr<bool> InlineBodies(Module& module, const PassContext& context);

inline constexpr Pass kInline = {
    "inline", "Puts wrapped regions and small or once called functions in the place of their op.",
    &InlineBodies};

}  // namespace gcomp::ir
