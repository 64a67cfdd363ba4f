// OpCase: one op in a module of its own, run on memory, for tests of kernels and lowerings.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cpu.h"
#include "base/status.h"
#include "ir/builder.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/run_op.h"
#include "kernels/all_ops.h"
#include "tests/unit/round_trip.h"

namespace gcomp::testing {

// A tensor in memory of its own, with guard bytes before and after it.
class TestTensor {
 public:
  static constexpr size_t kGuard = 64;
  static constexpr std::byte kGuardByte{0xa5};

  explicit TestTensor(ir::TensorSpec spec) : spec_(std::move(spec)) {
    bytes_.resize(static_cast<size_t>(spec_.SpanBytes()) + 2 * kGuard, kGuardByte);
  }

  const ir::TensorSpec& spec() const { return spec_; }

  void* data() { return bytes_.data() + kGuard; }

  // The element at a position in logical (row-major) order.
  ir::Scalar Get(int64_t position) const { return ir::Scalar::Load(spec_.dtype, At(position)); }

  void Set(int64_t position, ir::Scalar value) {
    value.Store(const_cast<std::byte*>(At(position)));
  }

  // True if nothing outside the tensor was written.
  bool GuardsIntact() const {
    for (size_t i = 0; i < kGuard; ++i) {
      if (bytes_[i] != kGuardByte || bytes_[bytes_.size() - 1 - i] != kGuardByte) return false;
    }
    return true;
  }

 private:
  const std::byte* At(int64_t position) const {
    int64_t offset = 0;
    for (size_t d = spec_.sizes.size(); d-- > 0; position /= spec_.sizes[d]) {
      offset += position % spec_.sizes[d] * spec_.strides[d];
    }
    return bytes_.data() + kGuard + offset * ir::BytesOf(spec_.dtype);
  }

  ir::TensorSpec spec_;
  std::vector<std::byte> bytes_;
};

inline ir::TensorSpec Spec(ir::DType dtype, std::vector<int64_t> sizes) {
  ir::TensorSpec spec;
  spec.dtype = dtype;
  spec.strides = ir::ContiguousStrides(sizes);
  spec.sizes = std::move(sizes);
  return spec;
}

inline ir::TensorSpec Strided(ir::DType dtype, std::vector<int64_t> sizes,
                              std::vector<int64_t> strides) {
  ir::TensorSpec spec;
  spec.dtype = dtype;
  spec.sizes = std::move(sizes);
  spec.strides = std::move(strides);
  return spec;
}

inline ir::Type TypeOf(const ir::TensorSpec& spec) {
  ir::Dims dims(spec.sizes.begin(), spec.sizes.end());
  ir::Layout layout;
  if (!spec.IsContiguous()) {
    layout.kind = ir::Layout::Kind::kStrided;
    layout.strides.assign(spec.strides.begin(), spec.strides.end());
  }
  return ir::Type::Tensor(spec.dtype, std::move(dims), std::move(layout));
}

// One op over parameters of the given forms.
class OpCase {
 public:
  // groups: the forms of the operands, by group of the schema. Fails as infer does.
  static StatusOr<std::unique_ptr<OpCase>> Create(
      std::string_view name, const std::vector<std::vector<ir::TensorSpec>>& groups,
      ir::AttrDict attrs = {}, std::vector<ir::Type> result_types = {}) {
    auto made = std::unique_ptr<OpCase>(new OpCase);
    ir::Builder builder(made->module_, *made->function_, made->registry_);
    ir::OpArgs args;
    args.attrs = std::move(attrs);
    args.result_types = std::move(result_types);
    for (const std::vector<ir::TensorSpec>& group : groups) {
      args.groups.emplace_back();
      for (const ir::TensorSpec& spec : group) {
        std::string param = "p" + std::to_string(made->operands_.size());
        // A form of two elements stands for a key where the op takes host values.
        const ir::OpDef* def = made->registry_.Find(name);
        const size_t g = args.groups.size() - 1;
        const bool host =
            def != nullptr && g < def->operands.size() && !def->operands[g].tensor_only;
        const bool is_key = host && spec.sizes == std::vector<int64_t>{2};
        const ir::TensorSpec bound = is_key ? Spec(ir::DType::kU64, {2}) : spec;
        args.groups.back().push_back(
            builder.Param(param, is_key ? ir::Type::Of(ir::Type::Kind::kRng) : TypeOf(bound)));
        made->operands_.push_back(bound);
      }
    }
    GCOMP_ASSIGN_OR_RETURN(std::vector<ir::ValueId> values, builder.Add(name, std::move(args)));
    for (ir::ValueId value : values) {
      GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec,
                             ir::BindType(made->function_->value(value).type, {}));
      made->results_.push_back(std::move(spec));
    }
    made->op_ = made->function_->value(values[0]).op;
    builder.Return(std::move(values));
    GCOMP_RETURN_IF_ERROR(CheckRoundTrip(made->module_, made->registry_));
    return made;
  }

  const ir::Function& function() const { return *function_; }

  const ir::Op& op() const { return function_->op(op_); }

  const std::vector<ir::TensorSpec>& operands() const { return operands_; }

  const std::vector<ir::TensorSpec>& results() const { return results_; }

  // The eager kernel built for `cpu`, on fresh results.
  StatusOr<std::vector<TestTensor>> Run(std::vector<TestTensor>& operands, CpuLevel cpu) const {
    std::vector<TestTensor> results = MakeResults();
    std::vector<ir::OpBuffer> in;
    std::vector<ir::OpBuffer> out;
    for (TestTensor& tensor : operands) in.push_back({tensor.spec(), tensor.data()});
    for (TestTensor& tensor : results) out.push_back({tensor.spec(), tensor.data()});
    GCOMP_RETURN_IF_ERROR(ir::RunOp(*function_, op(), in, out, {}, cpu));
    return results;
  }

  // The op's loop nest, by the slow evaluator.
  StatusOr<std::vector<TestTensor>> RunLoops(std::vector<TestTensor>& operands, int lanes,
                                             int threads = 1) const {
    GCOMP_ASSIGN_OR_RETURN(ir::LoopNest nest, ir::LowerOp(*function_, op(), operands_, results_));
    std::vector<TestTensor> results = MakeResults();
    std::vector<ir::DType> dtypes;
    std::vector<void*> buffers;
    for (std::vector<TestTensor>* tensors : {&operands, &results}) {
      for (TestTensor& tensor : *tensors) {
        dtypes.push_back(tensor.spec().dtype);
        buffers.push_back(tensor.data());
      }
    }
    GCOMP_RETURN_IF_ERROR(ir::EvaluateLoops(nest, dtypes, buffers, {}, lanes, threads));
    return results;
  }

 private:
  OpCase() : registry_(kernels::AllOps()), function_(&module_.AddFunction("main")) {
    module_.name = "op";
  }

  std::vector<TestTensor> MakeResults() const {
    return std::vector<TestTensor>(results_.begin(), results_.end());
  }

  ir::OpRegistry registry_;
  ir::Module module_;
  ir::Function* function_;
  ir::OpId op_;
  std::vector<ir::TensorSpec> operands_;
  std::vector<ir::TensorSpec> results_;
};

}  // namespace gcomp::testing
