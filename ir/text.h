// The text form of modules: parser and printer (docs/spec/ir.md is the grammar and its rules).
#pragma once

#include <string>
#include <string_view>

#include "ir/diagnostic.h"
#include "ir/module.h"
#include "ir/op_def.h"

namespace gcomp::ir {

struct ParseOptions {
  // Bounds on hostile texts; past one, E802.
  size_t max_bytes = size_t{256} << 20;
  int max_nesting = 64;  // regions, brackets and parentheses
};

// Reads a whole module. Goes on after an error, at the next line, so that one run reports many
// (E501-E503, E505-E510, E802); the returned module is whole only if `diagnostics` has no errors.
// Types written in the text are taken as they stand: Verify re-infers and compares them.
// Lines that start with `//!` are skipped.
Module Parse(std::string_view text, const OpRegistry& ops, Diagnostics& diagnostics,
             const ParseOptions& options = {});

struct PrintOptions {
  bool places = true;  // `loc(...)`
  bool comments = true;
};

// The canonical text: Print(Parse(t)) == t for canonical t.
std::string Print(const Module& module, const PrintOptions& options = {});
std::string Print(const Module& module, const Function& function, const PrintOptions& options = {});
// One op on one line, without its regions: for messages.
std::string PrintOpLine(const Function& function, const Op& op);

}  // namespace gcomp::ir
