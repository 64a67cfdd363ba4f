// How the compiled tier compiles the kernels of a plan together, frees them, and lives with those
// that can't be compiled.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/format.h"
#include "jit/code.h"
#include "jit/compiler.h"
#include "runtime/engine.h"
#include "runtime/engine_impl.h"
#include "tests/unit/tier_testing.h"

namespace gcomp {
namespace {

// Makes compilers some of whose kernels have a fault.
class FaultyFactory final : public CompilerFactory {
 public:
  FaultyFactory(codegen::CompileFault fault, std::string in) : fault_(fault), in_(std::move(in)) {}

  StatusOr<std::unique_ptr<codegen::Compiler>> Make(
      const codegen::CompilerOptions& options) const override {
    codegen::CompilerOptions faulty = options;
    faulty.fault = fault_;
    faulty.fault_in = in_;
    return codegen::Compiler::Create(faulty);
  }

 private:
  codegen::CompileFault fault_;
  std::string in_;
};

// ---- Modules of several kernels -----------------------------------------------------------------

// `count` kernels behind a matmul each: equal ones, or each with an op more than the one before.
std::string ManyKernels(int count, bool equal) {
  std::string text = "gir 1 module @many\n\nexport func @main(%x: f32[8, 8]) -> (f32[8, 8]) {\n";
  std::string last = "x";
  for (int i = 0; i < count; ++i) {
    text += Format("  %m{}: f32[8, 8] = matmul(%{}, %x)\n", i, last);
    text += Format("  %a{}_0: f32[8, 8] = mul(%m{}, 0.1)\n", i, i);
    int op = 0;
    for (; op < (equal ? 1 : i + 1); ++op) {
      text += Format("  %a{}_{}: f32[8, 8] = add(%a{}_{}, %x)\n", i, op + 1, i, op);
    }
    last = Format("a{}_{}", i, op);
  }
  return text + Format("  return %{}\n}}\n", last);
}

class TierModuleTest : public TierTest {
 protected:
  // Bytes of code that are loaded, as the last compile told.
  static int64_t LoadedBytes(const Engine& engine) {
    const std::vector<std::string> told = Details(engine, Reason::kCompiled);
    if (told.empty()) return 0;
    const size_t begin = told.back().find("; ") + 2;
    return std::stoll(told.back().substr(begin));
  }

  // Loads a text, runs it, and drops all of it.
  int64_t BytesOf(const std::string& text) {
    std::unique_ptr<Context> context = Compare(engine_, text, {Floats({8, 8})});
    return context == nullptr ? 0 : LoadedBytes(*engine_);
  }
};

TEST_F(TierModuleTest, KernelsOfAPlanShareThePagesOfTheirCode) {
  const int64_t one = BytesOf(ManyKernels(1, false));
  const int64_t many = BytesOf(ManyKernels(6, false));
  EXPECT_GT(one, 0);
  EXPECT_LT(many, 3 * one);
  // All went with the kernels that used it.
  EXPECT_EQ(BytesOf(ManyKernels(1, false)), one);
  EXPECT_NE(Details(*engine_, Reason::kCompiled)[1].find("6 kernels"), std::string::npos);
}

TEST_F(TierModuleTest, EqualKernelsOfAPlanAreOneFunction) {
  EXPECT_EQ(BytesOf(ManyKernels(40, true)), BytesOf(ManyKernels(1, true)));
}

TEST_F(TierModuleTest, ThreadsCompileModulesOfTheirOwn) {
  EngineOptions options;
  options.threads = 3;
  std::shared_ptr<Engine> engine = MakeEngine(options);
  ASSERT_NE(engine, nullptr);
  Compare(engine, ManyKernels(7, false), {Floats({8, 8})});
  // Pages are not shared by modules.
  EXPECT_GE(LoadedBytes(*engine), 3 * BytesOf(ManyKernels(1, false)));
  EXPECT_GT(LoadedBytes(*engine), BytesOf(ManyKernels(7, false)));
}

TEST_F(TierModuleTest, CodeServesOtherPlansUntilTheLastOfThemGoes) {
  std::unique_ptr<Context> first = Make(engine_, ManyKernels(3, false), Tier::kCompiled);
  Run(*first, {Floats({8, 8})});
  const int64_t bytes = LoadedBytes(*engine_);
  std::unique_ptr<Context> second = Make(engine_, ManyKernels(2, false), Tier::kCompiled);
  const std::vector<Tensor> want = Run(*second, {Floats({8, 8})});
  EXPECT_EQ(LoadedBytes(*engine_), bytes);
  first = nullptr;
  EXPECT_TRUE(SameBytes(Run(*second, {Floats({8, 8})})[0], want[0]));
}

TEST_F(TierModuleTest, AKernelThatFailsTakesNoOthersOfItsModuleWithIt) {
  for (codegen::CompileFault fault :
       {codegen::CompileFault::kBrokenModule, codegen::CompileFault::kCodegen,
        codegen::CompileFault::kMemory, codegen::CompileFault::kMissingSymbol}) {
    EngineOptions options;
    options.compiler_factory = std::make_shared<FaultyFactory>(fault, "tanh");
    std::shared_ptr<Engine> engine = MakeEngine(options);
    std::unique_ptr<Context> context =
        Compare(engine, kTwoKernels, {Floats({32, 32}), Floats({32, 32}, 2)});
    ASSERT_NE(context, nullptr);
    EXPECT_EQ(Steps(*context), 4) << context->Describe();
    EXPECT_NE(context->Describe().find("fused: mul, relu"), std::string::npos);
    const std::vector<std::string> failed = Details(*engine, Reason::kCompileFailed);
    ASSERT_EQ(failed.size(), 1u);
    EXPECT_TRUE(failed[0].starts_with("@main: 1 kernels")) << failed[0];
  }
}

// ---- What LLVM can't go on from -----------------------------------------------------------------

// A thread is parked for the rest of the process: in a process of its own.
class TierDeathTest : public TierModuleTest {
 protected:
  void SetUp() override {
    TierTest::SetUp();
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }

  void SurviveAFatalError() {
    const std::vector<Tensor> inputs = {Floats({32, 32}), Floats({32, 32}, 2)};
    std::unique_ptr<Context> before = Make(engine_, kTwoKernels, Tier::kCompiled);
    const std::vector<Tensor> want = Run(*before, inputs);
    EngineOptions options;
    options.compiler_factory =
        std::make_shared<FaultyFactory>(codegen::CompileFault::kFatal, "tanh");
    std::shared_ptr<Engine> faulty = MakeEngine(options);
    for (int i = 0; i < 2; ++i) {
      std::unique_ptr<Context> context = Make(faulty, kTwoKernels, Tier::kCompiled);
      EXPECT_TRUE(SameBytes(Run(*context, inputs)[0], want[0]));
      EXPECT_EQ(Steps(*context), 5) << context->Describe();
    }
    const std::vector<std::string> failed = Details(*faulty, Reason::kCompileFailed);
    EXPECT_EQ(failed.size(), 2u);
    for (const std::string& detail : failed) {
      EXPECT_NE(detail.find("@main: 2 kernels"), std::string::npos) << detail;
      EXPECT_NE(detail.find("E902: LLVM met a fatal error"), std::string::npos) << detail;
      EXPECT_NE(detail.find("Cannot select"), std::string::npos) << detail;
    }
    // What is compiled still runs, and can be freed; other engines compile nothing more.
    EXPECT_TRUE(SameBytes(Run(*before, inputs)[0], want[0]));
    before = nullptr;
    std::shared_ptr<Engine> later = MakeEngine();
    EXPECT_FALSE(later->CanCompile());
    std::unique_ptr<Context> context = Make(later, kTwoKernels, Tier::kCompiled);
    EXPECT_TRUE(SameBytes(Run(*context, inputs)[0], want[0]));
  }
};

TEST_F(TierDeathTest, TheProcessOutlivesAFatalErrorOfLlvm) {
  EXPECT_EXIT(
      {
        SurviveAFatalError();
        std::_Exit(HasFailure() ? 1 : 0);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace gcomp
