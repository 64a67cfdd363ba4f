// Views, data movement and creation: types, layouts and elements.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "tests/unit/record_case.h"

namespace gcomp {
namespace {

using ir::DType;
using ir::Expr;
using record_test::Contiguous;
using record_test::Integers;
using record_test::IntList;
using record_test::RecordCase;
using record_test::Strided;

std::string Name(ir::SymId id) {
  return "s" + std::to_string(id.index());
}

// The type that the op gives for one operand of type `x`, or the error.
std::string TypeOf(RecordCase& op) {
  auto type = op.Infer();
  return type.ok() ? type->ToString(Name) : type.status().ToString();
}

std::string TypeOf(RecordCase&& op) {
  return TypeOf(op);
}

RecordCase On(std::string_view op, const ir::Type& x) {
  RecordCase c(op);
  auto spec = ir::BindType(x, {});
  const int64_t n = spec.ok() ? spec->NumElements() : 0;
  c.In(x, Integers(n, 1));
  return c;
}

// ---- Views --------------------------------------------------------------------------------------

TEST(Transpose, PermutesSizesAndStrides) {
  const ir::Type x = Contiguous(DType::kF32, {2, 3, 4});
  EXPECT_EQ(TypeOf(On("transpose", x)), "f32[4, 3, 2]{1, 4, 12}");
  EXPECT_EQ(TypeOf(On("transpose", x).Attr("dims", IntList({0, -1, 1}))), "f32[2, 4, 3]{12, 1, 4}");
  EXPECT_EQ(TypeOf(On("transpose", x).Attr("dims", IntList({0, 1, 2}))), "f32[2, 3, 4]");
  EXPECT_EQ(TypeOf(On("transpose", Contiguous(DType::kI8, {}))), "i8[]");
  EXPECT_EQ(TypeOf(On("transpose", Strided(DType::kF32, {2, 3}, {1, 2}))), "f32[3, 2]");
}

TEST(Transpose, RejectsOtherThanPermutations) {
  const ir::Type x = Contiguous(DType::kF32, {2, 3});
  EXPECT_EQ(On("transpose", x).Attr("dims", IntList({0})).InferErrorId(), ErrorId::E508);
  EXPECT_EQ(On("transpose", x).Attr("dims", IntList({0, 0})).InferErrorId(), ErrorId::E508);
  EXPECT_EQ(On("transpose", x).Attr("dims", IntList({0, 2})).InferErrorId(), ErrorId::E508);
}

RecordCase Slice(const ir::Type& x, int64_t dim, int64_t start, Expr end, int64_t step = 1) {
  RecordCase op = On("slice", x);
  op.Attr("dim", Expr(dim)).Attr("start", Expr(start)).Attr("end", end).Attr("step", Expr(step));
  return op;
}

TEST(Slice, ClampsBoundsAndAddsOffsets) {
  const ir::Type x = Contiguous(DType::kF32, {10, 4});
  EXPECT_EQ(TypeOf(Slice(x, 0, 2, 5)), "f32[3, 4]{4, 1; offset 8}");
  EXPECT_EQ(TypeOf(Slice(x, 0, -3, 100)), "f32[3, 4]{4, 1; offset 28}");
  EXPECT_EQ(TypeOf(Slice(x, 0, -100, -8)), "f32[2, 4]");
  EXPECT_EQ(TypeOf(Slice(x, 0, 1, 10, 4)), "f32[3, 4]{16, 1; offset 4}");
  EXPECT_EQ(TypeOf(Slice(x, 1, 1, 3)), "f32[10, 2]{4, 1; offset 1}");
  EXPECT_EQ(TypeOf(Slice(x, 0, 0, 10)), "f32[10, 4]");
  // A slice of a slice: offsets count from the storage.
  EXPECT_EQ(TypeOf(Slice(Strided(DType::kF32, {3, 4}, {16, 1}, 4), 0, 1, 3, 2)),
            "f32[1, 4]{4, 1; offset 20}");
}

TEST(Slice, EmptyRangesGiveEmptyTensors) {
  const ir::Type x = Contiguous(DType::kF32, {10});
  for (auto [start, end, step] : {std::array<int64_t, 3>{5, 5, 1}, {7, 3, 1}, {20, 30, 2}}) {
    auto type = Slice(x, 0, start, end, step).Infer();
    ASSERT_TRUE(type.ok());
    EXPECT_TRUE(type->dims()[0].IsConst(0));
  }
  EXPECT_EQ(Slice(x, 0, 0, 5, 0).InferErrorId(), ErrorId::E508);
  EXPECT_EQ(Slice(x, 1, 0, 5).InferErrorId(), ErrorId::E508);
}

TEST(Expand, StretchesSizeOneWithStrideZero) {
  const ir::Type x = Contiguous(DType::kF32, {3, 1});
  EXPECT_EQ(TypeOf(On("expand", x).Attr("shape", IntList({2, 3, 4}))), "f32[2, 3, 4]{0, 1, 0}");
  EXPECT_EQ(TypeOf(On("expand", x).Attr("shape", IntList({-1, 5}))), "f32[3, 5]{1, 0}");
  EXPECT_EQ(TypeOf(On("expand", x).Attr("shape", IntList({3, 0}))), "f32[3, 0]");
  EXPECT_EQ(On("expand", x).Attr("shape", IntList({2, 1})).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(On("expand", x).Attr("shape", IntList({3})).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(On("expand", x).Attr("shape", IntList({-1, 3, 1})).InferErrorId(), ErrorId::E508);
}

TEST(Squeeze, DropsAxesOfSizeOne) {
  const ir::Type x = Contiguous(DType::kF32, {1, 3, 1, 2});
  EXPECT_EQ(TypeOf(On("squeeze", x)), "f32[3, 2]");
  EXPECT_EQ(TypeOf(On("squeeze", x).Attr("dims", IntList({-2}))), "f32[1, 3, 2]");
  EXPECT_EQ(TypeOf(On("squeeze", Strided(DType::kF32, {4, 1}, {2, 1}, 6))), "f32[4]{2; offset 6}");
  EXPECT_EQ(On("squeeze", x).Attr("dims", IntList({1})).InferErrorId(), ErrorId::E504);
}

TEST(Unsqueeze, InsertsAnAxis) {
  const ir::Type x = Contiguous(DType::kF32, {3, 2});
  EXPECT_EQ(TypeOf(On("unsqueeze", x).Attr("dim", Expr(1))), "f32[3, 1, 2]");
  EXPECT_EQ(TypeOf(On("unsqueeze", x).Attr("dim", Expr(-1))), "f32[3, 2, 1]");
  EXPECT_EQ(TypeOf(On("unsqueeze", Strided(DType::kF32, {3, 2}, {1, 3}))), "f32[1, 3, 2]{6, 1, 3}");
  EXPECT_EQ(On("unsqueeze", x).Attr("dim", Expr(3)).InferErrorId(), ErrorId::E508);
}

TEST(Views, UnknownLayoutStaysUnknown) {
  ir::Layout unknown;
  unknown.kind = ir::Layout::Kind::kUnknown;
  const ir::Type x = ir::Type::Tensor(DType::kF32, {3, 2}, unknown);
  ir::Function function;
  ir::Value value;
  value.type = x;
  const ir::OpRegistry registry(kernels::AllOps());
  ir::Op op;
  op.def = registry.Find("transpose");
  op.operands = {function.AddValue(value)};
  op.group_begin = {0, 1};
  op.attrs.resize(1);
  ir::Module module;
  ir::InferCtx ctx(module, function, op);
  ASSERT_TRUE(op.def->infer(ctx).ok());
  EXPECT_EQ(ctx.results()[0].ToString(Name), "f32[2, 3]{?}");
}

// ---- Data movement ------------------------------------------------------------------------------

TEST(Reshape, KeepsRowMajorOrderOfAnyLayout) {
  const std::vector<double> x = Integers(24, 2, 50);
  for (DType dtype : {DType::kBool, DType::kI8, DType::kF16, DType::kF32, DType::kF64}) {
    std::vector<double> values = x;
    if (dtype == DType::kBool) {
      for (double& v : values) v = std::fmod(std::fabs(v), 2);
    }
    for (const ir::Type& type : {Contiguous(dtype, {2, 3, 4}), Strided(dtype, {2, 3, 4}, {1, 8, 2}),
                                 Strided(dtype, {2, 3, 4}, {60, 20, 3}, 2)}) {
      RecordCase op("reshape");
      op.In(type, values).Attr("shape", IntList({6, -1}));
      EXPECT_EQ(op.Values(), values);
      op.ExpectSameEverywhere();
    }
  }
}

TEST(Reshape, ChecksTheNumberOfElements) {
  const ir::Type x = Contiguous(DType::kF32, {4, 3});
  EXPECT_EQ(TypeOf(On("reshape", x).Attr("shape", IntList({2, -1, 2}))), "f32[2, 3, 2]");
  EXPECT_EQ(TypeOf(On("reshape", x).Attr("shape", IntList({12}))), "f32[12]");
  EXPECT_EQ(On("reshape", x).Attr("shape", IntList({5, -1})).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(On("reshape", x).Attr("shape", IntList({5})).InferErrorId(), ErrorId::E504);
  EXPECT_EQ(On("reshape", x).Attr("shape", IntList({-1, -1})).InferErrorId(), ErrorId::E508);
  EXPECT_EQ(On("reshape", x).Attr("shape", IntList({0, -1})).InferErrorId(), ErrorId::E508);
  EXPECT_EQ(On("reshape", x).Attr("shape", IntList({-4, -3})).InferErrorId(), ErrorId::E508);
  EXPECT_EQ(TypeOf(On("reshape", Contiguous(DType::kF32, {0, 3})).Attr("shape", IntList({7, 0}))),
            "f32[7, 0]");
}

TEST(Concat, JoinsAlongAnyAxis) {
  for (DType dtype : {DType::kF32, DType::kI8, DType::kF64}) {
    RecordCase op("concat");
    op.AddOperand(Contiguous(dtype, {2, 2}), {1, 2, 3, 4})
        .AddOperand(Strided(dtype, {2, 1}, {5, 1}), {5, 6})
        .AddOperand(Contiguous(dtype, {2, 0}), {})
        .AddOperand(Strided(dtype, {2, 2}, {0, 1}), {7, 8, 7, 8})
        .EndGroup()
        .Attr("dim", Expr(-1));
    EXPECT_EQ(op.Values(), (std::vector<double>{1, 2, 5, 7, 8, 3, 4, 6, 7, 8}));
    op.ExpectSameEverywhere();
  }
  RecordCase first("concat");
  first.AddOperand(Contiguous(DType::kI32, {1, 2}), {1, 2})
      .AddOperand(Contiguous(DType::kI32, {2, 2}), {3, 4, 5, 6})
      .EndGroup();
  EXPECT_EQ(first.Values(), (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

TEST(Concat, InferReportsMisfits) {
  RecordCase none("concat");
  none.EndGroup();
  EXPECT_EQ(none.InferErrorId(), ErrorId::E504);
  RecordCase sizes("concat");
  sizes.AddOperand(Contiguous(DType::kF32, {1, 2}), {1, 2})
      .AddOperand(Contiguous(DType::kF32, {1, 3}), {1, 2, 3})
      .EndGroup();
  EXPECT_EQ(sizes.InferErrorId(), ErrorId::E504);
  RecordCase scalar("concat");
  scalar.AddOperand(Contiguous(DType::kF32, {}), {1}).EndGroup();
  EXPECT_EQ(scalar.InferErrorId(), ErrorId::E504);
}

TEST(Contiguous, CopiesAnyLayout) {
  const std::vector<double> x = Integers(12, 4, 100);
  for (const ir::Type& type :
       {Contiguous(DType::kF32, {3, 4}), Strided(DType::kF32, {3, 4}, {1, 3}),
        Strided(DType::kF32, {3, 4}, {50, 7}, 9)}) {
    for (const char* name : {"contiguous", "copy"}) {
      RecordCase op(name);
      op.In(type, x);
      EXPECT_EQ(op.Values(), x);
      op.ExpectSameEverywhere();
    }
  }
  RecordCase empty("contiguous");
  empty.In(Contiguous(DType::kF32, {0, 4}), {});
  EXPECT_TRUE(empty.Values().empty());
}

TEST(Copy, BroadcastsTheSource) {
  RecordCase op("copy");
  op.In(Contiguous(DType::kI32, {2, 3}), {0, 0, 0, 0, 0, 0})
      .In(Contiguous(DType::kI32, {2, 1}), {7, 9});
  EXPECT_EQ(op.Values(), (std::vector<double>{7, 7, 7, 9, 9, 9}));
  op.ExpectSameEverywhere();
  RecordCase misfit("copy");
  misfit.In(Contiguous(DType::kI32, {2, 3}), {0, 0, 0, 0, 0, 0})
      .In(Contiguous(DType::kI32, {2}), {7, 9});
  EXPECT_EQ(misfit.InferErrorId(), ErrorId::E504);
}

// ---- Creation -----------------------------------------------------------------------------------

ir::AttrValue Numbers(DType dtype, const std::vector<double>& values) {
  ir::AttrList list;
  for (double value : values) list.push_back(*ir::Scalar::FromDouble(dtype, value));
  return list;
}

TEST(Const, HoldsInlineNumbers) {
  for (DType dtype : {DType::kBool, DType::kU8, DType::kF16, DType::kBF16, DType::kI64}) {
    RecordCase op("const");
    op.Attr("v", Numbers(dtype, {1, 0, 1, 1})).Written(Contiguous(dtype, {2, 2}));
    EXPECT_EQ(op.Values(), (std::vector<double>{1, 0, 1, 1}));
    op.ExpectSameEverywhere();
  }
  RecordCase one("const");
  one.Attr("v", *ir::Scalar::FromDouble(DType::kF32, -0.5)).Written(Contiguous(DType::kF32, {}));
  EXPECT_EQ(one.Values(), (std::vector<double>{-0.5}));
}

TEST(Const, SplatFillsEveryElement) {
  for (DType dtype : {DType::kI8, DType::kF16, DType::kF32, DType::kF64}) {
    RecordCase op("const");
    op.Attr("splat", *ir::Scalar::FromDouble(dtype, -3)).Written(Contiguous(dtype, {3, 11}));
    EXPECT_EQ(op.Values(), std::vector<double>(33, -3.0));
    op.ExpectSameEverywhere();
  }
}

TEST(Const, RejectsWrongForms) {
  RecordCase count("const");
  count.Attr("v", Numbers(DType::kF32, {1, 2})).Written(Contiguous(DType::kF32, {3}));
  EXPECT_EQ(count.InferErrorId(), ErrorId::E504);
  RecordCase none("const");
  none.Written(Contiguous(DType::kF32, {3}));
  EXPECT_EQ(none.InferErrorId(), ErrorId::E508);
  RecordCase untyped("const");
  untyped.Attr("splat", *ir::Scalar::FromDouble(DType::kF32, 1));
  EXPECT_EQ(untyped.InferErrorId(), ErrorId::E504);
  RecordCase many("const");
  many.Attr("v", Numbers(DType::kI8, std::vector<double>(17, 1)))
      .Written(Contiguous(DType::kI8, {17}));
  EXPECT_EQ(many.InferErrorId(), ErrorId::E508);
  RecordCase blob("const");
  blob.Attr("blob", std::string("sha256:00")).Written(Contiguous(DType::kF32, {3}));
  EXPECT_EQ(blob.RunStatus().id(), ErrorId::E511);
}

TEST(Full, RepeatsTheOperand) {
  for (DType dtype : {DType::kBool, DType::kI16, DType::kF32, DType::kF64}) {
    RecordCase op("full");
    op.In(Contiguous(dtype, {}), {1}).Attr("shape", IntList({2, 5}));
    EXPECT_EQ(op.Values(), std::vector<double>(10, 1.0));
    op.ExpectSameEverywhere();
  }
  RecordCase rank("full");
  rank.In(Contiguous(DType::kF32, {1}), {1}).Attr("shape", IntList({2}));
  EXPECT_EQ(rank.InferErrorId(), ErrorId::E504);
}

TEST(Iota, CountsAlongItsAxis) {
  for (DType dtype : {DType::kI8, DType::kU16, DType::kF16, DType::kBF16, DType::kF32}) {
    RecordCase rows("iota");
    rows.Written(Contiguous(dtype, {2, 3}));
    EXPECT_EQ(rows.Values(), (std::vector<double>{0, 0, 0, 1, 1, 1}));
    RecordCase columns("iota");
    columns.Attr("dim", Expr(-1)).Written(Contiguous(dtype, {2, 3}));
    EXPECT_EQ(columns.Values(), (std::vector<double>{0, 1, 2, 0, 1, 2}));
  }
  RecordCase wraps("iota");
  wraps.Written(Contiguous(DType::kI8, {258}));
  const std::vector<double> values = wraps.Values();
  ASSERT_EQ(values.size(), 258u);
  EXPECT_EQ(values[128], -128);
  EXPECT_EQ(values[257], 1);
  RecordCase empty("iota");
  empty.Written(Contiguous(DType::kF32, {0, 3}));
  EXPECT_TRUE(empty.Values().empty());
  RecordCase scalar("iota");
  scalar.Written(Contiguous(DType::kF32, {}));
  EXPECT_EQ(scalar.InferErrorId(), ErrorId::E504);
}

}  // namespace
}  // namespace gcomp
