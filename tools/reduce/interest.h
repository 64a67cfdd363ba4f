// Interest: whether a text still shows what the reduction is about, as a command tells it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <regex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "tools/reduce/command.h"

namespace gcomp::reduce {

struct InterestOptions {
  std::string command;
  bool succeeds = false;  // interesting = exit code 0; else the exit code of the first failure
  std::string match;      // regular expression that a line of the output matches; empty = any
  std::chrono::milliseconds timeout{60'000};  // a command that takes longer is not interesting
  unsigned jobs = 1;
};

// A folder under $TMPDIR, or /tmp, that goes with all that is in it.
class TemporaryFolder {
 public:
  // Fails with E605.
  static StatusOr<TemporaryFolder> Make();

  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

// Each job has a folder with the candidate alone in it, under the name of the original.
// Thread safety: one thread; runs commands on as many as it has jobs.
class Interest {
 public:
  // `file_name` has no folders in it. Fails with E701 for a command or expression that is wrong.
  static StatusOr<Interest> Make(const InterestOptions& options, std::string file_name);

  // Tests the original and keeps its exit code. Fails with E701 if it is not interesting.
  Status Begin(const std::string& text);

  // The first of at most `jobs` texts that is interesting, by its index. All are tested at a time,
  // and what comes behind the first counts as not tested: the answer does not depend on the number
  // of jobs. Fails with E605, E803 and E902.
  StatusOr<std::optional<size_t>> FindFirst(std::span<const std::string> texts);

  size_t jobs() const { return options_.jobs; }

  int64_t num_tests() const { return num_tests_; }

 private:
  Interest(const InterestOptions& options, TestCommand command, std::regex match,
           TemporaryFolder folder, std::string file_name)
      : options_(options),
        command_(std::move(command)),
        match_(std::move(match)),
        folder_(std::move(folder)),
        file_name_(std::move(file_name)) {}

  StatusOr<Outcome> Test(const std::string& text, size_t job) const;
  bool Matches(const std::string& output) const;

  InterestOptions options_;
  TestCommand command_;
  std::regex match_;
  TemporaryFolder folder_;
  std::string file_name_;
  int exit_code_ = 0;
  int64_t num_tests_ = 0;
};

}  // namespace gcomp::reduce
