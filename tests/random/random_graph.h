// RandomGraph: valid graphs made from the records of the ops, reproducible from a seed.
//
// Each step picks an op, finds or makes operands that its schema takes, draws attributes by their
// kind, and keeps what type inference accepts. Ops whose operands depend on each other (a weight on
// the channels of an input, an index below a size) have a recipe that knows how (recipes.cc).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ir/dtype.h"
#include "ir/op_def.h"

namespace gcomp::random {

// A form of operands in which an op was tried, as a bit of Histogram::forms.
enum class Form : uint8_t {
  kEmpty,       // an operand without elements
  kRank0,       // a tensor operand of rank 0
  kOne,         // an axis of size 1
  kPastVector,  // an axis of size 9, 17 or 33
  kStrided,     // an operand that is not contiguous
  kOffset,      // an operand that does not start where its storage does
  kBroadcast,   // tensor operands of different sizes
};

// "empty", "rank 0", ...
std::string_view NameOf(Form form);
inline constexpr int kNumForms = 7;

// What random graphs were made of.
struct Histogram {
  std::map<std::string, uint32_t, std::less<>> forms;  // by op
  std::map<std::string, int64_t, std::less<>> ops;
  std::map<std::string, int64_t, std::less<>> dtypes;    // of the results of ops
  std::map<std::string, int64_t, std::less<>> rejected;  // by op: tries that inference refused
  int64_t graphs = 0;
  int64_t in_place = 0;      // graphs that write in place
  int64_t through_view = 0;  // ... a view
  int64_t overlapping = 0;   // ... with another operand in the same storage
  int64_t structured = 0;    // graphs with regions, calls or sizes that the data tell
};

struct RandomGraphOptions {
  uint64_t seed = 1;
  int max_ops = 24;
  // Not empty: at least half of the ops are taken from these.
  std::vector<std::string> favored;
  bool only_favored = false;  // ... and all others are those that recipes need
};

// The text of a test file (docs/testing.md): one module with `passes:` and `diff:` directives.
// Adds what it is made of to `histogram`.
std::string MakeRandomGraph(const ir::OpRegistry& ops, const RandomGraphOptions& options,
                            Histogram& histogram);

}  // namespace gcomp::random
