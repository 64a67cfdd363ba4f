#include <gtest/gtest.h>

#include "ir/type.h"

namespace gcomp::ir {
namespace {

std::string Text(const Type& type) {
  return type.ToString([](SymId id) { return "s" + std::to_string(id.index()); });
}

Expr S(uint32_t i) {
  return Expr::Symbol(SymId(i));
}

Layout Strided(Dims strides, Expr offset = 0) {
  return {Layout::Kind::kStrided, std::move(strides), std::move(offset), ""};
}

TEST(Type, TextFollowsTheGrammar) {
  EXPECT_EQ(Text(Type::Tensor(DType::kF32, {S(0), 4}, Strided({1, 4}, 2), {"cuda", 0})),
            "f32[s0, 4]{1, 4; offset 2}@cuda:0");
  EXPECT_EQ(Text(Type::Tensor(DType::kI64, {})), "i64[]");
  EXPECT_EQ(Text(Type::Tensor(DType::kF32, {3}, {Layout::Kind::kUnknown, {}, 0, ""})), "f32[3]{?}");
  EXPECT_EQ(Text(Type::Tensor(DType::kF32, {3}, {Layout::Kind::kPacked, {}, 0, "a\"b"})),
            "f32[3]{packed \"a\\\"b\"}");
  EXPECT_EQ(Text(Type::Int(Expr::Add(S(0), 1))), "int<s0 + 1>");
  EXPECT_EQ(Text(Type::Of(Type::Kind::kRng)), "rng");
  EXPECT_EQ(Text(Type()), "none");
}

TEST(Type, ContiguousStridesAreNotALayout) {
  EXPECT_EQ(Type::Tensor(DType::kF32, {2, S(0)}, Strided({S(0), 1})),
            Type::Tensor(DType::kF32, {2, S(0)}));
  EXPECT_FALSE(Type::Tensor(DType::kF32, {2, S(0)}, Strided({S(0), 1}, 1)).is_contiguous());
}

TEST(Type, StridesOfSizeOneAndEmptyAreNormalized) {
  EXPECT_TRUE(Type::Tensor(DType::kF32, {2, 1, 3}, Strided({3, 77, 1})).is_contiguous());
  EXPECT_TRUE(Type::Tensor(DType::kF32, {2, 0, 3}, Strided({9, 9, 9})).is_contiguous());
  EXPECT_EQ(Text(Type::Tensor(DType::kF32, {1, 4, 2}, Strided({5, 1, 4}))),
            "f32[1, 4, 2]{8, 1, 4}");
}

TEST(Type, SubstituteNormalizesAgain) {
  Type type = Type::Tensor(DType::kF32, {S(0), 4}, Strided({1, S(0)}));
  EXPECT_FALSE(type.is_contiguous());
  Type one = type.Substitute([](SymId) { return Expr(1); });
  EXPECT_TRUE(one.is_contiguous());
  EXPECT_TRUE(one.IsStatic());
  EXPECT_FALSE(type.IsStatic());
}

TEST(Type, CountsElements) {
  EXPECT_EQ(Type::Tensor(DType::kF32, {S(0), 4, S(0)}).NumElements(),
            Expr::Mul(4, Expr::Mul(S(0), S(0))));
  EXPECT_EQ(Type::Tensor(DType::kF32, {INT64_MAX, 4, 0}).NumElements(), Expr(0));
  EXPECT_TRUE(Type::Tensor(DType::kF32, {INT64_MAX, 4}).NumElements().is_poison());
}

}  // namespace
}  // namespace gcomp::ir
