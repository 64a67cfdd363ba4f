// Entries (kernels/sort_entries.h) of the elements of tiles (kernels/tile.h), of any real dtype.
#pragma once

#include <cstdint>

#include "base/cpu.h"
#include "ir/dtype.h"
#include "kernels/sort_entries.h"

namespace gcomp::kernels {

// Entries of the elements of a tile, at positions first, first + 1, ... of their row: of all, in
// order, but groups of neighbors whose keys are all above `bound` may be left out. Returns their
// number.
template <class Entry>
using EntriesFn = int64_t (*)(const void* tile, int64_t n, int64_t first, bool descending,
                              uint64_t bound, Entry* entries);

// True if a row of n elements of `dtype` may be sorted as narrow entries.
bool TakesNarrow(ir::DType dtype, int64_t n);

// NarrowEntry: requires TakesNarrow.
template <class Entry>
EntriesFn<Entry> EntriesOf(ir::DType dtype, CpuLevel cpu);

extern template EntriesFn<NarrowEntry> EntriesOf<NarrowEntry>(ir::DType dtype, CpuLevel cpu);
extern template EntriesFn<WideEntry> EntriesOf<WideEntry>(ir::DType dtype, CpuLevel cpu);

}  // namespace gcomp::kernels
