// TestFile: a text file of modules and the `//!` directives between their lines (docs/testing.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace gcomp::filetest {

// `//! name: text`. A directive whose brackets are still open goes on in the next `//!` line.
struct Directive {
  int line = 0;  // of its first line in the file, from 1
  std::string name;
  std::string text;
};

// The lines between `//! expect-begin` and `//! expect-end`, without their prefix.
struct Expectation {
  int begin_line = 0;
  int end_line = 0;
  std::string text;
};

// One module of the file.
struct TestModule {
  int line = 1;  // where it starts
  // What the parser gets: directives included (it skips them), as many empty lines in front as
  // stand before it in the file.
  std::string text;
  // The module alone: no directives, no empty lines at its ends, one at most in a row.
  std::string own_text;
  std::vector<Directive> directives;
  std::vector<Expectation> expectations;

  // Directives of one name, in order.
  std::vector<const Directive*> All(std::string_view name) const;
  const Directive* Find(std::string_view name) const;
};

struct TestFile {
  std::string path;
  std::string text;
  std::vector<TestModule> modules;
};

// Splits a text into modules and directives. Fails with E501 and the line for a directive that does
// not exist, has no name or does not end.
StatusOr<TestFile> ParseTestFile(std::string path, std::string text);

}  // namespace gcomp::filetest
