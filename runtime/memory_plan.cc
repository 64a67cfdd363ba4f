#include "runtime/memory_plan.h"

#include <functional>
#include <iterator>
#include <map>
#include <queue>
#include <set>
#include <utility>

#include "base/format.h"

namespace gcomp {
namespace {

constexpr int64_t kMaxArenaBytes = int64_t{1} << 62;

// The free gaps of an arena that grows at its end.
class Gaps {
 public:
  int64_t Take(int64_t bytes) {
    auto fit = by_size_.lower_bound({bytes, 0});
    if (fit == by_size_.end()) return Grow(bytes);
    auto [size, offset] = *fit;
    Erase(offset, size);
    if (size > bytes) Insert(offset + bytes, size - bytes);
    return offset;
  }

  void Give(int64_t offset, int64_t bytes) {
    auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && offset + bytes == next->first) {
      int64_t size = next->second;
      Erase(next->first, size);
      bytes += size;
    }
    auto after = by_offset_.lower_bound(offset);
    if (after != by_offset_.begin()) {
      auto [before, size] = *std::prev(after);
      if (before + size == offset) {
        Erase(before, size);
        offset = before;
        bytes += size;
      }
    }
    Insert(offset, bytes);
  }

  int64_t end() const { return end_; }

 private:
  // Extends the arena; a gap at its end is used first.
  int64_t Grow(int64_t bytes) {
    int64_t offset = end_;
    if (!by_offset_.empty()) {
      auto [last, size] = *by_offset_.rbegin();
      if (last + size == end_) {
        Erase(last, size);
        offset = last;
      }
    }
    end_ = offset + bytes;
    return offset;
  }

  void Insert(int64_t offset, int64_t bytes) {
    by_offset_.emplace(offset, bytes);
    by_size_.emplace(bytes, offset);
  }

  void Erase(int64_t offset, int64_t bytes) {
    by_offset_.erase(offset);
    by_size_.erase({bytes, offset});
  }

  std::map<int64_t, int64_t> by_offset_;           // offset -> bytes
  std::set<std::pair<int64_t, int64_t>> by_size_;  // (bytes, offset)
  int64_t end_ = 0;
};

}  // namespace

StatusOr<MemoryPlan> PlanMemory(std::span<const BufferRequest> requests) {
  struct Live {
    uint32_t last;
    int64_t offset;
    int64_t bytes;

    bool operator>(const Live& other) const { return last > other.last; }
  };

  std::priority_queue<Live, std::vector<Live>, std::greater<>> live;
  Gaps gaps;
  MemoryPlan plan;
  plan.offsets.reserve(requests.size());
  for (const BufferRequest& request : requests) {
    while (!live.empty() && live.top().last < request.first) {
      gaps.Give(live.top().offset, live.top().bytes);
      live.pop();
    }
    if (request.bytes < 0 || request.bytes > kMaxArenaBytes ||
        gaps.end() > kMaxArenaBytes - request.bytes) {
      return Status(ErrorId::E801, Format("a function needs more than 2^62 bytes of buffers"));
    }
    // An empty tensor has an address of its own too.
    int64_t bytes = (request.bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
    if (bytes == 0) bytes = kBufferAlignment;
    int64_t offset = gaps.Take(bytes);
    live.push({request.last, offset, bytes});
    plan.offsets.push_back(offset);
  }
  plan.total_bytes = gaps.end();
  return plan;
}

}  // namespace gcomp
