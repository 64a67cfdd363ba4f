// Samples: uses of ops with attributes, for tests that walk all records. Each samples_<family>.cc
// has those of its ops; a new file is listed in AllSamples.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "ir/emitter.h"
#include "tests/unit/op_runner.h"

namespace gcomp::testing {

// The form of an operand before a dtype is chosen. No strides = contiguous.
struct Form {
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides = {};

  ir::TensorSpec With(ir::DType dtype) const {
    return strides.empty() ? testing::Spec(dtype, sizes) : testing::Strided(dtype, sizes, strides);
  }
};

// One use of an op: operand forms by group, attributes, and, for ops that take their type from the
// text, a result type.
struct Sample {
  std::vector<std::vector<Form>> groups;
  ir::AttrDict attrs = {};
  bool writes_type = false;
  std::vector<int64_t> result_sizes = {};
};

inline ir::AttrValue Ints(const std::vector<int64_t>& values) {
  return ir::IntsAttr(values);
}

using SampleTable = std::map<std::string_view, std::vector<Sample>>;

// Forms of one operand, and uses of `dims` and `keep_dims`, for a reduction; the second also of
// empty axes.
std::vector<Sample> ReductionSamples();
std::vector<Sample> EmptyReductionSamples();
// The forms on which ops of one operand without attributes are tried.
std::vector<Form> UnaryForms();

SampleTable BasicSamples();
SampleTable PointwiseSamples();
SampleTable ReduceSamples();
SampleTable MovementSamples();
SampleTable IndexSamples();
SampleTable LinalgSamples();
SampleTable RandomSamples();

// All of them, by the name of the op.
const SampleTable& AllSamples();

}  // namespace gcomp::testing
