// What every tool shares: how errors become messages and exit codes, the log, version and machine.
//
// stdout is data, stderr is log. Exit codes are those of the table of errors
// (base/error_table.inc): 0 success, 1 run error or mismatch, 2 usage, 3 bad or unsupported model,
// 4 limit, 5 device.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/status.h"

namespace gcomp::tools {

// Files that make or read one include <nlohmann/json.hpp>.
using Json = nlohmann::ordered_json;

// A sink that writes "tool: level: message" lines to stderr. `tool` outlives the sink.
LogSink StderrSink(const char* tool, LogLevel min_level);

// Writes "tool: error: ..." to stderr; returns the exit code of the error.
int PrintError(std::string_view tool, const Status& status);

// Calls `body`, and turns what libraries throw (no memory, bad JSON) into a message and exit code.
int RunGuarded(std::string_view tool, const std::function<int()>& body);

// All of standard input, as it comes. Fails with E601, and E802 past 4 GiB.
StatusOr<std::string> ReadStdin();

// "gcomp-run 0.1.0 (commit ...)", then a line each for the format and the libraries.
std::string VersionText(std::string_view tool);

// Processor, libraries and variables that bear on results and times.
Json EnvironmentJson();

}  // namespace gcomp::tools
