// Outline: repeated runs of ops become calls of one function, so that the equal layers of a graph
// that came without functions are prepared, differentiated and compiled once.
//
//   %h0: f32[8, 8] = ... 12 ops on %x           %h0: f32[8, 8] = invoke @main.block(%x, %w0)
//   %h1: f32[8, 8] = the same on %h0       ->   %h1: f32[8, 8] = invoke @main.block(%h0, %w1)
//   ... 80 times                                ...
//
// A window is a run of neighboring ops of a function's body. Windows are equal if their ops are,
// one by one (ir::OpClasses), and use each other's results alike; values from outside are
// parameters in the order of first use, and may be different ones. Values that are used outside a
// window, by any of the windows, are results. Size symbols are parameters of the function, under
// their names. Of all ways to cut, that which saves most ops comes first; windows have at least
// kMinBlockOps ops, so that a call costs little beside its body, and must save more than
// kMinSavedOps ops in all. They begin where the fewest values cross.
//
// Only pure ops go, by regions and all: writes in place, views of storage that is written
// somewhere, random and ordered effects, and ops that define sizes stay where they are, and no
// window reaches over them. Nor over calls: what is a function already is shared; run `inline`
// first where small functions hide the repetition. A value that is not a tensor in row-major order
// is no result, since a call gives results storage of their own. Comments inside windows after the
// first are lost with their ops; those before a window stay with its call.
// `alias` facts that a call breaks are dropped, and what the signature says to lie in a parameter
// (`alias` on a result) is not moved.
//
// Requires: a module that verifies; an op that calls in the registry. Ensures: it verifies and
// computes the same bits; a second run finds nothing. Cost: O(n log^2 n) for n ops of a function.
#pragma once

#include <cstddef>

#include "ir/passes/pass.h"

namespace gcomp::ir {

inline constexpr size_t kMinBlockOps = 8;
inline constexpr size_t kMinSavedOps = 32;

StatusOr<bool> OutlineRepeats(Module& module, const PassContext& context);

inline constexpr Pass kOutline = {"outline", "Makes functions of repeated runs of ops.",
                                  &OutlineRepeats};

}  // namespace gcomp::ir
