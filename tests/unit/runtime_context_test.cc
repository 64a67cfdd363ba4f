#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>

#include "runtime/engine.h"
#include "tests/unit/allocation_counter.h"
#include "tests/unit/round_trip.h"

namespace gcomp {
namespace {

class ContextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    StatusOr<std::shared_ptr<Engine>> engine = Engine::Create({});
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = *engine;
  }

  std::shared_ptr<Session> Load(std::string_view text,
                                std::shared_ptr<const WeightStore> weights = nullptr,
                                const SessionOptions& options = {}) {
    std::string report;
    StatusOr<ir::Module> module = ParseModule(*engine_, text, "test.ir", &report);
    EXPECT_TRUE(module.ok()) << report;
    if (!module.ok()) return nullptr;
    Status round_trip = testing::CheckRoundTrip(*module, engine_->ops());
    EXPECT_TRUE(round_trip.ok()) << round_trip.ToString();
    StatusOr<std::shared_ptr<Session>> session =
        Session::Load(engine_, *std::move(module), std::move(weights), options);
    if (session.ok()) return *session;
    load_status_ = std::move(session).status();
    return nullptr;
  }

  std::unique_ptr<Context> Make(std::string_view text, const ContextOptions& options = {}) {
    std::shared_ptr<Session> session = Load(text);
    if (session == nullptr) return nullptr;
    StatusOr<std::unique_ptr<Context>> context = Context::Create(session, "main", options);
    EXPECT_TRUE(context.ok()) << context.status().ToString();
    return context.ok() ? *std::move(context) : nullptr;
  }

  static Tensor Floats(std::vector<int64_t> sizes, std::vector<float> values) {
    return *Tensor::Copy(DType::kF32, std::move(sizes), values.data());
  }

  static std::vector<float> Values(const Tensor& tensor) {
    std::span<float> span = tensor.Span<float>();
    return {span.begin(), span.end()};
  }

  std::shared_ptr<Engine> engine_;
  Status load_status_;
};

constexpr std::string_view kAffine = R"(gir 1 module @affine

export func @main<s0 in [0, 64]>(%x: f32[s0, 3], %b: f32[3]) -> (f32[s0, 3], f32[3, s0]) {
  %m: f32[s0, 3] = mul(%x, 2.0)
  %y: f32[s0, 3] = add(%m, %b)
  %t: f32[3, s0]{1, 3} alias(%y) = transpose(%y, dims = [1, 0])
  %u: f32[3, s0] = add(%t, 0.5)
  return %y, %u
}
)";

TEST_F(ContextTest, RunsAtEverySizeOfASymbol) {
  std::unique_ptr<Context> context = Make(kAffine);
  ASSERT_NE(context, nullptr);
  Tensor b = Floats({3}, {10, 20, 30});
  for (int64_t n : {2, 5, 0, 1, 2, 64, 3, 7, 2}) {
    std::vector<float> x(static_cast<size_t>(3 * n));
    std::iota(x.begin(), x.end(), 0.0f);
    std::vector<Tensor> outputs;
    Status status = context->Run(std::vector<Tensor>{Floats({n, 3}, x), b}, outputs);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ASSERT_EQ(outputs[0].sizes(), (std::vector<int64_t>{n, 3}));
    ASSERT_EQ(outputs[1].sizes(), (std::vector<int64_t>{3, n}));
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < 3; ++j) {
        float want = 2 * static_cast<float>(3 * i + j) + 10 * static_cast<float>(j + 1);
        EXPECT_EQ(outputs[0].Span<float>()[i * 3 + j], want);
        EXPECT_EQ(outputs[1].Span<float>()[j * n + i], want + 0.5f);
      }
    }
  }
}

TEST_F(ContextTest, MisfitsNameTheParameterAndWriteNothing) {
  std::unique_ptr<Context> context = Make(kAffine);
  ASSERT_NE(context, nullptr);
  Tensor b = Floats({3}, {1, 2, 3});
  auto fails = [&](std::vector<Tensor> inputs, std::string_view what) {
    std::vector<Tensor> outputs;
    Status status = context->Run(inputs, outputs);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.id(), ErrorId::E702) << status.ToString();
    EXPECT_NE(status.message().find(what), std::string::npos) << status.ToString();
    EXPECT_TRUE(outputs.empty());
  };
  fails({Floats({2, 4}, std::vector<float>(8)), b}, "dim 1 is 4, must be 3");
  fails({Floats({65, 3}, std::vector<float>(195)), b}, "s0 is 65, must lie in [0, 64]");
  fails({Floats({6}, std::vector<float>(6)), b}, "%x is f32[s0, 3], got f32[6]");
  fails({*Tensor::Empty(DType::kF64, {2, 3}), b}, "got f64[2, 3]");
  fails({b}, "takes 2 inputs, got 1");
  fails({Tensor(), b}, "input 0 is not a tensor");
}

TEST_F(ContextTest, WritesIntoGivenOutputs) {
  std::unique_ptr<Context> context = Make(kAffine);
  ASSERT_NE(context, nullptr);
  Tensor x = Floats({1, 3}, {1, 2, 3});
  Tensor b = Floats({3}, {0, 0, 0});
  float given[3] = {};
  std::vector<Tensor> outputs = {*Tensor::Wrap(DType::kF32, {1, 3}, {}, given), Tensor()};
  uint64_t version = outputs[0].storage()->version();
  ASSERT_TRUE(context->Run(std::vector<Tensor>{x, b}, outputs).ok());
  EXPECT_EQ(given[2], 6.0f);
  EXPECT_EQ(Values(outputs[1]), (std::vector<float>{2.5f, 4.5f, 6.5f}));
  EXPECT_GT(outputs[0].storage()->version(), version);

  std::vector<Tensor> wrong = {*Tensor::Empty(DType::kF32, {3, 1}), Tensor()};
  EXPECT_EQ(context->Run(std::vector<Tensor>{x, b}, wrong).id(), ErrorId::E702);
  std::vector<Tensor> overlapping = {x, Tensor()};
  EXPECT_EQ(context->Run(std::vector<Tensor>{x, b}, overlapping).id(), ErrorId::E702);
  std::vector<Tensor> too_many(3);
  EXPECT_EQ(context->Run(std::vector<Tensor>{x, b}, too_many).id(), ErrorId::E702);
}

TEST_F(ContextTest, StridedInputsAreCopied) {
  std::unique_ptr<Context> context = Make(kAffine);
  ASSERT_NE(context, nullptr);
  float data[6] = {1, 4, 2, 5, 3, 6};  // [2, 3] by columns
  Tensor x = *Tensor::Wrap(DType::kF32, {2, 3}, {1, 2}, data);
  std::vector<Tensor> outputs;
  ASSERT_TRUE(context->Run(std::vector<Tensor>{x, Floats({3}, {0, 0, 0})}, outputs).ok());
  EXPECT_EQ(Values(outputs[0]), (std::vector<float>{2, 4, 6, 8, 10, 12}));
  bool told = false;
  for (const Event& event : engine_->events().Snapshot()) {
    told = told || event.reason == Reason::kInputCopied;
  }
  EXPECT_TRUE(told);
}

TEST_F(ContextTest, ReturnsParametersConstantsAndTwins) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @m

export func @main(%x: f32[2]) -> (f32[2], f32[2], f32[2], f32[2]) {
  %c: f32[2] = const([7.0, 8.0])
  %y: f32[2] = add(%x, 1.0)
  return %x, %c, %y, %y
}
)");
  ASSERT_NE(context, nullptr);
  std::vector<Tensor> outputs;
  ASSERT_TRUE(context->Run(std::vector<Tensor>{Floats({2}, {1, 2})}, outputs).ok());
  EXPECT_EQ(Values(outputs[0]), (std::vector<float>{1, 2}));
  EXPECT_EQ(Values(outputs[1]), (std::vector<float>{7, 8}));
  EXPECT_EQ(Values(outputs[2]), (std::vector<float>{2, 3}));
  EXPECT_EQ(Values(outputs[3]), (std::vector<float>{2, 3}));
  EXPECT_NE(outputs[2].data(), outputs[3].data());
}

TEST_F(ContextTest, ReshapesMoveNoBytes) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @m

export func @main(%x: f32[2, 3]) -> (f32[6], f32[3, 2]) {
  %a: f32[2, 3] = add(%x, 1.0)
  %b: f32[6] = reshape(%a, shape = [6])
  %c: f32[6] = mul(%b, 2.0)
  %d: f32[3, 2] = reshape(%x, shape = [3, 2])
  return %c, %d
}
)");
  ASSERT_NE(context, nullptr);
  std::vector<Tensor> outputs;
  ASSERT_TRUE(context->Run({{Floats({2, 3}, {1, 2, 3, 4, 5, 6})}}, outputs).ok());
  EXPECT_EQ(Values(outputs[0]), (std::vector<float>{4, 6, 8, 10, 12, 14}));
  EXPECT_EQ(Values(outputs[1]), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(context->Profile().size(), 2u);  // the reshapes are no steps
}

constexpr std::string_view kLayers = R"(gir 1 module @layers

func @layer<s0>(%x: f32[s0, 2], %w: f32[2]) -> (f32[s0, 2]) {
  %y: f32[s0, 2] = mul(%x, %w)
  %z: f32[s0, 2] = add(%y, 1.0)
  return %z
}

func @twice<s0>(%x: f32[s0, 2], %w: f32[2]) -> (f32[s0, 2]) {
  %a: f32[s0, 2] = invoke @layer(%x, %w)
  %b: f32[s0, 2] = invoke @layer(%a, %w)
  return %b
}

export func @main<s0>(%x: f32[s0, 2], %w: f32[2]) -> (f32[s0, 2]) {
  %a: f32[s0, 2] = invoke @twice(%x, %w)
  %b: f32[s0, 2] = invoke @layer(%a, %w)
  %c: f32[s0, 2] = add(%a, %b)
  return %c
}
)";

TEST_F(ContextTest, CalleesShareOneBlockAndKeepTheirBuffersApart) {
  std::unique_ptr<Context> context = Make(kLayers);
  ASSERT_NE(context, nullptr);
  std::vector<Tensor> outputs;
  Tensor w = Floats({2}, {2, 3});
  ASSERT_TRUE(context->Run(std::vector<Tensor>{Floats({1, 2}, {1, 1}), w}, outputs).ok());
  // a = ((x w + 1) w + 1), b = a w + 1, c = a + b
  EXPECT_EQ(Values(outputs[0]), (std::vector<float>{7 + 15, 13 + 40}));
  uint64_t layer_calls = 0;
  for (const OpProfile& op : context->Profile()) {
    if (op.function == "layer" && op.name == "mul") layer_calls += op.calls;
  }
  EXPECT_EQ(layer_calls, 3u);
}

constexpr std::string_view kCountdown = R"(gir 1 module @countdown

export func @main(%x: f32[], %n: i64[]) -> (i64[], f32[]) {
  %i0: i64[] = const(0)
  %i: i64[], %y: f32[] = while(carry = [%i0, %x], extra = [%n])
    cond(%i: i64[], %v: f32[], %n: i64[]) {
      %go: bool[] = lt(%i, %n)
      yield %go
    }
    do(%i: i64[], %v: f32[], %n: i64[]) {
      %p: bool[] = gt(%v, 3.0)
      %v1: f32[] = cond(%p, %v)
        then(%a: f32[]) {
          %t: f32[] = sub(%a, 3.0)
          yield %t
        }
        else(%a: f32[]) {
          %t: f32[] = add(%a, 2.0)
          yield %t
        }
      %i1: i64[] = add(%i, 1)
      yield %i1, %v1
    }
  return %i, %y
}
)";

float Countdown(float v, int64_t n) {
  for (int64_t i = 0; i < n; ++i) v = v > 3.0f ? v - 3.0f : v + 2.0f;
  return v;
}

TEST_F(ContextTest, LoopsAndBranchesNest) {
  std::unique_ptr<Context> context = Make(kCountdown);
  ASSERT_NE(context, nullptr);
  for (int64_t n : {0, 1, 2, 7, 100}) {
    std::vector<Tensor> outputs;
    Status status = context->Run(
        std::vector<Tensor>{Floats({}, {1.5f}), *Tensor::Copy(DType::kI64, {}, &n)}, outputs);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(outputs[0].Span<int64_t>()[0], n);
    EXPECT_EQ(outputs[1].Span<float>()[0], Countdown(1.5f, n));
  }
}

TEST_F(ContextTest, CancelStopsALoop) {
  std::unique_ptr<Context> context = Make(kCountdown);
  ASSERT_NE(context, nullptr);
  int64_t forever = INT64_MAX;
  std::vector<Tensor> inputs = {Floats({}, {1.5f}), *Tensor::Copy(DType::kI64, {}, &forever)};
  std::thread stopper([&context] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    context->Cancel();
  });
  std::vector<Tensor> outputs;
  Status status = context->Run(inputs, outputs);
  stopper.join();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.id(), ErrorId::E803);
  int64_t two = 2;
  inputs[1] = *Tensor::Copy(DType::kI64, {}, &two);
  EXPECT_TRUE(context->Run(inputs, outputs).ok());  // the next run is not stopped
}

TEST_F(ContextTest, HotPathAllocatesNothing) {
  if (!test::CountsAllocations()) {
    GTEST_SKIP() << "sanitizers replace the allocation functions that this test counts with";
  }
  std::unique_ptr<Context> context = Make(kAffine);
  ASSERT_NE(context, nullptr);
  std::vector<Tensor> inputs = {Floats({4, 3}, std::vector<float>(12)), Floats({3}, {1, 2, 3})};
  std::vector<Tensor> outputs;
  ASSERT_TRUE(context->Run(inputs, outputs).ok());
  int64_t before = test::AllocationCount();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(context->Run(inputs, outputs).ok());
  EXPECT_EQ(test::AllocationCount() - before, 0);
}

TEST_F(ContextTest, BuffersAreReusedByLiveness) {
  std::string text = "gir 1 module @chain\n\nexport func @main(%v0: f32[1024]) -> (f32[1024]) {\n";
  for (int i = 1; i <= 50; ++i) {
    text +=
        "  %v" + std::to_string(i) + ": f32[1024] = add(%v" + std::to_string(i - 1) + ", 1.0)\n";
  }
  text += "  return %v50\n}\n";
  std::unique_ptr<Context> context = Make(text);
  ASSERT_NE(context, nullptr);
  std::vector<Tensor> outputs;
  ASSERT_TRUE(
      context->Run(std::vector<Tensor>{Floats({1024}, std::vector<float>(1024))}, outputs).ok());
  EXPECT_EQ(outputs[0].Span<float>()[1023], 50.0f);
  EXPECT_LE(context->buffer_bytes(), 2 * 4096);
}

TEST_F(ContextTest, CallersFloatingPointEnvironmentIsKeptAndHasNoInfluence) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @m

export func @main(%x: f32[2]) -> (f32[2]) {
  %y: f32[2] = mul(%x, 0.5)
  return %y
}
)");
  ASSERT_NE(context, nullptr);
  std::vector<Tensor> outputs;
  std::vector<Tensor> inputs = {Floats({2}, {3e-39f, 1e-45f})};  // denormals
  unsigned saved = _mm_getcsr();
  unsigned hostile = (saved & ~0x3fu) | 0x8040 | 0x4000;  // FTZ, DAZ, round up
  _mm_setcsr(hostile);
  Status status = context->Run(inputs, outputs);
  unsigned after = _mm_getcsr();
  _mm_setcsr(saved);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(after & ~0x3fu, hostile & ~0x3fu);
  EXPECT_EQ(outputs[0].Span<float>()[0], 1.5e-39f);
  EXPECT_EQ(outputs[0].Span<float>()[1], 0.0f);  // half of the least denormal ties to even
}

class MapStore final : public WeightStore {
 public:
  explicit MapStore(std::vector<Weight> weights) : weights_(std::move(weights)) {}

  const Weight* Find(std::string_view name) const override {
    for (const Weight& weight : weights_) {
      if (weight.name == name) return &weight;
    }
    return nullptr;
  }

  const std::vector<Weight>& weights() const override { return weights_; }

  const std::string& description() const override { return description_; }

 private:
  std::vector<Weight> weights_;
  std::string description_ = "memory";
};

constexpr std::string_view kWeighted = R"(gir 1 module @weighted

export func @main(
  %x: f32[2],
  %a: f32[2] weight("a"),
  %b: f32[2] weight("b"),
  %c: f32[2] weight("c")
) -> (f32[2]) {
  %y: f32[2] = mul(%x, %a)
  %z: f32[2] = add(%y, %b)
  %u: f32[2] = add(%z, %c)
  return %u
}
)";

TEST_F(ContextTest, WeightsAreBoundOnceEvenMisaligned) {
  alignas(8) char bytes[9];
  float unaligned[2] = {100, 200};
  std::memcpy(bytes + 1, unaligned, 8);
  float a[2] = {2, 3};
  float b[2] = {10, 20};
  auto store = std::make_shared<MapStore>(std::vector<Weight>{
      {"a", DType::kF32, {2}, a}, {"b", DType::kF32, {2}, b}, {"c", DType::kF32, {2}, bytes + 1}});
  std::shared_ptr<Session> session = Load(kWeighted, store);
  ASSERT_NE(session, nullptr) << load_status_.ToString();
  EXPECT_EQ((*session->inputs("main")).size(), 1u);
  std::unique_ptr<Context> context = *Context::Create(session, "main");
  std::vector<Tensor> outputs;
  ASSERT_TRUE(context->Run(std::vector<Tensor>{Floats({2}, {1, 1})}, outputs).ok());
  EXPECT_EQ(Values(outputs[0]), (std::vector<float>{112, 223}));
}

TEST_F(ContextTest, AllWeightMismatchesAreReportedAtOnce) {
  float a[3] = {};
  auto store = std::make_shared<MapStore>(
      std::vector<Weight>{{"a", DType::kF32, {3}, a}, {"b", DType::kF64, {2}, a}});
  EXPECT_EQ(Load(kWeighted, store), nullptr);
  EXPECT_EQ(load_status_.id(), ErrorId::E603);
  const std::string& message = load_status_.message();
  EXPECT_NE(message.find("3 of 3"), std::string::npos) << message;
  EXPECT_NE(message.find("the file has f32[3]"), std::string::npos) << message;
  EXPECT_NE(message.find("the file has f64[2]"), std::string::npos) << message;
  EXPECT_NE(message.find("weight(\"c\") of type f32[2]: not in memory"), std::string::npos)
      << message;
}

TEST_F(ContextTest, HostIntegersMustAgreeWithSizes) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @m

export func @main<s0>(%x: f32[s0], %n: int<2 * s0>) -> (f32[s0]) {
  %y: f32[s0] = neg(%x)
  return %y
}
)");
  ASSERT_NE(context, nullptr);
  std::vector<Tensor> outputs;
  int64_t good = 6;
  int64_t bad = 7;
  Tensor x = Floats({3}, {1, 2, 3});
  EXPECT_TRUE(context->Run({{x, *Tensor::Copy(DType::kI64, {}, &good)}}, outputs).ok());
  Status status = context->Run({{x, *Tensor::Copy(DType::kI64, {}, &bad)}}, outputs);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.id(), ErrorId::E702);
  EXPECT_NE(status.message().find("it is 7, must be 6"), std::string::npos) << status.ToString();
}

TEST_F(ContextTest, CallsThatDoubleAtEveryLevelAreRefused) {
  std::string text = "gir 1 module @m\n\n";
  constexpr int kLevels = 20;
  for (int i = 0; i < kLevels; ++i) {
    std::string next = std::to_string(i + 1);
    text += (i == 0 ? "export func @main" : "func @f" + std::to_string(i)) +
            "<s0>(%x: f32[s0]) -> (f32[1]) {\n  %c: f32[2 * s0] = concat(%x, %x)\n"
            "  %d: f32[2 * s0 + 1] = full(1.0, shape = [2 * s0 + 1])\n  %a: f32[1] = invoke @f" +
            next + "(%c)\n  %b: f32[1] = invoke @f" + next +
            "(%d)\n  %y: f32[1] = add(%a, %b)\n  return %y\n}\n\n";
  }
  text += "func @f" + std::to_string(kLevels) +
          "<s0>(%x: f32[s0]) -> (f32[1]) {\n  %y: f32[1] = const([1.0])\n  return %y\n}\n";
  std::unique_ptr<Context> context = Make(text);
  ASSERT_NE(context, nullptr);
  std::vector<Tensor> outputs;
  Status status = context->Run({{Floats({1}, {1})}}, outputs);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.id(), ErrorId::E802);
}

TEST_F(ContextTest, ConstantsDoNotSeeTheCallersFloatingPointEnvironment) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @m

export func @main(%x: f32[2]) -> (f32[2]) {
  %c: f32[2] = const([1e-45, 3e-39])
  %y: f32[2] = add(%x, %c)
  return %y
}
)");
  ASSERT_NE(context, nullptr);
  std::vector<Tensor> outputs;
  std::vector<Tensor> inputs = {Floats({2}, {0, 0})};
  unsigned saved = _mm_getcsr();
  _mm_setcsr((saved & ~0x3fu) | 0x8040);  // FTZ, DAZ: at the first run, which prepares
  Status status = context->Run(inputs, outputs);
  _mm_setcsr(saved);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(outputs[0].Span<float>()[0], 1e-45f);
  EXPECT_EQ(outputs[0].Span<float>()[1], 3e-39f);
}

TEST_F(ContextTest, TokensAreNoValuesToPass) {
  EXPECT_EQ(Load(R"(gir 1 module @m

export func @main(%n: token) -> (token) {
  return %n
}
)"),
            nullptr);
  EXPECT_EQ(load_status_.id(), ErrorId::E511);
}

TEST_F(ContextTest, CountersOfManySizesStayOnePerOp) {
  std::unique_ptr<Context> context = Make(kAffine);
  ASSERT_NE(context, nullptr);
  Tensor b = Floats({3}, {1, 2, 3});
  for (int64_t n = 0; n < 40; ++n) {
    std::vector<Tensor> outputs;
    std::vector<float> x(static_cast<size_t>(3 * n));
    ASSERT_TRUE(context->Run({{Floats({n, 3}, x), b}}, outputs).ok());
  }
  uint64_t calls = 0;
  std::vector<OpProfile> profile = context->Profile();
  for (const OpProfile& op : profile) calls += op.calls;
  EXPECT_EQ(calls, 120u);
  EXPECT_LE(profile.size(), 15u);  // 3 ops: those that are gone, and of 4 frames
}

TEST_F(ContextTest, UnknownFunctionNamesTheExportedOnes) {
  std::shared_ptr<Session> session = Load(kAffine);
  ASSERT_NE(session, nullptr);
  StatusOr<std::unique_ptr<Context>> context = Context::Create(session, "mian");
  ASSERT_FALSE(context.ok());
  EXPECT_EQ(context.status().id(), ErrorId::E703);
  EXPECT_NE(context.status().message().find("@main"), std::string::npos);
}

TEST_F(ContextTest, ProfileTimesEveryOp) {
  std::unique_ptr<Context> context = Make(kAffine, {.profile = true});
  ASSERT_NE(context, nullptr);
  std::vector<Tensor> inputs = {Floats({4, 3}, std::vector<float>(12)), Floats({3}, {1, 2, 3})};
  std::vector<Tensor> outputs;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(context->Run(inputs, outputs).ok());
  std::vector<OpProfile> profile = context->Profile();
  ASSERT_EQ(profile.size(), 3u);  // the view is no step
  EXPECT_EQ(profile[0].name, "mul");
  EXPECT_EQ(profile[0].result, "m");
  EXPECT_EQ(profile[0].calls, 3u);
  EXPECT_GT(profile[0].time_ns, 0u);
}

TEST_F(ContextTest, SpecializationsAreBounded) {
  SessionOptions options;
  options.max_specializations = 2;
  std::shared_ptr<Session> session = Load(kAffine, nullptr, options);
  ASSERT_NE(session, nullptr);
  std::unique_ptr<Context> context = *Context::Create(session, "main");
  Tensor b = Floats({3}, {1, 2, 3});
  for (int64_t n = 1; n < 8; ++n) {
    std::vector<Tensor> outputs;
    ASSERT_TRUE(context
                    ->Run(
                        std::vector<Tensor>{
                            Floats({n, 3}, std::vector<float>(static_cast<size_t>(3 * n))), b},
                        outputs)
                    .ok());
  }
  int evicted = 0;
  for (const Event& event : engine_->events().Snapshot()) {
    evicted += event.reason == Reason::kSpecializationEvicted;
  }
  EXPECT_EQ(evicted, 5);
}

TEST_F(ContextTest, ContextsRunInParallel) {
  std::shared_ptr<Session> session = Load(kLayers);
  ASSERT_NE(session, nullptr);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&session, &wrong, t] {
      std::unique_ptr<Context> context = *Context::Create(session, "main");
      Tensor w = Floats({2}, {2, 3});
      for (int i = 0; i < 200; ++i) {
        int64_t n = (i + t) % 5;
        std::vector<Tensor> outputs;
        std::vector<float> ones(static_cast<size_t>(2 * n), 1.0f);
        Status status = context->Run(std::vector<Tensor>{Floats({n, 2}, ones), w}, outputs);
        if (!status.ok() || (n > 0 && Values(outputs[0])[1] != 53.0f)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace gcomp
