// Maybe: a value, or why ops can't be one kernel. Part of jit/compose.h alone.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace gcomp::codegen {

// Why ops can't be one kernel.
struct Refusal {
  std::string why;
};

// A T, or the refusal.
template <class T>
class Maybe {
 public:
  Maybe(T value) : value_(std::move(value)) {}

  Maybe(Refusal refusal) : why_(std::move(refusal.why)) {}

  explicit operator bool() const { return value_.has_value(); }

  T& operator*() { return *value_; }

  Refusal refusal() const { return {why_}; }

 private:
  std::optional<T> value_;
  std::string why_;
};

// Declares `target` as the value of `expression`, or returns its refusal.
#define GCOMP_MAYBE_ASSIGN(target, expression)          \
  auto target##_maybe = (expression);                   \
  if (!target##_maybe) return target##_maybe.refusal(); \
  auto target = std::move(*target##_maybe)

}  // namespace gcomp::codegen
