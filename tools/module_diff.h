// DiffModules: how two modules differ in structure, op by op, with renamed values apart.
#pragma once

#include <string>

#include "ir/module.h"

namespace gcomp::tools {

// A report for people:
//   @main
//   - %h: f32[4] = exp(%x)
//   + %h: f32[4] = tanh(%x)
//     renamed: %y -> %out
// Functions are paired by name. Ops are aligned by what they are (record, attributes, literals,
// result types), not by the names of their values; an aligned op whose operands are not the aligned
// ones is shown as removed and added. Places and comments are not compared.
struct ModuleDiff {
  std::string text;            // empty if nothing differs, not even a name
  bool same_structure = true;  // nothing but names differs
};

ModuleDiff DiffModules(const ir::Module& a, const ir::Module& b);

}  // namespace gcomp::tools
