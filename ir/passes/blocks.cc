#include "ir/passes/blocks.h"

#include <algorithm>

namespace gcomp::ir {

std::vector<BlockId> LiveBlocks(const Function& function) {
  std::vector<BlockId> order;
  std::vector<BlockId> todo = {function.body};
  while (!todo.empty()) {
    BlockId id = todo.back();
    todo.pop_back();
    order.push_back(id);
    size_t first = todo.size();
    for (OpId op : function.block(id).ops) {
      const std::vector<BlockId>& regions = function.op(op).regions;
      todo.insert(todo.end(), regions.begin(), regions.end());
    }
    std::reverse(todo.begin() + static_cast<std::ptrdiff_t>(first), todo.end());
  }
  return order;
}

}  // namespace gcomp::ir
