// map, scan, assoc_scan, io.print: what their text tests can't show: printed text, order, stops,
// memory. Errors of types are in tests/ir/error_structure.ir.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/passes/pipeline.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "runtime/engine.h"
#include "tests/unit/allocation_counter.h"
#include "tests/unit/round_trip.h"

namespace gcomp {
namespace {

// Runs graphs and keeps what they print.
class RegionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.log = {Collect, this, LogLevel::kInfo};
    StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(options);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = *engine;
  }

  // A context of @main of the module with these functions.
  std::unique_ptr<Context> Make(std::string_view functions) {
    std::string report;
    const std::string text = "gir 1 module @m\n\n" + std::string(functions);
    StatusOr<ir::Module> module = ParseModule(*engine_, text, "test.ir", &report);
    EXPECT_TRUE(module.ok()) << report;
    if (!module.ok()) return nullptr;
    Status round_trip = testing::CheckRoundTrip(*module, engine_->ops());
    EXPECT_TRUE(round_trip.ok()) << round_trip.ToString();
    StatusOr<std::shared_ptr<Session>> session =
        Session::Load(engine_, *std::move(module), nullptr, {});
    EXPECT_TRUE(session.ok()) << session.status().ToString();
    if (!session.ok()) return nullptr;
    StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main", {});
    EXPECT_TRUE(context.ok()) << context.status().ToString();
    printed_.clear();
    return context.ok() ? *std::move(context) : nullptr;
  }

  // What the lines print for these inputs: `body` of @main(params).
  std::vector<std::string> Printed(std::string_view params, std::string_view body,
                                   const std::vector<Tensor>& inputs) {
    context_ = Make("export func @main(" + std::string(params) + ") -> () effects [io] {\n" +
                    std::string(body) + "  return\n}\n");
    if (context_ == nullptr) return {};
    std::vector<Tensor> outputs;
    Status status = context_->Run(inputs, outputs);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return printed_;
  }

  template <class T>
  static Tensor Of(DType dtype, std::vector<int64_t> sizes, std::vector<T> values) {
    return *Tensor::Copy(dtype, std::move(sizes), values.data());
  }

  std::shared_ptr<Engine> engine_;
  std::unique_ptr<Context> context_;
  std::vector<std::string> printed_;
  Context* cancelled_by_print_ = nullptr;

 private:
  static void Collect(void* user, LogLevel level, std::string_view message) noexcept {
    auto* test = static_cast<RegionsTest*>(user);
    // Events are told to the log as well.
    for (std::string_view event : {"specialized", "module_loaded", "run_failed"}) {
      if (message.starts_with(event)) return;
    }
    EXPECT_EQ(level, LogLevel::kInfo);
    test->printed_.emplace_back(message);
    if (test->cancelled_by_print_ != nullptr) test->cancelled_by_print_->Cancel();
  }
};

using Lines = std::vector<std::string>;

// ---- io.print -----------------------------------------------------------------------------------

TEST_F(RegionsTest, PrintsInTheOrderOfTheProgram) {
  const Lines lines = Printed("%x: i64[3]",
                              "  %t0: token = io.token()\n"
                              "  %t1: token = io.print(%t0, fmt = \"first\")\n"
                              "  io.print(%x, fmt = \"{{x}} = {}\")\n"
                              "  map(xs = [%x])\n"
                              "    body(%a: i64[]) {\n"
                              "      io.print(%a, %a, fmt = \"{} or {}\")\n"
                              "      yield\n"
                              "    }\n"
                              "  %t2: token = io.print(%t1, fmt = \"\")\n",
                              {Of<int64_t>(DType::kI64, {3}, {5, -6, 7})});
  EXPECT_EQ(lines, (Lines{"first", "{x} = [5, -6, 7]", "5 or 5", "-6 or -6", "7 or 7", ""}));
}

TEST_F(RegionsTest, PrintsNumbersOfEveryKind) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Printed("%x: f64[7]", "  io.print(%x, fmt = \"{}\")\n",
                    {Of<double>(DType::kF64, {7},
                                {1, -0.0, 0.1, -2.2250738585072014e-308, 1e300, -inf, NAN})}),
            Lines{"[1.0, -0.0, 0.1, -2.2250738585072014e-308, 1e+300, -inf, nan]"});
  EXPECT_EQ(Printed("%x: f32[4]", "  io.print(%x, fmt = \"{}\")\n",
                    {Of<float>(DType::kF32, {4}, {0.1f, -1.1754944e-38f, 16777216, -NAN})}),
            Lines{"[0.1, -1.1754944e-38, 16777216.0, nan]"});
  EXPECT_EQ(Printed("%x: f16[2], %y: bf16[2]", "  io.print(%x, %y, fmt = \"{} {}\")\n",
                    {Of<uint16_t>(DType::kF16, {2}, {0x3c00, 0x7e01}),
                     Of<uint16_t>(DType::kBF16, {2}, {0xbf80, 0x7f80})}),
            Lines{"[1.0, nan] [-1.0, inf]"});
  EXPECT_EQ(Printed("%x: i64[2], %y: u64[], %z: i8[1], %p: bool[2]",
                    "  io.print(%x, %y, %z, %p, fmt = \"{} {} {} {}\")\n",
                    {Of<int64_t>(DType::kI64, {2}, {INT64_MIN, INT64_MAX}),
                     Of<uint64_t>(DType::kU64, {}, {UINT64_MAX}),
                     Of<int8_t>(DType::kI8, {1}, {-128}), Of<uint8_t>(DType::kBool, {2}, {1, 0})}),
            Lines{"[-9223372036854775808, 9223372036854775807] 18446744073709551615 [-128] "
                  "[true, false]"});
}

TEST_F(RegionsTest, PrintsShapesAsNestedLists) {
  std::vector<float> values(6);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  EXPECT_EQ(Printed("%x: f32[2, 3], %e: f32[2, 0], %z: f32[0, 2]",
                    "  %t: f32[3, 2]{1, 3} = transpose(%x, dims = [1, 0])\n"
                    "  io.print(%t, %e, %z, fmt = \"{}; {}; {}\")\n",
                    {Of(DType::kF32, {2, 3}, values), Of<float>(DType::kF32, {2, 0}, {}),
                     Of<float>(DType::kF32, {0, 2}, {})}),
            Lines{"[[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]; [[], []]; []"});
}

TEST_F(RegionsTest, PrintsAThousandElementsOfALongTensor) {
  const Lines lines =
      Printed("%x: u8[3, 40, 50], %e: u8[5000, 0]", "  io.print(%x, %e, fmt = \"{}|{}\")\n",
              {Of(DType::kU8, {3, 40, 50}, std::vector<uint8_t>(6000, 7)),
               Of<uint8_t>(DType::kU8, {5000, 0}, {})});
  ASSERT_EQ(lines.size(), 1u);
  const std::string& line = lines[0];
  const size_t bar = line.find('|');
  ASSERT_NE(bar, std::string::npos);
  EXPECT_EQ(std::count(line.begin(), line.end(), '7'), 1000);
  EXPECT_TRUE(line.substr(0, bar).ends_with(" 7], ...], ...]")) << line.substr(0, bar);
  EXPECT_TRUE(line.ends_with(" [], ...]")) << line;
}

TEST_F(RegionsTest, PassesKeepWhatPrints) {
  const std::string text =
      "gir 1 module @m\n\n"
      "export func @main(%x: f32[4]) -> () effects [io] {\n"
      "  io.print(fmt = \"a\")\n"
      "  io.print(fmt = \"a\")\n"
      "  scan(xs = [%x])\n"
      "    body(%a: f32[]) {\n"
      "      io.print(%a, fmt = \"{}\")\n"
      "      yield\n"
      "    }\n"
      "  return\n"
      "}\n";
  ir::Diagnostics diagnostics("test.ir", text);
  ir::Module module = ir::Parse(text, engine_->ops(), diagnostics);
  ASSERT_TRUE(diagnostics.ok()) << diagnostics.ToStatus().ToString();
  ir::Verify(module, diagnostics);
  ASSERT_TRUE(diagnostics.ok()) << diagnostics.ToStatus().ToString();
  auto passes = ir::ParsePipeline("canonicalize,fold,cse,dce");
  ASSERT_TRUE(passes.ok()) << passes.status().ToString();
  auto runs = ir::RunPipeline(*passes, module, {.ops = engine_->ops()},
                              {.verify_each = true, .after_pass = {}});
  ASSERT_TRUE(runs.ok()) << runs.status().ToString();
  EXPECT_EQ(ir::Print(module), text);
}

// ---- Loops --------------------------------------------------------------------------------------

constexpr std::string_view kLoops =
    "export func @main(%x: f64[40]) -> (f64[], f64[40], f64[40], f64[40]) effects [io] {\n"
    "  %c0: f64[] = const(0.0)\n"
    "  %c: f64[], %ys: f64[40] = scan(init = [%c0], xs = [%x])\n"
    "    body(%c: f64[], %a: f64[]) {\n"
    "      %s: f64[] = add(%c, %a)\n"
    "      io.print(%s, fmt = \"{}\")\n"
    "      yield %s, %s\n"
    "    }\n"
    "  %z: f64[40] = assoc_scan(xs = [%x])\n"
    "    combine(%l: f64[], %r: f64[]) {\n"
    "      %s: f64[] = add(%l, %r)\n"
    "      yield %s\n"
    "    }\n"
    "  %m: f64[40] = map(xs = [%z])\n"
    "    body(%a: f64[]) {\n"
    "      %n: f64[] = neg(%a)\n"
    "      yield %n\n"
    "    }\n"
    "  return %c, %ys, %z, %m\n"
    "}\n";

std::vector<double> Counted() {
  std::vector<double> values(40);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  return values;
}

TEST_F(RegionsTest, ALoopStopsWhenItIsCancelled) {
  context_ = Make(kLoops);
  ASSERT_NE(context_, nullptr);
  const std::vector<Tensor> inputs = {Of(DType::kF64, {40}, Counted())};
  std::vector<Tensor> outputs;
  cancelled_by_print_ = context_.get();
  Status status = context_->Run(inputs, outputs);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.id(), ErrorId::E803);
  EXPECT_EQ(printed_, Lines{"0.0"});
  cancelled_by_print_ = nullptr;
  outputs.clear();
  ASSERT_TRUE(context_->Run(inputs, outputs).ok());
  EXPECT_EQ(outputs[0].Span<double>()[0], 780);
  EXPECT_EQ(outputs[3].Span<double>()[39], -780);
}

TEST_F(RegionsTest, LoopsAllocateNothing) {
  if (!test::CountsAllocations()) {
    GTEST_SKIP() << "sanitizers replace the allocation functions that this test counts with";
  }
  std::string text(kLoops);
  const std::string print = "      io.print(%s, fmt = \"{}\")\n";
  text.erase(text.find(print), print.size());  // the log of this test allocates
  const std::string effects = " effects [io]";
  text.erase(text.find(effects), effects.size());
  context_ = Make(text);
  ASSERT_NE(context_, nullptr);
  const std::vector<Tensor> inputs = {Of(DType::kF64, {40}, Counted())};
  std::vector<Tensor> outputs;
  ASSERT_TRUE(context_->Run(inputs, outputs).ok());
  const int64_t before = test::AllocationCount();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(context_->Run(inputs, outputs).ok());
  EXPECT_EQ(test::AllocationCount() - before, 0);
}

TEST(PrintTest, AllocatesNothing) {
  if (!test::CountsAllocations()) {
    GTEST_SKIP() << "sanitizers replace the allocation functions that this test counts with";
  }
  EngineOptions options;
  size_t characters = 0;
  options.log = {[](void* user, LogLevel, std::string_view text) noexcept {
                   *static_cast<size_t*>(user) += text.size();
                 },
                 &characters, LogLevel::kInfo};
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(options);
  ASSERT_TRUE(engine.ok());
  StatusOr<ir::Module> module = ParseModule(
      **engine,
      "gir 1 module @m\n\nexport func @main(%x: f64[2], %y: f32[2], %z: f16[2]) -> () effects [io] "
      "{\n  io.print(%x, %y, %z, fmt = \"a long text before {} and {} and {}\")\n  return\n}\n",
      "test.ir");
  ASSERT_TRUE(module.ok()) << module.status().ToString();
  auto session = Session::Load(*engine, *std::move(module), nullptr, {});
  ASSERT_TRUE(session.ok());
  auto context = Context::Create(*session, "main", {});
  ASSERT_TRUE(context.ok());
  const double x[2] = {-2.2250738585072014e-308, NAN};
  const float y[2] = {-1.1754944e-38f, 0};
  const uint16_t z[2] = {0x8001, 0x7e01};
  const std::vector<Tensor> inputs = {*Tensor::Copy(DType::kF64, {2}, x),
                                      *Tensor::Copy(DType::kF32, {2}, y),
                                      *Tensor::Copy(DType::kF16, {2}, z)};
  std::vector<Tensor> outputs;
  ASSERT_TRUE((*context)->Run(inputs, outputs).ok());
  characters = 0;
  const int64_t before = test::AllocationCount();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE((*context)->Run(inputs, outputs).ok());
  EXPECT_EQ(test::AllocationCount() - before, 0);
  EXPECT_GT(characters, 10 * 60u);
}

}  // namespace
}  // namespace gcomp
