#include "tools/bench/subject.h"

#include <string_view>
#include <utility>

#include "base/format.h"
#include "frontends/weights/store.h"
#include "ir/flops.h"
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
  // Sizes that the inputs bind are not looked for.
  if (function.num_symbol_params == 0) {
    subject.flop = ir::CountFlops(session->module(), function, {}).total;
  }
  return subject;
}

}  // namespace gcomp::tools
