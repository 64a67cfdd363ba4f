#include "kernels/all_ops.h"

#include <vector>

namespace gcomp::kernels {

#define GCOMP_OPS(file) std::span<const ir::OpDef* const> OpsOf_##file();
#include "all_ops.inc"
#undef GCOMP_OPS

std::span<const ir::OpDef* const> AllOps() {
  static const std::vector<const ir::OpDef*> kAll = [] {
    std::vector<const ir::OpDef*> all;
    for (std::span<const ir::OpDef* const> ops : {
#define GCOMP_OPS(file) OpsOf_##file(),
#include "all_ops.inc"
#undef GCOMP_OPS
         }) {
      all.insert(all.end(), ops.begin(), ops.end());
    }
    return all;
  }();
  return kAll;
}

}  // namespace gcomp::kernels
