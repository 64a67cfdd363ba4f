// Pass: one rewrite of a whole module, as a name, a sentence and a function.
//
// A pass takes a module that verifies and leaves one that verifies and computes the same bits. It
// says whether it changed anything. Passes are constant records; the list of all is in pipeline.cc.
// Names of values, places and comments stay with the ops that stay; the comments of an op that goes
// go with it.
#pragma once

#include <string_view>

#include "base/cpu.h"
#include "base/status.h"
#include "ir/module.h"
#include "ir/op_def.h"

namespace gcomp::ir {

// What passes may ask of their surroundings.
struct PassContext {
  const OpRegistry& ops;
  CpuLevel cpu = CpuLevel::kV3;  // of the kernels that constant folding runs
};

struct Pass {
  std::string_view name;
  std::string_view doc;  // one sentence
  StatusOr<bool> (*run)(Module& module, const PassContext& context);
};

}  // namespace gcomp::ir
