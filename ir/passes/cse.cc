#include "ir/passes/cse.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "ir/passes/blocks.h"
#include "ir/passes/purity.h"
#include "ir/passes/value_map.h"

namespace gcomp::ir {
namespace {

// Compares and hashes ops of one function. Two ops of different regions are compared while the
// values of those regions stand for each other by position, which `number_` records: the values of
// the region being looked at, numbered in the order of definition.
class Structure {
 public:
  explicit Structure(const Function& function) : function_(function), namer_(function.Namer()) {}

  uint64_t Hash(const Op& op) {
    Hasher hasher;
    std::unordered_map<ValueId, uint32_t> none;
    AddOp(op, none, hasher);
    return hasher.Digest().low;
  }

  bool Equal(const Op& a, const Op& b) {
    std::unordered_map<ValueId, ValueId> same;
    return EqualOps(a, b, same);
  }

 private:
  // ---- Hashing. What is left out (attributes) makes more collisions, not wrong answers. ----

  void AddOp(const Op& op, const std::unordered_map<ValueId, uint32_t>& number, Hasher& hasher) {
    hasher.Add(op.def->name).Add(op.callee);
    std::vector<uint64_t> operands;
    for (ValueId operand : op.operands) operands.push_back(OperandWord(operand, number));
    if (op.def->commutative && operands.size() >= 2 && operands[1] < operands[0]) {
      std::swap(operands[0], operands[1]);
    }
    for (uint64_t operand : operands) hasher.Add(operand);
    for (ValueId result : op.results) {
      hasher.Add(function_.value(result).type.ToString(namer_));
    }
    for (const AttrValue& attr : op.attrs) AddAttr(attr, hasher);
    for (BlockId region : op.regions) AddBlock(region, hasher);
  }

  uint64_t OperandWord(ValueId operand, const std::unordered_map<ValueId, uint32_t>& number) {
    const Value& value = function_.value(operand);
    if (value.kind == Value::Kind::kLiteral) {
      return Hasher()
          .Add(static_cast<uint64_t>(value.literal.dtype))
          .Add(value.literal.bits)
          .Digest()
          .low;
    }
    auto found = number.find(operand);
    return found == number.end() ? operand.index() : found->second;
  }

  void AddAttr(const AttrValue& attr, Hasher& hasher) {
    hasher.Add(static_cast<uint64_t>(attr.variant().index()));
    if (const auto* expr = attr.As<Expr>()) hasher.Add(expr->ToString(namer_));
    if (const auto* scalar = attr.As<Scalar>()) hasher.Add(scalar->bits);
    if (const auto* text = attr.As<std::string>()) hasher.Add(*text);
    if (const auto* list = attr.As<AttrList>()) {
      for (const AttrValue& element : *list) AddAttr(element, hasher);
    }
  }

  void AddBlock(BlockId id, Hasher& hasher) {
    const Block& block = function_.block(id);
    std::unordered_map<ValueId, uint32_t> number;
    auto define = [&](const std::vector<ValueId>& values) {
      for (ValueId value : values) number.emplace(value, static_cast<uint32_t>(number.size()));
    };
    hasher.Add(block.label);
    define(block.params);
    for (OpId op : block.ops) {
      AddOp(function_.op(op), number, hasher);
      define(function_.op(op).results);
    }
    for (ValueId value : block.yields) hasher.Add(OperandWord(value, number));
  }

  // ---- Full comparison. `same` maps values of regions of a to those of b. ----

  bool EqualOps(const Op& a, const Op& b, std::unordered_map<ValueId, ValueId>& same) {
    if (a.def != b.def || a.callee != b.callee || a.callee_sizes != b.callee_sizes) return false;
    if (a.group_begin != b.group_begin || a.extra_attrs != b.extra_attrs) return false;
    if (!a.defines.empty() || !b.defines.empty()) return false;
    return EqualAttrs(a, b) && EqualOperands(a, b, same) && EqualTypes(a.results, b.results) &&
           EqualRegions(a, b);
  }

  // Attributes at the end that are not stored are absent.
  static bool EqualAttrs(const Op& a, const Op& b) {
    static const AttrValue kAbsent;
    for (size_t i = 0; i < std::max(a.attrs.size(), b.attrs.size()); ++i) {
      const AttrValue& left = i < a.attrs.size() ? a.attrs[i] : kAbsent;
      const AttrValue& right = i < b.attrs.size() ? b.attrs[i] : kAbsent;
      if (!EqualAttr(left, right)) return false;
    }
    return true;
  }

  // Floating attributes by their bits: an op may tell -0.0 from 0.0.
  static bool EqualAttr(const AttrValue& a, const AttrValue& b) {
    const double* x = a.As<double>();
    const double* y = b.As<double>();
    if (x != nullptr && y != nullptr) {
      return std::bit_cast<uint64_t>(*x) == std::bit_cast<uint64_t>(*y);
    }
    const AttrList* left = a.As<AttrList>();
    const AttrList* right = b.As<AttrList>();
    if (left != nullptr && right != nullptr) {
      return std::equal(left->begin(), left->end(), right->begin(), right->end(), EqualAttr);
    }
    return a == b;
  }

  bool EqualOperands(const Op& a, const Op& b, std::unordered_map<ValueId, ValueId>& same) {
    size_t n = a.operands.size();
    if (n != b.operands.size()) return false;
    auto equal = [&](size_t i, size_t j) {
      return EqualValues(a.operands[i], b.operands[j], same);
    };
    size_t first = 0;
    if (a.def->commutative && n >= 2) {
      if (!(equal(0, 0) && equal(1, 1)) && !(equal(0, 1) && equal(1, 0))) return false;
      first = 2;
    }
    for (size_t i = first; i < n; ++i) {
      if (!equal(i, i)) return false;
    }
    return true;
  }

  bool EqualValues(ValueId a, ValueId b, const std::unordered_map<ValueId, ValueId>& same) {
    auto found = same.find(a);
    if (found != same.end()) return found->second == b;
    const Value& left = function_.value(a);
    const Value& right = function_.value(b);
    if (left.kind == Value::Kind::kLiteral && right.kind == Value::Kind::kLiteral) {
      return left.literal == right.literal;
    }
    return a == b;
  }

  bool EqualTypes(const std::vector<ValueId>& a, const std::vector<ValueId>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](ValueId left, ValueId right) {
      return function_.value(left).type == function_.value(right).type;
    });
  }

  bool EqualRegions(const Op& a, const Op& b) {
    return std::equal(a.regions.begin(), a.regions.end(), b.regions.begin(), b.regions.end(),
                      [&](BlockId left, BlockId right) {
                        return EqualBlocks(function_.block(left), function_.block(right));
                      });
  }

  bool EqualBlocks(const Block& a, const Block& b) {
    if (a.label != b.label || a.ops.size() != b.ops.size()) return false;
    if (!EqualTypes(a.params, b.params) || a.yields.size() != b.yields.size()) return false;
    std::unordered_map<ValueId, ValueId> same;
    auto pair = [&](const std::vector<ValueId>& left, const std::vector<ValueId>& right) {
      for (size_t i = 0; i < left.size(); ++i) same.emplace(left[i], right[i]);
    };
    pair(a.params, b.params);
    for (size_t i = 0; i < a.ops.size(); ++i) {
      const Op& left = function_.op(a.ops[i]);
      const Op& right = function_.op(b.ops[i]);
      if (!EqualOps(left, right, same)) return false;
      pair(left.results, right.results);
    }
    for (size_t i = 0; i < a.yields.size(); ++i) {
      if (!EqualValues(a.yields[i], b.yields[i], same)) return false;
    }
    return true;
  }

  const Function& function_;
  std::function<std::string(SymId)> namer_;
};

class CommonSubexpressions {
 public:
  CommonSubexpressions(Purity& purity, Function& function)
      : purity_(purity), function_(function), structure_(function), map_(function) {}

  bool Run() {
    // Inner blocks first: regions that become equal inside make their ops equal outside.
    std::vector<BlockId> blocks = LiveBlocks(function_);
    for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) Visit(*block);
    return changed_;
  }

 private:
  void Visit(BlockId block) {
    std::unordered_map<uint64_t, std::vector<OpId>> seen;
    std::vector<OpId> kept;
    for (OpId id : function_.block(block).ops) {
      Op& op = function_.op(id);
      map_.ApplyTo(function_, op);
      if (!purity_.IsPure(function_, op)) {
        kept.push_back(id);
        continue;
      }
      std::vector<OpId>& candidates = seen[structure_.Hash(op)];
      auto first = std::find_if(candidates.begin(), candidates.end(), [&](OpId candidate) {
        return structure_.Equal(function_.op(candidate), op);
      });
      if (first == candidates.end()) {
        if (candidates.size() < kMaxCandidates) candidates.push_back(id);
        kept.push_back(id);
        continue;
      }
      const Op& stays = function_.op(*first);
      for (size_t i = 0; i < op.results.size(); ++i) map_.Replace(op.results[i], stays.results[i]);
      changed_ = true;
    }
    function_.block(block).ops = std::move(kept);
    map_.ApplyTo(function_.block(block).yields);
  }

  // Bounds the work on ops that hash alike without being equal.
  static constexpr size_t kMaxCandidates = 8;

  Purity& purity_;
  Function& function_;
  Structure structure_;
  ValueMap map_;
  bool changed_ = false;
};

}  // namespace

StatusOr<bool> EliminateCommonSubexpressions(Module& module, const PassContext& /*context*/) {
  Purity purity(module);
  bool changed = false;
  for (const std::unique_ptr<Function>& function : module.functions) {
    if (WritesInPlace(module, *function)) continue;
    if (!CommonSubexpressions(purity, *function).Run()) continue;
    function->Compact();
    changed = true;
  }
  return changed;
}

}  // namespace gcomp::ir
