// Samples of reductions, scans and norms.
#include "tests/contract/samples.h"

namespace gcomp::testing {

SampleTable ReduceSamples() {
  return {};
}

}  // namespace gcomp::testing
