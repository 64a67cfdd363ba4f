// Loops written in C++ (map, while, scan): docs/spec/higher_order_ops.md 2.5, 1.10, 1.11.
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
using testing::OperandNames;
using testing::OpsOf;
using testing::RegionOp;
using testing::TraceError;

TEST(TraceMapTest, NestedMaps) {  // spec: higher_order_ops 115
  auto fn = [](Array xs, Array y) {
    return map(
        [](const Array& x, const Array& w) {
          return map([](const Array& row, const Array& v) { return row + v; }, x, w);
        },
        xs, y);
  };
  const auto args = std::tuple(Counting({2, 3, 3}), Counting({3}, 2));
  std::optional<Traced> traced = MustTrace(fn, args, {.arg_names = {"xs", "y"}});
  ASSERT_TRUE(traced.has_value());
  const ir::Function& main = traced->main();
  EXPECT_EQ(NamesOf(OpsOf(main)), (Names{"map"}));
  const ir::Op* outer = RegionOp(main, main.body);
  EXPECT_EQ(OperandNames(main, *outer), (Names{"xs", "y"}));
  EXPECT_EQ(NamesOf(OpsOf(main, outer->regions[0])), (Names{"map"}));
  const ir::Op* inner = RegionOp(main, outer->regions[0]);
  EXPECT_EQ(inner->operands.size(), 2u);
  ExpectSameAsEager(fn, Counting({2, 3, 3}), Counting({3}, 2));
}

TEST(TraceMapTest, ResultsStayApart) {  // spec: higher_order_ops 116
  auto fn = [](Array xs) {
    return map([](const Array& x) { return std::pair(sin(x), sin(x)); }, xs);
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({3})));
  ASSERT_TRUE(traced.has_value());
  const ir::Op* op = RegionOp(traced->main(), traced->main().body);
  EXPECT_EQ(op->results.size(), 2u);
  EXPECT_EQ(NamesOf(OpsOf(traced->main(), op->regions[0])), (Names{"sin", "sin"}));
  ExpectSameAsEager(fn, Counting({3}));
}

TEST(TraceMapTest, TreeOfSevenClones) {  // spec: higher_order_ops 117
  auto fn = [](Array xs) {
    return map(
        [](const Array& x) {
          return std::tuple(
              x.clone(), std::vector<std::vector<Array>>{{x.clone()}, {x.clone(), x.clone()}},
              std::map<std::string, Array>{{"a", x.clone()}, {"b", x.clone()}, {"c", x.clone()}});
        },
        xs);
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({4, 2})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(traced->main().results.size(), 7u);
  ExpectSameAsEager(fn, Counting({4, 2}));
}

TEST(TraceMapTest, HostIntegerIsBaked) {  // spec: higher_order_ops 119
  auto fn = [](Array x, Array y) {
    return map([](const Array& a, const SymInt& n) { return sin(a + n); }, x, y.size(0));
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({3, 1}), Counting({3, 1})));
  ASSERT_TRUE(traced.has_value());
  const ir::Op* op = RegionOp(traced->main(), traced->main().body);
  EXPECT_EQ(op->operands.size(), 1u);
  EXPECT_EQ(NamesOf(OpsOf(traced->main(), op->regions[0])), (Names{"add", "sin"}));
  ExpectSameAsEager(fn, Counting({3, 1}), Counting({3, 1}));
}

TEST(TraceMapTest, SizesAndStridesOfManyInputs) {  // spec: higher_order_ops 120
  auto run = [](auto make) {
    return [make](Array x) {
      return map(
          [](const Array& v) {
            Array s = cos(v);
            return std::tuple(sin(v), v.rank() < 2 ? s : s.t(), sin(v).reshape({v.NumElements()}));
          },
          make(x));
    };
  };
  auto check_one = [](auto fn, const Array& x) {
    ExpectSameAsEager(fn, x);
    auto jitted = jit(fn);
    auto result = jitted(x);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    std::apply([](const auto&... y) { EXPECT_TRUE((y.tensor()->IsContiguous() && ...)); }, *result);
  };
  auto same = [](const Array& x) { return x; };
  for (const std::vector<int64_t>& sizes :
       {std::vector<int64_t>{3}, {3, 4}, {3, 4, 5}, {1, 4}, {4, 1, 2}}) {
    check_one(run(same), Counting(sizes));
  }
  const Array cube = Counting({4, 5, 6}, 0.125f);
  check_one(run([](const Array& x) { return x.t(); }), cube);
  check_one(run([](const Array& x) { return ops::transpose(x, {.dims = {{2, 0, 1}}}); }), cube);
  check_one(run([](const Array& x) { return x.slice(1, 1, 4); }), cube);
  check_one(run([](const Array& x) { return x.slice(0, 1, 3).t(); }), cube);
  check_one(run([](const Array& x) { return ops::slice(x, {.dim = 2, .step = 2}); }), cube);
  check_one(run([](const Array& x) { return ops::slice(x, {.dim = 0, .start = 1, .step = 2}); }),
            cube);
  check_one(run([](const Array& x) { return x.view({20, 6}); }), cube);
  check_one(run([](const Array& x) { return x.reshape({2, 60}); }), cube);
  check_one(run([](const Array& x) { return ops::unsqueeze(x, {.dim = 1}); }), Counting({3, 4}));
}

TEST(TraceMapTest, RefusesWritesAndHostEffects) {  // spec: higher_order_ops 121
  const Array buffer = Counting({3});
  auto writes = [&](Array xs) {
    return map([&](const Array& x) { return x + buffer.add_(1); }, xs);
  };
  EXPECT_EQ(TraceError(writes, std::tuple(Counting({2, 3})), "map: "), ErrorId::E224);
  List<int> list({1}, "outer");
  auto pushes = [&](Array xs) {
    return map(
        [&](const Array& x) {
          list.push_back(1);
          list.pop_back();
          return x + 1;
        },
        xs);
  };
  EXPECT_EQ(TraceError(pushes, std::tuple(Counting({2, 3})), "the body of map"), ErrorId::E107);
}

TEST(TraceMapTest, Lengths) {
  auto fn = [](Array x, Array y) {
    return map([](const std::pair<Array, Array>& p) { return p.first + p.second; },
               std::pair(x, y));
  };
  EXPECT_EQ(TraceError(fn, std::tuple(Counting({2, 3}), Counting({4, 3}))), ErrorId::E221);
  auto one = [](Array x) { return map([](const Array& v) { return v + 1; }, x); };
  EXPECT_EQ(TraceError(one, std::tuple(Counting({0, 3}))), ErrorId::E222);
  EXPECT_EQ(one(Counting({0, 3})).tensor().status().id(), ErrorId::E222);
}

TEST(TraceLoopTest, While) {
  const Array w = Counting({4}, 0.5f);
  auto fn = [&](Array x) {
    auto out = while_loop(
        [](const auto& c) { return std::get<0>(c) < 10; },
        [&](const auto& c) { return std::tuple(std::get<0>(c) + 1, std::get<1>(c) * w); },
        std::tuple(Array(0), x), {.max_trip = 100});
    return std::get<1>(out) + std::get<0>(out).cast(DType::kF32);
  };
  ExpectSameAsEager(fn, Counting({3, 4}));
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({3, 4})));
  ASSERT_TRUE(traced.has_value());
  const ir::Op* op = RegionOp(traced->main(), traced->main().body);
  EXPECT_EQ(op->operands.size(), 3u);  // two carries, one extra
  auto changes = [](Array x) {
    return while_loop([](const Array& c) { return ops::reduce_sum(c) < 10; },
                      [](const Array& c) {
                        return ops::concat({c, c});
                      },
                      x);
  };
  EXPECT_EQ(TraceError(changes, std::tuple(Counting({3}))), ErrorId::E211);
  auto writes = [&](Array x) {
    return while_loop([](const Array& c) { return ops::reduce_sum(c) < 10; },
                      [&](const Array& c) { return c + w.add_(1); }, x);
  };
  EXPECT_EQ(TraceError(writes, std::tuple(Counting({4}))), ErrorId::E213);
}

TEST(TraceLoopTest, Scan) {
  const Array u = Counting({2}, 0.5f);
  auto fn = [&](bool reverse) {
    return [&u, reverse](Array h, Array x) {
      return scan(
          [&](const Array& c, const Array& v) {
            Array next = c * u + v;
            return std::pair(next, sin(next));
          },
          h, x, {.dim = 1, .reverse = reverse});
    };
  };
  for (bool reverse : {false, true}) {
    ExpectSameAsEager(fn(reverse), Counting({2}), Counting({2, 5}));
  }
  auto changes = [](Array h, Array x) {
    return scan(
        [](const Array& c, const Array& v) {
          return std::pair(ops::concat({c, c}), v + 0);
        },
        h, x);
  };
  EXPECT_EQ(TraceError(changes, std::tuple(Counting({2}), Counting({3, 2}))), ErrorId::E223);
}

TEST(TraceLoopTest, AssociativeScan) {
  using Pair = std::pair<Array, Array>;
  auto affine = [](Array a, Array b) {
    return associative_scan(
        [](const Pair& l, const Pair& r) {
          return Pair(l.first * r.first, l.second * r.first + r.second);
        },
        Pair(a, b), {.dim = 1});
  };
  ExpectSameAsEager(affine, Counting({2, 3}, 0.5f), Counting({2, 3}));
  auto products = [](Array x) {
    return associative_scan([](const Array& l, const Array& r) { return ops::matmul(l, r); }, x,
                            {.reverse = true, .slices = true});
  };
  ExpectSameAsEager(products, Counting({3, 2, 2}, 0.5f));
  auto captures = [](Array x) {
    return associative_scan([&](const Array& l, const Array& r) { return l + r + x; }, x);
  };
  EXPECT_EQ(TraceError(captures, std::tuple(Counting({3}))), ErrorId::E225);
}

// ---- Numbers of the host as carries -------------------------------------------------------------

TEST(TraceWhileTest, SizesInTheCarry) {
  // Sums of the first 1, 2, ... elements.
  auto fn = [](Array x) {
    auto [n, total] =
        while_loop([&](auto& c) { return std::get<0>(c) < x.size(0); },
                   [&](auto& c) {
                     auto [k, sum] = c;
                     return std::tuple(k + 1, sum + ops::reduce_sum(x.slice(0, 0, k + 1)));
                   },
                   std::tuple(SymInt(0), Array::From<float>({}, {0})));
    return std::pair(total, x + n);
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({4})));
  ASSERT_TRUE(traced.has_value());
  ExpectSameAsEager(fn, Counting({4}));
  // In a reusable region, and with a size of the caller's.
  auto gn = region("gn", [](const Array& x) {
    auto [n, y] =
        while_loop([](auto& c) { return std::get<0>(c) < 100; },
                   [](auto& c) { return std::tuple(std::get<0>(c) * 2, std::get<1>(c) + 1); },
                   std::tuple(x.size(0), x));
    return y * n;
  });
  auto twice = [&](Array x) { return gn(gn(x)); };
  ExpectSameAsEager(twice, Counting({3}));
  traced = MustTrace(twice, std::tuple(Counting({3})), {.all_dynamic = true});
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(traced->module.functions.size(), 2u);
}

TEST(TraceWhileTest, NegativeSizesInTheCarryAreErrors) {
  auto down = [](const SymInt& stop) {
    return [=](Array x) {
      auto [n, y] =
          while_loop([&](auto& c) { return std::get<0>(c) > stop; },
                     [](auto& c) { return std::tuple(std::get<0>(c) - 1, std::get<1>(c) * 2); },
                     std::tuple(SymInt(3), x));
      return y + n;
    };
  };
  ExpectSameAsEager(down(0), Counting({3}));
  auto below = jit(down(-2));
  EXPECT_EQ(below(Counting({3})).status().id(), ErrorId::E401);
}

TEST(TraceScanTest, SizesInTheCarry) {
  auto fn = [](Array x, Array y) {
    auto [carry, ys] = scan(
        [&](std::pair<Array, SymInt>& c, Array& row) {
          Array next = c.first + row * c.second;
          return std::pair(std::pair(next, c.second + 2),
                           next + ops::reduce_sum(y.slice(0, 0, c.second)));
        },
        std::pair(Array::From<float>({2}, {0, 1}), SymInt(1)), x);
    return std::tuple(carry.first * carry.second, ys, y.slice(0, 0, carry.second));
  };
  ExpectSameAsEager(fn, Counting({3, 2}), Counting({8}));
  auto pieces = jit(
      [&](Array x, Array y) {
        graph_break("first");
        return fn(x, y);
      },
      {.full_graph = false});
  auto result = pieces(Counting({3, 2}), Counting({8}));
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(testing::ValuesOf(*result), testing::ValuesOf(fn(Counting({3, 2}), Counting({8}))));
}

}  // namespace
}  // namespace gcomp
