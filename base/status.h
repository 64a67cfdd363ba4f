// Status: success, or one error with its id, place and context.
//
// gcomp throws nothing of its own: a call that can fail returns Status or StatusOr<T>. Success is a
// null pointer, so a check costs one compare and success allocates nothing. An error carries an
// ErrorId (the one table is base/error_table.inc; each id is explained in docs/errors.md), a
// message that says what was asked, what was found and the limit, optionally a place in a text, and
// notes that callers add on the way up.
//
// Thread safety: a Status is a value; distinct objects may be used from distinct threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gcomp {

// The canonical codes of the field (gRPC's numbering).
enum class StatusCode : uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
};

enum class ErrorId : uint16_t {
#define GCOMP_ERROR(id, code, exit_code, meaning) id,
#include "base/error_table.inc"
#undef GCOMP_ERROR
};

// One row of the table of errors.
struct ErrorInfo {
  ErrorId id;
  StatusCode code;
  int exit_code;
  std::string_view name;     // "E504"
  std::string_view meaning;  // the heading in docs/errors.md
};

const ErrorInfo& InfoOf(ErrorId id);

// All rows, in the order of the table.
const ErrorInfo* ErrorTableBegin();
const ErrorInfo* ErrorTableEnd();

std::string_view StatusCodeName(StatusCode code);

// A position in a text: 1-based line and column; line 0 = no position.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(ErrorId id, std::string message, Place place = {});

  bool ok() const { return rep_ == nullptr; }

  StatusCode code() const;

  // Requires !ok().
  ErrorId id() const { return rep_->id; }

  const std::string& message() const;
  const Place& place() const;

  // What was being done when the error came up, innermost first. Requires !ok().
  const std::vector<std::string>& notes() const { return rep_->notes; }

  // E801 without an allocation of its own: for where memory has run out. Takes no notes.
  static Status OutOfMemory() noexcept;

  // Adds a note on the way up; does nothing to success. The first kMaxNotes are kept: the innermost
  // places tell most, and a deep nest would say the same many times.
  static constexpr size_t kMaxNotes = 6;
  Status& AddNote(std::string note) &;
  Status&& AddNote(std::string note) &&;

  // "file.ir:12:7: E504: message; while loading x", or "ok".
  std::string ToString() const;

 private:
  struct Rep {
    ErrorId id;
    std::string message;
    Place place;
    std::vector<std::string> notes;
  };

  // Does not delete the one that OutOfMemory shares.
  struct Release {
    void operator()(Rep* rep) const noexcept;
  };

  static Rep* SharedOutOfMemory();

  std::unique_ptr<Rep, Release> rep_;
};

// A T, or the error that stood in its way.
template <class T>
class [[nodiscard]] StatusOr {
 public:
  StatusOr(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    if (status_.ok()) status_ = Status(ErrorId::E999, "StatusOr made from success without a value");
  }

  StatusOr(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return value_.has_value(); }

  const Status& status() const& { return status_; }

  Status&& status() && { return std::move(status_); }

  // Requires ok().
  T& operator*() & { return *value_; }

  const T& operator*() const& { return *value_; }

  T&& operator*() && { return *std::move(value_); }

  T* operator->() { return &*value_; }

  const T* operator->() const { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace gcomp

#define GCOMP_CONCAT_INNER(a, b) a##b
#define GCOMP_CONCAT(a, b) GCOMP_CONCAT_INNER(a, b)

#define GCOMP_RETURN_IF_ERROR(expr)        \
  do {                                     \
    ::gcomp::Status gcomp_status = (expr); \
    if (!gcomp_status.ok()) [[unlikely]] { \
      return gcomp_status;                 \
    }                                      \
  } while (false)

// GCOMP_ASSIGN_OR_RETURN(auto x, MakeX());
#define GCOMP_ASSIGN_OR_RETURN(lhs, expr) \
  GCOMP_ASSIGN_OR_RETURN_INNER(GCOMP_CONCAT(gcomp_or_, __LINE__), lhs, expr)
#define GCOMP_ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                                 \
  if (!tmp.ok()) [[unlikely]] {                      \
    return std::move(tmp).status();                  \
  }                                                  \
  lhs = *std::move(tmp)

// A broken invariant is an E999 that goes up, never an abort: a server must be able to go on.
#define GCOMP_ENSURE(cond, what)                                                                  \
  do {                                                                                            \
    if (!(cond)) [[unlikely]] {                                                                   \
      return ::gcomp::Status(::gcomp::ErrorId::E999, std::string("broken invariant: ") + (what)); \
    }                                                                                             \
  } while (false)
