// What a run reads and writes for its caller: inputs, outputs, aliases.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/format.h"
#include "kernels/in_place.h"
#include "runtime/context_impl.h"

namespace gcomp {
namespace {

bool Overlap(const Tensor& a, const Tensor& b) {
  if (a.NumElements() == 0 || b.NumElements() == 0) return false;
  auto begin_a = reinterpret_cast<uintptr_t>(a.data());
  auto begin_b = reinterpret_cast<uintptr_t>(b.data());
  return begin_a < begin_b + static_cast<uintptr_t>(b.spec().SpanBytes()) &&
         begin_b < begin_a + static_cast<uintptr_t>(a.spec().SpanBytes());
}

}  // namespace

// ---- Inputs -------------------------------------------------------------------------------------

// What the function promises of its inputs beyond their types. Sets `overlap` if some share memory
// in a function that writes.
Status Context::Impl::CheckInputs(std::span<const Tensor> inputs, bool& overlap) const {
  const std::string& name = function().name;
  if (inputs.size() != entry->inputs().size()) {
    return Status(ErrorId::E702, Format("@{} takes {} inputs, got {}", name, entry->inputs().size(),
                                        inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) {
      return Status(ErrorId::E702, Format("@{}: input {} is not a tensor", name, i));
    }
  }
  if (!entry->writes()) return {};
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (AnnotationsOf(i).mut && !kernels::CheckWritable(inputs[i].spec()).ok()) {
      return Status(ErrorId::E702, Format("@{}: input {} is written, but elements of {} share "
                                          "memory",
                                          name, i, inputs[i].TypeString()));
    }
    for (size_t j = 0; j < i; ++j) {
      if (!Overlap(inputs[i], inputs[j])) continue;
      overlap = true;
      if (!AnnotationsOf(i).noalias && !AnnotationsOf(j).noalias) continue;
      return Status(ErrorId::E702,
                    Format("@{}: inputs {} and {} share memory, but one is `noalias`", name, j, i));
    }
  }
  return {};
}

Status Context::Impl::PrepareInputs(const Frame& frame, std::span<const Tensor> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ir::TensorSpec& spec = InputSpec(frame, i);
    void* data = inputs[i].data();
    if (!inputs[i].spec().SameLayout(spec)) {
      GCOMP_ASSIGN_OR_RETURN(Tensor bytes, Tensor::Empty(DType::kU8, {spec.SpanBytes()}));
      CopyElements(inputs[i].spec(), data, spec, bytes.data());
      data = bytes.data();
      copies.resize(inputs.size());
      copies[i] = std::move(bytes);
      session->engine().Tell(LogLevel::kInfo, Reason::kInputCopied, "@" + function().name,
                             Format("input {}: its strides are not those of the parameter", i));
    }
    params[entry->inputs()[i]] = data;
  }
  return {};
}

// ---- Outputs ------------------------------------------------------------------------------------

// The tensor whose storage holds a result that is an alias.
StatusOr<const Tensor*> Context::Impl::BaseOfAlias(size_t result,
                                                   std::span<const Tensor> inputs) const {
  const std::vector<ir::ValueId>& all = function().params();
  const ir::ValueId param = function().results[result].annotations.alias;
  const auto index = static_cast<uint32_t>(std::find(all.begin(), all.end(), param) - all.begin());
  const auto at = [index](const std::vector<uint32_t>& list) {
    return static_cast<size_t>(std::find(list.begin(), list.end(), index) - list.begin());
  };
  if (size_t input = at(entry->inputs()); input < inputs.size()) {
    if (input < copies.size() && copies[input].defined()) {
      return Status(ErrorId::E702, Format("@{}: a result is an alias of input {}, whose strides "
                                          "must then be those of the parameter",
                                          function().name, input));
    }
    return &inputs[input];
  }
  const size_t buffer = at(entry->buffers());
  if (buffer < state.buffers().size()) return &state.buffers()[buffer];
  return Status(ErrorId::E511, Format("@{}: a result is an alias of a weight", function().name));
}

// Checks a given output, or makes one, and notes its address.
Status Context::Impl::PrepareOutput(size_t output, const ir::TensorSpec& spec,
                                    std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  Tensor& tensor = outputs[output];
  const std::string& name = function().name;
  if (!tensor.defined()) {
    GCOMP_ASSIGN_OR_RETURN(tensor, Tensor::Empty(spec.dtype, spec.sizes));
  } else {
    if (!tensor.spec().SameLayout(spec)) {
      return Status(ErrorId::E702, Format("@{}: output {} is {}, must be row-major {}", name,
                                          output, tensor.TypeString(), spec.ToString()));
    }
    for (const Tensor& input : inputs) {
      if (Overlap(input, tensor)) {
        return Status(ErrorId::E702, Format("@{}: output {} overlaps an input", name, output));
      }
    }
    for (const Tensor& buffer : state.buffers()) {
      if (Overlap(buffer, tensor)) {
        return Status(ErrorId::E702, Format("@{}: output {} overlaps a buffer", name, output));
      }
    }
    for (size_t j = 0; j < outputs.size(); ++j) {
      if (j != output && outputs[j].defined() && Overlap(outputs[j], tensor)) {
        return Status(ErrorId::E702, Format("@{}: outputs {} and {} overlap", name,
                                            std::min(j, output), std::max(j, output)));
      }
    }
  }
  tensor.storage()->BumpVersion();
  results[entry->outputs()[output]] = tensor.data();
  return {};
}

Status Context::Impl::PrepareOutputs(const Frame& frame, std::span<const Tensor> inputs,
                                     std::vector<Tensor>& outputs) {
  const std::vector<uint32_t>& visible = entry->outputs();
  const std::vector<ir::TensorSpec>& specs = frame.code().root().results;
  if (outputs.empty()) outputs.resize(visible.size());
  if (outputs.size() != visible.size()) {
    return Status(ErrorId::E702, Format("@{} has {} results, {} outputs were given",
                                        function().name, visible.size(), outputs.size()));
  }
  std::fill(results.begin(), results.end(), nullptr);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (function().results[visible[i]].annotations.alias.valid()) {
      GCOMP_ASSIGN_OR_RETURN(const Tensor* base, BaseOfAlias(visible[i], inputs));
      if (outputs[i].defined() && outputs[i].storage() != base->storage()) {
        return Status(ErrorId::E702,
                      Format("@{}: output {} is an alias of a parameter: it can't be "
                             "written to the given tensor",
                             function().name, i));
      }
      outputs[i] = Tensor();
    }
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const bool alias = function().results[visible[i]].annotations.alias.valid();
    if (alias || !ir::IsKnown(specs[visible[i]])) continue;
    GCOMP_RETURN_IF_ERROR(PrepareOutput(i, specs[visible[i]], inputs, outputs));
  }
  return {};
}

// After a run: what was written in copies goes back, aliases get their views.
Status Context::Impl::Finish(const Frame& frame, std::span<const Tensor> inputs,
                             std::vector<Tensor>& outputs) {
  if (entry->writes()) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!AnnotationsOf(i).mut) continue;
      inputs[i].storage()->BumpVersion();
      if (i >= copies.size() || !copies[i].defined()) continue;
      CopyElements(InputSpec(frame, i), copies[i].data(), inputs[i].spec(), inputs[i].data());
    }
    for (const Tensor& buffer : state.buffers()) buffer.storage()->BumpVersion();
  }
  for (AliasedResult& alias : aliases) {
    const std::vector<uint32_t>& visible = entry->outputs();
    const auto output = std::find(visible.begin(), visible.end(), alias.result) - visible.begin();
    GCOMP_ASSIGN_OR_RETURN(const Tensor* base, BaseOfAlias(alias.result, inputs));
    GCOMP_ASSIGN_OR_RETURN(outputs[static_cast<size_t>(output)],
                           Tensor::ViewOf(*base, std::move(alias.spec), alias.address));
  }
  for (size_t i = 0; options.check_effects && i < inputs.size(); ++i) {
    if (!AnnotationsOf(i).donate || !inputs[i].IsContiguous()) continue;
    std::memset(inputs[i].data(), 0xCB, static_cast<size_t>(inputs[i].spec().SpanBytes()));
  }
  return {};
}

StatusOr<void*> LateOutputs::Place(size_t i, const ir::TensorSpec& spec) {
  const std::vector<uint32_t>& visible = context_.entry->outputs();
  const auto at = std::find(visible.begin(), visible.end(), i);
  GCOMP_ENSURE(at != visible.end(), "a result into a parameter has its size");
  const auto output = static_cast<size_t>(at - visible.begin());
  GCOMP_RETURN_IF_ERROR(context_.PrepareOutput(output, spec, inputs_, outputs_));
  return outputs_[output].data();
}

}  // namespace gcomp
