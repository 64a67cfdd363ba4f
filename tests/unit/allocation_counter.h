// Counts the allocations that C++ code of the test program makes through operator new.
#pragma once

#include <cstdint>

namespace gcomp::test {

// False under sanitizers, which bring operators of their own.
bool CountsAllocations();

// Since the program began, over all threads.
int64_t AllocationCount();

}  // namespace gcomp::test
