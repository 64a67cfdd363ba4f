// RecordCase: one op on given operands, outside any graph: infers it, runs its kernel on both CPU
// levels, and its loops on the slow evaluator. For tests of op records.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/cpu.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/module.h"
#include "ir/op_def.h"
#include "ir/run_op.h"
#include "ir/scalar_value.h"
#include "kernels/all_ops.h"

namespace gcomp::record_test {

inline ir::Type Contiguous(ir::DType dtype, std::vector<int64_t> sizes) {
  return ir::Type::Tensor(dtype, ir::Dims(sizes.begin(), sizes.end()));
}

inline ir::Type Strided(ir::DType dtype, std::vector<int64_t> sizes, std::vector<int64_t> strides,
                        int64_t offset = 0) {
  ir::Layout layout;
  layout.kind = ir::Layout::Kind::kStrided;
  layout.strides.assign(strides.begin(), strides.end());
  layout.offset = offset;
  return ir::Type::Tensor(dtype, ir::Dims(sizes.begin(), sizes.end()), layout);
}

inline ir::AttrValue IntList(std::vector<int64_t> values) {
  ir::AttrList list;
  for (int64_t value : values) list.push_back(ir::Expr(value));
  return list;
}

class RecordCase {
 public:
  explicit RecordCase(std::string_view name) {
    static const ir::OpRegistry registry(kernels::AllOps());
    op_.def = registry.Find(name);
    if (op_.def == nullptr) {
      ADD_FAILURE() << "no op " << name;
      return;
    }
    op_.attrs.resize(op_.def->attrs.size());
    op_.group_begin.assign(1, 0);
    function_.AddBlock({});
  }

  // The next operand group, with one operand: its elements in row-major order.
  RecordCase& In(const ir::Type& type, const std::vector<double>& values, bool constant = false) {
    AddOperand(type, values, constant);
    return EndGroup();
  }

  // An operand of the current group (variadic ones); EndGroup closes it.
  RecordCase& AddOperand(const ir::Type& type, const std::vector<double>& values,
                         bool constant = false) {
    ir::Value value;
    value.type = type;
    op_.operands.push_back(function_.AddValue(value));
    auto spec = ir::BindType(type, {});
    EXPECT_TRUE(spec.ok()) << spec.status().ToString();
    if (!spec.ok()) return *this;
    const size_t bytes = static_cast<size_t>(ir::BytesOf(spec->dtype));
    const size_t offset = static_cast<size_t>(spec->offset) * bytes;
    std::vector<std::byte> data(offset + static_cast<size_t>(spec->SpanBytes()) + 64);
    EXPECT_EQ(static_cast<int64_t>(values.size()), spec->NumElements());
    ForEach(*spec, [&](size_t i, int64_t at) {
      auto scalar = ir::Scalar::FromDouble(spec->dtype, values[i]);
      EXPECT_TRUE(scalar.has_value()) << values[i];
      if (scalar) scalar->Store(data.data() + offset + at * static_cast<int64_t>(bytes));
    });
    operand_data_.push_back(std::move(data));
    operands_.push_back({*spec, nullptr, constant});
    return *this;
  }

  RecordCase& EndGroup() {
    op_.group_begin.push_back(static_cast<uint16_t>(op_.operands.size()));
    return *this;
  }

  RecordCase& Attr(std::string_view name, ir::AttrValue value) {
    const int index = op_.def->AttrIndex(name);
    EXPECT_GE(index, 0) << name;
    if (index >= 0) op_.attrs[static_cast<size_t>(index)] = std::move(value);
    return *this;
  }

  // The type written in the text for result 0.
  RecordCase& Written(const ir::Type& type) {
    ir::Value value;
    value.kind = ir::Value::Kind::kResult;
    value.type = type;
    op_.results = {function_.AddValue(value)};
    return *this;
  }

  // The type of result 0.
  StatusOr<ir::Type> Infer() {
    CloseGroups();
    ir::InferCtx ctx(module_, function_, op_);
    GCOMP_RETURN_IF_ERROR(op_.def->infer(ctx));
    return ctx.results()[0];
  }

  std::string InferError() {
    auto type = Infer();
    return type.ok() ? "ok" : type.status().ToString();
  }

  ErrorId InferErrorId() {
    auto type = Infer();
    EXPECT_FALSE(type.ok());
    return type.ok() ? ErrorId::E999 : type.status().id();
  }

  // Elements of result 0 in row-major order, by the kernel.
  std::vector<ir::Scalar> Run(CpuLevel cpu = Cpu()) {
    std::vector<std::byte> data = Prepare();
    if (data.empty()) return {};
    Status status = ir::RunOp(function_, op_, operands_, {&result_, 1}, {}, cpu);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return Finish(data);
  }

  Status RunStatus() {
    std::vector<std::byte> data = Prepare();
    if (data.empty()) return {};
    return ir::RunOp(function_, op_, operands_, {&result_, 1}, {}, Cpu());
  }

  std::vector<double> Values(CpuLevel cpu = Cpu()) { return ToDoubles(Run(cpu)); }

  // The same by the loops of the record.
  std::vector<ir::Scalar> RunLoops(int lanes) {
    std::vector<std::byte> data = Prepare();
    if (data.empty()) return {};
    std::vector<ir::TensorSpec> specs;
    std::vector<ir::DType> dtypes;
    std::vector<void*> buffers;
    for (const ir::OpBuffer& operand : operands_) {
      specs.push_back(operand.spec);
      dtypes.push_back(operand.spec.dtype);
      buffers.push_back(operand.data);
    }
    dtypes.push_back(result_.spec.dtype);
    buffers.push_back(result_.data);
    auto nest = ir::LowerOp(function_, op_, specs, {&result_.spec, 1});
    EXPECT_TRUE(nest.ok()) << nest.status().ToString();
    if (!nest.ok()) return {};
    Status status = ir::EvaluateLoops(*nest, dtypes, buffers, {}, lanes);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return Finish(data);
  }

  // Equal bits on both CPU levels and of the loops at 4, 8 and 16 lanes.
  void ExpectSameEverywhere() {
    const std::vector<ir::Scalar> v3 = Run(CpuLevel::kV3);
    if (Cpu() == CpuLevel::kV4) ExpectEqual(Run(CpuLevel::kV4), v3, "v4");
    if (op_.def->lowering.loops == nullptr) return;
    for (int lanes : {4, 8, 16}) ExpectEqual(RunLoops(lanes), v3, std::to_string(lanes));
  }

  // The level of this processor.
  static CpuLevel Cpu() {
    auto cpu = DetectCpuLevel();
    EXPECT_TRUE(cpu.ok()) << cpu.status().ToString();
    return cpu.ok() ? *cpu : CpuLevel::kV3;
  }

  static std::vector<double> ToDoubles(const std::vector<ir::Scalar>& scalars) {
    std::vector<double> values;
    for (const ir::Scalar& scalar : scalars) values.push_back(scalar.ToDouble());
    return values;
  }

 private:
  static constexpr size_t kCanary = 64;

  template <class F>
  static void ForEach(const ir::TensorSpec& spec, const F& visit) {
    const int64_t n = spec.NumElements();
    for (int64_t i = 0; i < n; ++i) {
      int64_t rest = i;
      int64_t at = 0;
      for (size_t d = spec.sizes.size(); d-- > 0;) {
        at += rest % spec.sizes[d] * spec.strides[d];
        rest /= spec.sizes[d];
      }
      visit(static_cast<size_t>(i), at);
    }
  }

  static void ExpectEqual(const std::vector<ir::Scalar>& found,
                          const std::vector<ir::Scalar>& expected, const std::string& what) {
    ASSERT_EQ(found.size(), expected.size()) << what;
    for (size_t i = 0; i < found.size(); ++i) {
      const bool both_nan = ir::IsFloat(found[i].dtype) &&
                            found[i].ToDouble() != found[i].ToDouble() &&
                            expected[i].ToDouble() != expected[i].ToDouble();
      EXPECT_TRUE(both_nan || found[i] == expected[i])
          << what << " element " << i << ": " << found[i].ToString() << ", expected "
          << expected[i].ToString();
    }
  }

  void CloseGroups() {
    while (op_.group_begin.size() < op_.def->operands.size() + 1) EndGroup();
  }

  // Storage for result 0 with canaries around it; empty if infer fails.
  std::vector<std::byte> Prepare() {
    auto type = Infer();
    EXPECT_TRUE(type.ok()) << type.status().ToString();
    if (!type.ok()) return {};
    if (op_.results.empty()) Written(*type);
    auto spec = ir::BindType(*type, {});
    EXPECT_TRUE(spec.ok()) << spec.status().ToString();
    if (!spec.ok()) return {};
    std::vector<std::byte> data(static_cast<size_t>(spec->SpanBytes()) + 2 * kCanary,
                                std::byte{0x5a});
    result_ = {*spec, data.data() + kCanary, false};
    for (size_t i = 0; i < operands_.size(); ++i) {
      operands_[i].data =
          operand_data_[i].data() + operands_[i].spec.offset * ir::BytesOf(operands_[i].spec.dtype);
    }
    return data;
  }

  std::vector<ir::Scalar> Finish(const std::vector<std::byte>& data) {
    for (size_t i = 0; i < kCanary; ++i) {
      EXPECT_EQ(data[i], std::byte{0x5a}) << "wrote before the result";
      EXPECT_EQ(data[data.size() - 1 - i], std::byte{0x5a}) << "wrote past the result";
    }
    std::vector<ir::Scalar> values;
    const char* first = static_cast<const char*>(result_.data);
    ForEach(result_.spec, [&](size_t, int64_t at) {
      values.push_back(
          ir::Scalar::Load(result_.spec.dtype, first + at * ir::BytesOf(result_.spec.dtype)));
    });
    return values;
  }

  ir::Module module_;
  ir::Function function_;
  ir::Op op_;
  std::vector<std::vector<std::byte>> operand_data_;
  std::vector<ir::OpBuffer> operands_;
  ir::OpBuffer result_;
};

// n numbers in [-range, range], integral, the same for the same seed.
inline std::vector<double> Integers(int64_t n, uint32_t seed, int range = 3) {
  std::vector<double> values;
  for (int64_t i = 0; i < n; ++i) {
    seed = seed * 1664525u + 1013904223u;
    values.push_back(static_cast<int>((seed >> 8) % static_cast<uint32_t>(2 * range + 1)) - range);
  }
  return values;
}

// n numbers in [-1, 1), f32 values.
inline std::vector<double> Fractions(int64_t n, uint32_t seed) {
  std::vector<double> values;
  for (int64_t i = 0; i < n; ++i) {
    seed = seed * 1664525u + 1013904223u;
    values.push_back(static_cast<float>(seed >> 8) / 8388608.0f - 1.0f);
  }
  return values;
}

}  // namespace gcomp::record_test
