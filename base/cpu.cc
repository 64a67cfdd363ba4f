#include "base/cpu.h"

#include <cstdlib>

#include "base/format.h"

namespace gcomp {

std::string_view NameOf(CpuLevel level) {
  return level == CpuLevel::kV3 ? "x86-64-v3" : "x86-64-v4";
}

StatusOr<CpuLevel> DetectCpuLevel() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("x86-64-v3")) {
    return Status(ErrorId::E901,
                  "this processor is below x86-64-v3 (AVX2, FMA, BMI2), the least gcomp runs on");
  }
  const char* env = std::getenv("GCOMP_CPU");
  std::string_view asked = env == nullptr ? "" : env;
  if (asked == "v3") return CpuLevel::kV3;
  bool v4 = __builtin_cpu_supports("x86-64-v4");
  if (asked == "v4" && !v4) {
    return Status(ErrorId::E901, "GCOMP_CPU=v4 asks for AVX-512, which this processor lacks");
  }
  if (!asked.empty() && asked != "v4") {
    return Status(ErrorId::E701, Format("GCOMP_CPU is '{}'; it may be v3, v4 or not set", asked));
  }
  return v4 ? CpuLevel::kV4 : CpuLevel::kV3;
}

std::string CpuFlags() {
  __builtin_cpu_init();
  std::string flags;
  auto add = [&flags](bool has, std::string_view name) {
    if (has) flags += (flags.empty() ? "" : " ") + std::string(name);
  };
  add(__builtin_cpu_supports("avx2"), "avx2");
  add(__builtin_cpu_supports("fma"), "fma");
  add(__builtin_cpu_supports("avx512f"), "avx512f");
  add(__builtin_cpu_supports("avx512bw"), "avx512bw");
  add(__builtin_cpu_supports("avx512vl"), "avx512vl");
  add(__builtin_cpu_supports("avx512vnni"), "avx512vnni");
  add(__builtin_cpu_supports("avx512bf16"), "avx512bf16");
  return flags;
}

}  // namespace gcomp
