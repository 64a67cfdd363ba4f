// Structural identity: functions that compute the same, whatever their values are called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/hash.h"
#include "ir/module.h"

namespace gcomp::ir {

// 128-bit Merkle hash over parameter types (symbols numbered by first occurrence), annotations, ops
// in order (record name, attributes, operand positions, region hashes, callee hashes), results and
// effects. Not in it: names of values, functions and symbols, places, comments.
// Cost: O(size of the function and its callees).
Hash128 HashOf(const Module& module, const Function& function);
Hash128 HashOf(const Module& module);

// The hashes of all functions, by index. Cost: O(size of the module), each function once.
std::vector<Hash128> FunctionHashes(const Module& module);

// The classes of functions that are equal by full comparison: for each function, by index, the one
// of its class that comes first in the text. Cost: O(size of the module), each function once.
std::vector<size_t> EqualFunctions(const Module& module);

// The number that each symbol of `<...>` has in hash and comparison: first those that are the whole
// of a parameter's size, in the order of the parameters, then the others as they are declared.
std::vector<uint32_t> SymbolNumbers(const Function& function);

// A number for each of the given ops of one function; equal for ops that do the same with operands
// of equal types: record, attributes, types, literals, regions, callee, sizes by the same symbols.
// Which values the operands are does not count. Cost: linear in the ops.
std::vector<uint32_t> OpClasses(const Module& module, const Function& function,
                                std::span<const OpId> ops);

// Full structural comparison under the same rules.
bool Equal(const Module& a_module, const Function& a, const Module& b_module, const Function& b);
bool Equal(const Module& a, const Module& b);

}  // namespace gcomp::ir
