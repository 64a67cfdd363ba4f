// Branches and bodies written in C++ (cond, switch, hints, checkpoint, strict):
// docs/spec/higher_order_ops.md 2.5, 2.6, 1.12, 1.13.
#include "tests/unit/trace_testing.h"

namespace gcomp {
namespace {

using ops::cos;
using ops::sin;
using testing::Counting;
using testing::CountsOf;
using testing::ExpectSameAsEager;
using testing::MustTrace;
using testing::Names;
using testing::NamesOf;
using testing::OperandNames;
using testing::OpsOf;
using testing::RegionOp;
using testing::TraceError;

TEST(TraceCondTest, NestedConds) {  // spec: higher_order_ops 122
  auto fn = [](Array p, Array q, Array xs, Array y) {
    auto add = [](const Array& a, const Array& b) { return a + b; };
    return cond(
        p, add,
        [&](const Array& a, const Array& b) {
          return cond(
              q, add, [](const Array& c, const Array& d) { return c - d; }, a, b);
        },
        xs, y);
  };
  const Array yes = Array::From<uint8_t>({}, {1});
  const Array no = Array::From<uint8_t>({}, {0});
  for (const Array& p : {yes, no}) {
    ExpectSameAsEager(fn, p, yes, Counting({2, 3, 3}), Counting({3, 3}, 2));
    ExpectSameAsEager(fn, p, no, Counting({2, 3, 3}), Counting({3, 3}, 2));
  }
  std::optional<Traced> traced =
      MustTrace(fn, std::tuple(yes, no, Counting({2, 3, 3}), Counting({3, 3}, 2)));
  ASSERT_TRUE(traced.has_value());
  const ir::Function& main = traced->main();
  const ir::Op* outer = RegionOp(main, main.body);
  EXPECT_EQ(main.block(outer->regions[0]).label, "then");
  EXPECT_EQ(main.block(outer->regions[1]).label, "else");
  EXPECT_EQ(NamesOf(OpsOf(main, outer->regions[0])), (Names{"add"}));
  EXPECT_EQ(NamesOf(OpsOf(main, outer->regions[1])), (Names{"cond"}));
}

TEST(TraceCondTest, RefusesWritesAndHostEffects) {  // spec: higher_order_ops 123
  const Array buffer = Counting({3});
  auto writes = [&](Array p, Array x) {
    return cond(
        p, [&](const Array& a) { return a + buffer.add_(1); }, [](const Array& a) { return a - 1; },
        x);
  };
  const auto args = std::tuple(Array::From<float>({}, {1}), Counting({3}));
  EXPECT_EQ(TraceError(writes, args, "cond: "), ErrorId::E206);
  List<int> list({}, "outer");
  auto pushes = [&](Array p, Array x) {
    return cond(
        p,
        [&](const Array& a) {
          list.push_back(1);
          list.pop_back();
          return a + 1;
        },
        [](const Array& a) { return a - 1; }, x);
  };
  EXPECT_EQ(TraceError(pushes, args, "the body of cond"), ErrorId::E107);
}

TEST(TraceCondTest, UnionOfCaptures) {  // spec: higher_order_ops 124
  const Array buffer = Counting({1}, 3);
  auto fn = [&](Array x, Array y) {
    Array z = y * 2;
    return cond(
        ops::reduce_sum(x) > 4, [&] { return x + buffer + z; }, [&] { return x - buffer - z; });
  };
  ExpectSameAsEager(fn, Counting({3, 4}), Counting({3, 4}, 2));
  std::optional<Traced> traced =
      MustTrace(fn, std::tuple(Counting({3, 4}), Counting({3, 4}, 2)), {.all_dynamic = true});
  ASSERT_TRUE(traced.has_value());
  const ir::Function& main = traced->main();
  const ir::Op* op = RegionOp(main, main.body);
  EXPECT_EQ(op->operands.size(), 4u);  // the predicate and three captured values
  EXPECT_EQ(testing::NumSymbols(main, *op), 2u);
  for (ir::BlockId region : op->regions) EXPECT_EQ(main.block(region).params.size(), 3u);
}

TEST(TraceCondTest, CapturesOfEitherBranch) {
  auto fn = [](Array p, Array a, Array b, Array c) {
    return cond(
        p, [&] { return sin(a) + b; }, [&] { return cos(b) - c; });
  };
  std::optional<Traced> traced = MustTrace(
      fn,
      std::tuple(Array::From<float>({1}, {1}), Counting({3}), Counting({3}, 2), Counting({3}, 3)),
      {.arg_names = {"p", "a", "b", "c"}});
  ASSERT_TRUE(traced.has_value());
  const ir::Op* op = RegionOp(traced->main(), traced->main().body);
  EXPECT_EQ(OperandNames(traced->main(), *op), (Names{"p", "b", "a", "c"}));
}

TEST(TraceCondTest, BranchesWithoutArguments) {  // spec: higher_order_ops 125, 126
  auto captures = [](Array x) {
    return cond(
        ops::reduce_sum(x) > 0, [&] { return sin(x); }, [&] { return cos(x); });
  };
  std::optional<Traced> traced =
      MustTrace(captures, std::tuple(Counting({4, 5})), {.arg_names = {"x"}});
  ASSERT_TRUE(traced.has_value());
  const ir::Function& main = traced->main();
  EXPECT_EQ(NamesOf(OpsOf(main)), (Names{"reduce_sum", "gt", "cond"}));
  const ir::Op* op = RegionOp(main, main.body);
  EXPECT_EQ(op->operands.size(), 2u);
  for (ir::BlockId region : op->regions) EXPECT_EQ(OpsOf(main, region).size(), 1u);
  ExpectSameAsEager(captures, Counting({4, 5}));
  ExpectSameAsEager(captures, Counting({4, 5}, -1));
  auto nothing = [](Array p) {
    return cond(
        p,
        [] {
          return ops::full(1.0, DType::kF32, {3, 4});
        },
        [] {
          return sin(ops::full(1.0, DType::kF32, {3, 4}));
        });
  };
  traced = MustTrace(nothing, std::tuple(Array::From<float>({}, {0})));
  ASSERT_TRUE(traced.has_value());
  op = RegionOp(traced->main(), traced->main().body);
  EXPECT_EQ(op->operands.size(), 1u);
  EXPECT_EQ(OpsOf(traced->main(), op->regions[0]).size(), 1u);
  EXPECT_EQ(OpsOf(traced->main(), op->regions[1]).size(), 2u);
  ExpectSameAsEager(nothing, Array::From<float>({}, {0}));
}

TEST(TraceCondTest, ConstantPredicate) {  // spec: higher_order_ops 127
  auto fn = [](Array x, bool p) {
    return cond(
        p, [](const Array& v) { return v; }, [](const Array& v) { return -v; }, x);
  };
  ExpectSameAsEager(fn, Counting({3}), true);
  ExpectSameAsEager(fn, Counting({3}), false);
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({3}), false));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"neg"}));
  // With a predicate of the graph a branch that returns its operand aliases it.
  auto aliases = [](Array x, Array p) {
    return cond(
        p, [](const Array& v) { return v; }, [](const Array& v) { return -v; }, x);
  };
  EXPECT_EQ(TraceError(aliases, std::tuple(Counting({3}), Counting({1}))), ErrorId::E102);
}

struct Seven {
  Array a;
  std::vector<Array> b;
  std::map<std::string, std::pair<Array, Array>> c;
  GCOMP_FIELDS(a, b, c)
};

TEST(TraceCondTest, TreeOperands) {  // spec: higher_order_ops 128, 129
  auto fold = [](auto op) {
    return [op](const Seven& s) {
      Array out = s.a;
      for (const Array& v : s.b) out = op(out, v);
      for (const auto& [name, pair] : s.c) out = op(op(out, pair.first), pair.second);
      return out;
    };
  };
  auto fn = [&](Array p, std::vector<Array> x) {
    Seven s{x[0], {x[1], x[2]}, {{"k", {x[3], x[4]}}, {"l", {x[5], x[6]}}}};
    return cond(p, fold([](const Array& a, const Array& b) { return a + b; }),
                fold([](const Array& a, const Array& b) { return ops::max(a, b); }), s);
  };
  std::vector<Array> leaves;
  for (int i = 1; i <= 7; ++i) leaves.push_back(Counting({3, 3}, static_cast<float>(i)));
  for (float p : {0.0f, 1.0f}) ExpectSameAsEager(fn, Array::From<float>({}, {p}), leaves);
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Array::From<float>({}, {1}), leaves));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(CountsOf(traced->main(), traced->main().body).operands, 8u);
  auto with_static = [](Array p, Array x) {
    return cond(
        p, [](const std::pair<Array, double>& v) { return v.first * v.second; },
        [](const std::pair<Array, double>& v) { return v.first + v.second; }, std::pair(x, 2.0));
  };
  const Array one = Array::From<float>({}, {1});
  EXPECT_EQ(TraceError(with_static, std::tuple(one, Counting({3})), "operand x0.1"), ErrorId::E204);
  EXPECT_EQ(with_static(one, Counting({3})).tensor().status().id(), ErrorId::E204);
}

TEST(TraceCondTest, OneElementPredicates) {  // spec: higher_order_ops 130, 131
  auto fn = [](Array x, Array y, Array z) {
    return cond(
        x, [&] { return y + 2; }, [&] { return z + 1; });
  };
  for (float x : {0.0f, 1.0f}) {
    Array p = Array::From<float>({1}, {x});
    auto jitted = jit(fn);
    StatusOr<Array> r = jitted(p, p, Array::From<float>({1}, {1.0f}));
    ASSERT_TRUE(r.ok()) << r.status().ToString();
    EXPECT_EQ(r->Values<float>(), std::vector<float>{x == 0 ? 2.0f : 3.0f});
  }
  auto both = jit([](Array p, Array x) {
    return cond(
        p, [](const Array& v) { return v.clone(); }, [](const Array& v) { return -v; }, x);
  });
  ASSERT_TRUE(both(Array::From<float>({1}, {1}), Counting({3})).ok());
  ASSERT_TRUE(both(Array::From<float>({1}, {0}), Counting({3})).ok());
  EXPECT_EQ(both.stats().captures, 1u);
  auto wrong = [](Array x) {
    return cond(
        x, [&] { return x + 2; }, [&] { return x + 1; });
  };
  EXPECT_EQ(TraceError(wrong, std::tuple(Counting({3}))), ErrorId::E203);
  EXPECT_EQ(wrong(Counting({3})).tensor().status().id(), ErrorId::E203);
}

TEST(TraceCondTest, DifferentSizesMerge) {  // spec: higher_order_ops 133
  auto fn = [](Array p, Array x) {
    return cond(
        p,
        [&] {
          return ops::concat({x, x});
        },
        [&] { return sin(x); });
  };
  std::optional<Traced> traced =
      MustTrace(fn, std::tuple(Array::From<float>({}, {1}), Counting({2, 3})));
  ASSERT_TRUE(traced.has_value());
  const ir::Function& main = traced->main();
  ASSERT_EQ(main.defines.size(), 1u);
  const ir::Symbol& u = main.symbols[main.defines[0].index()];
  EXPECT_EQ(u.low, ir::Expr(2));
  EXPECT_EQ(u.high, ir::Expr(4));
  ExpectSameAsEager(fn, Array::From<float>({}, {1}), Counting({2, 3}));
  ExpectSameAsEager(fn, Array::From<float>({}, {0}), Counting({2, 3}));
}

TEST(TraceCondTest, BranchesMustAgree) {
  auto counts = [](Array p, Array x) {
    return cond(
        p, [&] { return std::vector<Array>{x + 1}; },
        [&] {
          return std::vector<Array>{x + 1, x + 2};
        });
  };
  EXPECT_EQ(TraceError(counts, std::tuple(Counting({1}), Counting({3}))), ErrorId::E201);
  auto dtypes = [](Array p, Array x) {
    return cond(
        p, [&] { return x + 1; }, [&] { return x.cast(DType::kF64); });
  };
  EXPECT_EQ(TraceError(dtypes, std::tuple(Counting({1}), Counting({3}))), ErrorId::E202);
}

TEST(TraceSwitchTest, ClampsAndCaptures) {
  auto fn = [](Array i, Array x) {
    std::vector<std::function<Array(const Array&)>> cases = {
        [](const Array& v) { return v + 1; }, [](const Array& v) { return v * 2; },
        [&](const Array& v) { return v - x * 3; }};
    return switch_(i, cases, x);
  };
  for (int64_t i : {0, 1, 2, 7}) {
    ExpectSameAsEager(fn, Array::From<int64_t>({}, {i}), Counting({3}));
  }
}

TEST(TraceHintsTest, NestedHints) {  // spec: higher_order_ops 139
  auto fn = [](Array x, Array y) {
    Array z = x + y;
    return hints(
        {{"outer_body", true}},
        [](const Array& a, const Array& b) {
          Array inner = hints(
              {{"inner_body", true}, {"fuse_limit", ir::Expr(8)}},
              [](const Array& c, const Array& d) { return ops::relu(c) + d; }, a, b);
          return ops::abs(inner);
        },
        z, y);
  };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({2, 4}), Counting({4}, -1)));
  ASSERT_TRUE(traced.has_value());
  const ir::Function& main = traced->main();
  const ir::Op* outer = RegionOp(main, main.body);
  EXPECT_EQ(outer->operands.size(), 2u);
  EXPECT_EQ(NamesOf(OpsOf(main, outer->regions[0])), (Names{"hints", "abs"}));
  const ir::Op* inner = RegionOp(main, outer->regions[0]);
  EXPECT_EQ(inner->operands.size(), 2u);
  EXPECT_EQ(NamesOf(OpsOf(main, inner->regions[0])), (Names{"relu", "add"}));
  const ir::AttrDict* dict = inner->attrs[0].As<ir::AttrDict>();
  ASSERT_NE(dict, nullptr);
  EXPECT_EQ(dict->size(), 2u);
  ExpectSameAsEager(fn, Counting({2, 4}), Counting({4}, -1));
}

TEST(TraceHintsTest, Refuses) {  // spec: higher_order_ops 140
  auto body = [](const Array& x) { return x + 1; };
  auto missing = [&](Array x) { return hints({}, body, x); };
  EXPECT_EQ(TraceError(missing, std::tuple(Counting({3}))), ErrorId::E231);
  auto kind = [&](Array x) {
    return hints({{"tile", ir::AttrList{ir::Expr(4), ir::Expr(8)}}}, body, x);
  };
  EXPECT_EQ(TraceError(kind, std::tuple(Counting({3}))), ErrorId::E232);
  auto nested = [&](Array x) {
    return hints(
        {{"a", true}}, [](const std::pair<Array, Array>& p) { return p.first + 1; },
        std::pair(x, x));
  };
  EXPECT_EQ(TraceError(nested, std::tuple(Counting({3}))), ErrorId::E233);
  EXPECT_EQ(missing(Counting({3})).tensor().status().id(), ErrorId::E231);
}

TEST(TraceBodyTest, CheckpointStrictOutDType) {
  auto fn = [](Array x, Array y) {
    Array a = checkpoint(
        {}, [&](const Array& v) { return ops::sigmoid(ops::matmul(v, y)); }, x);
    return strict([](const Array& v) { return v * 2; }, a);
  };
  ExpectSameAsEager(fn, Counting({4, 4}, 0.0625f), Counting({4, 4}, 0.0625f));
  auto wide = [](Array a, Array b) { return out_dtype("matmul", DType::kI32, a, b); };
  ExpectSameAsEager(wide, Array::From<int8_t>({2, 2}, {100, 100, 1, 2}),
                    Array::From<int8_t>({2, 2}, {100, 1, 100, 2}));
  Cell<int> cell(0, "outer");
  auto effect = [&](Array x) {
    return strict(
        [&](const Array& v) {
          cell.set(1);
          return v + 1;
        },
        x);
  };
  EXPECT_EQ(TraceError(effect, std::tuple(Counting({3}))), ErrorId::E107);
}

}  // namespace
}  // namespace gcomp
