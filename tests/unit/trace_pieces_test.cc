// Functions that can't be one graph: pieces between breaks, wraps that are dropped, observers:
// docs/spec/higher_order_ops.md 1.2 and 1.16, docs/tracing.md.
#include "tests/unit/trace_testing.h"

namespace gcomp {
namespace {

using ops::cos;
using ops::sin;
using testing::Counting;
using testing::ExpectWhole;
using testing::Names;
using testing::NamesOf;
using testing::OpsOf;
using testing::ValuesOf;

const JitOptions kInPieces = {.full_graph = false};

// The ops of all graphs of pieces that are kept.
template <class F>
std::vector<Names> GraphsOf(const Jit<F>& fn) {
  std::vector<Names> graphs;
  for (const ir::Module* module : fn.piece_graphs()) {
    graphs.push_back(NamesOf(OpsOf(*module->Find("main"))));
  }
  return graphs;
}

// Two calls of the function in pieces give what it gives op by op.
template <class F, class... A>
Jit<F> ExpectSameInPieces(F fn, const A&... args) {
  std::tuple<std::decay_t<A>...> held(args...);
  auto eager = ValuesOf(internal::ApplyTo(fn, held));
  auto jitted = jit(fn, kInPieces);
  for (int i = 0; i < 2; ++i) {
    auto result = jitted(args...);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    if (!result.ok()) break;
    EXPECT_EQ(ValuesOf(*result), eager);
  }
  EXPECT_GE(jitted.stats().segments, 1u);
  return jitted;
}

TEST(TracePiecesTest, ABreakMakesTwoGraphs) {
  auto fn = [](Array x) {
    Array a = sin(x) + 1;
    graph_break("between");
    return cos(a) * x;
  };
  auto jitted = ExpectSameInPieces(fn, Counting({3}));
  EXPECT_EQ(GraphsOf(jitted), (std::vector<Names>{{"sin", "add"}, {"cos", "mul"}}));
  EXPECT_EQ(jitted.stats().segments, 4u);  // two in each call
  EXPECT_EQ(jitted.stats().captures, 2u);
  EXPECT_EQ(jitted.stats().calls, 2u);
  EXPECT_EQ(jitted.stats().fallbacks, (std::map<std::string, size_t>{{"graph break", 1}}));
  for (const ir::Module* module : jitted.piece_graphs()) {
    Traced traced;
    traced.module.name = module->name;
    traced.module.AddFunction("main") = *module->Find("main");
    ExpectWhole(traced);
  }
}

TEST(TracePiecesTest, HostReads) {
  auto fn = [](Array x) {
    Array y = x * 2;
    float scale = 0;
    for (float value : y.Values<float>()) scale += value;
    Array z = scale > 10 ? y / scale : y * scale;
    StatusOr<Tensor> tensor = (z + 1).tensor();
    return tensor.ok() ? Array(*tensor) + z : Array::Failed(std::move(tensor).status());
  };
  auto jitted = ExpectSameInPieces(fn, Counting({3}));
  StatusOr<Array> other = jitted(Counting({3}, 8));  // the other branch, without a new decision
  ASSERT_TRUE(other.ok()) << other.status().ToString();
  EXPECT_EQ(ValuesOf(*other), ValuesOf(fn(Counting({3}, 8))));
  EXPECT_EQ(jitted.stats().fallbacks.at("graph break"), 1u);
  // One graph can't hold it.
  auto whole = jit(fn);
  EXPECT_EQ(whole(Counting({3})).status().id(), ErrorId::E105);
}

TEST(TracePiecesTest, DeadValuesAreNotComputed) {
  auto fn = [](Array x) {
    {
      Array dead = cos(x);
      dead = dead * dead;
    }
    Array kept = sin(x);
    graph_break("here");
    return kept + 1;
  };
  auto jitted = ExpectSameInPieces(fn, Counting({3}));
  EXPECT_EQ(GraphsOf(jitted), (std::vector<Names>{{"sin"}, {"add"}}));
}

TEST(TracePiecesTest, EqualPiecesAreOneGraph) {
  auto fn = [](Array x) {
    for (int i = 0; i < 5; ++i) {
      x = sin(x) * 2;
      graph_break("a turn");
    }
    return x;
  };
  auto jitted = ExpectSameInPieces(fn, Counting({3}));
  EXPECT_EQ(jitted.stats().captures, 1u);
  EXPECT_EQ(jitted.stats().segments, 10u);
}

TEST(TracePiecesTest, SizesFromDataAreNumbers) {
  auto fn = [](Array x) {
    Array at = nonzero(x);
    const SymInt n = at.size(0);
    SymInt first = item(ops::reduce_sum(at));
    Array y = n > 2 ? x * first : x - first;
    return std::pair(y, at + n);
  };
  for (const std::vector<float>& values : {std::vector<float>{1, 0, 2, 3}, {0, 0, 5, 0}}) {
    const Array x = Array::From<float>({4}, values);
    auto eager = ValuesOf(fn(x));
    auto jitted = jit(
        [&](Array v) {
          graph_break("first");
          return fn(v);
        },
        kInPieces);
    auto result = jitted(x);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(ValuesOf(*result), eager);
  }
  auto jitted = jit([](Array x) { return item(ops::reduce_sum(x)) == 7 ? x + 1 : x; }, kInPieces);
  auto result = jitted(Array::From<int64_t>({2}, {3, 4}));
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->Values<int64_t>(), (std::vector<int64_t>{4, 5}));
  EXPECT_TRUE(jitted.stats().fallbacks.empty());
  // One graph could hold the number, but not the decision.
  ASSERT_TRUE(jitted(Array::From<int64_t>({2}, {3, 5})).ok());
  EXPECT_EQ(jitted.stats().fallbacks.at("host decision on data"), 1u);
}

TEST(TracePiecesTest, RegionsInPieces) {
  auto gn = region("gn", [](const Array& x) { return sin(x) * 2; });
  auto fn = [&](Array x) {
    Array a = gn(gn(x));
    graph_break("between");
    Array b = cond(
        ops::reduce_sum(a) > 0, [&] { return a + x; }, [&] { return a - x; });
    return wrap([&](const Array& v) { return gn(v) + a; }, b);
  };
  auto jitted = ExpectSameInPieces(fn, Counting({3}));
  EXPECT_EQ(GraphsOf(jitted),
            (std::vector<Names>{{"invoke", "invoke"}, {"reduce_sum", "gt", "cond", "wrap"}}));
  // A branch from data gives sizes that are numbers behind it.
  auto unequal = [](Array x) {
    graph_break("first");
    Array y = cond(
        ops::reduce_sum(x) > 0,
        [&] {
          return ops::concat({x, x});
        },
        [&] { return x + 0; });
    return y + y.size(0).value().value_or(-1);
  };
  ExpectSameInPieces(unequal, Counting({3}));
}

TEST(TracePiecesTest, WritesAreSeenAcrossBreaks) {
  Array state = Counting({3});
  auto fn = [&](Array x) {
    ops::add_(x, 1);
    Array y = x * 2;
    float first = x.Values<float>()[0];
    ops::mul_(x, y);
    ops::add_(state, x);
    graph_break("here");
    return x + y + first;
  };
  auto jitted = jit(fn, kInPieces);
  Array want = Counting({3});
  Array eager_state = Counting({3});
  for (int i = 0; i < 3; ++i) {
    Array x = Counting({3});
    StatusOr<Array> y = jitted(x);
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    Array state_after = state;
    std::swap(state, eager_state);
    Array e = Counting({3});
    EXPECT_EQ(ValuesOf(*y), ValuesOf(fn(e)));
    EXPECT_EQ(ValuesOf(x), ValuesOf(e));
    std::swap(state, eager_state);
    EXPECT_EQ(ValuesOf(state_after), ValuesOf(eager_state));
  }
}

TEST(TracePiecesTest, ViewsAndBasesPartAtABreak) {
  auto write = [](Array x) {
    Array a = x + 1;
    Array row = a.view({3, 1});
    graph_break("here");
    ops::add_(a, 1);
    return row + 0;
  };
  auto jitted = jit(write, kInPieces);
  StatusOr<Array> y = jitted(Counting({3}));
  EXPECT_EQ(y.status().id(), ErrorId::E511);
  EXPECT_NE(y.status().message().find("written in place"), std::string::npos)
      << y.status().message();
  auto read = [](Array x) {
    Array a = x + 1;
    Array row = a.view({3, 1});
    ops::add_(row, 1);
    graph_break("here");
    return std::pair(a * 2, row * 3);
  };
  auto reads = jit(read, kInPieces);
  auto both = reads(Counting({3}));
  ASSERT_TRUE(both.ok()) << both.status().ToString();
  EXPECT_EQ(both->first.Values<float>(), ((Counting({3}) + 2) * 2).Values<float>());
  EXPECT_EQ(both->second.Values<float>(), ((Counting({3}) + 2) * 3).Values<float>());
}

TEST(TracePiecesTest, CellsAndOtherState) {
  Cell<Array> last(Counting({3}), "last");
  Cell<int> calls(0, "calls");
  Array kept;
  auto fn = jit(
      [&](Array x) {
        Array y = x + last.get();
        last.set(y * 2);
        calls.set(calls.get() + 1);
        graph_break("here");
        kept = y - 1;
        return y * calls.get();
      },
      kInPieces);
  Array expected = Counting({3});
  for (int i = 1; i <= 3; ++i) {
    StatusOr<Array> y = fn(Counting({3}));
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    Array sum = Counting({3}) + expected;
    EXPECT_EQ(ValuesOf(*y), ValuesOf(sum * i));
    EXPECT_EQ(ValuesOf(kept), ValuesOf(sum - 1));  // an array outlives the call
    expected = sum * 2;
    EXPECT_EQ(ValuesOf(last.get()), ValuesOf(expected));
    EXPECT_EQ(calls.get(), i);
  }
}

TEST(TracePiecesTest, ErrorsEndTheCall) {
  auto fn = [](Array x) {
    graph_break("here");
    return ops::reshape(x, {7}) + 1;
  };
  auto jitted = jit(fn, kInPieces);
  for (int i = 0; i < 2; ++i) {
    StatusOr<Array> y = jitted(Counting({3}));
    EXPECT_EQ(y.status().id(), ErrorId::E504) << y.status().ToString();
  }
  auto forbidden = jit(
      [n = 0](Array x) mutable {
        graph_break("here");
        return x + ++n / 2;
      },
      {.full_graph = false, .error_on_recompile = true});
  EXPECT_TRUE(forbidden(Counting({3})).ok());
  EXPECT_EQ(forbidden(Counting({3})).status().id(), ErrorId::E403);
}

// ---- Wraps --------------------------------------------------------------------------------------

Array BreaksInside(const Array& v) {
  Array s = sin(v);
  graph_break("looks at the value");
  return sin(s);
}

TEST(TracePiecesTest, WithoutBreaksTheNextCallIsOneGraph) {
  int runs = 0;
  auto fn = jit(
      [&](Array x) {
        ++runs;
        return sin(x) + 1;
      },
      kInPieces);
  for (int i = 0; i < 4; ++i) {
    StatusOr<Array> y = fn(Counting({3}));
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    EXPECT_EQ(ValuesOf(*y), ValuesOf(sin(Counting({3})) + 1));
  }
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(fn.stats().segments, 1u);
  EXPECT_EQ(fn.stats().captures, 2u);
  EXPECT_TRUE(fn.stats().fallbacks.empty());
}

TEST(TracePiecesTest, ABrokenWrapBetweenTwoOps) {  // spec: higher_order_ops 114
  auto fn = [](Array x) { return wrap(BreaksInside, x.clone()).clone(); };
  auto jitted = ExpectSameInPieces(fn, Counting({3}));
  // Two pieces in each call; the clones are equal graphs.
  EXPECT_EQ(jitted.stats().segments, 4u);
  EXPECT_EQ(GraphsOf(jitted), (std::vector<Names>{{"copy"}}));
}

TEST(TracePiecesTest, ABrokenCheckpoint) {  // spec: higher_order_ops 190
  auto fn = [](Array x, Array y) {
    return cos(checkpoint(
        {}, [](const Array& a, const Array& b) { return BreaksInside(a * b); }, sin(x), y));
  };
  auto jitted = ExpectSameInPieces(fn, Counting({3}), Counting({3}, 2));
  EXPECT_EQ(GraphsOf(jitted), (std::vector<Names>{{"sin"}, {"cos"}}));
}

TEST(TracePiecesTest, OneOfThreeWrapsBreaks) {
  std::vector<int> order;
  auto fn = [&](Array x) {
    auto whole = [](const Array& v) { return wrap([](const Array& w) { return cos(w); }, v) + 1; };
    Array a = wrap(whole, x);
    Array b = wrap(
        [&](const Array& v) {
          order.push_back(1);
          return wrap(BreaksInside, whole(v));
        },
        a);
    return wrap(whole, b);
  };
  auto jitted = ExpectSameInPieces(fn, Counting({3}));
  EXPECT_EQ(GraphsOf(jitted), (std::vector<Names>{{"wrap"}}));
  EXPECT_EQ(jitted.stats().segments, 4u);
  // Eagerly; in the first call as a region, then op by op; in the second op by op.
  EXPECT_EQ(order.size(), 4u);
}

TEST(TracePiecesTest, SideEffectsInWraps) {
  List<Array> list({}, "list");
  auto fn = [&](Array x) {
    graph_break("first");
    list.push_back(x);
    Array y = wrap(
        [&](const Array& v) {
          list.push_back(v + 1);
          return v * 2;
        },
        x);
    return y + list.at(1);
  };
  auto jitted = jit(fn, kInPieces);
  for (int i = 0; i < 2; ++i) {
    list.clear();
    StatusOr<Array> y = jitted(Counting({3}));
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    EXPECT_EQ(ValuesOf(*y), ValuesOf(Counting({3}) * 2 + (Counting({3}) + 1)));
    ASSERT_EQ(list.size(), 2u);
  }
  EXPECT_EQ(jitted.stats().fallbacks.at("unsafe side effect"), 1u);
  EXPECT_EQ(GraphsOf(jitted), (std::vector<Names>{{"add", "mul", "add"}}));
}

TEST(TracePiecesTest, OtherRegionsStayWhole) {
  auto fn = jit(
      [](Array x) {
        graph_break("first");
        return cond(
            ops::reduce_sum(x) > 0, [&] { return BreaksInside(x); }, [&] { return x; });
      },
      kInPieces);
  EXPECT_EQ(fn(Counting({3})).status().id(), ErrorId::E105);
  auto in_wrap = jit(
      [](Array x) {
        return wrap(
            [](const Array& v) {
              return cond(
                  ops::reduce_sum(v) > 0, [&] { return BreaksInside(v); }, [&] { return v; });
            },
            x);
      },
      kInPieces);
  EXPECT_EQ(in_wrap(Counting({3})).status().id(), ErrorId::E105);
}

// ---- Observers ----------------------------------------------------------------------------------

// A module whose hook stores its input.
struct Hooked {
  Array weight;
  std::vector<std::vector<double>>* seen;

  Array operator()(const Array& x) const {
    observe(x, [seen = seen](const Array& input) { seen->push_back(input.Values<double>()); });
    return x * weight;
  }
};

TEST(TracePiecesTest, HooksFireOnEachCall) {  // spec: higher_order_ops 93
  std::vector<std::vector<double>> seen;
  const Hooked module{Counting({3}), &seen};
  auto body = [&](Array x) { return wrap([&](const Array& v) { return module(v + 1) - 1; }, x); };
  const Array x = Counting({3});
  Array want = body(x);
  auto whole = jit(body);
  auto reused = jit([&](Array v) {
    return region("r", [&](const Array& w) { return wrap(module, w + 1); })(v) - 1;
  });
  auto pieces = jit(
      [&](Array v) {
        Array y = body(v);
        graph_break("behind");
        return y;
      },
      kInPieces);
  ASSERT_EQ(seen.size(), 1u);
  const std::vector<double> first = seen[0];
  auto check = [&](auto& fn) {
    for (int i = 0; i < 2; ++i) {  // the second call is served by the graph of the first
      seen.clear();
      StatusOr<Array> y = fn(x);
      ASSERT_TRUE(y.ok()) << y.status().ToString();
      EXPECT_EQ(ValuesOf(*y), ValuesOf(want));
      EXPECT_EQ(seen, std::vector<std::vector<double>>{first});
    }
    EXPECT_EQ(fn.stats().captures, 1u);
  };
  check(whole);
  check(reused);
  check(pieces);
  auto branch = [&](Array v) {
    return cond(
        ops::reduce_sum(v) > 0, [&] { return module(v); }, [&] { return v + 0; });
  };
  EXPECT_EQ(testing::TraceError(branch, std::tuple(x), "cond"), ErrorId::E107);
  EXPECT_EQ(testing::TraceError(body, std::tuple(x), "observer"), ErrorId::E107);
}

}  // namespace
}  // namespace gcomp
