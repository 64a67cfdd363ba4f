// DiffLines: what was removed and added between two sequences of lines.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gcomp::tools {

struct DiffStep {
  enum class Kind { kSame, kRemoved, kAdded };
  Kind kind;
  size_t a = 0;  // index of the line in the first sequence: kSame, kRemoved
  size_t b = 0;  // in the second: kSame, kAdded
};

// A shortest edit script: the longest common subsequence stays. Where the parts that differ
// (between common beginning and end) have more than kMaxDiffCells pairs of lines, they are reported
// as removed and added as a whole. Cost: O(n m) time and 4 n m bytes over the parts that differ.
inline constexpr size_t kMaxDiffCells = size_t{1} << 24;
std::vector<DiffStep> DiffLines(std::span<const std::string> a, std::span<const std::string> b);

// The lines of a text, without their ends.
std::vector<std::string> SplitLines(std::string_view text);

// The script as text: "-line", "+line", and up to `context` unchanged lines (" line") around them;
// "..." stands for left-out lines. Each line starts with `indent`. Empty for equal texts.
std::string ShowDiff(std::string_view a, std::string_view b, std::string_view indent,
                     size_t context = 2);

}  // namespace gcomp::tools
