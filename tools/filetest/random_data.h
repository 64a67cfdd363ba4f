// FillRandom: reproducible test data: the same seed gives the same bits on every machine.
#pragma once

#include <cstdint>
#include <string_view>

#include "ir/dtype.h"

namespace gcomp::filetest {

enum class RandomKind : uint8_t {
  kTypical,   // floats in (-4, 4), integers in [-8, 8] or [0, 16]
  kSpecial,   // half of the elements are NaN, infinities, zeros of both signs, denormals, extremes
  kInfinite,  // a quarter of the floats are infinite or NaN, the rest typical
};

std::string_view NameOf(RandomKind kind);

// Writes n elements of a real dtype. Source of the generator: SplitMix64 (Steele et al. 2014).
void FillRandom(RandomKind kind, uint64_t seed, ir::DType dtype, int64_t n, void* data);

}  // namespace gcomp::filetest
