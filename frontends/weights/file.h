// Files as bytes: read-only maps of them, and writing.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"

namespace gcomp {

// A whole file, mapped read-only, so that its pages are shared by all processes and read when first
// touched. Who shortens the file meanwhile makes later reads fault (SIGBUS): replace files by
// renaming, don't rewrite them in place.
// Thread safety: may be read from any thread.
class MappedFile {
 public:
  // Fails with E601 when there is no such regular file.
  static StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // The address is that of a page; null for an empty file.
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

// Writes the pieces one after the other into a new file, or over an old one. Fails with E605; the
// file is then incomplete.
Status WriteFile(const std::string& path, std::span<const std::span<const std::byte>> pieces);

}  // namespace gcomp
