// Repeats: windows of a sequence that occur more than once, for outlining repeated parts of a
// graph.
//
// Candidates are the repeated substrings of a suffix array (Manber and Myers 1993, with the common
// prefixes of Kasai et al. 2001), most elements saved first. A run of a period is cut into single
// periods, and windows are moved to where the least crosses their ends, so that the layers of a
// network come out whole.
//
// Cost: O(n log^2 n) for the array; the search that follows stops after kMaxWorkPerElement * n
// steps, so that no input makes it quadratic; what was found till then stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace gcomp::ir {

// Windows of equal elements that do not overlap.
struct Repeat {
  size_t length = 0;
  std::vector<size_t> starts;  // ascending, at least two
};

struct RepeatOptions {
  size_t min_length = 2;
  // A repeat counts if (number of windows - 1) * length is more.
  size_t min_saved = 0;
};

inline constexpr size_t kMaxWorkPerElement = 512;

// Divides windows of equal elements into groups that may be one repeat; may leave some out.
using GroupWindows =
    std::function<std::vector<std::vector<size_t>>(size_t length, std::span<const size_t> starts)>;

// Repeats of `elements` that do not overlap each other. cuts[i] is what it costs to begin or end a
// window before element i; size elements.size() + 1.
std::vector<Repeat> FindRepeats(std::span<const uint32_t> elements, std::span<const uint32_t> cuts,
                                const RepeatOptions& options, const GroupWindows& group);

}  // namespace gcomp::ir
