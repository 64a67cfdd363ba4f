// StageInfo: a stage of an op's loop nest with numbers for Exprs, as fusion reads it. Part of
// jit/compose.cc alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/loops.h"
#include "jit/fuse.h"

namespace gcomp::codegen {

// Why ops can't be one kernel.
struct Refusal {
  std::string why;
};

// A T, or the refusal.
template <class T>
class Maybe {
 public:
  Maybe(T value) : value_(std::move(value)) {}

  Maybe(Refusal refusal) : why_(std::move(refusal.why)) {}

  explicit operator bool() const { return value_.has_value(); }

  T& operator*() { return *value_; }

  Refusal refusal() const { return {why_}; }

 private:
  std::optional<T> value_;
  std::string why_;
};

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

// The stage of an op of the graph. Temporaries of its nest have the places from `first_temp` on.
Maybe<StageInfo> MakeStageInfo(const FusionGraph& graph, uint32_t op, const ir::LoopNest& nest,
                               const ir::Stage& stage, uint32_t first_temp);

}  // namespace gcomp::codegen
