// The tier that a command line asks for.
#pragma once

#include <string>

#include "base/status.h"
#include "runtime/engine.h"

namespace gcomp::tools {

inline constexpr char kTierHelp[] = "How to run it: auto, interp, compiled [auto]";

// "interp". Fails with E701.
StatusOr<Tier> ParseTier(const std::string& text);

}  // namespace gcomp::tools
