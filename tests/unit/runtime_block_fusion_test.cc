// What fusion is told of the ops of a block: which keep their order, which stay alone, which are
// dead.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "ir/storage_roots.h"
#include "runtime/block_fusion.h"
#include "runtime/engine.h"

namespace gcomp {
namespace {

using Edges = std::vector<uint32_t>;

// The body of @main without sizes: each value is its own slot, views are no ops.
class BlockFusionTest : public ::testing::Test {
 protected:
  void Load(std::string_view text) {
    StatusOr<std::shared_ptr<Engine>> engine = Engine::Create({});
    ASSERT_TRUE(engine.ok());
    engine_ = *engine;
    std::string report;
    StatusOr<ir::Module> module = ParseModule(*engine_, text, "test.ir", &report);
    ASSERT_TRUE(module.ok()) << report;
    module_ = *std::move(module);
    const ir::Function& function = Main();
    const ir::StorageRoots roots(module_, function);
    for (uint32_t i = 0; i < function.values.size(); ++i) {
      const ir::ValueId id(i);
      StatusOr<ir::TensorSpec> spec = ir::BindType(function.value(id).type, {});
      specs_.push_back(spec.ok() ? *spec : ir::TensorSpec{.sizes = {-1}, .strides = {1}});
      SlotFacts facts;
      facts.storage = static_cast<uint32_t>(roots.root(id).index());
      if (roots.written(id)) facts.written_storage = facts.storage;
      facts.known = spec.ok();
      slots_.push_back(facts);
    }
    for (ir::ValueId id : function.block(function.body).yields) {
      slots_[id.index()].escapes = true;
      slots_[slots_[id.index()].storage].escapes = true;
    }
    for (ir::OpId id : function.block(function.body).ops) {
      const ir::Op& op = function.op(id);
      if (op.def->is_view()) continue;
      OpDraft& draft = drafts_.emplace_back();
      draft.op = id;
      for (ir::ValueId operand : op.operands) draft.operands.push_back(Slot(operand));
      for (ir::ValueId result : op.results) draft.results.push_back(Slot(result));
    }
  }

  const ir::Function& Main() const { return *module_.Find("main"); }

  static uint32_t Slot(ir::ValueId id) { return static_cast<uint32_t>(id.index()); }

  codegen::FusionGraph Graph() const {
    return MakeFusionGraph({module_, Main(), specs_, slots_, drafts_});
  }

  std::shared_ptr<Engine> engine_;
  ir::Module module_;
  std::vector<ir::TensorSpec> specs_;
  std::vector<SlotFacts> slots_;
  std::vector<OpDraft> drafts_;
};

TEST_F(BlockFusionTest, PureOpsHaveNoOrderBesideTheirOperands) {
  Load(R"(gir 1 module @pure

export func @main(%x: f32[4]) -> (f32[4]) {
  %a: f32[4] = exp(%x)
  %b: f32[4] = neg(%x)
  %c: f32[4] = add(%a, %b)
  return %c
}
)");
  const codegen::FusionGraph graph = Graph();
  ASSERT_EQ(graph.ops.size(), 3u);
  for (const codegen::FusionOp& op : graph.ops) {
    EXPECT_TRUE(op.after.empty());
    EXPECT_EQ(op.alone, "");
  }
  EXPECT_TRUE(graph.tensors[graph.ops[2].results[0]].escapes);
  EXPECT_FALSE(graph.tensors[graph.ops[0].results[0]].escapes);
}

TEST_F(BlockFusionTest, WritesStayBetweenTheReadsAroundThem) {
  Load(R"(gir 1 module @writes

export func @main(%x: f32[4] mut, %y: f32[4]) -> (f32[4], f32[2]) {
  %a: f32[4] = exp(%x)
  %other: f32[4] = exp(%y)
  %part: f32[2] alias(%x) = narrow(%x, length = 2)
  %b: f32[2] = neg(%part)
  %x1: f32[4] alias(%x) = add_(%x, %other)
  %c: f32[2] = exp(%part)
  %p1: f32[2] alias(%part) = mul_(%part, %b)
  %d: f32[4] = add(%a, %other)
  return %d, %c
}
)");
  const codegen::FusionGraph graph = Graph();
  // exp, exp, neg, add_, exp, mul_, add
  ASSERT_EQ(graph.ops.size(), 7u);
  EXPECT_EQ(graph.ops[1].after, Edges());
  EXPECT_EQ(graph.ops[3].after, (Edges{0, 2}));  // behind those that read x
  EXPECT_EQ(graph.ops[4].after, (Edges{3}));
  EXPECT_EQ(graph.ops[5].after, (Edges{3, 4}));
  EXPECT_EQ(graph.ops[6].after, Edges());
  EXPECT_EQ(graph.ops[1].alone, "");
  EXPECT_EQ(graph.ops[6].alone, "");
  EXPECT_NE(graph.ops[0].alone, "");
  EXPECT_NE(graph.ops[2].alone, "");
  EXPECT_EQ(graph.ops[3].alone, "it writes in place");
}

TEST_F(BlockFusionTest, EffectsKeepTheirOrderAndChecksHoldWhatIsBehindThem) {
  Load(R"(gir 1 module @effects

global @n: i64[] mut = 40

export func @main<s0>(%x: f32[4], %y: f32[s0]) -> (f32[4]) effects [state] {
  %g: i64[] = global.read @n()
  %a: f32[4] = exp(%x)
  sym.check(pred = 2 < s0)
  %one: i64[] = add(%g, 1)
  global.write @n(%one)
  %b: f32[4] = neg(%a)
  return %b
}
)");
  const codegen::FusionGraph graph = Graph();
  // global.read, exp, sym.check, add, global.write, neg
  ASSERT_EQ(graph.ops.size(), 6u);
  EXPECT_EQ(graph.ops[2].after, (Edges{0}));
  EXPECT_EQ(graph.ops[3].after, (Edges{2}));
  EXPECT_EQ(graph.ops[4].after, (Edges{2}));
  EXPECT_EQ(graph.ops[5].after, (Edges{2}));
  EXPECT_NE(graph.ops[0].alone, "");
  EXPECT_EQ(graph.ops[2].alone, "it may stop the run");
  EXPECT_EQ(graph.ops[5].alone, "");
}

TEST_F(BlockFusionTest, OpsWithoutLoopsElementsOrSizesStayAlone) {
  Load(R"(gir 1 module @alone

export func @main<s0>(
  %x: f32[4, 4],
  %e: f32[0, 4],
  %u: f32[s0]
) -> (f32[4, 4], f32[4], f32[s0], f32[0, 4]) {
  %a: f32[4, 4] = matmul(%x, %x)
  %b: f32[4] = reduce_sum(%e, dims = [0])
  %c: f32[s0] = exp(%u)
  %d: f32[0, 4] = exp(%e)
  return %a, %b, %c, %d
}
)");
  const codegen::FusionGraph graph = Graph();
  ASSERT_EQ(graph.ops.size(), 4u);
  EXPECT_TRUE(graph.ops[0].alone.starts_with("no loops: ")) << graph.ops[0].alone;
  EXPECT_EQ(graph.ops[1].alone, "it has a tensor without elements");
  EXPECT_EQ(graph.ops[2].alone, "its sizes are known when it runs");
  EXPECT_EQ(graph.ops[3].alone, "it has a tensor without elements");
}

TEST_F(BlockFusionTest, DeadOpsThatCanNotFailGo) {
  Load(R"(gir 1 module @dead

export func @main(%x: f32[4], %i: i64[2]) -> (f32[4], f32[2]) {
  %a: f32[4] = exp(%x)
  %b: f32[4] = neg(%a)
  %part: f32[2] alias(%b) = narrow(%b, length = 2)
  %c: f32[2] = exp(%part)
  %d: f32[4] = exp(%x)
  %read: f32[2] alias(%d) = narrow(%d, length = 2)
  %e: f32[2] = index_select(%x, %i)
  %y: f32[4] = abs(%x)
  return %y, %read
}
)");
  DropDead(Main(), slots_, drafts_);
  std::vector<std::string> left;
  for (const OpDraft& draft : drafts_) left.emplace_back(Main().op(draft.op).def->name);
  EXPECT_EQ(left, (std::vector<std::string>{"exp", "index_select", "abs"}));
}

}  // namespace
}  // namespace gcomp
