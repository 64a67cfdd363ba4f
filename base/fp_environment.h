// FpEnvironment: the floating-point environment that the bits of docs/numerics.md ask for: round to
// nearest even, denormals kept, no exception unmasked. Set for the life of the object, then the
// caller's environment is as it was.
//
// Cost: two reads and, where the caller's differs, two writes of MXCSR (a few ns).
// Thread safety: concerns the calling thread only.
#pragma once

#include <xmmintrin.h>

namespace gcomp {

class FpEnvironment {
 public:
  FpEnvironment() : saved_(_mm_getcsr()) {
    if ((saved_ & ~kStickyFlags) != kDefault) _mm_setcsr(kDefault);
  }

  ~FpEnvironment() {
    if ((saved_ & ~kStickyFlags) != kDefault) _mm_setcsr(saved_);
  }

  FpEnvironment(const FpEnvironment&) = delete;
  FpEnvironment& operator=(const FpEnvironment&) = delete;

 private:
  static constexpr unsigned kDefault = 0x1f80;    // all exceptions masked, nearest, no FTZ, no DAZ
  static constexpr unsigned kStickyFlags = 0x3f;  // what has happened: not part of the environment
  unsigned saved_;
};

}  // namespace gcomp
