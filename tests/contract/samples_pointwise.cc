// Samples of pointwise ops with attributes.
#include "tests/contract/samples.h"

namespace gcomp::testing {

SampleTable PointwiseSamples() {
  return {};
}

}  // namespace gcomp::testing
