#include "ir/passes/fold.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/passes/blocks.h"
#include "ir/passes/purity.h"
#include "ir/run_op.h"

namespace gcomp::ir {
namespace {

// Of const, as docs/spec/ir.md rule 6 says.
constexpr int64_t kMaxInlineElements = 16;

// A value that is known before the run: its form, and the storage that views of it share.
struct Constant {
  TensorSpec spec;
  std::shared_ptr<std::vector<std::byte>> storage;

  void* data() const { return storage->data() + spec.offset * BytesOf(spec.dtype); }
};

class Folder {
 public:
  Folder(Function& function, const OpDef& const_def, CpuLevel cpu)
      : function_(function), const_def_(const_def), cpu_(cpu) {}

  StatusOr<bool> Run() {
    for (BlockId block : LiveBlocks(function_)) {
      for (OpId op : function_.block(block).ops) GCOMP_RETURN_IF_ERROR(Visit(op));
    }
    return changed_;
  }

 private:
  Status Visit(OpId id) {
    const Op& op = function_.op(id);
    if (!op.def->effects.pure() || !op.defines.empty()) return {};
    if (op.def->numeric != NumericClass::kExact) return {};
    std::vector<OpBuffer> operands;
    for (ValueId operand : op.operands) {
      const Constant* constant = Find(operand);
      if (constant == nullptr) return {};
      operands.push_back({constant->spec, constant->data(), true});
    }
    if (op.def->is_view()) {
      BindView(op);
    } else if (CanRunAlone(op)) {
      GCOMP_RETURN_IF_ERROR(RunKernel(op, operands));
    }
    if (op.results.size() == 1 && op.def != &const_def_) ReplaceByConst(id);
    return {};
  }

  // The constant that `value` is; null if it is not one.
  const Constant* Find(ValueId value) {
    auto found = constants_.find(value);
    if (found != constants_.end()) return &found->second;
    const Value& literal = function_.value(value);
    if (literal.kind != Value::Kind::kLiteral) return nullptr;
    Constant constant;
    constant.spec.dtype = literal.literal.dtype;
    constant.storage = std::make_shared<std::vector<std::byte>>(BytesOf(constant.spec.dtype));
    literal.literal.Store(constant.data());
    return &constants_.emplace(value, std::move(constant)).first->second;
  }

  // The concrete form of a value small enough to compute here, if it does not depend on symbols.
  std::optional<TensorSpec> SmallSpec(ValueId value) const {
    const Type& type = function_.value(value).type;
    if (!type.is_tensor() || !type.IsStatic() || !kRealDTypes.Has(type.dtype())) return {};
    if (!type.is_contiguous() && type.layout().kind != Layout::Kind::kStrided) return {};
    StatusOr<TensorSpec> spec = BindType(type, {});
    if (!spec.ok() || spec->NumElements() > kMaxFoldElements) return {};
    return *std::move(spec);
  }

  void BindView(const Op& op) {
    std::optional<TensorSpec> spec = SmallSpec(op.results[0]);
    const Constant* base = Find(op.operands[0]);
    if (!spec || base == nullptr || op.results.size() != 1) return;
    constants_[op.results[0]] = {*std::move(spec), base->storage};
  }

  Status RunKernel(const Op& op, std::span<const OpBuffer> operands) {
    std::vector<Constant> made;
    std::vector<OpBuffer> results;
    for (ValueId result : op.results) {
      std::optional<TensorSpec> spec = SmallSpec(result);
      if (!spec || !spec->IsContiguous()) return {};
      size_t bytes = static_cast<size_t>(spec->NumElements() * BytesOf(spec->dtype));
      // One element more, so that an empty value has an address too.
      made.push_back({*spec, std::make_shared<std::vector<std::byte>>(bytes + 8)});
      results.push_back({*std::move(spec), made.back().data(), false});
    }
    Status status = RunOp(function_, op, operands, results, {}, cpu_);
    if (!status.ok()) return status.id() == ErrorId::E999 ? std::move(status) : Status();
    for (size_t i = 0; i < made.size(); ++i) constants_[op.results[i]] = std::move(made[i]);
    return {};
  }

  // Makes the op `const`, if its value is known and has a form in the text.
  void ReplaceByConst(OpId id) {
    Op& op = function_.op(id);
    auto found = constants_.find(op.results[0]);
    if (found == constants_.end()) return;
    Value& result = function_.value(op.results[0]);
    // Whoever reads a view through its strides would not find a const there.
    if (!result.type.is_contiguous()) return;
    AttrValue numbers;
    AttrValue splat;
    if (!TextForm(found->second, numbers, splat)) return;
    op.def = &const_def_;
    op.operands.clear();
    op.group_begin.assign(const_def_.operands.size() + 1, 0);
    op.attrs.assign(const_def_.attrs.size(), AttrValue());
    op.attrs[static_cast<size_t>(const_def_.AttrIndex("v"))] = std::move(numbers);
    op.attrs[static_cast<size_t>(const_def_.AttrIndex("splat"))] = std::move(splat);
    result.annotations.alias = ValueId();
    changed_ = true;
  }

  // The elements as numbers or as one splat; false if there are too many different ones.
  static bool TextForm(const Constant& constant, AttrValue& numbers, AttrValue& splat) {
    const TensorSpec& spec = constant.spec;
    int64_t n = spec.NumElements();
    int64_t bytes = BytesOf(spec.dtype);
    const auto* data = static_cast<const std::byte*>(constant.data());
    auto element = [&](int64_t i) { return Scalar::Load(spec.dtype, data + i * bytes); };
    bool equal =
        n > 1 && std::memcmp(data, data + bytes, static_cast<size_t>((n - 1) * bytes)) == 0;
    if (equal) {
      splat = element(0);
    } else if (spec.rank() == 0) {
      numbers = element(0);
    } else if (n <= kMaxInlineElements) {
      AttrList list;
      for (int64_t i = 0; i < n; ++i) list.emplace_back(element(i));
      numbers = std::move(list);
    } else {
      return false;
    }
    return true;
  }

  Function& function_;
  const OpDef& const_def_;
  CpuLevel cpu_;
  std::unordered_map<ValueId, Constant> constants_;
  bool changed_ = false;
};

}  // namespace

StatusOr<bool> FoldConstants(Module& module, const PassContext& context) {
  const OpDef* const_def = context.ops.Find("const");
  if (const_def == nullptr) return false;
  GCOMP_ENSURE(const_def->AttrIndex("v") >= 0 && const_def->AttrIndex("splat") >= 0,
               "const has the attributes v and splat");
  bool changed = false;
  for (const std::unique_ptr<Function>& function : module.functions) {
    if (WritesInPlace(module, *function)) continue;
    GCOMP_ASSIGN_OR_RETURN(bool folded, Folder(*function, *const_def, context.cpu).Run());
    changed |= folded;
  }
  return changed;
}

}  // namespace gcomp::ir
