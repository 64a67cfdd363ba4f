// State in a context: in-place ops, aliasing, buffers, globals; and sizes that the run tells.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

#include "ir/kernel.h"
#include "runtime/engine.h"
#include "tests/unit/round_trip.h"

namespace gcomp {
namespace {

using F = std::vector<float>;

class StateTest : public ::testing::Test {
 protected:
  std::unique_ptr<Context> Make(std::string_view text, const ContextOptions& options = {},
                                std::shared_ptr<const WeightStore> weights = nullptr,
                                std::vector<const ir::OpDef*> extensions = {}) {
    EngineOptions engine_options;
    engine_options.extension_ops = std::move(extensions);
    StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(engine_options);
    EXPECT_TRUE(engine.ok());
    std::string report;
    StatusOr<ir::Module> module = ParseModule(**engine, text, "test.ir", &report);
    EXPECT_TRUE(module.ok()) << report;
    if (!module.ok()) return nullptr;
    Status round_trip = testing::CheckRoundTrip(*module, (*engine)->ops());
    EXPECT_TRUE(round_trip.ok()) << round_trip.ToString();
    StatusOr<std::shared_ptr<Session>> session =
        Session::Load(*engine, *std::move(module), std::move(weights), {});
    EXPECT_TRUE(session.ok()) << session.status().ToString();
    if (!session.ok()) return nullptr;
    StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main", options);
    EXPECT_TRUE(context.ok()) << context.status().ToString();
    return context.ok() ? *std::move(context) : nullptr;
  }

  static Tensor Floats(std::vector<int64_t> sizes, std::vector<float> values) {
    return *Tensor::Copy(DType::kF32, std::move(sizes), values.data());
  }

  static Tensor Ints(std::vector<int64_t> sizes, std::vector<int64_t> values) {
    return *Tensor::Copy(DType::kI64, std::move(sizes), values.data());
  }

  static std::vector<float> Values(const Tensor& tensor) {
    std::span<float> span = tensor.Span<float>();
    return {span.begin(), span.end()};
  }
};

// ---- Writes -------------------------------------------------------------------------------------

constexpr std::string_view kViews = R"(gir 1 module @views

// Writes through a view are seen in the base, and the other way round.
export func @main(%x: f32[2, 3] mut) -> (f32[2, 3], f32[3]) {
  %row: f32[3]{1; offset 3} alias(%x) = select_index(%x, index = 1)
  %r1: f32[3]{1; offset 3} alias(%row) = add_(%row, 10.0)
  %x1: f32[2, 3] alias(%x) = mul_(%x, 2.0)
  %y: f32[2, 3] = add(%x, 0.5)
  %z: f32[3] = neg(%row)
  return %y, %z
}
)";

TEST_F(StateTest, WritesAreSeenThroughEveryAlias) {
  std::unique_ptr<Context> context = Make(kViews);
  ASSERT_NE(context, nullptr);
  Tensor x = Floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const uint64_t version = x.storage()->version();
  std::vector<Tensor> outputs;
  Status status = context->Run(std::vector<Tensor>{x}, outputs);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Values(x), (F{2, 4, 6, 28, 30, 32}));
  EXPECT_EQ(Values(outputs[0]), (F{2.5, 4.5, 6.5, 28.5, 30.5, 32.5}));
  EXPECT_EQ(Values(outputs[1]), (F{-28, -30, -32}));
  EXPECT_GT(x.storage()->version(), version);
}

TEST_F(StateTest, AStridedInputIsWrittenBack) {
  std::unique_ptr<Context> context = Make(kViews);
  ASSERT_NE(context, nullptr);
  F memory = {1, 4, 2, 5, 3, 6};
  Tensor x = *Tensor::Wrap(DType::kF32, {2, 3}, {1, 2}, memory.data());
  std::vector<Tensor> outputs;
  ASSERT_TRUE(context->Run(std::vector<Tensor>{x}, outputs).ok());
  EXPECT_EQ(memory, (F{2, 28, 4, 30, 6, 32}));
}

TEST_F(StateTest, OperandsAreReadAsTheyWereBefore) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @shift

// The operand overlaps what is written, one element apart; then one element of it, for all.
export func @main(%x: f32[6] mut) -> () {
  %to: f32[5]{1; offset 1} alias(%x) = slice(%x, start = 1)
  %from: f32[5] alias(%x) = slice(%x, end = 5)
  %t1: f32[5]{1; offset 1} alias(%to) = add_(%to, %from)
  %first: f32[] alias(%x) = select_index(%x, index = 0)
  %x1: f32[6] alias(%x) = add_(%x, %first)
  return
}
)");
  ASSERT_NE(context, nullptr);
  Tensor x = Floats({6}, {1, 2, 3, 4, 5, 6});
  std::vector<Tensor> outputs;
  Status status = context->Run(std::vector<Tensor>{x}, outputs);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Values(x), (F{2, 4, 6, 8, 10, 12}));
}

constexpr std::string_view kTwo = R"(gir 1 module @two

export func @main(%a: f32[4] mut, %b: f32[4]) -> (f32[4]) {
  %a1: f32[4] alias(%a) = add_(%a, %b)
  %y: f32[4] = add(%b, 0.0)
  return %y
}
)";

TEST_F(StateTest, InputsMayShareMemory) {
  std::unique_ptr<Context> context = Make(kTwo);
  ASSERT_NE(context, nullptr);
  F memory = {1, 2, 3, 4, 5};
  Tensor a = *Tensor::Wrap(DType::kF32, {4}, {}, memory.data() + 1);
  Tensor b = *Tensor::Wrap(DType::kF32, {4}, {}, memory.data());
  std::vector<Tensor> outputs;
  Status status = context->Run(std::vector<Tensor>{a, b}, outputs);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(memory, (F{1, 3, 5, 7, 9}));
  EXPECT_EQ(Values(outputs[0]), (F{1, 3, 5, 7}));
  // The same function on tensors of their own.
  std::vector<Tensor> fresh;
  ASSERT_TRUE(
      context->Run(std::vector<Tensor>{Floats({4}, {1, 1, 1, 1}), Floats({4}, {1, 2, 3, 4})}, fresh)
          .ok());
  EXPECT_EQ(Values(fresh[0]), (F{1, 2, 3, 4}));
}

TEST_F(StateTest, NoaliasIsChecked) {
  std::string text(kTwo);
  text.replace(text.find("%b: f32[4])"), 11, "%b: f32[4] noalias)");
  std::unique_ptr<Context> context = Make(text);
  ASSERT_NE(context, nullptr);
  Tensor a = Floats({4}, {1, 2, 3, 4});
  std::vector<Tensor> outputs;
  Status status = context->Run(std::vector<Tensor>{a, a}, outputs);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.id(), ErrorId::E702);
  EXPECT_NE(status.message().find("noalias"), std::string::npos) << status.ToString();
}

TEST_F(StateTest, ResultsThatAreAliasesAreViewsOfTheInput) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @alias

export func @main(%x: f32[2, 3] mut) -> (f32[3, 2]{1, 3} alias(%x), f32[2, 3]) {
  %x1: f32[2, 3] alias(%x) = add_(%x, 1.0)
  %t: f32[3, 2]{1, 3} alias(%x) = transpose(%x)
  %y: f32[2, 3] = mul(%x, 2.0)
  return %t, %y
}
)");
  ASSERT_NE(context, nullptr);
  Tensor x = Floats({2, 3}, {0, 1, 2, 3, 4, 5});
  std::vector<Tensor> outputs;
  for (int run = 1; run <= 2; ++run) {
    Status status = context->Run(std::vector<Tensor>{x}, outputs);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(outputs[0].storage(), x.storage());
    EXPECT_EQ(outputs[0].data(), x.data());
    EXPECT_EQ(outputs[0].strides(), (std::vector<int64_t>{1, 3}));
    EXPECT_EQ(Values(x)[0], static_cast<float>(run));
  }
  std::vector<Tensor> given = {Floats({3, 2}, F(6)), Tensor()};
  EXPECT_EQ(context->Run(std::vector<Tensor>{x}, given).id(), ErrorId::E702);
}

TEST_F(StateTest, ResultsIntoParametersAreStoredAtTheEnd) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @into

// The two change places.
export func @main(%a: f32[2] mut, %b: f32[2] mut) -> (f32[2] into(%b), f32[2] into(%a), f32[2]) {
  %y: f32[2] = add(%a, %b)
  return %a, %b, %y
}
)");
  ASSERT_NE(context, nullptr);
  Tensor a = Floats({2}, {1, 2});
  Tensor b = Floats({2}, {10, 20});
  std::vector<Tensor> outputs;
  Status status = context->Run(std::vector<Tensor>{a, b}, outputs);
  ASSERT_TRUE(status.ok()) << status.ToString();
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(Values(a), (F{10, 20}));
  EXPECT_EQ(Values(b), (F{1, 2}));
  EXPECT_EQ(Values(outputs[0]), (F{11, 22}));
}

// A program that changes a module may move parameters and leave Value::index as it was.
TEST_F(StateTest, ResultsFindParametersThatWereMoved) {
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create({});
  ASSERT_TRUE(engine.ok());
  StatusOr<ir::Module> module = ParseModule(**engine, R"(gir 1 module @moved

export func @main(%x: f32[2], %a: f32[2] mut, %b: f32[2] mut) -> (f32[2] into(%b), f32[2] into(%a)) {
  %y: f32[2] = add(%x, 1.0)
  %z: f32[2] = mul(%x, 2.0)
  return %y, %z
}
)",
                                            "test.ir");
  ASSERT_TRUE(module.ok()) << module.status().ToString();
  ir::Function& main = *module->Find("main");
  std::vector<ir::ValueId>& params = main.block(main.body).params;
  std::rotate(params.begin(), params.begin() + 1, params.end());  // a, b, x
  StatusOr<std::shared_ptr<Session>> session =
      Session::Load(*engine, *std::move(module), nullptr, {});
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main");
  ASSERT_TRUE(context.ok()) << context.status().ToString();
  Tensor a = Floats({2}, {0, 0});
  Tensor b = Floats({2}, {0, 0});
  Tensor x = Floats({2}, {3, 4});
  std::vector<Tensor> outputs;
  Status status = (*context)->Run(std::vector<Tensor>{a, b, x}, outputs);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_TRUE(outputs.empty());
  EXPECT_EQ(Values(a), (F{6, 8}));
  EXPECT_EQ(Values(b), (F{4, 5}));
  EXPECT_EQ(Values(x), (F{3, 4}));
}

TEST_F(StateTest, ARegionOrCalleeWritesItsCaller) {
  // spec: higher_order_ops 22
  std::unique_ptr<Context> context = Make(R"(gir 1 module @calls

func @gn(%x: f32[4] mut, %y: f32[4]) -> (f32[4]) {
  %x1: f32[4] alias(%x) = add_(%x, 1.0)
  %r: f32[4] = mul(%x, %y)
  return %r
}

export func @main(%x: f32[4] mut, %y: f32[4]) -> (f32[4]) {
  %a: f32[4] = invoke @gn(%x, %y)
  %b: f32[4] = wrap(%x, %y)
    body(%x: f32[4], %y: f32[4]) {
      %x1: f32[4] alias(%x) = add_(%x, %y)
      yield %x1
    }
  %c: f32[4] = invoke @gn(%x, %x)
  %s: f32[4] = add(%a, %b)
  %t: f32[4] = add(%s, %c)
  return %t
}
)");
  ASSERT_NE(context, nullptr);
  Tensor x = Floats({4}, {0, 1, 2, 3});
  Tensor y = Floats({4}, {1, 1, 2, 2});
  std::vector<Tensor> outputs;
  Status status = context->Run(std::vector<Tensor>{x, y}, outputs);
  ASSERT_TRUE(status.ok()) << status.ToString();
  F expected;
  F after;
  for (int i = 0; i < 4; ++i) {
    float v = static_cast<float>(i);
    float w = y.Span<float>()[static_cast<size_t>(i)];
    float a = (v + 1) * w;
    float b = v + 1 + w;
    float c = (b + 1) * (b + 1);
    expected.push_back(a + b + c);
    after.push_back(b + 1);
  }
  EXPECT_EQ(Values(outputs[0]), expected);
  EXPECT_EQ(Values(x), after);
}

// ---- Buffers and globals ------------------------------------------------------------------------

class OneWeight final : public WeightStore {
 public:
  explicit OneWeight(F values)
      : values_(std::move(values)),
        weights_({{"state", DType::kF32, {static_cast<int64_t>(values_.size())}, values_.data()}}) {
  }

  const Weight* Find(std::string_view name) const override {
    return name == "state" ? weights_.data() : nullptr;
  }

  const std::vector<Weight>& weights() const override { return weights_; }

  const std::string& description() const override { return description_; }

 private:
  F values_;
  std::vector<Weight> weights_;
  std::string description_ = "a test";
};

TEST_F(StateTest, BuffersBelongToTheContextAndPersist) {
  constexpr std::string_view kText = R"(gir 1 module @buffer

export func @main(%x: f32[2], %s: f32[2] mut weight("state")) -> (f32[2]) {
  %s1: f32[2] alias(%s) = add_(%s, %x)
  %y: f32[2] = mul(%s, 1.0)
  return %y
}
)";
  auto weights = std::make_shared<OneWeight>(F{100, 200});
  std::unique_ptr<Context> first = Make(kText, {}, weights);
  std::unique_ptr<Context> second = Make(kText, {}, weights);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  std::vector<Tensor> outputs;
  for (int run = 1; run <= 3; ++run) {
    outputs.clear();
    ASSERT_TRUE(first->Run(std::vector<Tensor>{Floats({2}, {1, 2})}, outputs).ok());
    const auto n = static_cast<float>(run);
    EXPECT_EQ(Values(outputs[0]), (F{100 + n, 200 + 2 * n}));
  }
  outputs.clear();
  ASSERT_TRUE(second->Run(std::vector<Tensor>{Floats({2}, {1, 2})}, outputs).ok());
  EXPECT_EQ(Values(outputs[0]), (F{101, 202}));
  StatusOr<Tensor> buffer = first->Buffer("s");
  ASSERT_TRUE(buffer.ok());
  EXPECT_EQ(Values(*buffer), (F{103, 206}));
  EXPECT_EQ(first->Buffer("x").status().id(), ErrorId::E703);
  EXPECT_EQ(Values(outputs[0])[0], 101) << "the file's own numbers stay";
}

TEST_F(StateTest, GlobalsAreReadAndWrittenInOrder) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @counter

global @n: i64[] mut = 40

export func @main() -> (i64[], i64[]) effects [state] {
  %a: i64[] = global.read @n()
  %b: i64[] = add(%a, 1)
  global.write @n(%b)
  %c: i64[] = global.read @n()
  return %a, %c
}
)");
  ASSERT_NE(context, nullptr);
  for (int64_t run = 0; run < 3; ++run) {
    std::vector<Tensor> outputs;
    Status status = context->Run({}, outputs);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(*outputs[0].Span<int64_t>().data(), 40 + run);
    EXPECT_EQ(*outputs[1].Span<int64_t>().data(), 41 + run);
  }
}

// ---- Lies ---------------------------------------------------------------------------------------

class LyingKernel final : public ir::Kernel {
 public:
  Status Run(const ir::KernelArgs& args) const override {
    float* operand = static_cast<float*>(args.slots[args.operand_slots[0]]);
    args.result<float>(0)[0] = operand[0];
    operand[0] += 1;
    return {};
  }
};

constexpr ir::OperandSpec kLiarOperands[] = {{.name = "x"}};
const ir::OpDef kLiar = {
    .name = "test.liar",
    .doc = "Gives x and changes it, which the record does not say.",
    .source = "a test",
    .operands = kLiarOperands,
    .tolerance = {.reason = "a test"},
    .infer =
        [](ir::InferCtx& ctx) {
          ctx.Return(ctx.operand(0));
          return Status();
        },
    .prepare = [](const ir::KernelCtx&) -> StatusOr<std::unique_ptr<ir::Kernel>> {
      return std::unique_ptr<ir::Kernel>(std::make_unique<LyingKernel>());
    },
    .lowering = {.kind = ir::Lowering::Kind::kExternal, .why = "a test"},
    .vjp = ir::NotDifferentiable("a test"),
};

TEST_F(StateTest, CheckEffectsFindsAKernelThatWritesAnOperand) {
  constexpr std::string_view kText = R"(gir 1 module @lie

export func @main(%x: f32[1]) -> (f32[1]) {
  %a: f32[1] = mul(%x, 2.0)
  %y: f32[1] = test.liar(%a)
  return %y
}
)";
  std::vector<Tensor> outputs;
  std::unique_ptr<Context> trusting = Make(kText, {}, nullptr, {&kLiar});
  ASSERT_NE(trusting, nullptr);
  EXPECT_TRUE(trusting->Run(std::vector<Tensor>{Floats({1}, {3})}, outputs).ok());
  std::unique_ptr<Context> checking = Make(kText, {.check_effects = true}, nullptr, {&kLiar});
  ASSERT_NE(checking, nullptr);
  outputs.clear();
  Status status = checking->Run(std::vector<Tensor>{Floats({1}, {3})}, outputs);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("wrote operand 0"), std::string::npos) << status.ToString();
}

// ---- Sizes that the run tells -------------------------------------------------------------------

TEST_F(StateTest, SizesFromData) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @pick

func @pick<s0>(%x: f32[s0]) -> (f32[u0, 1]) defines u0 in [0, s0] {
  %c: i64[u0, 1] = nonzero(%x) defines u0 in [0, s0]
  %f: f32[u0, 1] = cast(%c)
  %y: f32[u0, 1] = mul(%f, 2.0)
  return %y
}

export func @main<s0 in [2, inf]>(%x: f32[s0]) -> (f32[u0, 1]) defines u0 in [0, s0] {
  %a: f32[u0, 1] = invoke @pick(%x) defines u0 in [0, s0]
  %b: f32[u1, 1] = invoke @pick(%x) defines u1 in [0, s0]
  sym.check(pred = u0 == u1, msg = "add: sizes must agree")
  %b0: f32[u0, 1] alias(%b) = sym.refine(%b)
  %y: f32[u0, 1] = add(%a, %b0)
  return %y
}
)");
  ASSERT_NE(context, nullptr);
  for (int round = 0; round < 2; ++round) {
    for (int n = 0; n <= 5; ++n) {
      F x(6, 0.0f);
      F expected;
      for (int i = 0; i < n; ++i) {
        x[static_cast<size_t>(i)] = 1;
        expected.push_back(4 * static_cast<float>(i));
      }
      std::vector<Tensor> outputs;
      Status status = context->Run(std::vector<Tensor>{Floats({6}, x)}, outputs);
      ASSERT_TRUE(status.ok()) << status.ToString();
      EXPECT_EQ(outputs[0].sizes(), (std::vector<int64_t>{n, 1}));
      EXPECT_EQ(Values(outputs[0]), expected);
    }
  }
}

TEST_F(StateTest, ChecksFailWithTheirNumbers) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @checked

export func @main(%n: i64[], %y: f32[8]) -> (f32[u0]) defines u0 in [0, 8] {
  %k: int<u0> = item(%n) defines u0 in [0, 8]
  sym.check(pred = u0 < 6, msg = "too many")
  %s: f32[u0] alias(%y) = slice(%y, end = u0)
  %r: f32[u0] = neg(%s)
  return %r
}
)");
  ASSERT_NE(context, nullptr);
  Tensor y = Floats({8}, {0, 1, 2, 3, 4, 5, 6, 7});
  std::vector<Tensor> outputs;
  Status status = context->Run(std::vector<Tensor>{Ints({}, {3}), y}, outputs);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Values(outputs[0]), (F{-0.0f, -1, -2}));
  for (auto [n, what] : {std::pair(7, "too many"), {9, "must lie in [0, 8]"}, {-1, "must lie"}}) {
    outputs.clear();
    status = context->Run(std::vector<Tensor>{Ints({}, {n}), y}, outputs);
    ASSERT_FALSE(status.ok()) << n;
    EXPECT_EQ(status.id(), ErrorId::E401) << status.ToString();
    EXPECT_NE(status.ToString().find(what), std::string::npos) << status.ToString();
  }
}

TEST_F(StateTest, BranchesOfUnequalSizes) {
  // spec: higher_order_ops 133
  std::unique_ptr<Context> context = Make(R"(gir 1 module @unequal

export func @main(%p: bool[], %x: f32[2, 3]) -> (f32[u0, 3]) defines u0 in [2, 4] {
  %m: f32[u0, 3] = cond(%p, %x) defines u0 in [2, 4]
    then(%a: f32[2, 3]) {
      %d: f32[4, 3] = concat(%a, %a, dim = 0)
      yield %d
    }
    else(%a: f32[2, 3]) {
      %s: f32[2, 3] = neg(%a)
      yield %s
    }
  %r: f32[u0, 3] = add(%m, 1.0)
  return %r
}
)");
  ASSERT_NE(context, nullptr);
  Tensor x = Floats({2, 3}, {0, 1, 2, 3, 4, 5});
  for (bool p : {true, false, true}) {
    std::vector<Tensor> outputs;
    Status status =
        context->Run(std::vector<Tensor>{*Tensor::Copy(DType::kBool, {}, &p), x}, outputs);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(outputs[0].sizes()[0], p ? 4 : 2);
    EXPECT_EQ(Values(outputs[0])[1], p ? 2.0f : 0.0f);
  }
}

TEST_F(StateTest, IntegersCarriedByALoop) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @ints

// The k-th turn adds the first k elements.
export func @main(%n: i64[], %x: f32[8]) -> (f32[], i64[]) {
  %zero: f32[] = const(0.0)
  %last: int<u0> = item(%n) defines u0 in [0, 8]
  %k0: int<0> = sym.value(0)
  %k: int<u1>, %l: int<u2>, %sum: f32[] = while(carry = [%k0, %last, %zero], extra = [%x]) defines u1 in [0, 8], u2 in [0, 8]
    cond(%a: int<u3>, %l: int<u4>, %s: f32[], %x: f32[8]) {
      %go: flag = sym.value(u3 < u4)
      yield %go
    }
    do(%a: int<u5>, %l: int<u6>, %s: f32[], %x: f32[8]) {
      %part: f32[u5] alias(%x) = narrow(%x, length = u5)
      %t: f32[] = reduce_sum(%part)
      %s1: f32[] = add(%s, %t)
      %a1: int<u5 + 1> = sym.value(u5 + 1)
      yield %a1, %l, %s1
    }
  %kt: i64[] = sym.value(u1)
  return %sum, %kt
}
)");
  ASSERT_NE(context, nullptr);
  Tensor x = Floats({8}, {1, 1, 1, 1, 1, 1, 1, 1});
  for (int64_t n : {0, 1, 5, 8, 5}) {
    std::vector<Tensor> outputs;
    Status status = context->Run(std::vector<Tensor>{Ints({}, {n}), x}, outputs);
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(*outputs[0].Span<float>().data(), static_cast<float>(n * (n - 1) / 2));
    EXPECT_EQ(*outputs[1].Span<int64_t>().data(), n);
  }
}

// ---- Time ---------------------------------------------------------------------------------------

TEST_F(StateTest, ADeadlineStopsALoopAndNamesWhatMayHaveChanged) {
  std::unique_ptr<Context> context = Make(R"(gir 1 module @forever

export func @main(%x: f32[4] mut) -> () {
  %x1: f32[4] alias(%x) = add_(%x, 1.0)
  %i0: i64[] = const(0)
  %n: i64[] = while(carry = [%i0])
    cond(%i: i64[]) {
      %go: bool[] = ge(%i, 0)
      yield %go
    }
    do(%i: i64[]) {
      %i1: i64[] = and(%i, 1)
      yield %i1
    }
  return
}
)");
  ASSERT_NE(context, nullptr);
  Tensor x = Floats({4}, {1, 2, 3, 4});
  std::vector<Tensor> outputs;
  const auto begin = std::chrono::steady_clock::now();
  RunOptions options;
  options.deadline = begin + std::chrono::milliseconds(20);
  Status status = context->Run(std::vector<Tensor>{x}, outputs, options);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.id(), ErrorId::E803) << status.ToString();
  EXPECT_NE(status.ToString().find("may have changed %x"), std::string::npos) << status.ToString();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace gcomp
