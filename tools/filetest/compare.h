// Compare: whether a result is what was expected, and where it is not.
#pragma once

#include <string>

#include "runtime/tensor.h"

namespace gcomp::filetest {

// An element passes when it equals what was expected (bits, or both NaN), or is finite and
//   |got - expected| <= atol + rtol * |expected| + rscale * scale   or   ulp steps of the dtype
//   away,
// where `scale` is the largest finite magnitude among the arguments and the expected values:
// rounding errors of sums grow with what is summed, not with the sum.
struct Bound {
  double atol = 0;
  double rtol = 0;
  double ulp = 0;
  double rscale = 0;
  double scale = 0;
};

// Empty if all elements pass, else a text of one line: "3 of 12 elements differ, first at [0, 2]:
// got 1.5, expected 1.25 (2097152 ulp)". Both must be row-major; dtype and sizes must agree.
std::string FirstMismatch(const Tensor& got, const Tensor& expected, const Bound& bound);

// The largest finite magnitude of the elements; 0 if there is none.
double LargestMagnitude(const Tensor& tensor);

}  // namespace gcomp::filetest
