#include "kernels/pacer.h"

#include <algorithm>
#include <cstring>

namespace gcomp::kernels {
namespace {

// Bytes that are moved in the time of one unit of work.
constexpr int64_t kBytesPerUnit = 16;

// Long enough for memcpy to choose how it deals with caches.
constexpr int64_t kPieceBytes = int64_t{1} << 22;

}  // namespace

bool Pacer::Ask() {
  if (stopped_) return false;
  left_ = kInterval;
  if (regions_ == nullptr) return true;
  status_ = regions_->Poll();
  stopped_ = !status_.ok();
  if (stopped_) left_ = 0;
  return !stopped_;
}

Status Pacer::status() const {
  if (status_.ok()) return {};
  Status copy(status_.id(), status_.message());
  for (const std::string& note : status_.notes()) copy.AddNote(note);
  return copy;
}

Status CopyBytes(void* to, const void* from, int64_t bytes, Pacer& pacer) {
  for (int64_t at = 0; at < bytes; at += kPieceBytes) {
    const int64_t count = std::min(kPieceBytes, bytes - at);
    std::memcpy(static_cast<char*>(to) + at, static_cast<const char*>(from) + at,
                static_cast<size_t>(count));
    GCOMP_RETURN_IF_ERROR(pacer.Step(count / kBytesPerUnit));
  }
  return {};
}

Status ClearBytes(void* to, int64_t bytes, Pacer& pacer) {
  for (int64_t at = 0; at < bytes; at += kPieceBytes) {
    const int64_t count = std::min(kPieceBytes, bytes - at);
    std::memset(static_cast<char*>(to) + at, 0, static_cast<size_t>(count));
    GCOMP_RETURN_IF_ERROR(pacer.Step(count / kBytesPerUnit));
  }
  return {};
}

}  // namespace gcomp::kernels
