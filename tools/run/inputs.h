// BindInputs: the tensors of one call, from what the command line tells and what the function asks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/engine.h"
#include "runtime/tensor.h"
#include "tools/run/input_spec.h"

namespace gcomp::tools {

struct BoundInputs {
  std::vector<Tensor> tensors;      // in the order of Session::inputs
  std::vector<std::string> random;  // names of those that nothing told
  uint64_t seed = 0;
  std::string sizes;  // "s0 = 8, s1 = 2"; empty = the function has no size symbols
};

// Size symbols take their values from --size and from the inputs that have dims of their own, the
// others the least value that the function allows, at least 1. All inputs that do not fit are
// reported at once (E702). Fails with E701 for a spec that names nothing, and as the files do.
StatusOr<BoundInputs> BindInputs(const Session& session, const std::string& function,
                                 const std::vector<std::string>& specs,
                                 const std::vector<std::string>& sizes, TensorFiles& files);

// Gives each request the index of the port it is for: by name, or the next one without. A request
// for a whole file becomes one request for each port that the file has. The result has one entry
// per port; nullopt = not told. Fails with E701 (`what` names the flag in messages) and as files
// do.
StatusOr<std::vector<std::optional<TensorRequest>>> AssignRequests(
    std::vector<TensorRequest> requests, const std::vector<std::string>& ports,
    std::string_view what, TensorFiles& files);

}  // namespace gcomp::tools
