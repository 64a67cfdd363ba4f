// Verify: the rules that every module keeps which a tier runs. Each broken rule is one diagnostic
// with the place of the op (if it came from text).
//
// Module: names of functions, of globals and of source files are unique (E502); the word of a place
//   is in the file table (E502); the initial value of a global fits its type (E504); a global is
//   annotated by `mut` and `noalias` alone (E507).
// Calls: an op that calls has a callee, which is a function or global of the module, and no other
//   op has one; no function calls itself, directly or through others, regions included (E506).
// Signatures: parameters' types use the symbols in `<...>` alone, results' also those that the
//   signature defines, and the body defines each of these (E503); effects are rng, io, state and
//   host, each once (E508).
// Symbols: every symbol in a type, size attribute, callee size or range is declared: in `<...>`, by
//   `defines` on an op before, or by an int<u> parameter of a region around; once each; constant
//   ranges are not empty; `defines` stands only on ops that are data-dependent, call or have
//   regions, and each of its symbols is a size of a result or an int among them, but for calls
//   (E503). An int<u> parameter of a region whose u is known around it takes that int alone (E504).
// Values: names are unique in a block; operands and terminators use values that their own block has
//   defined before (E502); a terminator names no literal (E504).
// Ops: the op is known (E510); each required operand is there and no optional one twice; dtypes are
//   in the schema's sets, and values other than tensors stand where the schema says; a literal has
//   the dtype that the text would give it (E504); attributes have the schema's kinds and required
//   ones are there (E508).
// Types: the op's infer accepts the operands, and the types that are written are those it infers
//   (E504: "printed X, inferred Y", or the id that infer gives); the function's results have the
//   types of the returned values (E504).
// Regions: labels and number are those of the schema (E505); their types are what infer checks.
// Annotations (E507): `mut` and `donate` stand on parameters of functions, `weight` on those of
//   exported functions, `into` on results of functions; `alias` and `into` name a parameter or an
//   earlier value of the same block, on results a parameter; `into` names one of equal type.
// Writes: what ir/verify_writes.h lists (E206, E213, E224, E507, E508).
// Sizes: a range speaks of symbols declared before it, no size is below 0 for sure (E503).
// The tables of the module are whole: ids in range, an op and a block in one place only (E999);
//   regions nest at most kMaxRegionNesting deep (E802).
//
// Regions are verified before the op that has them, each op once. Where infer fails, the types
// written stand, so that one error is reported once.
// Cost: linear in the module, beside what infer costs. Thread safety: reads the module only.
#pragma once

#include "ir/diagnostic.h"
#include "ir/module.h"

namespace gcomp::ir {

inline constexpr int kMaxRegionNesting = 256;

void Verify(const Module& module, Diagnostics& diagnostics);

}  // namespace gcomp::ir
