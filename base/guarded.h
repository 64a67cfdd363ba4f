// Guarded: the wall between code that may throw (the standard library out of memory, a library that
// gcomp calls) and callers that must never see an exception. The entries of the public API that
// load, prepare and run have it.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <type_traits>

#include "base/status.h"

namespace gcomp {

namespace internal {

inline Status Thrown(const char* what) noexcept {
  try {
    return Status(ErrorId::E902, std::string("an exception came up: ") + what);
  } catch (...) {
    return Status::OutOfMemory();
  }
}

}  // namespace internal

// Runs `body`, which returns Status or StatusOr. std::bad_alloc becomes E801, anything else E902.
template <class Body>
std::invoke_result_t<Body> Guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Status::OutOfMemory();
  } catch (const std::exception& error) {
    return internal::Thrown(error.what());
  } catch (...) {
    return internal::Thrown("of unknown type");
  }
}

}  // namespace gcomp
