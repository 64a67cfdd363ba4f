// Verify: each rule is broken once, and the sound module passes.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "ir/op_def.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "kernels/all_ops.h"

namespace gcomp::ir {
namespace {

Status InferFirst(InferCtx& ctx) {
  ctx.Return(ctx.operand(0));
  return {};
}

Status InferSame(InferCtx& ctx) {
  if (ctx.operand(0) != ctx.operand(1)) {
    return ctx.Fail("operands differ: " + ctx.Show(ctx.operand(0)) + " and " +
                    ctx.Show(ctx.operand(1)));
  }
  ctx.Return(ctx.operand(0));
  return {};
}

Status InferWritten(InferCtx& ctx) {
  for (size_t i = 0; i < ctx.op().results.size(); ++i) ctx.Return(*ctx.written(i));
  return {};
}

constexpr OperandSpec kOne[] = {{.name = "x", .dtypes = kFloatDTypes}};
constexpr OperandSpec kTwo[] = {{.name = "a"}, {.name = "b"}};
constexpr OperandSpec kAny[] = {
    {.name = "xs", .kind = OperandKind::kVariadic, .tensor_only = false}};
constexpr RegionSpec kThenElse[] = {{"then"}, {"else"}};
constexpr RegionSpec kCases[] = {{"case", true}};

OpDef Make(std::string_view name, std::span<const OperandSpec> operands, InferFn infer) {
  OpDef def;
  def.name = name;
  def.operands = operands;
  def.infer = infer;
  return def;
}

const OpRegistry& Ops() {
  static const OpRegistry* const registry = [] {
    static OpDef sin = Make("sin", kOne, InferFirst);
    static OpDef add = Make("add", kTwo, InferSame);
    static OpDef call = Make("invoke", kAny, InferWritten);
    call.has_callee = true;
    static OpDef cond = Make("cond", kAny, InferWritten);
    cond.regions = kThenElse;
    static OpDef choose = Make("switch", kAny, InferWritten);
    choose.regions = kCases;
    static OpDef nonzero = Make("nonzero", kOne, InferWritten);
    nonzero.effects.data_dependent = true;
    static const OpDef* const ops[] = {&sin, &add, &call, &cond, &choose, &nonzero};
    return new OpRegistry(ops);
  }();
  return *registry;
}

std::string ErrorsOf(const std::string& text) {
  Diagnostics diagnostics("", text);
  Module module = Parse(text, Ops(), diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << diagnostics.Render();
  Verify(module, diagnostics);
  std::string ids;
  for (const Diagnostic& d : diagnostics.list()) {
    ids += std::string(InfoOf(d.id).name) + " " + d.message + "\n";
  }
  return ids;
}

// Expects one error that starts with its id and has `part` in its message.
void ExpectError(const std::string& items, std::string_view id, std::string_view part) {
  const std::string errors = ErrorsOf("gir 1 module @m\n\nfile f = \"f.cc\"\n\n" + items);
  EXPECT_TRUE(errors.starts_with(id)) << items << errors;
  EXPECT_NE(errors.find(part), std::string::npos) << items << errors;
  EXPECT_EQ(errors.find('\n'), errors.size() - 1) << items << errors;
}

void ExpectBodyError(const std::string& lines, std::string_view id, std::string_view part) {
  ExpectError("func @f<s0>(%x: f32[s0], %i: i32[4], %p: flag) -> () {\n" + lines + "return\n}\n",
              id, part);
}

TEST(Verify, SoundModulePasses) {
  EXPECT_EQ(ErrorsOf(R"(gir 1 module @m

file f = "f.cc"

global @g: f32[2] mut = [1.0, 2.0]

func @h<s0>(%x: f32[s0]) -> (f32[s0], f32[u0]) defines u0 in [0, s0] {
  %n: f32[u0] = nonzero(%x) defines u0 in [0, s0]
  %y: f32[s0] = sin(%x) loc(f:1:2)
  return %y, %n
}

export func @main<s0 in [1, 9] mult 2>(
  %x: f32[s0] weight("x"),
  %b: f32[s0] mut,
  %k: int<s0>
) -> (f32[s0] into(%b)) effects [rng, io] {
  %y: f32[s0], %z: f32[u1] = invoke @h<s0>(%x) defines u1 in [0, s0]
  %w: f32[s0] = cond(%y, %k)
    then(%a: f32[s0], %j: int<u2>) {
      %u: f32[u2] = nonzero(%a)
      yield %a
    }
    else(%a: f32[s0], %j: int<u2>) {
      %c: f32[s0] = add(%a, %a)
      yield %c
    }
  %v: f32[] = switch()
    case0() {
      yield
    }
    case1() {
      yield
    }
  return %w
}
)"),
            "");
}

TEST(Verify, ModuleRules) {
  const std::string f = "func @f() -> () {\nreturn\n}\n";
  ExpectError(f + f, "E502", "@f is defined twice");
  ExpectError("global @f: f32[] = 0.0\n" + f, "E502", "@f is defined twice");
  ExpectError("global @g: f32[2] = [1.0]\n", "E504", "does not fit");
  ExpectError("global @g: f32[2] donate = 1.0\n", "E507", "`mut`");
  ExpectError("file f = \"g.cc\"\n", "E502", "stands twice");
  ExpectError("func @f() -> () {\nreturn loc(q:1:1)\n}\n", "E502", "`q`");
}

TEST(Verify, CallRules) {
  ExpectBodyError("invoke @gone()\n", "E506", "@gone");
  ExpectBodyError("invoke()\n", "E506", "needs a callee");
  ExpectBodyError("%y: f32[s0] = sin @f(%x)\n", "E506", "takes no callee");
  ExpectError("func @f() -> () {\ninvoke @f()\nreturn\n}\n", "E506", "@f calls @f");
  ExpectError(
      "func @f() -> () {\ninvoke @g()\nreturn\n}\n"
      "func @g() -> () {\nswitch()\ncase0() {\ninvoke @f()\nyield\n}\nreturn\n}\n",
      "E506", "@f calls @g calls @f");
}

TEST(Verify, SignatureRules) {
  ExpectError("func @f(%x: f32[4]) -> (f32[5]) {\nreturn %x\n}\n", "E504", "f32[5]");
  ExpectError("func @f(%x: f32[4]) -> () {\nreturn %x\n}\n", "E504", "1 values are returned");
  ExpectError("func @f() -> () defines u0 {\nreturn\n}\n", "E503", "no op of the body");
  ExpectError(
      "func @f(%x: f32[u0]) -> () defines u0 {\n%y: f32[u0] = nonzero(%x) defines u0\n"
      "return\n}\n",
      "E503", "`u0`");
  ExpectError("func @f<s0 in [5, 4]>() -> () {\nreturn\n}\n", "E503", "empty");
  ExpectError("func @f() -> () effects [gpu] {\nreturn\n}\n", "E508", "`gpu`");
  ExpectError("func @f() -> () effects [io, io] {\nreturn\n}\n", "E508", "twice");
}

TEST(Verify, OpRules) {
  ExpectBodyError("%y: f32[s0] = sine(%x)\n", "E510", "did you mean `sin`?");
  ExpectBodyError("%y: f32[s0] = add(%x)\n", "E504", "operand `b` is missing");
  ExpectBodyError("%y: i32[4] = sin(%i)\n", "E504", "can't be of dtype i32");
  ExpectBodyError("%y: flag = sin(%p)\n", "E504", "must be a tensor");
  ExpectBodyError("%y: f32[4] = sin(%x)\n", "E504", "printed f32[4], inferred f32[s0]");
  ExpectBodyError("%y: f32[4] = add(%x, %i)\n%z: f32[4] = sin(%y)\n", "E504", "operands differ");
  ExpectBodyError("%y: f32[s0], %z: f32[s0] = sin(%x)\n", "E504", "2 are written");
  ExpectBodyError("%y: f32[s0] = sin(%x) defines u0\n", "E503", "can't define");
}

TEST(Verify, RegionRules) {
  ExpectBodyError("cond()\n", "E505", "then, else; found none");
  ExpectBodyError("cond()\nelse() {\nyield\n}\nthen() {\nyield\n}\n", "E505", "found else, then");
  ExpectBodyError("switch()\ncase0() {\nyield\n}\ncase2() {\nyield\n}\n", "E505", "case0, case2");
  ExpectBodyError("%y: f32[s0] = sin(%x)\nbody() {\nyield\n}\n", "E505", "none; found body");
}

TEST(Verify, AnnotationRules) {
  ExpectError("func @f(%x: f32[4] weight(\"w\")) -> () {\nreturn\n}\n", "E507", "exported");
  ExpectBodyError("%y: f32[s0] mut = sin(%x)\n", "E507", "parameters only");
  ExpectBodyError("%y: f32[s0] into(%x) = sin(%x)\n", "E507", "results of functions");
  ExpectError("func @f(%x: f32[4], %b: f32[5]) -> (f32[4] into(%b)) {\nreturn %x\n}\n", "E507",
              "into(%b) is f32[5]");
  ExpectBodyError("switch()\ncase0(%a: f32[4] mut) {\nyield\n}\n", "E507", "`mut`");
}

// Modules that no text gives: made by hand.
TEST(Verify, BrokenTablesAreErrors) {
  Diagnostics parse;
  Module module = Parse(
      "gir 1 module @m\nfunc @f(%x: f32[4]) -> () {\n%y: f32[4] = sin(%x)\n"
      "%z: f32[4] = sin(%y)\nreturn\n}\n",
      Ops(), parse);
  ASSERT_TRUE(parse.ok());
  Function& f = *module.Find("f");
  Block& body = f.block(f.body);
  auto first_error = [&] {
    Diagnostics diagnostics;
    Verify(module, diagnostics);
    return diagnostics.ok() ? ErrorId::E999 : diagnostics.list()[0].id;
  };
  std::swap(body.ops[0], body.ops[1]);
  EXPECT_EQ(first_error(), ErrorId::E502);
  std::swap(body.ops[0], body.ops[1]);
  body.yields = {f.AddLiteral({DType::kF32, 0})};
  EXPECT_EQ(first_error(), ErrorId::E504);
  body.yields.clear();
  body.ops.push_back(body.ops[0]);
  Diagnostics twice;
  Verify(module, twice);
  ASSERT_EQ(twice.count(), 1u);
  EXPECT_NE(twice.list()[0].message.find("two places"), std::string::npos);
  body.ops.pop_back();
  f.op(body.ops[0]).operands[0] = ValueId(99u);
  Diagnostics outside;
  Verify(module, outside);
  ASSERT_EQ(outside.count(), 1u);
  EXPECT_NE(outside.list()[0].message.find("outside its tables"), std::string::npos);
  f.op(body.ops[0]).operands[0] = f.params()[0];
  Diagnostics sound;
  Verify(module, sound);
  ASSERT_TRUE(sound.ok()) << sound.Render();
  // A known op has the attributes of its record alone: those of an unknown one print, and what is
  // printed does not read back.
  f.op(body.ops[0]).unknown_args.emplace_back("speed", true);
  Diagnostics unknown;
  Verify(module, unknown);
  ASSERT_EQ(unknown.count(), 1u);
  EXPECT_NE(unknown.list()[0].message.find("do not fit the op"), std::string::npos);
}

// What a program that changes a graph can make and no text can say.
TEST(Verify, TypesRangesAndRegionsThatNoTextCanSay) {
  const OpRegistry ops(kernels::AllOps());
  auto first_error = [&](void (*change)(Function&)) {
    constexpr std::string_view kText = R"(gir 1 module @m

func @f<s0, s1>(%x: f32[s0, 4]) -> (f32[s0, 4]) {
  %y: f32[s0, 4] = wrap(%x)
    body(%a: f32[s0, 4]) {
      yield %a
    }
  return %y
}
)";
    Diagnostics diagnostics("test.ir", kText);
    Module module = Parse(kText, ops, diagnostics);
    EXPECT_TRUE(diagnostics.ok()) << diagnostics.Render();
    change(*module.functions[0]);
    Verify(module, diagnostics);
    return diagnostics.ok() ? std::string() : diagnostics.list()[0].message;
  };
  EXPECT_EQ(first_error([](Function&) {}), "");
  EXPECT_NE(first_error([](Function& f) {
              f.symbols[0].low = Expr::Symbol(SymId(0u));
            }).find("`s0` is not declared"),
            std::string::npos);
  EXPECT_NE(first_error([](Function& f) {
              f.value(f.params()[0]).type = Type::Tensor(DType::kF32, {Expr(-2)});
            }).find("size -2 is negative"),
            std::string::npos);
  EXPECT_NE(first_error([](Function& f) {
              Layout layout;
              layout.kind = Layout::Kind::kStrided;
              layout.strides = {Expr(1)};
              f.value(f.params()[0]).type = Type::Tensor(DType::kF32, {Expr(2), Expr(3)}, layout);
            }).find("other strides than axes"),
            std::string::npos);
  EXPECT_NE(first_error([](Function& f) {
              Block& region = f.block(f.op(f.block(f.body).ops[0]).regions[0]);
              Op inner = f.op(f.block(f.body).ops[0]);
              inner.results.clear();
              region.ops.push_back(f.AddOp(std::move(inner)));
            }).find("the region of two ops"),
            std::string::npos);
}

}  // namespace
}  // namespace gcomp::ir
