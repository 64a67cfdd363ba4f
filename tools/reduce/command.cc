#include "tools/reduce/command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

#include "base/format.h"

extern char** environ;

namespace gcomp::reduce {
namespace {

constexpr std::string_view kPlace = "{}";

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free, "written by a signal handler");

Status SystemError(std::string_view what, int error) {
  return {ErrorId::E902, Format("{}: {}", what, std::strerror(error))};
}

std::string Quoted(std::string_view path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,=@%";
  if (path.find_first_not_of(kPlain) == std::string_view::npos) return std::string(path);
  std::string quoted = "'";
  for (char c : path) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

// Starts the shell; both its output streams go to the file.
StatusOr<pid_t> Start(const std::string& command, const std::string& output_path) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int error = posix_spawn_file_actions_init(&actions);
  if (error != 0) return SystemError("posix_spawn_file_actions_init", error);
  error = posix_spawnattr_init(&attributes);
  if (error != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return SystemError("posix_spawnattr_init", error);
  }
  auto step = [&error](int result) { error = error != 0 ? error : result; };
  step(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0));
  step(posix_spawn_file_actions_addopen(&actions, 1, output_path.c_str(),
                                        O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600));
  step(posix_spawn_file_actions_adddup2(&actions, 1, 2));
  step(posix_spawnattr_setpgroup(&attributes, 0));
  step(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP));
  std::string shell = "sh";
  std::string option = "-c";
  std::string text = command;
  char* argv[] = {shell.data(), option.data(), text.data(), nullptr};
  pid_t pid = 0;
  if (error == 0) error = posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return SystemError("/bin/sh can't be started", error);
  return pid;
}

// Waits until the process has ended (it is left to be reaped) or the deadline is past. Looking
// again and again costs little beside a process, and needs no signal handler in a program with
// threads.
StatusOr<bool> EndsBefore(pid_t pid, std::chrono::steady_clock::time_point deadline) {
  auto pause = std::chrono::microseconds(200);
  for (;;) {
    siginfo_t info = {};
    if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
      if (errno != EINTR) return SystemError("waitid", errno);
    } else if (info.si_pid == pid) {
      return true;
    }
    if (interrupted || std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 5 / 4, std::chrono::microseconds(10'000));
  }
}

std::string ReadOutput(const std::string& path) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::string text;
  std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return text;  // the command removed it: it said nothing
  text.resize(kMaxOutputBytes);
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  return text;
}

}  // namespace

StatusOr<TestCommand> TestCommand::Make(std::string command, std::chrono::milliseconds timeout) {
  if (command.find(kPlace) == std::string::npos) {
    return Status(ErrorId::E701,
                  Format("--test={}: no `{}`, which stands for the file to test", command, kPlace));
  }
  return TestCommand(std::move(command), timeout);
}

std::string TestCommand::For(std::string_view path) const {
  std::string text;
  std::string_view rest = command_;
  for (size_t at; (at = rest.find(kPlace)) != std::string_view::npos;) {
    text.append(rest.substr(0, at)).append(Quoted(path));
    rest.remove_prefix(at + kPlace.size());
  }
  return text.append(rest);
}

StatusOr<Outcome> TestCommand::Run(std::string_view path, const std::string& output_path) const {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  if (interrupted) return Status(ErrorId::E803, "the reduction was interrupted");
  GCOMP_ASSIGN_OR_RETURN(const pid_t pid, Start(For(path), output_path));
  StatusOr<bool> ended = EndsBefore(pid, deadline);
  // Before the shell is reaped its number can't belong to another group.
  kill(-pid, SIGKILL);
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0) {
    if (errno != EINTR) return SystemError("waitpid", errno);
  }
  if (!ended.ok()) return std::move(ended).status();
  if (interrupted) return Status(ErrorId::E803, "the reduction was interrupted");
  Outcome outcome;
  outcome.timed_out = !*ended;
  outcome.exit_code =
      WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
  outcome.output = ReadOutput(output_path);
  return outcome;
}

void TestCommand::Interrupt() noexcept {
  interrupted = true;
}

}  // namespace gcomp::reduce
