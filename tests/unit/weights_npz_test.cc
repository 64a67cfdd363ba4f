#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "frontends/weights/npz.h"
#include "frontends/weights/store.h"
#include "frontends/weights/weight_table.h"

namespace gcomp {
namespace {

using ir::DType;

Tensor Floats(std::vector<float> values) {
  return *Tensor::Copy(DType::kF32, {static_cast<int64_t>(values.size())}, values.data());
}

// The bytes of an archive of these tensors.
std::string ArchiveOf(const std::vector<NamedTensor>& tensors) {
  auto path = std::filesystem::temp_directory_path() / (std::to_string(getpid()) + "x.npz");
  Status status = WriteNpz(path.string(), tensors);
  EXPECT_TRUE(status.ok()) << status.ToString();
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  std::filesystem::remove(path);
  return bytes.str();
}

StatusOr<std::shared_ptr<const WeightStore>> Parse(const std::string& file,
                                                   const NpzOptions& options = {}) {
  return ParseNpz(std::as_bytes(std::span(file)), "f", options);
}

void Replace(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

TEST(Npz, WhatIsWrittenIsReadBack) {
  auto store = Parse(ArchiveOf({{"a", Floats({1, 2, 3})}, {"dir/b", Floats({})}}));
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  ASSERT_EQ((*store)->weights().size(), 2u);
  auto a = TensorFrom(**store, "a");
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a->Span<float>()[2], 3);
  EXPECT_EQ((*store)->Find("dir/b")->sizes, std::vector<int64_t>{0});
  auto missing = TensorFrom(**store, "c");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().id(), ErrorId::E603);
  EXPECT_EQ(missing.status().message(), "f has no tensor 'c'; it has: a, dir/b");
}

TEST(Npz, ArchivesWithoutEntriesAreFine) {
  std::string file = ArchiveOf({});
  auto store = Parse(file);
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  EXPECT_TRUE((*store)->weights().empty());
}

TEST(Npz, ChangedDataFailTheChecksum) {
  std::string file = ArchiveOf({{"a", Floats({1.5f, 2, 3})}});
  float value = 1.5f;
  size_t at = file.find(std::string(reinterpret_cast<const char*>(&value), 4));
  ASSERT_NE(at, std::string::npos);
  file[at + 3] ^= 1;
  auto store = Parse(file);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.status().id(), ErrorId::E602);
  EXPECT_NE(store.status().message().find("CRC"), std::string::npos) << store.status().ToString();
}

TEST(Npz, EveryTruncationIsRejected) {
  std::string file = ArchiveOf({{"a", Floats({1, 2})}});
  ASSERT_TRUE(Parse(file).ok());
  for (size_t size = 0; size < file.size(); ++size) {
    auto store = Parse(file.substr(0, size));
    ASSERT_FALSE(store.ok()) << size;
    EXPECT_EQ(store.status().id(), ErrorId::E602) << size << " " << store.status().ToString();
  }
}

TEST(Npz, DoubleNamesAreRejected) {
  std::string file = ArchiveOf({{"a", Floats({1})}, {"b", Floats({2})}});
  Replace(file, "b.npy", "a.npy");
  auto store = Parse(file);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.status().id(), ErrorId::E602) << store.status().ToString();
}

TEST(Npz, OtherEntriesAreE604) {
  std::string file = ArchiveOf({{"a", Floats({1})}});
  Replace(file, "a.npy", "a.txt");
  auto store = Parse(file);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.status().id(), ErrorId::E604);
  EXPECT_EQ(store.status().message(), "f: entry 'a.txt' is no .npy array");
}

TEST(Npz, TotalSizeIsBounded) {
  std::string file = ArchiveOf({{"a", Floats({1})}, {"b", Floats({2})}});
  uint64_t each = 128 + 4;  // header and data
  EXPECT_TRUE(Parse(file, {.max_total_bytes = 2 * each}).ok());
  auto store = Parse(file, {.max_total_bytes = 2 * each - 1});
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.status().id(), ErrorId::E802);
}

TEST(Npz, ClaimsThatNoCompressionCanKeepAreRejected) {
  // The directory's uncompressed size becomes 0x7fffffff; it stands 24 bytes into the entry.
  std::string file = ArchiveOf({{"a", Floats({1})}});
  size_t entry = file.find("PK\x01\x02");
  ASSERT_NE(entry, std::string::npos);
  std::memcpy(file.data() + entry + 24, "\xff\xff\xff\x7f", 4);
  auto store = Parse(file);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.status().id(), ErrorId::E602);
  EXPECT_NE(store.status().message().find("can't come from"), std::string::npos)
      << store.status().ToString();
}

TEST(Npz, FilesOnDisk) {
  auto path = (std::filesystem::temp_directory_path() / (std::to_string(getpid()) + "y.npz"));
  ASSERT_TRUE(WriteNpz(path.string(), std::vector<NamedTensor>{{"w", Floats({4})}}).ok());
  auto store = OpenWeights(path.string());
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  EXPECT_EQ(*static_cast<const float*>((*store)->Find("w")->data), 4);
  std::filesystem::remove(path);
  EXPECT_EQ(OpenNpz(path.string()).status().id(), ErrorId::E601);
  for (const std::vector<NamedTensor>& tensors :
       {std::vector<NamedTensor>{}, std::vector<NamedTensor>{{"w", Floats({4})}}}) {
    Status status = WriteNpz("/nonexistent/x.npz", tensors);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.id(), ErrorId::E605);
  }
}

}  // namespace
}  // namespace gcomp
