// Passes over functions and calls, on modules that text tests can't hold: many layers, ops with
// effects of their own, random modules that are run before and after. What the passes do to
// ordinary graphs is tested in tests/passes/{dedupe,inline,prune,outline}.ir.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/passes/calls.h"
#include "ir/passes/dedupe.h"
#include "ir/passes/inline.h"
#include "ir/passes/outline.h"
#include "ir/passes/pipeline.h"
#include "ir/passes/prune.h"
#include "ir/structure.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "kernels/all_ops.h"
#include "runtime/engine.h"
#include "tests/unit/random_functions.h"

namespace gcomp::ir {
namespace {

Status InferSame(InferCtx& ctx) {
  ctx.Return(Type::Tensor(ctx.operand(0).dtype(), ctx.operand(0).dims()));
  return {};
}

// A tensor as long as the symbol that the op defines.
Status InferSome(InferCtx& ctx) {
  if (ctx.op().defines.size() != 1) return ctx.Fail("defines one size");
  ctx.Return(Type::Tensor(ctx.operand(0).dtype(), {Expr::Symbol(ctx.op().defines[0])}));
  return {};
}

constexpr OperandSpec kOne[] = {{.name = "x"}};

constexpr OpDef Extension(std::string_view name, Effects effects, InferFn infer = InferSame) {
  OpDef def;
  def.name = name;
  def.operands = kOne;
  def.effects = effects;
  def.infer = infer;
  def.lowering = {.kind = Lowering::Kind::kExternal, .loops = nullptr, .why = "a test"};
  return def;
}

constexpr OpDef kPrint = Extension("t.print", {.ordered = OrderedKind::kIo});
constexpr OpDef kDraw = Extension("t.draw", {.random = true});
constexpr OpDef kWrite =
    Extension("t.write", {.writes = 1, .write = WriteKind::kData, .alias_of = {0, -1, -1, -1}});
constexpr OpDef kTurn =
    Extension("t.turn", {.writes = 1, .write = WriteKind::kMetadata, .alias_of = {0, -1, -1, -1}});
constexpr OpDef kSome = Extension("t.some", {.data_dependent = true}, InferSome);

class FunctionPassesTest : public testing::Test {
 protected:
  FunctionPassesTest() {
    for (const OpDef* def : {&kPrint, &kDraw, &kWrite, &kTurn, &kSome}) {
      EXPECT_TRUE(ops_.Add(def).ok());
    }
  }

  Module Read(const std::string& items) {
    const std::string text = "gir 1 module @m\n\n" + items;
    Diagnostics diagnostics("test", text);
    Module module = Parse(text, ops_, diagnostics);
    if (diagnostics.ok()) Verify(module, diagnostics);
    EXPECT_TRUE(diagnostics.ok()) << diagnostics.Render();
    return module;
  }

  // Runs the pass; what comes out verifies, survives its text, and gives the pass no more to do.
  bool Run(const Pass& pass, Module& module) {
    StatusOr<bool> changed = pass.run(module, {.ops = ops_});
    EXPECT_TRUE(changed.ok()) << changed.status().ToString();
    if (!changed.ok()) return false;
    const std::string text = Print(module);
    Diagnostics diagnostics("after", text);
    Verify(module, diagnostics);
    EXPECT_TRUE(diagnostics.ok()) << pass.name << "\n" << diagnostics.Render() << text;
    Module again = Parse(text, ops_, diagnostics);
    if (diagnostics.ok()) Verify(again, diagnostics);
    EXPECT_TRUE(diagnostics.ok()) << pass.name << "\n" << diagnostics.Render() << text;
    EXPECT_EQ(Print(again), text);
    EXPECT_TRUE(Equal(module, again));
    StatusOr<bool> more = pass.run(again, {.ops = ops_});
    EXPECT_TRUE(more.ok() && !*more) << pass.name << "\n" << text << Print(again);
    return *changed;
  }

  std::string After(const Pass& pass, const std::string& items) {
    Module module = Read(items);
    const bool changed = Run(pass, module);
    std::string text = Print(module);
    text = text.substr(text.find("\n\n") + 2);
    EXPECT_EQ(changed, text != items);
    return text;
  }

  OpRegistry ops_{kernels::AllOps()};
};

// ---- Eighty layers ------------------------------------------------------------------------------

constexpr int kLayers = 80;

// `count` ops of one layer on `%x`, `%w`; names end in `suffix`; returns the name of the last
// value.
std::string LayerOps(int count, const std::string& x, const std::string& w,
                     const std::string& suffix, std::string* text) {
  static constexpr std::string_view kOps = "mmatmaattmam";  // no part repeats for long
  std::string last = x;
  for (int i = 0; i < count; ++i) {
    const std::string next = Format("%v{}{}", i, suffix);
    const char op = kOps[static_cast<size_t>(i)];
    *text += op == 't'
                 ? Format("  {}: f32[8] = tanh({})\n", next, last)
                 : Format("  {}: f32[8] = {}({}, {})\n", next, op == 'm' ? "mul" : "add", last, w);
    last = next;
  }
  return last;
}

std::string MainHeader() {
  std::string text = "export func @main(\n  %x: f32[8],\n";
  for (int i = 0; i < kLayers; ++i) {
    text += Format("  %w{}: f32[8]{}\n", i, i + 1 < kLayers ? "," : "");
  }
  return text + ") -> (f32[8]) {\n";
}

// spec: higher_order_ops 16, 21, 34, 60
TEST_F(FunctionPassesTest, EightyEqualLayersBecomeOneFunction) {
  std::string text = MainHeader();
  std::string last = "%x";
  std::string layers;
  for (int i = 0; i < kLayers; ++i) {
    text += Format("  %h{0}: f32[8] = invoke @layer{0}({1}, %w{0})\n", i, last);
    last = Format("%h{}", i);
    layers += Format("\nfunc @layer{}(%x: f32[8], %w: f32[8]) -> (f32[8]) {{\n", i);
    const std::string suffix = Format("_of_{}", i);
    const std::string y = LayerOps(12, "%x", "%w", suffix, &layers);
    layers += Format("  return {}\n}}\n", y);
  }
  Module module = Read(text + Format("  return {}\n}}\n", last) + layers);
  ASSERT_EQ(module.functions.size(), size_t{kLayers + 1});
  EXPECT_TRUE(Run(kDedupe, module));
  ASSERT_EQ(module.functions.size(), 2u);
  EXPECT_EQ(module.functions[1]->name, "layer0");
  EXPECT_EQ(CountUses(module)[1].calls, size_t{kLayers});
}

TEST_F(FunctionPassesTest, EightyRepeatedRunsBecomeOneFunction) {
  std::string text = MainHeader();
  std::string last = "%x";
  for (int i = 0; i < kLayers; ++i) {
    last = LayerOps(12, last, Format("%w{}", i), Format("_{}", i), &text);
  }
  Module module = Read(text + Format("  return {}\n}}\n", last));
  EXPECT_TRUE(Run(kOutline, module));
  ASSERT_EQ(module.functions.size(), 2u);
  EXPECT_EQ(module.functions[1]->name, "main.block");
  EXPECT_EQ(CountOps(*module.functions[0]), size_t{kLayers});
  EXPECT_EQ(CountOps(*module.functions[1]), 12u);
  EXPECT_EQ(module.functions[1]->params().size(), 2u);
  EXPECT_EQ(module.functions[1]->results.size(), 1u);
}

// ---- What tells functions apart -----------------------------------------------------------------

TEST_F(FunctionPassesTest, TheHashHasEverythingThatMatters) {
  const std::string callees =
      "func @inner0(%x: f32[4]) -> (f32[4]) {\n  %y: f32[4] = exp(%x)\n  return %y\n}\n\n"
      "func @inner1(%x: f32[4]) -> (f32[4]) {\n  %y: f32[4] = log(%x)\n  return %y\n}\n\n";
  const std::vector<std::string> different = {
      "func @f(%x: f32[4]) -> (f32[4]) {\n  %y: f32[4] = exp(%x)\n  return %y\n}\n",
      "func @f(%x: f64[4]) -> (f64[4]) {\n  %y: f64[4] = exp(%x)\n  return %y\n}\n",
      "func @f(%x: f32[4] donate) -> (f32[4]) {\n  %y: f32[4] = exp(%x)\n  return %y\n}\n",
      "func @f(%x: f32[4]) -> (f32[4]) effects [io] {\n  %y: f32[4] = exp(%x)\n  return %y\n}\n",
      "func @f(%x: f32[4]) -> (f32[4]) attrs {fast = true} {\n  %y: f32[4] = exp(%x)\n"
      "  return %y\n}\n",
      "func @f(%x: f32[4]) -> (f32[4]) {\n  %y: f32[4] = exp(%x)  attrs {a = 1}\n  return %y\n}\n",
      "func @f(%x: f32[4]) -> (f32[4]) {\n  %y: f32[4] = softmax(%x)\n  return %y\n}\n",
      "func @f(%x: f32[4]) -> (f32[4]) {\n  %y: f32[4] = invoke @inner0(%x)\n  return %y\n}\n",
      "func @f(%x: f32[4]) -> (f32[4]) {\n  %y: f32[4] = invoke @inner1(%x)\n  return %y\n}\n",
      "func @f(%x: f32[4]) -> (f32[4]) {\n  %y: f32[4] = wrap(%x)\n    body(%a: f32[4]) {\n"
      "      %b: f32[4] = exp(%a)\n      yield %b\n    }\n  return %y\n}\n",
      "func @f(%x: f32[4]) -> (f32[4]) {\n  %y: f32[4] = wrap(%x)\n    body(%a: f32[4]) {\n"
      "      %b: f32[4] = log(%a)\n      yield %b\n    }\n  return %y\n}\n",
  };
  std::vector<Hash128> hashes;
  for (const std::string& text : different) {
    Diagnostics diagnostics;
    Module module = Parse("gir 1 module @m\n\n" + callees + text, ops_, diagnostics);
    ASSERT_TRUE(diagnostics.ok()) << text << diagnostics.ToStatus().ToString();
    hashes.push_back(FunctionHashes(module).back());
    for (size_t i = 0; i + 1 < hashes.size(); ++i) {
      EXPECT_NE(hashes[i], hashes.back()) << different[i] << text;
    }
  }
}

TEST_F(FunctionPassesTest, EqualFunctionsCompareCalleesByWhatTheyAre) {
  Module module = Read(
      "func @a(%x: f32[4]) -> (f32[4]) {\n  %y: f32[4] = invoke @b(%x)\n  return %y\n}\n\n"
      "func @b(%x: f32[4]) -> (f32[4]) {\n  %y: f32[4] = exp(%x)\n  return %y\n}\n\n"
      "func @c(%z: f32[4]) -> (f32[4]) {\n  %u: f32[4] = invoke @d(%z)\n  return %u\n}\n\n"
      "func @d(%z: f32[4]) -> (f32[4]) {\n  %u: f32[4] = exp(%z)\n  return %u\n}\n");
  EXPECT_EQ(EqualFunctions(module), (std::vector<size_t>{0, 1, 0, 1}));
}

// ---- Storage and effects ------------------------------------------------------------------------

TEST_F(FunctionPassesTest, InlineCopiesWhatMayBeWritten) {
  // The caller writes what the callee gave back of its operand.
  const std::string callee = "\nfunc @same(%a: f32[4]) -> (f32[4]) {\n  return %a\n}\n";
  EXPECT_EQ(After(kInline,
                  "export func @main(%x: f32[4]) -> (f32[4], f32[4]) {\n"
                  "  %y: f32[4] = invoke @same(%x)\n"
                  "  %z: f32[4] = t.write(%y)\n"
                  "  return %x, %z\n}\n" +
                      callee),
            "export func @main(%x: f32[4]) -> (f32[4], f32[4]) {\n"
            "  %y: f32[4] = copy(%x)\n"
            "  %z: f32[4] = t.write(%y)\n"
            "  return %x, %z\n}\n");
  // The caller writes the operand.
  EXPECT_EQ(After(kInline,
                  "export func @main(%x: f32[4] mut) -> (f32[4]) {\n"
                  "  %y: f32[4] = invoke @same(%x)\n"
                  "  %z: f32[4] = t.write(%x)\n"
                  "  return %y\n}\n" +
                      callee),
            "export func @main(%x: f32[4] mut) -> (f32[4]) {\n"
            "  %y: f32[4] = copy(%x)\n"
            "  %z: f32[4] = t.write(%x)\n"
            "  return %y\n}\n");
  // The caller changes the handle that it got.
  EXPECT_EQ(After(kInline,
                  "export func @main(%x: f32[4]) -> (f32[4], f32[4]) {\n"
                  "  %y: f32[4] = invoke @same(%x)\n"
                  "  %z: f32[4] = t.turn(%y)\n"
                  "  return %x, %z\n}\n" +
                      callee),
            "export func @main(%x: f32[4]) -> (f32[4], f32[4]) {\n"
            "  %y: f32[4] = copy(%x)\n"
            "  %z: f32[4] = t.turn(%y)\n"
            "  return %x, %z\n}\n");
  // Nobody writes either.
  EXPECT_EQ(After(kInline,
                  "export func @main(%x: f32[4]) -> (f32[4]) {\n"
                  "  %y: f32[4] = invoke @same(%x)\n"
                  "  %z: f32[4] = exp(%y)\n"
                  "  return %z\n}\n" +
                      callee),
            "export func @main(%x: f32[4]) -> (f32[4]) {\n"
            "  %z: f32[4] = exp(%x)\n"
            "  return %z\n}\n");
}

// spec: higher_order_ops 22: what the callee writes, it writes into the caller's storage
TEST_F(FunctionPassesTest, InlineKeepsWritesOfParameters) {
  EXPECT_EQ(After(kInline,
                  "export func @main(%x: f32[4] mut) -> (f32[4], f32[4]) {\n"
                  "  %y: f32[4] = invoke @bump(%x)\n"
                  "  %z: f32[4] = exp(%x)\n"
                  "  return %y, %z\n}\n\n"
                  "func @bump(%a: f32[4] mut) -> (f32[4]) {\n"
                  "  %b: f32[4] = t.write(%a)\n"
                  "  %c: f32[4] = neg(%b)\n"
                  "  return %c\n}\n"),
            "export func @main(%x: f32[4] mut) -> (f32[4], f32[4]) {\n"
            "  %b: f32[4] = t.write(%x)\n"
            "  %y: f32[4] = neg(%b)\n"
            "  %z: f32[4] = exp(%x)\n"
            "  return %y, %z\n}\n");
  // Storage of the callee's own, returned twice, is one storage only if nobody writes it after.
  EXPECT_EQ(After(kInline,
                  "export func @main(%x: f32[4]) -> (f32[4], f32[4]) {\n"
                  "  %y: f32[4], %z: f32[4] = invoke @two(%x)\n"
                  "  %w: f32[4] = t.write(%y)\n"
                  "  return %w, %z\n}\n\n"
                  "func @two(%a: f32[4]) -> (f32[4], f32[4]) {\n"
                  "  %b: f32[4] = neg(%a)\n"
                  "  return %b, %b\n}\n"),
            "export func @main(%x: f32[4]) -> (f32[4], f32[4]) {\n"
            "  %b: f32[4] = neg(%x)\n"
            "  %y: f32[4] = copy(%b)\n"
            "  %z: f32[4] = copy(%b)\n"
            "  %w: f32[4] = t.write(%y)\n"
            "  return %w, %z\n}\n");
}

TEST_F(FunctionPassesTest, InlineLeavesBodiesThatChangeHandles) {
  const std::string text =
      "export func @main(%x: f32[4]) -> (f32[4]) {\n"
      "  %y: f32[4] = invoke @turn(%x)\n"
      "  return %y\n}\n\n"
      "func @turn(%a: f32[4]) -> (f32[4]) {\n"
      "  %b: f32[4] = exp(%a)\n"
      "  %c: f32[4] = t.turn(%b)\n"
      "  %d: f32[4] = neg(%c)\n"
      "  return %d\n}\n";
  EXPECT_EQ(After(kInline, text), text);
}

// spec: higher_order_ops 40, 51: sizes that a callee defines
TEST_F(FunctionPassesTest, InlineNamesSizesThatTheBodyDefines) {
  EXPECT_EQ(After(kInline,
                  "export func @main<s0>(%x: f32[s0]) -> (f32[u0]) defines u0 in [0, 9] {\n"
                  "  %y: f32[u0] = invoke @some(%x) defines u0 in [0, 9]\n"
                  "  return %y\n}\n\n"
                  "func @some<n>(%a: f32[n]) -> (f32[u1]) defines u1 in [2, inf] {\n"
                  "  %b: f32[u0] = t.some(%a) defines u0\n"
                  "  %c: f32[u1] = t.some(%b) defines u1 in [2, inf]\n"
                  "  %d: f32[u1] = neg(%c)\n"
                  "  return %d\n}\n"),
            "export func @main<s0>(%x: f32[s0]) -> (f32[u0]) defines u0 in [2, 9] {\n"
            "  %b: f32[u0_2] = t.some(%x) defines u0_2\n"
            "  %c: f32[u0] = t.some(%b) defines u0 in [2, 9]\n"
            "  %y: f32[u0] = neg(%c)\n"
            "  return %y\n}\n");
}

TEST_F(FunctionPassesTest, InlineKeepsTheOrderOfEffects) {
  EXPECT_EQ(After(kInline,
                  "export func @main(%x: f32[4]) -> (f32[4]) effects [io] {\n"
                  "  %a: f32[4] = t.print(%x)\n"
                  "  %b: f32[4] = invoke @say(%x)\n"
                  "  %c: f32[4] = t.print(%b)\n"
                  "  return %x\n}\n\n"
                  "func @say(%a: f32[4]) -> (f32[4]) effects [io] {\n"
                  "  %b: f32[4] = t.print(%a)\n"
                  "  return %a\n}\n"),
            "export func @main(%x: f32[4]) -> (f32[4]) effects [io] {\n"
            "  %a: f32[4] = t.print(%x)\n"
            "  %b_2: f32[4] = t.print(%x)\n"
            "  %c: f32[4] = t.print(%x)\n"
            "  return %x\n}\n");
}

TEST_F(FunctionPassesTest, PruneKeepsEffectsAndWhatTheyUse) {
  EXPECT_EQ(After(kPrune,
                  "export func @main(%x: f32[4], %y: f32[4] mut) -> (f32[4]) effects [io] {\n"
                  "  %a: f32[4], %b: f32[4] = invoke @say(%x, %y, %x)\n"
                  "  return %y\n}\n\n"
                  "func @say(%p: f32[4], %q: f32[4] mut, %r: f32[4]) -> (f32[4], f32[4])"
                  " effects [io] {\n"
                  "  %a: f32[4] = exp(%p)\n"
                  "  %b: f32[4] = t.print(%a)\n"
                  "  %c: f32[4] = t.write(%q)\n"
                  "  %d: f32[4] = exp(%r)\n"
                  "  return %b, %d\n}\n"),
            "export func @main(%x: f32[4], %y: f32[4] mut) -> (f32[4]) effects [io] {\n"
            "  invoke @say(%x, %y)\n"
            "  return %y\n}\n\n"
            "func @say(%p: f32[4], %q: f32[4] mut) -> () effects [io] {\n"
            "  %a: f32[4] = exp(%p)\n"
            "  %b: f32[4] = t.print(%a)\n"
            "  %c: f32[4] = t.write(%q)\n"
            "  return\n}\n");
}

// Windows that hold writes, effects, or views of what is written stay.
TEST_F(FunctionPassesTest, OutlineLeavesEffectsAndWrittenStorage) {
  for (const std::string op : {"t.print", "t.draw", "t.write"}) {
    std::string text = Format("export func @main(%x: f32[8], %w: f32[8]) -> (f32[8]){} {{\n",
                              op == "t.print" ? " effects [io]" : "");
    std::string last = "%x";
    for (int i = 0; i < 6; ++i) {
      last = LayerOps(7, last, "%w", Format("_{}", i), &text);
      text += Format("  %e{}: f32[8] = {}({})\n", i, op, last);
      last = Format("%e{}", i);
    }
    text += Format("  return {}\n}}\n", last);
    EXPECT_EQ(After(kOutline, text), text);
  }
}

// A view of what a call returns lies in the result, not where the body's view lay.
TEST_F(FunctionPassesTest, OutlineDropsAliasFactsThatAreNoLongerSo) {
  std::string text = "export func @main(%x: f32[8], %w: f32[8]) -> (f32[8], f32[2, 2, 2]) {\n";
  std::string last = "%x";
  for (int i = 0; i < 6; ++i) {
    text += Format("  %m{0}: f32[2, 4] alias({1}) = view({1}, shape = [2, 4])\n", i, last);
    text += Format("  %n{0}: f32[8] alias({1}) = view(%m{0}, shape = [8])\n", i, last);
    last = LayerOps(8, Format("%n{}", i), "%w", Format("_{}", i), &text);
  }
  text += "  %c: f32[2, 2, 2] alias(%v7_2) = view(%m3, shape = [2, 2, 2])\n";
  Module module = Read(text + Format("  return {}, %c\n}}\n", last));
  EXPECT_TRUE(Run(kOutline, module));
  ASSERT_EQ(module.functions.size(), 2u);
  const std::string after = Print(module);
  EXPECT_NE(after.find("  %c: f32[2, 2, 2] = view(%m3, shape = [2, 2, 2])\n"), std::string::npos)
      << after;
  EXPECT_NE(after.find("  %m0: f32[2, 4] alias(%x) = view(%x, shape = [2, 4])\n"),
            std::string::npos)
      << after;
}

// ---- Random modules -----------------------------------------------------------------------------

std::vector<std::vector<float>> RunMain(const std::shared_ptr<Engine>& engine, Module module) {
  StatusOr<std::shared_ptr<Session>> session =
      Session::Load(engine, std::move(module), nullptr, {});
  EXPECT_TRUE(session.ok()) << session.status().ToString();
  if (!session.ok()) return {};
  StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main");
  EXPECT_TRUE(context.ok()) << context.status().ToString();
  if (!context.ok()) return {};
  std::vector<float> x(12);
  std::vector<float> y(12);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = 0.25f * static_cast<float>(i) - 1.3f;
    y[i] = 1.7f - 0.31f * static_cast<float>(i);
  }
  std::vector<Tensor> inputs = {*Tensor::Copy(DType::kF32, {3, 4}, x.data()),
                                *Tensor::Copy(DType::kF32, {3, 4}, y.data())};
  std::vector<Tensor> outputs;
  Status status = (*context)->Run(inputs, outputs);
  EXPECT_TRUE(status.ok()) << status.ToString();
  std::vector<std::vector<float>> values;
  for (const Tensor& output : outputs) {
    values.emplace_back(output.Span<float>().begin(), output.Span<float>().end());
  }
  return values;
}

bool SameBits(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].size() != b[i].size() ||
        std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(float)) != 0) {
      return false;
    }
  }
  return true;
}

TEST_F(FunctionPassesTest, RandomModulesComputeTheSame) {
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create({});
  ASSERT_TRUE(engine.ok());
  size_t changed[4] = {};
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const std::string text = RandomModule(seed).Make();
    auto parse = [&] {
      Diagnostics diagnostics("random", text);
      Module module = Parse(text, (*engine)->ops(), diagnostics);
      if (diagnostics.ok()) Verify(module, diagnostics);
      EXPECT_TRUE(diagnostics.ok()) << diagnostics.Render() << text;
      return module;
    };
    const std::vector<std::vector<float>> expected = RunMain(*engine, parse());
    ASSERT_EQ(expected.size(), 2u) << text;
    const Pass* const passes[] = {&kDedupe, &kInline, &kPrune, &kOutline};
    for (size_t p = 0; p < 4; ++p) {
      Module module = parse();
      changed[p] += Run(*passes[p], module) ? 1 : 0;
      EXPECT_TRUE(SameBits(RunMain(*engine, std::move(module)), expected))
          << "seed " << seed << ", " << passes[p]->name << "\n"
          << text;
    }
    for (const char* pipeline : {"inline,prune,dedupe,outline", "outline,dedupe,prune,inline",
                                 "prune,cse,dedupe,inline,dce"}) {
      Module module = parse();
      const PipelineOptions options = {.verify_each = true, .after_pass = nullptr};
      const StatusOr<std::vector<PassRun>> runs =
          RunPipeline(*ParsePipeline(pipeline), module, {.ops = (*engine)->ops()}, options);
      ASSERT_TRUE(runs.ok()) << runs.status().ToString() << text;
      EXPECT_TRUE(SameBits(RunMain(*engine, std::move(module)), expected))
          << "seed " << seed << ", " << pipeline << "\n"
          << text;
    }
  }
  for (size_t count : changed) EXPECT_GT(count, 15u);
}

}  // namespace
}  // namespace gcomp::ir
