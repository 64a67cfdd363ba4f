// Views, pads, joins and parts replaced: types, errors, and shapes of more than 2^31 elements.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/strided_copy.h"
#include "tests/unit/op_runner.h"
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
using testing::OpCase;
using testing::Spec;

std::string Name(ir::SymId id) {
  return "s" + std::to_string(id.index());
}

std::string TypeOf(RecordCase&& op) {
  auto type = op.Infer();
  return type.ok() ? type->ToString(Name) : type.status().ToString();
}

RecordCase On(std::string_view op, const ir::Type& x) {
  RecordCase c(op);
  auto spec = ir::BindType(x, {});
  c.In(x, Integers(spec.ok() ? spec->NumElements() : 0, 1));
  return c;
}

ErrorId ErrorOf(RecordCase& op) {
  return op.InferErrorId();
}

// ---- Views --------------------------------------------------------------------------------------

TEST(View, MergesAndSplitsAxesThatLieEvenly) {
  auto view = [](const ir::Type& x, std::vector<int64_t> shape) {
    return TypeOf(std::move(On("view", x).Attr("shape", IntList(std::move(shape)))));
  };
  const ir::Type columns = Strided(DType::kF32, {6, 2}, {4, 1}, 2);
  EXPECT_EQ(view(Contiguous(DType::kF32, {4, 6}), {2, 2, -1}), "f32[2, 2, 6]");
  EXPECT_EQ(view(columns, {2, 3, 1, 2}), "f32[2, 3, 1, 2]{12, 4, 2, 1; offset 2}");
  EXPECT_EQ(view(Strided(DType::kF32, {2, 3, 4}, {24, 8, 2}), {6, 4}), "f32[6, 4]{8, 2}");
  EXPECT_EQ(view(Strided(DType::kF32, {2, 1, 4}, {8, 99, 2}), {8}), "f32[8]{2}");
  EXPECT_EQ(view(Strided(DType::kF32, {1, 1}, {7, 9}, 3), {1}), "f32[1]{1; offset 3}");
  EXPECT_EQ(view(Strided(DType::kF32, {3, 5}, {0, 0}), {15}), "f32[15]{0}");
}

TEST(View, IsAnErrorWhereItWouldCopy) {
  for (const ir::Type& x :
       {Strided(DType::kF32, {6, 2}, {4, 1}), Strided(DType::kF32, {3, 4}, {1, 3}),
        Strided(DType::kF32, {3, 4}, {0, 1})}) {
    RecordCase op = On("view", x);
    op.Attr("shape", IntList({12}));
    EXPECT_EQ(ErrorOf(op), ErrorId::E504);
    const std::string error = op.InferError();
    EXPECT_NE(error.find("[12]"), std::string::npos) << error;
    EXPECT_NE(error.find("{"), std::string::npos) << error;  // the strides
  }
}

TEST(SelectIndex, ChecksTheIndex) {
  const ir::Type x = Contiguous(DType::kF32, {3, 4});
  for (int64_t index : {int64_t{3}, int64_t{-4}, INT64_MAX, INT64_MIN + 1}) {
    RecordCase op = On("select_index", x);
    op.Attr("index", Expr(index));
    EXPECT_EQ(ErrorOf(op), ErrorId::E508) << index;
  }
  RecordCase scalar = On("select_index", Contiguous(DType::kF32, {}));
  EXPECT_EQ(ErrorOf(scalar), ErrorId::E508);
}

TEST(Narrow, DoesNotClamp) {
  const ir::Type x = Contiguous(DType::kF32, {5});
  auto narrow = [&](int64_t start, int64_t length) {
    RecordCase op = On("narrow", x);
    op.Attr("start", Expr(start)).Attr("length", Expr(length));
    return op.InferError();
  };
  EXPECT_EQ(narrow(5, 0), "ok");
  EXPECT_EQ(narrow(-5, 5), "ok");
  EXPECT_NE(narrow(4, 2).find("E508"), std::string::npos);
  EXPECT_NE(narrow(-6, 1).find("E508"), std::string::npos);
  EXPECT_NE(narrow(1, -1).find("E508"), std::string::npos);
  EXPECT_NE(narrow(1, INT64_MAX).find("E503"), std::string::npos);
}

TEST(Diagonal, TakesDistinctAxes) {
  const ir::Type x = Contiguous(DType::kF32, {3, 4});
  RecordCase op = On("diagonal", x);
  op.Attr("dim1", Expr(1)).Attr("dim2", Expr(-1));
  EXPECT_EQ(ErrorOf(op), ErrorId::E508);
  RecordCase least = On("diagonal", x);
  least.Attr("offset", Expr(INT64_MIN));
  EXPECT_EQ(ErrorOf(least), ErrorId::E503);
  EXPECT_EQ(TypeOf(std::move(On("diagonal", x).Attr("offset", Expr(INT64_MAX)))),
            "f32[0]{1; offset 4}");
}

TEST(Unfold, ChecksWindows) {
  const ir::Type x = Contiguous(DType::kF32, {5});
  for (auto [size, step] : {std::pair<int64_t, int64_t>{6, 1}, {-1, 1}, {2, 0}, {2, -1}}) {
    RecordCase op = On("unfold", x);
    op.Attr("size", Expr(size)).Attr("step", Expr(step));
    EXPECT_EQ(ErrorOf(op), ErrorId::E508) << size << " " << step;
  }
}

TEST(AsStrided, StaysInItsOperand) {
  auto strided = [](const ir::Type& x, std::vector<int64_t> shape, std::vector<int64_t> strides,
                    int64_t offset) {
    RecordCase op = On("as_strided", x);
    op.Attr("shape", IntList(std::move(shape))).Attr("strides", IntList(std::move(strides)));
    op.Attr("offset", Expr(offset));
    return op.InferError();
  };
  const ir::Type x = Contiguous(DType::kF32, {3, 4});
  EXPECT_EQ(strided(x, {3, 2}, {5, 1}, 0), "ok");
  EXPECT_EQ(strided(x, {0, 9}, {5, 7}, 12), "ok");
  EXPECT_NE(strided(x, {3, 2}, {5, 1}, 1).find("E508"), std::string::npos);
  EXPECT_NE(strided(x, {2}, {-1}, 1).find("E508"), std::string::npos);
  EXPECT_NE(strided(x, {2}, {1}, -1).find("E508"), std::string::npos);
  EXPECT_NE(strided(x, {2}, {1, 1}, 0).find("E508"), std::string::npos);
  EXPECT_NE(strided(x, {1}, {1}, 13).find("E508"), std::string::npos);
  EXPECT_NE(strided(x, {INT64_MAX, 3}, {INT64_MAX, 1}, 0).find("E503"), std::string::npos);
  EXPECT_NE(strided(Strided(DType::kF32, {3, 4}, {1, 3}), {2}, {1}, 0).find("E504"),
            std::string::npos);
}

// ---- Values -------------------------------------------------------------------------------------

TEST(Pad, ChecksItsAttributes) {
  auto pad = [](const ir::Type& x, std::vector<int64_t> low, std::string mode, double value) {
    RecordCase op = On("pad", x);
    op.Attr("low", IntList(std::move(low))).Attr("mode", std::move(mode)).Attr("value", value);
    return op.InferError();
  };
  const ir::Type x = Contiguous(DType::kI8, {3, 4});
  EXPECT_EQ(pad(x, {1, -4}, "constant", -128), "ok");
  EXPECT_NE(pad(x, {1}, "constant", 0).find("E508"), std::string::npos);
  EXPECT_NE(pad(x, {1, -5}, "constant", 0).find("E508"), std::string::npos);
  EXPECT_NE(pad(x, {1, 1}, "constant", 128).find("E508"), std::string::npos);
  EXPECT_NE(pad(x, {1, 1}, "constant", 0.5).find("E508"), std::string::npos);
  EXPECT_NE(pad(x, {1, 1}, "mirror", 0).find("E508"), std::string::npos);
  EXPECT_NE(pad(x, {-1, 0}, "reflect", 0).find("E508"), std::string::npos);
  EXPECT_EQ(pad(x, {2, 3}, "reflect", 0), "ok");
  EXPECT_NE(pad(x, {3, 0}, "reflect", 0).find("E508"), std::string::npos);
  EXPECT_EQ(pad(x, {3, 4}, "circular", 0), "ok");
  EXPECT_NE(pad(x, {4, 0}, "circular", 0).find("E508"), std::string::npos);
  EXPECT_EQ(pad(x, {300, 4}, "replicate", 0), "ok");
  EXPECT_NE(pad(Contiguous(DType::kI8, {0, 4}), {1, 0}, "replicate", 0).find("E508"),
            std::string::npos);
  EXPECT_NE(pad(x, {INT64_MAX, 0}, "constant", 0).find("E503"), std::string::npos);
  EXPECT_NE(pad(Contiguous(DType::kF16, {2}), {1}, "constant", 1e6).find("E508"),
            std::string::npos);
}

TEST(ScatterOfViews, TheSourceHasTheSizesOfThePart) {
  RecordCase op("slice_scatter");
  op.In(Contiguous(DType::kF32, {5}), Integers(5, 1)).In(Contiguous(DType::kF32, {2}), {1, 2});
  op.Attr("start", Expr(1)).Attr("end", Expr(4));
  EXPECT_EQ(op.InferErrorId(), ErrorId::E504);
  op.Attr("end", Expr(3));
  EXPECT_EQ(op.InferError(), "ok");
  RecordCase dtype("select_scatter");
  dtype.In(Contiguous(DType::kF32, {5}), Integers(5, 1)).In(Contiguous(DType::kF64, {}), {1});
  EXPECT_EQ(dtype.InferErrorId(), ErrorId::E504);
}

TEST(Roll, ShiftsAndAxesAgree) {
  const ir::Type x = Contiguous(DType::kF32, {3, 4});
  RecordCase counts = On("roll", x);
  counts.Attr("shifts", IntList({1, 2}));
  EXPECT_EQ(ErrorOf(counts), ErrorId::E508);
  counts.Attr("dims", IntList({0}));
  EXPECT_EQ(ErrorOf(counts), ErrorId::E508);
  counts.Attr("dims", IntList({0, 2}));
  EXPECT_EQ(ErrorOf(counts), ErrorId::E508);
}

TEST(ToDevice, NamesADevice) {
  const ir::Type x = Contiguous(DType::kF32, {3});
  for (const char* name : {"", ":0", "cuda:", "cuda:x", "cuda:-1", "cuda:99999999999", "a b"}) {
    RecordCase op = On("to_device", x);
    op.Attr("device", std::string(name));
    EXPECT_EQ(ErrorOf(op), ErrorId::E508) << name;
  }
  EXPECT_EQ(TypeOf(std::move(On("to_device", x).Attr("device", std::string("cuda:1")))),
            "f32[3]@cuda:1");
  RecordCase elsewhere = On("to_device", x);
  elsewhere.Attr("device", std::string("cuda:1"));
  EXPECT_EQ(elsewhere.RunStatus().id(), ErrorId::E511);
}

// ---- More than 2^31 elements --------------------------------------------------------------------

constexpr int64_t kMany = int64_t{3} << 31;

// The op on contiguous i8 operands of these sizes: what infer gives. Its kernel is prepared and its
// loops are built where it has them; nothing of these sizes is allocated.
std::vector<ir::TensorSpec> Infer(std::string_view name, std::vector<std::vector<int64_t>> operands,
                                  ir::AttrDict attrs, bool one_group = false) {
  std::vector<std::vector<ir::TensorSpec>> groups;
  for (std::vector<int64_t>& sizes : operands) {
    if (groups.empty() || !one_group) groups.emplace_back();
    groups.back().push_back(Spec(DType::kI8, std::move(sizes)));
  }
  auto op = OpCase::Create(name, groups, std::move(attrs));
  EXPECT_TRUE(op.ok()) << op.status().ToString();
  if (!op.ok()) return {};
  const ir::OpDef& def = *(*op)->op().def;
  const std::vector<const void*> constants((*op)->operands().size());
  if (def.prepare != nullptr) {
    auto kernel = def.prepare({(*op)->function(),
                               (*op)->op(),
                               {def, (*op)->op()},
                               (*op)->operands(),
                               (*op)->results(),
                               constants,
                               {},
                               RecordCase::Cpu(),
                               {}});
    EXPECT_TRUE(kernel.ok()) << kernel.status().ToString();
  }
  if (def.lowering.loops != nullptr) {
    auto nest = ir::LowerOp((*op)->function(), (*op)->op(), (*op)->operands(), (*op)->results());
    EXPECT_TRUE(nest.ok()) << nest.status().ToString();
  }
  return (*op)->results();
}

TEST(ManyElements, Views) {
  const Expr last = kMany - 1;
  EXPECT_EQ(Infer("narrow", {{kMany, 4}}, {{"start", last}, {"length", Expr(1)}})[0].offset,
            4 * (kMany - 1));
  EXPECT_EQ(Infer("select_index", {{kMany, 4}}, {{"index", Expr(-1)}})[0].offset, 4 * (kMany - 1));
  EXPECT_EQ(Infer("slice", {{kMany}}, {{"start", last}})[0].offset, kMany - 1);
  EXPECT_EQ(Infer("view", {{kMany}}, {{"shape", IntList({2, -1})}})[0].strides[0], kMany / 2);
  EXPECT_EQ(Infer("diagonal", {{4, kMany}}, {})[0].strides[0], kMany + 1);
  EXPECT_EQ(Infer("unfold", {{kMany}}, {{"size", Expr(2)}})[0].sizes[0], kMany - 1);
  EXPECT_EQ(Infer("as_strided", {{kMany}},
                  {{"shape", IntList({2})}, {"strides", IntList({kMany - 1})}})[0]
                .strides[0],
            kMany - 1);
}

TEST(ManyElements, Values) {
  EXPECT_EQ(Infer("concat", {{kMany}, {kMany}}, {}, true)[0].sizes[0], 2 * kMany);
  EXPECT_EQ(Infer("stack", {{kMany}, {kMany}}, {{"dim", Expr(1)}}, true)[0].NumElements(),
            2 * kMany);
  const ir::AttrValue low = IntList({kMany - 1});
  EXPECT_EQ(Infer("pad", {{kMany}}, {{"low", low}})[0].sizes[0], 2 * kMany - 1);
  for (const char* mode : {"reflect", "replicate", "circular"}) {
    const ir::AttrDict attrs = {{"low", low}, {"mode", std::string(mode)}};
    EXPECT_EQ(Infer("pad", {{kMany}}, attrs)[0].sizes[0], 2 * kMany - 1);
  }
  const auto parts = Infer("split", {{kMany}}, {{"sizes", IntList({kMany - 1, 1})}});
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].sizes[0], kMany - 1);
  EXPECT_EQ(Infer("flip", {{kMany}}, {})[0].sizes[0], kMany);
  EXPECT_EQ(Infer("roll", {{kMany}}, {{"shifts", IntList({kMany + 1})}})[0].sizes[0], kMany);
  EXPECT_EQ(Infer("tile", {{kMany}}, {{"repeats", IntList({4})}})[0].sizes[0], 4 * kMany);
  EXPECT_EQ(Infer("tril", {{kMany, 2}}, {{"diagonal", Expr(-kMany)}})[0].NumElements(), 2 * kMany);
  EXPECT_EQ(Infer("slice_scatter", {{kMany}, {1}}, {{"start", Expr(kMany - 1)}})[0].sizes[0],
            kMany);
  EXPECT_EQ(Infer("select_scatter", {{kMany}, {}}, {{"index", Expr(-1)}})[0].sizes[0], kMany);
  EXPECT_EQ(Infer("diagonal_scatter", {{kMany, 2}, {2}}, {})[0].NumElements(), 2 * kMany);
  EXPECT_EQ(Infer("as_strided_scatter", {{kMany}, {2}},
                  {{"shape", IntList({2})}, {"strides", IntList({kMany - 1})}})[0]
                .sizes[0],
            kMany);
  EXPECT_EQ(Infer("to_device", {{kMany}}, {})[0].sizes[0], kMany);
}

// ---- StridedCopy --------------------------------------------------------------------------------

// Element [i, j] of `source` (rows x columns, row-major) at [j, i] of the target: sizes around
// those of the squares and blocks in which it goes.
template <class T>
void ExpectTransposed(int64_t rows, int64_t columns, int64_t padding) {
  const int64_t step = columns + padding;
  std::vector<T> source(static_cast<size_t>(rows * step));
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<T>(i * 2654435761u);
  std::vector<T> target(static_cast<size_t>(rows * columns) + 1, T{77});
  const int64_t sizes[] = {columns, rows};
  const int64_t from[] = {1, step};
  const int64_t to[] = {rows, 1};
  kernels::StridedCopy::Make(sizes, from, to, sizeof(T)).Run(source.data(), target.data());
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      ASSERT_EQ(target[static_cast<size_t>(j * rows + i)],
                source[static_cast<size_t>(i * step + j)])
          << rows << " x " << columns << " of " << sizeof(T) << " bytes at " << i << ", " << j;
    }
  }
  EXPECT_EQ(target.back(), T{77});
}

TEST(StridedCopy, TransposesAnySizes) {
  for (auto [rows, columns] : {std::pair<int64_t, int64_t>{2, 2},
                               {3, 5},
                               {16, 16},
                               {17, 33},
                               {64, 64},
                               {65, 130},
                               {1, 40},
                               {40, 1},
                               {3, 700},
                               {700, 3},
                               {513, 600},
                               {1024, 1024},
                               {1030, 2047}}) {
    for (int64_t padding : {0, 1}) {
      ExpectTransposed<uint8_t>(rows, columns, padding);
      ExpectTransposed<uint16_t>(rows, columns, padding);
      ExpectTransposed<uint32_t>(rows, columns, padding);
      ExpectTransposed<uint64_t>(rows, columns, padding);
    }
  }
}

}  // namespace
}  // namespace gcomp
