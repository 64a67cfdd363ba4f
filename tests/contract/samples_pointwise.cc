// Samples of pointwise ops with attributes or operands that may be absent.
#include <array>

#include "tests/contract/samples.h"

namespace gcomp::testing {
namespace {

// A long dense row, a transposed operand and a scalar, with each of `attrs`.
std::vector<Sample> UnaryWith(const std::vector<ir::AttrDict>& attrs) {
  std::vector<Sample> samples;
  for (const ir::AttrDict& dict : attrs) {
    samples.push_back({{{{{600}}}}, dict});
    samples.push_back({{{{{7, 9}, {1, 7}}}}, dict});
    samples.push_back({{{{{}}}}, dict});
  }
  return samples;
}

std::vector<Sample> Clamps() {
  std::vector<Sample> samples;
  for (const auto& [x, low, high] :
       std::vector<std::array<Form, 3>>{{{{{600}}, {{600}}, {{600}}}},
                                        {{{{9, 7}, {1, 9}}, {{7}}, {{9, 1}}}},
                                        {{{{4, 2, 3}}, {{}}, {{1, 3}}}},
                                        {{{{1, 30}}, {{5, 1}}, {{}}}},
                                        {{{{0, 3}}, {{3}}, {{1, 1}}}}}) {
    samples.push_back({{{x}, {low}, {high}}});
    samples.push_back({{{x}, {low}, {}}});
    samples.push_back({{{x}, {}, {high}}});
  }
  return samples;
}

}  // namespace

SampleTable PointwiseSamples() {
  return {
      {"clamp", Clamps()},
      {"leaky_relu", UnaryWith({{}, {{"slope", 0.3}}, {{"slope", -2.0}}})},
      {"elu", UnaryWith({{}, {{"alpha", 0.7}}})},
      {"softplus",
       UnaryWith({{}, {{"beta", 2.5}, {"threshold", 3.0}}, {{"beta", -0.5}, {"threshold", 1e9}}})},
  };
}

}  // namespace gcomp::testing
