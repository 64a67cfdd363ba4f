// Logger: the one way by which the library speaks. It prints nothing by itself.
//
// An embedder gives a LogSink; without one, messages are dropped. Messages are for people; what
// programs need is in the ring of events (base/events.h).
//
// Thread safety: a sink may be called from several threads at once and must not throw.
#pragma once

#include <string_view>

namespace gcomp {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

struct LogSink {
  void (*write)(void* user, LogLevel level, std::string_view message) noexcept = nullptr;
  void* user = nullptr;
  LogLevel min_level = LogLevel::kWarning;
};

class Logger {
 public:
  Logger() = default;

  explicit Logger(LogSink sink) : sink_(sink) {}

  bool enabled(LogLevel level) const { return sink_.write != nullptr && level >= sink_.min_level; }

  void Write(LogLevel level, std::string_view message) const {
    if (enabled(level)) sink_.write(sink_.user, level, message);
  }

 private:
  LogSink sink_;
};

}  // namespace gcomp
