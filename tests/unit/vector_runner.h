// Ops on vectors of numbers, for tests of pointwise kernels.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "tests/unit/op_runner.h"

namespace gcomp::testing {

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline const double kNan = std::nan("");

inline ir::Scalar Number(ir::DType dtype, double value) {
  return dtype == ir::DType::kBool ? ir::Scalar::FromBool(value != 0)
                                   : *ir::Scalar::FromDouble(dtype, value);
}

inline TestTensor Vector(ir::DType dtype, const std::vector<double>& values) {
  TestTensor tensor(Spec(dtype, {static_cast<int64_t>(values.size())}));
  for (size_t i = 0; i < values.size(); ++i) {
    tensor.Set(static_cast<int64_t>(i), Number(dtype, values[i]));
  }
  return tensor;
}

// The elements of op(operands...) as doubles, by the best kernel of this processor.
inline std::vector<double> RunOp(std::string_view name, std::vector<TestTensor> operands,
                                 ir::AttrDict attrs = {}, std::vector<ir::Type> written = {}) {
  std::vector<std::vector<ir::TensorSpec>> groups;
  for (const TestTensor& operand : operands) groups.push_back({operand.spec()});
  StatusOr<std::unique_ptr<OpCase>> op = OpCase::Create(name, groups, attrs, written);
  StatusOr<CpuLevel> cpu = DetectCpuLevel();
  if (!op.ok() || !cpu.ok()) {
    ADD_FAILURE() << (op.ok() ? cpu.status() : op.status()).ToString();
    return {};
  }
  StatusOr<std::vector<TestTensor>> results = (*op)->Run(operands, *cpu);
  if (!results.ok()) {
    ADD_FAILURE() << results.status().ToString();
    return {};
  }
  const TestTensor& result = (*results)[0];
  EXPECT_TRUE(result.GuardsIntact());
  std::vector<double> values;
  for (int64_t i = 0; i < result.spec().NumElements(); ++i) {
    values.push_back(result.Get(i).ToDouble());
  }
  return values;
}

}  // namespace gcomp::testing
