#include "tools/common.h"

#include <cstdio>
#include <cstdlib>
#include <new>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/cpu.h"
#include "base/format.h"
#include "ir/module.h"
#include "tools/git_commit.h"

extern char** environ;

namespace gcomp::tools {
namespace {

std::string_view NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      break;
  }
  return "off";
}

void WriteLine(void* tool, LogLevel level, std::string_view message) noexcept {
  std::fprintf(stderr, "%s: %s: %.*s\n", static_cast<const char*>(tool), NameOf(level).data(),
               static_cast<int>(message.size()), message.data());
}

std::string CompilerText() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#else
  return std::string("gcc ") + __VERSION__;
#endif
}

// Variables of the environment that change what gcomp or its libraries do.
Json VariablesJson() {
  Json variables = Json::object();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    for (std::string_view prefix : {"GCOMP_", "OMP_", "ONEDNN_", "DNNL_"}) {
      if (text.starts_with(prefix)) {
        variables[std::string(text.substr(0, equals))] = std::string(text.substr(equals + 1));
      }
    }
  }
  return variables;
}

}  // namespace

LogSink StderrSink(const char* tool, LogLevel min_level) {
  return {WriteLine, const_cast<char*>(tool), min_level};
}

int PrintError(std::string_view tool, const Status& status) {
  std::string text = Format("{}: error: {}\n", tool, status.ToString());
  std::fputs(text.c_str(), stderr);
  return InfoOf(status.id()).exit_code;
}

int RunGuarded(std::string_view tool, const std::function<int()>& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return PrintError(tool, Status(ErrorId::E801, "memory can't be had"));
  } catch (const std::exception& error) {
    return PrintError(tool, Status(ErrorId::E999, Format("a library threw: {}", error.what())));
  }
}

StatusOr<std::string> ReadStdin() {
  constexpr size_t kMaxBytes = size_t{4} << 30;
  std::string text;
  char buffer[1 << 16];
  size_t got = 0;
  while ((got = std::fread(buffer, 1, sizeof(buffer), stdin)) > 0) {
    text.append(buffer, got);
    if (text.size() > kMaxBytes) {
      return Status(ErrorId::E802, Format("standard input is longer than {} bytes", kMaxBytes));
    }
  }
  if (std::ferror(stdin) != 0) return Status(ErrorId::E601, "standard input can't be read");
  return text;
}

std::string VersionText(std::string_view tool) {
  return Format(
      "{} {} (commit {})\n"
      "IR format {}\n"
      "oneDNN {}\n"
      "LLVM {}\n"
      "compiler {}\n",
      tool, GCOMP_VERSION, kGitCommit, ir::Module::kFormatVersion, GCOMP_ONEDNN_VERSION,
      GCOMP_LLVM_VERSION, CompilerText());
}

Json EnvironmentJson() {
  StatusOr<CpuLevel> level = DetectCpuLevel();
  Json json;
  json["gcomp"] = GCOMP_VERSION;
  json["commit"] = kGitCommit;
  json["ir_format"] = ir::Module::kFormatVersion;
  json["compiler"] = CompilerText();
  json["onednn"] = GCOMP_ONEDNN_VERSION;
  json["llvm"] = GCOMP_LLVM_VERSION;
  json["cpu_level"] = level.ok() ? std::string(gcomp::NameOf(*level)) : level.status().ToString();
  json["cpu_flags"] = CpuFlags();
  json["cores"] = std::thread::hardware_concurrency();
  json["variables"] = VariablesJson();
  return json;
}

}  // namespace gcomp::tools
