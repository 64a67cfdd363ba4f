#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "runtime/memory_plan.h"

namespace gcomp {
namespace {

// No two buffers that live at the same time may share a byte.
void ExpectNoOverlap(const std::vector<BufferRequest>& requests, const MemoryPlan& plan) {
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % kBufferAlignment, 0);
    EXPECT_LE(plan.offsets[i] + requests[i].bytes, plan.total_bytes);
    for (size_t j = 0; j < i; ++j) {
      bool same_time =
          requests[i].first <= requests[j].last && requests[j].first <= requests[i].last;
      if (!same_time) continue;
      bool apart = plan.offsets[i] + requests[i].bytes <= plan.offsets[j] ||
                   plan.offsets[j] + requests[j].bytes <= plan.offsets[i];
      EXPECT_TRUE(apart || requests[i].bytes == 0 || requests[j].bytes == 0) << i << " and " << j;
    }
  }
}

TEST(PlanMemoryTest, ChainNeedsTwoBuffers) {
  std::vector<BufferRequest> requests;
  for (uint32_t i = 0; i < 50; ++i) requests.push_back({4096, i, i + 1});
  StatusOr<MemoryPlan> plan = PlanMemory(requests);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->total_bytes, 2 * 4096);
  ExpectNoOverlap(requests, *plan);
}

TEST(PlanMemoryTest, NeighboringGapsMerge) {
  // Two small buffers die, a big one fits exactly into their place.
  std::vector<BufferRequest> requests = {{64, 0, 0}, {64, 0, 0}, {64, 0, 3}, {128, 1, 2}};
  StatusOr<MemoryPlan> plan = PlanMemory(requests);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->total_bytes, 192);
  ExpectNoOverlap(requests, *plan);
}

TEST(PlanMemoryTest, RandomLifetimesNeverOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<BufferRequest> requests;
    uint32_t first = 0;
    for (int i = 0; i < 60; ++i) {
      first += static_cast<uint32_t>(random() % 3);
      requests.push_back({static_cast<int64_t>(random() % 1000), first,
                          first + static_cast<uint32_t>(random() % 12)});
    }
    StatusOr<MemoryPlan> plan = PlanMemory(requests);
    ASSERT_TRUE(plan.ok());
    ExpectNoOverlap(requests, *plan);
  }
}

TEST(PlanMemoryTest, EmptyBuffersHaveAddressesOfTheirOwn) {
  std::vector<BufferRequest> requests = {{0, 0, 1}, {0, 0, 1}};
  StatusOr<MemoryPlan> plan = PlanMemory(requests);
  ASSERT_TRUE(plan.ok());
  EXPECT_NE(plan->offsets[0], plan->offsets[1]);
}

TEST(PlanMemoryTest, TooLargeIsAnError) {
  std::vector<BufferRequest> requests = {{int64_t{1} << 62, 0, 0}, {int64_t{1} << 62, 0, 0}};
  StatusOr<MemoryPlan> plan = PlanMemory(requests);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.status().id(), ErrorId::E801);
}

}  // namespace
}  // namespace gcomp
