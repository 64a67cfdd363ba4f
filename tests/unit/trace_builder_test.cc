// gcomp::Builder, and trees.
#include "frontends/trace/builder.h"
#include "tests/unit/trace_testing.h"

namespace gcomp {
namespace {

using testing::Counting;

TEST(TraceBuilderTest, BuildsAnMlp) {
  Builder b({.module_name = "mlp"});
  SymInt n = b.Symbol("n", 1, 4096);
  Array x = b.Input("x", DType::kF32, {n, 16});
  Array w = b.Weight("w", DType::kF32, {16, 4});
  Array y = ops::softmax(ops::matmul(x, w), {.dim = -1});
  StatusOr<ir::Module> module = std::move(b).Finish({y});
  ASSERT_TRUE(module.ok()) << module.status().ToString();
  EXPECT_EQ(ir::Print(*module), R"(gir 1 module @mlp

export func @main<n in [1, 4096]>(%x: f32[n, 16], %w: f32[16, 4] weight("w")) -> (f32[n, 4]) {
  %matmul: f32[n, 4] = matmul(%x, %w)
  %softmax: f32[n, 4] = softmax(%matmul)
  return %softmax
}
)");
}

TEST(TraceBuilderTest, OpsByName) {
  Builder b;
  Array x = b.Input("x", DType::kF32, {2, 3});
  Array y = b.Op1("add", {x, 1.5});
  y = b.Op1("reduce_sum", {y}, {{"dims", ir::AttrList{ir::Expr(1)}}});
  StatusOr<ir::Module> module = std::move(b).Finish({y});
  ASSERT_TRUE(module.ok()) << module.status().ToString();
  EXPECT_EQ(module->Find("main")->results[0].type, ir::Type::Tensor(DType::kF32, {2}));
}

TEST(TraceBuilderTest, FirstErrorIsKept) {
  Builder b;
  Array x = b.Input("x", DType::kF32, {2, 3});
  EXPECT_TRUE(b.ok());
  b.Op1("reshap", {x});
  EXPECT_FALSE(b.ok());
  Array z = ops::matmul(x, x);
  StatusOr<ir::Module> module = std::move(b).Finish({z});
  ASSERT_FALSE(module.ok());
  EXPECT_EQ(module.status().id(), ErrorId::E510);
  EXPECT_NE(module.status().message().find("did you mean `reshape`?"), std::string::npos);
}

TEST(TraceBuilderTest, RefusesData) {
  Builder b;
  Array x = b.Input("x", DType::kF32, {3});
  StatusOr<ir::Module> module = std::move(b).Finish({x + Counting({3})});
  EXPECT_EQ(module.status().id(), ErrorId::E705);
}

struct Inner {
  Array a;
  int n = 0;
  GCOMP_FIELDS(a, n)
};

struct Outer {
  std::map<std::string, Inner> inner;
  std::array<Array, 2> pair;
  std::optional<Array> maybe;
  std::string name;
  GCOMP_FIELDS(inner, pair, maybe, name)
};

TEST(TraceTreeTest, FlattensDepthFirst) {
  Outer value{{{"z", {Counting({1}), 1}}, {"b", {Counting({1}), 2}}},
              {Counting({1}), Counting({1})},
              std::nullopt,
              "n\"m"};
  internal::Flattener flat("o");
  flat.Visit(value);
  ASSERT_TRUE(flat.status.ok());
  EXPECT_EQ(flat.array_paths,
            (std::vector<std::string>{"o.inner.b.a", "o.inner.z.a", "o.pair.0", "o.pair.1"}));
  EXPECT_EQ(flat.tree.structure,
            "{inner: {b: {a: *, n: int 2}, z: {a: *, n: int 1}}, pair: (*, *), maybe: none, name: "
            "\"n\\\"m\"}");
  internal::Flattener same("o");
  same.Visit(value);
  EXPECT_TRUE(flat.tree == same.tree);
  value.inner["z"].n = 7;
  internal::Flattener other("o");
  other.Visit(value);
  EXPECT_FALSE(flat.tree == other.tree);
  EXPECT_EQ(flat.tree.Difference(other.tree), "o.inner.z.n: int 1, now int 7");
}

TEST(TraceTreeTest, DisjointTrees) {  // spec: higher_order_ops 134
  // Results that share storage with operands or each other are found, leaf by leaf.
  auto gn = region("gn", [](const std::vector<Array>& v) {
    return std::map<std::string, Array>{{"a", v[0] + 1}, {"b", v[1]}};
  });
  EXPECT_EQ(testing::TraceError(
                [&](Array x, Array y) {
                  return gn(std::vector<Array>{x, y}).at("b") + 0;
                },
                std::tuple(Counting({3}), Counting({3}))),
            ErrorId::E102);
  auto disjoint = region("disjoint", [](const std::vector<Array>& v) {
    return std::map<std::string, Array>{{"a", v[0] + 1}, {"b", v[1] * 2}};
  });
  testing::ExpectSameAsEager(
      [&](Array x, Array y) {
        return disjoint(std::vector<Array>{x, y});
      },
      Counting({3}), Counting({3}));
}

}  // namespace
}  // namespace gcomp
