// CheckRoundTrip: that the text of a module gives the same module back.
#pragma once

#include <string>

#include "base/format.h"
#include "base/status.h"
#include "ir/structure.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace gcomp::testing {

// Prints the module, parses and verifies what was printed, and prints that: the texts and the
// structures must be equal.
inline Status CheckRoundTrip(const ir::Module& module, const ir::OpRegistry& ops) {
  const std::string text = ir::Print(module);
  ir::Diagnostics diagnostics("round-trip.ir", text);
  const ir::Module again = ir::Parse(text, ops, diagnostics);
  if (diagnostics.ok()) ir::Verify(again, diagnostics);
  if (!diagnostics.ok()) return Status(ErrorId::E999, diagnostics.Render());
  const std::string second = ir::Print(again);
  if (second != text) {
    return Status(ErrorId::E999, Format("printed:\n{}then:\n{}", text, second));
  }
  if (!ir::Equal(module, again)) return Status(ErrorId::E999, "another structure: " + text);
  return {};
}

}  // namespace gcomp::testing
