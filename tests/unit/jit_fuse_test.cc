// Which ops fuse into one kernel, in what order units run, and what kernels and schedules look
// like. That kernels compute the right bits is shown by the text tests and random graphs, which run
// on every tier.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/format.h"
#include "jit/compiler.h"
#include "jit/schedule.h"
#include "tests/unit/jit_fuse_testing.h"

namespace gcomp::codegen {
namespace {

TEST_F(FuseTest, AChainIsOneKernelWithMergedAxes) {
  Load(R"(gir 1 module @m
export func @main(%x: f32[4, 8], %y: f32[4, 8]) -> (f32[4, 8]) {
  %a: f32[4, 8] = add(%x, %y)
  %b: f32[4, 8] = mul(%a, 2.0)
  %c: f32[4, 8] = exp(%b)
  return %c
}
)");
  ASSERT_EQ(Units(), "add mul exp");
  const FusedKernel& kernel = *fusion_.units[0].kernel;
  EXPECT_EQ(kernel.axes, std::vector<int64_t>({32}));
  // Two inputs and the result: the literal is part of the code.
  EXPECT_EQ(kernel.buffers.size(), 3u);
  EXPECT_EQ(kernel.stores.size(), 1u);
}

TEST_F(FuseTest, ValuesThatOthersReadAreStored) {
  Load(R"(gir 1 module @m
export func @main(%x: f32[8, 8]) -> (f32[8, 8], f32[8, 8]) {
  %a: f32[8, 8] = exp(%x)
  %p: f32[8, 8] = matmul(%a, %a)
  %b: f32[8, 8] = neg(%a)
  return %p, %b
}
)");
  ASSERT_EQ(Units(), "exp neg | matmul");
  EXPECT_EQ(fusion_.units[0].kernel->stores.size(), 2u);
  ASSERT_FALSE(fusion_.cuts.empty());
  EXPECT_NE(fusion_.cuts[0].why.find("matmul"), std::string::npos);
}

TEST_F(FuseTest, AnOpBetweenTheTwoKeepsThemApart) {
  Load(R"(gir 1 module @m
export func @main(%x: f32[8, 8]) -> (f32[8, 8]) {
  %a: f32[8, 8] = exp(%x)
  %p: f32[8, 8] = matmul(%a, %a)
  %b: f32[8, 8] = add(%a, %p)
  return %b
}
)");
  ASSERT_EQ(Units(), "exp | matmul | add");
  EXPECT_TRUE(std::any_of(fusion_.cuts.begin(), fusion_.cuts.end(), [](const FusionCut& cut) {
    return cut.why == "an op between them stays outside";
  }));
}

TEST_F(FuseTest, ASoftmaxByHandIsOneRowKernel) {
  Load(R"(gir 1 module @m
export func @main(%x: f32[6, 100]) -> (f32[6, 100]) {
  %m: f32[6, 1] = reduce_max(%x, dims = [1], keep_dims = true)
  %d: f32[6, 100] = sub(%x, %m)
  %e: f32[6, 100] = exp(%d)
  %s: f32[6, 1] = reduce_sum(%e, dims = [1], keep_dims = true)
  %y: f32[6, 100] = div(%e, %s)
  return %y
}
)");
  ASSERT_EQ(Units(), "reduce_max sub exp reduce_sum div");
  const FusedKernel& kernel = *fusion_.units[0].kernel;
  EXPECT_EQ(kernel.axes, std::vector<int64_t>({6}));
  EXPECT_TRUE(kernel.has_row);
  EXPECT_EQ(kernel.row, 100);
  EXPECT_EQ(kernel.reductions.size(), 2u);
  EXPECT_EQ(kernel.nodes[kernel.stores[0].node].level, 2u);
  // The exponential is computed once, for the sum, and kept for the division.
  const Schedule schedule = MakeSchedule(kernel, CpuLevel::kV4, 16);
  EXPECT_EQ(std::count(schedule.kept.begin(), schedule.kept.end(), true), 1);
}

TEST_F(FuseTest, ASumOverTheFirstAxisIsInBlocks) {
  Load(R"(gir 1 module @m
export func @main(%x: f32[70, 40], %w: f32[40]) -> (f32[40]) {
  %a: f32[70, 40] = mul(%x, %w)
  %s: f32[40] = reduce_sum(%a, dims = [0])
  %y: f32[40] = neg(%s)
  return %y
}
)");
  ASSERT_EQ(Units(), "mul reduce_sum neg");
  EXPECT_EQ(fusion_.units[0].kernel->order, ir::Stage::Order::kBlocks);
  EXPECT_EQ(fusion_.units[0].kernel->axes, std::vector<int64_t>({40}));
}

TEST_F(FuseTest, ViewsFoldIntoIndexMaps) {
  Load(R"(gir 1 module @m
export func @main(%x: f32[20, 30], %y: f32[30, 20]) -> (f32[28, 20]) {
  %e: f32[20, 30] = exp(%x)
  %t: f32[30, 20]{1, 30} = transpose(%e)
  %s: f32[28, 20]{1, 30; offset 1} = slice(%t, start = 1, end = 29, dim = 0)
  %v: f32[28, 20]{20, 1; offset 40} = slice(%y, start = 2, dim = 0)
  %z: f32[28, 20] = add(%s, %v)
  return %z
}
)");
  ASSERT_EQ(Units(), "exp add");
  const FusedKernel& kernel = *fusion_.units[0].kernel;
  EXPECT_EQ(kernel.axes, std::vector<int64_t>({28, 20}));
  // x[j, i + 1] and y[i + 2, j] from the start of y's slice.
  EXPECT_EQ(kernel.accesses[0].offset, (Offset{1, {1, 30}}));
  EXPECT_EQ(kernel.accesses[1].offset, (Offset{0, {20, 1}}));
}

TEST_F(FuseTest, WhatAPadReadsFoldsIn) {
  Load(R"(gir 1 module @m
export func @main(%x: f32[100, 254]) -> (f32[103, 256]) {
  %e: f32[100, 254] = neg(%x)
  %p: f32[103, 256] = pad(%e, low = [1, 2], high = [2, 0], value = 3.0)
  return %p
}
)");
  ASSERT_EQ(Units(), "neg pad");
  ASSERT_TRUE(fusion_.units[0].kernel.has_value());
  // Nothing outside of x is read.
  EXPECT_EQ(fusion_.units[0].kernel->accesses[0].bounds.size(), 2u);
}

TEST_F(FuseTest, WhatAConcatReadsFoldsIn) {
  Load(R"(gir 1 module @m
export func @main(%a: f32[1024, 3000], %b: f32[1024, 1], %m: f32[1024, 3001]) -> (f32[1024, 3001]) {
  %n: f32[1024, 3000] = neg(%a)
  %c: f32[1024, 3001] = concat(%n, %b, dim = 1)
  %y: f32[1024, 3001] = mul(%c, %m)
  return %y
}
)");
  ASSERT_EQ(Units(), "neg concat mul");
  const FusedKernel& kernel = *fusion_.units[0].kernel;
  EXPECT_EQ(kernel.buffers.size(), 4u);
  // Each part is read inside its own columns; the part of one column does not move along them.
  std::vector<Offset> read;
  for (const Node& node : kernel.nodes) {
    if (node.kind != Node::Kind::kLoad) continue;
    const Access& access = kernel.accesses[node.detail];
    read.push_back(access.offset);
    if (access.offset.coefs == std::vector<int64_t>({3000, 1})) {
      EXPECT_EQ(access.bounds, std::vector<Bound>({{{0, {0, 1}}, 3000}}));
    } else if (access.offset.coefs == std::vector<int64_t>({1, 0})) {
      EXPECT_EQ(access.offset.base, 0);
      EXPECT_EQ(access.bounds, std::vector<Bound>({{{-3000, {0, 1}}, 1}}));
    }
  }
  EXPECT_EQ(std::count(read.begin(), read.end(), Offset{0, {3000, 1}}), 1);
  EXPECT_EQ(std::count(read.begin(), read.end(), Offset{0, {1, 0}}), 1);
}

// An op joins the group of one operand before that of another which stands before it.
TEST_F(FuseTest, GroupsGrowByWhatTheirLastOpReads) {
  std::string text = "gir 1 module @m\nexport func @main(%x0: f32[64]) -> (f32[64]) {\n";
  for (int i = 0; i < 400; ++i) {
    text += Format("  %s{0}: f32[64] = mul(%x0, {0}.0)\n", i);
    text += Format("  %t{0}: f32[64] = exp(%x{0})\n", i);
    text += Format("  %x{}: f32[64] = sub(%s{}, %t{})\n", i + 1, i, i);
  }
  Load(text + "  return %x400\n}\n");
  Units();
  EXPECT_LE(fusion_.units.size(), 8u);
  for (const FusionUnit& unit : fusion_.units) {
    if (unit.ops.size() == 1) continue;
    ASSERT_TRUE(unit.kernel.has_value());
    EXPECT_LE(unit.ops.size(), 256u);
    // Nothing that the unit computes is read from memory: %x0, and what comes from other units.
    EXPECT_LE(unit.kernel->buffers.size(), 5u);
  }
}

// What reads by index values checks them all first: there is no such kernel of several ops.
TEST_F(FuseTest, OpsThatReadByIndicesSayWhyTheyStayAlone) {
  Load(R"(gir 1 module @m
export func @main(%w: f32[100, 64], %i: i64[50]) -> (f32[50, 64]) {
  %e: f32[50, 64] = embedding(%w, %i)
  %y: f32[50, 64] = mul(%e, 8.0)
  return %y
}
)");
  EXPECT_EQ(Units(), "embedding | mul");
  ASSERT_EQ(fusion_.cuts.size(), 1u);
  EXPECT_EQ(fusion_.cuts[0].why,
            "embedding: reads by index values, which are checked when it runs");
}

TEST_F(FuseTest, LimitsCutAndSayWhy) {
  std::string text = "gir 1 module @m\nexport func @main(%x0: f32[16]) -> (f32[16]) {\n";
  for (int i = 0; i < 20; ++i) text += Format("  %x{}: f32[16] = exp(%x{})\n", i + 1, i);
  Load(text + "  return %x20\n}\n");
  const std::string units = Units({.max_ops = 8});
  EXPECT_EQ(std::count(units.begin(), units.end(), '|'), 2);
  ASSERT_FALSE(fusion_.cuts.empty());
  EXPECT_EQ(fusion_.cuts[0].why, "a kernel takes 8 ops at most");
}

TEST_F(FuseTest, ALoneOpIsLeftToItsKernelUnlessAskedFor) {
  Load(R"(gir 1 module @m
export func @main(%x: f32[16]) -> (f32[16]) {
  %y: f32[16] = exp(%x)
  return %y
}
)");
  Units();
  EXPECT_FALSE(fusion_.units[0].kernel.has_value());
  Units({.alone_from = 16});
  EXPECT_TRUE(fusion_.units[0].kernel.has_value());
}

// The kernel of tanh(x) * y at [rows, columns].
std::string TwoOps(int rows, int columns) {
  return Format(R"(gir 1 module @m
export func @main(%x: f32[{0}, {1}], %y: f32[{1}]) -> (f32[{0}, {1}]) {{
  %t: f32[{0}, {1}] = tanh(%x)
  %z: f32[{0}, {1}] = mul(%t, %y)
  return %z
}}
)",
                rows, columns);
}

TEST_F(FuseTest, KernelsOfOneStructureShareCode) {
  StatusOr<std::unique_ptr<Compiler>> compiler = Compiler::Create({.cpu = *DetectCpuLevel()});
  if (!compiler.ok() && compiler.status().id() == ErrorId::E511) {
    GTEST_SKIP() << "built without LLVM";
  }
  ASSERT_TRUE(compiler.ok()) << compiler.status().ToString();
  std::vector<std::unique_ptr<ir::Kernel>> kernels;
  std::vector<int64_t> bytes;
  for (int rows : {5, 5, 7, 9}) {
    Load(TwoOps(rows, 50));
    Units();
    ASSERT_TRUE(fusion_.units[0].kernel.has_value());
    StatusOr<std::unique_ptr<ir::Kernel>> kernel = (*compiler)->Compile(*fusion_.units[0].kernel);
    ASSERT_TRUE(kernel.ok()) << kernel.status().ToString();
    kernels.push_back(*std::move(kernel));
    bytes.push_back((*compiler)->code_bytes());
  }
  // The first sizes as constants, then one code for all others.
  EXPECT_GT(bytes[0], 0);
  EXPECT_EQ(bytes[1], bytes[0]);
  EXPECT_GT(bytes[2], bytes[1]);
  EXPECT_EQ(bytes[3], bytes[2]);
  kernels.clear();
  EXPECT_EQ((*compiler)->code_bytes(), 0);
}

TEST_F(FuseTest, ErrorsOfACompileAreStatus) {
  Load(TwoOps(5, 50));
  Units();
  for (CompileFault fault : {CompileFault::kBrokenModule, CompileFault::kCodegen,
                             CompileFault::kMemory, CompileFault::kMissingSymbol}) {
    StatusOr<std::unique_ptr<Compiler>> compiler =
        Compiler::Create({.cpu = *DetectCpuLevel(), .fault = fault});
    if (!compiler.ok() && compiler.status().id() == ErrorId::E511) {
      GTEST_SKIP() << "built without LLVM";
    }
    ASSERT_TRUE(compiler.ok()) << compiler.status().ToString();
    for (int i = 0; i < 3; ++i) {
      EXPECT_FALSE((*compiler)->Compile(*fusion_.units[0].kernel).ok());
    }
    EXPECT_EQ((*compiler)->code_bytes(), 0);
  }
}

}  // namespace
}  // namespace gcomp::codegen
