// PlanMemory: offsets in one arena for buffers with known lifetimes.
//
// Buffers whose lifetimes overlap never overlap in memory. Best fit over the free gaps in the order
// of first use; neighbouring gaps merge; what fits nowhere extends the arena.
// Cost: O(n log n) time for n buffers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace gcomp {

// Every buffer begins at a multiple of this: a cache line, and the widest vector.
inline constexpr int64_t kBufferAlignment = 64;

// One buffer, live from step `first` to step `last`, both included.
struct BufferRequest {
  int64_t bytes;
  uint32_t first;
  uint32_t last;
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  // by request; bytes
  int64_t total_bytes = 0;
};

// Requires: requests in the order of `first`, first <= last. Fails with E801 past 2^62 bytes.
StatusOr<MemoryPlan> PlanMemory(std::span<const BufferRequest> requests);

}  // namespace gcomp
