#include "tools/filetest/reference_diff.h"

#include <cmath>
#include <optional>
#include <utility>

#include "base/format.h"
#include "ir/op_def.h"
#include "ir/text.h"
#include "tests/reference/reference.h"

namespace gcomp::filetest {
namespace {

using ir::Function;
using ir::Op;
using ir::ValueId;

// Squares and sums of some thousand such numbers stay finite in f32.
constexpr reference::Number kLarge = 1e15L;

reference::Tensor Read(const Tensor& tensor) {
  ir::TensorSpec spec;
  spec.dtype = tensor.dtype();
  spec.sizes.assign(tensor.sizes().begin(), tensor.sizes().end());
  spec.strides = ir::ContiguousStrides(spec.sizes);
  return reference::Load(spec, tensor.data());
}

bool AreTame(std::span<const reference::Tensor> operands) {
  for (const reference::Tensor& operand : operands) {
    for (reference::Number x : operand.data) {
      if (!(std::fabs(x) <= kLarge)) return false;
    }
  }
  return true;
}

// The values of a run that are known, by ValueId.
class ValueTable {
 public:
  explicit ValueTable(const Function& function)
      : function_(function), values_(function.values.size()) {}

  void Set(ValueId id, reference::Tensor tensor) { values_[id.index()] = std::move(tensor); }

  // nullopt if some operand is not known.
  std::optional<std::vector<reference::Tensor>> Operands(const Op& op) const {
    std::vector<reference::Tensor> operands;
    for (ValueId id : op.operands) {
      const ir::Value& value = function_.value(id);
      if (value.kind == ir::Value::Kind::kLiteral) {
        operands.push_back({value.literal.dtype, {}, {reference::NumberOf(value.literal)}});
      } else if (values_[id.index()]) {
        operands.push_back(*values_[id.index()]);
      } else {
        return std::nullopt;
      }
    }
    return operands;
  }

  const std::optional<reference::Tensor>& Get(ValueId id) const { return values_[id.index()]; }

 private:
  const Function& function_;
  std::vector<std::optional<reference::Tensor>> values_;
};

// A copy of `function` in `module` that returns every tensor its body's ops make.
std::vector<ValueId> AddTransparentCopy(ir::Module& module, const Function& function,
                                        const std::string& name) {
  Function& copy = module.AddFunction(name);
  copy = function;
  copy.name = name;
  copy.exported = true;
  std::vector<ValueId> seen;
  for (ir::OpId id : copy.block(copy.body).ops) {
    for (ValueId result : copy.op(id).results) {
      if (copy.value(result).type.is_tensor()) seen.push_back(result);
    }
  }
  copy.results.clear();
  for (ValueId id : seen) copy.results.push_back({copy.value(id).type, {}});
  copy.block(copy.body).yields = seen;
  return seen;
}

std::string Describe(const Function& function, const Op& op, size_t result,
                     const reference::Mismatch& mismatch) {
  std::string line = Format("{}: result {}", ir::PrintOpLine(function, op), result);
  if (mismatch.index < 0) return line + " has another dtype or other sizes than the reference";
  return Format("{}: element {} is {}, the reference says {} ({} ulp)", line, mismatch.index,
                static_cast<double>(mismatch.got), static_cast<double>(mismatch.want),
                mismatch.error_ulp);
}

Status CheckOp(const Function& function, const Op& op, std::span<const int64_t> symbols,
               ValueTable& values, std::vector<std::string>& differences) {
  if (!reference::Knows(op.def->name)) return {};
  std::optional<std::vector<reference::Tensor>> operands = values.Operands(op);
  if (!operands) return {};
  if (op.def->tolerance.rtol != 0 && !AreTame(*operands)) return {};
  GCOMP_ASSIGN_OR_RETURN(std::vector<reference::Tensor> wanted,
                         reference::Evaluate(function, op, *operands, symbols));
  for (size_t r = 0; r < op.results.size() && r < wanted.size(); ++r) {
    const std::optional<reference::Tensor>& got = values.Get(op.results[r]);
    if (!got) {  // a key of random numbers: what it must be stands for what it is
      values.Set(op.results[r], wanted[r]);
      continue;
    }
    auto mismatch = reference::Compare(*op.def, *operands, *got, wanted[r]);
    if (mismatch) differences.push_back(Describe(function, op, r, *mismatch));
  }
  return {};
}

}  // namespace

StatusOr<std::vector<std::string>> DiffReference(const std::shared_ptr<Engine>& engine,
                                                 const std::string& text,
                                                 const std::shared_ptr<const WeightStore>& weights,
                                                 const ir::Function& function,
                                                 std::span<const Tensor> inputs,
                                                 std::span<const int64_t> symbols) {
  ir::Diagnostics diagnostics("@" + function.name, text);
  ir::Module module = ir::Parse(text, engine->ops(), diagnostics);
  GCOMP_RETURN_IF_ERROR(diagnostics.ToStatus());
  const std::string name = function.name + ".all_values";
  std::vector<ValueId> seen = AddTransparentCopy(module, function, name);
  if (seen.empty()) return std::vector<std::string>();
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<Session> session,
                         Session::Load(engine, std::move(module), weights, {}));
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Context> context, Context::Create(session, name));
  std::vector<Tensor> outputs;
  GCOMP_RETURN_IF_ERROR(context->Run(inputs, outputs));

  ValueTable values(function);
  for (size_t i = 0; i < seen.size(); ++i) values.Set(seen[i], Read(outputs[i]));
  size_t next_input = 0;
  for (ValueId param : function.params()) {
    if (function.value(param).annotations.weight) continue;
    values.Set(param, Read(inputs[next_input++]));
  }
  std::vector<std::string> differences;
  for (ir::OpId id : function.block(function.body).ops) {
    const Op& op = function.op(id);
    Status status = CheckOp(function, op, symbols, values, differences);
    if (!status.ok()) return std::move(status).AddNote(ir::PrintOpLine(function, op));
  }
  return differences;
}

}  // namespace gcomp::filetest
