// Pacer: asks between the parts of a long kernel whether the run is still wanted.
//
//   Pacer pacer(args.regions);
//   for (...) {
//     GCOMP_RETURN_IF_ERROR(pacer.Step(elements));  // or: if (!pacer.Go(elements)) return ...;
//     ...
//   }
//   return pacer.status();  // where Go was asked
//
// Work is counted in units of about one simple operation on an element, and the run is polled
// (cancelled? past its deadline?) once per kInterval units: a fraction of a millisecond. Who asks
// has done, or is about to do, that much work; a single part should stay below a few kInterval. A
// kernel with less work never polls, so that small ops pay for a subtraction and a compare.
//
// Once a poll has failed, Go says no for good: nested loops end one after the other, and what they
// leave in results and scratch has no meaning. Without an answer to ask for (the default) a pacer
// never stops anything.
//
// Cost: a subtraction and a compare, and a poll per kInterval. Allocates nothing but an error.
// Thread safety: one thread; lives as long as one run.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "ir/kernel.h"
#include "ir/scalar.h"

namespace gcomp::kernels {

class Pacer {
 public:
  // Units between two polls.
  static constexpr int64_t kInterval = int64_t{1} << 17;
  // Elements (or taps, products) in one part of a long loop.
  static constexpr int64_t kPiece = int64_t{1} << 16;

  Pacer() = default;

  explicit Pacer(ir::RegionRunner* regions) : regions_(regions) {}

  Pacer(const Pacer&) = delete;
  Pacer& operator=(const Pacer&) = delete;

  // False = stop, status() says why.
  GCOMP_INLINE bool Go(int64_t work) {
    left_ -= work;
    return __builtin_expect(left_ > 0, 1) || Ask();
  }

  // The same as an error.
  GCOMP_INLINE Status Step(int64_t work) {
    if (Go(work)) return {};
    return status();
  }

  bool stopped() const { return stopped_; }

  // Why it stopped; OK if it did not.
  Status status() const;

 private:
  // Polls, and starts to count anew.
  bool Ask();

  ir::RegionRunner* regions_ = nullptr;
  int64_t left_ = kInterval;
  bool stopped_ = false;
  Status status_;
};

// Calls each(from, count) for the parts of [0, n), at most kPiece long; n = 0 is one part of none.
// False = stopped on the way.
template <class Each>
GCOMP_INLINE bool ForPieces(Pacer& pacer, int64_t n, const Each& each) {
  int64_t from = 0;
  do {
    const int64_t count = n - from < Pacer::kPiece ? n - from : Pacer::kPiece;
    each(from, count);
    if (!pacer.Go(count)) return false;
    from += count;
  } while (from < n);
  return true;
}

// memcpy, and memset to 0, in parts.
Status CopyBytes(void* to, const void* from, int64_t bytes, Pacer& pacer);
Status ClearBytes(void* to, int64_t bytes, Pacer& pacer);

}  // namespace gcomp::kernels
