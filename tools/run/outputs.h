// Results of a run: as text, in files, and against what was expected.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/tensor.h"

namespace gcomp::tools {

// A name for each result, for files: those of the returned values, with `_1`, `_2` behind a name
// that comes again.
std::vector<std::string> DistinctNames(const std::vector<std::string>& names);

// Fails with E701 for a destination that is none, or too many of them.
Status CheckDestinations(const std::vector<std::string>& destinations, size_t num_results);

// Destination i is for result i; the destinations that are files of many tensors take all results.
// Fails with E604 and E605.
Status WriteOutputs(const std::vector<std::string>& destinations,
                    const std::vector<std::string>& names, const std::vector<Tensor>& results);

// Nested lists, long dims shortened to their ends.
std::string ShowElements(const Tensor& tensor);

struct Comparison {
  std::string name;
  bool equal = false;
  uint64_t mismatches = 0;
  int64_t elements = 0;
  double max_abs_error = 0;  // over elements that are both finite
  double max_rel_error = 0;  // relative to the expected value; over those that are not 0
  std::string text;          // the first mismatches, one per line; empty if equal
};

// Floats agree when |got - want| <= atol + rtol * |want|, or equal, or both NaN; others when equal.
// Requires row-major tensors.
Comparison CompareTensors(std::string name, const Tensor& got, const Tensor& want, double rtol,
                          double atol);

}  // namespace gcomp::tools
