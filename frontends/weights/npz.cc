#include "frontends/weights/npz.h"

#include <zip.h>

#include <string_view>
#include <utility>

#include "base/format.h"
#include "frontends/weights/file.h"
#include "frontends/weights/npy.h"
#include "frontends/weights/weight_table.h"

namespace gcomp {
namespace {

constexpr std::string_view kSuffix = ".npy";
constexpr int64_t kMaxEntries = 1'000'000;
// Deflate gives at most 1032 bytes per byte (https://zlib.net/zlib_tech.html).
constexpr uint64_t kMaxRatio = 1032;

// What an archive without entries is: the end of the directory, with all counts 0.
constexpr std::string_view kEmptyArchive("PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);

// An archive open for reading; closing it discards nothing, as nothing was changed.
using Archive = std::unique_ptr<zip_t, decltype([](zip_t* zip) { zip_discard(zip); })>;
using EntryFile = std::unique_ptr<zip_file_t, decltype([](zip_file_t* file) { zip_fclose(file); })>;

// zip_error_strerror builds its text in the error itself, so it needs a living one.
std::string TextOf(zip_error_t* error) {
  return zip_error_strerror(error);
}

StatusOr<Archive> OpenArchive(std::span<const std::byte> file) {
  // libzip takes no bytes for an archive without entries.
  if (file.size() < kEmptyArchive.size()) {
    return Status(ErrorId::E602, Format("it is no zip archive: it has {} bytes", file.size()));
  }
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(file.data(), file.size(), 0, &error);
  zip_t* zip = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error);
  if (zip == nullptr) {
    Status status(ErrorId::E602, Format("it is no zip archive: {}", TextOf(&error)));
    zip_source_free(source);
    zip_error_fini(&error);
    return status;
  }
  zip_error_fini(&error);
  return Archive(zip);
}

// One entry of the directory, checked.
struct ArrayEntry {
  zip_uint64_t index;
  std::string name;  // without the suffix
  uint64_t bytes;
};

StatusOr<ArrayEntry> DescribeEntry(zip_t* zip, zip_uint64_t index) {
  zip_stat_t info;
  zip_stat_init(&info);
  if (zip_stat_index(zip, index, 0, &info) != 0) {
    return Status(ErrorId::E602, Format("entry {}: {}", index, TextOf(zip_get_error(zip))));
  }
  constexpr zip_uint64_t kNeeded =
      ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((info.valid & kNeeded) != kNeeded) {
    return Status(ErrorId::E602, Format("entry {}: its size is not told", index));
  }
  std::string_view name = info.name;
  if (!name.ends_with(kSuffix)) {
    return Status(ErrorId::E604, Format("entry '{}' is no .npy array", name));
  }
  if ((info.valid & ZIP_STAT_ENCRYPTION_METHOD) && info.encryption_method != ZIP_EM_NONE) {
    return Status(ErrorId::E604, Format("entry '{}' is encrypted", name));
  }
  if (info.comp_method != ZIP_CM_STORE && info.comp_method != ZIP_CM_DEFLATE) {
    return Status(ErrorId::E604,
                  Format("entry '{}': compression method {} is not read", name, info.comp_method));
  }
  if (info.size / kMaxRatio > info.comp_size) {
    return Status(ErrorId::E602, Format("entry '{}': {} bytes can't come from {} compressed ones",
                                        name, info.size, info.comp_size));
  }
  name.remove_suffix(kSuffix.size());
  return ArrayEntry{index, std::string(name), info.size};
}

StatusOr<Tensor> ReadEntry(zip_t* zip, const ArrayEntry& entry) {
  auto fail = [&entry](std::string why) {
    return Status(ErrorId::E602, Format("entry '{}.npy': {}", entry.name, why));
  };
  EntryFile file(zip_fopen_index(zip, entry.index, 0));
  if (file == nullptr) return fail(TextOf(zip_get_error(zip)));
  std::vector<std::byte> bytes(entry.bytes);
  uint64_t got = 0;
  while (got < bytes.size()) {
    zip_int64_t count = zip_fread(file.get(), bytes.data() + got, bytes.size() - got);
    if (count < 0) return fail(TextOf(zip_file_get_error(file.get())));
    if (count == 0) break;
    got += static_cast<uint64_t>(count);
  }
  // The checksum is compared when the end is read.
  std::byte beyond;
  zip_int64_t count = got == bytes.size() ? zip_fread(file.get(), &beyond, 1) : 0;
  if (count < 0) return fail(TextOf(zip_file_get_error(file.get())));
  if (got != bytes.size() || count != 0) {
    return fail(Format("it has not the {} bytes that the directory tells", entry.bytes));
  }
  return ParseNpy(bytes, Format("entry '{}.npy'", entry.name));
}

StatusOr<std::shared_ptr<const WeightStore>> Parse(std::span<const std::byte> bytes,
                                                   const std::string& name,
                                                   const NpzOptions& options) {
  GCOMP_ASSIGN_OR_RETURN(Archive zip, OpenArchive(bytes));
  int64_t count = zip_get_num_entries(zip.get(), 0);
  if (count > kMaxEntries) {
    return Status(ErrorId::E802, Format("{} entries, at most {} are read", count, kMaxEntries));
  }
  std::vector<ArrayEntry> entries;
  uint64_t total = 0;
  for (int64_t i = 0; i < count; ++i) {
    GCOMP_ASSIGN_OR_RETURN(ArrayEntry entry,
                           DescribeEntry(zip.get(), static_cast<zip_uint64_t>(i)));
    if (__builtin_add_overflow(total, entry.bytes, &total) || total > options.max_total_bytes) {
      return Status(ErrorId::E802,
                    Format("its arrays take more than {} bytes", options.max_total_bytes));
    }
    entries.push_back(std::move(entry));
  }
  auto tensors = std::make_shared<std::vector<Tensor>>();
  std::vector<Weight> weights;
  for (ArrayEntry& entry : entries) {
    GCOMP_ASSIGN_OR_RETURN(Tensor tensor, ReadEntry(zip.get(), entry));
    weights.push_back({std::move(entry.name), tensor.dtype(), tensor.sizes(), tensor.data()});
    tensors->push_back(std::move(tensor));
  }
  return WeightTable::Create(name, std::move(weights), std::move(tensors));
}

}  // namespace

StatusOr<std::shared_ptr<const WeightStore>> OpenNpz(const std::string& path,
                                                     const NpzOptions& options) {
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  return ParseNpz(file->bytes(), path, options);
}

StatusOr<std::shared_ptr<const WeightStore>> ParseNpz(std::span<const std::byte> file,
                                                      const std::string& name,
                                                      const NpzOptions& options) {
  StatusOr<std::shared_ptr<const WeightStore>> store = Parse(file, name, options);
  if (store.ok()) return store;
  return Status(store.status().id(), Format("{}: {}", name, store.status().message()));
}

Status WriteNpz(const std::string& path, std::span<const NamedTensor> tensors) {
  if (tensors.empty()) {  // libzip writes no such file
    std::span<const std::byte> pieces[] = {std::as_bytes(std::span(kEmptyArchive))};
    return WriteFile(path, pieces);
  }
  int code = 0;
  Archive zip(zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code));
  if (zip == nullptr) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    Status status(ErrorId::E605, Format("{} can't be written: {}", path, TextOf(&error)));
    zip_error_fini(&error);
    return status;
  }
  auto fail = [&] {
    return Status(ErrorId::E605,
                  Format("{} can't be written: {}", path, TextOf(zip_get_error(zip.get()))));
  };
  // The archive borrows the bytes until it is closed.
  std::vector<std::vector<std::byte>> files;
  for (const NamedTensor& named : tensors) {
    StatusOr<std::vector<std::byte>> file = SerializeNpy(named.tensor);
    if (!file.ok()) {
      return Status(file.status().id(),
                    Format("{}: '{}': {}", path, named.name, file.status().message()));
    }
    files.push_back(*std::move(file));
    zip_source_t* source =
        zip_source_buffer(zip.get(), files.back().data(), files.back().size(), 0);
    if (source == nullptr) return fail();
    std::string entry = named.name + std::string(kSuffix);
    zip_int64_t index = zip_file_add(zip.get(), entry.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      return fail();
    }
    if (zip_set_file_compression(zip.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0) !=
        0) {
      return fail();
    }
  }
  // On success the archive is gone; on failure it must still be discarded.
  if (zip_close(zip.get()) != 0) return fail();
  (void)zip.release();
  return {};
}

}  // namespace gcomp
