// Sorting rows of keys: what sort and topk share.
//
// An element is taken to an unsigned key whose order is the one of docs/numerics.md: ascending
// values, -0 == +0, NaN greatest and all NaNs equal; complemented for descending order. A key and
// the position of its element make an entry; entries are distinct, and ordered by key and then by
// position, so any sort of them is stable.
//
// SortEntries: least significant digit radix sort, 8 bits at a time; digits that all keys share are
// skipped (narrow dtypes, small ranges), short rows go to std::sort. O(n).
// SelectLeast: the k least of a stream in O(n + k log k), with room for a few k.
//
// Nothing is allocated. Thread safety: no state.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "ir/scalar.h"
#include "kernels/pacer.h"

namespace gcomp::kernels {

// Key of at most 32 bits above a position below 2^32.
using NarrowEntry = uint64_t;

// Key of 64 bits, or of fewer with positions from 2^32 on.
struct WideEntry {
  uint64_t key;
  uint64_t position;

  bool operator<(const WideEntry& other) const {
    return key < other.key || (key == other.key && position < other.position);
  }
};

inline uint64_t KeyOf(NarrowEntry entry) {
  return entry >> 32;
}

inline uint64_t KeyOf(const WideEntry& entry) {
  return entry.key;
}

inline int64_t PositionOf(NarrowEntry entry) {
  return static_cast<int64_t>(entry & 0xffffffffu);
}

inline int64_t PositionOf(const WideEntry& entry) {
  return static_cast<int64_t>(entry.position);
}

// The key of x, in ascending order.
template <class T>
GCOMP_INLINE auto SortKey(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    constexpr U kSign = U{1} << (8 * sizeof(U) - 1);
    const U bits = std::bit_cast<U>(x + T{0});  // -0 becomes +0
    const U flipped = (bits & kSign) != 0 ? ~bits : bits | kSign;
    return x != x ? static_cast<U>(~U{0}) : flipped;
  } else if constexpr (std::is_signed_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<U>(static_cast<U>(x) ^ (U{1} << (8 * sizeof(U) - 1)));
  } else {
    return x;
  }
}

// Sorts n entries, given in order of position, at `entries`; `other` has room for n. Returns where
// the result is: either; null if the pacer stopped it.
NarrowEntry* SortEntries(NarrowEntry* entries, NarrowEntry* other, int64_t n, Pacer& pacer);
WideEntry* SortEntries(WideEntry* entries, WideEntry* other, int64_t n, Pacer& pacer);

// No key is above it.
inline constexpr uint64_t kNoBound = ~uint64_t{0};

// The k least entries of a stream; k >= 1.
template <class Entry>
class SelectLeast {
 public:
  // The number of entries that `room` must hold.
  static int64_t Capacity(int64_t k) { return 2 * k + 64; }

  SelectLeast(Entry* room, int64_t k) : room_(room), k_(k), capacity_(Capacity(k)) {}

  GCOMP_INLINE void Add(const Entry& entry) {
    if (bounded_ && !(entry < bound_)) return;
    if (count_ == capacity_) Shrink();
    room_[count_++] = entry;
  }

  // Entries with greater keys need not be added any more.
  uint64_t bound() const { return bounded_ ? KeyOf(bound_) : kNoBound; }

  // The least of all that were added, at most k, sorted. Ends the use of the object.
  std::span<const Entry> Finish();

 private:
  // Keeps the k least: what is not less than the greatest of these need not be added any more.
  void Shrink();

  Entry* room_;
  int64_t k_;
  int64_t capacity_;
  int64_t count_ = 0;
  bool bounded_ = false;
  Entry bound_{};
};

extern template class SelectLeast<NarrowEntry>;
extern template class SelectLeast<WideEntry>;

}  // namespace gcomp::kernels
