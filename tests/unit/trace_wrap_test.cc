// Capture and lifting through `wrap`: docs/spec/higher_order_ops.md 2.2.
#include "tests/unit/trace_testing.h"

namespace gcomp {
namespace {

using ops::cos;
using ops::sin;
using testing::Counting;
using testing::Counts;
using testing::CountsOf;
using testing::ExpectSameAsEager;
using testing::MustTrace;
using testing::Names;
using testing::NamesOf;
using testing::OperandNames;
using testing::OpsOf;
using testing::RegionOp;
using testing::StaticAndDynamic;

// `args a/b`, `ops k/p` of the page: a - 1 operands, b - a symbols, k - p ops.
void ExpectCounts(std::pair<Counts, Counts> got, size_t args, size_t dynamic_args, size_t ops,
                  size_t projections) {
  EXPECT_EQ(got.first, (Counts{args - 1, 0, ops - projections}));
  EXPECT_EQ(got.second, (Counts{args - 1, dynamic_args - args, ops - projections}));
}

TEST(TraceWrapTest, NoFreeVariables) {  // spec: higher_order_ops 62
  auto fn = [](Array x) { return wrap([](const Array& v) { return sin(v); }, x); };
  ExpectCounts(StaticAndDynamic(fn, std::tuple(Counting({3}))), 2, 3, 2, 1);
  ExpectSameAsEager(fn, Counting({3}));
}

enum class Which { kSin, kCos };

TEST(TraceWrapTest, EnumArgumentIsStatic) {  // spec: higher_order_ops 63
  auto fn = [](Array x, Which which) {
    return wrap([](const Array& v, Which w) { return w == Which::kSin ? sin(v) : cos(v); }, x,
                which);
  };
  ExpectCounts(StaticAndDynamic(fn, std::tuple(Counting({3}), Which::kSin)), 2, 3, 2, 1);
  auto jitted = jit(fn);
  ASSERT_TRUE(jitted(Counting({3}), Which::kSin).ok());
  StatusOr<Array> y = jitted(Counting({3}), Which::kCos);
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(y->Values<float>(), cos(Counting({3})).Values<float>());
  EXPECT_EQ(jitted.stats().captures, 2u);
}

TEST(TraceWrapTest, ReturnsCapturedValues) {  // spec: higher_order_ops 64, 65
  auto one = [](Array x) {
    Array f = sin(x);
    return wrap([&](const Array&) { return f; }, x) + 0;
  };
  // The captured value is joined again in the caller; nothing is left of the wrap's result.
  std::optional<Traced> traced = MustTrace(one, std::tuple(Counting({3})));
  ASSERT_TRUE(traced.has_value());
  const ir::Op* op = RegionOp(traced->main(), traced->main().body);
  EXPECT_TRUE(op == nullptr || op->results.empty());
  ExpectSameAsEager(one, Counting({3}));
  auto three = [](Array x, Array f1, Array f2) {
    return wrap([&](const Array&) { return std::tuple(f1, f2, f1); }, x);
  };
  ExpectSameAsEager(three, Counting({3}), Counting({3}, 2), Counting({3}, 3));
}

TEST(TraceWrapTest, ReturnsCapturedValueThatIsUsed) {  // spec: higher_order_ops 66
  auto fn = [](Array x, Array f) {
    return wrap([&](const Array& v) { return std::pair(v + f, f); }, x);
  };
  ExpectCounts(StaticAndDynamic(fn, std::tuple(Counting({3}), Counting({3}, 2))), 3, 4, 2, 1);
  ExpectSameAsEager(fn, Counting({3}), Counting({3}, 2));
}

TEST(TraceWrapTest, CapturesAreLiftedOnce) {  // spec: higher_order_ops 67
  static const Array global = Counting({3}, 2);
  auto global_fn = [](Array x) { return wrap([](const Array& v) { return v + global; }, x); };
  ExpectCounts(StaticAndDynamic(global_fn, std::tuple(Counting({3}))), 3, 4, 2, 1);
  ExpectSameAsEager(global_fn, Counting({3}));
  auto tracked = [](Array x, Array y) {
    auto helper = [&](const Array& v) { return v + y; };
    return wrap([&](const Array& v) { return helper(v); }, x);
  };
  auto given = [](Array x, Array y) {
    return wrap([](const Array& v, const Array& w) { return v + w; }, x, y);
  };
  const auto args = std::tuple(Counting({3}), Counting({3}, 2));
  ExpectCounts(StaticAndDynamic(tracked, args), 3, 4, 2, 1);
  ExpectCounts(StaticAndDynamic(given, args), 3, 4, 2, 1);
  ExpectSameAsEager(given, Counting({3}), Counting({3}, 2));
}

TEST(TraceWrapTest, NestedCapturesPassEveryLevel) {  // spec: higher_order_ops 68
  auto fn = [](Array x, Array y) {
    return wrap([&](const Array& v) { return wrap([&](const Array& w) { return w + y; }, v); }, x);
  };
  const auto args = std::tuple(Counting({3}), Counting({3}, 2));
  ExpectCounts(StaticAndDynamic(fn, args), 3, 4, 2, 1);
  std::optional<Traced> traced = MustTrace(fn, args);
  ASSERT_TRUE(traced.has_value());
  const ir::Op* outer = RegionOp(traced->main(), traced->main().body);
  EXPECT_EQ(CountsOf(traced->main(), outer->regions[0]), (Counts{2, 0, 1}));
  ExpectSameAsEager(fn, Counting({3}), Counting({3}, 2));
}

TEST(TraceWrapTest, ValueOfABodyIsLiftedInwards) {  // spec: higher_order_ops 69
  auto fn = [](Array x, Array y) {
    return wrap(
        [](const Array& a, const Array& b) {
          Array z = a + b;
          return wrap(
              [&](const Array& c) { return wrap([&](const Array& d) { return d + z; }, c); }, a);
        },
        x, y);
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({3}), Counting({3}, 2)));
  ASSERT_TRUE(traced.has_value());
  const ir::Function& main = traced->main();
  const ir::Op* outer = RegionOp(main, main.body);
  EXPECT_EQ(CountsOf(main, main.body), (Counts{2, 0, 1}));
  EXPECT_EQ(CountsOf(main, outer->regions[0]), (Counts{2, 0, 2}));
  const ir::Op* next = RegionOp(main, outer->regions[0]);
  EXPECT_EQ(CountsOf(main, next->regions[0]), (Counts{2, 0, 1}));
  ExpectSameAsEager(fn, Counting({3}), Counting({3}, 2));
}

TEST(TraceWrapTest, SameCaptureTwice) {  // spec: higher_order_ops 70
  auto fn = [](Array x, Array f) {
    return wrap([&](const Array&) { return std::pair(sin(f), cos(f)); }, x);
  };
  ExpectCounts(StaticAndDynamic(fn, std::tuple(Counting({3}), Counting({3}, 2))), 2, 3, 3, 2);
  ExpectSameAsEager(fn, Counting({3}), Counting({3}, 2));
}

TEST(TraceWrapTest, ConstantsAreLifted) {  // spec: higher_order_ops 71, 72
  auto constant = [](Array x) {
    Array y = ops::full(1.0, DType::kF32, {});
    return wrap([&](const Array& v) { return v + y; }, x);
  };
  ExpectCounts(StaticAndDynamic(constant, std::tuple(Counting({3}))), 3, 4, 3, 1);
  ExpectSameAsEager(constant, Counting({3}));
  // A number of an array library: an array of rank 0.
  const Array number = Array::From<float>({}, {1.0f});
  auto captured = [=](Array x) { return wrap([&](const Array& v) { return v + number; }, x); };
  ExpectCounts(StaticAndDynamic(captured, std::tuple(Counting({3}))), 3, 4, 2, 1);
  ExpectSameAsEager(captured, Counting({3}));
}

TEST(TraceWrapTest, HostNumbersAreBakedAndGuarded) {  // spec: higher_order_ops 73, 74
  double number = 3;
  auto captured = [&](Array x) { return wrap([&](const Array& v) { return v + number; }, x); };
  const Array x = Array::From<float>({}, {1.0f});
  auto counts = StaticAndDynamic(captured, std::tuple(x));
  EXPECT_EQ(counts.first, (Counts{1, 0, 1}));
  EXPECT_EQ(counts.second, (Counts{1, 0, 1}));
  Cell<double> cell(3.0, "number");
  auto reads =
      jit([&](Array v) { return wrap([&](const Array& w) { return w + cell.get(); }, v); });
  EXPECT_EQ(reads(x)->Values<float>(), std::vector<float>{4});
  cell.set(5.0);
  EXPECT_EQ(reads(x)->Values<float>(), std::vector<float>{6});
  EXPECT_EQ(reads(x)->Values<float>(), std::vector<float>{6});
  EXPECT_EQ(reads.stats().captures, 2u);
  ASSERT_EQ(reads.stats().recompiles.size(), 1u);
  EXPECT_NE(reads.stats().recompiles[0].find("number: "), std::string::npos);
  auto branch = jit([](Array v, double k, std::optional<Array> w) {
    return wrap([&](const Array& a) { return w.has_value() ? a + *w : a * k; }, v);
  });
  EXPECT_EQ(branch(x, 4.0, std::optional<Array>())->Values<float>(), std::vector<float>{4});
  EXPECT_EQ(branch(x, 5.0, std::optional<Array>())->Values<float>(), std::vector<float>{5});
  EXPECT_EQ(branch(x, 5.0, std::optional<Array>(x))->Values<float>(), std::vector<float>{2});
}

TEST(TraceWrapTest, SizesOfHostCode) {  // spec: higher_order_ops 75, 76, 78
  auto view = [](Array x) {
    SymInt i = x.size(0);
    return wrap([&](const Array& v) { return v.view({i}); }, x);
  };
  ExpectCounts(StaticAndDynamic(view, std::tuple(Counting({3, 1}))), 2, 3, 2, 1);
  ExpectSameAsEager(view, Counting({3, 1}));
  auto slice = [](Array x) {
    SymInt i = x.size(0) - 2, j = x.size(1) - 3, k = x.size(2);
    return wrap([&](const Array& v) { return v.slice(0, 0, i).slice(1, 0, j).slice(2, k - 1, k); },
                x);
  };
  auto counts = StaticAndDynamic(slice, std::tuple(Counting({3, 4, 5})));
  EXPECT_EQ(counts.first, (Counts{1, 0, 1}));
  EXPECT_EQ(counts.second, (Counts{1, 3, 1}));  // sizes are expressions: no op computes them
  ExpectSameAsEager(slice, Counting({3, 4, 5}));
  auto tuple = [](Array x) {
    return wrap(
        [](const std::tuple<Array, double, SymInt>& t) {
          return std::get<0>(t).view({std::get<2>(t)}) + std::get<1>(t);
        },
        std::tuple(x, 0.5, x.size(0)));
  };
  ExpectCounts(StaticAndDynamic(tuple, std::tuple(Counting({3, 1}))), 2, 3, 2, 1);
  std::optional<Traced> traced = MustTrace(tuple, std::tuple(Counting({3, 1})));
  const ir::Op* op = RegionOp(traced->main(), traced->main().body);
  EXPECT_EQ(NamesOf(OpsOf(traced->main(), op->regions[0])), (Names{"view", "add"}));
  ExpectSameAsEager(tuple, Counting({3, 1}));
}

struct Deep {
  Array x;
  std::tuple<Array, std::vector<Array>> y;
  GCOMP_FIELDS(x, y)
};

TEST(TraceWrapTest, NestedArgumentsByPath) {  // spec: higher_order_ops 77, 80
  auto fn = [](Array x, Array y, Array z) {
    Deep d{x, {y, {x, y, z}}};
    return wrap(
        ArgNames{{"d"}},
        [](const Deep& deep) {
          const std::vector<Array>& list = std::get<1>(deep.y);
          Array first = sin(deep.x);
          Array second = cos(std::get<0>(deep.y));
          return sin(first + second) - list[2];
        },
        d);
  };
  std::optional<Traced> traced =
      MustTrace(fn, std::tuple(Counting({3}), Counting({3}, 2), Counting({3}, 3)));
  ASSERT_TRUE(traced.has_value());
  const ir::Function& main = traced->main();
  const ir::Op* op = RegionOp(main, main.body);
  EXPECT_EQ(op->operands.size(), 3u);
  Names params;
  for (ir::ValueId id : main.block(op->regions[0]).params) params.push_back(main.value(id).name);
  EXPECT_EQ(params, (Names{"d.x", "d.y.0", "d.y.1.2"}));
  EXPECT_EQ(NamesOf(OpsOf(main, op->regions[0])), (Names{"sin", "cos", "add", "sin", "sub"}));
  ExpectSameAsEager(fn, Counting({3}), Counting({3}, 2), Counting({3}, 3));
}

TEST(TraceWrapTest, DuplicateLeafIsLiftedOnce) {  // spec: higher_order_ops 79
  auto fn = [](Array x, Array y) {
    return wrap([](const Array& a, const Array& b,
                   const std::pair<Array, int>& c) { return a + b + c.first * c.second; },
                x, y, std::pair(x, 2));
  };
  ExpectCounts(StaticAndDynamic(fn, std::tuple(Counting({3}), Counting({3}, 2))), 3, 4, 2, 1);
  ExpectSameAsEager(fn, Counting({3}), Counting({3}, 2));
}

TEST(TraceWrapTest, DefaultsAndDroppedArguments) {  // spec: higher_order_ops 81, 83
  auto body = [](const Array& x, const Array& y, std::optional<int> z = 8) {
    return z.has_value() ? 2 * x : x + y;
  };
  auto baked = [&](Array x, Array y) {
    return wrap([&](const Array& a, const Array& b) { return body(a, b, std::nullopt); }, x, y);
  };
  auto dropped = [&](Array x, Array y) {
    return wrap([&](const Array& a, const Array& b) { return body(a, b); }, x, y);
  };
  const auto args = std::tuple(Counting({3}), Counting({3}, 2));
  ExpectCounts(StaticAndDynamic(baked, args), 3, 4, 2, 1);
  ExpectCounts(StaticAndDynamic(dropped, args), 2, 3, 2, 1);
  ExpectSameAsEager(dropped, Counting({3}), Counting({3}, 2));
}

TEST(TraceWrapTest, IntegerArgument) {  // spec: higher_order_ops 82
  auto fn = [](Array x, SymInt y) {
    return wrap([&](const Array& v, const SymInt& n) { return v + n; }, x, y);
  };
  auto counts = StaticAndDynamic(fn, std::tuple(Counting({3}), SymInt(8)));
  EXPECT_EQ(counts.first.operands, 1u);
  std::optional<Traced> open =
      MustTrace(fn, std::tuple(Counting({3}), SymInt(8)), {.all_dynamic = true});
  ASSERT_TRUE(open.has_value());
  EXPECT_EQ(open->main().num_symbol_params, 2u);  // the integer is a symbol
  ExpectSameAsEager(fn, Counting({3}), SymInt(8));
}

TEST(TraceWrapTest, RecompilesForAnotherDefault) {  // spec: higher_order_ops 84
  auto fn = jit([](Array x, Array y, std::optional<int> z) {
    return wrap([&](const Array& a, const Array& b) { return z.has_value() ? 2 * a : a + b; }, x,
                y);
  });
  const Array x = Counting({3});
  const Array y = Counting({3}, 2);
  ASSERT_TRUE(fn(x, y, std::optional<int>()).ok());
  EXPECT_EQ(fn.stats().captures, 1u);
  ASSERT_TRUE(fn(x, y, std::optional<int>()).ok());
  EXPECT_EQ(fn.stats().captures, 1u);
  StatusOr<Array> last = fn(x, y, std::optional<int>(8));
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(fn.stats().captures, 2u);
  EXPECT_EQ(last->Values<float>(), (2 * x).Values<float>());
}

TEST(TraceWrapTest, ResultTrees) {  // spec: higher_order_ops 85, 86, 87, 88
  const Array x = Counting({3});
  auto list = [](Array v) {
    return wrap([](const Array& a) { return std::vector<Array>{sin(a), cos(a)}; }, v);
  };
  ExpectCounts(StaticAndDynamic(list, std::tuple(x)), 2, 3, 3, 2);
  ExpectSameAsEager(list, x);
  auto numbers = jit(
      [](Array v) { return wrap([](const Array& a) { return std::tuple(1, sin(a), 2.0); }, v); });
  auto result = numbers(x);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(std::get<0>(*result), 1);
  EXPECT_EQ(std::get<2>(*result), 2.0);
  EXPECT_EQ(std::get<1>(*result).Values<float>(), sin(x).Values<float>());
  auto nested = [](Array v) {
    auto out =
        wrap([](const Array& a) { return std::make_tuple(std::make_tuple(sin(a), cos(a))); }, v);
    return std::get<0>(std::get<0>(out)) + std::get<1>(std::get<0>(out));
  };
  ExpectCounts(StaticAndDynamic(nested, std::tuple(Counting({2, 3}))), 2, 4, 4, 2);
  ExpectSameAsEager(nested, Counting({2, 3}));
  auto dict = [](Array v) {
    return wrap(
        [](const Array& a) {
          return std::vector<std::map<std::string, Array>>{{{"a", -a}}};
        },
        v);
  };
  ExpectCounts(StaticAndDynamic(dict, std::tuple(x)), 2, 3, 2, 1);
  ExpectSameAsEager(dict, x);
}

TEST(TraceWrapTest, LocalStateOfABodyIsFree) {  // spec: higher_order_ops 89, 90
  auto loop = [](Array x, Array y) {
    return wrap(
        [](const std::vector<Array>& a, const std::vector<Array>& b) {
          List<Array> out;
          for (const auto& list : {a, b}) {
            for (const Array& v : list) out.push_back(v + 1);
          }
          return out.get();
        },
        std::vector<Array>{x}, std::vector<Array>{y});
  };
  ExpectCounts(StaticAndDynamic(loop, std::tuple(Counting({3}), Counting({3}, 2))), 3, 4, 3, 2);
  auto cell = [](Array x) {
    return wrap(
        [](const Array& v) {
          Cell<Array> c(v);
          auto rebind = [&] { c.set(c.get() + 1); };
          rebind();
          rebind();
          return c.get();
        },
        x);
  };
  ExpectCounts(StaticAndDynamic(cell, std::tuple(Counting({3}))), 2, 3, 2, 1);
  ExpectSameAsEager(cell, Counting({3}));
}

struct Linear {
  Array weight, bias;

  Array operator()(const Array& x) const { return ops::linear(x, weight, {.bias = bias}); }
};

Linear MakeLinear(int64_t n) {
  return {Counting({n, n}, 0.125f), Counting({n}, 0.5f)};
}

TEST(TraceWrapTest, ModulesAreOperands) {  // spec: higher_order_ops 91, 92
  Linear linear = MakeLinear(3);
  auto call = [&](Array x) { return wrap([&](const Array& v) { return linear(v); }, x); };
  std::optional<Traced> traced = MustTrace(call, std::tuple(Counting({2, 3})));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(CountsOf(traced->main(), traced->main().body), (Counts{3, 0, 1}));
  const ir::Op* op = RegionOp(traced->main(), traced->main().body);
  EXPECT_EQ(OpsOf(traced->main(), op->regions[0]).size(), 1u);
  EXPECT_EQ(traced->captured.size(), 2u);
  ExpectSameAsEager(call, Counting({2, 3}));
  auto bias = [&](Array x) { return wrap([&](const Array& v) { return v - linear.bias; }, x); };
  EXPECT_EQ(StaticAndDynamic(bias, std::tuple(Counting({2, 3}))).first, (Counts{2, 0, 1}));
  Linear wide = MakeLinear(10);
  auto nested = [&](Array x) {
    return wrap(
        [&](const Array& v) { return cos(v) + wrap([&](const Array& w) { return wide(w); }, v); },
        x);
  };
  ExpectCounts(StaticAndDynamic(nested, std::tuple(Counting({10, 10}))), 4, 5, 2, 1);
  ExpectSameAsEager(nested, Counting({10, 10}));
}

TEST(TraceWrapTest, PathsOfNestedBodies) {  // spec: higher_order_ops 95, 96
  auto fn = [](Array x, Array y) {
    return wrap(
        [&](const Array& a) {
          return wrap(
              [&](const Array& b) { return wrap([&](const Array& c) { return c + y + x; }, b); },
              a);
        },
        x);
  };
  ExpectSameAsEager(fn, Counting({3}), Counting({3}, 2));
  // An error tells the operators around it.
  EXPECT_EQ(testing::TraceError(
                [](Array x) {
                  return wrap(
                      [](const Array& a) {
                        return wrap([](const Array& b) { return ops::reshape(b, {7}); }, a);
                      },
                      x);
                },
                std::tuple(Counting({3})), "main / wrap body / wrap body"),
            ErrorId::E504);
}

TEST(TraceWrapTest, AllowedHostEffects) {  // spec: higher_order_ops 97
  Cell<int> counter(0, "counter");
  auto allowed = jit([&](Array x) {
    return wrap(
        [&](const Array& v) {
          AllowHostEffects allow;
          counter.set(counter.get() + 1);
          return sin(v);
        },
        x);
  });
  StatusOr<Array> y = allowed(Counting({3}));
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_EQ(counter.get(), 1);
  auto nested = jit([&](Array x) {
    return wrap(
        [&](const Array& v) {
          AllowHostEffects allow;
          return wrap(
              [&](const Array& w) {
                counter.set(counter.get() + 1);
                return sin(w);
              },
              v);
        },
        x);
  });
  EXPECT_EQ(nested(Counting({3})).status().id(), ErrorId::E107);
  EXPECT_EQ(counter.get(), 1);
}

TEST(TraceWrapTest, SideEffectsAreErrors) {  // spec: higher_order_ops 106
  List<Array> list({}, "kept");
  auto fn = [&](Array x) {
    return wrap(
        [&](const Array& v) {
          list.push_back(v);
          return v + 1;
        },
        x);
  };
  EXPECT_EQ(testing::TraceError(fn, std::tuple(Counting({3})), "unsafe side effect"),
            ErrorId::E107);
  EXPECT_EQ(list.size(), 0u);  // as before the trace
}

TEST(TraceWrapTest, ValuesThatEscape) {
  Array kept;
  auto fn = [&](Array x) {
    Array y = wrap(
        [&](const Array& v) {
          kept = sin(v);
          return cos(v);
        },
        x);
    return y + kept;
  };
  EXPECT_EQ(testing::TraceError(fn, std::tuple(Counting({3})), "%sin belongs to main / wrap body"),
            ErrorId::E106);
}

}  // namespace
}  // namespace gcomp
