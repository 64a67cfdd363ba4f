#include "kernels/strided_copy.h"

#include <algorithm>
#include <cstring>

#include "ir/scalar_value.h"

namespace gcomp::kernels {
namespace {

struct Wide {  // 16 bytes, as one element of c128
  uint64_t words[2];
};

template <class T>
void CopyRow(const T* source, T* target, int64_t n, int64_t source_stride, int64_t target_stride) {
  if (source_stride == 1 && target_stride == 1) {
    std::memcpy(target, source, static_cast<size_t>(n) * sizeof(T));
  } else if (target_stride == 1) {
    for (int64_t i = 0; i < n; ++i) target[i] = source[i * source_stride];
  } else {
    for (int64_t i = 0; i < n; ++i) target[i * target_stride] = source[i * source_stride];
  }
}

}  // namespace

StridedCopy StridedCopy::Make(std::span<const int64_t> sizes,
                              std::span<const int64_t> source_strides,
                              std::span<const int64_t> target_strides, int64_t element_bytes) {
  StridedCopy copy;
  copy.element_bytes_ = element_bytes;
  copy.empty_ = false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) {
      copy.empty_ = true;
      return copy;
    }
    if (sizes[i] != 1) copy.dims_.push_back({sizes[i], source_strides[i], target_strides[i]});
  }
  // Densest target innermost: the writes of a transposition stay in few cache lines.
  std::stable_sort(copy.dims_.begin(), copy.dims_.end(),
                   [](const Dim& a, const Dim& b) { return a.target > b.target; });
  std::vector<Dim> merged;
  for (const Dim& dim : copy.dims_) {
    if (!merged.empty() && merged.back().source == dim.size * dim.source &&
        merged.back().target == dim.size * dim.target) {
      merged.back() = {merged.back().size * dim.size, dim.source, dim.target};
    } else {
      merged.push_back(dim);
    }
  }
  if (merged.empty()) merged.push_back({1, 1, 1});
  copy.dims_ = std::move(merged);
  return copy;
}

template <class Row>
void StridedCopy::Walk(size_t dim, int64_t source, int64_t target, const Row& row) const {
  const Dim& d = dims_[dim];
  if (dim + 1 == dims_.size()) {
    row(source, target, d);
    return;
  }
  for (int64_t i = 0; i < d.size; ++i) {
    Walk(dim + 1, source + i * d.source, target + i * d.target, row);
  }
}

void StridedCopy::Run(const void* source, void* target) const {
  if (empty_) return;
  auto run = [&]<class T>(T*) {
    const T* from = static_cast<const T*>(source);
    T* to = static_cast<T*>(target);
    Walk(0, 0, 0, [&](int64_t s, int64_t t, const Dim& d) {
      CopyRow(from + s, to + t, d.size, d.source, d.target);
    });
  };
  switch (element_bytes_) {
    case 1:
      return run(static_cast<uint8_t*>(nullptr));
    case 2:
      return run(static_cast<uint16_t*>(nullptr));
    case 4:
      return run(static_cast<uint32_t*>(nullptr));
    case 8:
      return run(static_cast<uint64_t*>(nullptr));
    default:
      return run(static_cast<Wide*>(nullptr));
  }
}

void StridedCopy::RunWidening(ir::DType dtype, const void* source, float* target) const {
  if (empty_) return;
  const uint16_t* from = static_cast<const uint16_t*>(source);
  const bool half = dtype == ir::DType::kF16;
  Walk(0, 0, 0, [&](int64_t s, int64_t t, const Dim& d) {
    for (int64_t i = 0; i < d.size; ++i) {
      uint16_t bits = from[s + i * d.source];
      target[t + i * d.target] = half ? ir::HalfToFloat(bits) : ir::BFloat16ToFloat(bits);
    }
  });
}

void NarrowFloats(ir::DType dtype, const float* source, void* target, int64_t count) {
  uint16_t* to = static_cast<uint16_t*>(target);
  if (dtype == ir::DType::kF16) {
    for (int64_t i = 0; i < count; ++i) to[i] = ir::FloatToHalf(source[i]);
  } else {
    for (int64_t i = 0; i < count; ++i) to[i] = ir::FloatToBFloat16(source[i]);
  }
}

}  // namespace gcomp::kernels
