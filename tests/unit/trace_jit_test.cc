// jit: guards, reasons of new traces, sizes that become symbols, cells:
// docs/spec/higher_order_ops.md 1.16 and 1.17.
#include "tests/unit/trace_testing.h"

namespace gcomp {
namespace {

using ops::cos;
using ops::sin;
using testing::Counting;
using testing::MustTrace;

TEST(TraceJitTest, SizesBecomeSymbolsOnTheSecondValue) {
  auto fn = jit([](Array x) { return x * 2; });
  for (int64_t n : {4, 4, 6, 8, 5}) {
    StatusOr<Array> y = fn(Counting({n, 3}));
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    EXPECT_EQ(y->Values<float>(), (Counting({n, 3}) * 2).Values<float>());
  }
  EXPECT_EQ(fn.stats().captures, 2u);
  EXPECT_EQ(fn.stats().recompiles, std::vector<std::string>{"x0, dim 0: 4, now 6"});
  EXPECT_EQ(fn.traced()->main().num_symbol_params, 1u);
  // 0 and 1 are sizes of their own.
  ASSERT_TRUE(fn(Counting({1, 3})).ok());
  ASSERT_TRUE(fn(Counting({0, 3})).ok());
  EXPECT_EQ(fn.stats().captures, 4u);
}

TEST(TraceJitTest, NewTraceForbidden) {
  auto fn = jit([](Array x, int k) { return x * k; }, {.error_on_recompile = true});
  ASSERT_TRUE(fn(Counting({3}), 2).ok());
  ASSERT_TRUE(fn(Counting({3}), 2).ok());
  StatusOr<Array> again = fn(Counting({3}), 3);
  EXPECT_EQ(again.status().id(), ErrorId::E403);
  EXPECT_NE(again.status().message().find("x1: int 2, now int 3"), std::string::npos)
      << again.status().message();
  auto limited = jit([](Array x, int k) { return x * k; }, {.max_traces = 2});
  EXPECT_TRUE(limited(Counting({3}), 1).ok());
  EXPECT_TRUE(limited(Counting({3}), 2).ok());
  EXPECT_TRUE(limited(Counting({3}), 1).ok());
  EXPECT_EQ(limited(Counting({3}), 3).status().id(), ErrorId::E403);
}

TEST(TraceJitTest, DTypeAndRankAreGuarded) {
  auto fn = jit([](Array x) { return x + x; });
  ASSERT_TRUE(fn(Counting({3})).ok());
  StatusOr<Array> y = fn(Array::From<int64_t>({2}, {1, 2}));
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(y->Values<int64_t>(), (std::vector<int64_t>{2, 4}));
  ASSERT_TRUE(fn(Counting({3, 1})).ok());
  EXPECT_EQ(fn.stats().captures, 3u);
  EXPECT_EQ(fn.stats().recompiles[0], "x0: f32 of rank 1, now i64 of rank 1");
}

TEST(TraceJitTest, CellsAreWrittenByEachRun) {
  Cell<Array> state(Counting({3}), "state");
  auto step = jit([&](Array x) {
    Array next = state.get() * 2 + x;
    state.set(next);
    return next - 1;
  });
  std::vector<float> want = Counting({3}).Values<float>();
  for (int i = 0; i < 4; ++i) {
    StatusOr<Array> y = step(Counting({3}));
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    std::vector<float> x = Counting({3}).Values<float>();
    for (size_t k = 0; k < 3; ++k) want[k] = want[k] * 2 + x[k];
    EXPECT_EQ(state.get().Values<float>(), want);
    for (size_t k = 0; k < 3; ++k) EXPECT_EQ(y->Values<float>()[k], want[k] - 1);
  }
  EXPECT_EQ(step.stats().captures, 1u);  // another tensor of one type needs no new trace
}

TEST(TraceJitTest, CellsOfATraceAloneAreRefused) {
  Cell<int> counter(0, "counter");
  auto fn = [&](Array x) {
    counter.set(counter.get() + 1);
    return x + 1;
  };
  EXPECT_EQ(testing::TraceError(fn, std::tuple(Counting({3})), "`counter`"), ErrorId::E107);
  EXPECT_EQ(counter.get(), 0);
  auto jitted = jit(fn);
  ASSERT_TRUE(jitted(Counting({3})).ok());
  EXPECT_EQ(counter.get(), 1);
}

TEST(TraceJitTest, HiddenStateIsFoundByASecondTrace) {
  int calls = 0;
  auto fn = [&](Array x) { return x + ++calls; };
  StatusOr<Traced> traced = trace(fn, std::tuple(Counting({3})), {.verify_pure = true});
  EXPECT_EQ(traced.status().id(), ErrorId::E705);
  StatusOr<Traced> pure =
      trace([](Array x) { return x + 1; }, std::tuple(Counting({3})), {.verify_pure = true});
  EXPECT_TRUE(pure.ok()) << pure.status().ToString();
}

TEST(TraceJitTest, FirstErrorIsTold) {
  auto fn = [](Array x) {
    Array bad = ops::reshape(x, {7});
    Array worse = ops::matmul(bad, bad);
    return worse + 1;
  };
  StatusOr<Traced> traced = trace(fn, std::tuple(Counting({3})));
  ASSERT_FALSE(traced.ok());
  EXPECT_EQ(traced.status().id(), ErrorId::E504);
  EXPECT_NE(traced.status().message().find("reshape"), std::string::npos);
  EXPECT_EQ(fn(Counting({3})).tensor().status().id(), ErrorId::E504);
  // The next trace of the thread starts anew.
  EXPECT_TRUE(trace([](Array x) { return x + 1; }, std::tuple(Counting({3}))).ok());
}

TEST(TraceJitTest, ValuesOutliveNoTrace) {
  Array kept;
  ASSERT_TRUE(trace(
                  [&](Array x) {
                    kept = x + 1;
                    return kept * 2;
                  },
                  std::tuple(Counting({3})))
                  .ok());
  EXPECT_EQ(kept.tensor().status().id(), ErrorId::E705);
  EXPECT_EQ(testing::TraceError([&](Array x) { return x + kept; }, std::tuple(Counting({3}))),
            ErrorId::E106);
}

TEST(TraceJitTest, CapturedTensorsMergeByStorage) {
  const Array w = Counting({3}, 2);
  const Array alias = w;
  const Array other = Counting({3}, 2);
  auto fn = [&](Array x) { return x * w + alias + other; };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({3})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(traced->captured.size(), 2u);
  testing::ExpectSameAsEager(fn, Counting({3}));
  std::optional<Traced> weights =
      MustTrace(fn, std::tuple(Counting({3})), {.captures_as_weights = true});
  ASSERT_TRUE(weights.has_value());
  const ir::Function& main = weights->main();
  EXPECT_EQ(main.value(main.params()[1]).annotations.weight, "w");
  EXPECT_EQ(main.value(main.params()[2]).annotations.weight, "w_2");
  EXPECT_EQ(weights->captured_names, (std::vector<std::string>{"w", "w_2"}));
}

TEST(TraceJitTest, RangesAreWritten) {
  const Array x = Counting({8, 3});
  std::optional<Traced> open =
      MustTrace([](Array v) { return v + 1; }, std::tuple(x),
                {.arg_names = {"x"}, .dynamic = {{.leaf = "x", .dim = 0}}});
  ASSERT_TRUE(open.has_value());
  EXPECT_NE(ir::Print(open->module).find("@main<s0 in [2, inf]>(%x: f32[s0, 3])"),
            std::string::npos)
      << ir::Print(open->module);
  std::optional<Traced> given = MustTrace(
      [](Array v) { return v + 1; }, std::tuple(x),
      {.arg_names = {"x"},
       .dynamic = {{.leaf = "x", .dim = 0, .name = "batch", .low = 1, .high = 64, .multiple = 4}}});
  ASSERT_TRUE(given.has_value());
  EXPECT_NE(ir::Print(given->module).find("@main<batch in [1, 64] mult 4>"), std::string::npos);
}

TEST(TraceJitTest, UnknownLeaves) {
  struct Opaque {};

  auto fn = [](Array x, std::pair<int, Opaque>) { return x; };
  EXPECT_EQ(
      testing::TraceError(fn, std::tuple(Counting({3}), std::pair(1, Opaque{})), "x1.1 is of type"),
      ErrorId::E204);
}

// ---- Fallbacks ----------------------------------------------------------------------------------

// wrap with a body that writes host state: the value is that of eager, wrap is not in the graph,
// and the state is what an eager call leaves.
template <class Body, class Left>
void ExpectFallback(Body body, Left left) {
  const Array x = Counting({3});
  body(x);
  const auto want = left();
  std::vector<float> eager = body(x).template Values<float>();
  auto jitted = jit([&](Array v) { return wrap([&](const Array& w) { return body(w); }, v); },
                    {.full_graph = false});
  StatusOr<Array> y = jitted(x);
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_EQ(y->Values<float>(), eager);
  EXPECT_GE(jitted.stats().fallbacks.at("unsafe side effect"), 1u);
  for (const ir::Module* module : jitted.piece_graphs()) {
    EXPECT_EQ(ir::Print(*module).find("wrap"), std::string::npos);
  }
  EXPECT_EQ(left(), want);
  // Nothing broke, so that the next call is one graph.
  ASSERT_TRUE(jitted(x).ok());
  ASSERT_NE(jitted.traced(), nullptr);
  EXPECT_EQ(ir::Print(jitted.traced()->module).find("wrap"), std::string::npos);
}

struct HostObject {
  Cell<std::optional<int>> field{std::optional<int>(1), "field"};
  Cell<std::optional<int>> fresh{std::nullopt, "fresh"};
};

TEST(TraceFallbackTest, Fields) {  // spec: higher_order_ops 107, 110
  static HostObject global;
  HostObject local;
  for (HostObject* object : {&global, &local}) {
    auto field = [=] { return object->field.get(); };
    auto fresh = [=] { return object->fresh.get(); };
    ExpectFallback(
        [=](const Array& x) {
          object->fresh.set(5);
          return x + *object->fresh.get();
        },
        fresh);
    ExpectFallback(
        [=](const Array& x) {
          object->field.set(7);
          return x + *object->field.get();
        },
        field);
    ExpectFallback(
        [=](const Array& x) {
          object->field.set(std::nullopt);
          return x + (object->field.get().has_value() ? 1 : 2);
        },
        field);
  }
}

TEST(TraceFallbackTest, NumbersTensorsLists) {  // spec: higher_order_ops 108, 109, 111
  static Cell<int> global(3, "number");
  ExpectFallback(
      [](const Array& x) {
        global.set(4);
        return x + global.get();
      },
      [] { return global.get(); });
  Cell<Array> tensor(Counting({3}), "tensor");
  ExpectFallback(
      [&](const Array& x) {
        tensor.set(x * 2);
        return x + tensor.get();
      },
      [&] { return tensor.get().Values<float>(); });
  List<Array> list({}, "list");
  auto append = jit(
      [&](Array x) {
        wrap(
            [&](const Array& v) {
              return wrap(
                  [&](const Array& w) {
                    list.push_back(w + 1);
                    return w;
                  },
                  v);
            },
            x);
        return list.at(0);
      },
      {.full_graph = false});
  StatusOr<Array> y = append(Counting({3}));
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_EQ(y->Values<float>(), (Counting({3}) + 1).Values<float>());
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list.at(0).Values<float>(), y->Values<float>());
  EXPECT_EQ(append.stats().fallbacks.size(), 1u);
}

TEST(TraceFallbackTest, CellHoldsTheArgument) {  // spec: higher_order_ops 112
  Cell<Array> cell(Counting({3}, 9), "cell");
  auto fn = jit(
      [&](Array x) {
        return wrap(
            [&](const Array& v) {
              cell.set(v);
              return v + 1;
            },
            x);
      },
      {.full_graph = false});
  ASSERT_TRUE(fn(Counting({3})).ok());
  EXPECT_EQ(cell.get().Values<float>(), Counting({3}).Values<float>());
  EXPECT_EQ(fn.stats().fallbacks, (std::map<std::string, size_t>{{"unsafe side effect", 1}}));
}

TEST(TraceFallbackTest, GraphBreaks) {  // spec: higher_order_ops 113
  auto inner = [](const Array& v) {
    Array s = sin(v);
    graph_break("looks at the value");
    return sin(s);
  };
  auto fn = jit([&](Array x) { return wrap(inner, x); }, {.full_graph = false});
  StatusOr<Array> y = fn(Counting({3}));
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_EQ(y->Values<float>(), sin(sin(Counting({3}))).Values<float>());
  EXPECT_EQ(fn.stats().captures, 0u);
  EXPECT_EQ(fn.stats().fallbacks.at("graph break"), 1u);
  // A reusable region is captured whole or not at all.
  auto gn = region("gn", inner);
  auto whole = jit([&](Array x) { return gn(x); }, {.full_graph = false});
  EXPECT_EQ(whole(Counting({3})).status().id(), ErrorId::E105);
}

TEST(TraceJitTest, TiersGiveTheSameBits) {
  auto fn = [](Array x) {
    Array y = ops::sin(x) * 2;
    const float first = y.Values<float>()[0];  // ends a piece
    return ops::softmax(first > 1 ? ops::exp(y) + x : y - x);
  };
  const Array x = Counting({3, 5});
  for (Tier tier : {Tier::kInterp, Tier::kCompiled}) {
    auto pieces = jit(fn, {.tier = tier, .full_graph = false});
    for (int call = 0; call < 2; ++call) {
      StatusOr<Array> y = pieces(x);
      ASSERT_TRUE(y.ok()) << y.status().ToString();
      EXPECT_EQ(y->Values<float>(), fn(x).Values<float>());
    }
    EXPECT_EQ(pieces.stats().segments, 4u);
  }
}

}  // namespace
}  // namespace gcomp
