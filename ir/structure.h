// Structural identity: functions that compute the same, whatever their values are called.
#pragma once

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

// Full structural comparison under the same rules.
bool Equal(const Module& a_module, const Function& a, const Module& b_module, const Function& b);
bool Equal(const Module& a, const Module& b);

}  // namespace gcomp::ir
