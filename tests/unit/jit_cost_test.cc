// What fusion is estimated to cost: both sides of the decision.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/format.h"
#include "tests/unit/jit_fuse_testing.h"

namespace gcomp::codegen {
namespace {

using CostTest = FuseTest;

// The kernel reads every part at every place.
TEST_F(CostTest, ManyPartsAreJoinedApart) {
  std::string params;
  std::string parts;
  for (int i = 0; i < 8; ++i) {
    params += Format("{}%x{}: f32[64, 64]", i == 0 ? "" : ", ", i);
    parts += Format("{}%x{}", i == 0 ? "" : ", ", i);
  }
  Load(Format(R"(gir 1 module @m
export func @main({}) -> (f32[64, 512]) {{
  %c: f32[64, 512] = concat({}, dim = 1)
  %y: f32[64, 512] = neg(%c)
  return %y
}}
)",
              params, parts));
  EXPECT_EQ(Units(), "concat | neg");
  ASSERT_EQ(fusion_.cuts.size(), 1u);
  EXPECT_NE(fusion_.cuts[0].why.find("one kernel would take"), std::string::npos);
  EXPECT_NE(fusion_.cuts[0].why.find("apart they take"), std::string::npos);
}

// f(%v), of 512 elements, read by all rows of 512: what stands inside the loop is computed again
// for each row.
std::string ReadByAllRows(std::string_view op) {
  return Format(R"(gir 1 module @m
export func @main(%x: f32[512, 512], %v: f32[512]) -> (f32[512, 512]) {{
  %e: f32[512] = {}(%v)
  %y: f32[512, 512] = mul(%x, %e)
  return %y
}}
)",
                op);
}

TEST_F(CostTest, WhatIsCheapIsComputedAgain) {
  Load(ReadByAllRows("neg"));
  EXPECT_EQ(Units(), "neg mul");
}

TEST_F(CostTest, WhatIsDearIsNotComputedAgain) {
  Load(ReadByAllRows("tanh"));
  EXPECT_EQ(Units(), "tanh | mul");
  ASSERT_EQ(fusion_.cuts.size(), 1u);
  EXPECT_NE(fusion_.cuts[0].why.find("one kernel would take"), std::string::npos);
}

// The same once per row is computed once per row.
TEST_F(CostTest, AValuePerRowIsNotComputedAgain) {
  Load(R"(gir 1 module @m
export func @main(%x: f32[512, 512], %v: f32[512, 1]) -> (f32[512, 512]) {
  %e: f32[512, 1] = tanh(%v)
  %y: f32[512, 512] = mul(%x, %e)
  return %y
}
)");
  EXPECT_EQ(Units(), "tanh mul");
}

// f(%x) divided by its sums over the first axis: columns are read in two passes, and nothing of the
// first is kept.
std::string OverItsSums(std::string_view op) {
  return Format(R"(gir 1 module @m
export func @main(%x: f32[70, 4096]) -> (f32[70, 4096]) {{
  %e: f32[70, 4096] = {}(%x)
  %s: f32[1, 4096] = reduce_sum(%e, dims = [0], keep_dims = true)
  %y: f32[70, 4096] = div(%e, %s)
  return %y
}}
)",
                op);
}

TEST_F(CostTest, WhatIsCheapIsComputedInBothPasses) {
  Load(OverItsSums("neg"));
  EXPECT_EQ(Units(), "neg reduce_sum div");
}

TEST_F(CostTest, WhatIsDearIsStoredForTheSecondPass) {
  Load(OverItsSums("tanh"));
  EXPECT_EQ(Units(), "tanh reduce_sum | div");
}

TEST_F(CostTest, ShortInnerAxesFuse) {
  Load(R"(gir 1 module @m
export func @main(%x: f32[400, 3], %w: f32[3]) -> (f32[400, 3]) {
  %a: f32[400, 3] = add(%x, %w)
  %y: f32[400, 3] = mul(%a, %w)
  return %y
}
)");
  EXPECT_EQ(Units(), "add mul");
}

TEST_F(CostTest, ATurnedCopyOfWhatIsMadeStaysApart) {
  Load(R"(gir 1 module @m
export func @main(%x: f32[512, 512]) -> (f32[512, 512]) {
  %e: f32[512, 512] = neg(%x)
  %t: f32[512, 512]{1, 512} = transpose(%e)
  %y: f32[512, 512] = contiguous(%t)
  return %y
}
)");
  EXPECT_EQ(Units(), "neg | contiguous");
}

}  // namespace
}  // namespace gcomp::codegen
