#include <gtest/gtest.h>

#include <string>

#include "ir/structure.h"
#include "ir/text.h"
#include "kernels/all_ops.h"

namespace gcomp::ir {
namespace {

Module Read(const std::string& body) {
  OpRegistry ops(kernels::AllOps());
  std::string text = "gir 1 module @m\n\n" + body;
  Diagnostics diagnostics("test.ir", text);
  Module module = Parse(text, ops, diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << diagnostics.Render();
  return module;
}

// Equal and HashOf of modules agree with `equal`.
void Check(const std::string& a, const std::string& b, bool equal) {
  Module x = Read(a);
  Module y = Read(b);
  EXPECT_EQ(Equal(x, y), equal) << a << b;
  EXPECT_EQ(HashOf(x) == HashOf(y), equal) << a << b;
  const Function& f = *x.functions.back();
  const Function& g = *y.functions.back();
  EXPECT_EQ(Equal(x, f, y, g), equal) << a << b;
  EXPECT_EQ(HashOf(x, f) == HashOf(y, g), equal) << a << b;
}

constexpr const char* kAdd =
    "func @f<s0>(%x: f32[s0], %y: f32[s0]) -> (f32[s0]) {\n"
    "  %z: f32[s0] = add(%x, %y)\n  return %z\n}\n";

TEST(Structure, NamesCommentsAndSymbolNamesDoNotCount) {
  Check(kAdd,
        "// A comment.\nfunc @g<n>(%a: f32[n], %b: f32[n]) -> (f32[n]) {\n"
        "  %c: f32[n] = add(%a, %b)  // sum\n  return %c\n}\n",
        true);
}

TEST(Structure, SymbolsAreNumberedByFirstOccurrence) {
  Check("func @f<a, b>(%x: f32[b, a]) -> (f32[b, a]) {\n  return %x\n}\n",
        "func @f<a, b>(%x: f32[a, b]) -> (f32[a, b]) {\n  return %x\n}\n", true);
  Check("func @f<a, b>(%x: f32[b, a]) -> (f32[b, a]) {\n  return %x\n}\n",
        "func @f<a>(%x: f32[a, a]) -> (f32[a, a]) {\n  return %x\n}\n", false);
}

TEST(Structure, OperandsOpsTypesAndRangesCount) {
  Check(kAdd,
        "func @f<s0>(%x: f32[s0], %y: f32[s0]) -> (f32[s0]) {\n"
        "  %z: f32[s0] = add(%y, %x)\n  return %z\n}\n",
        false);
  Check(kAdd,
        "func @f<s0>(%x: f32[s0], %y: f32[s0]) -> (f32[s0]) {\n"
        "  %z: f32[s0] = mul(%x, %y)\n  return %z\n}\n",
        false);
  Check(kAdd,
        "func @f<s0>(%x: f64[s0], %y: f64[s0]) -> (f64[s0]) {\n"
        "  %z: f64[s0] = add(%x, %y)\n  return %z\n}\n",
        false);
  Check(kAdd,
        "func @f<s0 in [2, inf]>(%x: f32[s0], %y: f32[s0]) -> (f32[s0]) {\n"
        "  %z: f32[s0] = add(%x, %y)\n  return %z\n}\n",
        false);
}

std::string WithOp(const std::string& op) {
  return "func @f(%x: f32[2, 3]) -> (f32[2]) {\n  %y: f32[2] = " + op + "\n  return %y\n}\n";
}

TEST(Structure, DefaultsCountAsWrittenAndOtherAttributesDiffer) {
  Check(WithOp("reduce_sum(%x, dims = [1])"),
        WithOp("reduce_sum(%x, dims = [1], keep_dims = false)"), true);
  Check(WithOp("reduce_sum(%x, dims = [1])"), WithOp("reduce_sum(%x, dims = [-1])"), false);
}

TEST(Structure, LiteralsCountByTheirBits) {
  auto text = [](const char* literal) {
    return std::string("func @f(%x: f32[2]) -> (f32[2]) {\n  %y: f32[2] = mul(%x, ") + literal +
           ")\n  return %y\n}\n";
  };
  Check(text("0.0"), text("-0.0"), false);
  Check(text("nan"), text("nan"), true);
}

TEST(Structure, CalleesCountByStructure) {
  auto text = [](const char* name, const char* op) {
    return std::string("func @") + name + "(%x: f32[2]) -> (f32[2]) {\n  %y: f32[2] = " + op +
           "(%x)\n  return %y\n}\n\nfunc @top(%x: f32[2]) -> (f32[2]) {\n  %y: f32[2] = invoke @" +
           name + "(%x)\n  return %y\n}\n";
  };
  Check(text("a", "relu"), text("b", "relu"), true);
  Check(text("a", "relu"), text("a", "neg"), false);
}

TEST(Structure, CirclesOfCallsEnd) {
  const char* self =
      "func @f(%x: f32[2]) -> (f32[2]) {\n  %y: f32[2] = invoke @f(%x)\n  return %y\n}\n";
  Check(self, self, true);
}

TEST(Structure, LongChainsOfCallsAreLinear) {
  std::string text = "func @f0(%x: f32[2]) -> (f32[2]) {\n  return %x\n}\n";
  for (int i = 1; i < 2000; ++i) {
    std::string callee = "invoke @f" + std::to_string(i - 1) + "(%";
    text += "\nfunc @f" + std::to_string(i) +
            "(%x: f32[2]) -> (f32[2]) {\n  %y: f32[2] = " + callee +
            "x)\n  %z: f32[2] = " + callee + "y)\n  return %z\n}\n";
  }
  Check(text, text, true);
}

TEST(Structure, RegionsCount) {
  auto text = [](const char* op) {
    return std::string(
               "func @f(%p: bool[], %x: f32[2]) -> (f32[2]) {\n"
               "  %y: f32[2] = cond(%p, %x)\n    then(%a: f32[2]) {\n      %t: f32[2] = ") +
           op + "(%a)\n      yield %t\n    }\n    else(%a: f32[2]) {\n      yield %a\n    }\n" +
           "  return %y\n}\n";
  };
  Check(text("neg"), text("neg"), true);
  Check(text("neg"), text("abs"), false);
}

}  // namespace
}  // namespace gcomp::ir
