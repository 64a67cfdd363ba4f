#include "base/events.h"

#include <chrono>

namespace gcomp {

const std::vector<ReasonInfo>& AllReasons() {
  static const std::vector<ReasonInfo> kReasons = {
#define GCOMP_REASON(enumerator, name, meaning) {Reason::enumerator, name, meaning},
#include "base/reasons.inc"
#undef GCOMP_REASON
  };
  return kReasons;
}

const ReasonInfo& InfoOf(Reason reason) {
  return AllReasons()[static_cast<size_t>(reason)];
}

void EventRing::Add(Reason reason, std::string subject, std::string detail) {
  int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                    std::chrono::steady_clock::now().time_since_epoch())
                    .count();
  std::lock_guard lock(mutex_);
  Event event{next_, now, reason, std::move(subject), std::move(detail)};
  if (ring_.size() < capacity_) {
    ring_.push_back(std::move(event));
  } else {
    ring_[next_ % capacity_] = std::move(event);
  }
  ++next_;
}

std::vector<Event> EventRing::Snapshot() const {
  std::lock_guard lock(mutex_);
  std::vector<Event> events;
  events.reserve(ring_.size());
  size_t first = ring_.size() < capacity_ ? 0 : next_ % capacity_;
  for (size_t i = 0; i < ring_.size(); ++i) events.push_back(ring_[(first + i) % ring_.size()]);
  return events;
}

uint64_t EventRing::count() const {
  std::lock_guard lock(mutex_);
  return next_;
}

}  // namespace gcomp
