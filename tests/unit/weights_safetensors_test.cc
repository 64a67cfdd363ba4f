#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "frontends/weights/safetensors.h"
#include "frontends/weights/store.h"
#include "frontends/weights/weight_table.h"

namespace gcomp {
namespace {

using ir::DType;

std::string TempPath(const std::string& name) {
  return (std::filesystem::temp_directory_path() / (std::to_string(getpid()) + name)).string();
}

// A file of this header and so many zero bytes of data.
std::string FileOf(const std::string& header, size_t data_bytes) {
  uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), 8);
  return file + header + std::string(data_bytes, '\0');
}

StatusOr<std::shared_ptr<const WeightStore>> Parse(const std::string& file) {
  return ParseSafetensors(std::as_bytes(std::span(file)), "f");
}

void ExpectRejected(const std::string& file, ErrorId id, const std::string& part) {
  StatusOr<std::shared_ptr<const WeightStore>> store = Parse(file);
  ASSERT_FALSE(store.ok()) << file;
  EXPECT_EQ(store.status().id(), id) << store.status().ToString();
  EXPECT_NE(store.status().message().find(part), std::string::npos) << store.status().ToString();
  EXPECT_EQ(store.status().message().substr(0, 3), "f: ");
}

constexpr char kTwo[] =
    R"({"__metadata__":{"by":"hand"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
    R"("b":{"dtype":"I64","shape":[],"data_offsets":[8,16]}})";

TEST(Safetensors, WellFormedFileIsReadInPlace) {
  std::string file = FileOf(kTwo, 16);
  float values[] = {1.5f, -2.0f};
  std::memcpy(file.data() + file.size() - 16, values, 8);
  auto store = Parse(file);
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  ASSERT_EQ((*store)->weights().size(), 2u);
  const Weight* a = (*store)->Find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->dtype, DType::kF32);
  EXPECT_EQ(a->sizes, std::vector<int64_t>{2});
  EXPECT_EQ(a->data, file.data() + file.size() - 16);
  EXPECT_EQ(std::memcmp(a->data, values, 8), 0);
  EXPECT_TRUE((*store)->Find("b")->sizes.empty());
  EXPECT_EQ((*store)->Find("c"), nullptr);
  EXPECT_EQ((*store)->Find("__metadata__"), nullptr);
}

TEST(Safetensors, EmptyTensorsAndEmptyFilesAreFine) {
  auto store = Parse(FileOf(R"({"e":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]}})", 0));
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  EXPECT_EQ((*store)->Find("e")->sizes, (std::vector<int64_t>{0, 3}));
  EXPECT_TRUE(Parse(FileOf("{}  ", 0)).ok());
}

TEST(Safetensors, WhatIsWrittenIsReadBack) {
  std::vector<Weight> weights;
  std::vector<std::vector<std::byte>> data;
  for (DType dtype :
       {DType::kBool, DType::kU8, DType::kI8, DType::kI16, DType::kU16, DType::kI32, DType::kU32,
        DType::kI64, DType::kU64, DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    data.emplace_back(static_cast<size_t>(6 * ir::BytesOf(dtype)), std::byte{1});
    weights.push_back({"w \"\\\n" + std::string(ir::NameOf(dtype)), dtype, {3, 2}, nullptr});
  }
  for (size_t i = 0; i < weights.size(); ++i) weights[i].data = data[i].data();
  std::string path = TempPath("all.safetensors");
  ASSERT_TRUE(WriteSafetensors(path, weights).ok());
  auto store = OpenWeights(path);
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  for (size_t i = 0; i < weights.size(); ++i) {
    const Weight* read = (*store)->Find(weights[i].name);
    ASSERT_NE(read, nullptr) << weights[i].name;
    EXPECT_EQ(read->dtype, weights[i].dtype);
    EXPECT_EQ(read->sizes, weights[i].sizes);
    EXPECT_EQ(std::memcmp(read->data, data[i].data(), data[i].size()), 0);
    uintptr_t address = reinterpret_cast<uintptr_t>(read->data);
    EXPECT_EQ(address % static_cast<uintptr_t>(ir::BytesOf(read->dtype)), 0u) << read->name;
  }
  std::filesystem::remove(path);
}

TEST(Safetensors, NamesThatJsonCannotHoldAreNotWritten) {
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{"\xff"}, {"a", "a"}, {"__metadata__"}}) {
    std::vector<Weight> weights;
    for (const std::string& name : names) weights.push_back({name, DType::kU8, {0}, nullptr});
    Status status = WriteSafetensors(TempPath("bad.safetensors"), weights);
    ASSERT_FALSE(status.ok()) << names[0];
    EXPECT_EQ(status.id(), ErrorId::E701) << names[0];
  }
}

TEST(Safetensors, EveryTruncationIsRejected) {
  std::string file = FileOf(kTwo, 16);
  for (size_t size = 0; size < file.size(); ++size) {
    auto store = Parse(file.substr(0, size));
    ASSERT_FALSE(store.ok()) << size;
    EXPECT_EQ(store.status().id(), ErrorId::E602) << size;
  }
  ExpectRejected(file + "x", ErrorId::E602, "accounts for 16 bytes of data, the file has 17");
}

TEST(Safetensors, HeaderLengthIsBounded) {
  std::string file = FileOf("{}", 0);
  file[7] = '\x7f';
  ExpectRejected(file, ErrorId::E602, "at most 100000000 are allowed");
  std::string longer = FileOf("{}", 0);
  longer[0] = 3;
  ExpectRejected(longer, ErrorId::E602, "only 2 bytes follow");
  ExpectRejected(FileOf("", 0), ErrorId::E602, "at byte 8: the header must begin with '{'");
  ExpectRejected(FileOf(" {}", 0), ErrorId::E602, "must begin with '{'");
}

TEST(Safetensors, BrokenJsonIsRejectedWithItsOffset) {
  ExpectRejected(FileOf("{]", 0), ErrorId::E602, "at byte 9: the header is not JSON");
  ExpectRejected(FileOf("{} {}", 0), ErrorId::E602, "not JSON");
  ExpectRejected(FileOf("{\"a\xff\":{}}", 0), ErrorId::E602, "not JSON");
  ExpectRejected(FileOf(R"({"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}})", 4),
                 ErrorId::E602, "not JSON");
}

TEST(Safetensors, WrongFieldsAreRejected) {
  auto entry = [](const std::string& fields) { return FileOf("{\"a\":{" + fields + "}}", 4); };
  ExpectRejected(entry(R"("dtype":"F32","shape":[1])"), ErrorId::E602, "is missing");
  ExpectRejected(entry(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1)"), ErrorId::E602,
                 "unknown field 'x'");
  ExpectRejected(entry(R"("dtype":"F32","dtype":"F32")"), ErrorId::E602, "comes twice");
  ExpectRejected(entry(R"("dtype":4)"), ErrorId::E602, "a number where");
  ExpectRejected(entry(R"("dtype":["F32"])"), ErrorId::E602, "a list where");
  ExpectRejected(entry(R"("shape":{})"), ErrorId::E602, "an object where");
  ExpectRejected(entry(R"("shape":[-1])"), ErrorId::E602, "a negative number where");
  ExpectRejected(entry(R"("shape":[1.0])"), ErrorId::E602, "a fraction where");
  ExpectRejected(entry(R"("shape":[[1]])"), ErrorId::E602, "a list where");
  ExpectRejected(entry(R"("shape":[null])"), ErrorId::E602, "null where");
  ExpectRejected(entry(R"("shape":[true])"), ErrorId::E602, "a boolean where");
  ExpectRejected(entry(R"("data_offsets":[0])"), ErrorId::E602, "has 1 numbers, must have 2");
  ExpectRejected(entry(R"("data_offsets":[0,1,2])"), ErrorId::E602, "more than 2 numbers");
  ExpectRejected(FileOf(R"({"a":1})", 0), ErrorId::E602, "a number where an object");
  ExpectRejected(FileOf(R"({"__metadata__":{"k":[]}})", 0), ErrorId::E602, "a list where a string");
  ExpectRejected(FileOf(R"({"__metadata__":{"k":{}}})", 0), ErrorId::E602,
                 "an object where a string");
}

TEST(Safetensors, NamesAreUnique) {
  std::string one = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  ExpectRejected(FileOf("{" + one + "," + one + "}", 1), ErrorId::E602, "the name comes twice");
}

TEST(Safetensors, SizesAndOffsetsMustAgree) {
  auto entry = [](const std::string& shape, const std::string& offsets) {
    return FileOf(
        R"({"a":{"dtype":"F32","shape":[)" + shape + R"(],"data_offsets":[)" + offsets + "]}}", 8);
  };
  EXPECT_TRUE(Parse(entry("2", "0,8")).ok());
  ExpectRejected(entry("3", "0,8"), ErrorId::E602, "ask for 12 bytes, data_offsets for 8");
  ExpectRejected(entry("2", "8,0"), ErrorId::E602, "run backwards");
  ExpectRejected(entry("2", "0,9"), ErrorId::E602, "only 8 bytes of data");
  ExpectRejected(entry("2", "0,18446744073709551615"), ErrorId::E602, "only 8 bytes of data");
  ExpectRejected(entry("1", "4,8"), ErrorId::E602, "there is a hole from 0 on");
  ExpectRejected(entry("18446744073709551615", "0,8"), ErrorId::E602, "the size");
  ExpectRejected(entry("4611686018427387904,4", "0,8"), ErrorId::E602, "more than 2^62");
  // 2^62 elements of 4 bytes are 2^64 bytes: 0 in 64-bit arithmetic.
  ExpectRejected(entry("4611686018427387904", "0,8"), ErrorId::E602, "more than 2^62");
  ExpectRejected(entry("0,4611686018427387904,4611686018427387904", "0,8"), ErrorId::E602,
                 "more than 2^62");
}

TEST(Safetensors, OverlapsAreRejected) {
  auto two = [](const std::string& a, const std::string& b) {
    return FileOf(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[)" + a +
                      R"(]},"b":{"dtype":"U8","shape":[4],"data_offsets":[)" + b + "]}}",
                  8);
  };
  EXPECT_TRUE(Parse(two("4,8", "0,4")).ok());
  ExpectRejected(two("0,4", "0,4"), ErrorId::E602, "overlap data that end at 4");
  ExpectRejected(two("0,4", "3,7"), ErrorId::E602, "overlap data that end at 4");
}

TEST(Safetensors, RankIsBounded) {
  std::string shape = "1";
  for (size_t i = 1; i < kMaxRank; ++i) shape += ",1";
  auto entry = [](const std::string& sizes) {
    return FileOf(R"({"a":{"dtype":"U8","shape":[)" + sizes + R"(],"data_offsets":[0,1]}})", 1);
  };
  EXPECT_TRUE(Parse(entry(shape)).ok());
  ExpectRejected(entry(shape + ",1"), ErrorId::E802, "more than 64 dims");
}

TEST(Safetensors, UnknownDtypesAreLeftOutAndTold) {
  auto store = Parse(FileOf(R"({"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]},)"
                            R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                            3));
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  EXPECT_EQ((*store)->Find("a"), nullptr);
  EXPECT_NE((*store)->Find("b"), nullptr);
  EXPECT_EQ((*store)->description(), "f (dtypes that can't be read: 'a' of F4)");
}

TEST(Safetensors, BoolsAreZeroOrOne) {
  std::string file = FileOf(R"({"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})", 2);
  file.back() = 1;
  EXPECT_TRUE(Parse(file).ok());
  file.back() = 2;
  ExpectRejected(file, ErrorId::E602, "bool element 1 is the byte 2");
}

TEST(Safetensors, DeepNestingIsNoProblem) {
  ExpectRejected(FileOf("{\"a\":" + std::string(1 << 20, '['), 0), ErrorId::E602, "a list where");
}

TEST(Safetensors, MissingFileIsE601) {
  auto store = OpenSafetensors("/nonexistent/x.safetensors");
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.status().id(), ErrorId::E601);
  EXPECT_EQ(OpenSafetensors("/").status().id(), ErrorId::E601);
  std::string path = TempPath("empty.safetensors");
  std::ofstream(path).flush();
  EXPECT_EQ(OpenSafetensors(path).status().id(), ErrorId::E602);
  EXPECT_EQ(OpenWeights(path).status().id(), ErrorId::E602);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace gcomp
