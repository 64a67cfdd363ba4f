// Inputs that share memory, as a caller may give them: what one of them is written, others see.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/status.h"
#include "ir/module.h"
#include "runtime/tensor.h"

namespace gcomp::filetest {

// Two inputs in one block of memory.
struct SharedInputs {
  size_t first;  // the inputs
  size_t second;
  const void* block;
  int64_t num_elements;  // of the block
  int64_t first_at;      // where the inputs begin, in elements
  int64_t second_at;
};

// The two inputs that share memory; nullopt where all are apart.
std::optional<SharedInputs> SharedOf(std::span<const Tensor> inputs);

// The inputs of `function` with two of them laid over each other: a row-major one that the function
// writes, and another of its dtype. nullopt where there are no such two, or one is `noalias` or
// `donate`d. `seed` picks how far apart they begin.
StatusOr<std::optional<std::vector<Tensor>>> Overlaid(const ir::Function& function,
                                                      std::span<const Tensor> inputs,
                                                      uint64_t seed);

// Copies of all inputs, which share memory where those do.
StatusOr<std::vector<Tensor>> CopyTogether(std::span<const Tensor> inputs);

}  // namespace gcomp::filetest
