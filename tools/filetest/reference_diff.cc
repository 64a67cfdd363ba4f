#include "tools/filetest/reference_diff.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "base/format.h"
#include "ir/builder.h"
#include "ir/op_def.h"
#include "ir/storage_roots.h"
#include "ir/text.h"
#include "tests/reference/machine.h"
#include "tests/reference/reference.h"
#include "tools/filetest/shared_inputs.h"

namespace gcomp::filetest {
namespace {

using ir::Function;
using ir::Op;
using ir::OpId;
using ir::ValueId;
using reference::Machine;
using reference::View;

// Squares and sums of some thousand such numbers stay finite in f32.
constexpr reference::Number kLarge = 1e15L;

reference::Tensor Read(const Tensor& tensor) {
  return reference::Load(tensor.spec(), tensor.data());
}

bool AreTame(std::span<const reference::Tensor> operands) {
  for (const reference::Tensor& operand : operands) {
    for (reference::Number x : operand.data) {
      if (!(std::fabs(x) <= kLarge)) return false;
    }
  }
  return true;
}

// ---- Seeing what a run does ---------------------------------------------------------------------

// A copy of a value that a function takes as it runs, and returns at its end.
struct Snapshot {
  ValueId of;
  size_t output;
};

struct Snapshots {
  std::vector<Snapshot> params;                  // of weights, before all ops
  std::map<OpId, std::vector<Snapshot>> before;  // of operands
  std::map<OpId, std::vector<Snapshot>> after;   // of results, and of operands that may be written
};

// Makes a copy of `function` in `module` that returns snapshots.
class TransparentCopy {
 public:
  TransparentCopy(ir::Module& module, const Function& function, const std::string& name,
                  const ir::OpRegistry& ops)
      : roots_(module, function),
        module_(module),
        copy_(module.AddFunction(name)),
        builder_(Prepared(function, name), copy_, ops) {}

  StatusOr<Snapshots> Make() {
    ir::Block& body = copy_.block(copy_.body);
    const std::vector<OpId> ops = std::exchange(body.ops, {});
    for (ValueId param : copy_.params()) {
      if (!copy_.value(param).annotations.weight) continue;
      GCOMP_RETURN_IF_ERROR(Take(param, snapshots_.params));
    }
    for (OpId id : ops) {
      const Op op = copy_.op(id);
      for (ValueId operand : op.operands) {
        if (!roots_.written(operand)) continue;
        GCOMP_RETURN_IF_ERROR(Take(operand, snapshots_.before[id]));
      }
      copy_.block(copy_.body).ops.push_back(id);
      builder_.Learn(op);
      copy_.defines.insert(copy_.defines.end(), op.defines.begin(), op.defines.end());
      for (ValueId result : op.results) {
        GCOMP_RETURN_IF_ERROR(Take(result, snapshots_.after[id]));
      }
      if (!op.def->has_callee && op.regions.empty()) continue;
      for (ValueId operand : op.operands) {
        if (!roots_.written(operand)) continue;
        GCOMP_RETURN_IF_ERROR(Take(operand, snapshots_.after[id]));
      }
    }
    builder_.Return(returned_);
    return std::move(snapshots_);
  }

 private:
  ir::Module& Prepared(const Function& function, const std::string& name) {
    copy_ = function;
    copy_.name = name;
    copy_.exported = true;
    copy_.defines.clear();
    copy_.results.clear();
    return module_;
  }

  Status Take(ValueId id, std::vector<Snapshot>& snapshots) {
    const ir::Value& value = copy_.value(id);
    if (!value.type.is_tensor() || value.kind == ir::Value::Kind::kLiteral) return {};
    GCOMP_ASSIGN_OR_RETURN(ValueId taken, builder_.Add1("contiguous", {id}));
    snapshots.push_back({id, returned_.size()});
    returned_.push_back(taken);
    return {};
  }

  const ir::StorageRoots roots_;
  ir::Module& module_;
  Function& copy_;
  ir::Builder builder_;
  Snapshots snapshots_;
  std::vector<ValueId> returned_;
};

// ---- The same run in the model ------------------------------------------------------------------

class Replay {
 public:
  Replay(const ir::Module& module, const Function& function, std::span<const int64_t> symbols,
         const Snapshots& snapshots, std::span<const Tensor> seen, const ir::OpDef& exact)
      : function_(function),
        snapshots_(snapshots),
        seen_(seen),
        exact_(exact),
        machine_(&module),
        frame_(machine_.NewFrame(function, symbols)),
        known_(function.symbols.size(), false) {
    for (size_t i = 0; i < function.num_symbol_params; ++i) known_[i] = true;
  }

  void SetParams(std::span<const Tensor> inputs) {
    size_t next_input = 0;
    for (ValueId param : function_.params()) {
      if (!function_.value(param).annotations.weight) Adopt(param, inputs[next_input++]);
    }
    if (const std::optional<SharedInputs> shared = SharedOf(inputs)) AdoptShared(inputs, *shared);
    for (const Snapshot& snapshot : snapshots_.params) Adopt(snapshot.of, seen_[snapshot.output]);
  }

  Status RunOp(OpId id) {
    const Op& op = function_.op(id);
    const std::vector<Snapshot> none;
    auto at = snapshots_.before.find(id);
    for (const Snapshot& snapshot : at == snapshots_.before.end() ? none : at->second) {
      if (!frame_.values[snapshot.of.index()]) continue;
      CheckModel(snapshot, Format("before {}", ir::PrintOpLine(function_, op)));
    }
    at = snapshots_.after.find(id);
    const std::vector<Snapshot>& after = at == snapshots_.after.end() ? none : at->second;
    const bool in_model = op.def->has_callee || op.def->has_global ||
                          reference::RunsRegionOnce(op) || op.def->effects.alias_of[0] >= 0;
    if (in_model && op.def->effects.write != ir::WriteKind::kData) {
      GCOMP_RETURN_IF_ERROR(RunInModel(op, after));
    } else {
      GCOMP_RETURN_IF_ERROR(RunAlone(op, after));
    }
    Learn(op);
    return {};
  }

  // What the function itself gave and left.
  void CheckEnd(std::span<const Tensor> outputs) {
    const std::vector<ValueId>& yields = function_.block(function_.body).yields;
    size_t next = 0;
    std::vector<std::pair<ValueId, reference::Tensor>> stored;
    std::vector<std::pair<size_t, size_t>> aliases;  // of the yields, of the outputs
    for (size_t i = 0; i < yields.size(); ++i) {
      const ir::Annotations& annotations = function_.results[i].annotations;
      StatusOr<View> view = machine_.Operand(frame_, yields[i]);
      if (annotations.into.valid()) {
        if (view.ok()) stored.emplace_back(annotations.into, machine_.memory().Read(*view));
        continue;
      }
      const size_t at = next++;
      if (annotations.alias.valid()) {
        aliases.emplace_back(i, at);
      } else {
        CheckResult(i, at, outputs);
      }
    }
    // All are made before one is stored; a result that lies in a parameter sees what is stored
    // there.
    for (const auto& [param, value] : stored) {
      machine_.memory().Write(*frame_.values[param.index()], value);
    }
    for (auto [i, at] : aliases) CheckResult(i, at, outputs);
    for (ValueId param : function_.params()) {
      const ir::Value& value = function_.value(param);
      if (!value.annotations.mut) continue;
      const size_t at = next++;
      const std::optional<View>& view = frame_.values[param.index()];
      if (view && at < outputs.size()) {
        CheckView(*view, outputs[at], Format("%{} after the run", value.name));
      }
    }
  }

  std::vector<std::string> TakeDifferences() { return std::move(differences_); }

 private:
  // The value is what was seen.
  void Adopt(ValueId id, const Tensor& tensor) {
    frame_.values[id.index()] =
        machine_.memory().AddBits(tensor.dtype(), tensor.sizes(), tensor.data());
  }

  // Two inputs are places in one storage.
  void AdoptShared(std::span<const Tensor> inputs, const SharedInputs& shared) {
    const ir::DType dtype = inputs[shared.first].dtype();
    const View block = machine_.memory().AddBits(dtype, {shared.num_elements}, shared.block);
    std::vector<ValueId> params;
    for (ValueId param : function_.params()) {
      if (!function_.value(param).annotations.weight) params.push_back(param);
    }
    for (auto [input, at] :
         {std::pair(shared.first, shared.first_at), std::pair(shared.second, shared.second_at)}) {
      View view = block;
      view.sizes = inputs[input].sizes();
      const auto begin = block.places.begin() + at;
      view.places.assign(begin, begin + inputs[input].NumElements());
      frame_.values[params[input].index()] = std::move(view);
    }
  }

  bool Compare(const ir::OpDef& def, std::span<const reference::Tensor> operands, const Tensor& got,
               const reference::Tensor& want, const std::string& where) {
    auto mismatch = reference::Compare(def, operands, Read(got), want);
    if (!mismatch) return true;
    differences_.push_back(
        mismatch->index < 0 ? Format("{}: another dtype or other sizes than the reference", where)
                            : Format("{}: element {} is {}, the reference says {} ({} ulp)", where,
                                     mismatch->index, static_cast<double>(mismatch->got),
                                     static_cast<double>(mismatch->want), mismatch->error_ulp));
    return false;
  }

  void CheckResult(size_t i, size_t at, std::span<const Tensor> outputs) {
    const ValueId id = function_.block(function_.body).yields[i];
    StatusOr<View> view = machine_.Operand(frame_, id);
    if (!view.ok() || at >= outputs.size() || !function_.value(id).type.is_tensor()) return;
    CheckView(*view, outputs[at], Format("result {}", i));
  }

  // Compares with what the model holds.
  bool CheckView(const View& view, const Tensor& got, const std::string& where) {
    return Compare(exact_, {}, got, machine_.memory().Read(view), where);
  }

  // The same for a snapshot; what was seen is what the model holds from then on.
  void CheckModel(const Snapshot& snapshot, const std::string& where) {
    const Tensor& got = seen_[snapshot.output];
    const View& view = *frame_.values[snapshot.of.index()];
    if (view.dtype != got.dtype() || view.sizes != got.sizes()) {
      CheckView(view, got, where);
      Adopt(snapshot.of, got);
      return;
    }
    CheckView(view, got, Format("%{} {}", function_.value(snapshot.of).name, where));
    machine_.memory().WriteBits(view, got.data());
  }

  // Calls, bodies that run once, views: the model runs them.
  Status RunInModel(const Op& op, const std::vector<Snapshot>& after) {
    const std::string where = Format("after {}", ir::PrintOpLine(function_, op));
    Status status = KnowsSizes(op) ? machine_.Run(frame_, op) : Status(ErrorId::E510, "a size");
    if (!status.ok() && status.id() != ErrorId::E510) return status;
    if (!status.ok()) {
      machine_.ForgetGlobals();
      for (ValueId id : op.results) frame_.values[id.index()].reset();
    }
    for (const Snapshot& snapshot : after) {
      std::optional<View>& view = frame_.values[snapshot.of.index()];
      if (!view) {
        Adopt(snapshot.of, seen_[snapshot.output]);
      } else if (status.ok()) {
        CheckModel(snapshot, where);
      } else {
        machine_.memory().WriteBits(*view, seen_[snapshot.output].data());
      }
    }
    return {};
  }

  // All else: the reference says what each result must be, and the model holds what it is.
  Status RunAlone(const Op& op, const std::vector<Snapshot>& after) {
    std::vector<reference::Tensor> operands;
    bool known = KnowsSizes(op) && reference::Knows(*op.def);
    for (ValueId id : op.operands) {
      StatusOr<View> view = machine_.Operand(frame_, id);
      known = known && view.ok();
      if (known) operands.push_back(machine_.memory().Read(*view));
    }
    std::vector<reference::Tensor> wanted;
    if (known && (op.def->tolerance.rtol == 0 || AreTame(operands))) {
      StatusOr<std::vector<reference::Tensor>> evaluated = machine_.Evaluate(frame_, op, operands);
      // An op of a region may be one that it does not know.
      if (evaluated.ok()) {
        wanted = *std::move(evaluated);
      } else if (evaluated.status().id() == ErrorId::E510) {
        machine_.ForgetGlobals();
      } else {
        return std::move(evaluated).status();
      }
    }
    const bool in_place = op.def->effects.write == ir::WriteKind::kData;
    for (size_t r = 0; r < op.results.size(); ++r) {
      auto snapshot = std::find_if(after.begin(), after.end(),
                                   [&](const Snapshot& each) { return each.of == op.results[r]; });
      std::optional<View>& view = frame_.values[op.results[r].index()];
      if (snapshot == after.end()) {  // a key of random numbers: what it must be is what it is
        if (r < wanted.size()) view = machine_.memory().Add(wanted[r]);
        continue;
      }
      const Tensor& got = seen_[snapshot->output];
      if (r < wanted.size()) {
        Compare(*op.def, operands, got, wanted[r],
                Format("{}: result {}", ir::PrintOpLine(function_, op), r));
      }
      const std::optional<View>& target =
          frame_.values[op.operands.empty() ? 0 : op.operands[0].index()];
      if (in_place && r == 0 && target.has_value()) {
        view = target;
        machine_.memory().WriteBits(*view, got.data());
      } else {
        Adopt(op.results[r], got);
      }
    }
    return {};
  }

  // False if an attribute or a result of `op` speaks of a symbol whose value is not known, and
  // which it does not define itself.
  bool KnowsSizes(const Op& op) const {
    bool known = true;
    auto visit = [&](const ir::Expr& expr) {
      expr.ForEachSymbol([&](ir::SymId id) {
        const bool own = std::find(op.defines.begin(), op.defines.end(), id) != op.defines.end();
        known = known && (own || known_[id.index()]);
      });
    };
    for (ValueId id : op.results) {
      for (const ir::Expr& dim : function_.value(id).type.dims()) visit(dim);
    }
    for (const ir::Expr& size : op.callee_sizes) visit(size);
    for (const ir::AttrValue& attr : op.attrs) {
      if (const auto* expr = attr.As<ir::Expr>()) visit(*expr);
      if (const auto* list = attr.As<ir::AttrList>()) {
        for (const ir::AttrValue& item : *list) {
          if (const auto* expr = item.As<ir::Expr>()) visit(*expr);
        }
      }
    }
    return known;
  }

  void Learn(const Op& op) {
    Machine::Learn(frame_, op, machine_.memory());
    for (ValueId id : op.results) {
      if (!frame_.values[id.index()]) continue;
      const ir::Type& type = function_.value(id).type;
      auto learn = [&](const ir::Expr& expr) {
        if (expr.kind() == ir::Expr::Kind::kSymbol) known_[expr.symbol().index()] = true;
      };
      if (type.kind() == ir::Type::Kind::kInt) learn(type.value());
      if (type.is_tensor()) std::for_each(type.dims().begin(), type.dims().end(), learn);
    }
  }

  const Function& function_;
  const Snapshots& snapshots_;
  std::span<const Tensor> seen_;
  const ir::OpDef& exact_;  // of an op without a tolerance
  Machine machine_;
  Machine::Frame frame_;
  std::vector<bool> known_;  // per symbol
  std::vector<std::string> differences_;
};

}  // namespace

StatusOr<std::vector<std::string>> DiffReference(const std::shared_ptr<Engine>& engine,
                                                 const std::string& text,
                                                 const std::shared_ptr<const WeightStore>& weights,
                                                 const ir::Function& function,
                                                 std::span<const Tensor> inputs,
                                                 std::span<const int64_t> symbols,
                                                 std::span<const Tensor> outputs) {
  ir::Diagnostics diagnostics("@" + function.name, text);
  ir::Module module = ir::Parse(text, engine->ops(), diagnostics);
  ir::Module original = ir::Parse(text, engine->ops(), diagnostics);
  GCOMP_RETURN_IF_ERROR(diagnostics.ToStatus());
  const std::string name = function.name + ".all_values";
  GCOMP_ASSIGN_OR_RETURN(Snapshots snapshots,
                         TransparentCopy(module, function, name, engine->ops()).Make());
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<Session> session,
                         Session::Load(engine, std::move(module), weights, {}));
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Context> context, Context::Create(session, name));
  GCOMP_ASSIGN_OR_RETURN(std::vector<Tensor> own, CopyTogether(inputs));
  std::vector<Tensor> seen;
  GCOMP_RETURN_IF_ERROR(context->Run(own, seen));

  const ir::OpDef* exact = engine->ops().Find("contiguous");
  GCOMP_ENSURE(exact != nullptr, "snapshots are made by it");
  Replay replay(original, function, symbols, snapshots, seen, *exact);
  replay.SetParams(inputs);
  for (OpId id : function.block(function.body).ops) {
    Status status = replay.RunOp(id);
    if (!status.ok()) {
      return std::move(status).AddNote(ir::PrintOpLine(function, function.op(id)));
    }
  }
  replay.CheckEnd(outputs);
  return replay.TakeDifferences();
}

}  // namespace gcomp::filetest
