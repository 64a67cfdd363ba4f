// Ops with a window that slides along the spatial axes (all behind [n, c]): convolutions, pools,
// and interpolation.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using ir::DType;

// How windows lie along each of the spatial axes of x.
struct Window {
  Sizes in, kernel, stride, dilation, begin, end;

  size_t axes() const { return in.size(); }

  // Where tap k of window i lies in x.
  int64_t Source(size_t axis, int64_t i, int64_t k) const {
    return i * stride[axis] + k * dilation[axis] - begin[axis];
  }

  // Elements from the first to the last tap.
  int64_t Extent(size_t axis) const { return dilation[axis] * (kernel[axis] - 1) + 1; }
};

Sizes Spatial(const Tensor& x) {
  return Sizes(x.sizes.begin() + 2, x.sizes.end());
}

StatusOr<Window> WindowOf(const Call& call, Sizes in, Sizes kernel, const Sizes& stride) {
  Window w;
  const size_t axes = in.size();
  w.in = std::move(in);
  w.kernel = std::move(kernel);
  w.stride = call.attrs.Ints("stride").value_or(stride);
  w.dilation = call.attrs.Ints("dilation").value_or(Sizes(axes, 1));
  const Sizes padding = call.attrs.Ints("padding").value_or(Sizes(2 * axes, 0));
  GCOMP_RETURN_IF_ERROR(call.Require(w.kernel.size() == axes && w.stride.size() == axes &&
                                         w.dilation.size() == axes && padding.size() == 2 * axes,
                                     "a list has not one number per spatial axis"));
  const auto middle = padding.begin() + static_cast<std::ptrdiff_t>(axes);
  w.begin.assign(padding.begin(), middle);
  w.end.assign(middle, padding.end());
  for (size_t d = 0; d < axes; ++d) {
    GCOMP_RETURN_IF_ERROR(call.Require(w.stride[d] >= 1 && w.dilation[d] >= 1,
                                       "a stride or dilation is less than 1"));
  }
  return w;
}

// [n, c, windows...].
StatusOr<Sizes> WindowSizes(const Call& call, const Window& w, int64_t n, int64_t c, bool up) {
  Sizes sizes = {n, c};
  for (size_t d = 0; d < w.axes(); ++d) {
    const int64_t room = w.in[d] + w.begin[d] + w.end[d] - w.Extent(d);
    GCOMP_RETURN_IF_ERROR(call.Require(room >= 0, "the window does not fit"));
    int64_t count = (room + (up ? w.stride[d] - 1 : 0)) / w.stride[d] + 1;
    if (up && (count - 1) * w.stride[d] >= w.in[d] + w.begin[d]) --count;
    sizes.push_back(count);
  }
  return sizes;
}

// Calls visit(source, tap) for the taps of the window at `index` ([n, c, i...]) that lie in x;
// source has room for [n, c] in front.
template <class F>
void ForTaps(const Window& w, const Sizes& index, F visit) {
  ForEach(w.kernel, [&](const Sizes& tap) {
    Sizes source = index;
    for (size_t d = 0; d < w.axes(); ++d) {
      source[d + 2] = w.Source(d, index[d + 2], tap[d]);
      if (source[d + 2] < 0 || source[d + 2] >= w.in[d]) return;
    }
    visit(source, tap);
  });
}

// [o, c, tap...].
Sizes WeightIndex(int64_t o, int64_t c, const Sizes& tap) {
  Sizes at = {o, c};
  at.insert(at.end(), tap.begin(), tap.end());
  return at;
}

// ---- Convolutions -------------------------------------------------------------------------------

StatusOr<Tensors> Conv(const Call& call) {
  const Tensor& x = call.operand(0);
  const Tensor& w = call.operand(1);
  const Tensor* bias = call.Find("bias");
  const int64_t groups = call.attrs.Int("groups", 1);
  GCOMP_RETURN_IF_ERROR(call.Require(x.sizes.size() >= 3 && w.sizes.size() == x.sizes.size() &&
                                         groups >= 1 && x.sizes[1] == w.sizes[1] * groups &&
                                         w.sizes[0] % groups == 0,
                                     "x, w and groups do not agree"));
  GCOMP_ASSIGN_OR_RETURN(const Window window,
                         WindowOf(call, Spatial(x), Spatial(w), Sizes(x.sizes.size() - 2, 1)));
  GCOMP_ASSIGN_OR_RETURN(const Sizes sizes,
                         WindowSizes(call, window, x.sizes[0], w.sizes[0], false));
  Number largest = 0;
  Tensor y = Generate(x.dtype, sizes, [&](const Sizes& index) {
    const int64_t o = index[1];
    const int64_t first = o / (w.sizes[0] / groups) * w.sizes[1];
    Sum sum(x.dtype);
    ForTaps(window, index, [&](Sizes& source, const Sizes& tap) {
      for (int64_t c = 0; c < w.sizes[1]; ++c) {
        source[1] = first + c;
        sum.AddProduct(At(x, source), At(w, WeightIndex(o, c, tap)));
      }
    });
    if (bias != nullptr) sum.Add(AtBroadcast(*bias, {o}));
    largest = std::max(largest, sum.largest());
    return sum.Result();
  });
  y.largest_term = largest;
  return One(std::move(y));
}

// The transpose of Conv: what each element of x adds to the places that a convolution would read.
StatusOr<Tensors> ConvTranspose(const Call& call) {
  const Tensor& x = call.operand(0);
  const Tensor& w = call.operand(1);  // [in, out / groups, k...]
  const Tensor* bias = call.Find("bias");
  const int64_t groups = call.attrs.Int("groups", 1);
  GCOMP_RETURN_IF_ERROR(call.Require(x.sizes.size() >= 3 && w.sizes.size() == x.sizes.size() &&
                                         groups >= 1 && x.sizes[1] == w.sizes[0] &&
                                         w.sizes[0] % groups == 0,
                                     "x, w and groups do not agree"));
  const size_t axes = x.sizes.size() - 2;
  const Sizes extra = call.attrs.Ints("output_padding").value_or(Sizes(axes, 0));
  GCOMP_RETURN_IF_ERROR(call.Require(extra.size() == axes, "output_padding lacks an axis"));
  // The windows slide over the result; x counts them.
  GCOMP_ASSIGN_OR_RETURN(Window window, WindowOf(call, Spatial(x), Spatial(w), Sizes(axes, 1)));
  Sizes sizes = {x.sizes[0], w.sizes[1] * groups};
  for (size_t d = 0; d < axes; ++d) {
    const int64_t size = (window.in[d] - 1) * window.stride[d] + window.Extent(d) + extra[d] -
                         window.begin[d] - window.end[d];
    GCOMP_RETURN_IF_ERROR(call.Require(size >= 0, "the padding exceeds the result"));
    window.in[d] = size;
    sizes.push_back(size);
  }
  std::vector<Sum> sums(static_cast<size_t>(Count(sizes)), Sum(x.dtype));
  ForEach(x.sizes, [&](const Sizes& index) {
    const int64_t group = index[1] / (w.sizes[0] / groups);
    ForTaps(window, index, [&](Sizes& target, const Sizes& tap) {
      for (int64_t o = 0; o < w.sizes[1]; ++o) {
        target[1] = group * w.sizes[1] + o;
        sums[Position(sizes, target)].AddProduct(At(x, index),
                                                 At(w, WeightIndex(index[1], o, tap)));
      }
    });
  });
  Number largest = 0;
  Tensor y = Generate(x.dtype, sizes, [&](const Sizes& index) {
    Sum& sum = sums[Position(sizes, index)];
    if (bias != nullptr) sum.Add(AtBroadcast(*bias, {index[1]}));
    largest = std::max(largest, sum.largest());
    return sum.Result();
  });
  y.largest_term = largest;
  return One(std::move(y));
}

// ---- Pools --------------------------------------------------------------------------------------

struct Pool {
  Window window;
  Sizes sizes;
};

StatusOr<Pool> PoolOf(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_RETURN_IF_ERROR(call.Require(x.sizes.size() >= 3, "x has no spatial axis"));
  const Sizes kernel = call.attrs.Ints("kernel").value_or(Sizes());
  Pool pool;
  GCOMP_ASSIGN_OR_RETURN(pool.window, WindowOf(call, Spatial(x), kernel, kernel));
  GCOMP_ASSIGN_OR_RETURN(pool.sizes, WindowSizes(call, pool.window, x.sizes[0], x.sizes[1],
                                                 call.attrs.Bool("ceil_mode", false)));
  return pool;
}

Number Least(DType dtype) {
  return Rounded(dtype, -std::numeric_limits<Number>::infinity());
}

StatusOr<Tensors> MaxPool(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(const Pool pool, PoolOf(call));
  return One(Generate(x.dtype, pool.sizes, [&](const Sizes& index) {
    Number best = Least(x.dtype);
    ForTaps(pool.window, index,
            [&](const Sizes& source, const Sizes&) { best = Maximum(best, At(x, source)); });
    return best;
  }));
}

StatusOr<Tensors> AvgPool(const Call& call) {
  const Tensor& x = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(const Pool pool, PoolOf(call));
  const bool all = call.attrs.Bool("count_include_pad", true);
  return One(Generate(x.dtype, pool.sizes, [&](const Sizes& index) {
    Number sum = 0;
    int64_t count = 0;
    ForTaps(pool.window, index, [&](const Sizes& source, const Sizes&) {
      sum += At(x, source);
      ++count;
    });
    return sum / static_cast<Number>(all ? Count(pool.window.kernel) : count);
  }));
}

// Window i of n over `in` elements covers floor(i * in / n) to before ceil((i + 1) * in / n).
StatusOr<Tensors> AdaptiveAvgPool(const Call& call) {
  const Tensor& x = call.operand(0);
  const Sizes size = call.attrs.Ints("size").value_or(Sizes());
  GCOMP_RETURN_IF_ERROR(call.Require(size.size() <= x.sizes.size(), "size has too many axes"));
  const size_t lead = x.sizes.size() - size.size();
  Sizes sizes = x.sizes;
  for (size_t d = 0; d < size.size(); ++d) sizes[lead + d] = size[d];
  return One(Generate(x.dtype, sizes, [&](const Sizes& index) {
    Sizes first = index;
    Sizes window(index.size(), 1);
    for (size_t d = lead; d < index.size(); ++d) {
      first[d] = index[d] * x.sizes[d] / sizes[d];
      window[d] = ((index[d] + 1) * x.sizes[d] + sizes[d] - 1) / sizes[d] - first[d];
    }
    Number sum = 0;
    ForEach(window, [&](const Sizes& tap) {
      Sizes at = first;
      for (size_t d = 0; d < at.size(); ++d) at[d] += tap[d];
      sum += At(x, at);
    });
    return sum / static_cast<Number>(Count(window));
  }));
}

// ---- Interpolation ------------------------------------------------------------------------------

// x at `axis` resampled to n elements.
Tensor Resampled(const Tensor& x, size_t axis, int64_t n, bool linear, bool align_corners) {
  Sizes sizes = x.sizes;
  sizes[axis] = n;
  const int64_t in = x.sizes[axis];
  return Generate(x.dtype, sizes, [&](const Sizes& index) {
    Sizes at = index;
    const Number i = static_cast<Number>(index[axis]);
    if (!linear) {
      at[axis] = index[axis] * in / n;
      return At(x, at);
    }
    Number source = 0;
    if (!align_corners) {
      source = std::max(Number(0), (i + 0.5L) * static_cast<Number>(in) / n - 0.5L);
    } else if (n > 1) {
      source = i * static_cast<Number>(in - 1) / (n - 1);
    }
    const auto low = std::min(static_cast<int64_t>(std::floor(source)), in - 1);
    const Number weight = source - static_cast<Number>(low);
    at[axis] = low;
    const Number left = At(x, at);
    at[axis] = std::min(low + 1, in - 1);
    return weight == 0 ? left : left + weight * (At(x, at) - left);
  });
}

StatusOr<Tensors> Interpolate(const Call& call) {
  Tensor y = call.operand(0);
  const Sizes size = call.attrs.Ints("size").value_or(Sizes());
  const std::string mode = call.attrs.String("mode", "nearest");
  GCOMP_RETURN_IF_ERROR(
      call.Require(size.size() + 2 == y.sizes.size(), "size is not one number per spatial axis"));
  if (mode != "nearest" && mode != "linear" && mode != "bilinear" && mode != "trilinear") {
    return call.Fail(ErrorId::E508, "unknown mode " + mode);
  }
  for (size_t d = 0; d < size.size(); ++d) {
    GCOMP_RETURN_IF_ERROR(
        call.Require(y.sizes[d + 2] > 0 || size[d] == 0, "no element to interpolate"));
    y = Resampled(y, d + 2, size[d], mode != "nearest", call.attrs.Bool("align_corners", false));
  }
  return One(std::move(y));
}

constexpr OpEntry kOps[] = {
    {"conv1d", Conv},
    {"conv2d", Conv},
    {"conv3d", Conv},
    {"conv_transpose", ConvTranspose},
    {"max_pool", MaxPool},
    {"avg_pool", AvgPool},
    {"adaptive_avg_pool", AdaptiveAvgPool},
    {"interpolate", Interpolate},
};

}  // namespace

std::span<const OpEntry> WindowOps() {
  return kOps;
}

}  // namespace gcomp::reference
