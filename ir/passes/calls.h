// The calls between the functions of a module, for passes that change both sides of a call.
//
// A call is an op whose body is its callee (OpDef::Body::kCallee): it runs the function once on all
// its operands. A function that is named in any other way (as an attribute, by an op that derives
// another function from it) keeps its signature.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ir/module.h"

namespace gcomp::ir {

// The index of the function that `op` calls; nullopt if it is no call.
std::optional<size_t> CalledFunction(const Module& module, const Op& op);

// Calls `visit` for each name of a function or global that the live ops of the function hold, in
// callees and attributes, and for those in the function's own attributes.
void ForEachName(Function& function, const std::function<void(std::string&)>& visit);

// Who uses a function.
struct FunctionUses {
  size_t calls = 0;
  bool otherwise = false;  // named by what is no call
};

// By index of the function. Cost: O(size of the module).
std::vector<FunctionUses> CountUses(Module& module);

// Indices of all functions, each after those that it names. Cost: O(size of the module), no
// recursion. Functions that name each other in a circle (verify rejects calls that do) come in some
// order.
std::vector<size_t> CalleesFirst(Module& module);

// Takes out the functions whose index is set. Requires that no other names them.
void RemoveFunctions(Module& module, const std::vector<bool>& removed);

// Adds a function behind another, in the text and by index: those behind move on by one. Requires a
// name that the module does not have. Cost: O(functions).
Function& AddFunctionAfter(Module& module, size_t index, std::string name);

// What the size symbols `<...>` of the callee are in the caller's symbols, as type inference binds
// them: by written sizes, and by operands. nullopt if some symbol has none (such a call does not
// verify).
std::optional<std::vector<Expr>> BoundSizes(const Function& caller, const Op& call,
                                            const Function& callee);

// True if `size` is within the range of `symbol` whatever the caller's sizes are, so that nothing
// is lost if nobody checks it. `bound` gives the symbols that the range speaks of.
bool FitsRange(const Function& caller, const Expr& size, const Symbol& symbol,
               const std::function<Expr(SymId)>& bound);

// The number of live ops, in regions too.
size_t CountOps(const Function& function);

}  // namespace gcomp::ir
