// Samples of pools. (Matrix products and convolutions are library calls: they have no loops.)
#include "tests/contract/samples.h"

namespace gcomp::testing {
namespace {

std::vector<Sample> AvgPools() {
  std::vector<Sample> samples;
  ir::AttrDict attrs = {{"kernel", Ints({2, 2})}};
  samples.push_back({{{{{1, 2, 6, 8}}}}, attrs});
  samples.push_back({{{{{1, 2, 6, 8}, {96, 1, 16, 2}}}}, attrs});
  samples.push_back({{{{{0, 2, 6, 8}}}}, attrs});
  attrs = {{"kernel", Ints({3, 2})}, {"stride", Ints({2, 1})}, {"padding", Ints({1, 0, 1, 1})}};
  for (bool counts : {true, false}) {
    if (!counts) attrs.emplace_back("count_include_pad", false);
    samples.push_back({{{{{2, 3, 7, 9}}}}, attrs});
    samples.push_back({{{{{2, 3, 7, 9}, {189, 1, 27, 3}}}}, attrs});
  }
  // Windows that lie outside of x, and a tree over blocks of taps.
  attrs = {{"kernel", Ints({1})}, {"padding", Ints({2, 1})}, {"stride", Ints({1})}};
  samples.push_back({{{{{2, 1, 3}}}}, attrs});
  attrs.emplace_back("count_include_pad", false);
  samples.push_back({{{{{2, 1, 3}}}}, attrs});
  attrs = {{"kernel", Ints({3, 5, 17})}, {"stride", Ints({1, 1, 1})}};
  samples.push_back({{{{{1, 2, 4, 6, 18}}}}, attrs});
  attrs.emplace_back("padding", Ints({1, 2, 3, 0, 1, 4}));
  attrs.emplace_back("count_include_pad", false);
  samples.push_back({{{{{1, 2, 4, 6, 18}}}}, attrs});
  return samples;
}

}  // namespace

SampleTable LinalgSamples() {
  return {{"avg_pool", AvgPools()}};
}

}  // namespace gcomp::testing
