// Samples of random numbers. A form of two elements is a key.
#include "tests/contract/samples.h"

namespace gcomp::testing {
namespace {

// Draws of each dtype and some shapes: across blocks of words, and of none.
std::vector<Sample> Draws(const std::vector<ir::DType>& dtypes, const ir::AttrDict& more = {}) {
  std::vector<Sample> samples;
  for (ir::DType dtype : dtypes) {
    for (const std::vector<int64_t>& shape :
         std::vector<std::vector<int64_t>>{{}, {1}, {3, 43}, {600}, {2, 0}}) {
      ir::AttrDict attrs = {{"shape", Ints(shape)}, {"dtype", dtype}};
      attrs.insert(attrs.end(), more.begin(), more.end());
      samples.push_back({{{{{2}}}}, std::move(attrs)});
    }
  }
  return samples;
}

}  // namespace

SampleTable RandomSamples() {
  const std::vector<ir::DType> floats = {ir::DType::kF32, ir::DType::kF64, ir::DType::kF16,
                                         ir::DType::kBF16};
  SampleTable table;
  table["rng.key"] = {{{{{{}}}}}};
  table["rng.fold"] = {{{{{{2}}}, {{{}}}}}};
  table["rng.bits"] = Draws({ir::DType::kU32, ir::DType::kU64});
  table["rng.uniform"] = Draws(floats);
  for (Sample& sample : Draws(floats, {{"low", -2.5}, {"high", 0.3}})) {
    table["rng.uniform"].push_back(std::move(sample));
  }
  table["rng.normal"] = Draws(floats);
  return table;
}

}  // namespace gcomp::testing
