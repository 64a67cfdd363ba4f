// Floating-point operations of a graph: an estimate for people and for decisions on cost.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "ir/module.h"

namespace gcomp::ir {

struct FlopCount {
  int64_t total = 0;
  // Of the functions that are called, each with all that it calls itself.
  std::map<std::string, int64_t> by_function = {};
};

struct FlopOptions {
  // Turns of a `while`; one with max_trip counts at most that often.
  int64_t trips = 1;
};

// Counts products: matrix products, linear layers, convolutions and the two of attention, a
// multiplication and an addition as two. Of branches it takes the one with most, in total and for
// each function; bodies of map, scan and assoc_scan count once for each slice. `symbols`: the sizes
// that the function is called with (Function::num_symbol_params); sizes from data count as the most
// that they may be, those without a bound as the least. Sums end at INT64_MAX. Cost: O(size of the
// function and its callees), a callee anew for each call.
FlopCount CountFlops(const Module& module, const Function& function,
                     std::span<const int64_t> symbols, const FlopOptions& options = {});

}  // namespace gcomp::ir
