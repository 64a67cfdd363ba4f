// CpuLevel: which of the kernels' builds this processor runs. The bits of `exact` ops are the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace gcomp {

enum class CpuLevel : uint8_t {
  kV3,  // x86-64-v3: AVX2, FMA; the least that gcomp runs on
  kV4,  // x86-64-v4: AVX-512 F BW CD DQ VL
};

std::string_view NameOf(CpuLevel level);

// The highest level of this processor, lowered by the environment variable GCOMP_CPU=v3. Fails with
// E901 below x86-64-v3, and E701 for another value of the variable.
StatusOr<CpuLevel> DetectCpuLevel();

// "avx2 fma avx512f amx-bf16 ...": for reports.
std::string CpuFlags();

}  // namespace gcomp
