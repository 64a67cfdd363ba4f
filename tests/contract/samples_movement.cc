// Samples of views, data movement and creation.
#include "tests/contract/samples.h"

namespace gcomp::testing {

SampleTable MovementSamples() {
  return {};
}

}  // namespace gcomp::testing
