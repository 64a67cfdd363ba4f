// The size symbols that a function and its parts speak of.
#pragma once

#include <functional>
#include <span>

#include "ir/module.h"

namespace gcomp::ir {

using VisitSymbol = std::function<void(SymId)>;

// Calls `visit` for each occurrence of a symbol.
void ForEachSymbol(const Type& type, const VisitSymbol& visit);
void ForEachSymbol(const AttrValue& attr, const VisitSymbol& visit);

// In attributes, callee sizes and `defines` of the op, and in the types of its results; not in its
// regions.
void ForEachSymbol(const Function& function, const Op& op, const VisitSymbol& visit);

// Calls `visit` for each symbol that type inference of a call binds by an operand for this
// parameter: those that are the whole of a dim, stride or offset, or the value of an int.
void ForEachBoundSymbol(const Type& param, const VisitSymbol& visit);

// Puts symbol to[i] in the place of symbol i in all that the function's tables hold; the table of
// symbols itself stays, but for the ranges.
void RenameSymbols(Function& function, std::span<const SymId> to);

}  // namespace gcomp::ir
