#include "tests/unit/allocation_counter.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define GCOMP_COUNTS_ALLOCATIONS true
#else
#define GCOMP_COUNTS_ALLOCATIONS false
#endif

namespace {

std::atomic<int64_t> allocations{0};

}  // namespace

namespace gcomp::test {

bool CountsAllocations() {
  return GCOMP_COUNTS_ALLOCATIONS;
}

int64_t AllocationCount() {
  return allocations.load(std::memory_order_relaxed);
}

}  // namespace gcomp::test

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* data = std::malloc(size == 0 ? 1 : size);
  if (data == nullptr) throw std::bad_alloc();
  return data;
}

void operator delete(void* data) noexcept {
  std::free(data);
}

void operator delete(void* data, size_t) noexcept {
  std::free(data);
}
#endif
