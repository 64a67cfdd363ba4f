// StageInfo: a stage of an op's loop nest with numbers for Exprs, as fusion reads it. Part of
// jit/compose.h alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ir/loops.h"
#include "jit/fuse.h"
#include "jit/maybe.h"

namespace gcomp::codegen {

// A load or index of a stage with numbers; coefs: axes of the stage, then its row.
struct StageLoad {
  bool is_index = false;
  uint32_t place = 0;   // whose memory: a storage tensor, or past them a temporary
  uint32_t tensor = 0;  // the operand itself
  int64_t shift = 0;    // elements from the place's element 0 to the tensor's
  ir::DType dtype = ir::DType::kF32;
  Offset offset;
  std::vector<Bound> bounds;
  uint64_t otherwise = 0;
};

// A stage without axes of one element, its reduced axes as one row.
struct StageInfo {
  uint32_t op = 0;
  const ir::Stage* stage = nullptr;
  std::vector<int64_t> axes;
  bool reduces = false;
  int64_t row = 1;
  std::vector<StageLoad> loads;
  std::vector<StageLoad> finish_loads;
  Offset store;
  uint32_t place = 0;
  ir::DType dtype = ir::DType::kF32;
};

// An element's bits in its compute type.
uint64_t ComputeBits(const ir::Scalar& scalar);

// The stages of the ops of a graph, made once.
class StageTable {
 public:
  explicit StageTable(const FusionGraph& graph);

  // Why the op is no part of a kernel of several; empty = it may be.
  const std::string& why_alone(uint32_t op) const { return ops_[op].why_alone; }

  // Those of an op that may be.
  const std::vector<StageInfo>& stages(uint32_t op) const { return ops_[op].stages; }

 private:
  struct OpStages {
    std::string why_alone;
    std::unique_ptr<ir::LoopNest> nest;
    std::vector<StageInfo> stages;
  };

  void Lower(uint32_t op, uint32_t first_temp);

  const FusionGraph& graph_;
  std::vector<OpStages> ops_;
};

}  // namespace gcomp::codegen
