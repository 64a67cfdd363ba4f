#include "tools/reduce/interest.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "base/format.h"
#include "tools/line_diff.h"
#include "tools/text_file.h"

namespace gcomp::reduce {
namespace {

// What a message shows of a command's output: its end.
constexpr size_t kMaxShownBytes = 4000;
// Expressions are matched by recursion over the line.
constexpr size_t kMaxLineBytes = 4096;

std::string EndOf(const std::string& output) {
  if (output.size() <= kMaxShownBytes) return output;
  return Format("...{}", output.substr(output.size() - kMaxShownBytes));
}

// std::regex tells of errors by exceptions.
StatusOr<std::regex> Compile(const std::string& expression) {
  try {
    return std::regex(expression, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error& error) {
    return Status(ErrorId::E701, Format("--match={}: {}", expression, error.what()));
  }
}

}  // namespace

StatusOr<TemporaryFolder> TemporaryFolder::Make() {
  const char* parent = std::getenv("TMPDIR");
  std::string path =
      Format("{}/gcomp-reduce-XXXXXX", parent != nullptr && *parent != '\0' ? parent : "/tmp");
  if (mkdtemp(path.data()) == nullptr) {
    return Status(ErrorId::E605, Format("no folder {} can be made: {}", path, strerror(errno)));
  }
  return TemporaryFolder(std::move(path));
}

TemporaryFolder::~TemporaryFolder() {
  if (path_.empty()) return;
  std::error_code ignored;  // what can't be removed stays for who cleans the folder's parent
  std::filesystem::remove_all(path_, ignored);
}

StatusOr<Interest> Interest::Make(const InterestOptions& options, std::string file_name) {
  GCOMP_ASSIGN_OR_RETURN(TestCommand command, TestCommand::Make(options.command, options.timeout));
  GCOMP_ASSIGN_OR_RETURN(std::regex match, Compile(options.match));
  GCOMP_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Make());
  for (unsigned job = 0; job < options.jobs; ++job) {
    std::error_code error;
    std::filesystem::create_directory(Format("{}/{}", folder.path(), job), error);
    if (error) {
      return Status(ErrorId::E605, Format("{}/{}: {}", folder.path(), job, error.message()));
    }
  }
  return Interest(options, std::move(command), std::move(match), std::move(folder),
                  std::move(file_name));
}

StatusOr<Outcome> Interest::Test(const std::string& text, size_t job) const {
  const std::string path = Format("{}/{}/{}", folder_.path(), job, file_name_);
  GCOMP_RETURN_IF_ERROR(tools::WriteTextFile(path, text));
  return command_.Run(path, Format("{}/{}.output", folder_.path(), job));
}

bool Interest::Matches(const std::string& output) const {
  if (options_.match.empty()) return true;
  std::vector<std::string> lines = tools::SplitLines(output);
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return std::regex_search(line.substr(0, kMaxLineBytes), match_);
  });
}

Status Interest::Begin(const std::string& text) {
  ++num_tests_;
  GCOMP_ASSIGN_OR_RETURN(Outcome outcome, Test(text, 0));
  exit_code_ = outcome.exit_code;
  std::string reason;
  if (outcome.timed_out) {
    reason = Format("takes longer than {:.1f} s",
                    std::chrono::duration<double>(options_.timeout).count());
  } else if ((exit_code_ == 0) != options_.succeeds) {
    reason = Format("ends with exit code {}, asked is that it {}", exit_code_,
                    options_.succeeds ? "succeeds" : "fails");
  } else if (!Matches(outcome.output)) {
    reason = Format("ends with exit code {}, but no line of its output matches `{}`", exit_code_,
                    options_.match);
  }
  if (reason.empty()) return {};
  return Status(ErrorId::E701,
                Format("the file is not interesting: the command {}; its output:\n{}", reason,
                       EndOf(outcome.output)));
}

StatusOr<std::optional<size_t>> Interest::FindFirst(std::span<const std::string> texts) {
  std::vector<StatusOr<Outcome>> outcomes;
  for (size_t i = 0; i < texts.size(); ++i) outcomes.emplace_back(Outcome());
  {
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < texts.size(); ++i) {
      threads.emplace_back([&, i] { outcomes[i] = Test(texts[i], i); });
    }
    if (!texts.empty()) outcomes[0] = Test(texts[0], 0);
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    ++num_tests_;
    if (!outcomes[i].ok()) return std::move(outcomes[i]).status();
    const Outcome& outcome = *outcomes[i];
    if (!outcome.timed_out && outcome.exit_code == exit_code_ && Matches(outcome.output)) {
      return std::optional<size_t>(i);
    }
  }
  return std::optional<size_t>();
}

}  // namespace gcomp::reduce
