// Guarded: the wall between code that may throw (the standard library out of memory, a library that
// gcomp calls) and callers that must never see an exception. Every entry of the public API has it.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <type_traits>

#include "base/status.h"

namespace gcomp {

// Runs `body`, which returns Status or StatusOr. std::bad_alloc becomes E801, anything else E902.
template <class Body>
std::invoke_result_t<Body> Guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Status(ErrorId::E801, "memory can't be had");
  } catch (const std::exception& error) {
    return Status(ErrorId::E902, std::string("an exception came up: ") + error.what());
  } catch (...) {
    return Status(ErrorId::E902, "an exception of unknown type came up");
  }
}

}  // namespace gcomp
