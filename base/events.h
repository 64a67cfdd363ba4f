// EventRing: the last things the runtime decided, each with a reason code, for tools and tests.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace gcomp {

enum class Reason : uint8_t {
#define GCOMP_REASON(enumerator, name, meaning) enumerator,
#include "base/reasons.inc"
#undef GCOMP_REASON
};

struct ReasonInfo {
  Reason reason;
  std::string_view name;
  std::string_view meaning;
};

const ReasonInfo& InfoOf(Reason reason);
const std::vector<ReasonInfo>& AllReasons();

struct Event {
  uint64_t sequence;  // from 0, without gaps
  int64_t time_ns;    // steady clock
  Reason reason;
  std::string subject;  // function, op or file
  std::string detail;
};

// Keeps the last `capacity` events. Not for hot paths: adding takes a lock and may allocate.
// Thread safety: may be used from any thread.
class EventRing {
 public:
  explicit EventRing(size_t capacity) : capacity_(capacity == 0 ? 1 : capacity) {}

  void Add(Reason reason, std::string subject, std::string detail);

  // Kept events, oldest first.
  std::vector<Event> Snapshot() const;

  // The number of events ever added.
  uint64_t count() const;

 private:
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::vector<Event> ring_;  // guarded by mutex_
  uint64_t next_ = 0;        // guarded by mutex_
};

}  // namespace gcomp
