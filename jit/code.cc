#include "jit/code.h"

namespace gcomp::codegen {

LoadedCode::~LoadedCode() = default;

}  // namespace gcomp::codegen
