#include "ir/storage_roots.h"

#include <algorithm>

#include "ir/op_def.h"

namespace gcomp::ir {

uint64_t WrittenOperands(const Module& module, const Op& op) {
  const Effects& effects = op.def->effects;
  uint64_t written = effects.write == WriteKind::kData ? effects.writes : 0;
  if (!op.def->has_callee) return written;
  const Function* callee = module.Find(op.callee);
  if (callee == nullptr) return written;
  const std::vector<ValueId>& params = callee->params();
  for (size_t i = 0; i < params.size() && i < 64; ++i) {
    if (callee->value(params[i]).annotations.mut) written |= uint64_t{1} << i;
  }
  return written;
}

StorageRoots::StorageRoots(const Module& module, const Function& function)
    : roots_(function.values.size()), written_(function.values.size()) {
  for (uint32_t i = 0; i < roots_.size(); ++i) roots_[i] = ValueId(i);
  Visit(module, function, function.body);
}

void StorageRoots::Write(ValueId id) {
  written_[root(id).index()] = true;
  any_written_ = true;
}

void StorageRoots::Visit(const Module& module, const Function& function, BlockId block) {
  for (OpId id : function.block(block).ops) {
    const Op& op = function.op(id);
    const auto& alias_of = op.def->effects.alias_of;
    for (size_t r = 0; r < std::min(op.results.size(), std::size(alias_of)); ++r) {
      const auto from = static_cast<size_t>(alias_of[r]);
      if (alias_of[r] >= 0 && from < op.operands.size()) {
        roots_[op.results[r].index()] = root(op.operands[from]);
      }
    }
    const uint64_t written = WrittenOperands(module, op);
    for (size_t i = 0; i < op.operands.size() && i < 64; ++i) {
      if ((written >> i & 1) != 0) Write(op.operands[i]);
    }
    for (BlockId region : op.regions) {
      Visit(module, function, region);
      const std::vector<ValueId>& params = function.block(region).params;
      for (size_t i = 0; i < params.size() && i < op.operands.size(); ++i) {
        // Regions that may write take the operands one by one (RegionSpec::refuses_writes).
        if (written_[params[i].index()]) Write(op.operands[i]);
      }
    }
  }
}

}  // namespace gcomp::ir
