// Suggestion: the known name nearest to a name that was not found, for `did you mean ...?`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gcomp::ir {

// Names longer than 40 bytes are not compared; one or two letters may differ, more in long names.
// Cost of Consider: O(length^2), at most 1,600 steps.
class Suggestion {
 public:
  explicit Suggestion(std::string_view wanted);

  void Consider(std::string_view name);

  // "; did you mean `name`?" with `sigil` before the name, or nothing.
  std::string Text(std::string_view sigil = {}) const;

 private:
  std::string_view wanted_;
  std::string_view best_;
  size_t best_distance_;  // only names nearer than this are taken
};

}  // namespace gcomp::ir
