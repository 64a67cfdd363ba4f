#include "kernels/copy_pieces.h"

namespace gcomp::kernels {

ir::Stage CopyStage(ir::DType dtype, ir::Dims axes, size_t source, ir::Affine from, size_t target,
                    ir::Affine to) {
  ir::Stage stage;
  stage.axes = std::move(axes);
  stage.loads.push_back(
      {.buffer = source, .offset = std::move(from), .guards = {}, .otherwise = {dtype, 0}});
  stage.body_result = stage.body.Param(0, ir::ComputeTypeOf(dtype));
  stage.store_buffer = target;
  stage.store = std::move(to);
  return stage;
}

}  // namespace gcomp::kernels
