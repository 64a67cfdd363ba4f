// The ops as functions on Arrays (array.h): ops::softmax(x, {.dim = -1}).
//
// Written by gcomp-opt from the records in kernels/ops; not edited by hand.
// Operands and what must be given come first, in the order of the record; what may be left
// out is in a struct. A name that ends with `_` writes its first operand. Whole text of
// each op: docs/ops.md. Failures end the trace, or outside of one give a failed array.
// clang-format off
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "frontends/trace/array.h"

namespace gcomp::ops {

// Magnitude: y = |x|, of the shape of x. |-0.0| = 0.0; the least integer stays itself. Derivative:
// 0 at 0.
Array abs(const Array& x);

// abs in place: operand 0 becomes the value of abs, and is the result. Its own elements must not
// share memory. See abs.
Array abs_(const Array& x);

// Arccosine in radians: y = acos(x) in [0, pi], of the shape of x. acos(1) = 0; NaN where |x| > 1.
Array acos(const Array& x);

// acos in place: operand 0 becomes the value of acos, and is the result. Its own elements must not
// share memory. See acos.
Array acos_(const Array& x);

// Inverse hyperbolic cosine: y = acosh(x) >= 0, of the shape of x. acosh(1) = 0, acosh(inf) = inf;
// NaN below 1.
Array acosh(const Array& x);

// acosh in place: operand 0 becomes the value of acosh, and is the result. Its own elements must
// not share memory. See acosh.
Array acosh_(const Array& x);

// Means of windows that share each spatial axis out evenly: along an axis from d to d' elements,
// window i covers floor(i * d / d') to before ceil((i + 1) * d / d'); y = (sum over the window) /
// (its number of elements).
Array adaptive_avg_pool(const Array& x, const std::vector<int64_t>& size);

// Sum: y = a + b. Shapes broadcast as in NumPy; dtypes are equal. Integers wrap.
Array add(const Array& a, const Array& b);

// add in place: operand 0 becomes the value of add, and is the result. Its own elements must not
// share memory. See add.
Array add_(const Array& a, const Array& b);

struct AddmmOptions {
  // factor of m; of integers: a value of their dtype
  double beta = 1.0;
  // factor of the product; likewise
  double alpha = 1.0;
};

// Matrix product with a term added: y = beta * m + alpha * (a * b).
Array addmm(const Array& m, const Array& a, const Array& b, const AddmmOptions& options = {});

// Conjunction: y = a & b; logical for bool, bitwise for integers. Shapes broadcast as in NumPy;
// dtypes are equal.
Array logical_and(const Array& a, const Array& b);

// and in place: operand 0 becomes the value of and, and is the result. Its own elements must not
// share memory. See and.
Array logical_and_(const Array& a, const Array& b);

struct ArgmaxOptions {
  // the axis to search; absent = all, flattened in row-major order
  std::optional<int64_t> dim = {};
  // true: searched axes stay, with size 1
  bool keep_dims = false;
};

// Position of the greatest value along an axis, or in the flattened tensor, the first one of
// equals. x: [d0, ..., dn]; y: i64, without the axis (with keep_dims, it stays with size 1). NaN is
// the greatest value; -0.0 and 0.0 are equal. Searching an empty axis is an error (E504).
Array argmax(const Array& x, const ArgmaxOptions& options = {});

struct ArgminOptions {
  // the axis to search; absent = all, flattened in row-major order
  std::optional<int64_t> dim = {};
  // true: searched axes stay, with size 1
  bool keep_dims = false;
};

// Position of the least value along an axis, or in the flattened tensor, the first one of equals.
// x: [d0, ..., dn]; y: i64, without the axis (with keep_dims, it stays with size 1). NaN is the
// greatest value; -0.0 and 0.0 are equal. Searching an empty axis is an error (E504).
Array argmin(const Array& x, const ArgminOptions& options = {});

struct AsStridedOptions {
  // the element of x where it begins
  SymInt offset = 0;
};

// x's elements at any strides: y[i_0, i_1, ...] = x.flat[offset + i_0 * strides[0] + i_1 *
// strides[1] + ...].
Array as_strided(const Array& x, const std::vector<SymInt>& shape, const std::vector<SymInt>& strides, const AsStridedOptions& options = {});

struct AsStridedScatterOptions {
  // the element of x where it begins
  SymInt offset = 0;
};

// x with s in the place of as_strided(x, shape, strides, offset).
Array as_strided_scatter(const Array& x, const Array& s, const std::vector<SymInt>& shape, const std::vector<SymInt>& strides, const AsStridedScatterOptions& options = {});

// Arcsine in radians: y = asin(x) in [-pi/2, pi/2], of the shape of x. asin(+-0) = +-0; NaN where
// |x| > 1.
Array asin(const Array& x);

// asin in place: operand 0 becomes the value of asin, and is the result. Its own elements must not
// share memory. See asin.
Array asin_(const Array& x);

// Inverse hyperbolic sine: y = asinh(x), of the shape of x. asinh(+-0) = +-0, asinh(+-inf) = +-inf.
Array asinh(const Array& x);

// asinh in place: operand 0 becomes the value of asinh, and is the result. Its own elements must
// not share memory. See asinh.
Array asinh_(const Array& x);

// Arctangent in radians: y = atan(x) in [-pi/2, pi/2], of the shape of x. atan(+-0) = +-0,
// atan(+-inf) = +-pi/2.
Array atan(const Array& x);

// Angle of the point (b, a) in radians: y = atan2(a, b) in [-pi, pi], the arctangent of a / b in
// the quadrant of the signs of both. Shapes broadcast as in NumPy; dtypes are equal. Zeros and
// infinities as in C Annex F. Derivative: NaN at the origin, where there is none.
Array atan2(const Array& a, const Array& b);

// atan2 in place: operand 0 becomes the value of atan2, and is the result. Its own elements must
// not share memory. See atan2.
Array atan2_(const Array& a, const Array& b);

// atan in place: operand 0 becomes the value of atan, and is the result. Its own elements must not
// share memory. See atan.
Array atan_(const Array& x);

// Inverse hyperbolic tangent: y = atanh(x), of the shape of x. atanh(+-0) = +-0, atanh(+-1) =
// +-inf; NaN where |x| > 1.
Array atanh(const Array& x);

// atanh in place: operand 0 becomes the value of atanh, and is the result. Its own elements must
// not share memory. See atanh.
Array atanh_(const Array& x);

struct AvgPoolOptions {
  // elements between outputs; absent = kernel
  std::optional<std::vector<int64_t>> stride = {};
  // [begin..., end...] per spatial axis, zeros around x; absent = none
  std::optional<std::vector<int64_t>> padding = {};
  // divide by all taps of the window, else by those inside of x
  bool count_include_pad = true;
};

// Mean under a sliding window: y[n, c, i...] = (0.0 + sum over k of x[n, c, i * stride + k - begin
// ...]) / taps, taps outside x left out of the sum; taps is the number of all taps of a window, or
// of those inside x.
Array avg_pool(const Array& x, const std::vector<int64_t>& kernel, const AvgPoolOptions& options = {});

struct BatchNormOptions {
  // added to the variance; not negative
  double eps = 1e-05;
  // true: normalize by the batch, and give new mean and var
  bool training = false;
  // share of the batch in the new mean and var
  double momentum = 0.1;
};

// Batch normalization: r = 1 / sqrt(var + eps); y = (x - mean) * r * weight + bias, by channel. x,
// y: [n, c, ...]; the others: [c]. With training, mean and var are those of the batch (reduce_mean,
// and var with correction 0, over all axes but 1), and there are two further results: (1 -
// momentum) * mean + momentum * batch mean, and the same of var with the batch's var of correction
// 1. f16 and bf16 are computed in f32 and rounded once. Training stands for these ops, and
// batch_norm without it.
std::vector<Array> batch_norm(const Array& x, const Array& weight, const Array& bias, const Array& mean, const Array& var, const BatchNormOptions& options = {});

// The bits of x as the dtype written for the result, which has the same width: a view, of the shape
// and layout of x. Integers and floats, not bool. Which bits a NaN has that an op made is not fixed
// (docs/numerics.md).
Array bitcast(const Array& x, DType result_dtype);

// Conjunction: y = a & b; logical for bool, bitwise for integers. Shapes broadcast as in NumPy;
// dtypes are equal.
Array bitwise_and(const Array& a, const Array& b);

// bitwise_and in place: operand 0 becomes the value of bitwise_and, and is the result. Its own
// elements must not share memory. See bitwise_and.
Array bitwise_and_(const Array& a, const Array& b);

// Complement: y = not x, of the shape of x; logical for bool, all bits for integers.
Array bitwise_not(const Array& x);

// bitwise_not in place: operand 0 becomes the value of bitwise_not, and is the result. Its own
// elements must not share memory. See bitwise_not.
Array bitwise_not_(const Array& x);

// Disjunction: y = a | b; logical for bool, bitwise for integers. Shapes broadcast as in NumPy;
// dtypes are equal.
Array bitwise_or(const Array& a, const Array& b);

// bitwise_or in place: operand 0 becomes the value of bitwise_or, and is the result. Its own
// elements must not share memory. See bitwise_or.
Array bitwise_or_(const Array& a, const Array& b);

// Exclusive or: y = a ^ b; logical for bool, bitwise for integers. Shapes broadcast as in NumPy;
// dtypes are equal.
Array bitwise_xor(const Array& a, const Array& b);

// bitwise_xor in place: operand 0 becomes the value of bitwise_xor, and is the result. Its own
// elements must not share memory. See bitwise_xor.
Array bitwise_xor_(const Array& a, const Array& b);

// Matrix products of a batch: y[b] = a[b] * b[b], as matmul.
Array bmm(const Array& a, const Array& b);

// Conversion: y = x as the dtype written for the result, of the shape of x. To floats: to nearest
// even, once. Float to integer truncates toward zero and saturates, NaN gives 0. Integer to integer
// keeps the low bits. To bool: x != 0 (NaN is true); bool gives 0 or 1.
Array cast(const Array& x, DType result_dtype);

// The least integer not below x, of the shape of x. Zeros, infinities and NaN stay; ceil(x) = -0.0
// in (-1, 0). Derivative: 0.
Array ceil(const Array& x);

// ceil in place: operand 0 becomes the value of ceil, and is the result. Its own elements must not
// share memory. See ceil.
Array ceil_(const Array& x);

struct ClampOptions {
  Array min = {};
  Array max = {};
};

// Limits: y = min(max(x, min), max); one of the bounds may be absent. Shapes broadcast as in NumPy;
// dtypes are equal. NaN if any is NaN; -0.0 is less than 0.0; where min is greater than max, max.
// Derivative: passes to x inside and at the bounds.
Array clamp(const Array& x, const ClampOptions& options = {});

struct ClampInPlaceOptions {
  Array min = {};
  Array max = {};
};

// clamp in place: operand 0 becomes the value of clamp, and is the result. Its own elements must
// not share memory. See clamp.
Array clamp_(const Array& x, const ClampInPlaceOptions& options = {});

struct ConcatOptions {
  // the axis along which the operands stand one after the other
  int64_t dim = 0;
};

// The operands one after the other along axis dim.
Array concat(const std::vector<Array>& xs, const ConcatOptions& options = {});

// x in row-major order: y[i] = x[i].
Array contiguous(const Array& x);

struct Conv1dOptions {
  Array bias = {};
  // elements of x between outputs, per spatial axis; absent = 1
  std::optional<std::vector<int64_t>> stride = {};
  // [begin..., end...] per spatial axis, zeros around x; absent = none
  std::optional<std::vector<int64_t>> padding = {};
  // elements between taps, per spatial axis; absent = 1
  std::optional<std::vector<int64_t>> dilation = {};
  // channels are split into this many groups that do not mix
  int64_t groups = 1;
};

// Cross-correlation along one axis: y[n, o, i] = bias[o] + sum over (c, p) of x[n, g + c, i *
// stride + p * dilation - begin] * w[o, c, p], where g is the first channel of o's group; x is 0
// outside.
Array conv1d(const Array& x, const Array& w, const Conv1dOptions& options = {});

struct Conv2dOptions {
  Array bias = {};
  // elements of x between outputs, per spatial axis; absent = 1
  std::optional<std::vector<int64_t>> stride = {};
  // [begin..., end...] per spatial axis, zeros around x; absent = none
  std::optional<std::vector<int64_t>> padding = {};
  // elements between taps, per spatial axis; absent = 1
  std::optional<std::vector<int64_t>> dilation = {};
  // channels are split into this many groups that do not mix
  int64_t groups = 1;
};

// Cross-correlation: y[n, o, i, j] = bias[o] + sum over (c, p, q) of x[n, g + c, i * stride_h + p *
// dilation_h - begin_h, j * stride_w + q * dilation_w - begin_w] * w[o, c, p, q], where g is the
// first channel of o's group; x is 0 outside.
Array conv2d(const Array& x, const Array& w, const Conv2dOptions& options = {});

struct Conv3dOptions {
  Array bias = {};
  // elements of x between outputs, per spatial axis; absent = 1
  std::optional<std::vector<int64_t>> stride = {};
  // [begin..., end...] per spatial axis, zeros around x; absent = none
  std::optional<std::vector<int64_t>> padding = {};
  // elements between taps, per spatial axis; absent = 1
  std::optional<std::vector<int64_t>> dilation = {};
  // channels are split into this many groups that do not mix
  int64_t groups = 1;
};

// Cross-correlation along three axes: y[n, o, i...] = bias[o] + sum over (c, p...) of x[n, g + c, i
// * stride + p * dilation - begin ...] * w[o, c, p...], where g is the first channel of o's group;
// x is 0 outside.
Array conv3d(const Array& x, const Array& w, const Conv3dOptions& options = {});

struct ConvTransposeOptions {
  Array bias = {};
  // elements of y between those of x, per spatial axis; absent = 1
  std::optional<std::vector<int64_t>> stride = {};
  // [begin..., end...] per spatial axis, elements of y that are cut off; absent = none
  std::optional<std::vector<int64_t>> padding = {};
  // elements that y has more at the end of each spatial axis; absent = none
  std::optional<std::vector<int64_t>> output_padding = {};
  // elements between taps, per spatial axis; absent = 1
  std::optional<std::vector<int64_t>> dilation = {};
  // channels are split into this many groups that do not mix
  int64_t groups = 1;
};

// Transposed convolution over 1, 2 or 3 spatial axes: each element of x spreads over y through the
// kernel. y[n, o, j...] = bias[o] + sum of x[n, c, i...] * w[c, o - g, p...] over the channels c of
// o's group, whose first output is g, and all i, p with i * stride + p * dilation - begin = j.
Array conv_transpose(const Array& x, const Array& w, const ConvTransposeOptions& options = {});

struct CopyOptions {
  Array s = {};
};

// A new value with x's sizes: y = x, or with s, y = s broadcast to x's sizes.
Array copy(const Array& x, const CopyOptions& options = {});

// copy in place: operand 0 becomes the value of copy, and is the result. Its own elements must not
// share memory. See copy.
Array copy_(const Array& x, const Array& s);

// Cosine: y = cos(x), x in radians, of the shape of x. cos(+-0) = 1; NaN for infinities.
Array cos(const Array& x);

// cos in place: operand 0 becomes the value of cos, and is the result. Its own elements must not
// share memory. See cos.
Array cos_(const Array& x);

// Hyperbolic cosine: y = cosh(x), of the shape of x. cosh(+-0) = 1, cosh(+-inf) = inf.
Array cosh(const Array& x);

// cosh in place: operand 0 becomes the value of cosh, and is the result. Its own elements must not
// share memory. See cosh.
Array cosh_(const Array& x);

struct CrossEntropyOptions {
  // "mean" or "sum" over all losses, or "none": one per target
  std::string reduction = "mean";
};

// Cross entropy of logits: p = log_softmax(x over axis 1); for class indices l[n, i...] = -p[n,
// t[n, i...], i...], for class probabilities l = -(sum over c of t * p); y = the mean of l, its
// sum, or l itself.
Array cross_entropy(const Array& x, const Array& t, const CrossEntropyOptions& options = {});

struct CumprodOptions {
  // the axis to go along
  int64_t dim = 0;
};

// Running product along an axis: y[..., k, ...] = product of x[..., 0 to k, ...]. y is of the shape
// and dtype of x: [d0, ..., dn]. Multiplied in the fixed order of docs/numerics.md; f16 and bf16 in
// f32, each result rounded once; integers wrap in their own width. Partial products of up to 16
// neighbors may overflow or underflow where a product in sequence would not.
Array cumprod(const Array& x, const CumprodOptions& options = {});

struct CumsumOptions {
  // the axis to go along
  int64_t dim = 0;
};

// Running sum along an axis: y[..., k, ...] = sum of x[..., 0 to k, ...]. y is of the shape and
// dtype of x: [d0, ..., dn]. Added in the fixed order of docs/numerics.md; f16 and bf16 in f32,
// each result rounded once; integers wrap in their own width. NaN and inf reach all later elements.
Array cumsum(const Array& x, const CumsumOptions& options = {});

struct DequantizeOptions {
  // the axis along which scale and zero_point run; absent: they are one number
  std::optional<int64_t> dim = {};
};

// Integers to floats: y = (x - zero_point) * scale, in scale's dtype.
Array dequantize(const Array& x, const Array& scale, const Array& zero_point, const DequantizeOptions& options = {});

struct DiagonalOptions {
  // 0: the main diagonal; k > 0: k above it; k < 0: -k below it
  int64_t offset = 0;
  // the axis of rows
  int64_t dim1 = 0;
  // the axis of columns
  int64_t dim2 = 1;
};

// The elements at row i and column i + offset of axes dim1 and dim2, along a new last axis: y[..,
// i] = x[.., i - min(offset, 0), .., i + max(offset, 0), ..].
Array diagonal(const Array& x, const DiagonalOptions& options = {});

struct DiagonalScatterOptions {
  // 0: the main diagonal; k > 0: k above it; k < 0: -k below it
  int64_t offset = 0;
  // the axis of rows
  int64_t dim1 = 0;
  // the axis of columns
  int64_t dim2 = 1;
};

// x with s in the place of diagonal(x, offset, dim1, dim2).
Array diagonal_scatter(const Array& x, const Array& s, const DiagonalScatterOptions& options = {});

// Quotient: y = a / b. Shapes broadcast as in NumPy; dtypes are equal. Integers truncate toward
// zero; x / 0 = 0 and the least integer / -1 wraps to itself, without a signal.
Array div(const Array& a, const Array& b);

// div in place: operand 0 becomes the value of div, and is the result. Its own elements must not
// share memory. See div.
Array div_(const Array& a, const Array& b);

struct DropoutOptions {
  Array key = {};
  // the probability that an element becomes 0, in [0, 1]
  double p = 0.5;
  // false: the result is x
  bool training = true;
};

// Each element becomes 0 with probability p, the others are scaled so that the expected value
// stays: y = x / (1 - p) where u >= p, else 0, with u = rng.uniform(key) in f32 of the shape of x.
Array dropout(const Array& x, const DropoutOptions& options = {});

struct EinsumOptions {
  // the letters of each operand's dims, with commas between, and after "->" those of the result's;
  // "..." stands for the dims that have no letter
  std::string equation = "";
};

// Sum of products by letters: y[output letters] = sum over all other letters of the product of the
// operands, each at its letters; "bij,bjk->bik" is a batched matrix product.
Array einsum(const std::vector<Array>& xs, const EinsumOptions& options = {});

struct EluOptions {
  // minus the limit at -inf
  double alpha = 1.0;
};

// Exponential linear unit: y = x if x > 0, else alpha * (e^x - 1); of the shape of x. elu(-inf) =
// -alpha. Derivative: alpha at 0.
Array elu(const Array& x, const EluOptions& options = {});

struct EluInPlaceOptions {
  // minus the limit at -inf
  double alpha = 1.0;
};

// elu in place: operand 0 becomes the value of elu, and is the result. Its own elements must not
// share memory. See elu.
Array elu_(const Array& x, const EluInPlaceOptions& options = {});

// Rows of a table: y[p, :] = w[i[p], :].
Array embedding(const Array& w, const Array& i);

// A tensor whose elements nobody is to rely on.
Array empty(DType result_dtype, const std::vector<SymInt>& result_shape);

// Equality: y = (a == b), as bool. Shapes broadcast as in NumPy; dtypes are equal. False if either
// is NaN; -0.0 equals 0.0.
Array eq(const Array& a, const Array& b);

// Error function: y = 2 / sqrt(pi) * integral of e^(-t^2) over t from 0 to x, of the shape of x.
// erf(+-0) = +-0, erf(+-inf) = +-1.
Array erf(const Array& x);

// erf in place: operand 0 becomes the value of erf, and is the result. Its own elements must not
// share memory. See erf.
Array erf_(const Array& x);

// Exponential: y = e^x, of the shape of x. exp(-inf) = 0, exp(inf) = inf; small results are
// denormals.
Array exp(const Array& x);

// exp in place: operand 0 becomes the value of exp, and is the result. Its own elements must not
// share memory. See exp.
Array exp_(const Array& x);

// Repeats x along axes of size 1 and along new leading axes, without copying: these get stride 0.
Array expand(const Array& x, const std::vector<SymInt>& shape);

// Exponential less one: y = e^x - 1, accurate near 0; of the shape of x. expm1(+-0) = +-0,
// expm1(-inf) = -1, expm1(inf) = inf.
Array expm1(const Array& x);

// expm1 in place: operand 0 becomes the value of expm1, and is the result. Its own elements must
// not share memory. See expm1.
Array expm1_(const Array& x);

// A tensor like x with v everywhere: y[i] = v.
Array fill(const Array& x, const Array& v);

// fill in place: operand 0 becomes the value of fill, and is the result. Its own elements must not
// share memory. See fill.
Array fill_(const Array& x, const Array& v);

struct FlipOptions {
  // the axes that turn; absent = all
  std::optional<std::vector<int64_t>> dims = {};
};

// The elements in reverse order along dims: y[.., i, ..] = x[.., n - 1 - i, ..].
Array flip(const Array& x, const FlipOptions& options = {});

// The greatest integer not above x, of the shape of x. Zeros, infinities and NaN stay; floor(x) =
// -1 in [-1, 0). Derivative: 0.
Array floor(const Array& x);

// floor in place: operand 0 becomes the value of floor, and is the result. Its own elements must
// not share memory. See floor.
Array floor_(const Array& x);

// Quotient rounded down: y = floor(a / b). Shapes broadcast as in NumPy; dtypes are equal. Floats:
// (a - fmod(a, b)) / b, less 1 where rem adds b, to the nearest integer, a zero with the sign of a
// / b; a / b where b is 0. Integers: x / 0 = 0, the least integer / -1 wraps to itself. Derivative:
// 0.
Array floor_div(const Array& a, const Array& b);

// floor_div in place: operand 0 becomes the value of floor_div, and is the result. Its own elements
// must not share memory. See floor_div.
Array floor_div_(const Array& a, const Array& b);

// Fused multiply-add: y = a * b + c with one rounding (f16 and bf16: one in f32, then one of the
// result). Shapes broadcast as in NumPy; dtypes are equal. Integers wrap.
Array fma(const Array& a, const Array& b, const Array& c);

// fma in place: operand 0 becomes the value of fma, and is the result. Its own elements must not
// share memory. See fma.
Array fma_(const Array& a, const Array& b, const Array& c);

// Remainder of the quotient rounded toward zero: y = a - b trunc(a / b), exact, with the sign of a.
// Shapes broadcast as in NumPy; dtypes are equal. Floats: NaN where b is 0 or a is infinite; a
// where b is infinite. Integers: 0 where b is 0.
Array fmod(const Array& a, const Array& b);

// fmod in place: operand 0 becomes the value of fmod, and is the result. Its own elements must not
// share memory. See fmod.
Array fmod_(const Array& a, const Array& b);

// Fraction: y = x - trunc(x), exact, of the shape of x. frac(-1.5) = -0.5; 0.0 for integers of
// either sign and zeros; NaN for infinities. Derivative: 1.
Array frac(const Array& x);

// frac in place: operand 0 becomes the value of frac, and is the result. Its own elements must not
// share memory. See frac.
Array frac_(const Array& x);

// A tensor with v everywhere: y[i] = v.
Array full(const Array& v, DType result_dtype, const std::vector<SymInt>& result_shape);

struct GatherOptions {
  // the axis that indices name
  int64_t dim = 0;
};

// Picks along one axis, a place for each element: y[.., p, ..] = x[.., i[.., p, ..], ..], where
// only the position along dim is replaced.
Array gather(const Array& x, const Array& i, const GatherOptions& options = {});

// Order: y = (a >= b), as bool. Shapes broadcast as in NumPy; dtypes are equal. False if either is
// NaN; -0.0 equals 0.0; false is less than true.
Array ge(const Array& a, const Array& b);

struct GeluOptions {
  // "none": by erf; "tanh": the approximation by tanh
  std::string approx = "none";
};

// Gaussian error linear unit: y = 0.5 x (1 + erf(x / sqrt(2))), or with approx = "tanh" y = 0.5 x
// (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))); of the shape of x. gelu(-inf) = -0.0.
Array gelu(const Array& x, const GeluOptions& options = {});

struct GeluInPlaceOptions {
  // "none": by erf; "tanh": the approximation by tanh
  std::string approx = "none";
};

// gelu in place: operand 0 becomes the value of gelu, and is the result. Its own elements must not
// share memory. See gelu.
Array gelu_(const Array& x, const GeluInPlaceOptions& options = {});

struct GroupNormOptions {
  Array weight = {};
  Array bias = {};
  // parts into which the channels are divided evenly
  int64_t groups = 1;
  // added to the variance; not negative
  double eps = 1e-05;
};

// Group normalization: the c channels of x are divided into `groups` groups of c / groups
// neighbors; each group of each of the n images is normalized as one row of layer_norm; then *
// weight and + bias of the channel, where given. x, y: [n, c, ...]; weight, bias: [c]. f16 and bf16
// are computed in f32 and rounded once. Stands for reshape, layer_norm, mul, add.
Array group_norm(const Array& x, const GroupNormOptions& options = {});

// Order: y = (a > b), as bool. Shapes broadcast as in NumPy; dtypes are equal. False if either is
// NaN; -0.0 equals 0.0; false is less than true.
Array gt(const Array& a, const Array& b);

// Piecewise linear sigmoid: y = min(max(x / 6 + 0.5, 0), 1), of the shape of x. Derivative: 0 at -3
// and 3.
Array hard_sigmoid(const Array& x);

// hard_sigmoid in place: operand 0 becomes the value of hard_sigmoid, and is the result. Its own
// elements must not share memory. See hard_sigmoid.
Array hard_sigmoid_(const Array& x);

// Piecewise quadratic swish: y = x * min(max(x / 6 + 0.5, 0), 1), of the shape of x. -0.0 below -3,
// at -inf too. Derivative: 0 at -3, 1 at 3.
Array hard_swish(const Array& x);

// hard_swish in place: operand 0 becomes the value of hard_swish, and is the result. Its own
// elements must not share memory. See hard_swish.
Array hard_swish_(const Array& x);

// Picks at points that one index tensor per leading axis names: y[p, r] = x[is[0][p], is[1][p], ..,
// r].
Array index(const Array& x, const std::vector<Array>& is);

struct IndexPutOptions {
  // add v to what is there, instead of replacing it
  bool accumulate = false;
};

// x with v written at points that one index tensor per leading axis names: y = x, then for each p
// in row-major order y[is[0][p], is[1][p], .., :] = v[p, :], or plus it.
Array index_put(const Array& x, const Array& v, const std::vector<Array>& is, const IndexPutOptions& options = {});

struct IndexPutInPlaceOptions {
  // add v to what is there, instead of replacing it
  bool accumulate = false;
};

// index_put in place: operand 0 becomes the value of index_put, and is the result. Its own elements
// must not share memory. See index_put.
Array index_put_(const Array& x, const Array& v, const std::vector<Array>& is, const IndexPutInPlaceOptions& options = {});

struct IndexSelectOptions {
  // the axis that indices name
  int64_t dim = 0;
};

// Picks whole slices along one axis: y[.., p, ..] = x[.., i[p], ..].
Array index_select(const Array& x, const Array& i, const IndexSelectOptions& options = {});

struct InterpolateOptions {
  // "nearest", or "linear" (also called "bilinear" for two axes and "trilinear" for three)
  std::string mode = "nearest";
  // linear: first and last elements keep their places, else half-pixel centers
  bool align_corners = false;
};

// Another size for the spatial axes, one axis after the other. Along an axis from d to d' elements,
// nearest: y[i] = x[floor(i * d / d')]. Linear: p = max(0, (i + 0.5) * d / d' - 0.5), or i * (d -
// 1) / (d' - 1) with align_corners (0 where d' = 1); a = x[floor(p)], b = x[min(floor(p) + 1, d -
// 1)], w = p - floor(p); y[i] = a + w * (b - a), and a where w = 0.
Array interpolate(const Array& x, const std::vector<SymInt>& size, const InterpolateOptions& options = {});

// Gives a line of text to the embedder's log, at level info, in the order of the program.
std::vector<Array> io_print(const std::vector<Array>& args, const std::string& fmt);

// The first token of a chain: an op that takes a token and gives one runs after those that the
// token came from.
Array io_token();

struct IotaOptions {
  // the axis that counts
  int64_t dim = 0;
};

// Counts along axis dim: y[.., i, ..] = i.
Array iota(DType result_dtype, const std::vector<SymInt>& result_shape, const IotaOptions& options = {});

// True where x is neither infinite nor NaN, as bool of the shape of x. True for integers and bool.
Array isfinite(const Array& x);

// True where x is an infinity of either sign, as bool of the shape of x. False for integers and
// bool.
Array isinf(const Array& x);

// True where x is NaN, as bool of the shape of x. False for integers and bool.
Array isnan(const Array& x);

struct LayerNormOptions {
  Array weight = {};
  Array bias = {};
  // axes to normalize over; absent = all
  std::optional<std::vector<int64_t>> dims = {};
  // added under the root; not negative
  double eps = 1e-05;
};

// Layer normalization: mean = (sum of x over dims) / n; var = (sum of (x - mean)^2 over dims) / n;
// r = 1 / sqrt(var + eps); y = (x - mean) * r * weight + bias, each operation rounded, in this
// order; an absent weight or bias is left out. n: elements over dims. x, y: [d0, ...]; weight,
// bias: the sizes of dims. Two passes; both sums are form 1 of docs/numerics.md whichever axes dims
// are; f16 and bf16 are computed in f32 and rounded once.
Array layer_norm(const Array& x, const LayerNormOptions& options = {});

// Order: y = (a <= b), as bool. Shapes broadcast as in NumPy; dtypes are equal. False if either is
// NaN; -0.0 equals 0.0; false is less than true.
Array le(const Array& a, const Array& b);

struct LeakyReluOptions {
  // factor of x where x <= 0
  double slope = 0.01;
};

// Leaky rectified linear unit: y = x if x > 0, else slope * x; of the shape of x. Zeros and NaN
// stay. Derivative: slope at 0.
Array leaky_relu(const Array& x, const LeakyReluOptions& options = {});

struct LeakyReluInPlaceOptions {
  // factor of x where x <= 0
  double slope = 0.01;
};

// leaky_relu in place: operand 0 becomes the value of leaky_relu, and is the result. Its own
// elements must not share memory. See leaky_relu.
Array leaky_relu_(const Array& x, const LeakyReluInPlaceOptions& options = {});

// Linear interpolation: y = a + w * (b - a); a where w is 0, beyond [a, b] where w is outside [0,
// 1]. Shapes broadcast as in NumPy; dtypes are equal. Each operation rounds: lerp(a, b, 1) may
// differ from b by its rounding.
Array lerp(const Array& a, const Array& b, const Array& w);

// lerp in place: operand 0 becomes the value of lerp, and is the result. Its own elements must not
// share memory. See lerp.
Array lerp_(const Array& a, const Array& b, const Array& w);

struct LinearOptions {
  Array bias = {};
};

// Fully connected layer: y[.., j] = bias[j] + sum over p of x[.., p] * w[j, p].
Array linear(const Array& x, const Array& w, const LinearOptions& options = {});

// Natural logarithm: y = ln(x), of the shape of x. NaN below zero; log(+-0) = -inf, log(1) = 0,
// log(inf) = inf.
Array log(const Array& x);

// Natural logarithm of 1 + x, accurate near 0; of the shape of x. NaN below -1; log1p(+-0) = +-0,
// log1p(-1) = -inf, log1p(inf) = inf.
Array log1p(const Array& x);

// log1p in place: operand 0 becomes the value of log1p, and is the result. Its own elements must
// not share memory. See log1p.
Array log1p_(const Array& x);

// Logarithm of base 2: y = log2(x), of the shape of x; exact for powers of two. NaN below zero;
// log2(+-0) = -inf, log2(1) = 0, log2(inf) = inf.
Array log2(const Array& x);

// log2 in place: operand 0 becomes the value of log2, and is the result. Its own elements must not
// share memory. See log2.
Array log2_(const Array& x);

// log in place: operand 0 becomes the value of log, and is the result. Its own elements must not
// share memory. See log.
Array log_(const Array& x);

struct LogSoftmaxOptions {
  // the axis that is normalized
  int64_t dim = -1;
};

// Logarithm of softmax along one axis: m = max of x along dim; s = sum of exp(x - m) along dim; y =
// (x - m) - log(s). y is of the shape of x. The sum is form 1 of docs/numerics.md whichever axis
// dim is; f16 and bf16 are computed in f32 and rounded once. A row of -inf, or one with inf or NaN
// in it, gives NaN.
Array log_softmax(const Array& x, const LogSoftmaxOptions& options = {});

struct LogsumexpOptions {
  // axes to reduce; absent = all
  std::optional<std::vector<int64_t>> dims = {};
  // true: reduced axes stay, with size 1
  bool keep_dims = false;
};

// Logarithm of the sum of exponentials over axes: m = max of x over dims, 0 in place of -inf; s =
// sum of exp(x - m) over dims; y = m + log(s), inf where m is, without those axes (with keep_dims,
// they stay with size 1). x: [d0, ..., dn]. The sum is form 1 of docs/numerics.md whichever axes
// dims are; f16 and bf16 are computed in f32 and rounded once. -inf of no elements and of -inf
// alone; inf if any is inf and none NaN.
Array logsumexp(const Array& x, const LogsumexpOptions& options = {});

// Order: y = (a < b), as bool. Shapes broadcast as in NumPy; dtypes are equal. False if either is
// NaN; -0.0 equals 0.0; false is less than true.
Array lt(const Array& a, const Array& b);

// The elements of x where mask is true, in row-major order.
Array masked_select(const Array& x, const Array& mask);

// Matrix product, batched: y[.., i, j] = sum over p of a[.., i, p] * b[.., p, j].
Array matmul(const Array& a, const Array& b);

// Greater value: y = max(a, b). Shapes broadcast as in NumPy; dtypes are equal. NaN if either is
// NaN; -0.0 is less than 0.0. Derivative: half to each at ties.
Array max(const Array& a, const Array& b);

// max in place: operand 0 becomes the value of max, and is the result. Its own elements must not
// share memory. See max.
Array max_(const Array& a, const Array& b);

struct MaxPoolOptions {
  // elements between outputs; absent = kernel
  std::optional<std::vector<int64_t>> stride = {};
  // [begin..., end...] per spatial axis, elements around x that never win; absent = none
  std::optional<std::vector<int64_t>> padding = {};
  // elements between taps; absent = 1
  std::optional<std::vector<int64_t>> dilation = {};
  // round the number of outputs up, as long as the last window begins inside x or the padding
  // before it
  bool ceil_mode = false;
};

// Greatest element under a sliding window: y[n, c, i...] = max over k of x[n, c, i * stride + k *
// dilation - begin ...], taps outside x left out.
Array max_pool(const Array& x, const std::vector<int64_t>& kernel, const MaxPoolOptions& options = {});

// Lesser value: y = min(a, b). Shapes broadcast as in NumPy; dtypes are equal. NaN if either is
// NaN; -0.0 is less than 0.0. Derivative: half to each at ties.
Array min(const Array& a, const Array& b);

// min in place: operand 0 becomes the value of min, and is the result. Its own elements must not
// share memory. See min.
Array min_(const Array& a, const Array& b);

// Mish: y = x tanh(log(1 + e^x)), of the shape of x, computed as x n / (n + 2) with n = e^x (e^x +
// 2). mish(-inf) = -0.0.
Array mish(const Array& x);

// mish in place: operand 0 becomes the value of mish, and is the result. Its own elements must not
// share memory. See mish.
Array mish_(const Array& x);

struct MseLossOptions {
  // "mean" or "sum" over all losses, or "none": one per target
  std::string reduction = "mean";
};

// Squared error: l = (x - t) * (x - t); y = the mean of l, its sum, or l itself.
Array mse_loss(const Array& x, const Array& t, const MseLossOptions& options = {});

// Product: y = a * b. Shapes broadcast as in NumPy; dtypes are equal. Integers wrap.
Array mul(const Array& a, const Array& b);

// mul in place: operand 0 becomes the value of mul, and is the result. Its own elements must not
// share memory. See mul.
Array mul_(const Array& a, const Array& b);

struct NarrowOptions {
  // the axis that is cut
  int64_t dim = 0;
  // first index; negative counts from the end
  SymInt start = 0;
  // number of elements, which must be there
  SymInt length = 0;
};

// The length elements of axis dim from start on: y[.., i, ..] = x[.., start + i, ..].
Array narrow(const Array& x, const NarrowOptions& options = {});

// Inequality: y = (a != b), as bool. Shapes broadcast as in NumPy; dtypes are equal. True if either
// is NaN; -0.0 equals 0.0.
Array ne(const Array& a, const Array& b);

// Negation: y = -x, of the shape of x. The sign of zeros flips; integers wrap.
Array neg(const Array& x);

// neg in place: operand 0 becomes the value of neg, and is the result. Its own elements must not
// share memory. See neg.
Array neg_(const Array& x);

// The positions of the elements that are not zero, in row-major order: row j of y is the index of
// the j-th such element of x.
Array nonzero(const Array& x);

struct NormOptions {
  // the power; inf and -inf: greatest and least magnitude
  double p = 2.0;
  // axes to reduce; absent = all
  std::optional<std::vector<int64_t>> dims = {};
  // true: reduced axes stay, with size 1
  bool keep_dims = false;
};

// p-norm over axes, without those axes (with keep_dims, they stay with size 1): p = 2: sqrt(sum of
// x * x); p = 1: sum of |x|; p = inf, -inf: greatest, least |x|, an error (E504) of an empty axis;
// p = 0: the number of elements that are not 0; else (sum of |x|^p)^(1/p). x: [d0, ..., dn]. f16
// and bf16 are computed in f32 and rounded once. Squares may overflow where the norm would not.
// Stands for these ops.
Array norm(const Array& x, const NormOptions& options = {});

// Complement: y = not x, of the shape of x; logical for bool, all bits for integers.
Array logical_not(const Array& x);

// not in place: operand 0 becomes the value of not, and is the result. Its own elements must not
// share memory. See not.
Array logical_not_(const Array& x);

// A vector per element: y[p, c] = 1 where c = x[p], else 0.
Array one_hot(const Array& x, const SymInt& depth);

// Disjunction: y = a | b; logical for bool, bitwise for integers. Shapes broadcast as in NumPy;
// dtypes are equal.
Array logical_or(const Array& a, const Array& b);

// or in place: operand 0 becomes the value of or, and is the result. Its own elements must not
// share memory. See or.
Array logical_or_(const Array& a, const Array& b);

struct OutDtypeOptions {
  // of conv2d; absent = as there
  std::optional<std::vector<int64_t>> stride = {};
  // of conv2d; absent = as there
  std::optional<std::vector<int64_t>> padding = {};
  // of conv2d; absent = as there
  std::optional<std::vector<int64_t>> dilation = {};
  // of conv2d; absent = as there
  std::optional<int64_t> groups = {};
};

// A product computed in a wider dtype: y = op(cast(a), cast(b)), both to `dtype`, so that i8
// products are summed in i32.
Array out_dtype(const Array& a, const Array& b, const std::string& op, DType dtype, const OutDtypeOptions& options = {});

struct PadOptions {
  // elements put before each axis; absent = none
  std::optional<std::vector<SymInt>> low = {};
  // elements put after each axis; absent = none
  std::optional<std::vector<SymInt>> high = {};
  // what is put there: "constant" (value), "reflect" (mirrored at the first and last element),
  // "replicate" (the first and last element), "circular" (from the other end)
  std::string mode = "constant";
  // the element of mode "constant", of x's dtype
  double value = 0.0;
};

// x with elements around it: y[.., i, ..] = x[.., i - low, ..] where 0 <= i - low < n. Elsewhere,
// with j = i - low: value; or x at -j, then 2 (n - 1) - j (reflect); at 0, n - 1 (replicate); at j
// mod n (circular).
Array pad(const Array& x, const PadOptions& options = {});

// Power: y = a^b. Shapes broadcast as in NumPy; dtypes are equal. Floats: special values as in C
// Annex F (1 where b is 0 or a is 1, NaN for a < 0 and b no integer). Integers: repeated
// multiplication, wrapping, 0^0 = 1; with a negative exponent 1 for base 1, +-1 for base -1, else
// 0. Derivative: to a it is 0 where b is 0; to b it is 0 where a is 0 and b >= 0.
Array pow(const Array& a, const Array& b);

// pow in place: operand 0 becomes the value of pow, and is the result. Its own elements must not
// share memory. See pow.
Array pow_(const Array& a, const Array& b);

struct QuantizeOptions {
  // the axis along which scale and zero_point run; absent: they are one number
  std::optional<int64_t> dim = {};
};

// Floats to integers: y = round(x / scale) + zero_point, saturated to the written dtype; round is
// half to even.
Array quantize(const Array& x, const Array& scale, const Array& zero_point, DType result_dtype, const QuantizeOptions& options = {});

// Reciprocal: y = 1 / x, of the shape of x. 1 / +-0 = +-inf, 1 / +-inf = +-0.
Array reciprocal(const Array& x);

// reciprocal in place: operand 0 becomes the value of reciprocal, and is the result. Its own
// elements must not share memory. See reciprocal.
Array reciprocal_(const Array& x);

struct ReduceAllOptions {
  // axes to reduce; absent = all
  std::optional<std::vector<int64_t>> dims = {};
  // true: reduced axes stay, with size 1
  bool keep_dims = false;
};

// True where no element over `dims` is 0, without those axes (with keep_dims, they stay with size
// 1). x: [d0, ..., dn] of any dtype; y: bool. NaN is not 0, -0.0 is. True of no elements.
Array reduce_all(const Array& x, const ReduceAllOptions& options = {});

struct ReduceAnyOptions {
  // axes to reduce; absent = all
  std::optional<std::vector<int64_t>> dims = {};
  // true: reduced axes stay, with size 1
  bool keep_dims = false;
};

// True where any element over `dims` is not 0, without those axes (with keep_dims, they stay with
// size 1). x: [d0, ..., dn] of any dtype; y: bool. NaN is not 0, -0.0 is. False of no elements.
Array reduce_any(const Array& x, const ReduceAnyOptions& options = {});

struct ReduceMaxOptions {
  // axes to reduce; absent = all
  std::optional<std::vector<int64_t>> dims = {};
  // true: reduced axes stay, with size 1
  bool keep_dims = false;
};

// Greatest value over axes: y[...] = max of x over `dims`, without those axes (with keep_dims, they
// stay with size 1). x: [d0, ..., dn]. NaN if any is NaN; -0.0 is less than 0.0. Reducing an empty
// axis is an error (E504).
Array reduce_max(const Array& x, const ReduceMaxOptions& options = {});

struct ReduceMeanOptions {
  // axes to reduce; absent = all
  std::optional<std::vector<int64_t>> dims = {};
  // true: reduced axes stay, with size 1
  bool keep_dims = false;
};

// Mean over axes: y[...] = (sum of x over `dims`) / n, without those axes (with keep_dims, they
// stay with size 1). x: [d0, ..., dn]; n: elements over dims, rounded to the compute type. The sum
// is that of reduce_sum, then there is one division; f16 and bf16 are computed in f32 and rounded
// once. The mean of no elements is NaN. Integers are no operands: cast them first.
Array reduce_mean(const Array& x, const ReduceMeanOptions& options = {});

struct ReduceMinOptions {
  // axes to reduce; absent = all
  std::optional<std::vector<int64_t>> dims = {};
  // true: reduced axes stay, with size 1
  bool keep_dims = false;
};

// Least value over axes: y[...] = min of x over `dims`, without those axes (with keep_dims, they
// stay with size 1). x: [d0, ..., dn]. NaN if any is NaN; -0.0 is less than 0.0. Reducing an empty
// axis is an error (E504).
Array reduce_min(const Array& x, const ReduceMinOptions& options = {});

struct ReduceProdOptions {
  // axes to reduce; absent = all
  std::optional<std::vector<int64_t>> dims = {};
  // true: reduced axes stay, with size 1
  bool keep_dims = false;
};

// Product over axes: y[...] = product of x over `dims`, without those axes (with keep_dims, they
// stay with size 1). x: [d0, ..., dn]. Multiplied in the fixed order of docs/numerics.md; f16 and
// bf16 in f32, rounded once; integers wrap in their own width. The product of no elements is 1.
Array reduce_prod(const Array& x, const ReduceProdOptions& options = {});

struct ReduceSumOptions {
  // axes to reduce; absent = all
  std::optional<std::vector<int64_t>> dims = {};
  // true: reduced axes stay, with size 1
  bool keep_dims = false;
};

// Sum over axes: y[...] = sum of x over `dims`, without those axes (with keep_dims, they stay with
// size 1). x: [d0, ..., dn]. Added in the fixed order of docs/numerics.md; f16 and bf16 in f32,
// rounded once; integers wrap in their own width. The sum of no elements is 0.
Array reduce_sum(const Array& x, const ReduceSumOptions& options = {});

// Rectified linear unit: y = 0 if x < 0, else x; of the shape of x. relu(NaN) = NaN, relu(-0.0) =
// -0.0. Derivative: 0 at 0.
Array relu(const Array& x);

// relu in place: operand 0 becomes the value of relu, and is the result. Its own elements must not
// share memory. See relu.
Array relu_(const Array& x);

// Remainder of the quotient rounded down: y = a - b floor(a / b), with the sign of b, also where it
// is 0. Shapes broadcast as in NumPy; dtypes are equal. Floats: NaN where b is 0 or a is infinite;
// where the signs of a and b differ, fmod(a, b) + b rounds once, else y is exact. Integers: 0 where
// b is 0.
Array rem(const Array& a, const Array& b);

// rem in place: operand 0 becomes the value of rem, and is the result. Its own elements must not
// share memory. See rem.
Array rem_(const Array& a, const Array& b);

// x repeated along each axis: y[i_0, ...] = x[i_0 mod d_0, ...].
Array repeat(const Array& x, const std::vector<SymInt>& repeats);

// The elements of x in row-major order under other sizes: y.flat[i] = x.flat[i].
Array reshape(const Array& x, const std::vector<SymInt>& shape);

// Gives x another shape and number of elements: the result has the first min(n, m) elements of x in
// row-major order, the others are 0; x must not be used afterwards.
Array resize_(const Array& x, const std::vector<SymInt>& shape);

struct RmsNormOptions {
  Array weight = {};
  // axes to normalize over; absent = the last one
  std::optional<std::vector<int64_t>> dims = {};
  // added under the root; not negative
  double eps = 1e-05;
};

// Root mean square normalization: s = (sum of x * x over dims) / n; r = 1 / sqrt(s + eps); y = x *
// r * weight, each operation rounded, in this order; an absent weight is left out. n: elements over
// dims, which are the last axis where they are absent. x, y: [d0, ...]; weight: the sizes of dims.
// The sum is form 1 of docs/numerics.md whichever axes dims are; f16 and bf16 are computed in f32
// and rounded once.
Array rms_norm(const Array& x, const RmsNormOptions& options = {});

struct RngBitsOptions {
  // sizes of the result; absent = one number of rank 0
  std::optional<std::vector<SymInt>> shape = {};
  // u32 or u64; absent = u32
  std::optional<DType> dtype = {};
};

// Random bits: y[p] = word p of the draw (u32), or words 2 p and 2 p + 1, low half first (u64),
// where p counts elements in row-major order.
Array rng_bits(const Array& key, const RngBitsOptions& options = {});

// A key for use i of a key: words 0 and 1 of the block at counter words (i low, i high, counter
// low, counter high), with the counter 0.
Array rng_fold(const Array& key, const Array& i);

// A key from a seed: [v, 0], the 64 bits of v and the counter 0.
Array rng_key(const Array& v);

struct RngNormalOptions {
  // sizes of the result; absent = one number of rank 0
  std::optional<std::vector<SymInt>> shape = {};
  // f32, f64, f16 or bf16; absent = f32
  std::optional<DType> dtype = {};
};

// Numbers of the standard normal distribution: y[2 q] = r cos(a), y[2 q + 1] = r sin(a), r =
// sqrt(-2 log((w + 1) 2^-32)), a = 2 pi v 2^-32, with w = word 2 q and v = word 2 q + 1 of the
// draw; elements count in row-major order.
Array rng_normal(const Array& key, const RngNormalOptions& options = {});

struct RngUniformOptions {
  // sizes of the result; absent = one number of rank 0
  std::optional<std::vector<SymInt>> shape = {};
  // f32, f64, f16 or bf16; absent = f32
  std::optional<DType> dtype = {};
  // the least number
  double low = 0.0;
  // the end of the interval
  double high = 1.0;
};

// Numbers uniform in [low, high): y[p] = low + u (high - low), u = (word p >> 8) 2^-24 in f32, and
// (64 bits p >> 11) 2^-53 in f64, words and bits as rng.bits draws them.
Array rng_uniform(const Array& key, const RngUniformOptions& options = {});

struct RollOptions {
  // the axes, one for each shift; absent = x in row-major order as one axis
  std::optional<std::vector<int64_t>> dims = {};
};

// The elements moved along dims; what leaves at the end comes in at the start: y[.., i, ..] = x[..,
// (i - shift) mod n, ..].
Array roll(const Array& x, const std::vector<int64_t>& shifts, const RollOptions& options = {});

// The integer nearest to x, halves to the even one; of the shape of x. Zeros, infinities and NaN
// stay; round(-0.5) = -0.0. Derivative: 0.
Array round(const Array& x);

// round in place: operand 0 becomes the value of round, and is the result. Its own elements must
// not share memory. See round.
Array round_(const Array& x);

// Reciprocal square root: y = 1 / sqrt(x), of the shape of x, by these two operations. NaN below
// zero; rsqrt(+-0) = +-inf, rsqrt(inf) = 0.
Array rsqrt(const Array& x);

// rsqrt in place: operand 0 becomes the value of rsqrt, and is the result. Its own elements must
// not share memory. See rsqrt.
Array rsqrt_(const Array& x);

struct ScaledDotProductAttentionOptions {
  Array mask = {};
  // row i sees the keys j <= i only
  bool causal = false;
  // factor of the scores; absent = 1 / sqrt(e)
  std::optional<double> scale = {};
};

// Attention: s = (q * k^T) * scale; s = s where the mask is true, else -inf (bool), or s + mask
// (float); causal: s[.., i, j] = -inf for j > i; y = softmax(s over the last axis) * v.
Array scaled_dot_product_attention(const Array& q, const Array& k, const Array& v, const ScaledDotProductAttentionOptions& options = {});

struct ScatterOptions {
  // the axis that indices name
  int64_t dim = 0;
  // none (s replaces), or add, mul, max, min (s is combined with what is there)
  std::string reduce = "none";
};

// x with elements of s written along one axis: y = x, then for each position p of i in row-major
// order y[.., i[.., p, ..], ..] = s[.., p, ..], or that element combined with it.
Array scatter(const Array& x, const Array& i, const Array& s, const ScatterOptions& options = {});

struct ScatterInPlaceOptions {
  // the axis that indices name
  int64_t dim = 0;
  // none (s replaces), or add, mul, max, min (s is combined with what is there)
  std::string reduce = "none";
};

// scatter in place: operand 0 becomes the value of scatter, and is the result. Its own elements
// must not share memory. See scatter.
Array scatter_(const Array& x, const Array& i, const Array& s, const ScatterInPlaceOptions& options = {});

// Choice: y = a where p, else b. p is bool; a and b have equal dtypes; all three shapes broadcast
// as in NumPy.
Array select(const Array& p, const Array& a, const Array& b);

struct SelectIndexOptions {
  // the axis that goes
  int64_t dim = 0;
  // the index on it; negative counts from the end
  SymInt index = 0;
};

// One index of axis dim: y[..] = x[.., index, ..].
Array select_index(const Array& x, const SelectIndexOptions& options = {});

struct SelectScatterOptions {
  // the axis of the index
  int64_t dim = 0;
  // the index on it; negative counts from the end
  SymInt index = 0;
};

// x with s in the place of select_index(x, dim, index).
Array select_scatter(const Array& x, const Array& s, const SelectScatterOptions& options = {});

// Scaled exponential linear unit: y = scale * x if x > 0, else scale * alpha * (e^x - 1), scale =
// 1.0507009873554805, alpha = 1.6732632423543772; of the shape of x. selu(-inf) = -scale * alpha.
// Derivative: scale * alpha at 0.
Array selu(const Array& x);

// selu in place: operand 0 becomes the value of selu, and is the result. Its own elements must not
// share memory. See selu.
Array selu_(const Array& x);

// Makes x the tensor s: the result shares the storage of s, and x must not be used afterwards.
Array set_(const Array& x, const Array& s);

// Left shift: y = a * 2^b, wrapping. Shapes broadcast as in NumPy; dtypes are equal. 0 where b is
// negative or not less than the width.
Array shl(const Array& a, const Array& b);

// shl in place: operand 0 becomes the value of shl, and is the result. Its own elements must not
// share memory. See shl.
Array shl_(const Array& a, const Array& b);

// Right shift: y = floor(a / 2^b); the sign comes in for signed integers, 0 for unsigned ones.
// Shapes broadcast as in NumPy; dtypes are equal. Where b is negative or not less than the width,
// -1 for a < 0, else 0.
Array shr(const Array& a, const Array& b);

// shr in place: operand 0 becomes the value of shr, and is the result. Its own elements must not
// share memory. See shr.
Array shr_(const Array& a, const Array& b);

// Logistic function: y = 1 / (1 + e^-x), of the shape of x. sigmoid(-inf) = 0, sigmoid(inf) = 1.
Array sigmoid(const Array& x);

// sigmoid in place: operand 0 becomes the value of sigmoid, and is the result. Its own elements
// must not share memory. See sigmoid.
Array sigmoid_(const Array& x);

// Sign: y = 1 where x > 0, -1 where x < 0, else 0; of the shape of x. sign(-0.0) = 0.0, sign(NaN) =
// NaN. Derivative: 0.
Array sign(const Array& x);

// sign in place: operand 0 becomes the value of sign, and is the result. Its own elements must not
// share memory. See sign.
Array sign_(const Array& x);

// Sigmoid linear unit (swish): y = x / (1 + e^-x), of the shape of x. silu(-inf) = -0.0.
Array silu(const Array& x);

// silu in place: operand 0 becomes the value of silu, and is the result. Its own elements must not
// share memory. See silu.
Array silu_(const Array& x);

// Sine: y = sin(x), x in radians, of the shape of x. sin(+-0) = +-0; NaN for infinities.
Array sin(const Array& x);

// sin in place: operand 0 becomes the value of sin, and is the result. Its own elements must not
// share memory. See sin.
Array sin_(const Array& x);

// Hyperbolic sine: y = sinh(x), of the shape of x. sinh(+-0) = +-0, sinh(+-inf) = +-inf.
Array sinh(const Array& x);

// sinh in place: operand 0 becomes the value of sinh, and is the result. Its own elements must not
// share memory. See sinh.
Array sinh_(const Array& x);

struct SliceOptions {
  // the axis that is cut
  int64_t dim = 0;
  // first index; negative counts from the end; clamped to [0, n]
  SymInt start = 0;
  // one past the last index; negative counts from the end; clamped to [0, n]; absent = n
  std::optional<SymInt> end = {};
  // distance of the elements taken, at least 1
  int64_t step = 1;
};

// Every step-th element of axis dim from start to before end: y[.., i, ..] = x[.., start + i *
// step, ..].
Array slice(const Array& x, const SliceOptions& options = {});

struct SliceScatterOptions {
  // the axis that is cut
  int64_t dim = 0;
  // first index; negative counts from the end; clamped to [0, n]
  SymInt start = 0;
  // one past the last index; negative counts from the end; clamped to [0, n]; absent = n
  std::optional<SymInt> end = {};
  // distance of the elements replaced, at least 1
  int64_t step = 1;
};

// x with s in the place of slice(x, dim, start, end, step).
Array slice_scatter(const Array& x, const Array& s, const SliceScatterOptions& options = {});

struct SoftmaxOptions {
  // the axis that is normalized
  int64_t dim = -1;
};

// Normalized exponential along one axis: m = max of x along dim; e = exp(x - m); s = sum of e along
// dim; y = e * (1 / s). y is of the shape of x. The sum is form 1 of docs/numerics.md whichever
// axis dim is; f16 and bf16 are computed in f32 and rounded once. A row of -inf, or one with inf or
// NaN in it, gives NaN.
Array softmax(const Array& x, const SoftmaxOptions& options = {});

struct SoftplusOptions {
  // factor of x; the result is divided by it
  double beta = 1.0;
  // y = x where beta * x is greater
  double threshold = 20.0;
};

// Smooth rectifier: y = x if beta * x > threshold, else log(1 + e^(beta * x)) / beta; of the shape
// of x. softplus(-inf) = 0 for beta > 0. Derivative: 1 past the threshold.
Array softplus(const Array& x, const SoftplusOptions& options = {});

struct SoftplusInPlaceOptions {
  // factor of x; the result is divided by it
  double beta = 1.0;
  // y = x where beta * x is greater
  double threshold = 20.0;
};

// softplus in place: operand 0 becomes the value of softplus, and is the result. Its own elements
// must not share memory. See softplus.
Array softplus_(const Array& x, const SoftplusInPlaceOptions& options = {});

struct SortOptions {
  // the axis along which rows run
  int64_t dim = -1;
  // greatest first
  bool descending = false;
};

// Rows in order: values[.., j, ..] = x[.., indices[.., j, ..], ..], ascending or descending along
// dim.
std::vector<Array> sort(const Array& x, const SortOptions& options = {});

struct SplitOptions {
  // the axis that is cut
  int64_t dim = 0;
};

// x cut along axis dim: y_i[.., j, ..] = x[.., sizes[0] + ... + sizes[i - 1] + j, ..].
std::vector<Array> split(const Array& x, const std::vector<SymInt>& sizes, const SplitOptions& options = {});

// Square root: y = sqrt(x), of the shape of x. NaN below zero; sqrt(-0.0) = -0.0.
Array sqrt(const Array& x);

// sqrt in place: operand 0 becomes the value of sqrt, and is the result. Its own elements must not
// share memory. See sqrt.
Array sqrt_(const Array& x);

struct SqueezeOptions {
  // axes to drop, each of size 1; absent = all of size 1
  std::optional<std::vector<int64_t>> dims = {};
};

// Drops axes of size 1.
Array squeeze(const Array& x, const SqueezeOptions& options = {});

struct SqueezeInPlaceOptions {
  // axes to drop, each of size 1; absent = all of size 1
  std::optional<std::vector<int64_t>> dims = {};
};

// squeeze as another handle of x: the result is the tensor from then on, and x must not be used.
// See squeeze.
Array squeeze_(const Array& x, const SqueezeInPlaceOptions& options = {});

struct StackOptions {
  // where the new axis stands in the result, in [-r - 1, r]
  int64_t dim = 0;
};

// The operands one after the other along a new axis dim: y[.., i, ..] = xs_i[..].
Array stack(const std::vector<Array>& xs, const StackOptions& options = {});

// Difference: y = a - b. Shapes broadcast as in NumPy; dtypes are equal. Integers wrap.
Array sub(const Array& a, const Array& b);

// sub in place: operand 0 becomes the value of sub, and is the result. Its own elements must not
// share memory. See sub.
Array sub_(const Array& a, const Array& b);

// Tangent: y = tan(x), x in radians, of the shape of x. tan(+-0) = +-0; NaN for infinities.
Array tan(const Array& x);

// tan in place: operand 0 becomes the value of tan, and is the result. Its own elements must not
// share memory. See tan.
Array tan_(const Array& x);

// Hyperbolic tangent: y = tanh(x), of the shape of x. tanh(+-0) = +-0, tanh(+-inf) = +-1.
Array tanh(const Array& x);

// tanh in place: operand 0 becomes the value of tanh, and is the result. Its own elements must not
// share memory. See tanh.
Array tanh_(const Array& x);

// x repeated along each axis: y[i_0, ...] = x[i_0 mod d_0, ...].
Array tile(const Array& x, const std::vector<SymInt>& repeats);

struct ToDeviceOptions {
  // name and index of the device, "cuda:0"; absent = that of the session
  std::optional<std::string> device = {};
};

// x on another device: y[i] = x[i].
Array to_device(const Array& x, const ToDeviceOptions& options = {});

struct TopkOptions {
  // how many elements of a row, at most all
  int64_t k = 1;
  // the axis along which rows run
  int64_t dim = -1;
  // the greatest; else the least
  bool largest = true;
};

// The k greatest (least) elements of each row, in order: the first k of sort with descending =
// largest.
std::vector<Array> topk(const Array& x, const TopkOptions& options = {});

struct TransposeOptions {
  // axis of x for each axis of the result, a permutation; absent = all axes reversed
  std::optional<std::vector<int64_t>> dims = {};
};

// Permutes the axes: y[i_0, ..., i_r-1] = x with index i_j on axis dims[j].
Array transpose(const Array& x, const TransposeOptions& options = {});

struct TransposeInPlaceOptions {
  // axis of x for each axis of the result, a permutation; absent = all axes reversed
  std::optional<std::vector<int64_t>> dims = {};
};

// transpose as another handle of x: the result is the tensor from then on, and x must not be used.
// See transpose.
Array transpose_(const Array& x, const TransposeInPlaceOptions& options = {});

struct TrilOptions {
  // 0: the main diagonal; k > 0: k above it; k < 0: -k below it
  int64_t diagonal = 0;
};

// The lower triangle of each matrix: y[.., i, j] = x[.., i, j] where j - i <= diagonal, else 0.
Array tril(const Array& x, const TrilOptions& options = {});

struct TriuOptions {
  // 0: the main diagonal; k > 0: k above it; k < 0: -k below it
  int64_t diagonal = 0;
};

// The upper triangle of each matrix: y[.., i, j] = x[.., i, j] where j - i >= diagonal, else 0.
Array triu(const Array& x, const TriuOptions& options = {});

// x without its fraction, of the shape of x. Zeros, infinities and NaN stay; trunc(-0.5) = -0.0.
// Derivative: 0.
Array trunc(const Array& x);

// trunc in place: operand 0 becomes the value of trunc, and is the result. Its own elements must
// not share memory. See trunc.
Array trunc_(const Array& x);

struct UnfoldOptions {
  // the axis along which windows lie
  int64_t dim = 0;
  // elements of a window
  SymInt size = 1;
  // distance of the windows' first elements, at least 1
  int64_t step = 1;
};

// All windows of size elements along axis dim, step apart: y[.., w, .., j] = x[.., w * step + j,
// ..].
Array unfold(const Array& x, const UnfoldOptions& options = {});

// The distinct elements of x, ascending: values; where each element of x is among them: x[p] =
// values[inverse[p]]; and how often each is there: counts.
std::vector<Array> unique(const Array& x);

struct UnsqueezeOptions {
  // where the new axis stands in the result, in [-r - 1, r]
  int64_t dim = 0;
};

// Inserts an axis of size 1 at dim.
Array unsqueeze(const Array& x, const UnsqueezeOptions& options = {});

struct UnsqueezeInPlaceOptions {
  // where the new axis stands in the result, in [-r - 1, r]
  int64_t dim = 0;
};

// unsqueeze as another handle of x: the result is the tensor from then on, and x must not be used.
// See unsqueeze.
Array unsqueeze_(const Array& x, const UnsqueezeInPlaceOptions& options = {});

struct VarOptions {
  // axes to reduce; absent = all
  std::optional<std::vector<int64_t>> dims = {};
  // taken from the number of elements; not negative
  int64_t correction = 1;
  // true: reduced axes stay, with size 1
  bool keep_dims = false;
};

// Variance over axes: mean = (sum of x over dims) / n; y = (sum of (x - mean)^2 over dims) / max(0,
// n - correction), without those axes (with keep_dims, they stay with size 1). x: [d0, ..., dn]; n:
// elements over dims. Two passes; both sums are form 1 of docs/numerics.md whichever axes dims are;
// f16 and bf16 are computed in f32 and rounded once. Divisions by 0 are those of IEEE 754: NaN of
// no elements and of one element with correction 1.
Array var(const Array& x, const VarOptions& options = {});

// The elements of x in row-major order under other sizes, without a copy: y.flat[i] = x.flat[i].
Array view(const Array& x, const std::vector<SymInt>& shape);

// Exclusive or: y = a ^ b; logical for bool, bitwise for integers. Shapes broadcast as in NumPy;
// dtypes are equal.
Array logical_xor(const Array& a, const Array& b);

// xor in place: operand 0 becomes the value of xor, and is the result. Its own elements must not
// share memory. See xor.
Array logical_xor_(const Array& a, const Array& b);

// A tensor like x with 0 everywhere: y[i] = 0.
Array zero(const Array& x);

// zero in place: operand 0 becomes the value of zero, and is the result. Its own elements must not
// share memory. See zero.
Array zero_(const Array& x);

}  // namespace gcomp::ops
