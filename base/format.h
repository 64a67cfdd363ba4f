// Format: fmt's format strings behind the light header of fmt (checked at compile time).
#pragma once

#include <fmt/core.h>

#include <string>
#include <utility>

namespace gcomp {

template <class... Args>
std::string Format(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::vformat(format, fmt::make_format_args(args...));
}

}  // namespace gcomp
