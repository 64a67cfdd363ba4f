// Specializer: builds the blocks of a Specialization from the function down to what it runs.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/status.h"
#include "runtime/memory_plan.h"
#include "runtime/specialization.h"

namespace gcomp {

class Specializer {
 public:
  Specializer(const ir::Module& module, CpuLevel cpu, Specialization& out)
      : module_(module), cpu_(cpu), out_(out) {}

  // Builds the body of `function` and all it runs; sets the arena ranges.
  Status Build(const ir::Function& function, const BoundWeights& weights);

 private:
  class BlockBuilder;

  // The index of the block of a callee at these sizes; builds it at the first call.
  StatusOr<uint32_t> Callee(const ir::Function& function, std::vector<int64_t> symbols);
  // `destinations`: the specs in which results are asked for; empty = as the caller's outputs,
  // row-major.
  StatusOr<uint32_t> Block(const ir::Function& function, ir::BlockId block,
                           const std::vector<int64_t>& symbols, const BoundWeights* weights,
                           const std::vector<ir::TensorSpec>& destinations);
  Status PlaceArenas();

  const ir::Module& module_;
  CpuLevel cpu_;
  Specialization& out_;
  std::map<std::pair<const ir::Function*, std::vector<int64_t>>, uint32_t> callees_;
  int depth_ = 0;
};

}  // namespace gcomp
