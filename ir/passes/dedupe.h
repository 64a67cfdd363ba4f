// Dedupe: functions that are equal in structure become one.
//
//   %a: f32[4] = invoke @layer0(%x, %w0)        %a: f32[4] = invoke @layer0(%x, %w0)
//   %b: f32[4] = invoke @layer1(%a, %w1)   ->   %b: f32[4] = invoke @layer0(%a, %w1)
//
// Equal is what ir/structure.h calls so: names, places and comments do not count, symbols are
// numbered by first occurrence, callees are compared by what they are. Of equal functions one
// stands for all: the first exported one, else the first; exported functions stay in any case. The
// others go, with their comments, and calls and attributes name the one that is left.
//
// Requires: a module that verifies. Ensures: it verifies and computes the same bits. Cost: O(size
// of the module), each function once.
#pragma once

#include "ir/passes/pass.h"

namespace gcomp::ir {

StatusOr<bool> DedupeFunctions(Module& module, const PassContext& context);

inline constexpr Pass kDedupe = {"dedupe", "Makes one function of functions of equal structure.",
                                 &DedupeFunctions};

}  // namespace gcomp::ir
