// MatchChecks: `check` directives against a printed module (docs/testing.md).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tools/filetest/test_file.h"

namespace gcomp::filetest {

struct CheckFailure {
  int line = 0;  // of the directive
  std::string message;
};

// The first directive among check, check-next, check-not, check-count and check-label (others are
// skipped) that `output` does not satisfy; nullopt if all are satisfied.
//   check: TEXT          TEXT stands in a line after the last match
//   check-next: TEXT     in the very next line
//   check-not: TEXT      in no line between the matches around it
//   check-count: N TEXT  in exactly N lines between the last match and the next label, or the end
//   check-label: TEXT    as check, but searched first: checks before it stay above its line
// In TEXT, blanks match any number of blanks, `[[name:regex]]` matches a regular expression
// (ECMAScript) and names what it found, `[[name]]` is what was found. Names hold to the end.
std::optional<CheckFailure> MatchChecks(std::span<const Directive> directives,
                                        std::string_view output);

}  // namespace gcomp::filetest
