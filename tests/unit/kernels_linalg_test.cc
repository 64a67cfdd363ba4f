// Ops that are formulas of products and sums: what their type inference refuses, and how clearly.
// Their values are in tests/ops.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ir/expr.h"
#include "kernels/einsum_equation.h"
#include "tests/unit/record_case.h"

namespace gcomp {
namespace {

using ir::DType;
using record_test::Contiguous;
using record_test::Integers;
using record_test::IntList;
using record_test::RecordCase;

int64_t Count(const std::vector<int64_t>& sizes) {
  int64_t n = 1;
  for (int64_t size : sizes) n *= size;
  return n;
}

// An op on operands of these sizes, each a group of its own.
RecordCase Of(std::string_view op, const std::vector<std::vector<int64_t>>& operands,
              DType dtype = DType::kF32) {
  RecordCase c(op);
  for (const std::vector<int64_t>& sizes : operands) {
    c.In(Contiguous(dtype, sizes), std::vector<double>(static_cast<size_t>(Count(sizes)), 1));
  }
  return c;
}

void ExpectError(RecordCase& op, ErrorId id, std::string_view text) {
  EXPECT_EQ(op.InferErrorId(), id);
  const std::string error = op.InferError();
  EXPECT_NE(error.find(text), std::string::npos) << error;
}

void ExpectError(RecordCase&& op, ErrorId id, std::string_view text) {
  ExpectError(op, id, text);
}

TEST(Bmm, Misfits) {
  ExpectError(Of("bmm", {{2, 3, 4}, {3, 4, 5}}), ErrorId::E504, "2 matrices");
  ExpectError(Of("bmm", {{3, 4}, {4, 5}}), ErrorId::E504, "rank 3");
  ExpectError(Of("bmm", {{1, 3, 4}, {1, 5, 6}}), ErrorId::E504, "4 columns");
}

TEST(Addmm, Misfits) {
  ExpectError(Of("addmm", {{3}, {2, 4}, {4, 5}}), ErrorId::E504, "f32[3] does not broadcast");
  ExpectError(Of("addmm", {{1, 2, 5}, {2, 4}, {4, 5}}), ErrorId::E504, "does not broadcast");
  ExpectError(Of("addmm", {{5}, {2, 4}, {3, 5}}), ErrorId::E504, "3 rows");
  ExpectError(Of("addmm", {{5}, {2, 4}, {4, 5}}, DType::kI32).Attr("alpha", 0.5), ErrorId::E508,
              "alpha = 0.5");
  ExpectError(Of("addmm", {{5}, {2, 4}, {4, 5}}, DType::kU8).Attr("beta", -1.0), ErrorId::E508,
              "beta = -1");
}

TEST(Linear, Misfits) {
  ExpectError(Of("linear", {{3, 4}, {5, 3}}), ErrorId::E504, "f32[3, 4]");
  ExpectError(Of("linear", {{}, {5, 3}}), ErrorId::E504, "rank 1 or more");
  ExpectError(Of("linear", {{3, 4}, {5, 4}, {4}}), ErrorId::E504, "bias must be f32[5]");
}

RecordCase Einsum(const std::string& equation, const std::vector<std::vector<int64_t>>& operands) {
  RecordCase c("einsum");
  for (const std::vector<int64_t>& sizes : operands) {
    c.AddOperand(Contiguous(DType::kF32, sizes), Integers(Count(sizes), 1));
  }
  c.EndGroup().Attr("equation", equation);
  return c;
}

TEST(Einsum, ErrorsNameThePlaceInTheEquation) {
  ExpectError(Einsum("ij;jk->ik", {{2, 3}, {3, 4}}), ErrorId::E508, "character 3: ';'");
  ExpectError(Einsum("ij,jk->il", {{2, 3}, {3, 4}}), ErrorId::E508, "'l' of the result");
  ExpectError(Einsum("ij,jk->ii", {{2, 3}, {3, 4}}), ErrorId::E508, "'i' is twice");
  ExpectError(Einsum("ij->i->j", {{2, 3}}), ErrorId::E508, "character 6");
  ExpectError(Einsum("ij-", {{2, 3}}), ErrorId::E508, "character 3: '-'");
  ExpectError(Einsum("i..j", {{2, 3}}), ErrorId::E508, "character 2: '.'");
  ExpectError(Einsum("...i...", {{2, 3}}), ErrorId::E508, "character 5: a second");
  ExpectError(Einsum("...i->i", {{2, 3}}), ErrorId::E508, "operands have \"...\"");
  ExpectError(Einsum("ij->...i", {{2, 3}}), ErrorId::E508, "the result has \"...\"");
  ExpectError(Einsum("ijk->i", {{2, 3}}), ErrorId::E508, "operand 0, which has rank 2");
  ExpectError(Einsum("i->i", {{2, 3}}), ErrorId::E508, "operand 0, which has rank 2");
  ExpectError(Einsum("ij,jk->ik", {{2, 3}}), ErrorId::E508, "is about 2 operands, found 1");
  ExpectError(Einsum("ij->ij", {{2, 3}, {2, 3}}), ErrorId::E508, "is about 1 operands, found 2");
  ExpectError(Einsum("\xc3\xa4->", {{2}}), ErrorId::E508, "character 1");
}

TEST(Einsum, LettersHaveOneSize) {
  ExpectError(Einsum("ij,jk->ik", {{2, 3}, {4, 5}}), ErrorId::E504, "letter 'j' is 4 in axis 0");
  ExpectError(Einsum("ij,jk->ik", {{2, 3}, {1, 5}}), ErrorId::E504, "letter 'j'");
  ExpectError(Einsum("ii->i", {{2, 3}}), ErrorId::E504, "letter 'i' is 3 in axis 1");
  ExpectError(Einsum("...i,...i->...", {{2, 3}, {4, 3}}), ErrorId::E504, "axis 0 of \"...\"");
  EXPECT_TRUE(Einsum("...i,...i->...", {{2, 3}, {1, 3}}).Infer().ok());
}

TEST(Einsum, LongEquationsTakeLinearTime) {
  std::string equation(1 << 20, 'i');
  EXPECT_EQ(kernels::ParseEinsum(equation, {2}).status().id(), ErrorId::E508);
  std::string many(1 << 20, ',');
  EXPECT_EQ(kernels::ParseEinsum(many, {2}).status().id(), ErrorId::E508);
}

TEST(Attention, Misfits) {
  const std::string_view op = "scaled_dot_product_attention";
  ExpectError(Of(op, {{3, 4}, {5, 3}, {5, 2}}), ErrorId::E504, "found 4 and 3");
  ExpectError(Of(op, {{3, 4}, {5, 4}, {6, 2}}), ErrorId::E504, "5 rows");
  ExpectError(Of(op, {{4}, {5, 4}, {5, 2}}), ErrorId::E504, "rank 2");
  ExpectError(Of(op, {{2, 3, 4}, {3, 5, 4}, {5, 2}}), ErrorId::E504, "batch axis 0");
  ExpectError(Of(op, {{3, 4}, {5, 4}, {5, 2}, {4, 5}}), ErrorId::E504,
              "mask f32[4, 5] does not broadcast to the scores f32[3, 5]");
  RecordCase mask = Of(op, {{3, 4}, {5, 4}, {5, 2}});
  mask.In(Contiguous(DType::kF64, {5}), Integers(5, 1));
  ExpectError(mask, ErrorId::E504, "mask must be bool or f32");
}

TEST(AdaptiveAvgPool, Misfits) {
  ExpectError(Of("adaptive_avg_pool", {{1, 2, 4}}).Attr("size", IntList({2, 2})), ErrorId::E508,
              "1 spatial axes");
  ExpectError(Of("adaptive_avg_pool", {{1, 2, 4}}).Attr("size", IntList({0})), ErrorId::E508,
              "size has 0");
  ExpectError(Of("adaptive_avg_pool", {{1, 2}}).Attr("size", IntList({})), ErrorId::E504, "rank");
}

TEST(Interpolate, Misfits) {
  const std::string_view op = "interpolate";
  ExpectError(Of(op, {{1, 2, 4}}).Attr("size", IntList({2, 2})), ErrorId::E508, "spatial axes");
  ExpectError(Of(op, {{1, 2, 4}}).Attr("size", IntList({-2})), ErrorId::E508, "negative");
  ExpectError(Of(op, {{1, 2, 0}}).Attr("size", IntList({2})), ErrorId::E504, "empty");
  ExpectError(Of(op, {{1, 2, 4}}).Attr("size", IntList({2})).Attr("mode", std::string("cubic")),
              ErrorId::E508, "cubic");
  ExpectError(Of(op, {{1, 2, 4}}).Attr("size", IntList({2})).Attr("mode", std::string("bilinear")),
              ErrorId::E508, "2 spatial axes");
  ExpectError(Of(op, {{1, 2, 4}}).Attr("size", IntList({2})).Attr("align_corners", true),
              ErrorId::E508, "align_corners");
  ExpectError(Of(op, {{1, 2, 4}}, DType::kI32)
                  .Attr("size", IntList({2}))
                  .Attr("mode", std::string("linear")),
              ErrorId::E504, "floats");
}

TEST(Losses, Misfits) {
  ExpectError(Of("mse_loss", {{2, 3}, {3, 2}}), ErrorId::E504, "f32[2, 3] and f32[3, 2]");
  ExpectError(Of("mse_loss", {{2}, {2}}).Attr("reduction", std::string("max")), ErrorId::E508,
              "\"max\"");
  ExpectError(Of("cross_entropy", {{2}, {2}}), ErrorId::E504, "rank 2");
  ExpectError(Of("cross_entropy", {{2, 3}, {2}}), ErrorId::E504, "f32[2, 3]");
  RecordCase indices = Of("cross_entropy", {{2, 3}});
  indices.In(Contiguous(DType::kI64, {3}), Integers(3, 1));
  ExpectError(indices, ErrorId::E504, "must be i64[2]");
}

TEST(Quantize, Misfits) {
  auto op = [](std::vector<int64_t> scale, std::vector<int64_t> zero_point, DType to) {
    RecordCase c = Of("quantize", {{2, 3}, scale});
    c.In(Contiguous(DType::kI32, zero_point), Integers(Count(zero_point), 1));
    if (to != DType::kBool) c.Written(Contiguous(to, {2, 3}));
    return c;
  };
  EXPECT_TRUE(op({}, {}, DType::kI8).Infer().ok());
  ExpectError(op({}, {}, DType::kBool), ErrorId::E504, "written result type");
  ExpectError(op({}, {}, DType::kI64), ErrorId::E504, "i64");
  ExpectError(op({3}, {}, DType::kI8), ErrorId::E504, "rank 0");
  ExpectError(op({2}, {2}, DType::kI8).Attr("dim", ir::Expr(1)), ErrorId::E504, "[3]");
  ExpectError(op({2}, {2}, DType::kI8).Attr("dim", ir::Expr(2)), ErrorId::E508, "dim");
}

}  // namespace
}  // namespace gcomp
