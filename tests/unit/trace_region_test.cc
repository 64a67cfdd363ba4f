// Reusable regions: docs/spec/higher_order_ops.md 2.1, what needs neither gradients nor a compiled
// tier.
#include "ir/passes/decompose.h"
#include "ir/structure.h"
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

TEST(TraceRegionTest, CallsTheFunctionOutsideOfATrace) {  // spec: higher_order_ops 33
  auto gn = region("gn", [](const Array& x, const Array& y) { return x * y; });
  auto fn = [&](Array x, Array y) { return gn(x, y); };
  EXPECT_EQ(gn(Counting({8}), Counting({8})).Values<float>(),
            (Counting({8}) * Counting({8})).Values<float>());
  ExpectSameAsEager(fn, Counting({8}), Counting({8}, 2));
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8}), Counting({8}, 2)));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
}

TEST(TraceRegionTest, TwoRegionsThreeCalls) {
  auto c = region("cos", [](const Array& x) { return cos(x); });
  auto s = region("sin", [](const Array& x) { return sin(x); });
  auto fn = [&](Array x) { return c(s(c(x))); };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 2u);
  EXPECT_EQ(NumInvokes(*traced), 3u);
  ExpectSameAsEager(fn, Counting({8}));
}

TEST(TraceRegionTest, HostFieldsAreBaked) {
  int c = 5;
  auto mod = region("mod", [&](const Array& x, const Array& y) { return sin(x * y) + c; });
  auto fn = [&](Array x, Array y) { return mod(x, y) + mod(x, y); };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8}), Counting({8}, 2)));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
  EXPECT_EQ(OpsOf(*traced->module.functions[0]).size(), 3u);
  ExpectSameAsEager(fn, Counting({8}), Counting({8}, 2));
}

TEST(TraceRegionTest, ListAndTupleResults) {
  auto list = region("list", [](const Array& x, const Array& y) {
    return std::vector<Array>{x * y, x + y};
  });
  auto fn = [&](Array x, Array y) {
    std::vector<Array> out = list(x, y);
    out.push_back(sin(x));
    return out;
  };
  ExpectSameAsEager(fn, Counting({8}), Counting({8}, 2));
  auto nested = region("nested", [](const Array& x, const Array& y) {
    return std::tuple(std::tuple(x * y), x + y);
  });
  ExpectSameAsEager([&](Array x, Array y) { return nested(x, y); }, Counting({8}),
                    Counting({8}, 2));
}

TEST(TraceRegionTest, Dedupe) {  // spec: higher_order_ops 16, 46
  auto gn = region("gn", [](const Array& x, const Array& y) { return x * y; });
  auto fn = [&](Array x, Array y) { return gn(gn(x, y), y); };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8}), Counting({8}, 2)));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
  EXPECT_EQ(NumInvokes(*traced), 2u);
  ExpectSameAsEager(fn, Counting({8}), Counting({8}, 2));
  auto s = region("s", [](const Array& x) { return sin(x); });
  auto shapes = [&](Array x, Array y) { return std::pair(s(x), s(y)); };
  traced = MustTrace(shapes, std::tuple(Counting({8, 8}), Counting({16, 16})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 2u);
  ExpectSameAsEager(shapes, Counting({8, 8}), Counting({16, 16}));
}

TEST(TraceRegionTest, DeadOpsAreDropped) {  // spec: higher_order_ops 17
  auto gn = region("gn", [](const Array& x) {
    Array s = sin(x);
    cos(s);
    return s;
  });
  std::optional<Traced> traced =
      MustTrace([&](Array x) { return gn(x); }, std::tuple(Counting({4})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NamesOf(OpsOf(*traced->module.functions[0])), (Names{"sin"}));
}

TEST(TraceRegionTest, RandomOpsAreLoweredInside) {  // spec: higher_order_ops 15
  auto gn = region("gn", [](const Array& x, const Array& key) {
    return ops::dropout(sin(x), {.key = key, .p = 0.5});
  });
  auto fn = [&](Array x, Array seed) { return gn(x, ops::rng_key(seed)); };
  const std::tuple args(Counting({8}), Array::From<int64_t>({}, {7}));
  std::optional<Traced> traced = MustTrace(fn, args);
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
  EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"rng.key", "invoke"}));
  EXPECT_EQ(OpsOf(traced->main())[1]->results.size(), 1u);  // nothing is saved
  StatusOr<std::shared_ptr<Engine>> engine = internal::DefaultEngine();
  ASSERT_TRUE(engine.ok());
  StatusOr<bool> lowered = ir::DecomposeOps(traced->module, {.ops = (*engine)->ops()});
  ASSERT_TRUE(lowered.ok()) << lowered.status().ToString();
  EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"rng.key", "invoke"}));
  const std::vector<const ir::Op*> body = OpsOf(*traced->module.functions[0]);
  EXPECT_EQ(testing::Find(body, "dropout"), nullptr);
  EXPECT_NE(testing::Find(body, "rng.uniform"), nullptr) << ir::Print(traced->module);
  auto jitted = jit(fn);
  StatusOr<Array> y = jitted(std::get<0>(args), std::get<1>(args));
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  std::vector<float> values = y->Values<float>();
  std::vector<float> kept = (sin(Counting({8})) * 2).Values<float>();
  for (size_t i = 0; i < 8; ++i) EXPECT_TRUE(values[i] == 0 || values[i] == kept[i]) << i;
}

struct Pair {
  Array a, b;
  GCOMP_FIELDS(a, b)
};

TEST(TraceRegionTest, PureBodiesRunOncePerKindOfArguments) {
  int runs = 0;

  auto body = [&](const Array& x, const Pair& p, int k) {
    ++runs;
    return std::pair(sin(x) * p.b + k, std::optional<Array>(x - p.a));
  };
  auto fn = [&](const RegionOptions& options) {
    return [&body, options](Array x, Array y) {
      auto gn = region("gn", body, options);
      Array z = x;
      for (int i = 0; i < 5; ++i) z = gn(z, Pair{x, y}, 2).first;
      Array same = gn(z, Pair{x, x}, 2).first;    // one array twice
      Array number = gn(z, Pair{x, y}, 3).first;  // another static argument
      auto [left, right] = gn(y, Pair{z, y}, 2);
      return std::tuple(same, number + left, *right);
    };
  };
  const std::tuple args(Counting({4}), Counting({4}, 2));
  std::optional<Traced> plain = MustTrace(fn({}), args);
  EXPECT_EQ(runs, 8);
  runs = 0;
  std::optional<Traced> pure = MustTrace(fn({.pure = true}), args);
  ASSERT_TRUE(plain.has_value() && pure.has_value());
  // x as the first argument and in the pair, not so, with k = 3, one array twice, y twice.
  EXPECT_EQ(runs, 5);
  EXPECT_TRUE(ir::Equal(plain->module, pure->module))
      << ir::Print(plain->module) << ir::Print(pure->module);
  ExpectSameAsEager(fn({.pure = true}), std::get<0>(args), std::get<1>(args));
  // A captured array is no argument: the body runs each time.
  int captured_runs = 0;
  auto captures = [&](Array x, Array y) {
    auto gn = region("gn",
                     [&](const Array& v) {
                       ++captured_runs;
                       return v * y;
                     },
                     {.pure = true});
    return gn(gn(gn(x)));
  };
  ExpectSameAsEager(captures, std::get<0>(args), std::get<1>(args));
  EXPECT_EQ(captured_runs, 9);
  // So it does where it writes.
  auto writes = [&](Array x) {
    auto gn = region("gn",
                     [](const Array& v) {
                       ops::add_(v, 1);
                       return v * 2;
                     },
                     {.pure = true});
    Array a = gn(x);
    Array b = gn(x);
    return a + b + x;
  };
  std::optional<Traced> written = MustTrace(writes, std::tuple(Counting({4})));
  ASSERT_TRUE(written.has_value());
  EXPECT_EQ(NumInvokes(*written), 2u);
}

TEST(TraceRegionTest, HostCounterMakesTwoFunctions) {  // spec: higher_order_ops 18
  auto fn = [](Array x, Array y) {
    int counter = 2;
    auto gn = region("gn", [&](const Array& a, const Array& b) { return a * b * counter; });
    Array first = gn(x, y);
    counter = 3;
    return first + gn(x, y);
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8}), Counting({8}, 2)));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(NamesOf(OpsOf(*traced->module.functions[i])), (Names{"mul", "mul"}));
  }
  ExpectSameAsEager(fn, Counting({8}), Counting({8}, 2));
}

TEST(TraceRegionTest, LocalNamesDoNotBreakIdentity) {  // spec: higher_order_ops 21
  auto gn = region("gn", [](Array x, const Array& y) {
    for (int i = 0; i < 5; ++i) x = x * y;
    return x;
  });
  auto fn = [&](Array x, Array y) {
    for (int i = 0; i < 5; ++i) x = gn(x, y);
    return x;
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8}), Counting({8}, 0.5f)));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
  EXPECT_EQ(NumInvokes(*traced), 5u);
  EXPECT_EQ(OpsOf(*traced->module.functions[0]).size(), 5u);
  ExpectSameAsEager(fn, Counting({8}), Counting({8}, 0.5f));
}

TEST(TraceRegionTest, ModulesAsRegions) {  // spec: higher_order_ops 34, 35
  const Array weight = Counting({8, 8}, 0.0625f);
  const Array bias = Counting({8}, 0.5f);
  auto linear =
      region("linear", [&](const Array& h) { return ops::linear(h, weight, {.bias = bias}); });
  auto fn = [&](Array x) {
    Array h = linear(x);
    return x + h * linear(h) + x;
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8, 8}, 0.0625f)));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
  EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"invoke", "invoke", "mul", "add", "add"}));
  EXPECT_EQ(OpsOf(traced->main())[0]->operands.size(), 3u);
  EXPECT_EQ(OpsOf(traced->main())[1]->operands.size(), 3u);
  ExpectSameAsEager(fn, Counting({8, 8}, 0.0625f));
  auto pair = region("pair", [&](const Array& x) {
    return std::pair(cos(x), ops::linear(x, weight, {.bias = bias}));
  });
  ExpectSameAsEager(
      [&](Array x) {
        auto [a, b] = pair(x);
        return a + b;
      },
      Counting({8, 8}, 0.0625f));
}

TEST(TraceRegionTest, RawInvokeIsRefused) {  // spec: higher_order_ops 26
  auto fn = [](Array x) { return call_op("invoke", {{x}})[0]; };
  EXPECT_EQ(testing::TraceError(fn, std::tuple(Counting({4})), "region("), ErrorId::E108);
}

TEST(TraceRegionTest, MarkedTwiceIsMarkedOnce) {  // spec: higher_order_ops 32
  auto gn = region("outer", region("inner", [](const Array& x) { return sin(x); }));
  auto fn = [&](Array x) { return gn(x) + gn(x); };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8, 8})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
  EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"invoke", "invoke", "add"}));
  ExpectSameAsEager(fn, Counting({8, 8}));
}

TEST(TraceRegionTest, NoneInResults) {  // spec: higher_order_ops 37
  auto gn = region("gn", [](const Array& x, bool train) {
    std::optional<Array> mask;
    if (train) mask = x * 0;
    return std::tuple(x * 2, mask, x * 3);
  });
  auto fn = [&](Array x) {
    auto out = gn(x, false);
    return std::get<0>(out) + std::get<2>(out);
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8, 8})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(traced->module.functions[0]->results.size(), 2u);
  ExpectSameAsEager(fn, Counting({8, 8}));
}

TEST(TraceRegionTest, DynamicSizes) {  // spec: higher_order_ops 38
  auto gn = region("gn", [](const Array& x) { return sin(x); });
  auto fn = [&](Array x) { return gn(x) + gn(x); };
  std::optional<Traced> traced = MustTrace(
      fn, std::tuple(Counting({8, 8})), {.arg_names = {"x"}, .dynamic = {{.leaf = "x", .dim = 0}}});
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
  EXPECT_EQ(traced->module.functions[0]->num_symbol_params, 1u);
  ExpectSameAsEager(fn, Counting({8, 8}));
}

TEST(TraceRegionTest, DataDependentValues) {  // spec: higher_order_ops 39, 40, 51, 58, 59
  const Array index = Array::From<int64_t>({8}, {3, 1, 2, 4, 5, 6, 7, 8});
  auto scaled =
      region("scaled", [](const Array& x) { return x * item(x.slice(0, 0, 1).reshape({})); });
  auto pending = [&](Array x) { return scaled(scaled(x)); };
  std::optional<Traced> traced = MustTrace(pending, std::tuple(index));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u) << ir::Print(traced->module);
  ExpectSameAsEager(pending, index);
  const Array four = Array::From<int64_t>({}, {4});
  auto head = region("head", [](const Array& n, const Array& y) {
    SymInt b = item(n);
    check(b >= 0);
    check(b <= y.size(0));
    return y.slice(0, 0, b).clone();
  });
  auto fn = [&](Array n, Array y) { return head(n, y); };
  traced = MustTrace(fn, std::tuple(four, Counting({8})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(traced->module.functions[0]->defines.size(), 1u);
  ExpectSameAsEager(fn, four, Counting({8}));
  auto many = [&](Array n, Array y) {
    std::vector<Array> parts;
    for (int i = 0; i < 10; ++i) parts.push_back(head(n, y));
    return ops::concat(parts);
  };
  traced = MustTrace(many, std::tuple(four, Counting({8})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
  ExpectSameAsEager(many, four, Counting({8}));
  auto positions =
      region("positions", [](const Array& x) { return sin(nonzero(x).cast(DType::kF32)); });
  auto sum = [&](Array x) { return positions(x) + positions(x); };
  traced = MustTrace(sum, std::tuple(Counting({64, 1})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
  ExpectSameAsEager(sum, Counting({64, 1}));
}

TEST(TraceRegionTest, CheckpointedBodies) {  // spec: higher_order_ops 43
  auto first = region("first", [](const Array& x) {
    return checkpoint(
        {}, [](const Array& v) { return cos(v); }, x);
  });
  auto second = region("second", [](const Array& x) {
    return checkpoint(
        {}, [](const Array& v) { return sin(v); }, x);
  });
  auto fn = [&](Array x) { return first(x) + first(x) + second(x); };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 2u);
  EXPECT_EQ(NumInvokes(*traced), 3u);
  ExpectSameAsEager(fn, Counting({8}));
}

TEST(TraceRegionTest, ConstantsAndHostArithmetic) {  // spec: higher_order_ops 42
  auto constant =
      region("constant", [](const Array& x) { return ops::full(64.0, DType::kF32, {}) * x; });
  ExpectSameAsEager([&](Array x) { return constant(x) + constant(x); }, Counting({64, 1}));
  auto div = region("div", [](const Array& x) {
    const int n = 1024 / 256;
    return ops::full(1.0, DType::kF32, {64, n}) * n * x;
  });
  ExpectSameAsEager([&](Array x) { return div(x) + div(x); }, Counting({64, 1}));
}

TEST(TraceRegionTest, ReturnsSizes) {  // spec: higher_order_ops 47
  auto gn = region("gn", [](const Array& x) { return std::pair(x + 1, x.sizes()); });
  auto fn = [&](Array x) {
    auto [a, sizes] = gn(x);
    auto [b, again] = gn(a);
    return std::tuple(b, sizes, again);
  };
  for (JitOptions::Dynamic dynamic : {JitOptions::Dynamic::kOff, JitOptions::Dynamic::kAll}) {
    auto jitted = jit(fn, {.dynamic = dynamic});
    auto result = jitted(Counting({8, 8}));
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(std::get<0>(*result).Values<float>(), (Counting({8, 8}) + 1 + 1).Values<float>());
    for (const SymInt& size : std::get<1>(*result)) EXPECT_EQ(size.value(), 8);
    EXPECT_EQ(std::get<2>(*result).size(), 2u);
  }
}

TEST(TraceRegionTest, DifferentSizeExpressions) {  // spec: higher_order_ops 48
  auto gn = region("gn", [](const Array& x) { return sin(x); });
  auto fn = [&](Array x) {
    Array a = gn(x);
    return gn(a.slice(0, 0, a.size(0) / 2));
  };
  std::optional<Traced> traced = MustTrace(
      fn, std::tuple(Counting({8, 8})), {.arg_names = {"x"}, .dynamic = {{.leaf = "x", .dim = 0}}});
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(traced->module.functions[i]->num_symbol_params, 1u);
    EXPECT_EQ(traced->module.functions[i]->params().size(), 1u);
  }
  ExpectSameAsEager(fn, Counting({8, 8}));
}

struct Foo {
  Array a, b;
  GCOMP_FIELDS(a, b)
};

TEST(TraceRegionTest, StructResults) {  // spec: higher_order_ops 55
  auto gn = region("gn", [](const Array& x, const Array& y) { return Foo{sin(x), cos(y)}; });
  auto fn = [&](Array x, Array y) {
    Foo first = gn(x, y);
    Foo second = gn(first.a, y);
    return first.b + second.a;
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8}), Counting({8}, 2)));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
  EXPECT_EQ(traced->module.functions[0]->results.size(), 2u);
  EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"invoke", "invoke", "add"}));
  ExpectSameAsEager(fn, Counting({8}), Counting({8}, 2));
}

TEST(TraceRegionTest, ReloadsFromText) {  // spec: higher_order_ops 57
  auto gn = region("gn", [](const Array& x, const Array& y) { return x * y; });
  auto fn = [&](Array x, Array y) { return gn(gn(x, y), y); };
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create({});
  ASSERT_TRUE(engine.ok());
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8}), Counting({8}, 2)));
  ASSERT_TRUE(traced.has_value());
  StatusOr<ir::Module> module = ParseModule(**engine, ir::Print(traced->module), "saved.ir");
  ASSERT_TRUE(module.ok()) << module.status().ToString();
  EXPECT_EQ(module->functions.size(), 2u);
  StatusOr<std::shared_ptr<Session>> session =
      Session::Load(*engine, *std::move(module), nullptr, {});
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main");
  ASSERT_TRUE(context.ok());
  std::vector<Tensor> inputs = {*Counting({8}).tensor(), *Counting({8}, 2).tensor()};
  std::vector<Tensor> outputs;
  ASSERT_TRUE((*context)->Run(inputs, outputs).ok());
  EXPECT_EQ(Array(outputs[0]).Values<float>(), fn(Counting({8}), Counting({8}, 2)).Values<float>());
}

TEST(TraceRegionTest, InstancesShareOneFunction) {  // spec: higher_order_ops 60
  const Array buffer = Counting({8}, 3);
  auto fn = [&](Array x, Array y) {
    for (int i = 0; i < 10; ++i) {
      // Each instance holds its own handle of one tensor.
      const Array own = buffer;
      auto forward =
          region("forward", [own](const Array& a, const Array& b) { return a * b + own; });
      x = forward(x, y);
    }
    return x;
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8}), Counting({8}, 0.125f)));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NumRegions(*traced), 1u);
  EXPECT_EQ(NumInvokes(*traced), 10u);
  EXPECT_EQ(traced->captured.size(), 1u);
  ExpectSameAsEager(fn, Counting({8}), Counting({8}, 0.125f));
}

TEST(TraceRegionTest, BreakInARegion) {  // spec: higher_order_ops 61
  auto gn = region("gn", [](const Array& x) {
    Array s = sin(x);
    graph_break("prints the value");
    return cos(s);
  });
  EXPECT_EQ(testing::TraceError([&](Array x) { return gn(x); }, std::tuple(Counting({4})),
                                "prints the value; while tracing main / invoke gn"),
            ErrorId::E105);
}

}  // namespace
}  // namespace gcomp
