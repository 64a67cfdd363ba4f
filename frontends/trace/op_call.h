// What the functions of ops.cc are written with. Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/trace/tracer.h"

namespace gcomp::internal {

// Adds an attribute; an optional one that is absent adds nothing.
void Put(OpCall& call, std::string_view name, int64_t value);
void Put(OpCall& call, std::string_view name, double value);
void Put(OpCall& call, std::string_view name, bool value);
void Put(OpCall& call, std::string_view name, DType value);
void Put(OpCall& call, std::string_view name, const std::string& value);
void Put(OpCall& call, std::string_view name, const SymInt& value);
void Put(OpCall& call, std::string_view name, const std::vector<int64_t>& value);
void Put(OpCall& call, std::string_view name, const std::vector<double>& value);
void Put(OpCall& call, std::string_view name, const std::vector<SymInt>& value);
void Put(OpCall& call, std::string_view name, const std::vector<std::string>& value);

template <class T>
void Put(OpCall& call, std::string_view name, const std::optional<T>& value) {
  if (value.has_value()) Put(call, name, *value);
}

// The result's type: of the sizes of `like`, or of these.
void Result(OpCall& call, DType dtype, const Array& like);
void Result(OpCall& call, DType dtype, const std::vector<SymInt>& sizes);

}  // namespace gcomp::internal
