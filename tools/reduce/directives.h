// Edits of directives, and what happens to directives when the module's signature changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tools/reduce/draft.h"

namespace gcomp::reduce {

// Each drops a directive, a pass, a set of sizes or a count of seeds. Notes stay.
std::vector<Edit> DropDirectives(const Draft& draft);

// Each writes `value` for one size of one set of sizes.
std::vector<Edit> ShrinkDirectiveSizes(const Draft& draft, int64_t value);

// Drops argument `index` (counted without weights) of the runs of a function.
void DropArgument(Directives& directives, std::string_view function, size_t index);

// Drops the value that the runs of a function expect as result `index`; a run that expects nothing
// more goes.
void DropExpectedResult(Directives& directives, std::string_view function, size_t index);

// Drops a size symbol of a function from its sets of sizes.
void DropSize(Directives& directives, std::string_view function, std::string_view symbol);

// The numbers that the sets of sizes give to any symbol, sorted.
std::vector<int64_t> DirectiveSizes(const Directives& directives);

// Takes out what edits have emptied: directives, passes, sets; sets that stand there twice.
void TidyDirectives(Directives& directives);

}  // namespace gcomp::reduce
