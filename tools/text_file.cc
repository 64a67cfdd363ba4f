#include "tools/text_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/format.h"

namespace gcomp::tools {
namespace {

constexpr size_t kMaxTextBytes = size_t{256} << 20;

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

using File = std::unique_ptr<std::FILE, CloseFile>;

std::string LastError() {
  return std::strerror(errno);
}

}  // namespace

StatusOr<std::string> ReadTextFile(const std::string& path) {
  File file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  if (file == nullptr) {
    return Status(ErrorId::E601, Format("{} can't be opened: {}", path, LastError()));
  }
  std::string text;
  char buffer[1 << 16];
  while (size_t n = std::fread(buffer, 1, sizeof(buffer), file.get())) {
    text.append(buffer, n);
    if (text.size() > kMaxTextBytes) {
      return Status(ErrorId::E802, Format("{} is larger than {} bytes", path, kMaxTextBytes));
    }
  }
  if (std::ferror(file.get())) {
    return Status(ErrorId::E601, Format("{} can't be read: {}", path, LastError()));
  }
  return text;
}

Status WriteTextFile(const std::string& path, std::string_view text) {
  if (path == "-") {
    bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    if (whole && std::fflush(stdout) == 0) return {};
    return {ErrorId::E605, Format("standard output can't be written: {}", LastError())};
  }
  std::string beside = path + ".new";
  std::FILE* file = std::fopen(beside.c_str(), "wb");
  if (file == nullptr) {
    return {ErrorId::E605, Format("{} can't be opened: {}", beside, LastError())};
  }
  bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  whole = std::fclose(file) == 0 && whole;
  if (whole && std::rename(beside.c_str(), path.c_str()) == 0) return {};
  Status status(ErrorId::E605, Format("{} can't be written: {}", path, LastError()));
  std::remove(beside.c_str());
  return status;
}

std::vector<std::string> SplitModules(std::string_view text) {
  std::vector<std::string> pieces(1);
  size_t lines = 0;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    std::string_view bare = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    ++lines;
    if (bare == kModuleSeparator) {
      pieces.emplace_back(lines, '\n');
    } else {
      pieces.back().append(line).append(end == std::string_view::npos ? "" : "\n");
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return pieces;
}

}  // namespace gcomp::tools
