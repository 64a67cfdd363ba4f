// Reusable regions that write, alias or leave values in host state:
// docs/spec/higher_order_ops.md 2.1, 1.6.
#include "tests/unit/trace_testing.h"

namespace gcomp {
namespace {

using ops::cos;
using ops::sin;
using testing::Counting;
using testing::ExpectSameAsEager;
using testing::MustTrace;
using testing::Names;
using testing::NamesOf;
using testing::OpsOf;

// The functions beside @main.
size_t NumRegions(const Traced& traced) {
  return traced.module.functions.size() - 1;
}

size_t NumInvokes(const Traced& traced) {
  size_t count = 0;
  for (const auto& function : traced.module.functions) {
    for (const ir::Op* op : OpsOf(*function)) count += op->def->name == "invoke" ? 1 : 0;
  }
  return count;
}

TEST(TraceAliasTest, BufferIsWrittenByTheRegion) {  // spec: higher_order_ops 6, 8
  const Array x = Counting({8});
  const Array y = Counting({8}, 2);
  auto run = [&](const Array& buf, auto&& call) {
    auto mod = region("forward", [&](const Array& a, const Array& b) {
      Array updated = buf.add_(1);
      return sin(a * b) + 5 + updated;
    });
    return call([&, mod](Array a, Array b) { return mod(a, b) + mod(a, b); });
  };
  Array eager_buf = ops::full(1.0, DType::kF32, {8});
  std::vector<float> eager =
      run(eager_buf, [&](auto fn) { return fn(x, y).template Values<float>(); });
  EXPECT_EQ(eager_buf.Values<float>(), std::vector<float>(8, 3.0f));
  Array buf = ops::full(1.0, DType::kF32, {8});
  std::vector<float> traced = run(buf, [&](auto fn) {
    std::optional<Traced> graph = MustTrace(fn, std::tuple(x, y));
    EXPECT_TRUE(graph.has_value());
    EXPECT_EQ(NumRegions(*graph), 1u);
    EXPECT_EQ(NumInvokes(*graph), 2u);
    const ir::Function& body = *graph->module.functions[0];
    EXPECT_EQ(NamesOf(OpsOf(body)), (Names{"add_", "mul", "sin", "add", "add"}));
    EXPECT_EQ(body.params().size(), 3u);
    EXPECT_TRUE(body.value(body.params()[0]).annotations.mut);
    EXPECT_FALSE(body.value(body.params()[1]).annotations.mut);
    auto jitted = jit(fn);
    auto result = jitted(x, y);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result.ok() ? result->template Values<float>() : std::vector<float>();
  });
  EXPECT_EQ(traced, eager);
  EXPECT_EQ(buf.Values<float>(), std::vector<float>(8, 3.0f));
}

TEST(TraceAliasTest, ValuesLeftInAListAreHiddenResults) {  // spec: higher_order_ops 19
  auto fn = [](Array x) {
    List<Array> z;
    auto gn = region("gn", [&](const Array& v) {
      z.push_back(sin(v));
      Array y = ops::matmul(ops::matmul(v, v), v);
      return std::pair(cos(sin(y)), sin(v));
    });
    std::pair<Array, Array> outs = gn(x);
    return outs.first + outs.second + z.at(0);
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({4, 4}, 0.0625f)));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(traced->module.functions[0]->results.size(), 3u);
  ExpectSameAsEager(fn, Counting({4, 4}, 0.0625f));
}

TEST(TraceAliasTest, InputMutation) {  // spec: higher_order_ops 22, 23
  auto gn = region("gn", [](const Array& x, const Array& y) {
    x.add_(1);
    return x * y;
  });
  auto fn = [&](Array x, Array y) {
    Array sum = gn(x, y);
    for (int i = 0; i < 16; ++i) sum = sum + gn(x, y);
    return sum;
  };
  Array eager_x = Counting({8});
  std::vector<float> eager = fn(eager_x, Counting({8}, 2)).Values<float>();
  Array x = Counting({8});
  auto jitted = jit(fn);
  StatusOr<Array> result = jitted(x, Counting({8}, 2));
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->Values<float>(), eager);
  EXPECT_EQ(x.Values<float>(), eager_x.Values<float>());
  EXPECT_EQ(NumRegions(*jitted.traced()), 1u);
  EXPECT_EQ(NumInvokes(*jitted.traced()), 17u);
}

TEST(TraceAliasTest, Aliasing) {  // spec: higher_order_ops 27, 28, 29
  const auto xy = std::tuple(Counting({8}), Counting({8}, 2));
  auto in_out = [](AliasPolicy alias) {
    return [=](Array x, Array y) {
      auto gn = region("gn", [](const Array& a, const Array& b) { return std::pair(a, a * b); },
                       {.alias = alias});
      auto [a, b] = gn(x, y);
      return a + b;
    };
  };
  EXPECT_EQ(testing::TraceError(in_out(AliasPolicy::kReject), xy,
                                "aliasing was met while tracing the region"),
            ErrorId::E102);
  std::optional<Traced> joined = MustTrace(in_out(AliasPolicy::kNormalize), xy);
  ASSERT_TRUE(joined.has_value());
  EXPECT_EQ(joined->module.functions[0]->results.size(), 1u);
  ExpectSameAsEager(in_out(AliasPolicy::kNormalize), Counting({8}), Counting({8}, 2));
  auto in_in = [](AliasPolicy alias) {
    return [=](Array x) {
      auto gn =
          region("gn", [](const Array& a, const Array& b) { return a * b; }, {.alias = alias});
      return gn(x, x.view({1, 8}));
    };
  };
  EXPECT_EQ(testing::TraceError(in_in(AliasPolicy::kReject), std::tuple(Counting({8}))),
            ErrorId::E101);
  ExpectSameAsEager(in_in(AliasPolicy::kNormalize), Counting({8}));
  auto out_out = [](AliasPolicy alias) {
    return [=](Array x) {
      auto gn = region("gn",
                       [](const Array& a) {
                         Array c = cos(a);
                         return std::pair(c, c.view({2, 4}).t());
                       },
                       {.alias = alias});
      auto [c, view] = gn(x);
      return std::pair(c + 1, view + 1);
    };
  };
  EXPECT_EQ(testing::TraceError(out_out(AliasPolicy::kReject), std::tuple(Counting({8}))),
            ErrorId::E103);
  std::optional<Traced> remade =
      MustTrace(out_out(AliasPolicy::kNormalize), std::tuple(Counting({8})));
  ASSERT_TRUE(remade.has_value());
  EXPECT_EQ(remade->module.functions[0]->results.size(), 1u);
  EXPECT_EQ(NamesOf(OpsOf(remade->main())), (Names{"invoke", "view", "transpose", "add", "add"}));
  ExpectSameAsEager(out_out(AliasPolicy::kNormalize), Counting({8}));
}

TEST(TraceAliasTest, AliasOfAResultLeftInAList) {  // spec: higher_order_ops 30
  auto fn = [](Array x) {
    List<Array> kept({}, "kept");
    auto gn = region("gn", [&](const Array& v) {
      Array s = sin(v);
      kept.push_back(s.view({1, 8}));
      return s;
    });
    Array y = gn(x);
    return y + kept.at(0);
  };
  EXPECT_EQ(testing::TraceError(fn, std::tuple(Counting({8})), "aliases the result %sin"),
            ErrorId::E106);
}

TEST(TraceAliasTest, WritesAnAttribute) {  // spec: higher_order_ops 31
  auto make = [](const Array& a) {
    auto gn = region("gn", [&a](const Array& x) {
      a.add_(1);
      return x + a;
    });
    return [gn](Array x, Array y) { return gn(x) * y; };
  };
  Array eager_a = ops::full(1.0, DType::kF32, {8});
  Array a = ops::full(1.0, DType::kF32, {8});
  std::vector<float> eager = make(eager_a)(Counting({8}), Counting({8}, 2)).Values<float>();
  auto jitted = jit(make(a));
  StatusOr<Array> result = jitted(Counting({8}), Counting({8}, 2));
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->Values<float>(), eager);
  EXPECT_EQ(a.Values<float>(), eager_a.Values<float>());
}

}  // namespace
}  // namespace gcomp
