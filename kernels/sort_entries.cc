#include "kernels/sort_entries.h"

#include <algorithm>
#include <array>
#include <utility>

namespace gcomp::kernels {
namespace {

// Below this many entries, clearing and summing the counts of all digits costs more than comparing.
constexpr int64_t kMinRadix = 256;

constexpr int kDigitBits = 8;
constexpr size_t kDigits = size_t{1} << kDigitBits;

struct NarrowKey {
  static constexpr int kPasses = 4;

  static size_t Digit(NarrowEntry entry, int pass) {
    return (entry >> (32 + pass * kDigitBits)) & (kDigits - 1);
  }
};

struct WideKey {
  static constexpr int kPasses = 8;

  static size_t Digit(const WideEntry& entry, int pass) {
    return (entry.key >> (pass * kDigitBits)) & (kDigits - 1);
  }
};

// Requires n >= 1, and entries in order of position.
template <class Key, class Entry>
Entry* RadixSort(Entry* entries, Entry* other, int64_t n, Pacer& pacer) {
  std::array<std::array<int64_t, kDigits>, Key::kPasses> counts{};
  const bool counted = ForPieces(pacer, n, [&](int64_t from, int64_t count) {
    for (int64_t i = from; i < from + count; ++i) {
      for (int pass = 0; pass < Key::kPasses; ++pass) {
        ++counts[static_cast<size_t>(pass)][Key::Digit(entries[i], pass)];
      }
    }
  });
  if (!counted) return nullptr;
  for (int pass = 0; pass < Key::kPasses; ++pass) {
    std::array<int64_t, kDigits>& next = counts[static_cast<size_t>(pass)];
    if (next[Key::Digit(entries[0], pass)] == n) continue;
    int64_t sum = 0;
    for (int64_t& count : next) sum += std::exchange(count, sum);
    const bool moved = ForPieces(pacer, n, [&](int64_t from, int64_t count) {
      for (int64_t i = from; i < from + count; ++i) {
        other[next[Key::Digit(entries[i], pass)]++] = entries[i];
      }
    });
    if (!moved) return nullptr;
    std::swap(entries, other);
  }
  return entries;
}

}  // namespace

NarrowEntry* SortEntries(NarrowEntry* entries, NarrowEntry* other, int64_t n, Pacer& pacer) {
  if (n >= kMinRadix) return RadixSort<NarrowKey>(entries, other, n, pacer);
  std::sort(entries, entries + n);
  return pacer.Go(8 * n) ? entries : nullptr;
}

WideEntry* SortEntries(WideEntry* entries, WideEntry* other, int64_t n, Pacer& pacer) {
  if (n >= kMinRadix) return RadixSort<WideKey>(entries, other, n, pacer);
  std::sort(entries, entries + n);
  return pacer.Go(8 * n) ? entries : nullptr;
}

template <class Entry>
void SelectLeast<Entry>::Shrink() {
  std::nth_element(room_, room_ + (k_ - 1), room_ + count_);
  bound_ = room_[k_ - 1];
  bounded_ = true;
  count_ = k_;
}

template <class Entry>
std::span<const Entry> SelectLeast<Entry>::Finish() {
  if (count_ > k_) Shrink();
  std::sort(room_, room_ + count_);
  return {room_, static_cast<size_t>(count_)};
}

template class SelectLeast<NarrowEntry>;
template class SelectLeast<WideEntry>;

}  // namespace gcomp::kernels
