// The two builds of a kernel's loops: for x86-64-v3 (AVX2) and x86-64-v4 (AVX-512).
//
// The project is compiled for baseline x86-64. A loop is written once as an always-inlined function
// template and wrapped in two functions that carry these attributes; `prepare` takes the one that
// KernelCtx::cpu names. The attribute lets the compiler inline the body into both and vectorize it
// for each. No floating-point option differs between the builds, so the bits are the same.
#pragma once

#include "base/cpu.h"

#define GCOMP_TARGET_V3 [[gnu::target("arch=x86-64-v3")]]
#ifdef __clang__
// clang has no prefer-vector-width in the attribute; it chooses 256 bits by itself.
#define GCOMP_TARGET_V4 [[gnu::target("arch=x86-64-v4")]]
// clang compares pointers at run time; its pragma would warn at each loop that stays scalar.
#define GCOMP_INDEPENDENT
#else
#define GCOMP_TARGET_V4 [[gnu::target("arch=x86-64-v4,prefer-vector-width=512")]]
// Before a loop whose iterations do not depend on each other: its pointers need no check for
// overlap.
#define GCOMP_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace gcomp::kernels {

// One loop in both builds.
template <class Fn>
struct PerCpu {
  Fn v3;
  Fn v4;

  constexpr Fn For(CpuLevel cpu) const { return cpu == CpuLevel::kV4 ? v4 : v3; }
};

}  // namespace gcomp::kernels
