// View-to-reshape: a view that nothing is written through becomes a reshape.
//
//   %v: f32[1, 8] alias(%x) = view(%x, shape = [1, 8])
//   -> %v: f32[1, 8] = reshape(%x, shape = [1, 8])
//
// A reshape is a value of its own: it demands no layout of its operand, so that later passes may
// change that, and merges with other reshapes (canonicalize). It moves no bytes where the view did
// not.
//
// Requires: a module that verifies. Ensures: it verifies and computes the same bits; functions that
// write in place are left alone, and so are views of other layouts than row-major and those that a
// block yields, or views of which it yields. Cost: O(ops).
#pragma once

#include "ir/passes/pass.h"

namespace gcomp::ir {

StatusOr<bool> ViewToReshape(Module& module, const PassContext& context);

inline constexpr Pass kViewToReshape = {
    "view_to_reshape", "Makes views reshapes where nothing is written.", &ViewToReshape};

}  // namespace gcomp::ir
