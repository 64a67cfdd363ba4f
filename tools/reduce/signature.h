// Edits of what a module has and a function's header says: items, results, parameters, facts.
#pragma once

#include "tools/reduce/reductions.h"

namespace gcomp::reduce {

// Functions and globals go.
EditGroups DropItems(const Draft& draft);

// Results go, with what callers make of them and runs expect of them.
EditGroups DropResults(const Draft& draft);

// Parameters that nobody uses go, with the operands and arguments given for them.
EditGroups DropParams(const Draft& draft);

// Comments, places, `attrs`, effects, annotations, ranges of symbols and layouts of parameters go.
EditGroups DropFacts(const Draft& draft);

}  // namespace gcomp::reduce
