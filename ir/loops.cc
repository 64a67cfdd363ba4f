#include "ir/loops.h"

#include "base/format.h"

namespace gcomp::ir {
namespace {

LowerCtx::Tensor TensorOf(const TensorSpec& spec) {
  return {spec.dtype, Dims(spec.sizes.begin(), spec.sizes.end()),
          Dims(spec.strides.begin(), spec.strides.end())};
}

// Writes a nest in readable form.
class Dump {
 public:
  Dump(const LoopNest& nest, const std::function<std::string(SymId)>& name)
      : nest_(nest), name_(name) {}

  std::string Take() && {
    for (size_t t = 0; t < nest_.temps.size(); ++t) {
      text_ += Format("t{}: {}[{}]\n", t, NameOf(nest_.temps[t].dtype),
                      nest_.temps[t].elements.ToString(name_));
    }
    for (size_t s = 0; s < nest_.stages.size(); ++s) Add(s, nest_.stages[s]);
    return std::move(text_);
  }

 private:
  void Add(size_t index, const Stage& stage) {
    bool reduce = stage.kind != Stage::Kind::kMap;
    text_ += Format("stage {}: axes {}", index, List(stage.axes));
    if (reduce) {
      text_ +=
          Format(", {} {} by {}", stage.kind == Stage::Kind::kScan ? "scan" : "reduce",
                 List(stage.reduce_axes), stage.order == Stage::Order::kLanes ? "lanes" : "blocks");
    }
    text_ += "\n";
    AddLoads("load", stage.loads);
    AddGraph("body", stage.body, stage.body_result);
    if (reduce) {
      text_ += Format("  identity {}\n", stage.identity.ToString());
      AddGraph("combine", stage.combine, stage.combine_result);
      AddLoads("finish load", stage.finish_loads);
      AddGraph("finish", stage.finish, stage.finish_result);
    }
    text_ += Format("  store {}[{}]\n", Buffer(stage.store_buffer), Offset(stage.store));
  }

  void AddLoads(std::string_view what, const std::vector<Load>& loads) {
    for (size_t i = 0; i < loads.size(); ++i) {
      const Load& load = loads[i];
      text_ += Format("  {} {}: {}[{}]", what, i, Buffer(load.buffer), Offset(load.offset));
      for (const Guard& guard : load.guards) {
        text_ += Format(" where 0 <= {} < {}", Offset(guard.index), guard.limit.ToString(name_));
      }
      if (!load.guards.empty()) text_ += " else " + load.otherwise.ToString();
      text_ += "\n";
    }
  }

  void AddGraph(std::string_view what, const ScalarGraph& graph, uint32_t result) {
    text_ += Format("  {} v{}:\n", what, result);
    std::string lines = graph.ToString();
    for (size_t from = 0; from < lines.size();) {
      size_t end = lines.find('\n', from);
      text_ += "    " + lines.substr(from, end - from) + "\n";
      from = end + 1;
    }
  }

  std::string List(const std::vector<Expr>& exprs) const {
    std::string text = "[";
    for (size_t i = 0; i < exprs.size(); ++i) {
      text += (i == 0 ? "" : ", ") + exprs[i].ToString(name_);
    }
    return text + "]";
  }

  std::string Offset(const Affine& affine) const {
    std::string text = affine.base.ToString(name_);
    for (size_t i = 0; i < affine.coefs.size(); ++i) {
      if (affine.coefs[i].IsConst(0)) continue;
      text += Format(" + ({}) i{}", affine.coefs[i].ToString(name_), i);
    }
    return text;
  }

  std::string Buffer(size_t buffer) const {
    if (buffer == Load::kIndex) return "index";
    if (buffer < nest_.num_operands) return Format("operand {}", buffer);
    buffer -= nest_.num_operands;
    if (buffer < nest_.num_results) return Format("result {}", buffer);
    return Format("t{}", buffer - nest_.num_results);
  }

  const LoopNest& nest_;
  const std::function<std::string(SymId)>& name_;
  std::string text_;
};

}  // namespace

StatusOr<LoopNest> LowerOp(const Function& function, const Op& op,
                           std::span<const TensorSpec> operands,
                           std::span<const TensorSpec> results) {
  if (op.def->lowering.loops == nullptr) {
    return Status(ErrorId::E511, Format("{}: has no loops to generate code from", op.def->name));
  }
  std::vector<LowerCtx::Tensor> in;
  std::vector<LowerCtx::Tensor> out;
  for (const TensorSpec& spec : operands) in.push_back(TensorOf(spec));
  for (const TensorSpec& spec : results) out.push_back(TensorOf(spec));
  LowerCtx ctx(function, op, std::move(in), std::move(out));
  GCOMP_RETURN_IF_ERROR(op.def->lowering.loops(ctx));
  return std::move(ctx.nest);
}

std::string ToString(const LoopNest& nest, const std::function<std::string(SymId)>& name) {
  return Dump(nest, name).Take();
}

}  // namespace gcomp::ir
