// Size symbols of functions that a trace has built. Internal.
#pragma once

#include <span>
#include <vector>

#include "ir/module.h"

namespace gcomp::internal {

// The symbols that types, attributes, callee sizes and ranges of `function` speak of, ascending.
// Cost: O(size of the function).
std::vector<ir::SymId> SymbolsIn(const ir::Function& function);

// Those in the attributes and callee sizes of one op, and in its regions; may name one twice.
std::vector<ir::SymId> SymbolsIn(const ir::Function& function, const ir::Op& op);

// The symbols in one type, in the order in which they stand.
std::vector<ir::SymId> SymbolsIn(const ir::Type& type);

// Keeps the symbols `params` (as `<...>`, in this order) and then `others`, and renumbers them
// everywhere. All that the function speaks of must be among them.
void KeepSymbols(ir::Function& function, std::span<const ir::SymId> params,
                 std::span<const ir::SymId> others);

// True if a call with operands of the parameters' types binds the symbol.
bool IsBoundByParams(const ir::Function& function, ir::SymId id);

}  // namespace gcomp::internal
