// Samples of indexing, sorting.
#include "tests/contract/samples.h"

namespace gcomp::testing {

SampleTable IndexSamples() {
  return {};
}

}  // namespace gcomp::testing
