#include "tools/bench/subject.h"

#include <string_view>
#include <utility>

#include "base/format.h"
#include "frontends/weights/store.h"
#include "ir/op_def.h"
#include "tools/run/generate.h"
#include "tools/run/inputs.h"
#include "tools/run/outputs.h"

namespace gcomp::tools {
namespace {

int64_t Product(const std::vector<int64_t>& sizes) {
  int64_t product = 1;
  for (int64_t size : sizes) product *= size;
  return product;
}

// Multiplications and additions of one op, from its sizes; 0 for what is no product of matrices.
int64_t FlopOf(std::string_view op, const std::vector<std::vector<int64_t>>& operands,
               const std::vector<int64_t>& result) {
  if (op == "matmul" || op == "bmm" || op == "linear") {
    return 2 * Product(result) * operands[0].back();
  }
  if (op == "addmm") return 2 * Product(result) * operands[1].back();
  if (op.starts_with("conv")) {
    // Each element of the result (of the operand, where that is scattered) meets one filter.
    int64_t filter = operands[1][0] == 0 ? 0 : Product(operands[1]) / operands[1][0];
    return 2 * Product(op == "conv_transpose" ? operands[0] : result) * filter;
  }
  if (op == "scaled_dot_product_attention") {
    int64_t keys = operands[1][operands[1].size() - 2];
    return 2 * keys * (Product(operands[0]) + Product(result));
  }
  return 0;
}

// Of a function whose sizes are all written and whose ops all stand in its body; 0 for others,
// whose count would be a part only.
int64_t FlopOf(const ir::Function& function) {
  int64_t sum = 0;
  for (ir::OpId id : function.block(function.body).ops) {
    const ir::Op& op = function.op(id);
    if (!op.regions.empty() || !op.callee.empty()) return 0;
    std::vector<std::vector<int64_t>> sizes;
    std::vector<ir::ValueId> values = op.operands;
    values.insert(values.end(), op.results.begin(), op.results.end());
    for (ir::ValueId value : values) {
      const ir::Type& type = function.value(value).type;
      if (!type.is_tensor()) break;
      if (!type.IsStatic()) return 0;
      StatusOr<ir::TensorSpec> spec = ir::BindType(type, {});
      if (!spec.ok()) return 0;
      sizes.push_back(spec->sizes);
    }
    if (op.results.empty() || sizes.size() != values.size()) continue;
    sum += FlopOf(op.def->name, sizes, sizes[op.operands.size()]);
  }
  return sum;
}

std::string RowName(const ir::Module& module, const std::vector<Tensor>& inputs, Tier tier) {
  std::string group = "graph";
  for (const auto& [key, value] : module.attrs) {
    const auto* text = value.As<std::string>();
    if (key == "group" && text != nullptr) group = *text;
  }
  std::string shape;
  std::string dtype = "none";
  if (!inputs.empty()) {
    dtype = ir::NameOf(inputs[0].dtype());
    for (int64_t size : inputs[0].sizes()) {
      shape += (shape.empty() ? "" : "x") + std::to_string(size);
    }
    if (shape.empty()) shape = "scalar";
  }
  // What runs, whatever it was called.
  const std::string_view runs = NameOf(tier == Tier::kAuto ? Tier::kInterp : tier);
  return Format("{}/{}/{}/{}/{}", group, module.name, runs, dtype, shape);
}

int64_t ArgumentBytes(const Subject& subject, const ir::Function& function,
                      const WeightStore& weights) {
  int64_t bytes = 0;
  for (const Tensor& tensor : subject.inputs) bytes += tensor.spec().SpanBytes();
  for (const Tensor& tensor : subject.outputs) bytes += tensor.spec().SpanBytes();
  for (ir::ValueId param : function.params()) {
    const std::optional<std::string>& name = function.value(param).annotations.weight;
    const Weight* weight = name ? weights.Find(*name) : nullptr;
    if (weight != nullptr) bytes += ir::BytesOf(weight->dtype) * Product(weight->sizes);
  }
  return bytes;
}

}  // namespace

StatusOr<Subject> LoadSubject(const std::shared_ptr<Engine>& engine, const std::string& graph,
                              const std::string& data, Tier tier, std::string* report) {
  GCOMP_ASSIGN_OR_RETURN(ir::Module module, LoadModule(*engine, graph, report));
  std::shared_ptr<const WeightStore> weights;
  std::vector<std::string> specs;
  if (data.empty()) {
    GCOMP_ASSIGN_OR_RETURN(weights, RandomWeights(module, 1000));
  } else {
    GCOMP_ASSIGN_OR_RETURN(weights, OpenWeights(data));
    specs.push_back("@" + data);
  }
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<Session> session,
                         Session::Load(engine, std::move(module), weights, {.tier = tier}));
  if (session->functions().empty()) return Status(ErrorId::E703, graph + " exports no function");
  std::string name = session->functions().front();
  Subject subject;
  TensorFiles files;
  GCOMP_ASSIGN_OR_RETURN(BoundInputs bound, BindInputs(*session, name, specs, {}, files));
  if (!data.empty() && !bound.random.empty()) {
    return Status(ErrorId::E701, Format("{} has no %{}", data, bound.random.front()));
  }
  subject.inputs = std::move(bound.tensors);
  GCOMP_ASSIGN_OR_RETURN(std::vector<PortInfo> results, session->outputs(name));
  std::vector<std::string> names;
  for (const PortInfo& port : results) names.push_back(port.name);
  subject.output_names = DistinctNames(names);
  GCOMP_ASSIGN_OR_RETURN(subject.context, Context::Create(session, name));
  // The first run prepares the kernels and makes the outputs.
  GCOMP_RETURN_IF_ERROR(subject.Run());
  const ir::Function& function = *session->module().Find(name);
  subject.name = RowName(session->module(), subject.inputs, tier);
  subject.argument_bytes = ArgumentBytes(subject, function, *weights);
  subject.flop = FlopOf(function);
  return subject;
}

}  // namespace gcomp::tools
