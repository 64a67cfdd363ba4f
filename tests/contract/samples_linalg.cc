// Samples of matrix products, convolutions, pools.
#include "tests/contract/samples.h"

namespace gcomp::testing {

SampleTable LinalgSamples() {
  return {};
}

}  // namespace gcomp::testing
