// The verifier's rules on storage: who writes what, and what the annotations say of it.
#pragma once

#include "ir/diagnostic.h"
#include "ir/module.h"

namespace gcomp::ir {

// Requires a function that has passed all other rules. Reports
// - a write to a parameter that is not `mut`, to a literal (E507), or to the parameter of a region
//   whose op refuses that (E206, E213, E224);
// - the use of a value after its handle changed: `transpose_`, `set_`, ... (E507);
// - `alias`, `into` and `noalias` that say what is not so (E507);
// - effects of the body that the signature does not list (E508).
void CheckWrites(const Module& module, const Function& function, Diagnostics& diagnostics);

}  // namespace gcomp::ir
