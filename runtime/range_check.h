// RangeChecked: the kernel of an op that defines integers which no shape speaks of.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ir/kernel.h"

namespace gcomp {

// An integer that a kernel computes must lie in [low, high].
struct IntegerRange {
  size_t result;
  int64_t low;
  int64_t high;
  std::string symbol;
};

// Runs the kernel, then fails with E401 for an integer that is out of its range.
std::unique_ptr<ir::Kernel> RangeChecked(std::unique_ptr<ir::Kernel> kernel,
                                         std::vector<IntegerRange> ranges);

}  // namespace gcomp
