// Indexing: types that do not fit, checks that come before any write, and reading and writing at
// random sizes, strides and index dtypes against plain loops.
#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "ir/text.h"
#include "ir/verify.h"
#include "tests/unit/op_runner.h"

namespace gcomp {
namespace {

using ir::DType;
using testing::OpCase;
using testing::TestTensor;

// ---- Types --------------------------------------------------------------------------------------

std::string Errors(const std::string& text) {
  const ir::OpRegistry ops(kernels::AllOps());
  ir::Diagnostics diagnostics("test.ir", text);
  ir::Module module = ir::Parse("gir 1 module @m\n\n" + text, ops, diagnostics);
  if (diagnostics.ok()) ir::Verify(module, diagnostics);
  std::string errors;
  for (const ir::Diagnostic& d : diagnostics.list()) {
    errors += std::string(InfoOf(d.id).name) + ": " + d.message + "\n";
  }
  return errors;
}

// One op on parameters %a, %b, %c of the given types.
std::string ErrorsOf(const std::vector<std::string>& params, const std::string& result,
                     const std::string& call) {
  std::string text = "func @f(";
  for (size_t i = 0; i < params.size(); ++i) {
    text += (i == 0 ? "%" : ", %") + std::string(1, static_cast<char>('a' + i)) + ": " + params[i];
  }
  return Errors(text + ") -> () {\n  %y: " + result + " = " + call + "\n  return\n}\n");
}

void ExpectError(const std::vector<std::string>& params, const std::string& call,
                 const std::string& id, const std::string& part) {
  const std::string errors = ErrorsOf(params, "f32[1]", call);
  EXPECT_NE(errors.find(id), std::string::npos) << call << ": " << errors;
  EXPECT_NE(errors.find(part), std::string::npos) << call << ": " << errors;
}

TEST(IndexTypes, ReportMisfits) {
  const std::string x = "f32[3, 4]";
  ExpectError({x, "i64[3]"}, "gather(%a, %b)", "E504", "rank");
  ExpectError({x, "i64[2, 5]"}, "gather(%a, %b)", "E504", "more than x has there, 4");
  ExpectError({x, "f32[2, 4]"}, "gather(%a, %b)", "E504", "dtype");
  ExpectError({x, "i64[2, 4]"}, "gather(%a, %b, dim = 2)", "E508", "dim");
  ExpectError({x, "i64[2, 2]"}, "index_select(%a, %b)", "E504", "rank 1");
  ExpectError({x}, "index(%a)", "E504", "1 to 2 index tensors");
  ExpectError({"f32[3]", "i64[2]", "i64[2]"}, "index(%a, %b, %c)", "E504", "2 are given");
  ExpectError({x, "i64[2]", "i64[3]"}, "index(%a, %b, %c)", "E504", "broadcast");
  ExpectError({x, "bool[2]"}, "index(%a, %b)", "E504", "dtype");
  ExpectError({"f32[3]", "i64[2]"}, "embedding(%a, %b)", "E504", "rank 2");
  ExpectError({"i64[2]"}, "one_hot(%a)", "E508", "depth");
  ExpectError({"i64[2]"}, "one_hot(%a, depth = -1)", "E508", "negative");
  ExpectError({x, "i64[2, 4]", "f32[1, 4]"}, "scatter(%a, %b, %c)", "E504", "at least as large");
  ExpectError({x, "i64[2, 4]", "f64[2, 4]"}, "scatter(%a, %b, %c)", "E504", "equal");
  ExpectError({x, "i64[2, 4]", "f32[2, 4]"}, "scatter(%a, %b, %c, reduce = \"mean\")", "E508",
              "none, add, mul, max or min");
  ExpectError({"bool[3]", "i64[2]", "bool[2]"}, "scatter(%a, %b, %c, reduce = \"add\")", "E504",
              "needs numbers");
  ExpectError({x, "f32[3]", "i64[2]"}, "index_put(%a, %b, %c)", "E504", "does not broadcast");
  ExpectError({x, "f32[1, 2, 4]", "i64[2]"}, "index_put(%a, %b, %c)", "E504", "broadcast");
  ExpectError({"f32[2]"}, "rng.uniform(%a)", "E504", "rng");
  ExpectError({"rng"}, "rng.uniform(%a, dtype = i32)", "E508", "i32");
  ExpectError({"rng"}, "rng.bits(%a, dtype = f32)", "E508", "f32");
  ExpectError({"rng"}, "rng.uniform(%a, low = -inf)", "E508", "finite");
  ExpectError({"rng"}, "rng.normal(%a, shape = [-1])", "E508", "negative");
  ExpectError({"rng", "i64[1]"}, "rng.fold(%a, %b)", "E504", "one integer");
  ExpectError({"f32[1]"}, "dropout(%a)", "E504", "key");
  ExpectError({"f32[1]", "rng"}, "dropout(%a, key = %b, p = 1.5)", "E508", "[0, 1]");
  ExpectError({"f32[1]", "u64[2]"}, "dropout(%a, key = %b)", "E504", "rng");
}

// ---- Checks before writes -----------------------------------------------------------------------

// The op run on these operands fails with E401 and `part`, and leaves its result as it was.
void ExpectNothingWritten(const OpCase& op, std::vector<TestTensor> operands,
                          const std::string& part) {
  TestTensor result(op.results()[0]);
  std::vector<ir::OpBuffer> in;
  for (TestTensor& tensor : operands) in.push_back({tensor.spec(), tensor.data()});
  const ir::OpBuffer out = {result.spec(), result.data()};
  Status status = ir::RunOp(op.function(), op.op(), in, {&out, 1}, {}, CpuLevel::kV3);
  EXPECT_EQ(status.id(), ErrorId::E401) << status.ToString();
  EXPECT_NE(status.ToString().find(part), std::string::npos) << status.ToString();
  const auto* bytes = static_cast<const std::byte*>(result.data());
  for (int64_t i = 0; i < result.spec().SpanBytes(); ++i) {
    ASSERT_EQ(bytes[i], TestTensor::kGuardByte) << op.op().def->name << " wrote byte " << i;
  }
}

// Only the last of more indices than a tile holds is wrong.
TEST(IndexChecks, ComeBeforeAnyWrite) {
  const ir::TensorSpec x = testing::Spec(DType::kF32, {10, 2});
  const ir::TensorSpec flat = testing::Spec(DType::kI32, {1300});
  const ir::TensorSpec wide = testing::Spec(DType::kI32, {1300, 2});
  const ir::TensorSpec source = testing::Spec(DType::kF32, {1300, 2});

  struct Use {
    std::string op;
    std::vector<std::vector<ir::TensorSpec>> groups;
    size_t index;  // flat operand
    std::string part;
  };

  for (const Use& use : std::vector<Use>{
           {"gather", {{x}, {wide}}, 1, "index 10 at [1299, 1]"},
           {"index_select", {{x}, {flat}}, 1, "index 10 at [1299]"},
           {"index", {{x}, {flat}}, 1, "index 10 at [1299]"},
           {"embedding", {{x}, {flat}}, 1, "index 10 at [1299]"},
           {"scatter", {{x}, {wide}, {source}}, 1, "index 10 at [1299, 1]"},
           {"index_put", {{x}, {source}, {flat}}, 2, "index 10 at [1299]"},
       }) {
    auto op = OpCase::Create(use.op, use.groups);
    ASSERT_TRUE(op.ok()) << op.status().ToString();
    std::vector<TestTensor> operands((*op)->operands().begin(), (*op)->operands().end());
    for (TestTensor& operand : operands) {
      for (int64_t i = 0; i < operand.spec().NumElements(); ++i) {
        operand.Set(i, *ir::Scalar::FromInt(operand.spec().dtype, i % 10));
      }
    }
    TestTensor& index = operands[use.index];
    index.Set(index.spec().NumElements() - 1, *ir::Scalar::FromInt(DType::kI32, 10));
    ExpectNothingWritten(**op, operands, use.part);
  }
}

// ---- Against plain loops ------------------------------------------------------------------------

class Cases {
 public:
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }

  // A form with the axes in memory in some order, some of them not dense.
  ir::TensorSpec Form(DType dtype, std::vector<int64_t> sizes) {
    std::vector<size_t> order(sizes.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    if (Below(2) == 0) std::shuffle(order.begin(), order.end(), random_);
    std::vector<int64_t> strides(sizes.size());
    int64_t stride = 1 + Below(2);
    for (size_t i = order.size(); i-- > 0;) {
      strides[order[i]] = sizes[order[i]] == 1 ? 1 : stride;
      stride *= sizes[order[i]];
    }
    return testing::Strided(dtype, std::move(sizes), std::move(strides));
  }

  std::vector<int64_t> Sizes(size_t rank, int64_t most) {
    std::vector<int64_t> sizes;
    for (size_t d = 0; d < rank; ++d) sizes.push_back(1 + Below(most));
    return sizes;
  }

  DType IndexDType() {
    constexpr DType kAll[] = {DType::kI8, DType::kI16, DType::kI32, DType::kI64,
                              DType::kU8, DType::kU16, DType::kU32, DType::kU64};
    return kAll[Below(8)];
  }

  void FillIndices(TestTensor& indices, int64_t size) {
    const DType dtype = indices.spec().dtype;
    for (int64_t i = 0; i < indices.spec().NumElements(); ++i) {
      const bool negative = ir::IsSigned(dtype) && Below(3) == 0;
      indices.Set(i, *ir::Scalar::FromInt(dtype, Below(size) - (negative ? size : 0)));
    }
  }

  void FillNumbers(TestTensor& x) {
    for (int64_t i = 0; i < x.spec().NumElements(); ++i) {
      x.Set(i, *ir::Scalar::FromInt(x.spec().dtype, Below(100)));
    }
  }

 private:
  std::mt19937_64 random_{5};
};

int64_t IndexAt(const TestTensor& indices, int64_t position, int64_t size) {
  const int64_t index = indices.Get(position).ToInt();
  return index < 0 ? index + size : index;
}

// The row-major position in a tensor of `sizes` of the point at `position` of `points`, with
// `axis` replaced by `place`.
int64_t Replaced(const std::vector<int64_t>& points, int64_t position, size_t axis, int64_t place,
                 const std::vector<int64_t>& sizes) {
  std::vector<int64_t> at(points.size());
  for (size_t d = points.size(); d-- > 0; position /= points[d]) at[d] = position % points[d];
  at[axis] = place;
  int64_t offset = 0;
  for (size_t d = 0; d < sizes.size(); ++d) offset = offset * sizes[d] + at[d];
  return offset;
}

constexpr DType kNumbers[] = {DType::kF32, DType::kF64, DType::kBF16, DType::kI8, DType::kI64};

TEST(IndexLoops, GatherAndScatterAgreeWithPlainLoops) {
  Cases cases;
  for (int round = 0; round < 300; ++round) {
    const size_t rank = static_cast<size_t>(1 + cases.Below(4));
    const auto axis = static_cast<size_t>(cases.Below(static_cast<int64_t>(rank)));
    const DType dtype = kNumbers[cases.Below(5)];
    const std::vector<int64_t> sizes = cases.Sizes(rank, 12);
    std::vector<int64_t> points = sizes;
    for (size_t d = 0; d < rank; ++d) {
      if (cases.Below(2) == 0) points[d] = 1 + cases.Below(d == axis ? 40 : sizes[d]);
    }
    TestTensor x(cases.Form(dtype, sizes));
    TestTensor i(cases.Form(cases.IndexDType(), points));
    TestTensor s(cases.Form(dtype, points));
    cases.FillNumbers(x);
    cases.FillNumbers(s);
    cases.FillIndices(i, sizes[axis]);
    ir::AttrDict dim;  // the default is not written in the text
    if (axis != 0) dim.emplace_back("dim", ir::Expr(static_cast<int64_t>(axis)));
    auto gather = OpCase::Create("gather", {{x.spec()}, {i.spec()}}, dim);
    auto scatter = OpCase::Create("scatter", {{x.spec()}, {i.spec()}, {s.spec()}}, dim);
    ASSERT_TRUE(gather.ok() && scatter.ok());
    std::vector<TestTensor> read = {x, i};
    std::vector<TestTensor> write = {x, i, s};
    auto got = (*gather)->Run(read, CpuLevel::kV3);
    auto put = (*scatter)->Run(write, CpuLevel::kV3);
    ASSERT_TRUE(got.ok() && put.ok());
    ASSERT_TRUE((*got)[0].GuardsIntact() && (*put)[0].GuardsIntact());
    std::vector<ir::Scalar> want;
    for (int64_t p = 0; p < x.spec().NumElements(); ++p) want.push_back(x.Get(p));
    for (int64_t p = 0; p < i.spec().NumElements(); ++p) {
      const int64_t at = Replaced(points, p, axis, IndexAt(i, p, sizes[axis]), sizes);
      ASSERT_EQ((*got)[0].Get(p), x.Get(at)) << "round " << round << ", element " << p;
      want[static_cast<size_t>(at)] = s.Get(p);
    }
    for (int64_t p = 0; p < x.spec().NumElements(); ++p) {
      ASSERT_EQ((*put)[0].Get(p), want[static_cast<size_t>(p)]) << "round " << round;
    }
  }
}

// Long rows of dense indices are read as they lie.
TEST(IndexLoops, GatherOfLongRows) {
  Cases cases;
  auto best = DetectCpuLevel();
  ASSERT_TRUE(best.ok());
  const std::vector<int64_t> sizes = {20, 701};
  for (DType dtype : kNumbers) {
    for (DType index : {DType::kI32, DType::kI64, DType::kU32, DType::kI16}) {
      for (int64_t axis : {0, 1}) {
        TestTensor x(cases.Form(dtype, sizes));
        TestTensor i(testing::Spec(index, {19, axis == 0 ? 701 : 1100}));
        cases.FillNumbers(x);
        cases.FillIndices(i, sizes[static_cast<size_t>(axis)]);
        ir::AttrDict dim;
        if (axis != 0) dim.emplace_back("dim", ir::Expr(axis));
        auto gather = OpCase::Create("gather", {{x.spec()}, {i.spec()}}, dim);
        ASSERT_TRUE(gather.ok());
        std::vector<TestTensor> read = {x, i};
        auto got = (*gather)->Run(read, *best);
        ASSERT_TRUE(got.ok());
        ASSERT_TRUE((*got)[0].GuardsIntact());
        for (int64_t p = 0; p < i.spec().NumElements(); ++p) {
          const auto a = static_cast<size_t>(axis);
          const int64_t at = Replaced(i.spec().sizes, p, a, IndexAt(i, p, sizes[a]), sizes);
          ASSERT_EQ((*got)[0].Get(p), x.Get(at)) << ir::NameOf(dtype) << ", element " << p;
        }
      }
    }
  }
}

// Additions to one place are done in index order: each sum rounds.
TEST(IndexLoops, AccumulationIsInOrder) {
  const ir::TensorSpec x = testing::Spec(DType::kF32, {3, 4});
  const ir::TensorSpec v = testing::Spec(DType::kF32, {5000, 4});
  const ir::TensorSpec i = testing::Spec(DType::kU8, {5000});
  auto op = OpCase::Create("index_put", {{x}, {v}, {i}}, {{"accumulate", true}});
  ASSERT_TRUE(op.ok()) << op.status().ToString();
  std::vector<TestTensor> operands = {TestTensor(x), TestTensor(v), TestTensor(i)};
  std::mt19937 random(3);
  std::vector<float> want(12, 1.0f);
  for (int64_t p = 0; p < 12; ++p) operands[0].Set(p, *ir::Scalar::FromDouble(DType::kF32, 1));
  for (int64_t p = 0; p < 5000; ++p) {
    const auto row = static_cast<int64_t>(random() % 3);
    operands[2].Set(p, *ir::Scalar::FromInt(DType::kU8, row));
    for (int64_t c = 0; c < 4; ++c) {
      const float value = static_cast<float>(random() % 100000) / 977.0f - 50.0f;
      operands[1].Set(4 * p + c, *ir::Scalar::FromDouble(DType::kF32, value));
      want[static_cast<size_t>(4 * row + c)] += value;
    }
  }
  auto got = (*op)->Run(operands, CpuLevel::kV3);
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  for (int64_t p = 0; p < 12; ++p) {
    EXPECT_EQ((*got)[0].Get(p).ToDouble(), want[static_cast<size_t>(p)]) << p;
  }
}

}  // namespace
}  // namespace gcomp
