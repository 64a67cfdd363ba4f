// ElementWriter: how elements that are written meet those that are there: they replace them, or are
// combined with them. For scatter and index_put.
//
// Each combination rounds to the dtype of the elements (f16 and bf16 too), as they are stored;
// integers wrap; max and min are those of ir/scalar.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "ir/dtype.h"

namespace gcomp::kernels {

struct ElementWriter {
  // n neighbors at y.
  void (*run)(char* y, const char* s, int64_t n);
  // One element at each offset (bytes), in order; s is dense.
  void (*points)(char* y, const int64_t* offsets, const char* s, int64_t n);
};

// reduce: none (replace), add, mul, max, min. nullopt: no such way for elements of this dtype; bool
// has none only.
std::optional<ElementWriter> ElementWriterFor(std::string_view reduce, ir::DType dtype);

}  // namespace gcomp::kernels
