#include "ir/verify_writes.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/storage_roots.h"

namespace gcomp::ir {
namespace {

class WriteChecker {
 public:
  WriteChecker(const Module& module, const Function& function, Diagnostics& diagnostics)
      : module_(module),
        function_(function),
        diagnostics_(diagnostics),
        roots_(module, function),
        changed_by_(function.values.size()) {}

  void Run() {
    CheckBlock(function_.body);
    CheckResults();
    CheckEffects();
  }

 private:
  const Value& value(ValueId id) const { return function_.value(id); }

  // The spec of the region at `index` of the op; a variadic one stands for all that follow.
  static const RegionSpec* SpecOf(const Op& op, size_t index) {
    const auto& specs = op.def->regions;
    if (specs.empty()) return nullptr;
    return &specs[std::min(index, specs.size() - 1)];
  }

  void CheckBlock(BlockId id) {
    const Block& block = function_.block(id);
    for (OpId op_id : block.ops) {
      const Op& op = function_.op(op_id);
      for (ValueId operand : op.operands) CheckCurrent(operand, op.span);
      CheckOpWrites(op);
      CheckCall(op);
      CheckAliases(op);
      for (size_t r = 0; r < op.regions.size(); ++r) {
        CheckRegion(op, r);
        CheckBlock(op.regions[r]);
      }
      if (ChangesHandle(op)) changed_by_[op.operands[0].index()] = op.def;
      NoteEffects(op);
    }
    for (ValueId yield : block.yields) CheckCurrent(yield, block.terminator_span);
  }

  static bool ChangesHandle(const Op& op) {
    const WriteKind kind = op.def->effects.write;
    return op.def->effects.writes != 0 && kind != WriteKind::kData && kind != WriteKind::kNone;
  }

  void CheckCurrent(ValueId id, Span span) {
    const OpDef* by = changed_by_[id.index()];
    if (by == nullptr) return;
    diagnostics_.Add(ErrorId::E507, span,
                     Format("%{} is used after {}: its result is the tensor from there on",
                            value(id).name, by->name));
  }

  void CheckOpWrites(const Op& op) {
    const uint64_t written = WrittenOperands(module_, op);
    for (size_t i = 0; i < op.operands.size() && i < 64; ++i) {
      if ((written >> i & 1) != 0) CheckWritable(op.operands[i], op);
    }
  }

  void CheckWritable(ValueId id, const Op& op) {
    const Value& root = value(roots_.root(id));
    if (root.kind == Value::Kind::kLiteral) {
      diagnostics_.Add(ErrorId::E507, op.span, Format("{} writes a literal", op.def->name));
      return;
    }
    // Of a region's parameter, the op with the region decides.
    if (root.kind != Value::Kind::kParam || root.block != function_.body) return;
    if (root.annotations.mut) return;
    diagnostics_.Add(ErrorId::E507, op.span,
                     Format("{} writes %{}, which is not `mut`{}", op.def->name, root.name,
                            &value(id) == &root ? "" : Format(" (through %{})", value(id).name)));
  }

  void CheckRegion(const Op& op, size_t r) {
    const RegionSpec* spec = SpecOf(op, r);
    const std::vector<ValueId>& params = function_.block(op.regions[r]).params;
    for (size_t i = 0; i < params.size(); ++i) {
      if (!roots_.written(params[i])) continue;
      if (spec != nullptr && spec->refuses_writes.has_value()) {
        diagnostics_.Add(*spec->refuses_writes, op.span,
                         Format("{}: its region writes the parameter %{} in place", op.def->name,
                                value(params[i]).name));
      } else if (i < op.operands.size()) {
        CheckWritable(op.operands[i], op);
      }
    }
  }

  void CheckCall(const Op& op) {
    if (!op.def->has_callee) return;
    const Function* callee = module_.Find(op.callee);
    if (callee == nullptr) return;
    const std::vector<ValueId>& params = callee->params();
    for (size_t i = 0; i < std::min(params.size(), op.operands.size()); ++i) {
      if (!callee->value(params[i]).annotations.noalias) continue;
      for (size_t j = 0; j < op.operands.size(); ++j) {
        if (j == i || roots_.root(op.operands[i]) != roots_.root(op.operands[j])) continue;
        diagnostics_.Add(
            ErrorId::E507, op.span,
            Format("operands {} and {} share storage, but @{} says that %{} is `noalias`",
                   std::min(i, j), std::max(i, j), callee->name, callee->value(params[i]).name));
        break;
      }
    }
  }

  void CheckAliases(const Op& op) {
    for (ValueId result : op.results) {
      const ValueId alias = value(result).annotations.alias;
      if (!alias.valid() || roots_.root(alias) == roots_.root(result)) continue;
      diagnostics_.Add(ErrorId::E507, value(result).span,
                       Format("alias(%{}): %{} does not lie in its storage", value(alias).name,
                              value(result).name));
    }
  }

  void CheckResults() {
    const Block& body = function_.block(function_.body);
    for (size_t i = 0; i < std::min(body.yields.size(), function_.results.size()); ++i) {
      const Annotations& annotations = function_.results[i].annotations;
      if (annotations.alias.valid() && roots_.root(body.yields[i]) != annotations.alias) {
        diagnostics_.Add(ErrorId::E507, body.terminator_span,
                         Format("result {}: alias(%{}), but %{} does not lie in its storage", i,
                                value(annotations.alias).name, value(body.yields[i]).name));
      }
      if (annotations.alias.valid() && annotations.into.valid()) {
        diagnostics_.Add(
            ErrorId::E507, function_.span,
            Format("result {}: `alias` says that it stays where it is, `into` that it is "
                   "stored",
                   i));
      }
      if (annotations.into.valid() && !value(annotations.into).annotations.mut) {
        diagnostics_.Add(
            ErrorId::E507, function_.span,
            Format("result {}: into(%{}), which is not `mut`", i, value(annotations.into).name));
      }
    }
  }

  // ---- Effects ----

  void NoteEffects(const Op& op) {
    const Effects& effects = op.def->effects;
    if (effects.ordered == OrderedKind::kIo) Need("io", op);
    if (effects.ordered == OrderedKind::kState) Need("state", op);
    if (effects.host_sync) Need("host", op);
    if (!op.def->has_callee) return;
    const Function* callee = module_.Find(op.callee);
    if (callee == nullptr) return;
    for (const std::string& effect : callee->effects) Need(effect, op);
  }

  void Need(std::string_view effect, const Op& op) {
    const std::vector<std::string>& listed = function_.effects;
    if (std::find(listed.begin(), listed.end(), effect) != listed.end()) return;
    for (const auto& [known, by] : missing_) {
      if (known == effect) return;
    }
    missing_.emplace_back(effect, &op);
  }

  void CheckEffects() {
    for (const auto& [effect, op] : missing_) {
      diagnostics_.Add(ErrorId::E508, op->span,
                       Format("{} has the effect `{}`, which @{} does not list: effects [{}]",
                              op->def->name, effect, function_.name, effect));
    }
  }

  const Module& module_;
  const Function& function_;
  Diagnostics& diagnostics_;
  StorageRoots roots_;
  std::vector<const OpDef*> changed_by_;  // by value: the op that changed its handle
  std::vector<std::pair<std::string, const Op*>> missing_;
};

}  // namespace

void CheckWrites(const Module& module, const Function& function, Diagnostics& diagnostics) {
  WriteChecker(module, function, diagnostics).Run();
}

}  // namespace gcomp::ir
