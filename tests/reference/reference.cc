#include "tests/reference/reference.h"

#include <algorithm>

#include "base/format.h"
#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

// The entries of all families, sorted by name.
const std::vector<OpEntry>& Table() {
  static const std::vector<OpEntry> table = [] {
    std::vector<OpEntry> all;
    for (std::span<const OpEntry> family :
         {PointwiseOps(), ReduceOps(), ShapeOps(), PickOps(), IndexOps(), LinalgOps(), WindowOps(),
          NormOps(), CompositeOps(), CreationOps(), RandomOps(), StructureOps(), DynamicOps()}) {
      all.insert(all.end(), family.begin(), family.end());
    }
    std::sort(all.begin(), all.end(),
              [](const OpEntry& a, const OpEntry& b) { return a.name < b.name; });
    return all;
  }();
  return table;
}

const OpEntry* Find(std::string_view op) {
  const std::vector<OpEntry>& table = Table();
  auto at = std::lower_bound(table.begin(), table.end(), op,
                             [](const OpEntry& e, std::string_view name) { return e.name < name; });
  return at != table.end() && at->name == op ? &*at : nullptr;
}

// A form that writes in place has the value of the op that it is a form of.
const ir::OpDef& ValueDef(const ir::OpDef& def) {
  return def.functional == nullptr ? def : *def.functional;
}

}  // namespace

bool Knows(std::string_view op) {
  return Find(op) != nullptr;
}

bool Knows(const ir::OpDef& def) {
  return Find(ValueDef(def).name) != nullptr;
}

StatusOr<std::vector<Tensor>> Evaluate(const ir::Function& function, const ir::Op& op,
                                       std::span<const Tensor> operands,
                                       std::span<const int64_t> symbols) {
  return Evaluate(function, op, operands, symbols, nullptr);
}

StatusOr<Tensors> Evaluate(const ir::Function& function, const ir::Op& op,
                           std::span<const Tensor> operands, std::span<const int64_t> symbols,
                           Machine* machine) {
  if (op.def->functional != nullptr) {
    ir::Op value = op;
    value.def = op.def->functional;
    return Evaluate(function, value, operands, symbols, machine);
  }
  const OpEntry* entry = Find(op.def->name);
  if (entry == nullptr) {
    return Status(ErrorId::E510, Format("the reference does not know op {}", op.def->name));
  }
  const ir::DType dtype = operands.empty() ? ir::DType::kF64 : operands[0].dtype;
  const Call call = {function, op, operands, symbols, Attributes(op, symbols, ComputeDType(dtype)),
                     machine};
  GCOMP_RETURN_IF_ERROR(call.Require(
      operands.size() == op.operands.size(),
      Format("{} operands are given, the op has {}", operands.size(), op.operands.size())));
  for (const Tensor& operand : operands) {
    GCOMP_RETURN_IF_ERROR(
        call.Require(static_cast<int64_t>(operand.data.size()) == Count(operand.sizes),
                     "an operand has not as many elements as its sizes say"));
  }
  return entry->evaluate(call);
}

}  // namespace gcomp::reference
