#include "jit/code.h"

namespace gcomp::jit {

LoadedCode::~LoadedCode() = default;

}  // namespace gcomp::jit
