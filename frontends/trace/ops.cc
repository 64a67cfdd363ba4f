// Written by gcomp-opt from the records in kernels/ops; not edited by hand.
// clang-format off
#include "frontends/trace/ops.h"

#include <utility>

#include "frontends/trace/op_call.h"

namespace gcomp::ops {

using internal::Call;
using internal::Call1;
using internal::OpCall;
using internal::Put;
using internal::Result;

Array abs(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("abs", std::move(call));
}

Array abs_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("abs_", std::move(call));
}

Array acos(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("acos", std::move(call));
}

Array acos_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("acos_", std::move(call));
}

Array acosh(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("acosh", std::move(call));
}

Array acosh_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("acosh_", std::move(call));
}

Array adaptive_avg_pool(const Array& x, const std::vector<int64_t>& size) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "size", size);
  return Call1("adaptive_avg_pool", std::move(call));
}

Array add(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("add", std::move(call));
}

Array add_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("add_", std::move(call));
}

Array addmm(const Array& m, const Array& a, const Array& b, const AddmmOptions& options) {
  OpCall call;
  call.groups.push_back({m});
  call.groups.push_back({a});
  call.groups.push_back({b});
  Put(call, "beta", options.beta);
  Put(call, "alpha", options.alpha);
  return Call1("addmm", std::move(call));
}

Array logical_and(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("and", std::move(call));
}

Array logical_and_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("and_", std::move(call));
}

Array argmax(const Array& x, const ArgmaxOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("argmax", std::move(call));
}

Array argmin(const Array& x, const ArgminOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("argmin", std::move(call));
}

Array as_strided(const Array& x, const std::vector<SymInt>& shape, const std::vector<SymInt>& strides, const AsStridedOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "shape", shape);
  Put(call, "strides", strides);
  Put(call, "offset", options.offset);
  return Call1("as_strided", std::move(call));
}

Array as_strided_scatter(const Array& x, const Array& s, const std::vector<SymInt>& shape, const std::vector<SymInt>& strides, const AsStridedScatterOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({s});
  Put(call, "shape", shape);
  Put(call, "strides", strides);
  Put(call, "offset", options.offset);
  return Call1("as_strided_scatter", std::move(call));
}

Array asin(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("asin", std::move(call));
}

Array asin_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("asin_", std::move(call));
}

Array asinh(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("asinh", std::move(call));
}

Array asinh_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("asinh_", std::move(call));
}

Array atan(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("atan", std::move(call));
}

Array atan2(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("atan2", std::move(call));
}

Array atan2_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("atan2_", std::move(call));
}

Array atan_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("atan_", std::move(call));
}

Array atanh(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("atanh", std::move(call));
}

Array atanh_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("atanh_", std::move(call));
}

Array avg_pool(const Array& x, const std::vector<int64_t>& kernel, const AvgPoolOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "kernel", kernel);
  Put(call, "stride", options.stride);
  Put(call, "padding", options.padding);
  Put(call, "count_include_pad", options.count_include_pad);
  return Call1("avg_pool", std::move(call));
}

std::vector<Array> batch_norm(const Array& x, const Array& weight, const Array& bias, const Array& mean, const Array& var, const BatchNormOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({weight});
  call.groups.push_back({bias});
  call.groups.push_back({mean});
  call.groups.push_back({var});
  Put(call, "eps", options.eps);
  Put(call, "training", options.training);
  Put(call, "momentum", options.momentum);
  return Call("batch_norm", std::move(call));
}

Array bitcast(const Array& x, DType result_dtype) {
  OpCall call;
  call.groups.push_back({x});
  Result(call, result_dtype, x);
  return Call1("bitcast", std::move(call));
}

Array bitwise_and(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("bitwise_and", std::move(call));
}

Array bitwise_and_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("bitwise_and_", std::move(call));
}

Array bitwise_not(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("bitwise_not", std::move(call));
}

Array bitwise_not_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("bitwise_not_", std::move(call));
}

Array bitwise_or(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("bitwise_or", std::move(call));
}

Array bitwise_or_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("bitwise_or_", std::move(call));
}

Array bitwise_xor(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("bitwise_xor", std::move(call));
}

Array bitwise_xor_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("bitwise_xor_", std::move(call));
}

Array bmm(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("bmm", std::move(call));
}

Array cast(const Array& x, DType result_dtype) {
  OpCall call;
  call.groups.push_back({x});
  Result(call, result_dtype, x);
  return Call1("cast", std::move(call));
}

Array ceil(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("ceil", std::move(call));
}

Array ceil_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("ceil_", std::move(call));
}

Array clamp(const Array& x, const ClampOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({options.min});
  call.groups.push_back({options.max});
  return Call1("clamp", std::move(call));
}

Array clamp_(const Array& x, const ClampInPlaceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({options.min});
  call.groups.push_back({options.max});
  return Call1("clamp_", std::move(call));
}

Array concat(const std::vector<Array>& xs, const ConcatOptions& options) {
  OpCall call;
  call.groups.push_back(xs);
  Put(call, "dim", options.dim);
  return Call1("concat", std::move(call));
}

Array contiguous(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("contiguous", std::move(call));
}

Array conv1d(const Array& x, const Array& w, const Conv1dOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({w});
  call.groups.push_back({options.bias});
  Put(call, "stride", options.stride);
  Put(call, "padding", options.padding);
  Put(call, "dilation", options.dilation);
  Put(call, "groups", options.groups);
  return Call1("conv1d", std::move(call));
}

Array conv2d(const Array& x, const Array& w, const Conv2dOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({w});
  call.groups.push_back({options.bias});
  Put(call, "stride", options.stride);
  Put(call, "padding", options.padding);
  Put(call, "dilation", options.dilation);
  Put(call, "groups", options.groups);
  return Call1("conv2d", std::move(call));
}

Array conv3d(const Array& x, const Array& w, const Conv3dOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({w});
  call.groups.push_back({options.bias});
  Put(call, "stride", options.stride);
  Put(call, "padding", options.padding);
  Put(call, "dilation", options.dilation);
  Put(call, "groups", options.groups);
  return Call1("conv3d", std::move(call));
}

Array conv_transpose(const Array& x, const Array& w, const ConvTransposeOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({w});
  call.groups.push_back({options.bias});
  Put(call, "stride", options.stride);
  Put(call, "padding", options.padding);
  Put(call, "output_padding", options.output_padding);
  Put(call, "dilation", options.dilation);
  Put(call, "groups", options.groups);
  return Call1("conv_transpose", std::move(call));
}

Array copy(const Array& x, const CopyOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({options.s});
  return Call1("copy", std::move(call));
}

Array copy_(const Array& x, const Array& s) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({s});
  return Call1("copy_", std::move(call));
}

Array cos(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("cos", std::move(call));
}

Array cos_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("cos_", std::move(call));
}

Array cosh(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("cosh", std::move(call));
}

Array cosh_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("cosh_", std::move(call));
}

Array cross_entropy(const Array& x, const Array& t, const CrossEntropyOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({t});
  Put(call, "reduction", options.reduction);
  return Call1("cross_entropy", std::move(call));
}

Array cumprod(const Array& x, const CumprodOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  return Call1("cumprod", std::move(call));
}

Array cumsum(const Array& x, const CumsumOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  return Call1("cumsum", std::move(call));
}

Array dequantize(const Array& x, const Array& scale, const Array& zero_point, const DequantizeOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({scale});
  call.groups.push_back({zero_point});
  Put(call, "dim", options.dim);
  return Call1("dequantize", std::move(call));
}

Array diagonal(const Array& x, const DiagonalOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "offset", options.offset);
  Put(call, "dim1", options.dim1);
  Put(call, "dim2", options.dim2);
  return Call1("diagonal", std::move(call));
}

Array diagonal_scatter(const Array& x, const Array& s, const DiagonalScatterOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({s});
  Put(call, "offset", options.offset);
  Put(call, "dim1", options.dim1);
  Put(call, "dim2", options.dim2);
  return Call1("diagonal_scatter", std::move(call));
}

Array div(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("div", std::move(call));
}

Array div_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("div_", std::move(call));
}

Array dropout(const Array& x, const DropoutOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({options.key});
  Put(call, "p", options.p);
  Put(call, "training", options.training);
  return Call1("dropout", std::move(call));
}

Array einsum(const std::vector<Array>& xs, const EinsumOptions& options) {
  OpCall call;
  call.groups.push_back(xs);
  Put(call, "equation", options.equation);
  return Call1("einsum", std::move(call));
}

Array elu(const Array& x, const EluOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "alpha", options.alpha);
  return Call1("elu", std::move(call));
}

Array elu_(const Array& x, const EluInPlaceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "alpha", options.alpha);
  return Call1("elu_", std::move(call));
}

Array embedding(const Array& w, const Array& i) {
  OpCall call;
  call.groups.push_back({w});
  call.groups.push_back({i});
  return Call1("embedding", std::move(call));
}

Array empty(DType result_dtype, const std::vector<SymInt>& result_shape) {
  OpCall call;
  Put(call, "shape", result_shape);
  Result(call, result_dtype, result_shape);
  return Call1("empty", std::move(call));
}

Array eq(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("eq", std::move(call));
}

Array erf(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("erf", std::move(call));
}

Array erf_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("erf_", std::move(call));
}

Array exp(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("exp", std::move(call));
}

Array exp_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("exp_", std::move(call));
}

Array expand(const Array& x, const std::vector<SymInt>& shape) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "shape", shape);
  return Call1("expand", std::move(call));
}

Array expm1(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("expm1", std::move(call));
}

Array expm1_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("expm1_", std::move(call));
}

Array fill(const Array& x, const Array& v) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({v});
  return Call1("fill", std::move(call));
}

Array fill_(const Array& x, const Array& v) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({v});
  return Call1("fill_", std::move(call));
}

Array flip(const Array& x, const FlipOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  return Call1("flip", std::move(call));
}

Array floor(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("floor", std::move(call));
}

Array floor_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("floor_", std::move(call));
}

Array floor_div(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("floor_div", std::move(call));
}

Array floor_div_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("floor_div_", std::move(call));
}

Array fma(const Array& a, const Array& b, const Array& c) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  call.groups.push_back({c});
  return Call1("fma", std::move(call));
}

Array fma_(const Array& a, const Array& b, const Array& c) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  call.groups.push_back({c});
  return Call1("fma_", std::move(call));
}

Array fmod(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("fmod", std::move(call));
}

Array fmod_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("fmod_", std::move(call));
}

Array frac(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("frac", std::move(call));
}

Array frac_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("frac_", std::move(call));
}

Array full(const Array& v, DType result_dtype, const std::vector<SymInt>& result_shape) {
  OpCall call;
  call.groups.push_back({v});
  Put(call, "shape", result_shape);
  Result(call, result_dtype, result_shape);
  return Call1("full", std::move(call));
}

Array gather(const Array& x, const Array& i, const GatherOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({i});
  Put(call, "dim", options.dim);
  return Call1("gather", std::move(call));
}

Array ge(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("ge", std::move(call));
}

Array gelu(const Array& x, const GeluOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "approx", options.approx);
  return Call1("gelu", std::move(call));
}

Array gelu_(const Array& x, const GeluInPlaceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "approx", options.approx);
  return Call1("gelu_", std::move(call));
}

Array group_norm(const Array& x, const GroupNormOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({options.weight});
  call.groups.push_back({options.bias});
  Put(call, "groups", options.groups);
  Put(call, "eps", options.eps);
  return Call1("group_norm", std::move(call));
}

Array gt(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("gt", std::move(call));
}

Array hard_sigmoid(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("hard_sigmoid", std::move(call));
}

Array hard_sigmoid_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("hard_sigmoid_", std::move(call));
}

Array hard_swish(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("hard_swish", std::move(call));
}

Array hard_swish_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("hard_swish_", std::move(call));
}

Array index(const Array& x, const std::vector<Array>& is) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back(is);
  return Call1("index", std::move(call));
}

Array index_put(const Array& x, const Array& v, const std::vector<Array>& is, const IndexPutOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({v});
  call.groups.push_back(is);
  Put(call, "accumulate", options.accumulate);
  return Call1("index_put", std::move(call));
}

Array index_put_(const Array& x, const Array& v, const std::vector<Array>& is, const IndexPutInPlaceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({v});
  call.groups.push_back(is);
  Put(call, "accumulate", options.accumulate);
  return Call1("index_put_", std::move(call));
}

Array index_select(const Array& x, const Array& i, const IndexSelectOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({i});
  Put(call, "dim", options.dim);
  return Call1("index_select", std::move(call));
}

Array interpolate(const Array& x, const std::vector<SymInt>& size, const InterpolateOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "size", size);
  Put(call, "mode", options.mode);
  Put(call, "align_corners", options.align_corners);
  return Call1("interpolate", std::move(call));
}

std::vector<Array> io_print(const std::vector<Array>& args, const std::string& fmt) {
  OpCall call;
  call.groups.push_back(args);
  Put(call, "fmt", fmt);
  return Call("io.print", std::move(call));
}

Array io_token() {
  OpCall call;
  return Call1("io.token", std::move(call));
}

Array iota(DType result_dtype, const std::vector<SymInt>& result_shape, const IotaOptions& options) {
  OpCall call;
  Put(call, "dim", options.dim);
  Result(call, result_dtype, result_shape);
  return Call1("iota", std::move(call));
}

Array isfinite(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("isfinite", std::move(call));
}

Array isinf(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("isinf", std::move(call));
}

Array isnan(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("isnan", std::move(call));
}

Array layer_norm(const Array& x, const LayerNormOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({options.weight});
  call.groups.push_back({options.bias});
  Put(call, "dims", options.dims);
  Put(call, "eps", options.eps);
  return Call1("layer_norm", std::move(call));
}

Array le(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("le", std::move(call));
}

Array leaky_relu(const Array& x, const LeakyReluOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "slope", options.slope);
  return Call1("leaky_relu", std::move(call));
}

Array leaky_relu_(const Array& x, const LeakyReluInPlaceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "slope", options.slope);
  return Call1("leaky_relu_", std::move(call));
}

Array lerp(const Array& a, const Array& b, const Array& w) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  call.groups.push_back({w});
  return Call1("lerp", std::move(call));
}

Array lerp_(const Array& a, const Array& b, const Array& w) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  call.groups.push_back({w});
  return Call1("lerp_", std::move(call));
}

Array linear(const Array& x, const Array& w, const LinearOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({w});
  call.groups.push_back({options.bias});
  return Call1("linear", std::move(call));
}

Array log(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("log", std::move(call));
}

Array log1p(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("log1p", std::move(call));
}

Array log1p_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("log1p_", std::move(call));
}

Array log2(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("log2", std::move(call));
}

Array log2_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("log2_", std::move(call));
}

Array log_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("log_", std::move(call));
}

Array log_softmax(const Array& x, const LogSoftmaxOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  return Call1("log_softmax", std::move(call));
}

Array logsumexp(const Array& x, const LogsumexpOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("logsumexp", std::move(call));
}

Array lt(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("lt", std::move(call));
}

Array masked_select(const Array& x, const Array& mask) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({mask});
  return Call1("masked_select", std::move(call));
}

Array matmul(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("matmul", std::move(call));
}

Array max(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("max", std::move(call));
}

Array max_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("max_", std::move(call));
}

Array max_pool(const Array& x, const std::vector<int64_t>& kernel, const MaxPoolOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "kernel", kernel);
  Put(call, "stride", options.stride);
  Put(call, "padding", options.padding);
  Put(call, "dilation", options.dilation);
  Put(call, "ceil_mode", options.ceil_mode);
  return Call1("max_pool", std::move(call));
}

Array min(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("min", std::move(call));
}

Array min_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("min_", std::move(call));
}

Array mish(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("mish", std::move(call));
}

Array mish_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("mish_", std::move(call));
}

Array mse_loss(const Array& x, const Array& t, const MseLossOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({t});
  Put(call, "reduction", options.reduction);
  return Call1("mse_loss", std::move(call));
}

Array mul(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("mul", std::move(call));
}

Array mul_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("mul_", std::move(call));
}

Array narrow(const Array& x, const NarrowOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  Put(call, "start", options.start);
  Put(call, "length", options.length);
  return Call1("narrow", std::move(call));
}

Array ne(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("ne", std::move(call));
}

Array neg(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("neg", std::move(call));
}

Array neg_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("neg_", std::move(call));
}

Array nonzero(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("nonzero", std::move(call));
}

Array norm(const Array& x, const NormOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "p", options.p);
  Put(call, "dims", options.dims);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("norm", std::move(call));
}

Array logical_not(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("not", std::move(call));
}

Array logical_not_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("not_", std::move(call));
}

Array one_hot(const Array& x, const SymInt& depth) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "depth", depth);
  return Call1("one_hot", std::move(call));
}

Array logical_or(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("or", std::move(call));
}

Array logical_or_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("or_", std::move(call));
}

Array out_dtype(const Array& a, const Array& b, const std::string& op, DType dtype, const OutDtypeOptions& options) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  Put(call, "op", op);
  Put(call, "dtype", dtype);
  Put(call, "stride", options.stride);
  Put(call, "padding", options.padding);
  Put(call, "dilation", options.dilation);
  Put(call, "groups", options.groups);
  return Call1("out_dtype", std::move(call));
}

Array pad(const Array& x, const PadOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "low", options.low);
  Put(call, "high", options.high);
  Put(call, "mode", options.mode);
  Put(call, "value", options.value);
  return Call1("pad", std::move(call));
}

Array pow(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("pow", std::move(call));
}

Array pow_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("pow_", std::move(call));
}

Array quantize(const Array& x, const Array& scale, const Array& zero_point, DType result_dtype, const QuantizeOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({scale});
  call.groups.push_back({zero_point});
  Put(call, "dim", options.dim);
  Result(call, result_dtype, x);
  return Call1("quantize", std::move(call));
}

Array reciprocal(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("reciprocal", std::move(call));
}

Array reciprocal_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("reciprocal_", std::move(call));
}

Array reduce_all(const Array& x, const ReduceAllOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("reduce_all", std::move(call));
}

Array reduce_any(const Array& x, const ReduceAnyOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("reduce_any", std::move(call));
}

Array reduce_max(const Array& x, const ReduceMaxOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("reduce_max", std::move(call));
}

Array reduce_mean(const Array& x, const ReduceMeanOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("reduce_mean", std::move(call));
}

Array reduce_min(const Array& x, const ReduceMinOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("reduce_min", std::move(call));
}

Array reduce_prod(const Array& x, const ReduceProdOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("reduce_prod", std::move(call));
}

Array reduce_sum(const Array& x, const ReduceSumOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("reduce_sum", std::move(call));
}

Array relu(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("relu", std::move(call));
}

Array relu_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("relu_", std::move(call));
}

Array rem(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("rem", std::move(call));
}

Array rem_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("rem_", std::move(call));
}

Array repeat(const Array& x, const std::vector<SymInt>& repeats) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "repeats", repeats);
  return Call1("repeat", std::move(call));
}

Array reshape(const Array& x, const std::vector<SymInt>& shape) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "shape", shape);
  return Call1("reshape", std::move(call));
}

Array resize_(const Array& x, const std::vector<SymInt>& shape) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "shape", shape);
  return Call1("resize_", std::move(call));
}

Array rms_norm(const Array& x, const RmsNormOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({options.weight});
  Put(call, "dims", options.dims);
  Put(call, "eps", options.eps);
  return Call1("rms_norm", std::move(call));
}

Array rng_bits(const Array& key, const RngBitsOptions& options) {
  OpCall call;
  call.groups.push_back({key});
  Put(call, "shape", options.shape);
  Put(call, "dtype", options.dtype);
  return Call1("rng.bits", std::move(call));
}

Array rng_fold(const Array& key, const Array& i) {
  OpCall call;
  call.groups.push_back({key});
  call.groups.push_back({i});
  return Call1("rng.fold", std::move(call));
}

Array rng_key(const Array& v) {
  OpCall call;
  call.groups.push_back({v});
  return Call1("rng.key", std::move(call));
}

Array rng_normal(const Array& key, const RngNormalOptions& options) {
  OpCall call;
  call.groups.push_back({key});
  Put(call, "shape", options.shape);
  Put(call, "dtype", options.dtype);
  return Call1("rng.normal", std::move(call));
}

Array rng_uniform(const Array& key, const RngUniformOptions& options) {
  OpCall call;
  call.groups.push_back({key});
  Put(call, "shape", options.shape);
  Put(call, "dtype", options.dtype);
  Put(call, "low", options.low);
  Put(call, "high", options.high);
  return Call1("rng.uniform", std::move(call));
}

Array roll(const Array& x, const std::vector<int64_t>& shifts, const RollOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "shifts", shifts);
  Put(call, "dims", options.dims);
  return Call1("roll", std::move(call));
}

Array round(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("round", std::move(call));
}

Array round_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("round_", std::move(call));
}

Array rsqrt(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("rsqrt", std::move(call));
}

Array rsqrt_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("rsqrt_", std::move(call));
}

Array scaled_dot_product_attention(const Array& q, const Array& k, const Array& v, const ScaledDotProductAttentionOptions& options) {
  OpCall call;
  call.groups.push_back({q});
  call.groups.push_back({k});
  call.groups.push_back({v});
  call.groups.push_back({options.mask});
  Put(call, "causal", options.causal);
  Put(call, "scale", options.scale);
  return Call1("scaled_dot_product_attention", std::move(call));
}

Array scatter(const Array& x, const Array& i, const Array& s, const ScatterOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({i});
  call.groups.push_back({s});
  Put(call, "dim", options.dim);
  Put(call, "reduce", options.reduce);
  return Call1("scatter", std::move(call));
}

Array scatter_(const Array& x, const Array& i, const Array& s, const ScatterInPlaceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({i});
  call.groups.push_back({s});
  Put(call, "dim", options.dim);
  Put(call, "reduce", options.reduce);
  return Call1("scatter_", std::move(call));
}

Array select(const Array& p, const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({p});
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("select", std::move(call));
}

Array select_index(const Array& x, const SelectIndexOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  Put(call, "index", options.index);
  return Call1("select_index", std::move(call));
}

Array select_scatter(const Array& x, const Array& s, const SelectScatterOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({s});
  Put(call, "dim", options.dim);
  Put(call, "index", options.index);
  return Call1("select_scatter", std::move(call));
}

Array selu(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("selu", std::move(call));
}

Array selu_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("selu_", std::move(call));
}

Array set_(const Array& x, const Array& s) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({s});
  return Call1("set_", std::move(call));
}

Array shl(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("shl", std::move(call));
}

Array shl_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("shl_", std::move(call));
}

Array shr(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("shr", std::move(call));
}

Array shr_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("shr_", std::move(call));
}

Array sigmoid(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("sigmoid", std::move(call));
}

Array sigmoid_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("sigmoid_", std::move(call));
}

Array sign(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("sign", std::move(call));
}

Array sign_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("sign_", std::move(call));
}

Array silu(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("silu", std::move(call));
}

Array silu_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("silu_", std::move(call));
}

Array sin(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("sin", std::move(call));
}

Array sin_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("sin_", std::move(call));
}

Array sinh(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("sinh", std::move(call));
}

Array sinh_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("sinh_", std::move(call));
}

Array slice(const Array& x, const SliceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  Put(call, "start", options.start);
  Put(call, "end", options.end);
  Put(call, "step", options.step);
  return Call1("slice", std::move(call));
}

Array slice_scatter(const Array& x, const Array& s, const SliceScatterOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  call.groups.push_back({s});
  Put(call, "dim", options.dim);
  Put(call, "start", options.start);
  Put(call, "end", options.end);
  Put(call, "step", options.step);
  return Call1("slice_scatter", std::move(call));
}

Array softmax(const Array& x, const SoftmaxOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  return Call1("softmax", std::move(call));
}

Array softplus(const Array& x, const SoftplusOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "beta", options.beta);
  Put(call, "threshold", options.threshold);
  return Call1("softplus", std::move(call));
}

Array softplus_(const Array& x, const SoftplusInPlaceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "beta", options.beta);
  Put(call, "threshold", options.threshold);
  return Call1("softplus_", std::move(call));
}

std::vector<Array> sort(const Array& x, const SortOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  Put(call, "descending", options.descending);
  return Call("sort", std::move(call));
}

std::vector<Array> split(const Array& x, const std::vector<SymInt>& sizes, const SplitOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "sizes", sizes);
  Put(call, "dim", options.dim);
  return Call("split", std::move(call));
}

Array sqrt(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("sqrt", std::move(call));
}

Array sqrt_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("sqrt_", std::move(call));
}

Array squeeze(const Array& x, const SqueezeOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  return Call1("squeeze", std::move(call));
}

Array squeeze_(const Array& x, const SqueezeInPlaceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  return Call1("squeeze_", std::move(call));
}

Array stack(const std::vector<Array>& xs, const StackOptions& options) {
  OpCall call;
  call.groups.push_back(xs);
  Put(call, "dim", options.dim);
  return Call1("stack", std::move(call));
}

Array sub(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("sub", std::move(call));
}

Array sub_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("sub_", std::move(call));
}

Array tan(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("tan", std::move(call));
}

Array tan_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("tan_", std::move(call));
}

Array tanh(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("tanh", std::move(call));
}

Array tanh_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("tanh_", std::move(call));
}

Array tile(const Array& x, const std::vector<SymInt>& repeats) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "repeats", repeats);
  return Call1("tile", std::move(call));
}

Array to_device(const Array& x, const ToDeviceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "device", options.device);
  return Call1("to_device", std::move(call));
}

std::vector<Array> topk(const Array& x, const TopkOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "k", options.k);
  Put(call, "dim", options.dim);
  Put(call, "largest", options.largest);
  return Call("topk", std::move(call));
}

Array transpose(const Array& x, const TransposeOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  return Call1("transpose", std::move(call));
}

Array transpose_(const Array& x, const TransposeInPlaceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  return Call1("transpose_", std::move(call));
}

Array tril(const Array& x, const TrilOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "diagonal", options.diagonal);
  return Call1("tril", std::move(call));
}

Array triu(const Array& x, const TriuOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "diagonal", options.diagonal);
  return Call1("triu", std::move(call));
}

Array trunc(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("trunc", std::move(call));
}

Array trunc_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("trunc_", std::move(call));
}

Array unfold(const Array& x, const UnfoldOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  Put(call, "size", options.size);
  Put(call, "step", options.step);
  return Call1("unfold", std::move(call));
}

std::vector<Array> unique(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call("unique", std::move(call));
}

Array unsqueeze(const Array& x, const UnsqueezeOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  return Call1("unsqueeze", std::move(call));
}

Array unsqueeze_(const Array& x, const UnsqueezeInPlaceOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dim", options.dim);
  return Call1("unsqueeze_", std::move(call));
}

Array var(const Array& x, const VarOptions& options) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "dims", options.dims);
  Put(call, "correction", options.correction);
  Put(call, "keep_dims", options.keep_dims);
  return Call1("var", std::move(call));
}

Array view(const Array& x, const std::vector<SymInt>& shape) {
  OpCall call;
  call.groups.push_back({x});
  Put(call, "shape", shape);
  return Call1("view", std::move(call));
}

Array logical_xor(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("xor", std::move(call));
}

Array logical_xor_(const Array& a, const Array& b) {
  OpCall call;
  call.groups.push_back({a});
  call.groups.push_back({b});
  return Call1("xor_", std::move(call));
}

Array zero(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("zero", std::move(call));
}

Array zero_(const Array& x) {
  OpCall call;
  call.groups.push_back({x});
  return Call1("zero_", std::move(call));
}

}  // namespace gcomp::ops
