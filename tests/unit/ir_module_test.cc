#include <gtest/gtest.h>

#include "ir/diagnostic.h"
#include "ir/module.h"
#include "ir/op_def.h"

namespace gcomp::ir {
namespace {

constexpr AttrSpec kAttrs[] = {
    IntAttr("n", 3, ""),          FloatAttr("f", 0.5, ""),
    BoolAttr("b", true, ""),      StringAttr("s", "none", ""),
    {"dims", AttrKind::kIntList}, {"start", AttrKind::kSize, "", AttrSpec::Default::kInt, 7}};

Status InferSame(InferCtx& ctx) {
  ctx.Return(ctx.operand(0));
  return {};
}

constexpr OperandSpec kOperands[] = {{"x"}, {"others", OperandKind::kVariadic}};
constexpr OpDef kOp = {.name = "test_op",
                       .doc = "",
                       .source = "",
                       .operands = kOperands,
                       .attrs = kAttrs,
                       .infer = InferSame,
                       .lowering = {.kind = Lowering::Kind::kExternal, .why = "test"}};

ValueId AddParam(Function& f, BlockId block, std::string name, Dims dims = {}) {
  Value value;
  value.name = std::move(name);
  value.type = Type::Tensor(DType::kF32, std::move(dims));
  value.block = block;
  ValueId id = f.AddValue(std::move(value));
  f.block(block).params.push_back(id);
  return id;
}

ValueId AddOp(Function& f, BlockId block, std::string name, std::vector<ValueId> operands,
              std::vector<BlockId> regions = {}) {
  Value value;
  value.name = std::move(name);
  Op op;
  op.def = &kOp;
  op.group_begin = {0, 1, static_cast<uint16_t>(operands.size())};
  op.operands = std::move(operands);
  op.results = {f.AddValue(std::move(value))};
  op.regions = regions;
  ValueId result = op.results[0];
  OpId id = f.AddOp(std::move(op));
  for (BlockId region : regions) f.block(region).parent = id;
  f.block(block).ops.push_back(id);
  return result;
}

TEST(Function, CompactKeepsWhatIsReachableInOrder) {
  Module module;
  Function& f = module.AddFunction("main");
  ValueId x = AddParam(f, f.body, "x");
  AddOp(f, f.body, "dead", {x});
  f.block(f.body).ops.clear();
  BlockId region = f.AddBlock({});
  ValueId a = AddParam(f, region, "a");
  ValueId literal = f.AddLiteral(*Scalar::FromDouble(DType::kF32, 2.0));
  ValueId inner = AddOp(f, region, "inner", {a, literal});
  f.block(region).yields = {inner};
  ValueId y = AddOp(f, f.body, "y", {x}, {region});
  f.value(y).annotations.alias = x;
  f.block(f.body).yields = {y};
  f.results.push_back({f.value(x).type, {}});
  f.results[0].annotations.into = x;
  f.Compact();
  ASSERT_EQ(f.ops.size(), 2u);
  ASSERT_EQ(f.values.size(), 5u);
  ASSERT_EQ(f.blocks.size(), 2u);
  const Op& op = f.op(f.block(f.body).ops[0]);
  EXPECT_EQ(f.value(op.results[0]).name, "y");
  EXPECT_EQ(f.value(op.results[0]).op, f.block(f.body).ops[0]);
  EXPECT_EQ(f.value(f.value(op.results[0]).annotations.alias).name, "x");
  EXPECT_EQ(f.value(f.results[0].annotations.into).name, "x");
  const Block& moved = f.block(op.regions[0]);
  EXPECT_EQ(moved.parent, f.block(f.body).ops[0]);
  EXPECT_EQ(f.value(moved.params[0]).block, op.regions[0]);
  EXPECT_EQ(f.value(moved.yields[0]).name, "inner");
  EXPECT_EQ(f.value(f.op(moved.ops[0]).operands[1]).literal.ToDouble(), 2.0);
}

TEST(Function, ReplaceUsesReachesRegionsYieldsAndFacts) {
  Module module;
  Function& f = module.AddFunction("main");
  ValueId x = AddParam(f, f.body, "x");
  ValueId y = AddParam(f, f.body, "y");
  BlockId region = f.AddBlock({});
  ValueId inner = AddOp(f, region, "inner", {x});
  f.block(region).yields = {x};
  f.value(inner).annotations.alias = x;
  f.results.push_back({f.value(x).type, {}});
  f.results[0].annotations.alias = x;
  f.ReplaceUses(x, y);
  EXPECT_EQ(f.op(f.value(inner).op).operands[0], y);
  EXPECT_EQ(f.block(region).yields[0], y);
  EXPECT_EQ(f.value(inner).annotations.alias, y);
  EXPECT_EQ(f.results[0].annotations.alias, y);
  EXPECT_EQ(f.params()[0], x);
}

TEST(Function, RangerFollowsBoundsAndSurvivesCircles) {
  Function f;
  auto symbol = [&f](std::string name, Expr low, std::optional<Expr> high) {
    Symbol s;
    s.name = std::move(name);
    s.low = low;
    s.high = high;
    return f.AddSymbol(std::move(s));
  };
  SymId s0 = symbol("s0", 2, 9);
  SymId u0 = symbol("u0", 0, Expr::Mul(2, Expr::Symbol(s0)));
  SymId c0 = symbol("c0", 0, std::nullopt);
  SymId c1 = symbol("c1", 0, Expr::Symbol(c0));
  f.symbols[c0.index()].high = Expr::Add(Expr::Symbol(c1), Expr::Symbol(c0));
  auto ranges = f.Ranger();
  EXPECT_EQ(ranges(s0), (Interval{2, 9}));
  EXPECT_EQ(ranges(u0), (Interval{0, 18}));
  EXPECT_EQ(ranges(c1), (Interval{0, Interval::kUnbounded}));
}

TEST(Module, UnknownOpsKeepTheirRecords) {
  Module module;
  const OpDef* first = module.UnknownOp("mystery");
  for (int i = 0; i < 100; ++i) module.UnknownOp("other" + std::to_string(i));
  EXPECT_EQ(module.UnknownOp(std::string("mystery")), first);
  EXPECT_EQ(first->name, "mystery");
  EXPECT_FALSE(first->known());
}

TEST(OpRegistry, RefusesTakenNamesAndHalfRecords) {
  const OpDef* table[] = {&kOp};
  OpRegistry ops(table);
  EXPECT_EQ(ops.Find("test_op"), &kOp);
  EXPECT_EQ(ops.Find("test_o"), nullptr);
  EXPECT_EQ(ops.Add(&kOp).id(), ErrorId::E701);
  OpDef half;
  half.name = "half";
  EXPECT_EQ(ops.Add(&half).id(), ErrorId::E701);
  OpDef whole = kOp;
  whole.name = "a_op";
  EXPECT_TRUE(ops.Add(&whole).ok());
  EXPECT_EQ(ops.ops().front(), &whole);
}

TEST(AttrReader, FillsDefaultsAndSurvivesUnknownNames) {
  Op op;
  op.def = &kOp;
  AttrReader attrs(kOp, op);
  EXPECT_EQ(attrs.Int("n"), 3);
  EXPECT_EQ(attrs.Float("f"), 0.5);
  EXPECT_TRUE(attrs.Bool("b"));
  EXPECT_EQ(attrs.String("s"), "none");
  EXPECT_EQ(attrs.Ints("dims"), std::nullopt);
  EXPECT_EQ(attrs.Size("start"), Expr(7));
  EXPECT_EQ(attrs.Int("nothing"), 0);
  EXPECT_EQ(attrs.String("nothing"), "");
  EXPECT_FALSE(attrs.Has("n"));
  op.attrs = {AttrValue(Expr(5))};
  EXPECT_TRUE(attrs.Has("n"));
  EXPECT_EQ(attrs.Int("n"), 5);
}

TEST(InferCtx, NormalizesAxes) {
  Module module;
  Function& f = module.AddFunction("main");
  ValueId x = AddParam(f, f.body, "x");
  ValueId y = AddOp(f, f.body, "y", {x});
  Op& op = f.op(f.value(y).op);
  InferCtx ctx(module, f, op);
  EXPECT_EQ(*ctx.Axis(-1, 3, "dim"), 2);
  EXPECT_EQ(ctx.Axis(3, 3, "dim").status().id(), ErrorId::E508);
  EXPECT_EQ(ctx.Axis(0, 0, "dim").status().id(), ErrorId::E508);
  EXPECT_EQ(*ctx.Axes("dims", 2), (std::vector<int>{0, 1}));
  op.attrs.resize(5);
  op.attrs[4] = AttrList{Expr(-1), Expr(0)};
  EXPECT_EQ(*ctx.Axes("dims", 3), (std::vector<int>{0, 2}));
  op.attrs[4] = AttrList{Expr(-1), Expr(2)};
  EXPECT_EQ(ctx.Axes("dims", 3).status().id(), ErrorId::E508);
  EXPECT_EQ(ctx.Fail("what").message(), "test_op: what");
}

TEST(BroadcastDims, StretchesOnlyALiteralOne) {
  Module module;
  Function& f = module.AddFunction("main");
  Symbol symbol;
  symbol.name = "s0";
  Expr s0 = Expr::Symbol(f.AddSymbol(symbol));
  ValueId a = AddParam(f, f.body, "a", {s0, 1, 3});
  ValueId b = AddParam(f, f.body, "b", {4, 1});
  ValueId c = AddParam(f, f.body, "c", {s0});
  ValueId y = AddOp(f, f.body, "y", {a});
  InferCtx ctx(module, f, f.op(f.value(y).op));
  EXPECT_EQ(*BroadcastDims(ctx, std::vector{a, b}), (Dims{s0, 4, 3}));
  EXPECT_EQ(*BroadcastDims(ctx, std::vector{b, a}), (Dims{s0, 4, 3}));
  EXPECT_EQ(BroadcastDims(ctx, std::vector{a, c}).status().id(), ErrorId::E504);
}

TEST(Diagnostics, RenderPointsAtThePlace) {
  Diagnostics d("f.ir", "one\n\ttwo three\n");
  d.Add(ErrorId::E504, {2, 6, 5}, "no");
  EXPECT_EQ(d.Render(), "f.ir:2:6: error: E504: no\n\ttwo three\n\t    ^~~~~\n");
  EXPECT_EQ(d.ToStatus().ToString(), "f.ir:2:6: E504: no");
}

TEST(Diagnostics, RenderCutsLongLinesAndHidesControlBytes) {
  std::string text = std::string(300, 'a') + "\x01" + "b" + std::string(300, 'c');
  Diagnostics d("f.ir", text);
  d.Add(ErrorId::E501, {1, 302, 1}, "bad");
  std::string shown = d.Render();
  EXPECT_NE(shown.find("a?bc"), std::string::npos);
  size_t line = shown.find('\n') + 1;
  size_t caret = shown.find('^');
  size_t mark = shown.rfind('\n', caret) + 1;
  EXPECT_EQ(shown[line + (caret - mark)], 'b');
  EXPECT_LT(shown.size(), 300u);
  EXPECT_NE(shown.find("...\n"), std::string::npos);
}

TEST(Diagnostics, CountsWhatIsPastTheLimit) {
  Diagnostics d("f.ir", "x", 2);
  for (int i = 0; i < 5; ++i) d.Add(ErrorId::E501, {9, 9, 9}, "m");
  EXPECT_TRUE(d.full());
  EXPECT_EQ(d.count(), 5u);
  EXPECT_TRUE(d.Render().ends_with("3 more errors\n"));
  EXPECT_EQ(d.ToStatus().notes().at(0), "4 more errors");
}

}  // namespace
}  // namespace gcomp::ir
