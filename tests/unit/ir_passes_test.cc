// Passes on graphs that the built-in ops can't make: effects, rewrites that go wrong, broken
// passes. What the passes do to ordinary graphs is tested in tests/passes/*.ir.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ir/passes/canonicalize.h"
#include "ir/passes/cse.h"
#include "ir/passes/dce.h"
#include "ir/passes/fold.h"
#include "ir/passes/pipeline.h"
#include "ir/rewrite.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "kernels/all_ops.h"

namespace gcomp::ir {
namespace {

Status InferSame(InferCtx& ctx) {
  ctx.Return(ctx.operand(0));
  return {};
}

Status NeverDone(RewriteCtx& ctx) {
  // Takes turns between two forms.
  bool odd = ctx.attrs().Int("n") == 1;
  return ctx.SetAttr("n", Expr(odd ? 2 : 1));
}

constexpr OperandSpec kOne[] = {{.name = "x"}};
constexpr AttrSpec kN[] = {IntAttr("n", 0, "which form")};

constexpr Lowering kNoLoops = {
    .kind = Lowering::Kind::kExternal, .loops = nullptr, .why = "a test"};

constexpr OpDef Extension(std::string_view name, Effects effects) {
  OpDef def;
  def.name = name;
  def.operands = kOne;
  def.effects = effects;
  def.infer = InferSame;
  def.lowering = kNoLoops;
  return def;
}

constexpr OpDef Spinning() {
  OpDef def = Extension("t.spin", {});
  def.attrs = kN;
  def.canonicalize = NeverDone;
  return def;
}

constexpr OpDef kPrint = Extension("t.print", {.ordered = OrderedKind::kIo});
constexpr OpDef kDraw = Extension("t.draw", {.random = true});
constexpr OpDef kFill = Extension("t.fill", {.writes = 1, .write = WriteKind::kData});
constexpr OpDef kRead = Extension("t.read", {.host_sync = true});
constexpr OpDef kPure = Extension("t.pure", {});
constexpr OpDef kSpin = Spinning();

class PassesTest : public testing::Test {
 protected:
  PassesTest() {
    for (const OpDef* def : {&kPrint, &kDraw, &kFill, &kRead, &kPure, &kSpin}) {
      EXPECT_TRUE(ops_.Add(def).ok());
    }
  }

  Module ParseBody(const std::string& body) {
    std::string text =
        "gir 1 module @m\n\nexport func @f(%x: f32[4] mut) -> (f32[4]) effects [io, host] {\n" +
        body + "}\n";
    Diagnostics diagnostics("test", text);
    Module module = Parse(text, ops_, diagnostics);
    if (diagnostics.ok()) Verify(module, diagnostics);
    EXPECT_TRUE(diagnostics.ok()) << diagnostics.Render();
    return module;
  }

  // The lines of the body after `pass`.
  std::string After(const Pass& pass, const std::string& body) {
    Module module = ParseBody(body);
    StatusOr<bool> changed = pass.run(module, {.ops = ops_});
    EXPECT_TRUE(changed.ok()) << changed.status().ToString();
    Diagnostics diagnostics;
    Verify(module, diagnostics);
    EXPECT_TRUE(diagnostics.ok()) << diagnostics.ToStatus().ToString();
    std::string text = Print(module);
    size_t begin = text.find("{\n") + 2;
    std::string after = text.substr(begin, text.rfind('}') - begin);
    EXPECT_EQ(*changed, after != body);
    return after;
  }

  OpRegistry ops_{kernels::AllOps()};
};

TEST_F(PassesTest, DceKeepsEffects) {
  const std::string body =
      "  %a: f32[4] = t.print(%x)\n"
      "  %b: f32[4] = t.draw(%x)\n"
      "  %c: f32[4] = t.fill(%x)\n"
      "  %d: f32[4] = t.read(%x)\n"
      "  return %x\n";
  EXPECT_EQ(After(kDce, body), body);
  EXPECT_EQ(After(kDce, "  %a: f32[4] = t.pure(%x)\n  return %x\n"), "  return %x\n");
}

TEST_F(PassesTest, DceKeepsWhatEffectsUse) {
  const std::string body =
      "  %a: f32[4] = t.pure(%x)\n"
      "  %b: f32[4] = t.print(%a)\n"
      "  return %x\n";
  EXPECT_EQ(After(kDce, body), body);
}

TEST_F(PassesTest, DceLooksForEffectsInRegions) {
  auto wrap = [](const std::string& op) {
    return "  %y: f32[4] = wrap(%x)\n    body(%a: f32[4]) {\n      %b: f32[4] = " + op +
           "(%a)\n      yield %b\n    }\n";
  };
  EXPECT_EQ(After(kDce, wrap("t.print") + "  return %x\n"), wrap("t.print") + "  return %x\n");
  EXPECT_EQ(After(kDce, wrap("t.pure") + "  return %x\n"), "  return %x\n");
}

TEST_F(PassesTest, DceLooksForEffectsInCallees) {
  const std::string callee = "}\n\nfunc @g(%a: f32[4]) -> (f32[4]) effects [io] {\n  %b: f32[4] = ";
  const std::string call = "  %y: f32[4] = invoke @g(%x)\n";
  const std::string rest = "(%a)\n  return %b\n";
  std::string with_effect = "  return %x\n" + callee + "t.print" + rest;
  EXPECT_EQ(After(kDce, call + with_effect), call + with_effect);
  const std::string pure_callee = "}\n\nfunc @g(%a: f32[4]) -> (f32[4]) {\n  %b: f32[4] = ";
  std::string pure = "  return %x\n" + pure_callee + "t.pure" + rest;
  EXPECT_EQ(After(kDce, call + pure), pure);
}

TEST_F(PassesTest, CseMergesPureOpsOnly) {
  for (std::string op : {"t.print", "t.draw", "t.read"}) {
    const std::string body = "  %a: f32[4] = " + op + "(%x)\n  %b: f32[4] = " + op +
                             "(%x)\n  %c: f32[4] = add(%a, %b)\n  return %c\n";
    EXPECT_EQ(After(kCse, body), body);
  }
  EXPECT_EQ(After(kCse,
                  "  %a: f32[4] = t.pure(%x)\n  %b: f32[4] = t.pure(%x)\n"
                  "  %c: f32[4] = add(%a, %b)\n  return %c\n"),
            "  %a: f32[4] = t.pure(%x)\n  %c: f32[4] = add(%a, %a)\n  return %c\n");
}

TEST_F(PassesTest, CseLeavesFunctionsThatWriteInPlaceAlone) {
  const std::string body =
      "  %a: f32[4] = exp(%x)\n"
      "  %b: f32[4] = exp(%x)\n"
      "  %c: f32[4] = t.fill(%a)\n"
      "  return %b\n";
  EXPECT_EQ(After(kCse, body), body);
}

TEST_F(PassesTest, CanonicalizeKeepsValuesWhereSomethingIsWrittenInPlace) {
  const std::string body =
      "  %a: f32[4] = contiguous(%x)\n"
      "  %b: f32[4] = t.fill(%x)\n"
      "  return %a\n";
  EXPECT_EQ(After(kCanonicalize, body), body);
  EXPECT_EQ(After(kCanonicalize, "  %a: f32[4] = contiguous(%x)\n  return %a\n"), "  return %x\n");
}

TEST_F(PassesTest, CanonicalizeRefusesARewriteWithoutEnd) {
  Module module = ParseBody("  %a: f32[4] = t.spin(%x)\n  return %a\n");
  StatusOr<bool> changed = Canonicalize(module, {.ops = ops_});
  ASSERT_FALSE(changed.ok());
  EXPECT_EQ(changed.status().id(), ErrorId::E999);
  EXPECT_NE(changed.status().message().find("t.spin"), std::string::npos);
}

TEST_F(PassesTest, FoldLeavesOpsWithoutAKernelAlone) {
  const std::string body =
      "  %a: f32[4] = iota()\n"
      "  %b: f32[4] = t.pure(%a)\n"
      "  return %b\n";
  EXPECT_EQ(After(kFold, body),
            "  %a: f32[4] = const([0.0, 1.0, 2.0, 3.0])\n"
            "  %b: f32[4] = t.pure(%a)\n"
            "  return %b\n");
}

TEST_F(PassesTest, FoldNeedsConst) {
  std::vector<const OpDef*> without;
  for (const OpDef* def : kernels::AllOps()) {
    if (def->name != "const") without.push_back(def);
  }
  OpRegistry ops(without);
  Module module = ParseBody("  %a: f32[4] = iota()\n  return %a\n");
  StatusOr<bool> changed = FoldConstants(module, {.ops = ops});
  ASSERT_TRUE(changed.ok());
  EXPECT_FALSE(*changed);
}

TEST_F(PassesTest, FoldHasTheBitsOfBothKernelBuilds) {
  for (CpuLevel cpu : {CpuLevel::kV3, *DetectCpuLevel()}) {
    Module module = ParseBody(
        "  %i: f32[4] = iota()\n  %a: f32[4] = mul(%i, -0.3)\n  %b: f32[4] = exp(%a)\n"
        "  return %b\n");
    ASSERT_TRUE(FoldConstants(module, {.ops = ops_, .cpu = cpu}).ok());
    EXPECT_NE(Print(module).find("const([1.0, 0.7408182, 0.5488116, 0.40656966])"),
              std::string::npos)
        << Print(module);
  }
}

TEST(PipelineTest, ReadsNamesBetweenCommas) {
  StatusOr<std::vector<const Pass*>> passes = ParsePipeline(" dce ,cse,dce");
  ASSERT_TRUE(passes.ok());
  EXPECT_EQ(*passes, (std::vector<const Pass*>{&kDce, &kCse, &kDce}));
  EXPECT_TRUE(ParsePipeline("").ok());
  EXPECT_TRUE(ParsePipeline("  ")->empty());
  for (const char* wrong : {"dce,", ",dce", "dce,,cse", "DCE", "dce cse", "nothing"}) {
    EXPECT_EQ(ParsePipeline(wrong).status().id(), ErrorId::E701) << wrong;
  }
}

TEST(PipelineTest, FindsEveryPassByItsName) {
  for (const Pass* pass : AllPasses()) EXPECT_EQ(FindPass(pass->name), pass);
  EXPECT_EQ(FindPass("nothing"), nullptr);
}

StatusOr<bool> BreakTypes(Module& module, const PassContext& /*context*/) {
  Function& function = *module.functions[0];
  function.value(function.block(function.body).yields[0]).type = Type::Tensor(DType::kI8, {3});
  return true;
}

StatusOr<bool> FailAlways(Module& /*module*/, const PassContext& /*context*/) {
  return Status(ErrorId::E802, "too much");
}

constexpr Pass kBreak = {"break", "Breaks the module.", &BreakTypes};
constexpr Pass kFail = {"fail", "Fails.", &FailAlways};

TEST_F(PassesTest, PipelineTellsEachPassAndWhetherItChanged) {
  Module module = ParseBody("  %a: f32[4] = exp(%x)\n  return %x\n");
  std::vector<std::string> seen;
  PipelineOptions options;
  options.after_pass = [&](const PassRun& run, const Module&) {
    seen.push_back(std::string(run.pass->name) + (run.changed ? "+" : "-"));
  };
  const Pass* passes[] = {&kCse, &kDce, &kDce};
  StatusOr<std::vector<PassRun>> runs = RunPipeline(passes, module, {.ops = ops_}, options);
  ASSERT_TRUE(runs.ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"cse-", "dce+", "dce-"}));
  ASSERT_EQ(runs->size(), 3u);
  for (const PassRun& run : *runs) EXPECT_GE(run.time_ns, 0);
}

TEST_F(PassesTest, PipelineFindsThePassThatBreaksTheModule) {
  Module module = ParseBody("  %a: f32[4] = exp(%x)\n  return %a\n");
  const Pass* passes[] = {&kBreak, &kDce};
  StatusOr<std::vector<PassRun>> runs =
      RunPipeline(passes, module, {.ops = ops_}, {.verify_each = true, .after_pass = {}});
  ASSERT_FALSE(runs.ok());
  EXPECT_EQ(runs.status().id(), ErrorId::E999);
  EXPECT_NE(runs.status().message().find("after pass break"), std::string::npos);
}

TEST_F(PassesTest, PipelineStopsAtAFailureAndNamesThePass) {
  Module module = ParseBody("  %a: f32[4] = exp(%x)\n  return %x\n");
  const Pass* passes[] = {&kFail, &kDce};
  StatusOr<std::vector<PassRun>> runs = RunPipeline(passes, module, {.ops = ops_});
  ASSERT_FALSE(runs.ok());
  EXPECT_EQ(runs.status().id(), ErrorId::E802);
  EXPECT_NE(runs.status().ToString().find("in pass fail"), std::string::npos);
  EXPECT_NE(Print(module).find("exp(%x)"), std::string::npos);
}

}  // namespace
}  // namespace gcomp::ir
