#include "base/status.h"

#include <array>

namespace gcomp {
namespace {

constexpr ErrorInfo kErrors[] = {
#define GCOMP_ERROR(id, code, exit_code, meaning) \
  {ErrorId::id, StatusCode::code, exit_code, #id, meaning},
#include "base/error_table.inc"
#undef GCOMP_ERROR
};

}  // namespace

const ErrorInfo& InfoOf(ErrorId id) {
  return kErrors[static_cast<size_t>(id)];
}

const ErrorInfo* ErrorTableBegin() {
  return std::begin(kErrors);
}

const ErrorInfo* ErrorTableEnd() {
  return std::end(kErrors);
}

std::string_view StatusCodeName(StatusCode code) {
  static constexpr std::string_view kNames[] = {"ok",
                                                "cancelled",
                                                "unknown",
                                                "invalid_argument",
                                                "deadline_exceeded",
                                                "not_found",
                                                "already_exists",
                                                "permission_denied",
                                                "resource_exhausted",
                                                "failed_precondition",
                                                "aborted",
                                                "out_of_range",
                                                "unimplemented",
                                                "internal",
                                                "unavailable",
                                                "data_loss"};
  return kNames[static_cast<size_t>(code)];
}

Status::Status(ErrorId id, std::string message, Place place)
    : rep_(new Rep{id, std::move(message), std::move(place), {}}) {}

Status::Rep* Status::SharedOutOfMemory() {
  // At most 15 characters: a string of that length needs no heap.
  static Rep rep{ErrorId::E801, "out of memory", {}, {}};
  return &rep;
}

Status Status::OutOfMemory() noexcept {
  Status status;
  status.rep_.reset(SharedOutOfMemory());
  return status;
}

void Status::Release::operator()(Rep* rep) const noexcept {
  if (rep != SharedOutOfMemory()) delete rep;
}

StatusCode Status::code() const {
  return ok() ? StatusCode::kOk : InfoOf(rep_->id).code;
}

const std::string& Status::message() const {
  static const std::string kEmpty;
  return ok() ? kEmpty : rep_->message;
}

const Place& Status::place() const {
  static const Place kNowhere;
  return ok() ? kNowhere : rep_->place;
}

Status& Status::AddNote(std::string note) & {
  if (ok() || rep_.get() == SharedOutOfMemory()) return *this;
  if (rep_->notes.size() < kMaxNotes) rep_->notes.push_back(std::move(note));
  return *this;
}

Status&& Status::AddNote(std::string note) && {
  AddNote(std::move(note));  // the lvalue overload: *this has a name here
  return std::move(*this);
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  std::string text;
  const Place& at = rep_->place;
  if (!at.file.empty()) {
    text += at.file;
    if (at.line > 0) text += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    text += ": ";
  }
  text += InfoOf(rep_->id).name;
  text += ": ";
  text += rep_->message;
  for (const std::string& note : rep_->notes) text += "; " + note;
  return text;
}

}  // namespace gcomp
