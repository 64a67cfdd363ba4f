#include "kernels/entry_tiles.h"

#include <algorithm>
#include <type_traits>

#include "kernels/cpu_target.h"
#include "kernels/tile.h"

namespace gcomp::kernels {
namespace {

constexpr int64_t kGroup = 64;

GCOMP_INLINE void MakeEntry(uint32_t key, int64_t position, NarrowEntry* entry) {
  *entry = static_cast<uint64_t>(key) << 32 | static_cast<uint64_t>(position);
}

GCOMP_INLINE void MakeEntry(uint64_t key, int64_t position, WideEntry* entry) {
  *entry = {key, static_cast<uint64_t>(position)};
}

template <class T, class Entry>
GCOMP_INLINE int64_t EntriesBody(const void* tile, int64_t n, int64_t first, bool descending,
                                 uint64_t bound, Entry* entries) {
  using Key = std::conditional_t<std::is_same_v<Entry, WideEntry>, uint64_t, uint32_t>;
  const Key flip = descending ? static_cast<Key>(~Key{0}) : Key{0};
  int64_t count = 0;
  for (int64_t done = 0; done < n; done += kGroup) {
    const auto* x = static_cast<const TileOf<T>*>(tile) + done;
    const int64_t m = std::min(kGroup, n - done);
    if (bound < kNoBound) {
      Key least = ~Key{0};
      for (int64_t i = 0; i < m; ++i) {
        const Key key = static_cast<Key>(SortKey(FromTile<T>(x[i]))) ^ flip;
        least = key < least ? key : least;
      }
      if (least > bound) continue;
    }
    for (int64_t i = 0; i < m; ++i) {
      const Key key = static_cast<Key>(SortKey(FromTile<T>(x[i]))) ^ flip;
      MakeEntry(key, first + done + i, &entries[count + i]);
    }
    count += m;
  }
  return count;
}

template <class T, class Entry>
GCOMP_TARGET_V3 int64_t EntriesV3(const void* tile, int64_t n, int64_t first, bool descending,
                                  uint64_t bound, Entry* entries) {
  return EntriesBody<T>(tile, n, first, descending, bound, entries);
}

template <class T, class Entry>
GCOMP_TARGET_V4 int64_t EntriesV4(const void* tile, int64_t n, int64_t first, bool descending,
                                  uint64_t bound, Entry* entries) {
  return EntriesBody<T>(tile, n, first, descending, bound, entries);
}

// Positions that fit the lower half of a narrow entry.
constexpr int64_t kMaxNarrowRow = int64_t{1} << 32;

}  // namespace

bool TakesNarrow(ir::DType dtype, int64_t n) {
  const ir::DType compute = ir::ComputeTypeOf(dtype);
  return (compute == ir::DType::kBool || ir::BitsOf(compute) == 32) && n <= kMaxNarrowRow;
}

template <class Entry>
EntriesFn<Entry> EntriesOf(ir::DType dtype, CpuLevel cpu) {
  return WithComputeType(dtype, [cpu](auto like) -> EntriesFn<Entry> {
    using T = decltype(like);
    if constexpr (std::is_same_v<Entry, WideEntry> || sizeof(T) <= 4) {
      return PerCpu<EntriesFn<Entry>>{&EntriesV3<T, Entry>, &EntriesV4<T, Entry>}.For(cpu);
    } else {
      return nullptr;
    }
  });
}

template EntriesFn<NarrowEntry> EntriesOf<NarrowEntry>(ir::DType dtype, CpuLevel cpu);
template EntriesFn<WideEntry> EntriesOf<WideEntry>(ir::DType dtype, CpuLevel cpu);

}  // namespace gcomp::kernels
