// The types in which gcomp's own loops hold and sum the products of matmul and convolution.
#pragma once

#include <cstdint>

#include "ir/dtype.h"

namespace gcomp::kernels {

// visit.operator()<T, Acc>() for elements T and sums Acc: f16 and bf16 are widened to f32 before;
// integers wrap, as sums of unsigned words, whose low bits are those of the signed sum. A dtype
// that is not summed gives a default result.
template <class Visit>
auto WithSumTypes(ir::DType dtype, const Visit& visit)
    -> decltype(visit.template operator()<float, float>()) {
  switch (dtype) {
    case ir::DType::kF16:
    case ir::DType::kBF16:
    case ir::DType::kF32:
      return visit.template operator()<float, float>();
    case ir::DType::kF64:
      return visit.template operator()<double, double>();
    case ir::DType::kI8:
    case ir::DType::kU8:
      return visit.template operator()<uint8_t, uint32_t>();
    case ir::DType::kI16:
    case ir::DType::kU16:
      return visit.template operator()<uint16_t, uint32_t>();
    case ir::DType::kI32:
    case ir::DType::kU32:
      return visit.template operator()<uint32_t, uint32_t>();
    case ir::DType::kI64:
    case ir::DType::kU64:
      return visit.template operator()<uint64_t, uint64_t>();
    default:
      return {};
  }
}

}  // namespace gcomp::kernels
