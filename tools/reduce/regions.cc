#include "tools/reduce/regions.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "ir/passes/blocks.h"
#include "tools/reduce/graph.h"

namespace gcomp::reduce {
namespace {

using ir::Block;
using ir::BlockId;
using ir::Expr;
using ir::Function;
using ir::Op;
using ir::OpId;
using ir::SymId;
using ir::Value;
using ir::ValueId;

bool SameShapes(const Function& function, std::span<const ValueId> a, std::span<const ValueId> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](ValueId x, ValueId y) {
    return SameShape(function.value(x).type, function.value(y).type);
  });
}

// The operands that the parameters of a region stand for: the last ones.
std::span<const ValueId> ArgumentsOf(const Op& op, size_t num_params) {
  const size_t count = std::min(num_params, op.operands.size());
  return std::span(op.operands).last(count);
}

// Puts the ops of `block` in the place of op `id`. The block has a parameter for each argument
// and yields a value for each result.
void Splice(Function& function, OpId id, BlockId block_id, std::vector<ValueId> arguments) {
  OpPlace place;
  if (!FindOp(function, id, &place)) return;
  for (size_t i = 0; i < arguments.size(); ++i) {
    function.ReplaceUses(function.block(block_id).params[i], arguments[i]);
  }
  const std::vector<ValueId> results = function.op(id).results;
  for (size_t i = 0; i < results.size(); ++i) {
    function.ReplaceUses(results[i], function.block(block_id).yields[i]);
  }
  const std::vector<OpId> inner = function.block(block_id).ops;
  std::vector<OpId>& ops = function.block(place.block).ops;
  const auto at = ops.erase(ops.begin() + static_cast<std::ptrdiff_t>(place.position));
  ops.insert(at, inner.begin(), inner.end());
}

Edit InlineRegion(size_t index, OpId id, size_t region) {
  return [=](Draft& draft) {
    Function& function = *draft.module.functions[index];
    const Op& op = function.op(id);
    const Block& block = function.block(op.regions[region]);
    const std::span<const ValueId> arguments = ArgumentsOf(op, block.params.size());
    if (!SameShapes(function, block.params, arguments)) return;
    if (!SameShapes(function, op.results, block.yields)) return;
    Splice(function, id, op.regions[region], {arguments.begin(), arguments.end()});
  };
}

// Copies the body of one function into another.
class BodyCopy {
 public:
  BodyCopy(const Function& from, Function& to) : from_(from), to_(to) {}

  // The symbols of `from` as expressions over those of the call's function; nullopt where one is
  // not told by a parameter's size, or is made inside.
  std::optional<std::vector<Expr>> BindSymbols(const Op& call) const {
    if (from_.symbols.size() != from_.num_symbol_params) return std::nullopt;
    if (!call.callee_sizes.empty()) return call.callee_sizes;
    std::vector<std::optional<Expr>> found(from_.symbols.size());
    for (size_t i = 0; i < from_.params().size() && i < call.operands.size(); ++i) {
      const ir::Dims& dims = from_.value(from_.params()[i]).type.dims();
      const ir::Dims& sizes = to_.value(call.operands[i]).type.dims();
      for (size_t d = 0; d < std::min(dims.size(), sizes.size()); ++d) {
        if (dims[d].kind() == Expr::Kind::kSymbol) found[dims[d].symbol().index()] = sizes[d];
      }
    }
    std::vector<Expr> sizes;
    for (const std::optional<Expr>& size : found) {
      if (!size) return std::nullopt;
      sizes.push_back(*size);
    }
    return sizes;
  }

  // Returns the copy of the body, which no op has as a region.
  BlockId Copy(const std::vector<Expr>& sizes) {
    Function source = from_;
    SubstituteSymbols(source, [&](SymId id) { return sizes[id.index()]; });
    for (Value value : source.values) {
      for (ValueId* fact : {&value.annotations.alias, &value.annotations.into}) {
        if (fact->valid()) *fact = Moved(*fact);
      }
      if (value.op.valid()) value.op = OpId(size_t{value.op.index()} + first_op_);
      if (value.block.valid()) value.block = BlockId(size_t{value.block.index()} + first_block_);
      to_.values.push_back(std::move(value));
    }
    for (Op op : source.ops) {
      for (ValueId& id : op.operands) id = Moved(id);
      for (ValueId& id : op.results) id = Moved(id);
      for (BlockId& id : op.regions) id = BlockId(size_t{id.index()} + first_block_);
      to_.ops.push_back(std::move(op));
    }
    for (Block block : source.blocks) {
      for (ValueId& id : block.params) id = Moved(id);
      for (ValueId& id : block.yields) id = Moved(id);
      for (OpId& id : block.ops) id = OpId(size_t{id.index()} + first_op_);
      to_.blocks.push_back(std::move(block));
    }
    return BlockId(size_t{source.body.index()} + first_block_);
  }

 private:
  ValueId Moved(ValueId id) const { return ValueId(size_t{id.index()} + first_value_); }

  const Function& from_;
  Function& to_;
  const size_t first_value_ = to_.values.size();
  const size_t first_op_ = to_.ops.size();
  const size_t first_block_ = to_.blocks.size();
};

void DropItem(ir::Module& module, size_t function) {
  std::erase_if(module.items, [function](const ir::Module::Item& item) {
    return item.is_function && item.index == function;
  });
}

Edit InlineFunction(size_t callee_index) {
  return [=](Draft& draft) {
    const Function& callee = *draft.module.functions[callee_index];
    DropItem(draft.module, callee_index);
    for (size_t index : LiveFunctions(draft.module)) {
      Function& function = *draft.module.functions[index];
      for (OpId id : LiveOps(function)) {
        const Op& call = function.op(id);
        if (!call.def->has_callee || call.callee != callee.name) continue;
        if (call.operands.size() != callee.params().size() ||
            call.results.size() != callee.results.size()) {
          continue;
        }
        BodyCopy body(callee, function);
        std::optional<std::vector<Expr>> sizes = body.BindSymbols(call);
        if (!sizes || sizes->size() != callee.symbols.size()) continue;
        std::vector<ValueId> arguments = call.operands;
        Splice(function, id, body.Copy(*sizes), std::move(arguments));
      }
    }
  };
}

// Drops the parameter that is the k-th from the end of each region.
Edit DropRegionParam(size_t index, OpId id, size_t from_end) {
  return [=](Draft& draft) {
    Function& function = *draft.module.functions[index];
    Op& op = function.op(id);
    const size_t num_params = function.block(op.regions[0]).params.size();
    if (from_end > num_params || from_end > op.operands.size()) return;
    const size_t k = num_params - from_end;
    // A loop: what the last region yields is the next value of its first parameters.
    const bool carried = op.results.size() == function.block(op.regions.back()).yields.size() &&
                         k < op.results.size() && op.operands.size() == num_params;
    for (BlockId region : op.regions) {
      Block& block = function.block(region);
      const auto at = static_cast<std::ptrdiff_t>(k);
      if (carried && block.yields.size() == op.results.size() && region == op.regions.back()) {
        block.yields.erase(block.yields.begin() + at);
      }
      block.params.erase(block.params.begin() + at);
    }
    if (carried) op.results.erase(op.results.begin() + static_cast<std::ptrdiff_t>(k));
    EraseOperand(op, op.operands.size() - from_end);
  };
}

Edit DropRegionResult(size_t index, OpId id, size_t result) {
  return [=](Draft& draft) {
    Function& function = *draft.module.functions[index];
    Op& op = function.op(id);
    const auto at = static_cast<std::ptrdiff_t>(result);
    for (BlockId region : op.regions) {
      Block& block = function.block(region);
      if (block.yields.size() == op.results.size()) block.yields.erase(block.yields.begin() + at);
    }
    op.results.erase(op.results.begin() + at);
  };
}

// Calls `visit` for each op with regions.
template <class Visit>
void ForEachRegionOp(const Draft& draft, const Visit& visit) {
  for (size_t index : LiveFunctions(draft.module)) {
    const Function& function = *draft.module.functions[index];
    for (OpId id : LiveOps(function)) {
      if (!function.op(id).regions.empty()) visit(index, function, id);
    }
  }
}

}  // namespace

EditGroups InlineRegions(const Draft& draft) {
  EditGroups groups;
  ForEachRegionOp(draft, [&](size_t index, const Function& function, OpId id) {
    std::vector<Edit>& edits = groups.emplace_back();
    for (size_t region = 0; region < function.op(id).regions.size(); ++region) {
      edits.push_back(InlineRegion(index, id, region));
    }
  });
  return groups;
}

EditGroups InlineCalls(const Draft& draft) {
  std::vector<Edit> edits;
  for (size_t index : LiveFunctions(draft.module)) edits.push_back(InlineFunction(index));
  return {std::move(edits)};
}

EditGroups DropRegionParams(const Draft& draft) {
  std::vector<Edit> edits;
  ForEachRegionOp(draft, [&](size_t index, const Function& function, OpId id) {
    const Op& op = function.op(id);
    const size_t count = function.block(op.regions[0]).params.size();
    for (BlockId region : op.regions) {
      if (function.block(region).params.size() != count) return;
    }
    // From the first: the distance of the others from the end stays.
    for (size_t from_end = count; from_end > 0; --from_end) {
      edits.push_back(DropRegionParam(index, id, from_end));
    }
  });
  return {std::move(edits)};
}

EditGroups DropRegionResults(const Draft& draft) {
  std::vector<Edit> edits;
  ForEachRegionOp(draft, [&](size_t index, const Function& function, OpId id) {
    for (size_t result = function.op(id).results.size(); result > 0; --result) {
      edits.push_back(DropRegionResult(index, id, result - 1));
    }
  });
  return {std::move(edits)};
}

}  // namespace gcomp::reduce
