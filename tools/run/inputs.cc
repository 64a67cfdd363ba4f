#include "tools/run/inputs.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/format.h"
#include "ir/kernel.h"
#include "tools/run/sizes.h"

namespace gcomp::tools {
namespace {

using ir::Type;

// Why a tensor is not what the port asks for; empty = it is.
std::string Mismatch(const Type& type, const Tensor& tensor, const Sizes& sizes) {
  StatusOr<ir::TensorSpec> want = ir::BindType(type, sizes.values());
  if (!want.ok()) return want.status().message();
  if (want->dtype == tensor.dtype() && want->sizes == tensor.sizes()) return {};
  std::string with = sizes.ToString();
  return Format("must be {}{}, is {}", want->ToString(), with.empty() ? "" : " with " + with,
                tensor.TypeString());
}

// A host integer that the sizes tell has that value; others are made from the request.
StatusOr<Tensor> MakeInput(const PortInfo& port, const std::optional<TensorRequest>& request,
                           const Sizes& sizes, uint64_t seed, TensorFiles& files) {
  GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec, ir::BindType(port.ir_type, sizes.values()));
  if (request) {
    return MakeTensor(*request, port.name, {spec.dtype, spec.sizes}, seed, files);
  }
  if (port.ir_type.kind() == Type::Kind::kInt) {
    std::optional<int64_t> value = port.ir_type.value().Evaluate(sizes.values());
    if (!value) return Status(ErrorId::E702, Format("%{}: its value overflows", port.name));
    return Tensor::Copy(DType::kI64, {}, &*value);
  }
  TensorRequest random;
  random.source = TensorRequest::Source::kRandom;
  return MakeTensor(random, port.name, {spec.dtype, spec.sizes}, seed, files);
}

// Takes the requests for the seed of all out of the list.
StatusOr<uint64_t> TakeSeed(std::vector<TensorRequest>& requests) {
  std::optional<uint64_t> seed;
  for (const TensorRequest& request : requests) {
    if (!request.IsDefaultSeed()) continue;
    if (seed) return Status(ErrorId::E701, "--input: the seed of all inputs is told twice");
    seed = request.seed.value_or(0);
  }
  std::erase_if(requests, [](const TensorRequest& request) { return request.IsDefaultSeed(); });
  return seed.value_or(0);
}

// Adds a request for each port that the file has and nothing else told.
Status AssignFile(const TensorRequest& request, const std::vector<std::string>& ports,
                  std::vector<std::optional<TensorRequest>>& out, std::string_view what,
                  TensorFiles& files) {
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const WeightStore> store, files.Open(request.payload));
  bool any = false;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (store->Find(ports[i]) == nullptr) continue;
    any = true;
    if (out[i]) continue;
    out[i] = request;
    out[i]->key = ports[i];
  }
  if (any) return {};
  std::vector<std::string> names;
  for (const Weight& weight : store->weights()) names.push_back(weight.name);
  return Status(ErrorId::E701, Format("{}={}: the file has {}, the function {}", what, request.text,
                                      JoinNames(names), JoinNames(ports)));
}

}  // namespace

StatusOr<std::vector<std::optional<TensorRequest>>> AssignRequests(
    std::vector<TensorRequest> requests, const std::vector<std::string>& ports,
    std::string_view what, TensorFiles& files) {
  std::vector<std::optional<TensorRequest>> out(ports.size());
  if (std::count_if(requests.begin(), requests.end(), [](const TensorRequest& request) {
        return request.source == TensorRequest::Source::kStdin;
      }) > 1) {
    return Status(ErrorId::E701, Format("{}: standard input can be read once only", what));
  }
  for (const TensorRequest& request : requests) {
    if (request.name.empty()) continue;
    auto port = std::find(ports.begin(), ports.end(), request.name);
    if (port == ports.end()) {
      return Status(ErrorId::E701, Format("{}={}: there is no {}; there are: {}", what,
                                          request.text, request.name, JoinNames(ports)));
    }
    std::optional<TensorRequest>& place = out[static_cast<size_t>(port - ports.begin())];
    if (place) {
      return Status(ErrorId::E701,
                    Format("{}={}: {} is told twice", what, request.text, request.name));
    }
    place = request;
  }
  size_t next = 0;
  for (const TensorRequest& request : requests) {
    if (!request.name.empty() || request.IsWholeFile()) continue;
    while (next < ports.size() && out[next]) ++next;
    if (next == ports.size()) {
      return Status(ErrorId::E701, Format("{}={}: it is one too many; there are: {}", what,
                                          request.text, JoinNames(ports)));
    }
    out[next] = request;
  }
  for (const TensorRequest& request : requests) {
    if (!request.IsWholeFile()) continue;
    GCOMP_RETURN_IF_ERROR(AssignFile(request, ports, out, what, files));
  }
  return out;
}

StatusOr<BoundInputs> BindInputs(const Session& session, const std::string& function,
                                 const std::vector<std::string>& specs,
                                 const std::vector<std::string>& sizes, TensorFiles& files) {
  GCOMP_ASSIGN_OR_RETURN(std::vector<PortInfo> ports, session.inputs(function));
  Sizes symbols(*session.module().Find(function));
  for (const std::string& size : sizes) GCOMP_RETURN_IF_ERROR(symbols.Tell(size));
  std::vector<TensorRequest> requests;
  for (const std::string& spec : specs) {
    GCOMP_ASSIGN_OR_RETURN(TensorRequest request, ParseTensorRequest(spec));
    requests.push_back(std::move(request));
  }
  std::vector<std::string> names;
  for (const PortInfo& port : ports) names.push_back(port.name);
  BoundInputs bound;
  GCOMP_ASSIGN_OR_RETURN(bound.seed, TakeSeed(requests));
  GCOMP_ASSIGN_OR_RETURN(std::vector<std::optional<TensorRequest>> assigned,
                         AssignRequests(std::move(requests), names, "--input", files));
  // First those with dims of their own: they tell the sizes of the others.
  bound.tensors.resize(ports.size());
  for (size_t i = 0; i < ports.size(); ++i) {
    if (!assigned[i] || !assigned[i]->HasOwnType()) continue;
    GCOMP_ASSIGN_OR_RETURN(bound.tensors[i],
                           MakeTensor(*assigned[i], ports[i].name, {}, bound.seed + i, files));
    symbols.LearnFrom(ports[i].ir_type, bound.tensors[i]);
  }
  symbols.Complete();
  bound.sizes = symbols.ToString();
  std::string problems;
  size_t num_problems = 0;
  for (size_t i = 0; i < ports.size(); ++i) {
    std::string why;
    if (bound.tensors[i].defined()) {
      why = Mismatch(ports[i].ir_type, bound.tensors[i], symbols);
    } else {
      if (!assigned[i] && ports[i].ir_type.kind() != Type::Kind::kInt) {
        bound.random.push_back(ports[i].name);
      }
      StatusOr<Tensor> made = MakeInput(ports[i], assigned[i], symbols, bound.seed + i, files);
      if (made.ok()) {
        bound.tensors[i] = *std::move(made);
      } else if (made.status().id() == ErrorId::E801 || made.status().id() == ErrorId::E802) {
        return std::move(made).status();
      } else {
        why = made.status().message();
      }
    }
    if (why.empty()) continue;
    ++num_problems;
    problems += Format("\n  %{}: {}: {}", ports[i].name, ports[i].type, why);
  }
  if (num_problems == 0) return bound;
  return Status(ErrorId::E702, Format("{} of {} inputs of @{} do not fit{}", num_problems,
                                      ports.size(), function, problems));
}

}  // namespace gcomp::tools
