// The blocks of a function that its text shows, for passes that walk all of them.
#pragma once

#include <vector>

#include "ir/module.h"

namespace gcomp::ir {

// The body and the blocks of regions, each before the blocks inside it, in the order of the text.
// Cost: O(live ops), no recursion.
std::vector<BlockId> LiveBlocks(const Function& function);

}  // namespace gcomp::ir
