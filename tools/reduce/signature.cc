#include "tools/reduce/signature.h"

#include <algorithm>
#include <utility>

#include "ir/passes/blocks.h"
#include "tools/reduce/directives.h"
#include "tools/reduce/graph.h"

namespace gcomp::reduce {
namespace {

using ir::Function;
using ir::Op;
using ir::OpId;
using ir::Value;
using ir::ValueId;

template <class T>
void EraseAt(std::vector<T>& list, size_t index) {
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
}

Edit DropItem(ir::Module::Item dropped) {
  return [dropped](Draft& draft) {
    std::erase_if(draft.module.items, [dropped](const ir::Module::Item& item) {
      return item.is_function == dropped.is_function && item.index == dropped.index;
    });
  };
}

Edit DropResult(size_t index, size_t result) {
  return [=](Draft& draft) {
    Function& function = *draft.module.functions[index];
    EraseAt(function.block(function.body).yields, result);
    EraseAt(function.results, result);
    ForEachCall(draft.module, function.name,
                [result](Function&, Op& call) { EraseAt(call.results, result); });
    DropExpectedResult(draft.directives, function.name, result);
  };
}

Edit DropParam(size_t index, ValueId param) {
  return [=](Draft& draft) {
    Function& function = *draft.module.functions[index];
    std::vector<ValueId>& params = function.block(function.body).params;
    auto found = std::find(params.begin(), params.end(), param);
    if (found == params.end() || IsUsed(function, param)) return;
    const auto position = static_cast<size_t>(found - params.begin());
    if (!function.value(param).annotations.weight.has_value()) {
      const auto given = std::count_if(params.begin(), found, [&](ValueId id) {
        return !function.value(id).annotations.weight.has_value();
      });
      DropArgument(draft.directives, function.name, static_cast<size_t>(given));
    }
    params.erase(found);
    ForEachCall(draft.module, function.name, [position](Function&, Op& call) {
      if (position < call.operands.size()) EraseOperand(call, position);
    });
  };
}

void DropRemarks(Draft& draft) {
  ir::Module& module = draft.module;
  module.comments.clear();
  module.end_comments.clear();
  module.files.clear();
  for (ir::Global& global : module.globals) global.comments.clear();
  for (auto& function : module.functions) {
    function->comments.clear();
    for (Op& op : function->ops) {
      op.places.clear();
      op.comments.clear();
      op.trailing_comment.clear();
    }
    for (ir::Block& block : function->blocks) {
      block.places.clear();
      block.comments.clear();
      block.trailing_comment.clear();
      block.end_comments.clear();
    }
  }
}

void ListFunctionFacts(size_t index, const Function& function, std::vector<Edit>& edits) {
  auto add = [&edits, index](auto change) {
    edits.push_back([=](Draft& draft) { change(*draft.module.functions[index]); });
  };
  if (!function.attrs.empty()) add([](Function& f) { f.attrs.clear(); });
  if (!function.effects.empty()) add([](Function& f) { f.effects.clear(); });
  for (size_t i = 0; i < function.symbols.size(); ++i) {
    const ir::Symbol& symbol = function.symbols[i];
    if (symbol.range_written || symbol.multiple != 1) {
      add([i](Function& f) {
        ir::Symbol plain;
        plain.name = f.symbols[i].name;
        f.symbols[i] = std::move(plain);
      });
    }
  }
  for (size_t i = 0; i < function.results.size(); ++i) {
    if (function.results[i].annotations == ir::Annotations()) continue;
    add([i](Function& f) { f.results[i].annotations = {}; });
  }
  for (ValueId id : function.params()) {
    const Value& param = function.value(id);
    if (!(param.annotations == ir::Annotations())) {
      add([id](Function& f) { f.value(id).annotations = {}; });
    }
    if (param.type.is_tensor() && !param.type.is_contiguous()) {
      add([id](Function& f) {
        ir::Type& type = f.value(id).type;
        type = ir::Type::Tensor(type.dtype(), type.dims(), {}, type.device());
      });
    }
  }
  for (OpId id : LiveOps(function)) {
    if (!function.op(id).extra_attrs.empty()) {
      add([id](Function& f) { f.op(id).extra_attrs.clear(); });
    }
  }
}

}  // namespace

EditGroups DropItems(const Draft& draft) {
  std::vector<Edit> edits;
  for (const ir::Module::Item& item : draft.module.items) edits.push_back(DropItem(item));
  return {std::move(edits)};
}

EditGroups DropResults(const Draft& draft) {
  std::vector<Edit> edits;
  for (size_t index : LiveFunctions(draft.module)) {
    for (size_t i = draft.module.functions[index]->results.size(); i > 0; --i) {
      edits.push_back(DropResult(index, i - 1));
    }
  }
  return {std::move(edits)};
}

EditGroups DropParams(const Draft& draft) {
  std::vector<Edit> edits;
  for (size_t index : LiveFunctions(draft.module)) {
    const Function& function = *draft.module.functions[index];
    for (ValueId param : function.params()) {
      if (!IsUsed(function, param)) edits.push_back(DropParam(index, param));
    }
  }
  return {std::move(edits)};
}

EditGroups DropFacts(const Draft& draft) {
  std::vector<Edit> edits = {DropRemarks};
  if (!draft.module.attrs.empty()) {
    edits.push_back([](Draft& edited) { edited.module.attrs.clear(); });
  }
  for (size_t index : LiveFunctions(draft.module)) {
    ListFunctionFacts(index, *draft.module.functions[index], edits);
  }
  return {std::move(edits)};
}

}  // namespace gcomp::reduce
