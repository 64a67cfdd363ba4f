#include "ir/passes/windows.h"

#include <algorithm>
#include <map>
#include <utility>

#include "ir/op_def.h"
#include "ir/passes/storage_changes.h"
#include "ir/structure.h"

namespace gcomp::ir {
namespace {

constexpr uint32_t kOutside = UINT32_MAX;  // parameters, literals, what regions hold
constexpr uint32_t kNoReturn = 1000;       // cuts avoid to cross what no call returns

// Such values can be results of a call.
bool CanReturn(const Type& type) {
  return type.is_tensor() && type.is_contiguous();
}

bool HoldsValue(const AttrValue& attr) {
  if (attr.As<ValueId>() != nullptr) return true;
  if (const auto* list = attr.As<AttrList>()) {
    return std::any_of(list->begin(), list->end(), HoldsValue);
  }
  const auto* dict = attr.As<AttrDict>();
  return dict != nullptr && std::any_of(dict->begin(), dict->end(),
                                        [](const auto& entry) { return HoldsValue(entry.second); });
}

bool HoldsValues(const Op& op) {
  return std::any_of(op.attrs.begin(), op.attrs.end(), HoldsValue) ||
         std::any_of(op.extra_attrs.begin(), op.extra_attrs.end(),
                     [](const auto& entry) { return HoldsValue(entry.second); });
}

// Whether the op does the same from inside another function. `lent`: by value, whether the
// signature says that a result lies in its storage.
bool MayMove(const Function& function, const Op& op, Purity& purity, const StorageChanges& storage,
             const std::vector<bool>& lent) {
  if (!op.def->known() || !op.callee.empty() || HoldsValues(op) || !purity.IsPure(function, op)) {
    return false;
  }
  return std::none_of(op.results.begin(), op.results.end(), [&](ValueId result) {
    return storage.changes(result) || lent[storage.root(result).index()];
  });
}

}  // namespace

Body::Body(const Module& module, const Function& function, Purity& purity)
    : function_(function),
      ops_(function.block(function.body).ops),
      made_at_(function.values.size(), kOutside),
      last_use_(function.values.size()) {
  for (uint32_t i = 0; i < ops_.size(); ++i) {
    for (ValueId result : function.op(ops_[i]).results) made_at_[result.index()] = i;
    for (ValueId operand : function.op(ops_[i]).operands) last_use_[operand.index()] = i;
  }
  for (ValueId yield : function.block(function.body).yields) {
    last_use_[yield.index()] = static_cast<uint32_t>(ops_.size());
  }
  FindClasses(module, purity);
  FindCuts();
}

void Body::FindClasses(const Module& module, Purity& purity) {
  const StorageChanges storage(module, function_);
  std::vector<bool> lent(function_.values.size());
  for (const Result& result : function_.results) {
    if (result.annotations.alias.valid()) lent[result.annotations.alias.index()] = true;
  }
  classes_ = OpClasses(module, function_, ops_);
  auto next = static_cast<uint32_t>(ops_.size());  // classes of ops that are like no other
  for (size_t i = 0; i < ops_.size(); ++i) {
    if (!MayMove(function_, function_.op(ops_[i]), purity, storage, lent)) classes_[i] = next++;
  }
}

void Body::FindCuts() {
  std::vector<int64_t> change(ops_.size() + 2);
  for (size_t i = 0; i < ops_.size(); ++i) {
    for (ValueId result : function_.op(ops_[i]).results) {
      if (last_use_[result.index()] <= i) continue;
      const int64_t cost = CanReturn(function_.value(result).type) ? 1 : kNoReturn;
      change[i + 1] += cost;
      change[last_use_[result.index()] + 1] -= cost;
    }
  }
  int64_t crossing = 0;
  for (size_t i = 0; i <= ops_.size(); ++i) {
    crossing += change[i];
    cuts_.push_back(static_cast<uint32_t>(std::min<int64_t>(crossing, INT32_MAX)));
  }
}

std::vector<std::vector<size_t>> Wiring::Divide(size_t length, std::span<const size_t> starts) {
  std::map<std::vector<uint32_t>, size_t> known;
  std::vector<std::vector<size_t>> groups;
  for (size_t start : starts) {
    std::vector<uint32_t> wiring;
    if (!Describe(start, start + length, wiring)) continue;
    auto [entry, fresh] = known.try_emplace(std::move(wiring), groups.size());
    if (fresh) groups.emplace_back();
    groups[entry->second].push_back(start);
  }
  return groups;
}

// False if the window has a result that no call returns, or too many parameters.
bool Wiring::Describe(size_t start, size_t end, std::vector<uint32_t>& wiring) {
  constexpr uint32_t kFromOutside = uint32_t{1} << 31;
  constexpr uint32_t kMaxParams = UINT16_MAX;
  ++window_;
  uint32_t next = 0;
  for (size_t i = start; i < end; ++i) {
    const Op& op = function_.op(body_.ops()[i]);
    for (ValueId operand : op.operands) {
      const Value& value = function_.value(operand);
      if (value.kind == Value::Kind::kLiteral) continue;
      if (body_.IsMadeIn(operand, start, end)) {
        wiring.push_back(static_cast<uint32_t>(body_.PositionOf(operand) - start));
        wiring.push_back(value.index);
        continue;
      }
      Seen& seen = seen_[operand.index()];
      if (seen.window != window_) seen = {window_, next++};
      wiring.push_back(kFromOutside + seen.number);
    }
    for (ValueId result : op.results) {
      if (body_.IsUsedFrom(end, result) && !CanReturn(function_.value(result).type)) return false;
    }
  }
  return next <= kMaxParams;
}

}  // namespace gcomp::ir
