#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/pointwise.h"
#include "runtime/engine.h"

namespace gcomp {
namespace {

// An op of an embedder's: twice the operand plus one.
struct TwicePlusOne {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kFloatDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    return ir::Fma(x, ir::Constant(x, 2), ir::Constant(x, 1));
  }
};

constinit const ir::OpDef kTwicePlusOne = kernels::Pointwise<TwicePlusOne>({
    .name = "acme.twice_plus_one",
    .doc = "y = 2 x + 1",
    .source = "this test",
    .tolerance = {.reason = "one rounding"},
    .vjp = ir::NotYet("not needed"),
});

constexpr std::string_view kGraph = R"(gir 1 module @extended

export func @main(%x: f32[3]) -> (f32[3]) {
  %y: f32[3] = acme.twice_plus_one(%x)
  %z: f32[3] = add(%y, 1.0)
  return %z
}
)";

void Collect(void* user, LogLevel /*level*/, std::string_view message) noexcept {
  static_cast<std::vector<std::string>*>(user)->push_back(std::string(message));
}

TEST(EngineTest, ExtensionOpsAreOpsLikeAllOthers) {
  EngineOptions options;
  options.extension_ops = {&kTwicePlusOne};
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(options);
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  std::string report;
  StatusOr<ir::Module> module = ParseModule(**engine, kGraph, "extended.ir", &report);
  ASSERT_TRUE(module.ok()) << report;
  StatusOr<std::shared_ptr<Session>> session =
      Session::Load(*engine, *std::move(module), nullptr, {});
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main");
  ASSERT_TRUE(context.ok());
  float x[3] = {0, 1, -2};
  std::vector<Tensor> outputs;
  ASSERT_TRUE((*context)->Run({{*Tensor::Copy(DType::kF32, {3}, x)}}, outputs).ok());
  EXPECT_EQ(outputs[0].Span<float>()[0], 2);
  EXPECT_EQ(outputs[0].Span<float>()[1], 4);
  EXPECT_EQ(outputs[0].Span<float>()[2], -2);

  // An engine without it does not know it.
  StatusOr<std::shared_ptr<Engine>> plain = Engine::Create({});
  ASSERT_TRUE(plain.ok());
  StatusOr<ir::Module> refused = ParseModule(**plain, kGraph, "extended.ir");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().id(), ErrorId::E510);
}

TEST(EngineTest, ExtensionCanNotReplaceABuiltInOp) {
  static constinit const ir::OpDef kOtherAdd = kernels::Pointwise<TwicePlusOne>(
      {.name = "add", .doc = "y = 2 x + 1", .source = "this test"});
  EngineOptions options;
  options.extension_ops = {&kOtherAdd};
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(options);
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.status().id(), ErrorId::E701);
}

TEST(EngineTest, LogGoesToTheSinkAndNowhereElse) {
  std::vector<std::string> messages;
  EngineOptions options;
  options.log = {Collect, &messages, LogLevel::kInfo};
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(options);
  ASSERT_TRUE(engine.ok());
  StatusOr<ir::Module> module = ParseModule(**engine, R"(gir 1 module @quiet

export func @main(%x: f32[1]) -> (f32[1]) {
  %y: f32[1] = neg(%x)
  return %y
}
)",
                                            "quiet.ir");
  ASSERT_TRUE(module.ok());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  StatusOr<std::shared_ptr<Session>> session =
      Session::Load(*engine, *std::move(module), nullptr, {});
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_NE(messages[0].find("module_loaded @quiet"), std::string::npos) << messages[0];
}

TEST(EngineTest, EventsKeepTheLastOnes) {
  EngineOptions options;
  options.event_capacity = 3;
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(options);
  ASSERT_TRUE(engine.ok());
  for (int i = 0; i < 5; ++i) {
    (*engine)->Tell(LogLevel::kDebug, Reason::kSpecialized, "@f", std::to_string(i));
  }
  std::vector<Event> events = (*engine)->events().Snapshot();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].detail, "2");
  EXPECT_EQ(events[2].sequence, 4u);
  EXPECT_EQ((*engine)->events().count(), 5u);
}

TEST(EngineTest, LevelsAboveTheProcessorsAreRefused) {
  EngineOptions options;
  options.cpu = CpuLevel::kV3;
  StatusOr<std::shared_ptr<Engine>> low = Engine::Create(options);
  ASSERT_TRUE(low.ok());
  EXPECT_EQ((*low)->cpu(), CpuLevel::kV3);
  StatusOr<CpuLevel> best = DetectCpuLevel();
  ASSERT_TRUE(best.ok());
  options.cpu = CpuLevel::kV4;
  EXPECT_EQ(Engine::Create(options).ok(), *best == CpuLevel::kV4);
}

}  // namespace
}  // namespace gcomp
