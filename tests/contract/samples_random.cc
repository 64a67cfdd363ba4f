// Samples of random numbers.
#include "tests/contract/samples.h"

namespace gcomp::testing {

SampleTable RandomSamples() {
  return {};
}

}  // namespace gcomp::testing
