// The clock that measures durations and that deadlines are told in.
#pragma once

#include <chrono>
#include <cstdint>

namespace gcomp {

// Nanoseconds of std::chrono::steady_clock since its epoch.
inline int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace gcomp
