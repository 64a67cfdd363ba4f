#include <gtest/gtest.h>

#include "ir/builder.h"
#include "ir/emitter.h"
#include "kernels/all_ops.h"

namespace gcomp::ir {
namespace {

class BuilderTest : public testing::Test {
 protected:
  static Type F32(Dims dims) { return Type::Tensor(DType::kF32, std::move(dims)); }

  OpRegistry ops_{kernels::AllOps()};
  Module module_;
  Function& f_ = module_.AddFunction("main");
  Builder b_{module_, f_, ops_};
};

TEST_F(BuilderTest, InfersTypesAndNamesResults) {
  ValueId x = b_.Param("x", F32({2, 3}));
  auto y = b_.Add1("add", {x, x});
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  auto z = b_.Add1("add", {*y, b_.Literal(*Scalar::FromDouble(DType::kF32, 1.0))});
  ASSERT_TRUE(z.ok()) << z.status().ToString();
  b_.Return({*z});
  EXPECT_EQ(f_.value(*y).name, "add");
  EXPECT_EQ(f_.value(*z).name, "add_2");
  EXPECT_EQ(f_.value(*z).type, F32({2, 3}));
  EXPECT_EQ(f_.results[0].type, F32({2, 3}));
  EXPECT_EQ(f_.block(f_.body).yields, std::vector{*z});
}

TEST_F(BuilderTest, NamesSkipThoseThatAreTaken) {
  ValueId x = b_.Param("add_2", F32({2}));
  ASSERT_TRUE(b_.Add1("add", {x, x}).ok());
  EXPECT_EQ(f_.value(*b_.Add1("add", {x, x})).name, "add_3");
  EXPECT_EQ(f_.value(b_.Param("add", F32({}))).name, "add_4");
  Builder second(module_, f_, ops_);
  EXPECT_EQ(f_.value(*second.Add1("add", {x, x})).name, "add_5");
}

TEST_F(BuilderTest, FailureLeavesTheFunctionUnchanged) {
  ValueId x = b_.Param("x", F32({2, 3}));
  ValueId y = b_.Param("y", F32({4}));
  size_t values = f_.values.size();
  EXPECT_EQ(b_.Add1("no_such_op", {x}).status().id(), ErrorId::E510);
  EXPECT_EQ(b_.Add1("add", {x}).status().id(), ErrorId::E504);
  EXPECT_EQ(b_.Add1("add", {x, x, x}).status().id(), ErrorId::E504);
  EXPECT_EQ(b_.Add1("add", {x, y}).status().id(), ErrorId::E504);
  EXPECT_EQ(b_.Add1("add", {x, ValueId(99u)}).status().id(), ErrorId::E502);
  EXPECT_EQ(b_.Add1("transpose", {x}, {{"nope", Expr(1)}}).status().id(), ErrorId::E508);
  EXPECT_EQ(b_.Add1("transpose", {x}, {{"dims", std::string("a")}}).status().id(), ErrorId::E508);
  OpArgs no_callee;
  no_callee.groups = {{x}};
  EXPECT_EQ(b_.Add("invoke", no_callee).status().id(), ErrorId::E506);
  OpArgs wrong_type;
  wrong_type.groups = {{x}, {x}};
  wrong_type.result_types = {F32({9})};
  EXPECT_EQ(b_.Add("add", wrong_type).status().id(), ErrorId::E504);
  EXPECT_EQ(f_.values.size(), values);
  EXPECT_TRUE(f_.ops.empty());
  EXPECT_TRUE(f_.block(f_.body).ops.empty());
}

TEST_F(BuilderTest, ViewsNameTheirBase) {
  ValueId x = b_.Param("x", F32({2, 3}));
  auto y = b_.Add1("transpose", {x}, {{"dims", AttrList{Expr(1), Expr(0)}}});
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_EQ(f_.value(*y).annotations.alias, x);
  EXPECT_FALSE(f_.value(*y).type.is_contiguous());
}

TEST_F(BuilderTest, RegionsHaveNamesOfTheirOwn) {
  ValueId p = b_.Param("p", Type::Tensor(DType::kBool, {}));
  ValueId x = b_.Param("x", F32({2}));
  std::vector<BlockId> regions;
  for (const char* label : {"then", "else"}) {
    b_.BeginRegion(label);
    ValueId a = b_.Param("x", F32({2}));
    auto r = b_.Add1("add", {a, a});
    ASSERT_TRUE(r.ok());
    EXPECT_EQ(f_.value(*r).name, "add");
    regions.push_back(b_.EndRegion({*r}));
  }
  OpArgs args;
  args.groups = {{p}, {x}};
  args.regions = regions;
  auto y = b_.Add("cond", args);
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_EQ(f_.value((*y)[0]).type, F32({2}));
  EXPECT_EQ(f_.block(regions[1]).parent, f_.value((*y)[0]).op);
  EXPECT_EQ(f_.block(f_.body).ops.size(), 1u);
  EXPECT_FALSE(b_.EndRegion({}).valid());
}

TEST_F(BuilderTest, ChecksMakeSizesEqualFromThereOn) {
  Symbol s0, s1, s2;
  s0.name = "s0", s1.name = "s1", s2.name = "s2";
  const Expr a = Expr::Symbol(f_.AddSymbol(s0));
  const Expr b = Expr::Symbol(f_.AddSymbol(s1));
  const Expr c = Expr::Symbol(f_.AddSymbol(s2));
  f_.num_symbol_params = 3;
  ValueId x = b_.Param("x", F32({a}));
  ValueId y = b_.Param("y", F32({b}));
  ValueId z = b_.Param("z", F32({c}));
  EXPECT_EQ(b_.Add1("add", {x, y}).status().id(), ErrorId::E504);
  auto check = [&](const Expr& pred) {
    OpArgs args;
    args.attrs = {{"pred", pred}};
    return b_.Add("sym.check", std::move(args)).status();
  };
  ASSERT_TRUE(check(Expr::Eq(a, b)).ok());
  EXPECT_TRUE(b_.Add1("add", {x, y}).ok());
  // What is checked in a region holds in it alone.
  b_.BeginRegion("body");
  ValueId u = b_.Param("u", F32({a}));
  ValueId v = b_.Param("v", F32({c}));
  EXPECT_EQ(b_.Add1("add", {u, v}).status().id(), ErrorId::E504);
  ASSERT_TRUE(check(Expr::Eq(c, b)).ok());
  auto sum = b_.Add1("add", {u, v});
  ASSERT_TRUE(sum.ok()) << sum.status().ToString();
  OpArgs wrap;
  wrap.regions = {b_.EndRegion({*sum})};
  wrap.groups = {{x, z}};
  ASSERT_TRUE(b_.Add("wrap", std::move(wrap)).ok());
  EXPECT_EQ(b_.Add1("add", {x, z}).status().id(), ErrorId::E504);
}

TEST_F(BuilderTest, AnEmitterChecksAndGoesOn) {
  Symbol s0, s1;
  s0.name = "s0", s1.name = "s1";
  const Expr a = Expr::Symbol(f_.AddSymbol(s0));
  const Expr b = Expr::Symbol(f_.AddSymbol(s1));
  f_.num_symbol_params = 2;
  Emitter emitter(b_, f_);
  Term x = emitter.Of(b_.Param("x", F32({a})));
  Term y = emitter.Of(b_.Param("y", F32({b})));
  emitter.Check(Expr::Eq(a, b), "as many of both");
  EXPECT_TRUE((x + y).present());
  EXPECT_TRUE(emitter.TakeStatus().ok());
}

TEST_F(BuilderTest, OpsOnGlobalsHaveTheirName) {
  Global global;
  global.name = "p";
  global.type = F32({2});
  module_.items.push_back({false, 0});
  module_.globals.push_back(global);
  EXPECT_EQ(b_.Add1("global.read", {}).status().id(), ErrorId::E506);
  OpArgs args;
  args.callee = "q";
  EXPECT_EQ(b_.Add("global.read", args).status().id(), ErrorId::E506);
  args.callee = "p";
  auto read = b_.Add("global.read", args);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(f_.value((*read)[0]).type, F32({2}));
}

}  // namespace
}  // namespace gcomp::ir
