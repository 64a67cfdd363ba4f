// OpenWeights: the one call that opens a file of weights, whatever its format.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "runtime/weights.h"

namespace gcomp {

// Opens a safetensors or .npz file; the first bytes tell which. Fails as OpenSafetensors and
// OpenNpz do, and with E604 for a .npy file, which has no names.
StatusOr<std::shared_ptr<const WeightStore>> OpenWeights(const std::string& path);

}  // namespace gcomp
