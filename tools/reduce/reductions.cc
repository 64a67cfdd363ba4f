#include "tools/reduce/reductions.h"

#include "base/format.h"
#include "ir/passes/blocks.h"
#include "tools/reduce/directives.h"
#include "tools/reduce/graph.h"
#include "tools/reduce/ops.h"
#include "tools/reduce/regions.h"
#include "tools/reduce/signature.h"
#include "tools/reduce/types.h"

namespace gcomp::reduce {
namespace {

EditGroups DropDirectiveParts(const Draft& draft) {
  return {DropDirectives(draft)};
}

// What makes the test itself faster comes first, then what takes most away.
constexpr Reduction kReductions[] = {
    {"drop directives", DropDirectiveParts},
    {"drop functions and globals", DropItems},
    {"drop results", DropResults},
    {"return an earlier value", ReturnEarlier, true},
    {"drop dead ops", DropDeadOps},
    {"drop ops", DropOps},
    {"replace ops by operands", ReplaceOpsByOperands},
    {"inline regions", InlineRegions, true},
    {"inline calls", InlineCalls},
    {"drop results of regions", DropRegionResults},
    {"drop parameters of regions", DropRegionParams},
    {"drop parameters", DropParams},
    {"simplify operands", SimplifyOperands},
    {"drop operands and attributes", DropOperandsAndAttributes},
    {"drop remarks and facts", DropFacts},
    {"replace size symbols", ReplaceSymbols},
    {"shrink sizes", ShrinkSizes},
    {"drop dims", DropDims},
    {"simplify dtypes", SimplifyDTypes},
};

}  // namespace

std::span<const Reduction> AllReductions() {
  return kReductions;
}

void ShortenNames(Draft& draft) {
  for (size_t index : LiveFunctions(draft.module)) {
    ir::Function& function = *draft.module.functions[index];
    for (ir::BlockId id : ir::LiveBlocks(function)) {
      const ir::Block& block = function.block(id);
      size_t number = 0;
      for (ir::ValueId param : block.params) function.value(param).name = Format("x{}", number++);
      number = 0;
      for (ir::OpId op : block.ops) {
        for (ir::ValueId value : function.op(op).results) {
          function.value(value).name = Format("v{}", number++);
        }
      }
    }
  }
}

}  // namespace gcomp::reduce
