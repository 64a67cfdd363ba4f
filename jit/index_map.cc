#include "jit/index_map.h"

#include <algorithm>
#include <cstdlib>

namespace gcomp::codegen {
namespace {

bool StaysInside(const Offset& index, int64_t size, const AxisSizes& sizes) {
  int64_t low = index.base;
  int64_t high = index.base;
  for (size_t g = 0; g < sizes.size(); ++g) {
    const int64_t reach = index.coefs[g] * (sizes[g] - 1);
    (reach < 0 ? low : high) += reach;
  }
  return low >= 0 && high < size;
}

}  // namespace

Offset AxisAlone(size_t axis, size_t rank) {
  Offset offset;
  offset.coefs.resize(rank);
  offset.coefs[axis] = 1;
  return offset;
}

uint32_t LoneAxis(const Offset& index) {
  uint32_t axis = kNoAxis;
  if (index.base != 0) return kNoAxis;
  for (uint32_t i = 0; i < index.coefs.size(); ++i) {
    if (index.coefs[i] == 0) continue;
    if (index.coefs[i] != 1 || axis != kNoAxis) return kNoAxis;
    axis = i;
  }
  return axis;
}

Offset Substitute(const Offset& offset, const IndexMap& map, size_t rank) {
  Offset result;
  result.base = offset.base;
  result.coefs.resize(rank);
  for (size_t i = 0; i < map.size(); ++i) {
    if (offset.coefs[i] == 0) continue;
    result.base += offset.coefs[i] * map[i].base;
    for (size_t g = 0; g < rank; ++g) result.coefs[g] += offset.coefs[i] * map[i].coefs[g];
  }
  return result;
}

Maybe<IndexMap> TakeApart(const Offset& offset, const StageInfo& maker,
                          const std::vector<Bound>& bounds, const AxisSizes& sizes) {
  const char* const kWhy = "its index can't be told by the other's axes";
  const std::vector<int64_t>& strides = maker.store.coefs;
  IndexMap map(maker.axes.size(), {0, std::vector<int64_t>(sizes.size())});
  std::vector<size_t> by_stride(maker.axes.size());
  for (size_t j = 0; j < by_stride.size(); ++j) {
    by_stride[j] = j;
    if (strides[j] <= 0) return Refusal{kWhy};
  }
  std::sort(by_stride.begin(), by_stride.end(),
            [&](size_t a, size_t b) { return strides[a] > strides[b]; });
  for (size_t g = 0; g < sizes.size(); ++g) {
    const int64_t coef = offset.coefs[g];
    if (coef == 0) continue;
    auto axis = std::find_if(by_stride.begin(), by_stride.end(), [&](size_t j) {
      return strides[j] <= std::abs(coef) && coef % strides[j] == 0;
    });
    if (axis == by_stride.end()) return Refusal{kWhy};
    map[*axis].coefs[g] = coef / strides[*axis];
  }
  // An axis that a bound keeps inside begins where the bound's index does.
  std::vector<bool> kept_inside(map.size());
  int64_t rest = offset.base - maker.store.base;
  for (size_t j = 0; j < map.size(); ++j) {
    auto bound = std::find_if(bounds.begin(), bounds.end(), [&](const Bound& b) {
      return b.index.coefs == map[j].coefs && b.limit <= maker.axes[j];
    });
    if (bound == bounds.end()) continue;
    kept_inside[j] = true;
    map[j].base = bound->index.base;
    rest -= map[j].base * strides[j];
  }
  for (size_t j : by_stride) {
    if (kept_inside[j]) continue;
    if (rest < 0) return Refusal{kWhy};
    map[j].base = std::min(rest / strides[j], maker.axes[j] - 1);
    rest -= map[j].base * strides[j];
  }
  if (rest != 0) return Refusal{kWhy};
  for (size_t j = 0; j < map.size(); ++j) {
    if (!kept_inside[j] && !StaysInside(map[j], maker.axes[j], sizes)) return Refusal{kWhy};
  }
  return map;
}

}  // namespace gcomp::codegen
