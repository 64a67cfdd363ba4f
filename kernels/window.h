// Windows that slide over spatial axes: the attributes and sizes that convolutions and pools share.
//
// Along one axis of size `in`, output o and tap k meet at input o * stride + k * dilation - pad.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/op_def.h"

namespace gcomp::kernels {

// The window along one axis, its sizes known.
struct WindowAxis {
  int64_t in = 1;
  int64_t out = 1;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t pad = 0;  // before the first element

  // Where output 0 meets tap k, maybe negative.
  int64_t Origin(int64_t k) const { return k * dilation - pad; }

  // The outputs [begin, end) for which tap k falls inside the input.
  struct Range {
    int64_t begin;
    int64_t end;
  };

  Range Inside(int64_t k) const {
    const int64_t origin = Origin(k);
    int64_t begin = origin >= 0 ? 0 : (-origin + stride - 1) / stride;
    int64_t end = origin >= in ? 0 : (in - 1 - origin) / stride + 1;
    if (end > out) end = out;
    return {begin < end ? begin : end, end};
  }
};

// The attributes stride, padding ([begin..., end...]) and dilation for `axes` spatial axes.
struct WindowAttrs {
  std::vector<int64_t> stride;
  std::vector<int64_t> dilation;
  std::vector<int64_t> pad_begin;
  std::vector<int64_t> pad_end;

  // Absent attributes: `default_stride`, no padding, dilation 1. Requires that CheckWindow passed.
  static WindowAttrs Read(const ir::AttrReader& attrs, size_t axes,
                          const std::vector<int64_t>& default_stride);
};

// Fails with E508 unless stride, padding and dilation have the right lengths and ranges.
Status CheckWindow(const ir::InferCtx& ctx, size_t axes);

// The number of outputs along axis `i` (of the spatial ones) of an input of size `in`. Fails with
// E504 if the window is certainly larger than the padded input, E503 on overflow.
StatusOr<ir::Expr> WindowOutputs(const ir::InferCtx& ctx, const WindowAttrs& attrs, size_t i,
                                 const ir::Expr& in, const ir::Expr& kernel, bool ceil_mode);

}  // namespace gcomp::kernels
