// What operators do with types of the caller's own (rules.h), and in modes (mode.h).
#include "frontends/trace/mode.h"
#include "frontends/trace/rules.h"
#include "tests/unit/trace_testing.h"

namespace gcomp {
namespace {

using testing::Counting;
using testing::ExpectSameAsEager;
using testing::MustTrace;
using testing::Names;
using testing::NamesOf;
using testing::OpsOf;
using testing::TraceError;

// Two components that belong together: no node of a tree.
struct Opaque {
  Array a, b;
};

struct TwoTensor {
  static inline int rule_calls = 0;

  Array a, b;
};

}  // namespace

template <>
struct OperatorRule<op::Cond, TwoTensor> {
  template <class T, class E>
  static TwoTensor Apply(const Predicate& predicate, T&& then_fn, E&& else_fn, const TwoTensor& x) {
    ++TwoTensor::rule_calls;
    return {cond(predicate, then_fn, else_fn, x.a), cond(predicate, then_fn, else_fn, x.b)};
  }
};

template <>
struct OperatorRule<op::Wrap, TwoTensor> {
  template <class F>
  static TwoTensor Apply(F&& fn, const TwoTensor& x) {
    return {wrap(fn, x.a), wrap(fn, x.b)};
  }
};

template <>
struct OperatorRule<op::Switch, TwoTensor> {
  template <class F>
  static TwoTensor Apply(const Array& index, const std::vector<F>& fns, const TwoTensor& x) {
    return {switch_(index, fns, x.a), switch_(index, fns, x.b)};
  }
};

template <>
struct OperatorRule<op::While, TwoTensor> {
  template <class C, class B>
  static TwoTensor Apply(C&& condition, B&& body, const TwoTensor& carry,
                         const WhileOptions& options) {
    return {while_loop(condition, body, carry.a, options),
            while_loop(condition, body, carry.b, options)};
  }
};

template <>
struct OperatorRule<op::AssociativeScan, TwoTensor> {
  template <class F>
  static TwoTensor Apply(F&& fn, const TwoTensor& xs, const AssociativeScanOptions& options) {
    return {associative_scan(fn, xs.a, options), associative_scan(fn, xs.b, options)};
  }
};

template <>
struct OperatorRule<op::Map, TwoTensor> {
  template <class F>
  static TwoTensor Apply(F&& fn, const TwoTensor& xs) {
    return {map(fn, xs.a), map(fn, xs.b)};
  }
};

template <>
struct OperatorRule<op::Scan, TwoTensor> {
  template <class F, class C>
  static auto Apply(F&& fn, C init, const TwoTensor& xs, const ScanOptions& options) {
    auto [carry, first] = scan(fn, init, xs.a, options);
    auto [last, second] = scan(fn, carry, xs.b, options);
    return std::pair(last, TwoTensor{first, second});
  }
};

namespace {

TEST(TraceRulesTest, TypesOfTheCaller) {  // spec: higher_order_ops 136
  auto without_rule = [](Array p, Array x, Array y) {
    auto sin = [](const Opaque& v) { return ops::sin(v.a); };
    auto cos = [](const Opaque& v) { return ops::cos(v.a); };
    return cond(p, sin, cos, Opaque{x, y});
  };
  const Array one = Array::From<float>({}, {1});
  const std::tuple args(one, Counting({3}), Counting({4}));
  EXPECT_EQ(TraceError(without_rule, args, "cond: x0 is of type"), ErrorId::E204);
  EXPECT_EQ(TraceError(without_rule, args, "Opaque"), ErrorId::E204);
  const Status eager = without_rule(one, Counting({3}), Counting({4})).tensor().status();
  EXPECT_EQ(eager.id(), ErrorId::E204);
  EXPECT_NE(eager.message().find("Opaque"), std::string::npos) << eager.ToString();

  auto with_rule = [](Array p, Array x, Array y) {
    auto sin = [](const Array& v) { return ops::sin(v); };
    auto cos = [](const Array& v) { return ops::cos(v); };
    TwoTensor both = cond(p, sin, cos, TwoTensor{x, y});
    return std::pair(both.a, both.b);
  };
  TwoTensor::rule_calls = 0;
  std::optional<Traced> traced = MustTrace(with_rule, args);
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(TwoTensor::rule_calls, 1);
  EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"cond", "cond"}));
  auto jitted = jit(with_rule);
  auto result = jitted(one, Counting({3}), Counting({4}));
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->first.Values<float>(), ops::sin(Counting({3})).Values<float>());
  EXPECT_EQ(result->second.Values<float>(), ops::sin(Counting({4})).Values<float>());
  ExpectSameAsEager(with_rule, Array::From<float>({}, {0}), Counting({3}), Counting({4}));
}

TEST(TraceRulesTest, AllOperators) {
  auto fn = [](Array x, Array y) {
    auto [last, sums] = scan([](const Array& c, const Array& v) { return std::pair(c + v, c * v); },
                             x.slice(0, 0, 1).clone(), TwoTensor{x.view({-1, 1}), y.view({-1, 1})});
    TwoTensor mapped = map([](const Array& row) { return ops::exp(row); }, sums);
    mapped = while_loop([](const Array& v) { return ops::reduce_sum(v) < 100; },
                        [](const Array& v) { return v * 2; }, mapped);
    mapped =
        associative_scan([](const Array& a, const Array& b) { return ops::max(a, b); }, mapped);
    mapped = wrap([](const Array& v) { return ops::sin(v); }, mapped);
    const std::vector<Array (*)(const Array&)> cases = {&ops::abs, &ops::neg};
    mapped = switch_(ops::reduce_max(x).cast(DType::kI64), cases, mapped);
    return std::tuple(last, mapped.a, mapped.b);
  };
  ExpectSameAsEager(fn, Counting({3}), Counting({5}, 0.125f));
}

// Writes down the ops that it sees.
class Recorder : public Mode {
 public:
  explicit Recorder(std::string name) : Mode(std::move(name)) {}

  void OnOp(std::string_view op, std::span<const Array> operands,
            std::span<const Array> results) override {
    EXPECT_FALSE(operands.empty());
    EXPECT_EQ(results.size(), 1u);
    EXPECT_TRUE(results[0].concrete());
    (void)ops::neg(results[0]);  // what a mode itself runs is not shown
    seen.emplace_back(op);
  }

  Names seen;
};

TEST(TraceModeTest, OperatorsNeedARule) {  // spec: higher_order_ops 137
  auto fn = [](const Array& x) {
    return cond(
        ops::reduce_sum(x) > 0, [&] { return ops::sin(x); }, [&] { return ops::cos(x); });
  };
  const Array x = Counting({3});
  const std::vector<float> sin = ops::sin(x).Values<float>();
  Recorder recorder("recorder");
  ModeScope scope(recorder);
  const Status refused = fn(x).tensor().status();
  EXPECT_EQ(refused.id(), ErrorId::E511);
  EXPECT_NE(refused.message().find("cond: mode recorder"), std::string::npos) << refused.ToString();
  EXPECT_EQ(recorder.seen, (Names{"reduce_sum", "gt"}));
  int calls = 0;
  recorder.SetRule("cond", [&](const std::function<void()>& run) {
    ++calls;
    recorder.seen.emplace_back("(");
    run();
    recorder.seen.emplace_back(")");
  });
  recorder.seen.clear();
  EXPECT_EQ(fn(x).Values<float>(), sin);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(recorder.seen, (Names{"reduce_sum", "gt", "(", "sin", ")"}));
  // A graph runs as one.
  recorder.seen.clear();
  auto jitted = jit([&](Array v) { return fn(v); });
  StatusOr<Array> y = jitted(x);
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_EQ(y->Values<float>(), sin);
  EXPECT_TRUE(recorder.seen.empty());
  recorder.SetRule("cond", [](const std::function<void()>&) {});
  EXPECT_EQ(fn(x).tensor().status().id(), ErrorId::E705);
}

TEST(TraceModeTest, AllOperatorsWithRules) {
  auto fn = [](const Array& x) {
    Array y = switch_(Array(1),
                      std::vector<std::function<Array(const Array&)>>{
                          [](const Array& v) { return ops::sin(v); },
                          [](const Array& v) { return ops::tanh(v); }},
                      x);
    y = while_loop([](const Array& v) { return ops::reduce_sum(v) < 9; },
                   [](const Array& v) { return v * 2; }, y);
    y = map([](const Array& v) { return ops::exp(v); }, y);
    auto [last, all] = scan([](const Array& c, const Array& v) { return std::pair(c + v, c); },
                            Array::From<float>({}, {1}), y);
    return associative_scan([](const Array& a, const Array& b) { return a * b; }, all) + last;
  };
  const Array x = Counting({3});
  const std::vector<float> plain = fn(x).Values<float>();
  Recorder outer("outer");
  Recorder inner("inner");
  const Names operators = {"switch", "while", "map", "scan", "assoc_scan"};
  Names rules;
  for (const std::string& op : operators) {
    auto add = [&](std::string name) {
      return [&rules, name](const std::function<void()>& run) {
        rules.push_back(name);
        run();
      };
    };
    outer.SetRule(op, add("outer " + op));
    inner.SetRule(op, add("inner " + op));
  }
  {
    ModeScope outer_scope(outer);
    {
      ModeScope inner_scope(inner);
      EXPECT_EQ(fn(x).Values<float>(), plain);
    }
    EXPECT_EQ(outer.seen, inner.seen);
    (void)ops::sin(x);
    EXPECT_EQ(outer.seen.size(), inner.seen.size() + 1);
  }
  ASSERT_EQ(rules.size(), 2 * operators.size());
  for (size_t i = 0; i < operators.size(); ++i) {
    EXPECT_EQ(rules[2 * i], "inner " + operators[i]);
    EXPECT_EQ(rules[2 * i + 1], "outer " + operators[i]);
  }
  (void)ops::sin(x);
  EXPECT_EQ(outer.seen.size(), inner.seen.size() + 1);
}

}  // namespace
}  // namespace gcomp
