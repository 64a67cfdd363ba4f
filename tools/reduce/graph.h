// What edits share: finding, removing and replacing parts of a function.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "ir/module.h"

namespace gcomp::reduce {

// Where an op stands.
struct OpPlace {
  ir::BlockId block;
  size_t position = 0;
};

// All ops that blocks list, each before those of its regions; in the order of the text.
std::vector<ir::OpId> LiveOps(const ir::Function& function);

// The functions of the module by index, as its items list them.
std::vector<size_t> LiveFunctions(const ir::Module& module);

// False if no block lists the op any more.
bool FindOp(const ir::Function& function, ir::OpId op, OpPlace* place);

// True if an op that a block lists, or a terminator, uses the value.
bool IsUsed(const ir::Function& function, ir::ValueId value);

// Removes the op from its block.
void RemoveOp(ir::Function& function, ir::OpId op);

// Removes ops without used results, until none is left. Ops without results stay.
void RemoveDeadOps(ir::Function& function);

void EraseOperand(ir::Op& op, size_t index);

// Equal dtype and sizes, whatever the layout; other types are equal.
bool SameShape(const ir::Type& a, const ir::Type& b);

// The values that a block has defined before its op number `position`: parameters, then results.
std::vector<ir::ValueId> ValuesBefore(const ir::Function& function, ir::BlockId block,
                                      size_t position);

// Calls `visit` with each op of the module that calls `callee`, and its function.
void ForEachCall(ir::Module& module, const std::string& callee,
                 const std::function<void(ir::Function&, ir::Op&)>& visit);

// Calls `visit` for every size and number inside an attribute.
void ForEachExpr(ir::AttrValue& value, const std::function<void(ir::Expr&)>& visit);

// Replaces size symbols in all that the function says: types, attributes, sizes of calls, ranges.
void SubstituteSymbols(ir::Function& function, const std::function<ir::Expr(ir::SymId)>& replace);

}  // namespace gcomp::reduce
