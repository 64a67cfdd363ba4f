// The compiled tier as an embedder sees it: equal results, fewer steps and buffers, events, and
// what happens where something can't be compiled.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/format.h"
#include "runtime/engine.h"
#include "runtime/engine_impl.h"
#include "tests/unit/allocation_counter.h"
#include "tests/unit/tier_testing.h"

namespace gcomp {
namespace {

// Makes compilers that count, and fail from a given kernel on.
class CountingFactory final : public CompilerFactory {
 public:
  static constexpr int kNever = 1 << 30;

  explicit CountingFactory(int fail_from = kNever) : fail_from_(fail_from) {}

  StatusOr<std::unique_ptr<codegen::Compiler>> Make(
      const codegen::CompilerOptions& options) const override {
    GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<codegen::Compiler> inner,
                           codegen::Compiler::Create(options));
    return std::unique_ptr<codegen::Compiler>(new Counting(*this, std::move(inner)));
  }

  mutable std::atomic<int> kernels = 0;

 private:
  class Counting final : public codegen::Compiler {
   public:
    Counting(const CountingFactory& owner, std::unique_ptr<codegen::Compiler> inner)
        : codegen::Compiler(inner->fusion()), owner_(owner), inner_(std::move(inner)) {}

    StatusOr<std::unique_ptr<ir::Kernel>> Compile(const codegen::FusedKernel& fused,
                                                  codegen::CodeDump* dump) override {
      if (owner_.kernels++ >= owner_.fail_from_) return Status(ErrorId::E902, "no more kernels");
      return inner_->Compile(fused, dump);
    }

    int64_t code_bytes() const override { return inner_->code_bytes(); }

   private:
    const CountingFactory& owner_;
    std::unique_ptr<codegen::Compiler> inner_;
  };

  const int fail_from_;
};

class NoCompiler final : public CompilerFactory {
 public:
  StatusOr<std::unique_ptr<codegen::Compiler>> Make(
      const codegen::CompilerOptions&) const override {
    return Status(ErrorId::E511, "there is no compiler here");
  }
};

constexpr std::string_view kChain = R"(gir 1 module @chain

export func @main<s0 in [0, 4096]>(%x: f32[s0, 100], %w: f32[100]) -> (f32[s0, 100], f32[s0]) {
  %a: f32[s0, 100] = mul(%x, %w)
  %b: f32[s0, 100] = add(%a, %x)
  %c: f32[s0, 100] = tanh(%b)
  %t: f32[100, s0]{1, 100} alias(%c) = transpose(%c, dims = [1, 0])
  %d: f32[100, s0] = exp(%t)
  %u: f32[s0, 100]{1, s0} alias(%d) = transpose(%d, dims = [1, 0])
  %y: f32[s0, 100] = sub(%u, %a)
  %n: f32[s0] = reduce_sum(%y, dims = [1])
  return %y, %n
}
)";

TEST_F(TierTest, NamesGoBothWays) {
  for (Tier tier : {Tier::kAuto, Tier::kInterp, Tier::kCompiled}) {
    EXPECT_EQ(TierOf(NameOf(tier)), tier);
  }
  EXPECT_EQ(TierOf("fast"), std::nullopt);
}

TEST_F(TierTest, CompiledHasTheBitsOfTheInterpreter) {
  for (int64_t n : {1, 7, 300, 0}) {
    EXPECT_NE(Compare(engine_, kChain, {Floats({n, 100}), Floats({100}, 2)}), nullptr) << n;
  }
}

TEST_F(TierTest, AnyVectorLengthAndAnyThreadsHaveTheSameBits) {
  for (int lanes : {4, 8, 16}) {
    for (int threads : {1, 3}) {
      EngineOptions options;
      options.vector_lanes = lanes;
      options.threads = threads;
      std::shared_ptr<Engine> engine = MakeEngine(options);
      ASSERT_NE(engine, nullptr);
      if (!engine->CanCompile()) continue;  // more lanes than the processor has
      Compare(engine, kChain, {Floats({700, 100}), Floats({100}, 2)});
    }
  }
}

// Rows ask for the next row in one loop; what another loop over the row reads, and positions, have
// addresses of their own.
TEST_F(TierTest, RowsReadInLaterLoopsCompile) {
  for (int64_t row : {1000, 1024, 5000}) {
    const std::string text = Format(R"(gir 1 module @rows

export func @main(%x: f32[16, {0}], %m: f32[16, {0}]) -> (f32[16, {0}]) {{
  %s: f32[16, {0}] = softmax(%x)
  %p: f32[16, {0}] = mul(%s, %m)
  %g: f32[16, {0}] = gelu(%p)
  %n: f32[16, {0}] = rms_norm(%g)
  %y: f32[16, {0}] = add(%n, %m)
  return %y
}}
)",
                                    row);
    Compare(engine_, text, {Floats({16, row}), Floats({16, row}, 2)});
  }
  EXPECT_EQ(Details(*engine_, Reason::kCompileFailed), std::vector<std::string>());
}

TEST_F(TierTest, FewerStepsAndNoBuffersForWhatKernelsKeep) {
  const std::vector<Tensor> inputs = {Floats({64, 100}), Floats({100}, 2)};
  std::unique_ptr<Context> interp = Make(engine_, kChain, Tier::kInterp);
  std::unique_ptr<Context> compiled = Make(engine_, kChain, Tier::kCompiled);
  Run(*interp, inputs);
  Run(*compiled, inputs);
  EXPECT_EQ(Steps(*interp), 6) << interp->Describe();
  EXPECT_LT(Steps(*compiled), 4) << compiled->Describe();
  EXPECT_LT(compiled->buffer_bytes(), interp->buffer_bytes());
}

TEST_F(TierTest, AutoIsTheInterpreter) {
  std::unique_ptr<Context> context = Make(engine_, kChain, Tier::kAuto);
  Run(*context, {Floats({2, 100}), Floats({100})});
  EXPECT_EQ(Steps(*context), 6);
  EXPECT_TRUE(Details(*engine_, Reason::kCompiled).empty());
}

TEST_F(TierTest, EventsProfileAndDescriptionNameTheOpsOfAKernel) {
  std::unique_ptr<Context> context = Make(engine_, kChain, Tier::kCompiled, {.profile = true});
  Run(*context, {Floats({64, 100}), Floats({100})});
  EXPECT_NE(context->Describe().find("fused: mul, add, tanh"), std::string::npos)
      << context->Describe();
  EXPECT_NE(context->DescribePlan().find("fused: mul, add, tanh"), std::string::npos)
      << context->DescribePlan();
  const std::vector<OpProfile> profile = context->Profile();
  ASSERT_FALSE(profile.empty());
  EXPECT_TRUE(profile[0].name.starts_with("fused: mul, add")) << profile[0].name;
  EXPECT_EQ(profile[0].calls, 1u);
  const std::vector<std::string> told = Details(*engine_, Reason::kCompiled);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].starts_with("@main: ")) << told[0];
  EXPECT_NE(told[0].find(" kernels of "), std::string::npos) << told[0];
}

TEST_F(TierTest, HotPathAllocatesNothing) {
  if (!test::CountsAllocations()) {
    GTEST_SKIP() << "sanitizers replace the allocation functions that this test counts with";
  }
  std::unique_ptr<Context> context = Make(engine_, kChain, Tier::kCompiled);
  ASSERT_NE(context, nullptr);
  const std::vector<Tensor> inputs = {Floats({4, 100}), Floats({100})};
  std::vector<Tensor> outputs = Run(*context, inputs);
  const int64_t before = test::AllocationCount();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(context->Run(inputs, outputs).ok());
  EXPECT_EQ(test::AllocationCount() - before, 0);
}

TEST_F(TierTest, CallersMayCompileAtTheSameTime) {
  StatusOr<ir::Module> module = ParseModule(*engine_, kChain, "test.ir");
  ASSERT_TRUE(module.ok());
  StatusOr<std::shared_ptr<Session>> session =
      Session::Load(engine_, *std::move(module), nullptr, {.tier = Tier::kCompiled});
  ASSERT_TRUE(session.ok());
  const Tensor w = Floats({100}, 2);
  std::vector<std::thread> callers;
  std::vector<std::vector<Tensor>> outputs(4);
  for (size_t i = 0; i < outputs.size(); ++i) {
    callers.emplace_back([&, i] {
      StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main");
      for (int64_t n : {3, 5, 3}) {
        outputs[i].clear();
        Status status = (*context)->Run(std::vector<Tensor>{Floats({n, 100}), w}, outputs[i]);
        if (!status.ok()) return;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  std::unique_ptr<Context> interp = Make(engine_, kChain, Tier::kInterp);
  const std::vector<Tensor> want = Run(*interp, {Floats({3, 100}), w});
  for (const std::vector<Tensor>& got : outputs) {
    ASSERT_EQ(got.size(), 2u);
    EXPECT_TRUE(SameBytes(got[0], want[0]) && SameBytes(got[1], want[1]));
  }
}

// ---- What can't be compiled ---------------------------------------------------------------------

TEST(TierFallbackTest, NoCompilerMeansTheInterpreterAndIsToldOnce) {
  EngineOptions options;
  options.compiler_factory = std::make_shared<NoCompiler>();
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(options);
  ASSERT_TRUE(engine.ok());
  EXPECT_FALSE((*engine)->CanCompile());
  for (int i = 0; i < 2; ++i) {
    StatusOr<ir::Module> module = ParseModule(**engine, kChain, "test.ir");
    ASSERT_TRUE(module.ok());
    StatusOr<std::shared_ptr<Session>> session =
        Session::Load(*engine, *std::move(module), nullptr, {.tier = Tier::kCompiled});
    ASSERT_TRUE(session.ok());
    StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main");
    ASSERT_TRUE(context.ok());
    std::vector<Tensor> outputs;
    ASSERT_TRUE(
        (*context)->Run(std::vector<Tensor>{Floats({2, 100}), Floats({100})}, outputs).ok());
  }
  int told = 0;
  for (const Event& event : (*engine)->events().Snapshot()) {
    if (event.reason != Reason::kCompileFailed) continue;
    ++told;
    EXPECT_NE(event.detail.find("there is no compiler here"), std::string::npos) << event.detail;
  }
  EXPECT_EQ(told, 1);
}

TEST_F(TierTest, OpsOfAKernelThatFailsRunOneByOne) {
  for (int fail_from : {0, 1}) {
    EngineOptions options;
    auto factory = std::make_shared<CountingFactory>(fail_from);
    options.compiler_factory = factory;
    std::shared_ptr<Engine> engine = MakeEngine(options);
    std::unique_ptr<Context> context =
        Compare(engine, kTwoKernels, {Floats({32, 32}), Floats({32, 32}, 2)});
    ASSERT_NE(context, nullptr);
    EXPECT_EQ(factory->kernels, 2);
    EXPECT_EQ(Steps(*context), fail_from == 0 ? 5 : 4) << context->Describe();
    const std::vector<std::string> failed = Details(*engine, Reason::kCompileFailed);
    ASSERT_EQ(failed.size(), 1u);
    EXPECT_TRUE(failed[0].starts_with(Format("@main: {} kernels", 2 - fail_from))) << failed[0];
    EXPECT_NE(failed[0].find("no more kernels"), std::string::npos) << failed[0];
    EXPECT_EQ(Details(*engine, Reason::kCompiled).size(), static_cast<size_t>(fail_from));
  }
}

// ---- Writes, effects, structure -----------------------------------------------------------------

TEST_F(TierTest, WritesAndReadsOfOneStorageKeepTheirOrder) {
  constexpr std::string_view kText = R"(gir 1 module @writes

export func @main(%x: f32[8, 8] mut, %w: f32[8, 8]) -> (f32[8, 8], f32[8], f32[8, 8]) {
  %a: f32[8, 8] = mul(%x, 2.0)
  %row: f32[8]{1; offset 8} alias(%x) = select_index(%x, index = 1)
  %before: f32[8] = neg(%row)
  %x1: f32[8, 8] alias(%x) = add_(%x, %w)
  %after: f32[8] = exp(%row)
  %r1: f32[8]{1; offset 8} alias(%row) = mul_(%row, 0.5)
  %b: f32[8, 8] = add(%x1, %a)
  %both: f32[8] = sub(%after, %before)
  %c: f32[8, 8] = mul(%b, %w)
  return %b, %both, %c
}
)";
  Compare(engine_, kText, {Floats({8, 8}), Floats({8, 8}, 2)});
}

TEST_F(TierTest, NothingMovesWhereParametersThatAreWrittenMayOverlap) {
  constexpr std::string_view kText = R"(gir 1 module @overlap

export func @main(%x: f32[16] mut, %y: f32[16]) -> (f32[16]) {
  %a: f32[16] = mul(%y, 2.0)
  %b: f32[16] = add(%a, %y)
  %x1: f32[16] alias(%x) = add_(%x, 1.0)
  %c: f32[16] = mul(%y, 3.0)
  %d: f32[16] = add(%b, %c)
  return %d
}
)";
  std::vector<Tensor> results;
  for (Tier tier : {Tier::kInterp, Tier::kCompiled}) {
    std::unique_ptr<Context> context = Make(engine_, kText, tier);
    const Tensor shared = Floats({16});
    results.push_back(Run(*context, {shared, shared})[0]);
    // The same function for arguments that lie apart fuses.
    if (tier == Tier::kCompiled) {
      EXPECT_EQ(Steps(*context), 5) << context->Describe();
      Run(*context, {Floats({16}), Floats({16}, 2)});
      EXPECT_LT(Steps(*context), 5) << context->Describe();
    }
  }
  EXPECT_TRUE(SameBytes(results[0], results[1]));
}

TEST_F(TierTest, SizesThatTheRunTellsAreCompiledWhenTheyAreKnown) {
  constexpr std::string_view kText = R"(gir 1 module @tail

export func @main<s0 in [1, 64]>(%x: f32[s0]) -> (f32[s0], f32[1]) {
  %a: f32[s0] = mul(%x, 3.0)
  %b: f32[s0] = tanh(%a)
  %m: bool[s0] = gt(%b, 0.0)
  %z: f32[u0] = masked_select(%b, %m) defines u0 in [0, s0]
  %c: f32[u0] = exp(%z)
  %d: f32[u0] = add(%c, 1.0)
  %s: f32[1] = reduce_sum(%d, dims = [0], keep_dims = true)
  %e: f32[s0] = add(%b, %s)
  %f: f32[s0] = relu(%e)
  return %f, %s
}
)";
  std::unique_ptr<Context> context = Compare(engine_, kText, {Floats({50})});
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(Details(*engine_, Reason::kCompiled).size(), 2u) << context->Describe();
}

TEST_F(TierTest, RegionsAndCalleesAreCompiledAndSharedCalleesOnce) {
  constexpr std::string_view kText = R"(gir 1 module @structure

func @gelu<s0 in [0, inf]>(%x: f32[s0]) -> (f32[s0]) {
  %a: f32[s0] = mul(%x, %x)
  %b: f32[s0] = mul(%a, %x)
  %c: f32[s0] = add(%b, %x)
  %d: f32[s0] = tanh(%c)
  return %d
}

export func @main(%x: f32[40], %p: bool[]) -> (f32[40]) {
  %a: f32[40] = invoke @gelu(%x)
  %b: f32[40] = invoke @gelu(%a)
  %c: f32[40] = cond(%p, %b)
    then(%v: f32[40]) {
      %n: f32[40] = neg(%v)
      %e: f32[40] = exp(%n)
      yield %e
    }
    else(%v: f32[40]) {
      yield %v
    }
  return %c
}
)";
  EngineOptions options;
  auto factory = std::make_shared<CountingFactory>();
  options.compiler_factory = factory;
  std::shared_ptr<Engine> engine = MakeEngine(options);
  for (bool p : {true, false}) {
    Tensor flag = *Tensor::Copy(DType::kBool, {}, &p);
    Compare(engine, kText, {Floats({40}), flag});
  }
  EXPECT_EQ(factory->kernels, 4);  // two for each session: @gelu once, and the branch
}

TEST_F(TierTest, ConstantsAreComputedOnceAndDeadOpsNever) {
  constexpr std::string_view kText = R"(gir 1 module @constants

export func @main(%x: f32[4]) -> (f32[4]) {
  %c: f32[4] = const([1.0, 2.0, 3.0, 4.0])
  %n: f32[] = reduce_sum(%c)
  %dead: f32[4] = exp(%x)
  %y: f32[4] = mul(%x, %n)
  return %y
}
)";
  std::unique_ptr<Context> context = Compare(engine_, kText, {Floats({4})});
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(Steps(*context), 1) << context->Describe();
}

TEST_F(TierTest, ContextsThatCheckEffectsInterpret) {
  std::unique_ptr<Context> context =
      Make(engine_, kChain, Tier::kCompiled, {.check_effects = true});
  Run(*context, {Floats({4, 100}), Floats({100})});
  EXPECT_EQ(Steps(*context), 6) << context->Describe();
}

TEST_F(TierTest, PrepareRunsNothingAndTellsThePlan) {
  std::unique_ptr<Context> context = Make(engine_, kTwoKernels, Tier::kCompiled);
  EXPECT_EQ(context->DescribePlan(), "");
  const std::vector<Tensor> inputs = {Floats({32, 32}), Floats({32, 32}, 2)};
  ASSERT_TRUE(context->Prepare(inputs).ok());
  const std::string plan = context->DescribePlan();
  EXPECT_NE(plan.find("plan of @main: 3 steps, "), std::string::npos) << plan;
  EXPECT_NE(plan.find("fused: mul, relu"), std::string::npos) << plan;
  EXPECT_NE(plan.find("reads 8192 B, writes 4096 B"), std::string::npos) << plan;
  EXPECT_NE(plan.find("to output 0"), std::string::npos) << plan;
  EXPECT_NE(plan.find("  not fused: matmul: no loops: "), std::string::npos) << plan;
  EXPECT_NE(plan.find("    %b = relu, %c = matmul\n    %c = matmul, %d = add\n"), std::string::npos)
      << plan;
  EXPECT_EQ(context->Prepare(std::vector<Tensor>{inputs[0]}).id(), ErrorId::E702);
  Run(*context, inputs);
  EXPECT_EQ(context->DescribePlan(), plan);
}

TEST_F(TierTest, TheCodeOfEachKernelGoesToTheSink) {
  StatusOr<ir::Module> module = ParseModule(*engine_, kTwoKernels, "test.ir");
  ASSERT_TRUE(module.ok());
  std::vector<CompiledCode> codes;
  SessionOptions options;
  options.tier = Tier::kCompiled;
  options.code_sink = [&](const CompiledCode& code) { codes.push_back(code); };
  StatusOr<std::shared_ptr<Session>> session =
      Session::Load(engine_, *std::move(module), nullptr, options);
  ASSERT_TRUE(session.ok());
  StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main");
  ASSERT_TRUE(context.ok());
  Run(**context, {Floats({32, 32}), Floats({32, 32}, 2)});
  ASSERT_EQ(codes.size(), 2u);
  EXPECT_EQ(codes[0].function, "main");
  EXPECT_EQ(codes[0].ops, "mul, relu");
  EXPECT_EQ(codes[1].ops, "add, tanh");
  EXPECT_NE(codes[0].llvm.find("define"), std::string::npos);
  EXPECT_NE(codes[0].assembly.find("ret"), std::string::npos);
}

}  // namespace
}  // namespace gcomp
