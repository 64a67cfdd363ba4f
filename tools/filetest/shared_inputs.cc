#include "tools/filetest/shared_inputs.h"

#include <algorithm>
#include <cstring>

#include "ir/kernel.h"

namespace gcomp::filetest {
namespace {

int64_t BytesOf(const Tensor& tensor) {
  return tensor.NumElements() * ir::BytesOf(tensor.dtype());
}

// `tensor` again, its elements at `at` of the block.
StatusOr<Tensor> Place(const Tensor& tensor, const Tensor& block, int64_t at) {
  ir::TensorSpec spec;
  spec.dtype = tensor.dtype();
  spec.sizes = tensor.sizes();
  spec.strides = ir::ContiguousStrides(tensor.sizes());
  return Tensor::ViewOf(block, std::move(spec),
                        static_cast<char*>(block.data()) + at * ir::BytesOf(tensor.dtype()));
}

}  // namespace

std::optional<SharedInputs> SharedOf(std::span<const Tensor> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (size_t j = i + 1; j < inputs.size(); ++j) {
      if (inputs[i].storage() != inputs[j].storage()) continue;
      const auto* first = static_cast<const char*>(inputs[i].data());
      const auto* second = static_cast<const char*>(inputs[j].data());
      const char* begin = std::min(first, second);
      const char* end = std::max(first + BytesOf(inputs[i]), second + BytesOf(inputs[j]));
      const int64_t bytes = ir::BytesOf(inputs[i].dtype());
      return SharedInputs{
          i, j, begin, (end - begin) / bytes, (first - begin) / bytes, (second - begin) / bytes};
    }
  }
  return std::nullopt;
}

StatusOr<std::optional<std::vector<Tensor>>> Overlaid(const ir::Function& function,
                                                      std::span<const Tensor> inputs,
                                                      uint64_t seed) {
  std::vector<const ir::Value*> params;
  for (ir::ValueId param : function.params()) {
    const ir::Value& value = function.value(param);
    if (!value.annotations.weight) params.push_back(&value);
  }
  auto fits = [&](size_t i) {
    const ir::Annotations& facts = params[i]->annotations;
    return params[i]->type.is_tensor() && params[i]->type.is_contiguous() && !facts.noalias &&
           !facts.donate && inputs[i].NumElements() > 0;
  };
  for (size_t i = 0; i < params.size(); ++i) {
    if (!params[i]->annotations.mut || !fits(i)) continue;
    for (size_t j = 0; j < params.size(); ++j) {
      if (j == i || !fits(j) || inputs[i].dtype() != inputs[j].dtype()) continue;
      const int64_t at = static_cast<int64_t>(seed) % inputs[i].NumElements();
      const int64_t elements = std::max(inputs[i].NumElements(), at + inputs[j].NumElements());
      GCOMP_ASSIGN_OR_RETURN(Tensor block, Tensor::Empty(inputs[i].dtype(), {elements}));
      std::vector<Tensor> overlaid(inputs.begin(), inputs.end());
      GCOMP_ASSIGN_OR_RETURN(overlaid[i], Place(inputs[i], block, 0));
      GCOMP_ASSIGN_OR_RETURN(overlaid[j], Place(inputs[j], block, at));
      for (size_t k : {i, j}) {
        std::memcpy(overlaid[k].data(), inputs[k].data(), static_cast<size_t>(BytesOf(inputs[k])));
      }
      return std::optional(std::move(overlaid));
    }
  }
  return std::optional<std::vector<Tensor>>();
}

StatusOr<std::vector<Tensor>> CopyTogether(std::span<const Tensor> inputs) {
  std::vector<Tensor> copies;
  for (const Tensor& input : inputs) {
    GCOMP_ASSIGN_OR_RETURN(Tensor copy, Tensor::Copy(input.dtype(), input.sizes(), input.data()));
    copies.push_back(std::move(copy));
  }
  const std::optional<SharedInputs> shared = SharedOf(inputs);
  if (!shared) return copies;
  GCOMP_ASSIGN_OR_RETURN(Tensor block, Tensor::Copy(inputs[shared->first].dtype(),
                                                    {shared->num_elements}, shared->block));
  GCOMP_ASSIGN_OR_RETURN(copies[shared->first],
                         Place(inputs[shared->first], block, shared->first_at));
  GCOMP_ASSIGN_OR_RETURN(copies[shared->second],
                         Place(inputs[shared->second], block, shared->second_at));
  return copies;
}

}  // namespace gcomp::filetest
