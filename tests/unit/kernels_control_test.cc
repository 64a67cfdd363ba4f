// invoke, wrap, cond, while: types of texts that are right and wrong, and the kernels against a
// stand-in for the runtime that runs regions given as functions.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ir/kernel.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "kernels/all_ops.h"

namespace gcomp {
namespace {

using ir::DType;
using ir::TensorSpec;

const ir::OpRegistry& Ops() {
  static const ir::OpRegistry ops(kernels::AllOps());
  return ops;
}

// All errors of the text, or "".
std::string Errors(const std::string& text) {
  ir::Diagnostics diagnostics("test.ir", text);
  ir::Module module = ir::Parse("gir 1 module @m\n\n" + text, Ops(), diagnostics);
  if (diagnostics.ok()) ir::Verify(module, diagnostics);
  std::string errors;
  for (const ir::Diagnostic& d : diagnostics.list()) {
    errors += std::string(InfoOf(d.id).name) + ": " + d.message + "\n";
  }
  return errors;
}

void ExpectError(const std::string& text, const std::string& id, const std::string& part) {
  const std::string errors = Errors(text);
  EXPECT_NE(errors.find(id), std::string::npos) << errors << text;
  EXPECT_NE(errors.find(part), std::string::npos) << errors << text;
}

std::string Cond(const std::string& predicate, const std::string& result, const std::string& then,
                 const std::string& otherwise) {
  return "func @f(%p: " + predicate + ", %x: f32[4]) -> () {\n  %r: " + result +
         " = cond(%p, %x)\n    then(%a: f32[4]) {\n" + then + "    }\n    else(%a: f32[4]) {\n" +
         otherwise + "    }\n  return\n}\n";
}

TEST(CondTypes, AcceptsFlagsAndOneElementTensors) {
  for (const char* predicate : {"flag", "bool[]", "i64[1]", "f32[1, 1]"}) {
    EXPECT_EQ(Errors(Cond(predicate, "f32[4]", "      yield %a\n",
                          "      %n: f32[4] = neg(%a)\n      yield %n\n")),
              "");
  }
}

TEST(CondTypes, ReportsMisfits) {
  const std::string same = "      yield %a\n";
  ExpectError(Cond("f32[2]", "f32[4]", same, same), "E203", "f32[2]");
  ExpectError(Cond("flag", "f32[4]", same, "      yield\n"), "E201", "1");
  ExpectError(Cond("flag", "f32[4]", same, "      %n: f32[1, 4] = unsqueeze(%a)\n      yield %n\n"),
              "E202", "f32[1, 4]");
  ExpectError(Cond("flag", "f32[4]", same, "      %n: f32[8] = concat(%a, %a)\n      yield %n\n"),
              "E202", "f32[8]");
}

TEST(CondTypes, UnequalSizesTakeADefinedSymbol) {
  EXPECT_EQ(Errors("func @f(%p: flag, %x: f32[4]) -> () {\n"
                   "  %r: f32[u0] = cond(%p, %x) defines u0 in [4, 8]\n"
                   "    then(%a: f32[4]) {\n      yield %a\n    }\n"
                   "    else(%a: f32[4]) {\n      %n: f32[8] = concat(%a, %a)\n      yield %n\n"
                   "    }\n  return\n}\n"),
            "");
}

std::string While(const std::string& params, const std::string& go, const std::string& body) {
  return "func @f(%i: i64[], %x: f32[2]) -> () {\n"
         "  %n: i64[], %y: f32[2] = while(carry = [%i, %x])\n    cond(" +
         params + ") {\n" + go + "    }\n    do(" + params + ") {\n" + body +
         "    }\n  return\n}\n";
}

TEST(WhileTypes, ReportsMisfits) {
  const std::string params = "%j: i64[], %v: f32[2]";
  const std::string go = "      %go: bool[] = lt(%j, 10)\n      yield %go\n";
  EXPECT_EQ(Errors(While(params, go, "      yield %j, %v\n")), "");
  ExpectError(While(params, go, "      yield %j\n"), "E211", "1 values for 2 carries");
  ExpectError(While(params, go, "      %w: f32[4] = concat(%v, %v)\n      yield %j, %w\n"), "E211",
              "f32[4]");
  ExpectError(While(params, "      yield %j\n", "      yield %j, %v\n"), "E212", "i64[]");
  ExpectError(While("%j: i64[]", go, "      yield %j\n"), "E505", "1 parameters");
  ExpectError(While("%j: i64[], %v: f32[3]", go, "      yield %j, %v\n"), "E504", "f32[3]");
}

const char kLayer[] =
    "func @layer<s0 in [2, 64] mult 2>(%x: f32[s0, 8], %y: f32[s0]) -> (f32[s0, 8]) {\n"
    "  %r: f32[s0, 8] = neg(%x)\n  return %r\n}\n\n";

TEST(InvokeTypes, BindsSymbolsByOperands) {
  EXPECT_EQ(
      Errors(std::string(kLayer) +
             "func @main<s1 in [2, 8]>(%x: f32[2 * s1, 8], %y: f32[2 * s1]) -> (f32[2 * s1, 8]) {\n"
             "  %r: f32[2 * s1, 8] = invoke @layer(%x, %y)\n  return %r\n}\n"),
      "");
}

TEST(InvokeTypes, ReportsMisfits) {
  auto call = [](const std::string& x, const std::string& y, const std::string& line) {
    return std::string(kLayer) + "func @main(%x: " + x + ", %y: " + y + ") -> () {\n  " + line +
           "\n  return\n}\n";
  };
  ExpectError(call("f32[4, 8]", "f32[6]", "%r: f32[4, 8] = invoke @layer(%x, %y)"), "E506",
              "f32[6]");
  ExpectError(call("f32[4, 8]", "f32[4]", "%r: f32[4, 8] = invoke @layer(%x)"), "E506",
              "2 operands, found 1");
  ExpectError(call("f32[4, 8]", "f32[4]", "%r: f32[4, 8] = invoke @other(%x, %y)"), "E506",
              "@other");
  ExpectError(call("f32[3, 8]", "f32[3]", "%r: f32[3, 8] = invoke @layer(%x, %y)"), "E506", "s0");
  ExpectError(call("f32[128, 8]", "f32[128]", "%r: f32[128, 8] = invoke @layer(%x, %y)"), "E506",
              "range");
}

TEST(InvokeTypes, LeftoverSymbolsAreWritten) {
  const std::string callee =
      "func @zeros<s0>() -> (f32[s0]) {\n  %r: f32[s0] = const(splat = 0.0)\n  return %r\n}\n\n";
  EXPECT_EQ(Errors(callee + "func @main<s1>() -> (f32[2 * s1]) {\n"
                            "  %r: f32[2 * s1] = invoke @zeros<2 * s1>()\n  return %r\n}\n"),
            "");
  ExpectError(callee + "func @main() -> () {\n  %r: f32[4] = invoke @zeros()\n  return\n}\n",
              "E506", "s0");
}

// ---- Kernels ------------------------------------------------------------------------------------

class Regions final : public ir::RegionRunner {
 public:
  using Body = std::function<Status(std::span<void* const>, std::span<void* const>)>;

  explicit Regions(std::vector<Body> bodies) : bodies_(std::move(bodies)) {}

  Status RunRegion(size_t r, std::span<void* const> operands,
                   std::span<void* const> results) override {
    ++runs[r];
    return bodies_[r](operands, results);
  }

  Status RunRegion(size_t r, std::span<void* const> operands, std::span<void* const> results,
                   ir::RegionResults& /*out*/) override {
    return RunRegion(r, operands, results);
  }

  Status Poll() override {
    ++polls;
    return polls > poll_limit ? Status(ErrorId::E701, "cancelled") : Status();
  }

  void Print(std::string_view text) override { printed += text; }

  std::string printed;
  std::array<int, 2> runs = {0, 0};
  int polls = 0;
  int poll_limit = 1000;

 private:
  std::vector<Body> bodies_;
};

TensorSpec Spec(DType dtype, std::vector<int64_t> sizes, std::vector<int64_t> strides) {
  TensorSpec spec;
  spec.dtype = dtype;
  spec.sizes = std::move(sizes);
  spec.strides = std::move(strides);
  return spec;
}

// Prepares and runs a control op on memory.
struct Control {
  ir::Function function;
  ir::Op op;
  std::vector<TensorSpec> operands;
  std::vector<TensorSpec> results;
  std::vector<ir::KernelCtx::Region> regions;
  std::vector<void*> slots;

  explicit Control(std::string_view name) {
    op.def = Ops().Find(name);
    op.attrs.resize(op.def->attrs.size());
    op.group_begin = {0};
  }

  void Operand(TensorSpec spec, void* data) {
    op.operands.push_back(ir::ValueId(operands.size()));
    operands.push_back(std::move(spec));
    slots.push_back(data);
  }

  void EndGroup() { op.group_begin.push_back(static_cast<uint16_t>(op.operands.size())); }

  void Result(TensorSpec spec, void* data) {
    results.push_back(std::move(spec));
    slots.push_back(data);
  }

  Status Run(Regions& runner) {
    ir::KernelCtx ctx{function,      op,     ir::AttrReader(*op.def, op), operands, results, {}, {},
                      CpuLevel::kV3, regions};
    GCOMP_ASSIGN_OR_RETURN(auto kernel, op.def->prepare(ctx));
    std::vector<uint32_t> numbers(slots.size());
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<uint32_t>(i);
    std::vector<std::byte> scratch(kernel->scratch_bytes() + 64);
    void* aligned = scratch.data();
    size_t space = scratch.size();
    std::align(64, kernel->scratch_bytes(), aligned, space);
    return kernel->Run({slots.data(), numbers.data(), numbers.data() + operands.size(), aligned,
                        nullptr, &runner});
  }
};

float* F(void* p) {
  return static_cast<float*>(p);
}

// A cond on [2] whose branches add 1 and double; the second yields with stride 3.
float RunCond(DType dtype, const void* predicate) {
  float x[2] = {5, 7};
  float y[2] = {0, 0};
  Control c("cond");
  c.Operand(Spec(dtype, {}, {}), const_cast<void*>(predicate));
  c.EndGroup();
  c.Operand(Spec(DType::kF32, {2}, {1}), x);
  c.EndGroup();
  c.Result(Spec(DType::kF32, {2}, {1}), y);
  c.regions = {{{}, {Spec(DType::kF32, {2}, {1})}}, {{}, {Spec(DType::kF32, {2}, {3})}}};
  Regions runner({[](auto in, auto out) {
                    for (int i = 0; i < 2; ++i) F(out[0])[i] = F(in[0])[i] + 1;
                    return Status();
                  },
                  [](auto in, auto out) {
                    for (int i = 0; i < 2; ++i) F(out[0])[3 * i] = F(in[0])[i] * 2;
                    return Status();
                  }});
  EXPECT_TRUE(c.Run(runner).ok());
  EXPECT_EQ(runner.runs[0] + runner.runs[1], 1);
  return y[1];
}

TEST(CondKernel, TakesTheBranchOfThePredicate) {
  const uint8_t yes = 1, no = 0;
  EXPECT_EQ(RunCond(DType::kBool, &yes), 8);
  EXPECT_EQ(RunCond(DType::kBool, &no), 14);
  const float negative_zero = -0.0f, small = 1e-45f, nan = NAN;
  EXPECT_EQ(RunCond(DType::kF32, &negative_zero), 14);
  EXPECT_EQ(RunCond(DType::kF32, &small), 8);
  EXPECT_EQ(RunCond(DType::kF32, &nan), 8);
  const double minus_zero = -0.0;
  EXPECT_EQ(RunCond(DType::kF64, &minus_zero), 14);
  const uint16_t half_zero = 0x8000, half = 0x8001;
  EXPECT_EQ(RunCond(DType::kF16, &half_zero), 14);
  EXPECT_EQ(RunCond(DType::kF16, &half), 8);
  const int64_t big = int64_t{1} << 40;
  EXPECT_EQ(RunCond(DType::kI64, &big), 8);
}

// i < limit: i = i + 1, [x0, x1] = [x1, x0 + w]. x may be strided, the body yields it with
// stride 2.
struct Loop {
  int64_t i = 0;
  float x[4] = {1, -1, 2, -1};
  float w = 10;
  int64_t n = -1;
  float y[2] = {0, 0};
  Regions runner;

  explicit Loop(int64_t limit)
      : runner({[limit](auto in, auto out) {
                  *static_cast<uint8_t*>(out[0]) = *static_cast<int64_t*>(in[0]) < limit;
                  return Status();
                },
                [](auto in, auto out) {
                  *static_cast<int64_t*>(out[0]) = *static_cast<int64_t*>(in[0]) + 1;
                  F(out[1])[0] = F(in[1])[1];
                  F(out[1])[2] = F(in[1])[0] + *F(in[2]);
                  return Status();
                }}) {}

  Status Run(int64_t max_trip = -1) {
    Control c("while");
    c.Operand(Spec(DType::kI64, {}, {}), &i);
    c.Operand(Spec(DType::kF32, {2}, {2}), x);
    c.EndGroup();
    c.Operand(Spec(DType::kF32, {}, {}), &w);
    c.EndGroup();
    c.Result(Spec(DType::kI64, {}, {}), &n);
    c.Result(Spec(DType::kF32, {2}, {1}), y);
    const TensorSpec integer = Spec(DType::kI64, {}, {});
    c.regions = {{{}, {Spec(DType::kBool, {}, {})}}, {{}, {integer, Spec(DType::kF32, {2}, {2})}}};
    if (max_trip >= 0) c.op.attrs[0] = ir::Expr(max_trip);
    return c.Run(runner);
  }
};

TEST(WhileKernel, RepeatsWhileTheConditionHolds) {
  Loop loop(3);
  ASSERT_TRUE(loop.Run().ok());
  EXPECT_EQ(loop.n, 3);
  // (1, 2) -> (2, 11) -> (11, 12) -> (12, 21)
  EXPECT_EQ(loop.y[0], 12);
  EXPECT_EQ(loop.y[1], 21);
  EXPECT_EQ(loop.i, 0) << "operands must not change";
  EXPECT_EQ(loop.x[0], 1);
  EXPECT_EQ(loop.runner.polls, 4);
}

TEST(WhileKernel, NoIterationCopiesTheOperands) {
  Loop loop(0);
  ASSERT_TRUE(loop.Run().ok());
  EXPECT_EQ(loop.n, 0);
  EXPECT_EQ(loop.y[0], 1);
  EXPECT_EQ(loop.y[1], 2);
}

TEST(WhileKernel, MaxTripIsABound) {
  Loop enough(3);
  EXPECT_TRUE(enough.Run(3).ok());
  Loop exceeded(3);
  Status status = exceeded.Run(2);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.id(), ErrorId::E401);
  EXPECT_EQ(exceeded.runner.runs[1], 2);
}

TEST(WhileKernel, StopsWhenPolledToStop) {
  Loop loop(1000000);
  loop.runner.poll_limit = 5;
  Status status = loop.Run();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.id(), ErrorId::E701);
  EXPECT_EQ(loop.runner.runs[1], 5);
}

}  // namespace
}  // namespace gcomp
