// What ops that make tensors out of nothing have in common: the written type, and filling.
#pragma once

#include <cstdint>

#include "ir/op_def.h"
#include "kernels/pacer.h"

namespace gcomp::kernels {

// The written type of result 0. Fails with E504 unless it is given and a row-major tensor.
StatusOr<ir::Type> WrittenType(const ir::InferCtx& ctx);

// E508 if one of the sizes of an attribute is below 0 for sure.
Status CheckSizes(const ir::InferCtx& ctx, const ir::Dims& sizes);

// Fills n elements of `bytes` bytes (1, 2, 4 or 8) each with copies of *value, until the pacer
// stops it.
Status Fill(void* target, const void* value, int64_t bytes, int64_t n, Pacer& pacer);

}  // namespace gcomp::kernels
