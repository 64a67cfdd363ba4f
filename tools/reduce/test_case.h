// TestCase: what is reduced: the modules of one file as text, each with its directives.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tools/filetest/test_file.h"

namespace gcomp::reduce {

// Directives as docs/testing.md has them. The lines of `expect-begin` ... `expect-end` are a
// directive named kExpect, with line ends between them. A directive without a name is none: edits
// drop a directive by taking its name, so that the numbers of the others stay.
using Directives = std::vector<filetest::Directive>;

inline constexpr std::string_view kExpect = "expect";

// A module in canonical text, without directives.
struct Piece {
  std::string module;
  Directives directives;
};

struct TestCase {
  std::string path;  // of the file, for messages
  std::vector<Piece> pieces;
};

// Splits a file as gcomp-filetest does. Fails with E501.
StatusOr<TestCase> ReadTestCase(const std::string& path, std::string text);

// The text of a test file: notes, the module, the other directives, in this order for each piece.
// Files of weights are given relative to `weights_folder`; empty = as they were written.
std::string Print(const TestCase& test_case, std::string_view weights_folder = {});

// True if a directive checks anything: gcomp-filetest fails for a module that has none.
bool HasStatement(const Directives& directives);

}  // namespace gcomp::reduce
