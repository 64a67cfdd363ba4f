// Text files as the tools read and write them: whole, `-` for the standard streams.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace gcomp::tools {

// The line between two modules of one file.
inline constexpr std::string_view kModuleSeparator = "//! ----";

// Fails with E601, and E802 above 256 MiB.
StatusOr<std::string> ReadTextFile(const std::string& path);

// Replaces the file as a whole or not at all (a new file beside it is renamed). Fails with E605.
Status WriteTextFile(const std::string& path, std::string_view text);

// The modules of a text. Each piece has as many empty lines in front as stand before it in the
// text, so that places in messages are those of the text.
std::vector<std::string> SplitModules(std::string_view text);

}  // namespace gcomp::tools
