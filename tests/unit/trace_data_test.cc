// Values whose sizes come from data, across regions: docs/spec/higher_order_ops.md 2.3; decisions
// of the host on sizes: 1.5.
#include "tests/unit/trace_testing.h"

namespace gcomp {
namespace {

using ops::sin;
using testing::Counting;
using testing::Counts;
using testing::CountsOf;
using testing::ExpectSameAsEager;
using testing::MustTrace;
using testing::Names;
using testing::NamesOf;
using testing::OpsOf;
using testing::RegionOp;
using testing::StaticAndDynamic;

// wrap(wrap(body)) on x.
template <class F>
auto TwoWraps(F body, const Array& x) {
  return wrap([&](const Array& a) { return wrap([&](const Array& b) { return body(b); }, a); }, x);
}

TEST(TraceDataTest, NumberFromData) {  // spec: higher_order_ops 99
  auto fn = [](Array x) {
    SymInt c = item(ops::reduce_sum(x));
    return TwoWraps([&](const Array& v) { return v + c; }, x);
  };
  const Array x = Array::From<int64_t>({3}, {1, 2, 3});
  std::optional<Traced> traced = MustTrace(fn, std::tuple(x));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"reduce_sum", "item", "sym.value", "wrap"}));
  const ir::Function& main = traced->main();
  EXPECT_EQ(CountsOf(main, main.body).operands, 2u);
  EXPECT_EQ(CountsOf(main, RegionOp(main, main.body)->regions[0]).operands, 2u);
  ExpectSameAsEager(fn, x);
}

TEST(TraceDataTest, TensorOfUnknownSize) {  // spec: higher_order_ops 100, 102
  auto fn = [](Array x) {
    Array c = nonzero(x);
    return TwoWraps([&](const Array& v) { return std::pair(sin(v), c + c); }, x);
  };
  auto [fixed, open] = StaticAndDynamic(fn, std::tuple(Counting({3})));
  EXPECT_EQ(fixed, (Counts{2, 1, 2}));
  EXPECT_EQ(open, (Counts{2, 2, 2}));
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({3})));
  ASSERT_TRUE(traced.has_value());
  const ir::Function& main = traced->main();
  ASSERT_EQ(main.defines.size(), 1u);
  const ir::Symbol& u = main.symbols[main.defines[0].index()];
  EXPECT_EQ(u.low, ir::Expr(0));
  EXPECT_EQ(u.high, ir::Expr(3));
  ExpectSameAsEager(fn, Array::From<float>({3}, {1, 0, 2}));
  auto with_size = [](Array x) {
    Array c = nonzero(x);
    SymInt size = c.size(0);
    return TwoWraps([&](const Array& v) { return std::pair(sin(v) + size, c + c); }, x);
  };
  auto [fixed2, open2] = StaticAndDynamic(with_size, std::tuple(Counting({3})));
  EXPECT_EQ(fixed2, (Counts{2, 1, 2}));
  EXPECT_EQ(open2, (Counts{2, 2, 2}));
  ExpectSameAsEager(with_size, Array::From<float>({3}, {1, 0, 2}));
}

TEST(TraceDataTest, UnusedElementsVanish) {  // spec: higher_order_ops 101
  auto fn = [](Array x) {
    std::vector<SymInt> elements;
    for (int64_t i = 0; i < 3; ++i) elements.push_back(item(ops::select_index(x, {.index = i})));
    return TwoWraps([&](const Array& v) { return elements[0] + v; }, x);
  };
  const Array x = Array::From<int16_t>({3}, {5, 6, 7});
  std::optional<Traced> traced = MustTrace(fn, std::tuple(x));
  ASSERT_TRUE(traced.has_value());
  // The number is a value, which enters the bodies as an operand.
  EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"select_index", "item", "sym.value", "wrap"}));
  EXPECT_EQ(CountsOf(traced->main(), traced->main().body).operands, 2u);
  ExpectSameAsEager(fn, x);
}

TEST(TraceDataTest, ConcatOfUnknownSizes) {  // spec: higher_order_ops 103
  auto fn = [](Array x, Array y) {
    Array cat = ops::concat({nonzero(x), nonzero(y)});
    return TwoWraps([&](const Array& v) { return ops::reduce_sum(cat) + v; }, x);
  };
  const Array x = Array::From<int64_t>({3}, {1, 0, 2});
  const Array y = Array::From<int64_t>({3}, {0, 4, 5});
  auto [fixed, open] = StaticAndDynamic(fn, std::tuple(x, y));
  EXPECT_EQ(fixed, (Counts{2, 2, 4}));
  EXPECT_EQ(open, (Counts{2, 3, 4}));
  ExpectSameAsEager(fn, x, y);
}

TEST(TraceDataTest, SharedSymbols) {  // spec: higher_order_ops 104, 105
  auto fn = [](Array x, Array y) {
    return wrap(
        [&](const Array& a) { return wrap([&](const Array& b) { return ops::matmul(b, y); }, a); },
        x);
  };
  auto counts = StaticAndDynamic(fn, std::tuple(Counting({2, 3}), Counting({3, 4})));
  EXPECT_EQ(counts.second, (Counts{2, 3, 1}));
  ExpectSameAsEager(fn, Counting({2, 3}), Counting({3, 4}));
  auto compound = [](Array x, Array y) {
    Array flat = x.view({x.size(0) * x.size(1), 1});
    Array c = nonzero(y).cast(DType::kF32);
    Array d = ops::concat({c, flat});
    return TwoWraps([&](const Array& v) { return ops::reduce_sum(d) + v; }, flat);
  };
  auto sizes = StaticAndDynamic(compound, std::tuple(Counting({4, 6}), Counting({5})));
  EXPECT_EQ(sizes.first.operands, 2u);
  EXPECT_EQ(sizes.second.operands, 2u);
  ExpectSameAsEager(compound, Counting({4, 6}), Counting({5}));
}

TEST(TraceDataTest, HostDecisions) {
  // Bound sizes follow the example and become guards.
  auto branch = jit([](Array x) { return x.size(0) > 4 ? x * 2 : x * 3; },
                    {.dynamic = JitOptions::Dynamic::kAll});
  EXPECT_EQ(branch(Counting({6}, 1))->Values<float>()[0], 2);
  EXPECT_EQ(branch.traced()->guards, std::vector<std::string>{"4 < s0"});
  EXPECT_EQ(branch(Counting({8}, 1))->Values<float>()[0], 2);
  EXPECT_EQ(branch.stats().captures, 1u);
  EXPECT_EQ(branch(Counting({3}, 1))->Values<float>()[0], 3);
  EXPECT_EQ(branch.stats().captures, 2u);
  // Sizes from data need a fact; none is guessed.
  auto undecided = [](Array x) {
    SymInt n = nonzero(x).size(0);
    return n > 3 ? x : x + 1;
  };
  EXPECT_EQ(testing::TraceError(undecided, std::tuple(Counting({9})), "check()"), ErrorId::E402);
  auto stated = [](Array x) {
    SymInt n = nonzero(x).size(0);
    check(n > 3, "rows");
    return n > 2 ? x * 2 : x + 1;
  };
  ExpectSameAsEager(stated, Counting({9}));
  auto contradiction = [](Array x) {
    SymInt n = nonzero(x).size(0);
    check(n > 3);
    check(n < 2);
    return x + 1;
  };
  EXPECT_EQ(testing::TraceError(contradiction, std::tuple(Counting({9}))), ErrorId::E401);
}

}  // namespace
}  // namespace gcomp
