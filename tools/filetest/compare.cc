#include "tools/filetest/compare.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/format.h"
#include "ir/scalar_value.h"

namespace gcomp::filetest {
namespace {

using ir::Scalar;

Scalar Element(const Tensor& tensor, int64_t i) {
  const auto* data = static_cast<const char*>(tensor.data());
  return Scalar::Load(tensor.dtype(), data + i * ir::BytesOf(tensor.dtype()));
}

bool IsNan(const Scalar& scalar) {
  return ir::IsFloat(scalar.dtype) && std::isnan(scalar.ToDouble());
}

// Floats in order as integers: neighbours differ by one, -0 and +0 are equal.
int64_t Step(const Scalar& scalar) {
  int bits = ir::BitsOf(scalar.dtype);
  uint64_t sign = uint64_t{1} << (bits - 1);
  auto magnitude = static_cast<int64_t>(scalar.bits & (sign - 1));
  return scalar.bits & sign ? -magnitude : magnitude;
}

// Steps between two floats, as a double: what is far apart need not be exact.
double UlpDistance(const Scalar& a, const Scalar& b) {
  int64_t low = std::min(Step(a), Step(b));
  int64_t high = std::max(Step(a), Step(b));
  return static_cast<double>(static_cast<uint64_t>(high) - static_cast<uint64_t>(low));
}

bool Passes(const Scalar& got, const Scalar& expected, const Bound& bound) {
  if (got == expected || (IsNan(got) && IsNan(expected))) return true;
  if (!ir::IsFloat(got.dtype)) {
    double difference = std::fabs(got.ToDouble() - expected.ToDouble());
    return difference != 0 && difference <= bound.atol;
  }
  double g = got.ToDouble();
  double e = expected.ToDouble();
  if (!std::isfinite(g) || !std::isfinite(e)) return false;
  double limit = bound.atol + bound.rtol * std::fabs(e) + bound.rscale * bound.scale;
  if (limit > 0 && std::fabs(g - e) <= limit) return true;
  // The expected value is itself rounded: half a step more.
  return bound.ulp > 0 && UlpDistance(got, expected) <= std::floor(bound.ulp + 0.5);
}

std::string IndexOf(const Tensor& tensor, int64_t flat) {
  std::string text;
  std::vector<int64_t> index(tensor.sizes().size());
  for (size_t d = index.size(); d-- > 0;) {
    index[d] = flat % tensor.sizes()[d];
    flat /= tensor.sizes()[d];
  }
  for (int64_t i : index) text += Format("{}{}", text.empty() ? "" : ", ", i);
  return Format("[{}]", text);
}

}  // namespace

std::string FirstMismatch(const Tensor& got, const Tensor& expected, const Bound& bound) {
  if (got.dtype() != expected.dtype() || got.sizes() != expected.sizes()) {
    return Format("got {}, expected {}", got.TypeString(), expected.TypeString());
  }
  int64_t wrong = 0;
  int64_t first = 0;
  int64_t n = got.NumElements();
  for (int64_t i = 0; i < n; ++i) {
    if (Passes(Element(got, i), Element(expected, i), bound)) continue;
    if (wrong++ == 0) first = i;
  }
  if (wrong == 0) return {};
  Scalar g = Element(got, first);
  Scalar e = Element(expected, first);
  std::string distance;
  if (ir::IsFloat(g.dtype) && std::isfinite(g.ToDouble()) && std::isfinite(e.ToDouble())) {
    distance = Format(" ({} ulp, {:.3g} apart)", UlpDistance(g, e),
                      std::fabs(g.ToDouble() - e.ToDouble()));
  }
  return Format("{} of {} elements differ, first at {}: got {}, expected {}{}", wrong, n,
                IndexOf(got, first), g.ToString(), e.ToString(), distance);
}

double LargestMagnitude(const Tensor& tensor) {
  double largest = 0;
  for (int64_t i = 0; i < tensor.NumElements(); ++i) {
    double magnitude = std::fabs(Element(tensor, i).ToDouble());
    if (std::isfinite(magnitude)) largest = std::max(largest, magnitude);
  }
  return largest;
}

}  // namespace gcomp::filetest
