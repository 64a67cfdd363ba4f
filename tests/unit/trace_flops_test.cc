// Estimates of floating-point operations (ir/flops.h) of traced graphs.
#include "ir/flops.h"
#include "tests/unit/trace_testing.h"

namespace gcomp {
namespace {

using testing::Counting;
using testing::MustTrace;

template <class F, class... A>
ir::FlopCount FlopsOf(F fn, std::tuple<A...> args, const TraceOptions& options = {},
                      std::vector<int64_t> symbols = {}, ir::FlopOptions flops = {}) {
  std::optional<Traced> traced = MustTrace(fn, std::move(args), options);
  if (!traced) return {};
  return ir::CountFlops(traced->module, traced->main(), symbols, flops);
}

TEST(TraceFlopsTest, AttentionIsTwoProducts) {
  const Array query = Counting({2, 4, 8});
  const Array key = Counting({2, 5, 8});
  const ir::FlopCount count =
      FlopsOf([](Array q, Array k, Array v) { return ops::scaled_dot_product_attention(q, k, v); },
              std::tuple(query, key, key));
  EXPECT_EQ(count.total, 2 * (2 * 4 * 5 * 8) + 2 * (2 * 4 * 8 * 5));
}

TEST(TraceFlopsTest, AProductThatIsAddedCountsAsAProduct) {
  const ir::FlopCount count =
      FlopsOf([](Array c, Array a, Array b) { return ops::addmm(c, a, b); },
              std::tuple(Counting({3, 5}), Counting({3, 4}), Counting({4, 5})));
  EXPECT_EQ(count.total, 2 * 3 * 4 * 5);
}

TEST(TraceFlopsTest, BranchesCountTheirMost) {  // spec: higher_order_ops 135
  const Array w1 = Counting({4, 4});
  const Array w2 = Counting({4, 4}, 2);
  auto lin1 = region("lin1", [&](const Array& x) { return ops::linear(x, w1); });
  auto lin2 = region("lin2", [&](const Array& x) { return ops::linear(x, w2) + 1; });
  const std::tuple args(Counting({4, 4}));
  ir::FlopCount plain = FlopsOf(
      [&](Array x) {
        return cond(
            ops::reduce_sum(x) > 0, [&] { return lin1(x); }, [&] { return lin1(lin1(x)); });
      },
      args);
  EXPECT_EQ(plain.total, 256);
  EXPECT_EQ(plain.by_function.at("lin1"), 256);
  ir::FlopCount nested = FlopsOf(
      [&](Array x) {
        return cond(
            ops::reduce_sum(x) > 0,
            [&] {
              return cond(
                  ops::reduce_sum(x) > 9, [&] { return lin1(x); }, [&] { return lin2(x); });
            },
            [&] { return lin2(lin1(x)); });
      },
      args);
  EXPECT_EQ(nested.total, 256);
  EXPECT_EQ(nested.by_function, (std::map<std::string, int64_t>{{"lin1", 128}, {"lin2", 128}}));
  ir::FlopCount unbalanced = FlopsOf(
      [&](Array x) {
        return cond(
            ops::reduce_sum(x) > 0, [&] { return lin1(x); }, [&] { return x.clone(); });
      },
      args);
  EXPECT_EQ(unbalanced.total, 128);
}

TEST(TraceFlopsTest, LoopsCountTheirTurns) {
  const Array w = Counting({4, 4});
  auto maps = [&](Array x) {
    return map([&](const Array& row) { return ops::linear(row, w); }, x);
  };
  const std::tuple args(Counting({5, 3, 4}));
  EXPECT_EQ(FlopsOf(maps, args).total, 5 * 2 * 3 * 4 * 4);
  EXPECT_EQ(FlopsOf(maps, args, {.all_dynamic = true}, {7, 2, 4}).total, 7 * 2 * 2 * 4 * 4);
  auto loops = [&](Array x) {
    return while_loop([](Array& v) { return ops::reduce_sum(v) < 10; },
                      [&](Array& v) { return ops::matmul(v, w); }, x);
  };
  const std::tuple square(Counting({4, 4}));
  EXPECT_EQ(FlopsOf(loops, square).total, 128);
  EXPECT_EQ(FlopsOf(loops, square, {}, {}, {.trips = 10}).total, 1280);
  EXPECT_EQ(FlopsOf(loops, square, {}, {}, {.trips = INT64_MAX}).total, INT64_MAX);
}

TEST(TraceFlopsTest, Convolutions) {
  auto conv = [](Array x, Array k) { return ops::conv2d(x, k); };
  EXPECT_EQ(FlopsOf(conv, std::tuple(Counting({1, 2, 5, 5}), Counting({3, 2, 3, 3}))).total,
            2 * (3 * 3 * 3) * (2 * 3 * 3));
}

}  // namespace
}  // namespace gcomp
