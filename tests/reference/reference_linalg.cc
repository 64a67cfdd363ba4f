// Products of matrices and tensors.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <string>

#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using ir::DType;

void NoteTerms(Tensor& y, const Sum& sum) {
  y.largest_term = std::max(y.largest_term, sum.largest());
}

// a: [.., m, k], b: [.., k, n]; the leading axes broadcast.
StatusOr<Tensor> Product(const Call& call, const Tensor& a, const Tensor& b) {
  const size_t a_rank = a.sizes.size();
  const size_t b_rank = b.sizes.size();
  GCOMP_RETURN_IF_ERROR(call.Require(a_rank >= 2 && b_rank >= 2, "an operand is no matrix"));
  GCOMP_RETURN_IF_ERROR(
      call.Require(a.sizes[a_rank - 1] == b.sizes[b_rank - 2], "the inner sizes differ"));
  const Sizes batches[] = {Sizes(a.sizes.begin(), a.sizes.end() - 2),
                           Sizes(b.sizes.begin(), b.sizes.end() - 2)};
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, BroadcastSizes(call, batches));
  sizes.push_back(a.sizes[a_rank - 2]);
  sizes.push_back(b.sizes[b_rank - 1]);
  Number largest = 0;
  Tensor y = Generate(a.dtype, sizes, [&](const Sizes& index) {
    const size_t rank = index.size();
    Sizes left = index;
    Sizes right = index;
    Sum sum(a.dtype);
    // An index of a has p in place of j, one of b in place of i.
    for (int64_t p = 0; p < a.sizes[a_rank - 1]; ++p) {
      left[rank - 1] = p;
      right[rank - 2] = p;
      sum.AddProduct(AtBroadcast(a, left), AtBroadcast(b, right));
    }
    largest = std::max(largest, sum.largest());
    return sum.Result();
  });
  y.largest_term = largest;
  return y;
}

StatusOr<Tensors> MatMul(const Call& call) {
  GCOMP_ASSIGN_OR_RETURN(Tensor y, Product(call, call.operand(0), call.operand(1)));
  return One(std::move(y));
}

// beta * m + alpha * (a @ b); with beta = 0, m is not read.
StatusOr<Tensors> AddMm(const Call& call) {
  const Tensor& m = call.operand(0);
  GCOMP_ASSIGN_OR_RETURN(Tensor y, Product(call, call.operand(1), call.operand(2)));
  const Number beta = call.attrs.Float("beta", 1);
  const Number alpha = call.attrs.Float("alpha", 1);
  const Sizes both[] = {m.sizes, y.sizes};
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, BroadcastSizes(call, both));
  GCOMP_RETURN_IF_ERROR(call.Require(sizes == y.sizes, "m does not broadcast to a @ b"));
  const Tensor product = y;
  y.largest_term *= std::fabs(alpha);
  ForEach(sizes, [&](const Sizes& index) {
    Sum sum(y.dtype);
    sum.AddProduct(alpha, At(product, index));
    if (beta != 0) sum.AddProduct(beta, AtBroadcast(m, index));
    y.data[Position(sizes, index)] = sum.Result();
    NoteTerms(y, sum);
  });
  return One(std::move(y));
}

// x: [.., k], w: [n, k], bias: [n].
StatusOr<Tensors> Linear(const Call& call) {
  const Tensor& x = call.operand(0);
  const Tensor& w = call.operand(1);
  const Tensor* bias = call.Find("bias");
  GCOMP_RETURN_IF_ERROR(
      call.Require(!x.sizes.empty() && w.sizes.size() == 2 && x.sizes.back() == w.sizes[1],
                   "x [.., k] and w [n, k] do not agree"));
  Sizes sizes = x.sizes;
  sizes.back() = w.sizes[0];
  Number largest = 0;
  Tensor y = Generate(x.dtype, sizes, [&](const Sizes& index) {
    Sum sum(x.dtype);
    Sizes at = index;
    for (int64_t p = 0; p < w.sizes[1]; ++p) {
      at.back() = p;
      sum.AddProduct(At(x, at), At(w, {index.back(), p}));
    }
    if (bias != nullptr) sum.Add(AtBroadcast(*bias, {index.back()}));
    largest = std::max(largest, sum.largest());
    return sum.Result();
  });
  y.largest_term = largest;
  return One(std::move(y));
}

// ---- einsum -------------------------------------------------------------------------------------

// One operand's subscripts, a label per axis. Axes under `...` get labels that are no letters,
// numbered from the last one.
using Labels = std::vector<int>;

constexpr int kEllipsis = 256;  // + distance from the last axis under it

StatusOr<Labels> ParseLabels(const Call& call, std::string_view text, int ellipsis_axes) {
  Labels labels;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.') {
      GCOMP_RETURN_IF_ERROR(call.Require(text.substr(i, 3) == "..." && ellipsis_axes >= 0,
                                         "the ellipsis does not fit"));
      for (int axis = ellipsis_axes; axis-- > 0;) labels.push_back(kEllipsis + axis);
      i += 2;
    } else {
      labels.push_back(text[i]);
    }
  }
  return labels;
}

struct Einsum {
  std::vector<Labels> inputs;
  Labels output;
  std::map<int, int64_t> sizes;
};

int LettersIn(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return c != '.'; }));
}

// Letters that stand once, in alphabetical order, behind the axes of the ellipsis.
std::string ImplicitOutput(std::string_view inputs) {
  std::string output = inputs.find('.') == std::string_view::npos ? "" : "...";
  for (int c = 'A'; c <= 'z'; ++c) {
    if (std::isalpha(c) != 0 && std::count(inputs.begin(), inputs.end(), c) == 1) {
      output += static_cast<char>(c);
    }
  }
  return output;
}

StatusOr<Einsum> ParseEinsum(const Call& call) {
  std::string text = call.attrs.String("equation", "");
  std::erase(text, ' ');
  const size_t arrow = text.find("->");
  std::string inputs = text.substr(0, arrow);
  const std::string output =
      arrow == std::string::npos ? ImplicitOutput(inputs) : text.substr(arrow + 2);
  Einsum einsum;
  int most = 0;  // axes under the widest ellipsis
  inputs += ',';
  for (size_t at = 0; at < inputs.size();) {
    const size_t comma = inputs.find(',', at);
    const std::string subscripts = inputs.substr(at, comma - at);
    const size_t operand = einsum.inputs.size();
    at = comma + 1;
    GCOMP_RETURN_IF_ERROR(call.Require(operand < call.operands.size(), "operands are missing"));
    const Sizes& sizes = call.operand(operand).sizes;
    const int under = static_cast<int>(sizes.size()) - LettersIn(subscripts);
    GCOMP_ASSIGN_OR_RETURN(Labels labels, ParseLabels(call, subscripts, under));
    GCOMP_RETURN_IF_ERROR(
        call.Require(labels.size() == sizes.size(), "an operand has another rank"));
    if (subscripts.find('.') != std::string::npos) most = std::max(most, under);
    for (size_t d = 0; d < sizes.size(); ++d) {
      int64_t& size = einsum.sizes.try_emplace(labels[d], 1).first->second;
      GCOMP_RETURN_IF_ERROR(
          call.Require(size == 1 || sizes[d] == 1 || size == sizes[d], "one label has two sizes"));
      if (size == 1) size = sizes[d];
    }
    einsum.inputs.push_back(std::move(labels));
  }
  GCOMP_RETURN_IF_ERROR(
      call.Require(einsum.inputs.size() == call.operands.size(), "too many operands"));
  GCOMP_ASSIGN_OR_RETURN(einsum.output, ParseLabels(call, output, most));
  for (int label : einsum.output) {
    GCOMP_RETURN_IF_ERROR(call.Require(einsum.sizes.contains(label), "an unknown output label"));
  }
  return einsum;
}

// For each index of the output, the sum over all other labels of the product of the operands.
StatusOr<Tensors> EinsumOp(const Call& call) {
  GCOMP_ASSIGN_OR_RETURN(const Einsum einsum, ParseEinsum(call));
  Labels summed;
  Sizes summed_sizes;
  for (auto [label, size] : einsum.sizes) {
    if (std::count(einsum.output.begin(), einsum.output.end(), label) != 0) continue;
    summed.push_back(label);
    summed_sizes.push_back(size);
  }
  Sizes sizes;
  for (int label : einsum.output) sizes.push_back(einsum.sizes.at(label));
  const DType dtype = call.operand(0).dtype;
  const auto product_at = [&](const std::map<int, int64_t>& values) {
    Number product = 1;
    for (size_t i = 0; i < call.operands.size(); ++i) {
      Sizes at;
      for (size_t d = 0; d < einsum.inputs[i].size(); ++d) {
        const bool stretched = call.operand(i).sizes[d] == 1;
        at.push_back(stretched ? 0 : values.at(einsum.inputs[i][d]));
      }
      const Number factor = At(call.operand(i), at);
      product =
          ir::IsFloat(dtype) ? product * factor : Wrapped(dtype, WideOf(product) * WideOf(factor));
    }
    return product;
  };
  Number largest = 0;
  Tensor y = Generate(dtype, sizes, [&](const Sizes& outer) {
    std::map<int, int64_t> values;
    for (size_t d = 0; d < outer.size(); ++d) values[einsum.output[d]] = outer[d];
    Sum sum(dtype);
    ForEach(summed_sizes, [&](const Sizes& inner) {
      for (size_t d = 0; d < inner.size(); ++d) values[summed[d]] = inner[d];
      sum.Add(product_at(values));
    });
    largest = std::max(largest, sum.largest());
    return sum.Result();
  });
  y.largest_term = largest;
  return One(std::move(y));
}

constexpr OpEntry kOps[] = {
    {"matmul", MatMul}, {"bmm", MatMul}, {"addmm", AddMm}, {"linear", Linear}, {"einsum", EinsumOp},
};

}  // namespace

std::span<const OpEntry> LinalgOps() {
  return kOps;
}

}  // namespace gcomp::reference
