// Edits of types: symbols become numbers, sizes smaller, ranks lower, dtypes f32.
//
// Types that the text fixes (of parameters, of ops that take theirs from the text) and attributes
// that are sizes are changed together; the others are inferred again.
#pragma once

#include "tools/reduce/reductions.h"

namespace gcomp::reduce {

// Size symbols become one of the numbers that directives give them, or 1, 2 or 3.
EditGroups ReplaceSymbols(const Draft& draft);

// A number among the sizes becomes 1, 2, 3 or its half, everywhere; then so does one size of one
// parameter; then the sizes in directives.
EditGroups ShrinkSizes(const Draft& draft);

// All values of one shape lose one of its dims, or all of them.
EditGroups DropDims(const Draft& draft);

// A dtype becomes f32 everywhere, or i32.
EditGroups SimplifyDTypes(const Draft& draft);

}  // namespace gcomp::reduce
