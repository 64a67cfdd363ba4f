// FuseTest: a graph's ops as fusion sees them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "ir/op_def.h"
#include "jit/fuse.h"
#include "runtime/engine.h"

namespace gcomp::codegen {

// The body of @main, whose sizes are numbers, as a graph for fusion.
class FuseTest : public ::testing::Test {
 protected:
  void Load(std::string_view text) {
    StatusOr<std::shared_ptr<Engine>> engine = Engine::Create({});
    ASSERT_TRUE(engine.ok());
    engine_ = *engine;
    std::string report;
    StatusOr<ir::Module> module = ParseModule(*engine_, text, "test.ir", &report);
    ASSERT_TRUE(module.ok()) << report;
    module_ = *std::move(module);
    const ir::Function& f = *module_.Find("main");
    graph_ = {};
    for (uint32_t i = 0; i < f.values.size(); ++i) {
      StatusOr<ir::TensorSpec> spec = ir::BindType(f.value(ir::ValueId(i)).type, {});
      ASSERT_TRUE(spec.ok());
      graph_.tensors.push_back({*spec, i, 0, false, {}});
      if (f.values[i].kind == ir::Value::Kind::kLiteral) {
        graph_.tensors[i].literal = f.values[i].literal;
      }
    }
    for (ir::OpId id : f.block(f.body).ops) {
      const ir::Op& op = f.op(id);
      if (op.def->is_view()) {
        const uint32_t from = Index(op.operands[0]);
        FusionTensor& view = graph_.tensors[Index(op.results[0])];
        view.storage = graph_.tensors[from].storage;
        view.byte_offset =
            graph_.tensors[from].byte_offset +
            (view.spec.offset - graph_.tensors[from].spec.offset) * ir::BytesOf(view.spec.dtype);
        continue;
      }
      FusionOp& node = graph_.ops.emplace_back();
      node.function = &f;
      node.op = &op;
      for (ir::ValueId operand : op.operands) node.operands.push_back(Index(operand));
      for (ir::ValueId result : op.results) node.results.push_back(Index(result));
    }
    for (ir::ValueId id : f.block(f.body).yields) graph_.tensors[Index(id)].escapes = true;
  }

  static uint32_t Index(ir::ValueId id) { return static_cast<uint32_t>(id.index()); }

  // "exp mul | matmul | add relu": the units in the order in which they run.
  std::string Units(const FusionOptions& options = {}) {
    fusion_ = Fuse(graph_, options);
    std::string text;
    for (const FusionUnit& unit : fusion_.units) {
      if (!text.empty()) text += " | ";
      for (size_t i = 0; i < unit.ops.size(); ++i) {
        text += (i == 0 ? "" : " ") + std::string(graph_.ops[unit.ops[i]].op->def->name);
      }
    }
    return text;
  }

  std::shared_ptr<Engine> engine_;
  ir::Module module_;
  FusionGraph graph_;
  Fusion fusion_;
};

}  // namespace gcomp::codegen
