// Tensors made by the tool: random numbers, counts, and elements written on the command line.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/module.h"
#include "runtime/tensor.h"
#include "runtime/weights.h"

namespace gcomp::tools {

// The recipe of `gcomp-run --help`: the same bytes on every machine. Fails with E511 for a dtype
// that is not computed on, E801, E802.
StatusOr<Tensor> RandomTensor(DType dtype, const std::vector<int64_t>& sizes, uint64_t seed);

// 0, 1, 2, ... in row-major order. Fails with E701 where the dtype does not hold the number
// exactly.
StatusOr<Tensor> IotaTensor(DType dtype, const std::vector<int64_t>& sizes);

// Elements in text, with spaces, commas or brackets between them: as many as the tensor has, or one
// for all. Fails with E701.
StatusOr<Tensor> TensorFromText(DType dtype, const std::vector<int64_t>& sizes,
                                std::string_view text);

// Random values for all weights that exported functions ask for; weight i (in the order of the
// text) takes the seed `seed + i`.
StatusOr<std::shared_ptr<const WeightStore>> RandomWeights(const ir::Module& module, uint64_t seed);

}  // namespace gcomp::tools
