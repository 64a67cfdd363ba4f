#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "frontends/weights/npy.h"
#include "frontends/weights/npy_header.h"
#include "frontends/weights/store.h"

namespace gcomp {
namespace {

using ir::DType;

// A .npy file of this version, dictionary and data.
std::string FileOf(int version, const std::string& dict, const std::string& data) {
  std::string file = "\x93NUMPY";
  file += {static_cast<char>(version), '\0'};
  for (size_t i = 0; i < (version == 1 ? 2u : 4u); ++i) {
    file += static_cast<char>((dict.size() >> (8 * i)) & 0xff);
  }
  return file + dict + data;
}

StatusOr<Tensor> Parse(const std::string& file) {
  return ParseNpy(std::as_bytes(std::span(file)), "f");
}

void ExpectRejected(const std::string& file, ErrorId id, const std::string& part) {
  StatusOr<Tensor> tensor = Parse(file);
  ASSERT_FALSE(tensor.ok()) << file;
  EXPECT_EQ(tensor.status().id(), id) << tensor.status().ToString();
  EXPECT_NE(tensor.status().message().find(part), std::string::npos) << tensor.status().ToString();
}

std::string Dict(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

TEST(Npy, AllVersionsAreRead) {
  for (int version : {1, 2, 3}) {
    auto tensor = Parse(FileOf(version, Dict("|u1", "False", "(2, 3)") + "   \n", "abcdef"));
    ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
    EXPECT_EQ(tensor->TypeString(), "u8[2, 3]");
    EXPECT_EQ(std::memcmp(tensor->data(), "abcdef", 6), 0);
  }
}

TEST(Npy, FortranOrderBecomesRowMajor) {
  // Columns of [[a, c, e], [b, d, f]], one after the other.
  auto tensor = Parse(FileOf(1, Dict("|u1", "True", "(2, 3)"), "abcdef"));
  ASSERT_TRUE(tensor.ok());
  EXPECT_TRUE(tensor->IsContiguous());
  EXPECT_EQ(std::memcmp(tensor->data(), "acebdf", 6), 0);
  EXPECT_TRUE(Parse(FileOf(1, Dict("<f8", "True", "(0, 3)"), "")).ok());
  auto scalar = Parse(FileOf(1, Dict("|u1", "True", "()"), "x"));
  ASSERT_TRUE(scalar.ok());
  EXPECT_EQ(scalar->rank(), 0);
}

TEST(Npy, SpellingsOfTheDictionary) {
  EXPECT_TRUE(
      Parse(FileOf(1, "{\"shape\":(1,),\"descr\":\"<i2\",\"fortran_order\":False}", "ab")).ok());
  EXPECT_TRUE(Parse(FileOf(1, Dict("=f4", "False", "( 1 , )"), "abcd")).ok());
  EXPECT_TRUE(Parse(FileOf(1, Dict("<f4", "False", "(1, 1, )"), "abcd")).ok());
}

TEST(Npy, WhatIsWrittenIsReadBack) {
  for (DType dtype :
       {DType::kBool, DType::kI8, DType::kI16, DType::kI32, DType::kI64, DType::kU8, DType::kU16,
        DType::kU32, DType::kU64, DType::kF16, DType::kF32, DType::kF64}) {
    for (const std::vector<int64_t>& sizes :
         {std::vector<int64_t>{}, {1}, {0}, {3, 2}, {2, 0, 5}, {2, 1, 3, 1}}) {
      auto tensor = Tensor::Empty(dtype, sizes);
      ASSERT_TRUE(tensor.ok());
      size_t bytes = static_cast<size_t>(tensor->NumElements() * ir::BytesOf(dtype));
      for (size_t i = 0; i < bytes; ++i) {
        static_cast<uint8_t*>(tensor->data())[i] = static_cast<uint8_t>(i % 2);
      }
      auto file = SerializeNpy(*tensor);
      ASSERT_TRUE(file.ok()) << file.status().ToString();
      EXPECT_EQ((file->size() - bytes) % 64, 0u);
      auto read = ParseNpy(*file, "f");
      ASSERT_TRUE(read.ok()) << read.status().ToString();
      EXPECT_EQ(read->TypeString(), tensor->TypeString());
      EXPECT_EQ(std::memcmp(read->data(), tensor->data(), bytes), 0);
    }
  }
}

TEST(Npy, StridedTensorsAreWrittenRowMajor) {
  int32_t data[] = {1, 2, 3, 4, 5, 6};
  auto transposed = Tensor::Wrap(DType::kI32, {3, 2}, {1, 3}, data);
  ASSERT_TRUE(transposed.ok());
  auto file = SerializeNpy(*transposed);
  ASSERT_TRUE(file.ok());
  auto read = ParseNpy(*file, "f");
  ASSERT_TRUE(read.ok());
  auto values = read->Span<int32_t>();
  EXPECT_EQ(std::vector<int32_t>(values.begin(), values.end()),
            (std::vector<int32_t>{1, 4, 2, 5, 3, 6}));
}

TEST(Npy, Bf16CannotBeWritten) {
  auto tensor = Tensor::Empty(DType::kBF16, {1});
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(SerializeNpy(*tensor).status().id(), ErrorId::E604);
  Status status = WriteNpy(testing::TempDir() + "never.npy", *tensor);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.id(), ErrorId::E604);
}

TEST(Npy, EveryTruncationIsRejected) {
  std::string file = FileOf(1, Dict("<f4", "False", "(2,)") + "\n", "abcdefgh");
  ASSERT_TRUE(Parse(file).ok());
  for (size_t size = 0; size < file.size(); ++size) {
    auto tensor = Parse(file.substr(0, size));
    ASSERT_FALSE(tensor.ok()) << size;
    EXPECT_EQ(tensor.status().id(), ErrorId::E602) << size;
  }
  ExpectRejected(file + "x", ErrorId::E602, "the array takes 8 bytes, the file has 9");
}

TEST(Npy, HeadersThatAreWrong) {
  auto reject = [](const std::string& dict, const std::string& part) {
    ExpectRejected(FileOf(1, dict, "abcd"), ErrorId::E602, part);
  };
  reject("", "at byte 10: expected '{'");
  reject("{", "expected a string");
  reject("{}", "is missing");
  reject("{'descr': '<f4'}", "is missing");
  reject("{'descr': '<f4', 'descr': '<f4'}", "comes twice");
  reject("{'other': 1}", "unknown key 'other'");
  reject("{'descr' '<f4'}", "expected ':'");
  reject("{'descr': '<f4' 'shape': ()}", "expected ',' or '}'");
  reject("{'descr': '<f4", "the string does not end");
  reject("{'descr': '\\x3cf4'}", "escapes are not read");
  reject("{'fortran_order': 1}", "expected True or False");
  reject("{'shape': [1]}", "expected '('");
  reject("{'shape': (1)}", "expected ','");
  reject("{'shape': (1 2)}", "expected ','");
  reject("{'shape': (-1,)}", "expected a size");
  reject("{'shape': (9223372036854775808,)}", "exceeds 2^63");
  reject(Dict("<f4", "False", "(1,)") + "x", "characters after the dictionary");
  reject(Dict("<f4", "False", "(4611686018427387904,)"), "more than 2^62 bytes");
  reject(Dict("<f4", "False", "(0, 4611686018427387904, 4)"), "more than 2^62 bytes");
  ExpectRejected("PK", ErrorId::E602, "does not begin with");
}

TEST(Npy, FormsThatAreNotReadAreE604) {
  for (const char* descr : {">f4", "<c8", "<f16", "|S4", "<U1", "|O", "<M8[ns]", "f4", ""}) {
    ExpectRejected(FileOf(1, Dict(descr, "False", "(1,)"), "abcd"), ErrorId::E604, "is not read");
  }
  ExpectRejected(FileOf(1, "{'descr': [('a', '<f4')]}", ""), ErrorId::E604, "records");
  std::string file = FileOf(1, Dict("<f4", "False", "(1,)"), "abcd");
  file[6] = 4;
  ExpectRejected(file, ErrorId::E604, "version 4.0");
}

TEST(Npy, RankIsBounded) {
  std::string shape = "(";
  for (int i = 0; i < 64; ++i) shape += "1,";
  EXPECT_TRUE(Parse(FileOf(1, Dict("|u1", "False", shape + ")"), "x")).ok());
  ExpectRejected(FileOf(1, Dict("|u1", "False", shape + "1)"), "x"), ErrorId::E802, "64 dims");
}

TEST(Npy, BoolsAreZeroOrOne) {
  EXPECT_TRUE(Parse(FileOf(1, Dict("|b1", "False", "(2,)"), std::string("\0\1", 2))).ok());
  ExpectRejected(FileOf(1, Dict("|b1", "False", "(1,)"), "\2"), ErrorId::E602,
                 "bool element 0 is the byte 2");
}

TEST(Npy, FilesOnDisk) {
  auto path = (std::filesystem::temp_directory_path() / (std::to_string(getpid()) + "x.npy"));
  float data[] = {1, 2, 3};
  auto tensor = Tensor::Copy(DType::kF32, {3}, data);
  ASSERT_TRUE(tensor.ok());
  ASSERT_TRUE(WriteNpy(path.string(), *tensor).ok());
  auto read = ReadNpy(path.string());
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->Span<float>()[2], 3);
  EXPECT_EQ(OpenWeights(path.string()).status().id(), ErrorId::E604);
  std::filesystem::remove(path);
  EXPECT_EQ(ReadNpy(path.string()).status().id(), ErrorId::E601);
  Status status = WriteNpy("/nonexistent/x.npy", *tensor);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.id(), ErrorId::E605);
}

}  // namespace
}  // namespace gcomp
