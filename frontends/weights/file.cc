#include "frontends/weights/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/format.h"

namespace gcomp {
namespace {

// strerror is not thread-safe, this is.
std::string ErrnoText(int error) {
  return std::generic_category().message(error);
}

}  // namespace

StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  auto fail = [&path](std::string why) {
    return Status(ErrorId::E601, Format("{} can't be opened: {}", path, why));
  };
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(ErrnoText(errno));
  struct stat info;
  if (fstat(file, &info) != 0) {
    int error = errno;
    close(file);
    return fail(ErrnoText(error));
  }
  if (!S_ISREG(info.st_mode)) {
    close(file);
    return fail("it is not a regular file");
  }
  auto size = static_cast<size_t>(info.st_size);
  void* data = nullptr;
  int error = 0;
  if (size > 0) {
    data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    error = errno;
  }
  close(file);
  if (data == MAP_FAILED) return fail(ErrnoText(error));
  return std::shared_ptr<const MappedFile>(
      new MappedFile({static_cast<const std::byte*>(data), size}));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Status WriteFile(const std::string& path, std::span<const std::span<const std::byte>> pieces) {
  // Beside it, then in its place: whoever has mapped the old file keeps it whole.
  const std::string beside = path + ".new";
  std::FILE* file = std::fopen(beside.c_str(), "wb");
  if (file == nullptr) {
    return Status(ErrorId::E605, Format("{} can't be written: {}", path, ErrnoText(errno)));
  }
  int error = 0;
  for (std::span<const std::byte> piece : pieces) {
    if (piece.empty() || error != 0) continue;
    if (std::fwrite(piece.data(), 1, piece.size(), file) != piece.size()) error = errno;
  }
  if (std::fclose(file) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(beside.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  std::remove(beside.c_str());
  return Status(ErrorId::E605, Format("{} can't be written: {}", path, ErrnoText(error)));
}

}  // namespace gcomp
