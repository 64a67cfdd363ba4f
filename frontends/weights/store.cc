#include "frontends/weights/store.h"

#include <string_view>

#include "base/format.h"
#include "base/guarded.h"
#include "frontends/weights/file.h"
#include "frontends/weights/npz.h"
#include "frontends/weights/safetensors.h"

namespace gcomp {

namespace {

StatusOr<std::shared_ptr<const WeightStore>> OpenByMagic(const std::string& path) {
  std::string magic;
  {
    GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
    std::span<const std::byte> bytes = file->bytes();
    magic.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size() < 6 ? bytes.size() : 6);
  }
  if (magic == "\x93NUMPY") {
    return Status(ErrorId::E604, Format("{} is a single array (.npy), which has no name; weights "
                                        "come from .safetensors or .npz files",
                                        path));
  }
  // A file's header, or the end of an archive without files.
  if (magic.starts_with("PK\x03\x04") || magic.starts_with("PK\x05\x06")) return OpenNpz(path);
  return OpenSafetensors(path);
}

}  // namespace

StatusOr<std::shared_ptr<const WeightStore>> OpenWeights(const std::string& path) {
  return Guarded([&path] { return OpenByMagic(path); });
}

}  // namespace gcomp
