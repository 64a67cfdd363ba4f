// TestCommand: the command line that tells whether a file still is interesting.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace gcomp::reduce {

// How one run of the command ended.
struct Outcome {
  // As a shell tells it: 128 + n where signal n ended the command.
  int exit_code = 0;
  bool timed_out = false;
  std::string output;  // stdout and stderr together, at most kMaxOutputBytes of them
};

inline constexpr size_t kMaxOutputBytes = size_t{1} << 20;

// A command with `{}` where the path of a file goes, run by /bin/sh.
// Thread safety: several threads may run one command at a time.
class TestCommand {
 public:
  // Fails with E701 without a `{}`.
  static StatusOr<TestCommand> Make(std::string command, std::chrono::milliseconds timeout);

  // The command for one file. The path is quoted where a shell would read more than a word in it.
  std::string For(std::string_view path) const;

  // Runs the command in a process group of its own, which is killed when the command ends or its
  // time is over, so that nothing it started goes on. Standard input is empty; the output goes
  // through `output_path`, a file that is replaced.
  // Fails with E902 where no process can be started, and E803 once Interrupt was called.
  StatusOr<Outcome> Run(std::string_view path, const std::string& output_path) const;

  // Ends the commands that run now and all later ones. Safe in a signal handler.
  static void Interrupt() noexcept;

 private:
  TestCommand(std::string command, std::chrono::milliseconds timeout)
      : command_(std::move(command)), timeout_(timeout) {}

  std::string command_;
  std::chrono::milliseconds timeout_;
};

}  // namespace gcomp::reduce
